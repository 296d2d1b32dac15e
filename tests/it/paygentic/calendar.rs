//! Golden calendars: what is billed when, to the cent and the second. The expected values are worked out
//! by hand from the documents (facts: paygentic-behaviour §4).

use serde_json::{Value, json};

use crate::support::{Api, api, text};

/// The boundaries of a month that begins on 31 January 2028, a leap year.
const FROM_31_JANUARY: [&str; 13] = [
    "2028-01-31T00:00:00Z",
    "2028-02-29T00:00:00Z",
    "2028-03-31T00:00:00Z",
    "2028-04-30T00:00:00Z",
    "2028-05-31T00:00:00Z",
    "2028-06-30T00:00:00Z",
    "2028-07-31T00:00:00Z",
    "2028-08-31T00:00:00Z",
    "2028-09-30T00:00:00Z",
    "2028-10-31T00:00:00Z",
    "2028-11-30T00:00:00Z",
    "2028-12-31T00:00:00Z",
    "2029-01-31T00:00:00Z",
];

fn started(api: &Api, prices: &[&str], product: &str, more: Value, start: &str) -> (String, String, String) {
    let plan = api.plan(product, prices, more);
    let customer = api.customer("jo@example.com");
    let clock = api.clock(start);
    let subscription = api.subscribe(&plan, &customer, &clock, start, json!({}));
    if subscription["status"] == "pending_payment" {
        api.pay(&subscription);
    }
    (text(&subscription, "id").to_owned(), customer, clock)
}

#[test]
fn a_year_of_months_from_the_31st_keeps_the_31st() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "49.90", "P1M", "in_advance", json!({}));
    let more = json!({ "defaultTaxRate": 8.5 });
    let (subscription, _, clock) = started(&api, &[&price], &product, more, FROM_31_JANUARY[0]);
    api.advance_to(&clock, "2029-02-01T00:00:00Z");
    let invoices = api.invoices(&subscription);
    assert_eq!(invoices.len(), 14, "Invoice 0, twelve renewals and the open one");
    for (n, invoice) in invoices[..13].iter().enumerate() {
        assert_eq!(invoice["sequenceNumber"], n);
        assert_eq!(invoice["periodStart"], FROM_31_JANUARY[n], "{n}");
        assert_eq!(invoice["issuedAt"], FROM_31_JANUARY[n], "{n}");
        assert_eq!(invoice["dueAt"], FROM_31_JANUARY[n], "{n}");
        assert_eq!(invoice["status"], if n == 0 { "PAID" } else { "ISSUED" });
        // 49.90 × 8.5 % = 4.2415
        assert_eq!(invoice["subtotal"], "49.90");
        assert_eq!(invoice["totalTax"], "4.24");
        assert_eq!(invoice["grandTotal"], "54.14");
    }
    for (n, invoice) in invoices[..12].iter().enumerate() {
        assert_eq!(invoice["periodEnd"], FROM_31_JANUARY[n + 1], "{n}");
    }
    assert_eq!(invoices[13]["status"], "ACTIVE");
    assert_eq!(invoices[13]["nextActionAt"], "2029-02-28T00:00:00Z");
    assert_eq!(invoices[1]["invoiceNumber"], "INV-2028-02-001");
}

#[test]
fn a_year_from_a_leap_day_returns_to_it() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "100", "P1Y", "in_advance", json!({}));
    let more = json!({ "billingCadence": "P1Y" });
    let (subscription, _, clock) = started(&api, &[&price], &product, more, "2028-02-29T08:30:00Z");
    api.advance_to(&clock, "2032-03-01T00:00:00Z");
    let starts: Vec<Value> = api.invoices(&subscription)[..5].iter().map(|row| row["issuedAt"].clone()).collect();
    let expected = [
        "2028-02-29T08:30:00Z",
        "2029-02-28T08:30:00Z",
        "2030-02-28T08:30:00Z",
        "2031-02-28T08:30:00Z",
        "2032-02-29T08:30:00Z",
    ];
    assert_eq!(starts, expected);
}

