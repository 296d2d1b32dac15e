//! What is billed when, to the cent and the second (facts: paylera §3, §7).

use serde_json::{Value, json};

use crate::support::{Biller, text};

const START: &str = "2026-05-06T00:00:00Z";

/// Code, quantity, unit amount, amount of each line.
fn lines(invoice: &Value) -> Vec<[String; 4]> {
    let field = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let line = |line: &Value| ["code", "quantity", "unit_amount", "amount"].map(|name| field(line, name));
    invoice["lines"].as_array().expect("lines").iter().map(line).collect()
}

fn totals(invoice: &Value) -> [&str; 4] {
    ["subtotal", "discount", "tax", "total"].map(|name| text(invoice, name))
}

fn seats() -> Value {
    json!([
        { "code": "base", "pricing": { "model": "flat", "amount": "49.00" } },
        { "code": "seats", "pricing":
            { "model": "per_unit", "unit_amount": "10.00", "included_units": 0, "meter": "active_seats" } },
    ])
}

#[test]
fn the_documented_invoice() {
    let biller = Biller::at(START);
    biller.plan("pro-monthly-usd", &seats(), &json!({}));
    biller.method("tok_visa_success");
    biller.tenant.create("/v1/coupons", &json!({ "code": "WELCOME10", "percent_off": "10" }));
    let path = biller.subscribe(
        "pro-monthly-usd",
        &json!({
            "quantities": { "active_seats": 7 }, "coupons": ["WELCOME10"],
        }),
    );
    assert_eq!(biller.status(&path), "active");
    let [invoice] = &biller.invoices()[..] else { panic!("one invoice") };
    assert_eq!(totals(invoice), ["119.00", "11.90", "8.57", "115.67"]);
    assert_eq!(lines(invoice), [["base", "1", "49.00", "49.00"], ["seats", "7", "10.00", "70.00"]]);
    let line = &invoice["lines"][1];
    assert_eq!((&line["tax_amount"], &line["tax_rate"]), (&json!("5.04"), &json!("7.20")));
    assert_eq!((&line["period_start"], &line["period_end"]), (&json!(START), &json!("2026-06-06T00:00:00Z")));
    assert_eq!((&invoice["number"], &invoice["status"]), (&json!("INV-2026-000001"), &json!("paid")));
    assert_eq!((&invoice["amount_paid"], &invoice["amount_due"]), (&json!("115.67"), &json!("0.00")));
    assert_eq!(invoice["due_at"], "2026-05-13T00:00:00Z");
    assert_eq!(
        biller.since("subscription.created"),
        [
            "invoice.created",
            "invoice.finalized",
            "payment.created",
            "payment.succeeded",
            "invoice.paid",
            "subscription.activated",
        ]
    );
    biller.advance("P1M");
    let invoices = biller.invoices();
    assert_eq!(totals(&invoices[1]), ["119.00", "0.00", "9.52", "128.52"], "the coupon was for once");
}

#[test]
fn the_plan_of_the_guide_with_its_trial_units_and_usage() {
    let biller = Biller::at(START);
    let components = json!([
        { "code": "base", "pricing": { "model": "flat", "amount": "49.00" } },
        { "code": "seats", "pricing":
            { "model": "per_unit", "unit_amount": "10.00", "included_units": 5, "meter": "active_seats" } },
        { "code": "calls", "pricing": { "model": "usage", "meter": "api_calls", "aggregation": "sum",
            "tiers": [{ "up_to": null, "unit_amount": "0.001" }] } },
    ]);
    biller.plan("pro-monthly-usd", &components, &json!({ "trial_days": 14 }));
    let method = biller.method("tok_visa_success");
    let path = biller.subscribe(
        "pro-monthly-usd",
        &json!({
            "default_payment_method_id": method, "quantities": { "active_seats": 7 },
        }),
    );
    let made = biller.tenant.get(&path);
    assert_eq!((text(&made, "status"), text(&made, "trial_end")), ("trialing", "2026-05-20T00:00:00Z"));
    assert!(biller.invoices().is_empty(), "no invoice while it is tried");
    biller.advance_to("2026-05-17T00:00:00Z");
    assert_eq!(biller.since("subscription.trial_started"), ["subscription.trial_will_end"]);
    biller.advance_to("2026-05-20T00:00:00Z");
    assert_eq!(biller.status(&path), "active");
    assert_eq!(biller.since("subscription.trial_ended").last().unwrap(), "subscription.activated");
    assert_eq!(lines(&biller.invoices()[0]), [["base", "1", "49.00", "49.00"], ["seats", "2", "10.00", "20.00"]]);
    let report = |quantity: &str, at: &str, id: &str| {
        biller
            .tenant
            .post(
                "/v1/usage",
                &json!({
                    "subscription_id": made["id"], "meter": "api_calls", "quantity": quantity, "timestamp": at,
                    "external_id": id,
                }),
            )
            .expect(202)
    };
    let first = report("1500", "2026-06-19T23:59:59.999Z", "req_8f4a");
    assert_eq!(report("9", "2026-06-19T23:59:59.999Z", "req_8f4a"), first, "told once");
    report("-0.5", "2026-05-20T00:00:00Z", "req_2");
    report("7000", "2026-06-20T00:00:00Z", "req_3");
    let usage = biller.tenant.get(&format!("{path}/usage"));
    assert_eq!(usage["meters"][0]["quantity"], "1499.5");
    assert_eq!(usage["meters"][0]["amount"], "1.4995");
    biller.advance_to("2026-06-20T00:00:00Z");
    let invoices = biller.invoices();
    assert_eq!(
        lines(&invoices[1]),
        [["calls", "1499.5", "0.001", "1.50"], ["base", "1", "49.00", "49.00"], ["seats", "2", "10.00", "20.00"],]
    );
    assert_eq!(invoices[1]["lines"][0]["period_end"], "2026-06-20T00:00:00Z");
    biller.advance_to("2026-07-20T00:00:00Z");
    assert_eq!(lines(&biller.invoices()[2])[0], ["calls", "7000", "0.001", "7.00"]);
}

