//! Billing schedules (facts: paygentic-behaviour §2.13, §4). Periods and amounts are worked out by hand.

use serde_json::{Value, json};

use super::orders::order;
use crate::support::{Api, MERCHANT, api, text, texts};

const UNPRICED: Value = Value::Null;

/// `2028-01-31` at midnight.
fn day(date: &str) -> Value {
    json!(format!("{date}T00:00:00Z"))
}

/// A schedule from `start` to `end` with its anchor at the start, with fields of your own.
fn schedule(api: &Api, order: &Value, (start, end): (&str, &str), more: Value) -> Value {
    api.create("/v0/billingSchedules", &wanted(order, (start, end), more))
}

fn wanted(order: &Value, (start, end): (&str, &str), more: Value) -> Value {
    let mut wanted = json!({
        "orderId": order["id"], "startDate": day(start), "endDate": day(end), "billingAnchor": day(start),
    });
    for (field, value) in more.as_object().unwrap() {
        wanted[field] = value.clone();
    }
    wanted
}

/// One unit at a price a cadence, with fields of your own.
fn interval(price: Value, cadence: &str, (start, end): (&str, &str), more: Value) -> Value {
    let mut interval = json!({
        "baseQuantity": "1", "billingCadence": cadence, "startDate": day(start), "endDate": day(end),
        "unitPrice": price, "description": "Seats",
    });
    for (field, value) in more.as_object().unwrap() {
        interval[field] = value.clone();
    }
    interval
}

fn path(schedule: &Value) -> String {
    format!("/v0/billingSchedules/{}", text(schedule, "id"))
}

fn put(api: &Api, schedule: &Value, intervals: Value) -> Vec<Value> {
    let body = json!({ "intervals": intervals });
    let answer = api.send("PUT", &format!("{}/intervals", path(schedule)), &body).expect(200);
    answer["data"].as_array().unwrap().clone()
}

/// Stages the invoices and says of each, oldest first: period, amount, due date.
fn staged(api: &Api, schedule: &Value) -> Vec<String> {
    let path = format!("{}/invoices", path(schedule));
    let answer = api.post(&path, &Value::Null).expect(201);
    assert_eq!(api.get(&path), answer);
    let rows = answer["data"].as_array().unwrap();
    assert_eq!(answer["pagination"], json!({ "limit": rows.len(), "offset": 0, "total": rows.len() }));
    let date = |row: &Value, field: &str| text(row, field).strip_suffix("T00:00:00Z").unwrap().to_owned();
    let line = |row: &Value| {
        let [start, end, due] = ["periodStart", "periodEnd", "dueDate"].map(|field| date(row, field));
        format!("{start}..{end} {} {due}", text(row, "amount"))
    };
    rows.iter().rev().map(line).collect()
}

/// Description, quantity and subtotal of the lines of a staged invoice, of all of them from the oldest.
fn lines(api: &Api, schedule: &Value, invoice: usize) -> Vec<String> {
    let answer = api.get(&format!("{}/invoices", path(schedule)));
    let rows = answer["data"].as_array().unwrap();
    let lines = rows[rows.len() - 1 - invoice]["lineItems"].as_array().unwrap();
    let told = |line: &Value| ["description", "quantity", "subtotal"].map(|field| text(line, field)).join(" | ");
    lines.iter().map(told).collect()
}

/// What a schedule of these terms stages for one interval over all of it.
fn vector(price: &str, cadence: &str, span: (&str, &str), mut terms: Value, more: Value) -> Vec<String> {
    let api = api();
    terms["paymentTermDays"] = json!(0);
    let schedule = schedule(&api, &order(&api, "1", &[]), span, terms);
    put(&api, &schedule, json!([interval(json!(price), cadence, span, more)]));
    staged(&api, &schedule)
}

#[test]
fn month_ends_clamp_and_come_back() {
    let span = ("2028-01-31", "2028-05-31");
    let terms = json!({ "paymentTermDays": 30 });
    for (mode, expected) in [
        (
            "advance",
            [
                "2028-01-31..2028-02-29 10.00 2028-03-01",
                "2028-02-29..2028-03-31 10.00 2028-03-30",
                "2028-03-31..2028-04-30 10.00 2028-04-30",
                "2028-04-30..2028-05-31 10.00 2028-05-30",
            ],
        ),
        (
            "arrears",
            [
                "2028-01-31..2028-02-29 10.00 2028-03-30",
                "2028-02-29..2028-03-31 10.00 2028-04-30",
                "2028-03-31..2028-04-30 10.00 2028-05-30",
                "2028-04-30..2028-05-31 10.00 2028-06-30",
            ],
        ),
    ] {
        let api = api();
        let schedule = schedule(&api, &order(&api, "1", &[]), span, terms.clone());
        put(&api, &schedule, json!([interval(json!("10"), "P1M", span, json!({ "billingMode": mode }))]));
        assert_eq!(staged(&api, &schedule), expected, "{mode}");
    }
}

#[test]
fn a_leap_day_is_a_yearly_anchor() {
    let staged = vector("365", "P1Y", ("2028-02-29", "2032-02-29"), json!({ "periodPreset": "P1Y" }), json!({}));
    let expected = [
        "2028-02-29..2029-02-28 365.00 2028-02-29",
        "2029-02-28..2030-02-28 365.00 2029-02-28",
        "2030-02-28..2031-02-28 365.00 2030-02-28",
        "2031-02-28..2032-02-29 365.00 2031-02-28",
    ];
    assert_eq!(staged, expected);
}

