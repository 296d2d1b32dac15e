//! What a user who believes the sandbox would have got wrong: ends that cut windows, starts that are paid late,
//! bills that could be paid twice (facts: paygentic-behaviour §2.7–2.9, §4).

use serde_json::{Value, json};

use crate::support::{Api, api, text};

pub const START: &str = "2028-01-01T00:00:00Z";

/// A subscription to `prices` on a clock of its own, from [`START`] on, paid for if it waits.
pub fn started(api: &Api, product: &str, prices: &[&str], more: Value) -> (String, String, String) {
    let plan = api.plan(product, prices, json!({}));
    let customer = api.customer("jo@example.com");
    let clock = api.clock(START);
    let subscription = api.subscribe(&plan, &customer, &clock, START, more);
    if subscription["status"] == "pending_payment" {
        api.pay(&subscription);
    }
    (text(&subscription, "id").to_owned(), customer, clock)
}

pub fn terminate(api: &Api, subscription: &str) {
    api.post(&format!("/v0/subscriptions/{subscription}/termination"), &json!({ "reason": "done" })).expect(200);
}

fn end_at(api: &Api, subscription: &str, at: &str) {
    api.patch(&format!("/v0/subscriptions/{subscription}"), &json!({ "endingAt": at })).expect(200);
}

pub fn subtotals(api: &Api, subscription: &str) -> Vec<String> {
    api.invoices(subscription).iter().map(|row| text(row, "subtotal").to_owned()).collect()
}

fn ledger(api: &Api, subscription: &str) -> Vec<Value> {
    let path = format!("/v2/invoices/lineItems?subscriptionId={subscription}&limit=1000");
    api.get(&path)["data"].as_array().cloned().unwrap()
}

#[test]
fn an_end_known_beforehand_bills_the_same_as_a_termination_at_that_instant() {
    let bill = |known: bool| {
        let api = api();
        let product = api.product();
        let fee = api.fee_price(&product, "31", "P1M", "in_arrears", json!({}));
        let (_, usage) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "2" }));
        let more = if known { json!({ "endingAt": "2028-03-11T00:00:00Z" }) } else { json!({}) };
        let (subscription, customer, clock) = started(&api, &product, &[&fee, &usage], more);
        api.usage("calls", &customer, 3.0, "2028-03-10T23:59:59Z");
        api.usage("calls", &customer, 500.0, "2028-03-11T00:00:00Z");
        api.advance_to(&clock, "2028-03-11T00:00:00Z");
        if !known {
            terminate(&api, &subscription);
        }
        api.advance_to(&clock, "2028-06-01T00:00:00Z");
        let invoices = api.invoices(&subscription);
        let last = invoices.last().unwrap();
        assert_eq!((text(last, "periodEnd"), text(last, "issuedAt")), ("2028-03-11T00:00:00Z", "2028-03-12T00:00:00Z"));
        subtotals(&api, &subscription)
    };
    // Ten of March's 31 days, and three calls.
    assert_eq!(bill(false), ["31.00", "31.00", "16.00"]);
    assert_eq!(bill(true), ["31.00", "31.00", "16.00"]);
}

#[test]
fn a_termination_bills_every_open_window_not_only_those_of_the_next_moment() {
    let api = api();
    let product = api.product();
    let weekly = api.fee_price(&product, "7", "P1W", "in_advance", json!({}));
    let quarterly = api.fee_price(&product, "91", "P3M", "in_arrears", json!({}));
    let (_, usage) = api.usage_price(&product, "calls", "COUNT", json!({ "unitPrice": "1" }));
    let (subscription, customer, clock) = started(&api, &product, &[&weekly, &quarterly, &usage], json!({}));
    api.usage("calls", &customer, 1.0, "2028-01-05T00:00:00Z");
    api.advance_to(&clock, "2028-01-11T00:00:00Z");
    terminate(&api, &subscription);
    api.advance_to(&clock, "2028-06-01T00:00:00Z");
    // Ten of the quarter's 91 days, and the call.
    assert_eq!(subtotals(&api, &subscription), ["7.00", "7.00", "11.00"]);
}

