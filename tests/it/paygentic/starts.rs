//! Starts and amounts, attacked: futures, flowing clocks, grace windows that overlap, currencies, estimates.

use serde_json::{Value, json};

use super::sceptic::{START, started, subtotals, terminate};
use crate::support::{api, text};

#[test]
fn hourly_usage_overlaps_its_grace_windows_in_order() {
    let api = api();
    let product = api.product();
    let (metric, _) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "1" }));
    let price = json!({
        "invoiceDisplayName": "Hourly", "paymentTerm": "in_arrears", "billableMetricId": metric, "model": "standard",
        "properties": { "unitPrice": "1" }, "billingCadence": "PT1H",
    });
    let price = text(&api.create("/v0/prices", &price), "id").to_owned();
    let (subscription, customer, clock) = started(&api, &product, &[&price], json!({}));
    api.advance_to(&clock, "2028-01-01T12:30:00Z");
    // Late, but within the day that each hour waits.
    api.usage("calls", &customer, 9.0, "2028-01-01T03:15:00Z");
    api.advance_to(&clock, "2028-01-02T06:30:00Z");
    let invoices = api.invoices(&subscription);
    assert_eq!(invoices.len(), 31);
    for (n, invoice) in invoices.iter().enumerate() {
        let status = if n < 6 {
            if n == 3 { "ISSUED" } else { "PAID" }
        } else if n < 30 {
            "CLOSING"
        } else {
            "ACTIVE"
        };
        assert_eq!(invoice["status"], status, "{n}");
        assert_eq!(invoice["sequenceNumber"], n + 1);
        let number = if n < 6 { json!(format!("INV-2028-01-{:03}", n + 1)) } else { Value::Null };
        assert_eq!(invoice["invoiceNumber"], number);
    }
    assert_eq!(invoices[3]["subtotal"], "9.00");
    terminate(&api, &subscription);
    api.advance(&clock, "P3D");
    assert_eq!(api.invoices(&subscription).last().unwrap()["periodEnd"], "2028-01-02T06:30:00Z");
}

#[test]
fn currencies_are_rounded_to_their_own_minor_unit() {
    // A third of 100, with tax of 10 %.
    for (currency, parts) in
        [("JPY", ["33", "3", "36"]), ("KWD", ["33.333", "3.333", "36.666"]), ("USD", ["33.33", "3.33", "36.66"])]
    {
        let api = api();
        let product = api.product();
        let price = api.fee_price(&product, "33.333333", "P1M", "in_advance", json!({}));
        let plan = api.plan(&product, &[&price], json!({ "currency": currency, "defaultTaxRate": 10 }));
        let customer = api.customer("jo@example.com");
        let subscription = api.subscribe(&plan, &customer, &api.clock(START), START, json!({}));
        let invoice = &api.invoices(text(&subscription, "id"))[0];
        let shown = ["subtotal", "totalTax", "grandTotal"].map(|field| text(invoice, field));
        assert_eq!(shown, parts, "{currency}");
        assert_eq!(subscription["payment"]["amount"], parts[2]);
        api.pay(&subscription);
    }
}

#[test]
fn an_open_invoice_shows_what_it_comes_to_if_nothing_more_is_used() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "10", "P1M", "in_advance", json!({}));
    let (metric, usage) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "0.333" }));
    let (_, rebate) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "-3" }));
    let plan = api.plan(&product, &[&fee, &usage, &rebate], json!({ "defaultTaxRate": 19 }));
    let customer = api.customer("jo@example.com");
    let rates = json!({ "taxRates": { metric: 7, "default": 5, plan.clone(): 10 } });
    api.patch(&format!("/v0/customers/{customer}"), &rates).expect(200);
    let clock = api.clock(START);
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({}));
    api.pay(&subscription);
    let id = text(&subscription, "id");
    for (n, at, total) in [(3.0, "2028-01-15T00:00:00Z", "2.17"), (100.0, "2028-02-15T00:00:00Z", "0.00")] {
        api.usage("calls", &customer, n, at);
        let open = api.invoices(id).last().cloned().unwrap();
        api.advance(&clock, "P1M");
        api.advance(&clock, "P1D");
        let closed = api.get(&format!("/v2/invoices/{}", text(&open, "id")));
        for field in ["subtotal", "totalTax", "grandTotal", "itemCount"] {
            assert_eq!(open[field], closed[field], "{field}");
        }
        // 10 and −9 at 10 % (the plan), 0.999 at 7 % (the metric): 2.00 and 0.17.
        assert_eq!(closed["grandTotal"], total);
    }
}