#[test]
fn stubs_cost_their_days_or_everything() {
    // 10 of the 29 days of a leap February, all of March, 10 of 30 days of April.
    let span = ("2028-02-20", "2028-04-11");
    let anchor = day("2028-02-01");
    let daily = json!({ "billingAnchor": anchor, "prorationPolicy": "daily" });
    let expected = [
        "2028-02-20..2028-03-01 100.00 2028-02-20",
        "2028-03-01..2028-04-01 290.00 2028-03-01",
        "2028-04-01..2028-04-11 96.67 2028-04-01",
    ];
    assert_eq!(vector("290", "P1M", span, daily, json!({})), expected);
    let expected = [
        "2028-02-20..2028-03-01 290.00 2028-02-20",
        "2028-03-01..2028-04-01 290.00 2028-03-01",
        "2028-04-01..2028-04-11 290.00 2028-04-01",
    ];
    assert_eq!(vector("290", "P1M", span, json!({ "billingAnchor": anchor }), json!({})), expected);
    // 14 of 28.
    let terms = json!({ "billingAnchor": day("2027-02-01"), "prorationPolicy": "daily" });
    let expected = ["2027-02-15..2027-03-01 140.00 2027-02-15"];
    assert_eq!(vector("280", "P1M", ("2027-02-15", "2027-03-01"), terms, json!({})), expected);
}

#[test]
fn calendar_periods_begin_on_quarters_and_half_years() {
    // 46 of 91 days, 91 of 91, 62 of 92.
    let terms = json!({ "alignmentPolicy": "calendar", "prorationPolicy": "daily", "periodPreset": "P3M" });
    let expected = [
        "2028-02-15..2028-04-01 460.00 2028-02-15",
        "2028-04-01..2028-07-01 910.00 2028-04-01",
        "2028-07-01..2028-09-01 613.26 2028-07-01",
    ];
    assert_eq!(vector("910", "P3M", ("2028-02-15", "2028-09-01"), terms, json!({})), expected);
    let terms = json!({ "alignmentPolicy": "calendar", "periodPreset": "P6M" });
    let expected = [
        "2028-03-10..2028-07-01 6.00 2028-03-10",
        "2028-07-01..2029-01-01 6.00 2028-07-01",
        "2029-01-01..2029-02-01 6.00 2029-01-01",
    ];
    assert_eq!(vector("6", "P6M", ("2028-03-10", "2029-02-01"), terms, json!({})), expected);
}

#[test]
fn coterm_periods_end_with_the_schedule_and_the_stub_comes_first() {
    // 15 of the 31 days from 30 December; February has no 30th.
    let span = ("2028-01-15", "2028-04-30");
    let api = api();
    let terms = json!({ "alignmentPolicy": "coterm", "prorationPolicy": "daily", "paymentTermDays": 0 });
    let schedule = schedule(&api, &order(&api, "1", &[]), span, terms);
    let early = interval(json!("310"), "P1M", span, json!({}));
    put(&api, &schedule, json!([early]));
    let expected = [
        "2028-01-15..2028-01-30 150.00 2028-01-15",
        "2028-01-30..2028-02-29 310.00 2028-01-30",
        "2028-02-29..2028-03-30 310.00 2028-02-29",
        "2028-03-30..2028-04-30 310.00 2028-03-30",
    ];
    assert_eq!(staged(&api, &schedule), expected);
    // What comes in later ends with the rest: 20 of the 30 days from 29 February, billed when it begins.
    let late = interval(json!("30"), "P1M", ("2028-03-10", "2028-04-30"), json!({}));
    put(&api, &schedule, json!([early, late]));
    let expected = [
        "2028-01-15..2028-01-30 150.00 2028-01-15",
        "2028-01-30..2028-02-29 310.00 2028-01-30",
        "2028-02-29..2028-03-30 310.00 2028-02-29",
        "2028-02-29..2028-03-30 20.00 2028-03-10",
        "2028-03-30..2028-04-30 340.00 2028-03-30",
    ];
    assert_eq!(staged(&api, &schedule), expected);
    assert_eq!(lines(&api, &schedule, 3), ["Seats (20 of 30 days) | 1 | 20.00"]);
}

#[test]
fn periods_collect_what_is_charged_more_often() {
    let span = ("2028-01-31", "2028-07-31");
    let quarters = ["2028-01-31..2028-04-30 30.00 2028-01-31", "2028-04-30..2028-07-31 30.00 2028-04-30"];
    assert_eq!(vector("10", "P1M", span, json!({ "periodPreset": "P3M" }), json!({})), quarters);
    let single = json!({ "periodPreset": "single" });
    assert_eq!(vector("10", "P1M", span, single.clone(), json!({})), ["2028-01-31..2028-07-31 60.00 2028-01-31"]);
    let arrears = json!({ "billingMode": "arrears" });
    assert_eq!(vector("10", "P1M", span, single, arrears.clone()), ["2028-01-31..2028-07-31 60.00 2028-07-31"]);
    let windows = json!([
        { "startDate": day("2028-01-31"), "endDate": day("2028-03-15") },
        { "startDate": day("2028-03-15"), "endDate": day("2028-07-31") },
    ]);
    let custom = json!({ "periodPreset": "custom", "customPeriodWindows": windows });
    // In advance: charges of 31 January and 29 February; in arrears: only the one that ends on 29 February.
    let expected = ["2028-01-31..2028-03-15 20.00 2028-01-31", "2028-03-15..2028-07-31 40.00 2028-03-15"];
    assert_eq!(vector("10", "P1M", span, custom.clone(), json!({})), expected);
    let expected = ["2028-01-31..2028-03-15 10.00 2028-03-15", "2028-03-15..2028-07-31 50.00 2028-07-31"];
    assert_eq!(vector("10", "P1M", span, custom, arrears), expected);
}