#[test]
fn a_one_off_in_arrears_is_owed_by_a_subscription_that_ends_before_its_first_renewal() {
    for known in [true, false] {
        let api = api();
        let product = api.product();
        let once = api.fee_price(&product, "250", "P0D", "in_arrears", json!({}));
        let more = if known { json!({ "endingAt": "2028-01-11T00:00:00Z" }) } else { json!({}) };
        let (subscription, _, clock) = started(&api, &product, &[&once], more);
        api.advance_to(&clock, "2028-01-11T00:00:00Z");
        if !known {
            terminate(&api, &subscription);
        }
        api.advance_to(&clock, "2028-06-01T00:00:00Z");
        assert_eq!(subtotals(&api, &subscription), ["250.00"], "{known}");
        assert_eq!(api.invoices(&subscription)[0]["issuedAt"], "2028-01-11T00:00:00Z");
    }
}

#[test]
fn an_obligation_in_arrears_is_owed_whole_however_it_ends() {
    let api = api();
    let product = api.product();
    let owed = api.fee_price(&product, "90", "P3M", "in_arrears", json!({ "isObligation": true }));
    let (subscription, _, clock) = started(&api, &product, &[&owed], json!({ "endingAt": "2028-01-11T00:00:00Z" }));
    api.advance_to(&clock, "2028-06-01T00:00:00Z");
    assert_eq!(subtotals(&api, &subscription), ["90.00"]);
}

#[test]
fn an_end_set_on_the_renewal_itself_takes_the_next_period_off_the_open_invoice() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let arrears = api.fee_price(&product, "7", "P1M", "in_arrears", json!({}));
    let (subscription, _, clock) = started(&api, &product, &[&fee, &arrears], json!({}));
    end_at(&api, &subscription, "2028-02-01T00:00:00Z");
    assert_eq!(subtotals(&api, &subscription), ["50.00", "7.00"]);
    api.advance_to(&clock, "2028-06-01T00:00:00Z");
    assert_eq!(subtotals(&api, &subscription), ["50.00", "7.00"]);
    assert_eq!(api.get(&format!("/v0/subscriptions/{subscription}"))["terminatedAt"], "2028-02-01T00:00:00Z");
}

#[test]
fn an_end_that_is_moved_away_lets_the_schedule_go_on_without_holes_or_doubles() {
    let never = {
        let api = api();
        let (subscription, clock) = mixed(&api, json!({}));
        api.advance_to(&clock, "2028-07-01T00:00:00Z");
        covered(&api, &subscription)
    };
    let api = api();
    let (subscription, clock) = mixed(&api, json!({ "endingAt": "2028-02-20T12:00:00Z" }));
    for (at, end) in [
        ("2028-01-10T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("2028-02-10T00:00:00Z", "2028-02-11T00:00:00Z"),
        ("2028-02-10T12:00:00Z", "2028-02-10T18:00:00Z"),
        ("2028-02-10T13:00:00Z", "2028-04-10T00:00:00Z"),
        ("2028-04-09T00:00:00Z", "2029-01-01T00:00:00Z"),
    ] {
        api.advance_to(&clock, at);
        end_at(&api, &subscription, end);
    }
    api.advance_to(&clock, "2028-07-01T00:00:00Z");
    assert_eq!(covered(&api, &subscription), never);
    let sequences: Vec<u64> =
        api.invoices(&subscription).iter().filter_map(|row| row["sequenceNumber"].as_u64()).collect();
    assert_eq!(sequences, (0..sequences.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_schedule_that_had_nothing_left_goes_on_when_its_end_is_moved() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let (subscription, _, clock) = started(&api, &product, &[&fee], json!({ "endingAt": "2028-01-20T00:00:00Z" }));
    api.advance_to(&clock, "2028-01-10T00:00:00Z");
    end_at(&api, &subscription, "2028-03-20T00:00:00Z");
    api.advance_to(&clock, "2028-06-01T00:00:00Z");
    assert_eq!(subtotals(&api, &subscription), ["50.00", "50.00", "50.00"]);
    let reminded = api.events().iter().filter(|event| event["eventType"] == "subscription.renewal_reminder.v0").count();
    assert_eq!(reminded, 2, "the renewals of February and March");
}

#[test]
fn an_end_that_comes_before_the_renewal_takes_its_reminder_back() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let (subscription, _, clock) = started(&api, &product, &[&fee], json!({}));
    end_at(&api, &subscription, "2028-01-31T00:00:00Z");
    api.advance_to(&clock, "2028-03-01T00:00:00Z");
    assert!(api.events().iter().all(|event| event["eventType"] != "subscription.renewal_reminder.v0"));
}

#[test]
fn an_end_set_to_the_present_ends_it_in_the_present() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "31", "P1M", "in_arrears", json!({}));
    let (subscription, _, clock) = started(&api, &product, &[&fee], json!({}));
    api.advance_to(&clock, "2028-01-11T00:00:00Z");
    end_at(&api, &subscription, "2028-01-11T00:00:00Z");
    assert_eq!(api.get(&format!("/v0/subscriptions/{subscription}"))["status"], "terminated");
    assert_eq!(subtotals(&api, &subscription), ["10.00"]);
}