#[test]
fn without_a_test_clock_the_worlds_clock_bills_the_same() {
    let api = api();
    api.post("/_leapday/clock", &json!({ "now": START })).expect(200);
    let product = api.product();
    let fee = api.fee_price(&product, "31", "P1M", "in_arrears", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    let wanted = json!({ "name": "x", "planId": plan, "customerId": api.customer("jo@example.com"), "startedAt": START,
        "endingAt": "2028-02-11T00:00:00Z" });
    let subscription = api.create("/v0/subscriptions", &wanted);
    api.post("/_leapday/clock/advance", &json!({ "by": "P1Y" })).expect(200);
    assert_eq!(subtotals(&api, text(&subscription, "id")), ["31.00", "10.69"]);
}

#[test]
fn a_start_now_on_a_clock_that_flows_waits_for_its_payment_and_starts() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "31", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    let now = text(&api.get("/_leapday/clock"), "now").to_owned();
    let wanted = json!({ "name": "x", "planId": plan, "customerId": api.customer("jo@example.com"), "startedAt": now });
    let subscription = api.create("/v0/subscriptions", &wanted);
    assert_eq!(subscription["payment"]["amount"], "31.00");
    api.pay(&subscription);
    assert_eq!(subtotals(&api, text(&subscription, "id")), ["31.00", "31.00"]);
}

#[test]
fn a_start_in_the_future_is_left_alone_until_it_comes() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "31", "P1M", "in_advance", json!({}));
    let arrears = api.fee_price(&product, "62", "P1M", "in_arrears", json!({}));
    let plan = api.plan(&product, &[&fee, &arrears], json!({ "billingAnchor": "2024-01-01T00:00:00Z" }));
    let clock = api.clock(START);
    let start = "2028-03-22T00:00:00Z";
    let subscription = api.subscribe(&plan, &api.customer("jo@example.com"), &clock, start, json!({}));
    api.pay(&subscription);
    let id = text(&subscription, "id");
    // Ten of March's 31 days, twice.
    assert_eq!(subtotals(&api, id), ["10.00", "51.00"]);
    api.advance_to(&clock, "2028-03-21T00:00:00Z");
    let reminders =
        || api.events().iter().filter(|event| event["eventType"] == "subscription.renewal_reminder.v0").count();
    assert_eq!((subtotals(&api, id).len(), reminders()), (2, 0));
    api.advance_to(&clock, "2028-04-01T00:00:00Z");
    assert_eq!((api.invoices(id)[1]["issuedAt"].as_str(), reminders()), (Some("2028-04-01T00:00:00Z"), 1));
    // Taken back before it began: nothing was used.
    let other = api.subscribe(&plan, &api.customer("al@example.com"), &clock, "2028-09-15T00:00:00Z", json!({}));
    api.pay(&other);
    terminate(&api, text(&other, "id"));
    let last = api.invoices(text(&other, "id"));
    assert_eq!((last.len(), text(&last[1], "status")), (2, "CANCELLED"));
}

#[test]
fn older_items_are_charged_in_advance_and_a_deposit_alone_is_waited_for() {
    let api = api();
    let product = api.product();
    let (metric, usage) = api.usage_price(&product, "seats", "MAX", json!({ "unitPrice": "10" }));
    let plan = api.plan(&product, &[&usage], json!({}));
    let customer = api.customer("jo@example.com");
    let clock = api.clock(START);
    let more = json!({ "items": [{ "billableMetricId": metric, "quantity": 3 }] });
    let subscription = api.subscribe(&plan, &customer, &clock, START, more);
    assert_eq!(subscription["payment"]["amount"], "30.00");
    api.pay(&subscription);
    api.usage("seats", &customer, 50.0, "2028-01-15T00:00:00Z");
    api.advance_to(&clock, "2028-02-03T00:00:00Z");
    assert_eq!(subtotals(&api, text(&subscription, "id")), ["30.00", "30.00", "30.00"]);
    let waiting = api.subscribe(
        &plan,
        &api.customer("al@example.com"),
        &clock,
        "2028-02-03T00:00:00Z",
        json!({ "prefundAmount": "5" }),
    );
    assert_eq!((text(&waiting, "status"), text(&waiting["payment"], "amount")), ("pending_payment", "5.00"));
    api.pay(&waiting);
    assert_eq!(api.get(&format!("/v0/subscriptions/{}", text(&waiting, "id")))["status"], "active");
}