#[test]
fn what_is_charged_less_often_than_a_period_falls_into_some_of_them() {
    let expected = ["2028-02-01..2028-03-01 30.00 2028-02-01", "2028-05-01..2028-06-01 30.00 2028-05-01"];
    assert_eq!(vector("30", "P3M", ("2028-02-01", "2028-08-01"), json!({}), json!({})), expected);
    let arrears = json!({ "billingMode": "arrears" });
    let expected = ["2028-04-01..2028-05-01 30.00 2028-05-01", "2028-07-01..2028-08-01 30.00 2028-08-01"];
    assert_eq!(vector("30", "P3M", ("2028-02-01", "2028-08-01"), json!({}), arrears), expected);
}

#[test]
fn quantities_change_by_the_day_or_with_the_next_window() {
    let span = ("2028-04-01", "2028-06-01");
    let changes = |dates: &[(&str, &str)]| {
        let change = |(date, quantity): &(&str, &str)| json!({ "effectiveDate": day(date), "quantity": quantity });
        json!({ "baseQuantity": "10", "quantityTransitions": dates.iter().map(change).collect::<Vec<_>>() })
    };
    let api = api();
    let order = order(&api, "1", &[]);
    let daily = schedule(&api, &order, span, json!({ "prorationPolicy": "daily" }));
    // April: 10 seats for 10 days and 16 for 20 cost 3.33… and 10.66…: 14.00 together.
    put(&api, &daily, json!([interval(json!("1"), "P1M", span, changes(&[("2028-04-11", "16")]))]));
    let expected = ["2028-04-01..2028-05-01 14.00 2028-04-01", "2028-05-01..2028-06-01 16.00 2028-05-01"];
    assert_eq!(staged(&api, &daily), expected);
    let expected = ["Seats (10 of 30 days) | 10 | 3.33", "Seats (20 of 30 days) | 16 | 10.67"];
    assert_eq!(lines(&api, &daily, 0), expected);
    // Three thirds of 100 are 100.
    let thirds = changes(&[("2028-04-11", "10"), ("2028-04-21", "10")]);
    put(&api, &daily, json!([interval(json!("10"), "P1M", span, thirds)]));
    staged(&api, &daily);
    let third = |amount: &str| format!("Seats (10 of 30 days) | 10 | {amount}");
    assert_eq!(lines(&api, &daily, 0), [third("33.34"), third("33.33"), third("33.33")]);

    let whole = schedule(&api, &order, span, json!({}));
    put(&api, &whole, json!([interval(json!("1"), "P1M", span, changes(&[("2028-04-11", "16")]))]));
    let expected = ["2028-04-01..2028-05-01 10.00 2028-04-01", "2028-05-01..2028-06-01 16.00 2028-05-01"];
    assert_eq!(staged(&api, &whole), expected);
    assert_eq!(lines(&api, &whole, 0), ["Seats | 10 | 10.00"]);
}