#[test]
fn usage_is_counted_in_half_open_windows_and_waits_out_the_grace_window() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "10", "P1M", "in_advance", json!({}));
    let (_, usage) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "0.002" }));
    let (subscription, customer, clock) = started(&api, &[&fee, &usage], &product, json!({}), "2028-01-31T00:00:00Z");
    api.usage("calls", &customer, 1000.0, "2028-01-31T00:00:00Z");
    api.usage("calls", &customer, 234.0, "2028-02-28T23:59:59.999Z");
    // On the boundary: belongs to the period that begins there.
    api.usage("calls", &customer, 77.0, "2028-02-29T00:00:00Z");
    api.usage("calls", &customer, 5000.0, "2028-01-30T23:59:59Z");
    api.advance_to(&clock, "2028-02-29T12:00:00Z");
    let closing = &api.invoices(&subscription)[1];
    assert_eq!(closing["status"], "CLOSING");
    assert_eq!(closing["gracePeriodEnd"], "2028-03-01T00:00:00Z");
    assert_eq!(closing["nextActionAt"], "2028-03-01T00:00:00Z");
    // A late event within the grace window counts, on whatever date it arrives.
    api.usage("calls", &customer, 6.0, "2028-02-10T00:00:00Z");
    api.advance_to(&clock, "2028-03-01T00:00:00Z");
    let issued = &api.invoices(&subscription)[1];
    assert_eq!(issued["status"], "ISSUED");
    assert_eq!(issued["issuedAt"], "2028-03-01T00:00:00Z");
    assert_eq!(issued["periodStart"], "2028-01-31T00:00:00Z");
    assert_eq!(issued["periodEnd"], "2028-03-31T00:00:00Z");
    // 1240 × 0.002 + 10
    assert_eq!(issued["subtotal"], "12.48");
    let lines = api.lines(issued);
    let usage = lines.iter().find(|line| line["eventType"] == "usage").unwrap();
    assert_eq!(usage["quantity"], 1240.0);
    assert_eq!(usage["totalPrice"], "2.48");
    assert_eq!(usage["periodStart"], "2028-01-31T00:00:00Z");
    assert_eq!(usage["periodEnd"], "2028-02-29T00:00:00Z");
    // After the grace window it is too late for that invoice.
    api.usage("calls", &customer, 100_000.0, "2028-02-10T00:00:00Z");
    api.advance_to(&clock, "2028-04-01T00:00:00Z");
    let invoices = api.invoices(&subscription);
    assert_eq!(invoices[1]["subtotal"], "12.48");
    assert_eq!(invoices[2]["subtotal"], "10.15", "77 × 0.002 = 0.154, and the fee");
}

#[test]
fn a_volume_ladder_prices_all_units_at_one_rate() {
    for (quantity, total) in [(100.0, "500.00"), (101.0, "303.00"), (0.0, "0.00")] {
        let api = api();
        let product = api.product();
        let ladder = json!({ "tiers": [{ "upTo": "100", "unitPrice": "5" }, { "upTo": null, "unitPrice": "3" }] });
        let (_, usage) = api.usage_price(&product, "seats", "MAX", ladder);
        let (subscription, customer, clock) = started(&api, &[&usage], &product, json!({}), "2028-01-01T00:00:00Z");
        api.usage("seats", &customer, quantity, "2028-01-15T00:00:00Z");
        api.advance_to(&clock, "2028-02-02T00:00:00Z");
        let invoice = &api.invoices(&subscription)[0];
        assert_eq!(invoice["grandTotal"], total, "{quantity}");
        assert_eq!(invoice["status"], if quantity == 0.0 { "PAID" } else { "ISSUED" });
    }
}

#[test]
fn a_plan_anchor_makes_a_first_stub_that_is_prorated_by_seconds() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "31", "P1M", "in_advance", json!({}));
    let arrears = api.fee_price(&product, "62", "P1M", "in_arrears", json!({}));
    let owed = api.fee_price(&product, "100", "P1M", "in_advance", json!({ "isObligation": true }));
    let anchor = json!({ "billingAnchor": "2024-01-01T00:00:00Z" });
    let (subscription, _, clock) = started(&api, &[&fee, &arrears, &owed], &product, anchor, "2028-01-22T00:00:00Z");
    api.advance_to(&clock, "2028-03-01T00:00:00Z");
    let invoices = api.invoices(&subscription);
    // Ten of January's 31 days: 31 × 10/31. The obligation skips the stub.
    assert_eq!(invoices[0]["subtotal"], "10.00");
    assert_eq!(invoices[0]["periodEnd"], "2028-02-01T00:00:00Z");
    // The stub's arrears 62 × 10/31, February's fee, and the whole obligation.
    assert_eq!(invoices[1]["issuedAt"], "2028-02-01T00:00:00Z");
    assert_eq!(invoices[1]["subtotal"], "151.00");
    assert_eq!(invoices[2]["issuedAt"], "2028-03-01T00:00:00Z");
    assert_eq!(invoices[2]["subtotal"], "193.00");
}