/// Charges of many cadences, in advance and in arrears, with a one-off.
fn mixed(api: &Api, more: Value) -> (String, String) {
    let product = api.product();
    let prices = [
        api.fee_price(&product, "31", "P1M", "in_advance", json!({})),
        api.fee_price(&product, "62", "P1M", "in_arrears", json!({})),
        api.fee_price(&product, "7", "P1W", "in_arrears", json!({})),
        api.fee_price(&product, "3", "P10D", "in_advance", json!({})),
        api.fee_price(&product, "90", "P3M", "in_arrears", json!({})),
        api.fee_price(&product, "5", "P0D", "in_arrears", json!({})),
    ];
    let prices: Vec<&str> = prices.iter().map(String::as_str).collect();
    let (subscription, _, clock) = started(api, &product, &prices, more);
    (subscription, clock)
}

/// Which windows each charge billed or waits to bill, in order.
fn covered(api: &Api, subscription: &str) -> Vec<String> {
    let lines = ledger(api, subscription);
    let told =
        |line: &Value| ["displayName", "periodStart", "periodEnd", "subtotal"].map(|of| text(line, of)).join(" ");
    let mut told: Vec<String> = lines.iter().map(told).collect();
    told.sort();
    told
}

#[test]
fn a_start_that_is_paid_late_bills_what_fell_due_meanwhile_at_once_and_once() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let (_, usage) = api.usage_price(&product, "calls", "COUNT", json!({ "unitPrice": "1" }));
    let plan = api.plan(&product, &[&fee, &usage], json!({}));
    let customer = api.customer("jo@example.com");
    let clock = api.clock(START);
    let more = json!({ "sessionExpiryMinutes": 600_000 });
    let subscription = api.subscribe(&plan, &customer, &clock, START, more);
    api.usage("calls", &customer, 1.0, "2028-01-20T00:00:00Z");
    api.advance_to(&clock, "2028-03-15T00:00:00Z");
    api.pay(&subscription);
    let id = text(&subscription, "id");
    assert_eq!(subtotals(&api, id), ["50.00", "51.00", "50.00", "50.00"]);
    let invoices = api.invoices(id);
    assert_eq!((text(&invoices[2], "status"), text(&invoices[2], "issuedAt")), ("ISSUED", "2028-03-15T00:00:00Z"));
    assert_eq!((text(&invoices[3], "status"), text(&invoices[3], "nextActionAt")), ("ACTIVE", "2028-04-01T00:00:00Z"));
}

#[test]
fn a_page_of_an_invoice_that_is_paid_or_cancelled_takes_no_money() {
    let complete = |api: &Api, session: &str| api.post(&format!("/_leapday/payments/{session}/complete"), &json!({}));
    for ended in [false, true] {
        let api = api();
        let product = api.product();
        let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
        let plan = api.plan(&product, &[&fee], json!({}));
        let clock = api.clock(START);
        let subscription = api.subscribe(&plan, &api.customer("jo@example.com"), &clock, START, json!({}));
        let path = format!("/v2/invoices/{}", text(&subscription["payment"], "invoiceId"));
        let link = api.post(&format!("{path}/payment"), &json!({ "method": "hosted_link" })).expect(200);
        if ended {
            terminate(&api, text(&subscription, "id"));
        } else {
            api.pay(&subscription);
        }
        complete(&api, text(&link, "paymentSessionId")).expect(409);
        assert_eq!(api.get(&path)["status"], if ended { "CANCELLED" } else { "PAID" });
        let paid = api.events().iter().filter(|event| event["eventType"] == "invoice.paid.v0").count();
        assert_eq!(paid, usize::from(!ended));
    }
}