#[test]
fn the_total_of_a_line_is_spread_to_the_cent() {
    let api = api();
    let order = order(&api, "1300", &["1000", "300"]);
    let [thousand, rest] = [0, 1].map(|n| json!({ "orderLineItemId": order["lineItems"][n]["id"] }));
    // Twelve months of 1000: 83.33 and a third; four cents are left.
    let span = ("2028-01-31", "2029-01-31");
    let year = schedule(&api, &order, span, json!({}));
    put(&api, &year, json!([interval(UNPRICED, "P1M", span, thousand.clone())]));
    let amounts = |schedule: &Value| -> Vec<String> {
        staged(&api, schedule).iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    let expected: Vec<&str> = [vec!["83.34"; 4], vec!["83.33"; 8]].concat();
    assert_eq!(amounts(&year), expected);
    // Two intervals of one line share its total: six months of one seat and six of two, 1000 over 18.
    let [first, second] = [("2028-01-31", "2028-07-31"), ("2028-07-31", "2029-01-31")];
    let mut doubled = thousand.clone();
    doubled["baseQuantity"] = json!("2");
    put(&api, &year, json!([interval(UNPRICED, "P1M", first, thousand), interval(UNPRICED, "P1M", second, doubled)]));
    let expected: Vec<&str> = [vec!["55.56"; 4], vec!["55.55"; 2], vec!["111.11"; 6]].concat();
    assert_eq!(amounts(&year), expected);
    // 17 of 31 days, two months, 14 of 30 days: 300 × 255, 465, 465 and 217 of 1402.
    let span = ("2028-01-15", "2028-04-15");
    let terms = json!({ "billingAnchor": day("2028-01-01"), "prorationPolicy": "daily" });
    let stubs = schedule(&api, &order, span, terms);
    put(&api, &stubs, json!([interval(UNPRICED, "P1M", span, rest)]));
    assert_eq!(amounts(&stubs), ["54.57", "99.50", "99.50", "46.43"]);
}

#[test]
fn yen_have_no_cents() {
    let api = api();
    let customer = api.customer("jo@example.com");
    let order = api.create(
        "/v0/orders",
        &json!({
            "customerId": customer, "currency": "JPY", "totalAmount": "100", "termStartDate": day("2028-01-01"),
            "termEndDate": day("2028-04-01"), "lineItems": [super::orders::line("100")],
        }),
    );
    let span = ("2028-01-01", "2028-04-01");
    let schedule = schedule(&api, &order, span, json!({}));
    let line = json!({ "orderLineItemId": order["lineItems"][0]["id"] });
    put(&api, &schedule, json!([interval(UNPRICED, "P1M", span, line)]));
    let expected = [
        "2028-01-01..2028-02-01 34 2028-01-01",
        "2028-02-01..2028-03-01 33 2028-02-01",
        "2028-03-01..2028-04-01 33 2028-03-01",
    ];
    assert_eq!(staged(&api, &schedule), expected);
}

#[test]
fn what_is_billed_once_has_its_own_day() {
    let api = api();
    let order = order(&api, "1", &[]);
    let span = ("2028-02-01", "2028-04-01");
    let schedule = schedule(&api, &order, span, json!({ "prorationPolicy": "daily" }));
    let once = |description: &str, at: &str| {
        let more = json!({ "billDate": day(at), "description": description });
        interval(json!("99.999"), "one_off", ("2028-02-01", "2028-04-01"), more)
    };
    let monthly = interval(json!("10"), "P1M", span, json!({}));
    let late = interval(json!("5"), "P1M", span, json!({ "billingMode": "arrears", "description": "Usage" }));
    put(&api, &schedule, json!([once("Setup", "2028-02-01"), monthly, once("Training", "2028-02-20"), late]));
    let expected = [
        "2028-02-01..2028-03-01 110.00 2028-02-01",
        "2028-02-01..2028-03-01 100.00 2028-02-20",
        "2028-02-01..2028-03-01 5.00 2028-03-01",
        "2028-03-01..2028-04-01 10.00 2028-03-01",
        "2028-03-01..2028-04-01 5.00 2028-04-01",
    ];
    assert_eq!(staged(&api, &schedule), expected);
    assert_eq!(lines(&api, &schedule, 0), ["Setup | 1 | 100.00", "Seats | 1 | 10.00"]);
}

#[test]
fn prices_and_lines_say_what_an_interval_leaves_out() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "12.50", "P1M", "in_advance", json!({ "invoiceDisplayName": "Support" }));
    let mut line = super::orders::line("24");
    line["description"] = json!("Licence");
    line["unitPrice"] = json!("12");
    let order = order(&api, "0", &[]);
    let line = api.create(&format!("/v0/orders/{}/lineItems", text(&order, "id")), &line);
    let span = ("2028-02-01", "2028-04-01");
    let schedule = schedule(&api, &order, span, json!({}));
    let of_price = json!({ "priceId": price, "description": null, "baseQuantity": "2" });
    let of_line = json!({ "orderLineItemId": line["id"], "description": null });
    let made = put(
        &api,
        &schedule,
        json!([
            interval(UNPRICED, "P1M", span, of_price),
            interval(UNPRICED, "P1M", span, of_line),
            interval(json!("1"), "P1M", span, json!({ "description": null })),
        ]),
    );
    staged(&api, &schedule);
    assert_eq!(lines(&api, &schedule, 0), ["Support | 2 | 25.00", "Licence | 1 | 12.00", "Charge | 1 | 1.00"]);
    let newest = &api.get(&format!("{}/invoices", path(&schedule)))["data"][0];
    let items = newest["lineItems"].as_array().unwrap();
    assert_eq!(texts(items, "unitPrice"), ["12.50", "12", "1"]);
    assert_eq!(texts(items, "lineKey"), texts(&made, "id"));
    assert_eq!((&newest["object"], &newest["status"]), (&json!("schedule_invoice"), &json!("staged")));
    assert_eq!((&newest["orderId"], &newest["billingScheduleId"]), (&order["id"], &schedule["id"]));
    assert_eq!(newest["merchantId"], MERCHANT);

    // What was agreed stays, whatever becomes of the price.
    api.patch(&format!("/v0/prices/{price}"), &json!({ "properties": { "unitPrice": "99" } })).expect(200);
    assert_eq!(api.delete(&format!("/v0/prices/{price}")).status, 204);
    staged(&api, &schedule);
    assert_eq!(lines(&api, &schedule, 0)[0], "Support | 2 | 25.00");
    assert_eq!(api.get(&format!("{}/intervals", path(&schedule)))["data"][0]["priceId"], price.as_str());
}

#[test]
fn staging_again_is_the_same_again() {
    let api = api();
    api.freeze("2028-01-01T00:00:00Z");
    let span = ("2028-02-01", "2028-04-01");
    let order = order(&api, "1", &[]);
    let schedule = schedule(&api, &order, span, json!({}));
    let monthly = |price: &str| json!([interval(json!(price), "P1M", span, json!({}))]);
    put(&api, &schedule, monthly("10"));
    let invoices = format!("{}/invoices", path(&schedule));
    let first = api.post(&invoices, &Value::Null).expect(201);
    api.world_advance_to("2028-01-02T00:00:00Z");
    assert_eq!(api.post(&invoices, &Value::Null).expect(201), first);

    // Another price: the same invoices say something else. A shorter schedule: one of them goes.
    put(&api, &schedule, monthly("11"));
    assert_eq!(api.get(&invoices), first, "what is staged stands until it is staged anew");
    let second = api.post(&invoices, &Value::Null).expect(201)["data"].as_array().unwrap().clone();
    let first = first["data"].as_array().unwrap().clone();
    assert_eq!(texts(&second, "id"), texts(&first, "id"));
    assert_eq!(texts(&second, "createdAt"), texts(&first, "createdAt"));
    assert_eq!(texts(&second, "updatedAt"), ["2028-01-02T00:00:00Z"; 2]);
    put(&api, &schedule, json!([interval(json!("11"), "P1M", ("2028-02-01", "2028-03-01"), json!({}))]));
    assert_eq!(staged(&api, &schedule), ["2028-02-01..2028-03-01 11.00 2028-02-01"]);

    // The term of payment is the order's where the schedule has none.
    api.patch(&format!("/v0/orders/{}", text(&order, "id")), &json!({ "defaultPaymentTermDays": 10 })).expect(200);
    assert_eq!(staged(&api, &schedule), ["2028-02-01..2028-03-01 11.00 2028-02-11"]);
    api.patch(&path(&schedule), &json!({ "paymentTermDays": 20 })).expect(200);
    assert_eq!(staged(&api, &schedule), ["2028-02-01..2028-03-01 11.00 2028-02-21"]);
}