#[test]
fn prices_of_different_cadences_share_the_moments_they_share() {
    let api = api();
    let product = api.product();
    let monthly = api.fee_price(&product, "1", "P1M", "in_advance", json!({}));
    let quarterly = api.fee_price(&product, "10", "P3M", "in_advance", json!({}));
    let setup = api.fee_price(&product, "100", "P0D", "in_advance", json!({}));
    let (subscription, _, clock) =
        started(&api, &[&monthly, &quarterly, &setup], &product, json!({}), "2028-01-31T00:00:00Z");
    api.advance_to(&clock, "2028-07-31T00:00:00Z");
    let totals: Vec<Value> = api.invoices(&subscription)[..7].iter().map(|row| row["subtotal"].clone()).collect();
    assert_eq!(totals, ["111.00", "1.00", "1.00", "11.00", "1.00", "1.00", "11.00"]);
}

#[test]
fn tax_is_added_contained_or_left_out() {
    let cases = [
        (json!({ "defaultTaxRate": 19 }), json!({}), ("100.00", "19.00", "119.00")),
        (json!({ "defaultTaxRate": 19, "taxBehavior": "inclusive" }), json!({}), ("84.03", "15.97", "100.00")),
        (json!({ "defaultTaxRate": 19 }), json!({ "taxExempt": true }), ("100.00", "0.00", "100.00")),
    ];
    for (plan, more, (subtotal, tax, total)) in cases {
        let api = api();
        let product = api.product();
        let price = api.fee_price(&product, "100", "P1M", "in_advance", json!({}));
        let plan = api.plan(&product, &[&price], plan);
        let customer = api.customer("jo@example.com");
        let clock = api.clock("2028-01-31T00:00:00Z");
        let subscription = api.subscribe(&plan, &customer, &clock, "2028-01-31T00:00:00Z", more);
        let invoice = &api.invoices(text(&subscription, "id"))[0];
        assert_eq!(
            (text(invoice, "subtotal"), text(invoice, "totalTax"), text(invoice, "grandTotal")),
            (subtotal, tax, total)
        );
    }
}

#[test]
fn a_customers_own_rate_beats_the_plans() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "100", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&price], json!({ "defaultTaxRate": 19 }));
    let customer = api.customer("jo@example.com");
    api.patch(&format!("/v0/customers/{customer}"), &json!({ "taxRates": { "default": 7.5 } })).expect(200);
    let clock = api.clock("2028-01-31T00:00:00Z");
    let subscription = api.subscribe(&plan, &customer, &clock, "2028-01-31T00:00:00Z", json!({}));
    assert_eq!(subscription["estimatedTaxRate"], 7.5);
    assert_eq!(api.invoices(text(&subscription, "id"))[0]["grandTotal"], "107.50");
}

#[test]
fn a_projection_looks_a_year_ahead_and_at_so_many_charges() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "1", "PT30M", "in_advance", json!({}));
    let (subscription, ..) = started(&api, &[&price], &product, json!({}), "2028-01-31T00:00:00Z");
    let path = |to: &str| format!("/v2/invoices/projected?subscriptionId={subscription}&to={to}");
    assert_eq!(api.rows(&path("2028-01-31T01:30:00Z")).len(), 2);
    for (to, why) in [("2029-01-31T00:00:01Z", "more than a year"), ("2029-01-31T00:00:00Z", "more than 10000 charges")]
    {
        let refused = api.refuses("GET", &path(to), &Value::Null, 400);
        assert!(refused.told().contains(why), "{}", refused.told());
    }
}

#[test]
fn a_projection_is_what_the_advance_then_does() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "49.90", "P1M", "in_advance", json!({}));
    let (_, usage) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "1" }));
    let more = json!({ "defaultTaxRate": 8.5 });
    let (subscription, _, clock) = started(&api, &[&fee, &usage], &product, more, "2028-01-31T00:00:00Z");
    let path = format!("/v2/invoices/projected?subscriptionId={subscription}&to=2029-01-31T00:00:00Z&limit=50");
    let projected = api.get(&path)["data"].as_array().cloned().unwrap();
    assert_eq!(projected.len(), 11, "moments in [now, to)");
    api.advance_to(&clock, "2029-01-30T00:00:00Z");
    let real = api.invoices(&subscription);
    for (projected, real) in projected.iter().zip(&real[1..]) {
        assert_eq!(projected["status"], "PROJECTED");
        for field in ["sequenceNumber", "subtotal", "totalTax", "grandTotal", "periodEnd"] {
            assert_eq!(projected[field], real[field], "{field}");
        }
    }
    api.send("GET", &format!("/v2/invoices/{}", text(&projected[0], "id")), &Value::Null).expect(404);
}