#[test]
fn every_model_of_price() {
    let biller = Biller::at(START);
    let bands = json!([
        { "up_to": 10, "unit_amount": "10.00" }, { "up_to": 100, "unit_amount": "8.00" },
        { "up_to": null, "unit_amount": "5.00" },
    ]);
    let components = json!([
        { "code": "each", "pricing": { "model": "tiered", "tiers": bands } },
        { "code": "all", "pricing": { "model": "volume", "tiers": bands } },
        { "code": "packs", "pricing": { "model": "package", "package_size": 100, "package_price": "12.00" } },
        { "code": "none", "pricing": { "model": "package", "package_size": 100, "package_price": "12.00" } },
    ]);
    biller.plan("ladders", &components, &json!({}));
    biller.method("tok_visa_success");
    biller.subscribe("ladders", &json!({ "quantities": { "each": 50, "all": 50, "packs": 101 } }));
    assert_eq!(
        lines(&biller.invoices()[0]),
        [["each", "50", "8.40", "420.00"], ["all", "50", "8.00", "400.00"], ["packs", "2", "12.00", "24.00"],]
    );
}

#[test]
fn month_ends_come_back() {
    let biller = Biller::at("2028-01-31T10:00:00Z");
    biller.flat("base", "10.00", &json!({}));
    biller.method("tok_visa_success");
    biller.subscribe("base", &json!({}));
    biller.advance("P1Y");
    let starts: Vec<Value> = biller.invoices().iter().map(|row| row["lines"][0]["period_start"].clone()).collect();
    assert_eq!(starts.len(), 13);
    assert_eq!(
        starts[..4],
        ["2028-01-31T10:00:00Z", "2028-02-29T10:00:00Z", "2028-03-31T10:00:00Z", "2028-04-30T10:00:00Z"]
    );
    assert_eq!(biller.invoices()[12]["number"], "INV-2029-000001", "numbers begin with each year");
}

#[test]
fn an_anchor_makes_a_first_period_that_is_a_part() {
    let biller = Biller::at("2026-05-16T00:00:00Z");
    biller.flat("base", "31.00", &json!({}));
    biller.method("tok_visa_success");
    let path = biller.subscribe("base", &json!({ "billing_cycle_anchor": "2026-06-01T00:00:00Z" }));
    assert_eq!(biller.tenant.get(&path)["current_period_end"], "2026-06-01T00:00:00Z");
    // 16 of the 31 days of May.
    assert_eq!(lines(&biller.invoices()[0]), [["base", "1", "16.00", "16.00"]]);
    biller.advance_to("2026-06-01T00:00:00Z");
    assert_eq!(lines(&biller.invoices()[1]), [["base", "1", "31.00", "31.00"]]);
}

/// Everything that one world has, without what only says when it was looked at.
fn picture(biller: &Biller) -> Vec<Value> {
    ["/v1/invoices", "/v1/payments", "/v1/subscriptions", "/v1/wallets"]
        .map(|path| biller.tenant.get(&format!("{path}?limit=100"))["data"].clone())
        .into()
}

#[test]
fn a_year_at_once_is_a_year_in_steps() {
    let world = || {
        let biller = Biller::at("2026-01-31T08:30:00Z");
        biller.plan("pro", &seats(), &json!({ "trial_days": 10 }));
        biller.flat("weekly", "3.33", &json!({ "interval": "week" }));
        let method = biller.method("tok_visa_success");
        let own = |more: Value| {
            let mut own = json!({ "default_payment_method_id": method });
            own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            own
        };
        biller.subscribe("pro", &own(json!({ "quantities": { "active_seats": 3 } })));
        biller.subscribe("weekly", &own(json!({ "trial_days": 0 })));
        biller.method("tok_visa_insufficient_funds");
        biller.subscribe("pro", &json!({ "commitment": { "months": 6, "billing": "quarterly" }, "trial_days": 0 }));
        biller
    };
    let strip = |biller: &Biller| {
        let text = serde_json::to_string(&picture(biller)).expect("json");
        // Ids follow from the seed, which follows from the key.
        let ids = scraped(&text);
        (ids, biller.history())
    };
    let one = world();
    one.advance_to("2027-01-31T08:30:00Z");
    let many = world();
    for month in 2..=12 {
        many.advance_to(&format!("2026-{month:02}-17T11:00:00Z"));
    }
    many.advance_to("2027-01-31T08:30:00Z");
    assert_eq!(strip(&one), strip(&many));
    assert!(one.invoices().len() > 60);
}

/// A text whose ids are numbered in the order in which they first occur.
fn scraped(text: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut words = Vec::new();
    for word in text.split('"') {
        let is_id = word.split_once('_').is_some_and(|(kind, tail)| kind.len() <= 4 && tail.len() >= 16);
        if !is_id || word.contains("url") {
            words.push(if word.starts_with("http") { "url".to_owned() } else { word.to_owned() });
            continue;
        }
        let place = seen.iter().position(|known| known == word).unwrap_or_else(|| {
            seen.push(word.to_owned());
            seen.len() - 1
        });
        words.push(format!("id{place}"));
    }
    words.join("\"")
}