#[test]
fn a_schedule_is_read_as_it_was_made_and_changed() {
    let api = api();
    api.freeze("2028-01-15T00:00:00Z");
    let order = order(&api, "1", &[]);
    let made = schedule(&api, &order, ("2028-02-01", "2029-02-01"), json!({}));
    let expected = json!({
        "object": "billing_schedule", "id": made["id"], "merchantId": MERCHANT, "orderId": order["id"],
        "subscriptionId": null, "status": "draft", "startDate": day("2028-02-01"), "endDate": day("2029-02-01"),
        "billingAnchor": day("2028-02-01"), "alignmentPolicy": "anchor", "prorationPolicy": "none",
        "periodPreset": "P1M", "customPeriodWindows": [], "paymentTermDays": null, "metadata": {},
        "createdAt": day("2028-01-15"), "updatedAt": day("2028-01-15"), "deletedAt": null,
    });
    assert_eq!(made, expected);
    assert_eq!(api.get(&path(&made)), made);

    let windows = json!([{ "startDate": day("2028-03-01"), "endDate": day("2028-09-01") }]);
    let change = json!({
        "startDate": day("2028-03-01"), "endDate": day("2028-09-01"), "billingAnchor": day("2028-03-15"),
        "alignmentPolicy": "calendar", "prorationPolicy": "daily", "periodPreset": "custom",
        "customPeriodWindows": windows, "paymentTermDays": 30, "metadata": { "po": "7" }, "status": "active",
    });
    let mut changed = api.patch(&path(&made), &change).expect(200);
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{field}");
    }
    changed = api.patch(&path(&made), &json!({ "paymentTermDays": null, "periodPreset": "P6M" })).expect(200);
    assert_eq!((&changed["paymentTermDays"], &changed["customPeriodWindows"]), (&Value::Null, &json!([])));
    assert_eq!((&changed["metadata"], &changed["status"]), (&json!({ "po": "7" }), &json!("active")));

    let shown = &api.get(&format!("/v0/orders/{}", text(&order, "id")))["billingSchedules"][0];
    for field in ["id", "status", "endDate", "periodPreset", "metadata"] {
        assert_eq!(shown[field], changed[field], "{field}");
    }
    assert_eq!(shown.get("customPeriodWindows"), None);
}