#[test]
fn a_retried_charge_takes_the_link_of_the_invoice_back() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_arrears", json!({}));
    let (subscription, customer, clock) = started(&api, &product, &[&fee], json!({ "autoCharge": true }));
    api.advance_to(&clock, "2028-02-01T00:00:00Z");
    let path = format!("/v2/invoices/{}", text(&api.invoices(&subscription)[0], "id"));
    let link = api.post(&format!("{path}/payment"), &json!({ "method": "hosted_link" })).expect(200);
    api.save_card(&customer, "4242424242424242");
    api.post(&format!("{path}/retryPayment"), &json!({})).expect(200);
    let session = text(&link, "paymentSessionId");
    api.post(&format!("/_leapday/payments/{session}/complete"), &json!({})).expect(409);
}

#[test]
fn a_deposit_behind_a_charged_first_invoice_is_all_that_waits() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    let customer = api.customer("jo@example.com");
    api.save_card(&customer, "4242424242424242");
    let more = json!({ "autoCharge": true, "prefundAmount": "25" });
    let subscription = api.subscribe(&plan, &customer, &api.clock(START), START, more);
    assert_eq!(subscription["payment"]["amount"], "25.00");
    assert_eq!(subscription["payment"]["breakdown"], json!({ "upfrontCharges": "0.00", "walletCharge": "25.00" }));
}

#[test]
fn a_projection_keeps_the_price_of_the_open_invoice_and_shows_the_last_stub() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "31", "P1M", "in_arrears", json!({}));
    let (subscription, _, clock) = started(&api, &product, &[&fee], json!({ "endingAt": "2028-03-11T00:00:00Z" }));
    api.patch(&format!("/v0/prices/{fee}"), &json!({ "properties": { "unitPrice": "62" } })).expect(200);
    let path = format!("/v2/invoices/projected?subscriptionId={subscription}&to=2028-12-01T00:00:00Z");
    let shown = |rows: &[Value]| -> Vec<String> {
        let fields = ["sequenceNumber", "subtotal", "periodStart", "periodEnd"];
        rows.iter().map(|row| fields.map(|field| row[field].to_string()).join(" ")).collect()
    };
    let projected = shown(&api.rows(&path));
    api.advance_to(&clock, "2028-12-01T00:00:00Z");
    assert_eq!(subtotals(&api, &subscription), ["31.00", "62.00", "20.00"]);
    assert_eq!(projected, shown(&api.invoices(&subscription)));
}

#[test]
fn lines_say_when_they_were_calculated() {
    for (metered, at) in [(false, "2028-02-01T00:00:00Z"), (true, "2028-02-02T00:00:00Z")] {
        let api = api();
        let product = api.product();
        let price = if metered {
            api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "2" })).1
        } else {
            api.fee_price(&product, "31", "P1M", "in_arrears", json!({}))
        };
        let (subscription, _, clock) = started(&api, &product, &[&price], json!({}));
        api.advance_to(&clock, "2028-02-03T00:00:00Z");
        assert_eq!(ledger(&api, &subscription)[0]["calculatedAt"], at);
    }
}

#[test]
fn elapsed_periods_bill_one_offs_and_their_usage_and_wait_for_no_more_of_it() {
    for (mode, expected) in [("none", "100.00"), ("per_period", "259.00")] {
        let api = api();
        let product = api.product();
        let once = api.fee_price(&product, "250", "P0D", "in_advance", json!({}));
        let (_, usage) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "1" }));
        let plan = api.plan(&product, &[&once, &usage], json!({ "billingAnchor": "2024-01-31T00:00:00Z" }));
        let customer = api.customer("jo@example.com");
        for (n, at) in [(4.0, "2028-02-20T00:00:00Z"), (5.0, "2028-03-30T23:59:59Z"), (100.0, "2028-03-31T00:00:00Z")] {
            api.usage("calls", &customer, n, at);
        }
        let clock = api.clock("2028-04-10T00:00:00Z");
        let more = json!({ "elapsedPeriodBilling": mode });
        let subscription = api.subscribe(&plan, &customer, &clock, "2028-02-15T00:00:00Z", more);
        let invoices = api.invoices(text(&subscription, "id"));
        let first = &invoices[0];
        assert_eq!(first["subtotal"], expected, "{mode}: {first:#}");
        if mode == "per_period" {
            assert_eq!((text(first, "status"), text(first, "gracePeriodEnd")), ("ISSUED", "2028-04-10T00:00:00Z"));
            assert_eq!(api.lines(first).len(), 3, "the one-off, the stub and March");
        }
    }
}