#[test]
fn a_stored_card_pays_the_first_invoice_and_the_session_list_shows_it() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    for (card, status, sessions) in [
        ("4242424242424242", "active", vec!["completed"]),
        ("4000000000000002", "pending_payment", vec!["failed", "pending"]),
    ] {
        let customer = api.customer(&format!("{card}@example.com"));
        api.save_card(&customer, card);
        let subscription = api.subscribe(&plan, &customer, &api.clock(START), START, json!({ "autoCharge": true }));
        assert_eq!(subscription["status"], status);
        let id = text(&subscription, "id");
        let shown = |api: &crate::support::Api| -> Vec<String> {
            let rows = api.rows(&format!("/v0/paymentSessions?subscriptionId={id}"));
            rows.iter().map(|row| text(row, "status").to_owned()).collect()
        };
        assert_eq!(shown(&api), sessions);
        if status == "pending_payment" {
            // A record of the payment starts it too, and takes the page back.
            let path = format!("/v2/invoices/{}/payment", text(&subscription["payment"], "invoiceId"));
            api.post(&path, &json!({ "method": "out_of_band" })).expect(200);
            assert_eq!(api.get(&format!("/v0/subscriptions/{id}"))["status"], "active");
            assert_eq!(shown(&api), ["failed", "cancelled"]);
        }
    }
}

#[test]
fn subscriptions_on_two_clocks_pass_their_time_apart() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_arrears", json!({}));
    let customer = api.customer("jo@example.com");
    let made: Vec<(String, String)> = ["2028-01-01T00:00:00Z", "2030-06-30T00:00:00Z"]
        .iter()
        .map(|start| {
            let clock = api.clock(start);
            let plan = api.plan(&product, &[&fee], json!({}));
            (text(&api.subscribe(&plan, &customer, &clock, start, json!({})), "id").to_owned(), clock)
        })
        .collect();
    api.advance(&made[1].1, "P2M");
    assert_eq!(subtotals(&api, &made[0].0).len(), 1);
    assert_eq!(api.invoices(&made[1].0)[1]["issuedAt"], "2030-08-30T00:00:00Z");
    api.advance(&made[0].1, "P1M");
    assert_eq!((subtotals(&api, &made[0].0).len(), subtotals(&api, &made[1].0).len()), (2, 3));
}

#[test]
fn grids_of_an_anchor_on_the_31st_cut_the_stub_at_the_end_of_february() {
    for (start, stub) in [("2028-02-15T00:00:00Z", "14.00"), ("2028-02-29T00:00:00Z", "29.00")] {
        let api = api();
        let product = api.product();
        let fee = api.fee_price(&product, "29", "P1M", "in_advance", json!({}));
        let plan = api.plan(&product, &[&fee], json!({ "billingAnchor": "1999-12-31T00:00:00Z" }));
        let clock = api.clock(start);
        let subscription = api.subscribe(&plan, &api.customer("jo@example.com"), &clock, start, json!({}));
        api.pay(&subscription);
        api.advance_to(&clock, "2028-05-01T00:00:00Z");
        let id = text(&subscription, "id");
        // 14 of the 29 days from 31 January; on the boundary itself no stub.
        assert_eq!(subtotals(&api, id)[0], stub);
        let issued: Vec<String> =
            api.invoices(id).iter().filter_map(|row| row["issuedAt"].as_str().map(str::to_owned)).collect();
        let all = [start, "2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z", "2028-04-30T00:00:00Z"];
        let expected: &[&str] = if stub == "14.00" { &all } else { &all[1..] };
        assert_eq!(issued, expected);
    }
}