#[test]
fn lists_filter_by_order() {
    let api = api();
    let (one, other) = (order(&api, "1", &[]), order(&api, "1", &[]));
    let span = ("2028-02-01", "2029-02-01");
    let made: Vec<Value> = (0..12).map(|_| schedule(&api, &one, span, json!({}))).collect();
    let last = schedule(&api, &other, span, json!({}));
    let list = api.get(&format!("/v0/billingSchedules?orderId={}", text(&one, "id")));
    assert_eq!(list["pagination"], json!({ "limit": 12, "offset": 0, "total": 12 }));
    assert_eq!((&list["object"], &list["data"]), (&json!("list"), &json!(made)));
    let all = api.get("/v0/billingSchedules");
    assert_eq!((&all["pagination"]["total"], &all["data"][12]), (&json!(13), &last));

    let product = api.product();
    let price = api.fee_price(&product, "10", "P1M", "in_arrears", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let (clock, customer) = (api.clock("2028-01-31T00:00:00Z"), api.customer("mo@example.com"));
    let subscription = api.subscribe(&plan, &customer, &clock, "2028-01-31T00:00:00Z", json!({}));
    let none = api.get(&format!("/v0/billingSchedules?subscriptionId={}", text(&subscription, "id")));
    assert_eq!(none["data"], json!([]));
    for (query, told) in [("orderId=ord_x", "query orderId"), ("subscriptionId=sub_x", "query subscriptionId")] {
        let refusal = api.refuses("GET", &format!("/v0/billingSchedules?{query}"), &Value::Null, 404);
        assert!(refusal.told().starts_with(told));
    }
}

#[test]
fn intervals_are_replaced_whole_or_for_one_line() {
    let api = api();
    let order = order(&api, "30", &["10", "20"]);
    let [one, two] = [0, 1].map(|n| order["lineItems"][n]["id"].clone());
    let span = ("2028-02-01", "2029-02-01");
    let schedule = schedule(&api, &order, span, json!({}));
    let full = json!({
        "baseQuantity": "2.50", "billingCadence": "P12M", "startDate": day("2028-02-01"), "endDate": day("2029-02-01"),
        "orderLineItemId": one, "itemId": null, "priceId": null, "description": "Seats", "unitPrice": "4.00",
        "quantityTransitions": [{ "effectiveDate": day("2028-03-01"), "quantity": "3" }], "billingMode": "arrears",
        "billDate": null, "usageFilter": { "region": "eu" }, "metadata": { "a": 1 },
    });
    let of = |line: &Value| interval(UNPRICED, "P1M", span, json!({ "orderLineItemId": line }));
    let made = put(&api, &schedule, json!([full, of(&two)]));
    for (field, value) in full.as_object().unwrap() {
        assert_eq!(&made[0][field], value, "{field}");
    }
    assert_eq!((&made[0]["object"], &made[0]["scheduleId"]), (&json!("schedule_interval"), &schedule["id"]));
    let list = api.get(&format!("{}/intervals", path(&schedule)));
    assert_eq!((&list["data"], &list["pagination"]["total"]), (&json!(made), &json!(2)));

    // Only those of the second line; its intervals need not say whose they are.
    let body = json!({ "orderLineItemId": two, "intervals": [of(&two), interval(UNPRICED, "P3M", span, json!({}))] });
    let after = api.send("PUT", &format!("{}/intervals", path(&schedule)), &body).expect(200)["data"].clone();
    let after = after.as_array().unwrap();
    assert_eq!((after.len(), &after[0]), (3, &made[0]));
    assert!(after[1..].iter().all(|row| row["orderLineItemId"] == two && row["id"] != made[1]["id"]));
    // A line takes its intervals with it.
    api.delete(&format!("/v0/orders/{}/lineItems/{}", text(&order, "id"), two.as_str().unwrap()));
    assert_eq!(api.get(&format!("{}/intervals", path(&schedule)))["data"], json!([made[0]]));
    assert_eq!(put(&api, &schedule, json!([])), Vec::<Value>::new());
}

#[test]
fn a_review_in_flight_goes_back_to_draft_when_the_billing_changes() {
    let api = api();
    let order = order(&api, "10", &["10"]);
    let order_path = format!("/v0/orders/{}", text(&order, "id"));
    let span = ("2028-02-01", "2029-02-01");
    let made = schedule(&api, &order, span, json!({}));
    let monthly = json!({ "intervals": [interval(json!("1"), "P1M", span, json!({}))] });
    let intervals = format!("{}/intervals", path(&made));
    let review = || api.create(&format!("{order_path}/approvals"), &json!({}));
    let decision = |review: &Value| api.get(&format!("/v0/approvals/{}", text(review, "id")))["decision"].clone();
    let mut hashes = Vec::new();
    for (method, path, body) in [
        ("PUT", intervals.clone(), monthly.clone()),
        ("PATCH", path(&made), json!({ "prorationPolicy": "daily" })),
        ("PATCH", path(&made), json!({ "paymentTermDays": 3 })),
        ("POST", "/v0/billingSchedules".to_owned(), wanted(&order, span, json!({}))),
        ("DELETE", path(&schedule(&api, &order, span, json!({}))), Value::Null),
    ] {
        let review = review();
        assert!(api.send(method, &path, &body).status < 300, "{method} {path}");
        assert_eq!(decision(&review), "cancelled", "{method} {path}");
        assert_eq!(api.get(&order_path)["approvalStatus"], "draft");
        hashes.push(review["dataSnapshotHash"].clone());
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 5, "each change is another order to review");

    // What is not about billing, and staging, leave a review alone; an approved order is billed as it was approved.
    let pending = review();
    api.patch(&path(&made), &json!({ "status": "active", "metadata": { "a": 1 } })).expect(200);
    api.post(&format!("{}/invoices", path(&made)), &Value::Null).expect(201);
    assert_eq!(decision(&pending), "pending");
    let approval = format!("/v0/approvals/{}", text(&pending, "id"));
    api.patch(&approval, &json!({ "decision": "approved", "actorId": "usr_bob" })).expect(200);
    for (method, path, body) in [
        ("PUT", intervals.clone(), monthly.clone()),
        ("PATCH", path(&made), json!({ "periodPreset": "P1Y" })),
        ("POST", "/v0/billingSchedules".to_owned(), wanted(&order, span, json!({}))),
    ] {
        assert_eq!(api.refuses(method, &path, &body, 409).body["code"], "ORDER_APPROVED", "{method} {path}");
    }
    api.post(&format!("{}/invoices", path(&made)), &Value::Null).expect(201);
    api.patch(&approval, &json!({ "decision": "cancelled" })).expect(200);
    api.send("PUT", &intervals, &monthly).expect(200);
}

#[test]
fn a_schedule_that_is_over_stays_as_it_is() {
    let span = ("2028-02-01", "2028-04-01");
    for (steps, last) in [(vec!["active", "completed"], "completed"), (vec!["cancelled"], "cancelled")] {
        let api = api();
        let order = order(&api, "1", &["1"]);
        let made = schedule(&api, &order, span, json!({}));
        let early = api.refuses("PATCH", &path(&made), &json!({ "status": "completed" }), 409);
        assert_eq!(early.body["code"], "SCHEDULE_NOT_ACTIVE");
        let monthly = json!([interval(json!("1"), "P1M", span, json!({}))]);
        put(&api, &made, monthly.clone());
        let invoices = format!("{}/invoices", path(&made));
        api.post(&invoices, &Value::Null).expect(201);
        for step in steps {
            api.patch(&path(&made), &json!({ "status": step })).expect(200);
        }
        let kept = if last == "cancelled" { "cancelled" } else { "staged" };
        assert_eq!(texts(&api.rows(&invoices), "status"), [kept; 2]);
        for (method, path, body) in [
            ("PATCH", path(&made), json!({ "status": "draft" })),
            ("PATCH", path(&made), json!({ "endDate": day("2028-05-01") })),
            ("PUT", format!("{}/intervals", path(&made)), json!({ "intervals": monthly })),
            ("POST", invoices, Value::Null),
        ] {
            assert_eq!(api.refuses(method, &path, &body, 409).body["code"], "SCHEDULE_OVER", "{method} {path}");
        }
        api.patch(&path(&made), &json!({ "status": last, "metadata": { "a": 1 } })).expect(200);
    }
}

#[test]
fn a_cancelled_order_is_not_billed_until_it_is_taken_back() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let order_path = format!("/v0/orders/{}", text(&order, "id"));
    let span = ("2028-02-01", "2028-03-01");
    let made = schedule(&api, &order, span, json!({}));
    let invoices = format!("{}/invoices", path(&made));
    let refusal = api.refuses("POST", &invoices, &Value::Null, 409);
    assert_eq!(refusal.body["code"], "SCHEDULE_HAS_NO_INTERVALS");
    let monthly = json!([interval(json!("1"), "P1M", span, json!({}))]);
    put(&api, &made, monthly.clone());
    let staged = api.post(&invoices, &Value::Null).expect(201);
    api.patch(&order_path, &json!({ "cancelledAt": "2028-01-31T00:00:00Z" })).expect(200);
    assert_eq!(api.get(&invoices)["data"][0]["status"], "cancelled");
    for (method, path, body) in [
        ("POST", invoices.clone(), Value::Null),
        ("PUT", format!("{}/intervals", path(&made)), json!({ "intervals": monthly })),
        ("PATCH", path(&made), json!({ "endDate": day("2028-05-01") })),
        ("POST", "/v0/billingSchedules".to_owned(), wanted(&order, span, json!({}))),
    ] {
        assert_eq!(api.refuses(method, &path, &body, 409).body["code"], "ORDER_CANCELLED", "{method} {path}");
    }
    api.patch(&order_path, &json!({ "cancelledAt": null })).expect(200);
    let again = api.post(&invoices, &Value::Null).expect(201);
    assert_eq!((&again["data"][0]["id"], &again["data"][0]["status"]), (&staged["data"][0]["id"], &json!("staged")));
}

#[test]
fn a_deleted_schedule_can_still_be_read() {
    let api = api();
    let (kept, gone) = (order(&api, "1", &["1"]), order(&api, "1", &["1"]));
    let span = ("2028-02-01", "2028-03-01");
    let [by_itself, with_order] = [&kept, &gone].map(|order| schedule(&api, order, span, json!({})));
    put(&api, &by_itself, json!([interval(json!("1"), "P1M", span, json!({}))]));
    api.post(&format!("{}/invoices", path(&by_itself)), &Value::Null).expect(201);
    assert_eq!(api.delete(&path(&by_itself)).status, 204);
    assert_eq!(api.delete(&format!("/v0/orders/{}", text(&gone, "id"))).status, 204);
    assert_eq!(api.get("/v0/billingSchedules")["data"], json!([]));
    assert_eq!(api.get(&format!("/v0/orders/{}", text(&kept, "id")))["billingSchedules"], json!([]));
    for made in [&by_itself, &with_order] {
        assert!(api.get(&path(made))["deletedAt"].is_string());
        for (method, part, body) in [
            ("PATCH", "", json!({ "metadata": {} })),
            ("DELETE", "", Value::Null),
            ("GET", "/intervals", Value::Null),
            ("PUT", "/intervals", json!({ "intervals": [] })),
            ("GET", "/invoices", Value::Null),
            ("POST", "/invoices", Value::Null),
        ] {
            let refusal = api.refuses(method, &format!("{}{part}", path(made)), &body, 404);
            assert!(refusal.told().contains("was deleted at"));
        }
    }
    let late = wanted(&gone, span, json!({}));
    assert!(api.refuses("POST", "/v0/billingSchedules", &late, 404).told().starts_with("/orderId reference"));
}

#[test]
fn what_is_wrong_with_a_schedule_is_told_and_changes_nothing() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let span = ("2028-02-01", "2028-06-01");
    let made = schedule(&api, &order, span, json!({}));
    put(&api, &made, json!([interval(json!("1"), "P1M", ("2028-03-01", "2028-05-01"), json!({}))]));
    let window = |start: &str, end: &str| json!({ "startDate": day(start), "endDate": day(end) });
    let custom = |windows: Value| json!({ "periodPreset": "custom", "customPeriodWindows": windows });
    for (terms, told) in [
        (json!({ "endDate": day("2028-02-01") }), "/endDate minimum"),
        (json!({ "paymentTermDays": -1 }), "/paymentTermDays range"),
        (json!({ "periodPreset": "P2M" }), "/periodPreset enum"),
        (json!({ "alignmentPolicy": "moon" }), "/alignmentPolicy enum"),
        (json!({ "prorationPolicy": "hourly" }), "/prorationPolicy enum"),
        (json!({ "periodPreset": "custom" }), "/customPeriodWindows required"),
        (json!({ "customPeriodWindows": [window("2028-02-01", "2028-06-01")] }), "/customPeriodWindows exclusive"),
        (custom(json!([{ "from": 1 }])), "/customPeriodWindows/0/endDate required"),
        (custom(json!([window("2028-02-02", "2028-06-01")])), "/customPeriodWindows/0/startDate tiling"),
        (
            custom(json!([window("2028-02-01", "2028-03-01"), window("2028-03-02", "2028-06-01")])),
            "/customPeriodWindows/1/startDate tiling",
        ),
        (
            custom(json!([window("2028-02-01", "2028-03-01"), window("2028-03-01", "2028-03-01")])),
            "/customPeriodWindows/1/endDate tiling",
        ),
        (custom(json!([window("2028-02-01", "2028-05-01")])), "/customPeriodWindows/0/endDate tiling"),
    ] {
        let refusal = api.refuses("POST", "/v0/billingSchedules", &wanted(&order, span, terms.clone()), 400);
        assert!(refusal.told().starts_with(told), "{terms}: {:?}", refusal.told());
        let refusal = api.refuses("PATCH", &path(&made), &terms, 400);
        assert!(refusal.told().starts_with(told), "{terms}: {:?}", refusal.told());
    }
    let with = |field: &str, value: Value| wanted(&order, span, json!({ field: value }));
    for (method, path, body, status, told) in [
        ("POST", "/v0/billingSchedules", with("orderId", json!("ord_nobody")), 404, "/orderId reference"),
        ("POST", "/v0/billingSchedules", with("subscriptionId", json!("sub_a")), 400, "/subscriptionId unsupported"),
        ("POST", "/v0/billingSchedules", json!({ "orderId": order["id"] }), 400, "/"),
        ("PATCH", &path(&made), json!({ "startDate": day("2028-03-02") }), 400, "/startDate maximum"),
        ("PATCH", &path(&made), json!({ "endDate": day("2028-04-30") }), 400, "/endDate minimum"),
        ("PATCH", &path(&made), json!({ "status": "paused" }), 400, "/status enum"),
        ("GET", "/v0/billingSchedules/ord_nobody", Value::Null, 404, "path id pattern"),
        ("DELETE", "/v0/billingSchedules/bsch_nobody", Value::Null, 404, ""),
        ("POST", "/v0/billingSchedules/bsch_nobody/invoices", Value::Null, 404, ""),
    ] {
        let refusal = api.refuses(method, path, &body, status);
        assert!(told.is_empty() || refusal.told().starts_with(told), "{path} {body}: {:?}", refusal.told());
    }
}

#[test]
fn what_is_wrong_with_intervals_is_told_and_changes_nothing() {
    let api = api();
    let (order, other) = (order(&api, "1", &["1"]), order(&api, "1", &["1"]));
    let (own, foreign) = (&order["lineItems"][0]["id"], &other["lineItems"][0]["id"]);
    let span = ("2028-02-01", "2028-06-01");
    let made = schedule(&api, &order, span, json!({}));
    put(&api, &made, json!([interval(json!("1"), "P1M", span, json!({}))]));
    let intervals = format!("{}/intervals", path(&made));
    let tiers = json!({ "tiers": [{ "upTo": "10", "unitPrice": "2" }, { "upTo": null, "unitPrice": "1" }] });
    let (_, ladder) = api.usage_price(&api.product(), "calls", "COUNT", tiers);
    let change = |dates: &[&str]| {
        let change = |date: &&str| json!({ "effectiveDate": day(date), "quantity": "2" });
        json!({ "quantityTransitions": dates.iter().map(change).collect::<Vec<_>>() })
    };
    for (more, status, told) in [
        (json!({ "orderLineItemId": "oli_nobody" }), 404, "/intervals/1/orderLineItemId reference"),
        (json!({ "orderLineItemId": foreign }), 404, "/intervals/1/orderLineItemId reference"),
        (json!({ "priceId": "price_nobody" }), 404, "/intervals/1/priceId reference"),
        (json!({ "itemId": "itm_nobody" }), 404, "/intervals/1/itemId reference"),
        (json!({ "unitPrice": null }), 400, "/intervals/1/unitPrice required"),
        (json!({ "unitPrice": null, "priceId": ladder }), 400, "/intervals/1/priceId unsupported"),
        (json!({ "unitPrice": "1,5" }), 400, "/intervals/1/unitPrice pattern"),
        (json!({ "billingCadence": "monthly" }), 400, "/intervals/1/billingCadence format"),
        (json!({ "billingCadence": "PT12H" }), 400, "/intervals/1/billingCadence format"),
        (json!({ "billingCadence": "one_off" }), 400, "/intervals/1/billDate required"),
        (json!({ "billDate": day("2028-02-01") }), 400, "/intervals/1/billDate exclusive"),
        (json!({ "billingCadence": "P0D", "billDate": day("2028-06-01") }), 400, "/intervals/1/billDate range"),
        (json!({ "startDate": day("2028-01-31") }), 400, "/intervals/1/startDate minimum"),
        (json!({ "endDate": day("2028-06-02") }), 400, "/intervals/1/endDate maximum"),
        (json!({ "endDate": day("2028-02-01") }), 400, "/intervals/1/endDate minimum"),
        (change(&["2028-02-01"]), 400, "/intervals/1/quantityTransitions/0/effectiveDate range"),
        (change(&["2028-04-01", "2028-04-01"]), 400, "/intervals/1/quantityTransitions/1/effectiveDate range"),
        (change(&["2028-06-01"]), 400, "/intervals/1/quantityTransitions/0/effectiveDate range"),
        (json!({ "billingMode": "sometime" }), 400, "/intervals/1/billingMode enum"),
    ] {
        let fine = interval(json!("1"), "P1M", span, json!({}));
        let body = json!({ "intervals": [fine, interval(json!("1"), "P1M", span, more.clone())] });
        let refusal = api.refuses("PUT", &intervals, &body, status);
        assert!(refusal.told().starts_with(told), "{more}: {:?}", refusal.told());
    }
    let of = |line: &Value, named: &Value| {
        let named = interval(json!("1"), "P1M", span, json!({ "orderLineItemId": named }));
        json!({ "orderLineItemId": line, "intervals": [named] })
    };
    let lines = json!([super::orders::line("1")]);
    let second = api.create(&format!("/v0/orders/{}/lineItems", text(&order, "id")), &lines[0])["id"].clone();
    assert!(
        api.refuses("PUT", &intervals, &of(foreign, foreign), 404).told().starts_with("/orderLineItemId reference")
    );
    let told = api.refuses("PUT", &intervals, &of(own, &second), 400).told().to_owned();
    assert!(told.starts_with("/intervals/0/orderLineItemId const"), "{told}");

    // All that is wrong is told at once.
    let wrong =
        interval(json!("1"), "PT1S", span, json!({ "endDate": day("2028-06-02"), "billDate": day("2028-03-01") }));
    let told = api.refuses("PUT", &intervals, &json!({ "intervals": [wrong] }), 400).told().to_owned();
    for place in ["/intervals/0/billingCadence", "/intervals/0/endDate"] {
        assert!(told.contains(place), "{told}");
    }
}

#[test]
fn a_schedule_has_so_many_charges_at_most() {
    let api = api();
    let order = order(&api, "1", &[]);
    let span = ("2028-01-01", "2055-05-18");
    let made = schedule(&api, &order, span, json!({ "periodPreset": "single" }));
    // 9,999 days and the boundary at the end.
    put(&api, &made, json!([interval(json!("1"), "P1D", span, json!({}))]));
    assert_eq!(staged(&api, &made).len(), 1);
    let more = [interval(json!("1"), "P1D", span, json!({})), interval(json!("1"), "P1Y", span, json!({}))];
    let refusal = api.refuses("PUT", &format!("{}/intervals", path(&made)), &json!({ "intervals": more }), 400);
    assert!(refusal.told().starts_with("/intervals maximum"));
}
