//! Money that comes back, lies in a wallet, or is earned later (facts: paylera §2.6, §2.9, §2.10, §3.12, §3.14, §5).

use serde_json::{Value, json};

use crate::support::{Biller, text};

const MAY: &str = "2026-05-01T00:00:00Z";

/// A world in which 107.10 and tax of 8.57 were paid for an invoice: its path, and that of the payment.
fn paid(token: &str) -> (Biller, String, String) {
    let biller = Biller::at(MAY);
    biller.method(token);
    let line = json!({ "description": "Setup", "unit_amount": "107.10" });
    let made = json!({ "customer_id": biller.customer, "currency": "USD", "lines": [line] });
    let made = biller.tenant.create("/v1/invoices", &made);
    let invoice = format!("/v1/invoices/{}", text(&made, "id"));
    biller.tenant.post(&format!("{invoice}/finalize"), &Value::Null).expect(200);
    let payment = biller.tenant.post(&format!("{invoice}/pay"), &json!({})).expect(200);
    assert_eq!((text(&payment, "status"), text(&payment, "amount")), ("succeeded", "115.67"));
    (biller, invoice, format!("/v1/payments/{}", text(&payment, "id")))
}

fn wallet(biller: &Biller, amount: &str, more: &Value) -> String {
    let mut body = json!({ "customer_id": biller.customer, "currency": "USD" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = biller.tenant.create("/v1/wallets", &body);
    let path = format!("/v1/wallets/{}", text(&made, "id"));
    biller.tenant.create(&format!("{path}/credits"), &json!({ "amount": amount, "reason": "manual_topup" }));
    path
}

#[test]
fn refunds_never_exceed_their_payment() {
    let (biller, invoice, payment) = paid("tok_visa_success");
    let refunds = format!("{payment}/refunds");
    let first = biller.tenant.create(&refunds, &json!({ "amount": "25.00", "reason": "order_change" }));
    assert_eq!((text(&first, "amount"), text(&first, "destination")), ("25.00", "original_method"));
    assert_eq!(biller.status(&payment), "partially_refunded");
    let note = biller.tenant.get(&format!("/v1/credit-notes/{}", text(&first, "credit_note_id")));
    assert_eq!((text(&note, "total"), text(&note, "number")), ("-25.00", "CN-2026-000001"));
    assert_eq!(note["outcome"]["kind"], "refund");
    assert_eq!(note["outcome"]["refund_id"], first["id"]);
    let second = biller
        .tenant
        .create(&refunds, &json!({ "amount": "30.00", "reason": "customer_request", "destination": "wallet" }));
    assert_eq!(biller.tenant.get(&format!("/v1/wallets/{}", text(&second, "wallet_id")))["balance"], "30.00");
    let before = (biller.tenant.get(&payment), biller.history());
    for body in [json!({ "amount": "60.68", "reason": "other" }), json!({ "reason": "service_outage" })] {
        let over = biller.tenant.post(&refunds, &body);
        assert_eq!(over.problem(&refunds), (422, "refund.exceeds_payment".to_owned()));
        assert_eq!(over.body["errors"][0]["field"], "amount");
    }
    let cents = biller.tenant.post(&refunds, &json!({ "amount": "0.001", "reason": "other" }));
    assert_eq!(cents.problem(&refunds), (422, "validation.failed".to_owned()));
    assert_eq!(before, (biller.tenant.get(&payment), biller.history()));
    biller.tenant.create(&refunds, &json!({ "amount": "60.67", "reason": "other" }));
    assert_eq!(biller.status(&payment), "refunded");
    assert_eq!(biller.status(&invoice), "paid");
    assert_eq!(biller.tenant.get(&refunds)["data"].as_array().unwrap().len(), 3);
    assert_eq!(biller.tenant.get(&invoice)["credit_notes"].as_array().unwrap().len(), 3);
}

#[test]
fn a_whole_refund_needs_no_amount() {
    let (biller, _, payment) = paid("tok_visa_success");
    let refund = biller.tenant.create(&format!("{payment}/refunds"), &json!({ "reason": "service_outage" }));
    assert_eq!(text(&refund, "amount"), "115.67");
    assert_eq!(biller.status(&payment), "refunded");
}

#[test]
fn credit_notes_bring_their_tax_back() {
    let (biller, invoice, payment) = paid("tok_visa_success");
    let notes = format!("{invoice}/credit-notes");
    let wanted = |amount: &str, outcome: &str| {
        json!({
            "reason": "service_outage", "outcome": outcome,
            "lines": [{ "description": "Goodwill credit – outage 2026-05-04", "amount": amount }],
        })
    };
    let note = biller.tenant.create(&notes, &wanted("-50.00", "credit_balance"));
    assert_eq!([text(&note, "subtotal"), text(&note, "tax"), text(&note, "total")], ["-50.00", "-4.00", "-54.00"]);
    assert_eq!(note["outcome"]["amount_credited"], "54.00");
    assert_eq!(biller.tenant.get("/v1/wallets")["data"][0]["balance"], "54.00");
    let over = biller.tenant.post(&notes, &wanted("-60.00", "refund"));
    assert_eq!(over.problem(&notes), (422, "credit_note.exceeds_invoice".to_owned()));
    let refund = biller.tenant.create(&notes, &wanted("-57.10", "refund"));
    assert_eq!(refund["outcome"]["amount_refunded"], "61.67");
    assert_eq!(biller.status(&payment), "partially_refunded");
    let lowered = biller.tenant.post(&notes, &wanted("-1.00", "applied_to_invoice"));
    assert_eq!(lowered.problem(&notes), (422, "credit_note.exceeds_invoice".to_owned()), "nothing is due");
}

#[test]
fn a_credit_note_lowers_what_is_due() {
    let biller = Biller::at(MAY);
    let line = json!({ "description": "Setup", "unit_amount": "100.00" });
    let made = json!({ "customer_id": biller.customer, "currency": "USD", "lines": [line] });
    let made = biller.tenant.create("/v1/invoices", &made);
    let invoice = format!("/v1/invoices/{}", text(&made, "id"));
    let note = |amount: &str| {
        let lines = json!([{ "description": "Less", "amount": amount }]);
        biller.tenant.post(
            &format!("{invoice}/credit-notes"),
            &json!({ "reason": "order_change", "outcome": "applied_to_invoice", "lines": lines }),
        )
    };
    assert_eq!(note("-25.00").status, 422, "a draft is edited, not credited");
    biller.tenant.post(&format!("{invoice}/finalize"), &Value::Null).expect(200);
    note("-25.00").expect(201);
    let lower = biller.tenant.get(&invoice);
    assert_eq!(
        (text(&lower, "total"), text(&lower, "amount_due"), text(&lower, "status")),
        ("108.00", "81.00", "open")
    );
    note("-75.00").expect(201);
    assert_eq!(
        (biller.status(&invoice), &biller.tenant.get(&invoice)["amount_due"]),
        ("paid".to_owned(), &json!("0.00"))
    );
}

#[test]
fn the_wallet_pays_first_and_never_below_its_floor() {
    let biller = Biller::at(MAY);
    biller.flat("base", "100.00", &json!({}));
    biller.method("tok_visa_success");
    let wallet = wallet(&biller, "50.00", &json!({ "drift_floor": "10.00" }));
    biller.subscribe("base", &json!({}));
    let invoice = biller.invoices()[0].clone();
    assert_eq!((text(&invoice, "status"), text(&invoice, "amount_paid")), ("paid", "108.00"));
    let payments = biller.tenant.get("/v1/payments?sort=created_at:asc");
    let told: Vec<(&str, &str)> =
        payments["data"].as_array().unwrap().iter().map(|row| (text(row, "provider"), text(row, "amount"))).collect();
    assert_eq!(told, [("wallet", "40.00"), ("stripe", "68.00")]);
    assert_eq!(biller.tenant.get(&wallet)["balance"], "10.00");
    let log = biller.tenant.get(&format!("{wallet}/transactions"));
    assert_eq!((&log["data"][0]["type"], &log["data"][0]["invoice_id"]), (&json!("debit"), &invoice["id"]));
}

#[test]
fn a_wallet_that_has_too_little_pays_nothing_when_it_is_to_pay_all() {
    let biller = Biller::at(MAY);
    let line = json!({ "description": "Setup", "unit_amount": "100.00" });
    let made = json!({ "customer_id": biller.customer, "currency": "USD", "lines": [line] });
    let made = biller.tenant.create("/v1/invoices", &made);
    let invoice = format!("/v1/invoices/{}", text(&made, "id"));
    biller.tenant.post(&format!("{invoice}/finalize"), &Value::Null).expect(200);
    let pay = format!("{invoice}/pay");
    let none = biller.tenant.post(&pay, &json!({ "source": "wallet" }));
    assert_eq!(none.problem(&pay), (422, "wallet.insufficient_funds".to_owned()));
    let wallet = wallet(&biller, "107.99", &json!({}));
    let less = biller.tenant.post(&pay, &json!({ "source": "wallet" }));
    assert_eq!(less.problem(&pay), (422, "wallet.insufficient_funds".to_owned()));
    biller.tenant.create(&format!("{wallet}/credits"), &json!({ "amount": "0.01", "reason": "manual_topup" }));
    let paid = biller.tenant.post(&pay, &json!({ "source": "wallet" })).expect(200);
    assert_eq!((text(&paid, "status"), &paid["payment_method_id"]), ("succeeded", &Value::Null));
    assert_eq!(biller.status(&invoice), "paid");
}

#[test]
fn a_low_wallet_is_filled_or_says_that_it_cannot_be() {
    let biller = Biller::at(MAY);
    biller.flat("base", "50.00", &json!({}));
    let method = biller.method("tok_visa_success");
    let settings = json!({ "enabled": true, "trigger_at": "10.00", "amount": "100.00", "payment_method_id": method });
    let wallet = wallet(&biller, "60.00", &json!({}));
    biller.tenant.patch(&wallet, &json!({ "auto_top_up": settings })).expect(200);
    biller.subscribe("base", &json!({}));
    assert_eq!(biller.tenant.get(&wallet)["balance"], "106.00");
    let log = biller.tenant.get(&format!("{wallet}/transactions"));
    assert_eq!((&log["data"][0]["reason"], &log["data"][0]["amount"]), (&json!("auto_topup"), &json!("100.00")));
    biller.method("tok_visa_decline");
    biller.tenant.patch(&wallet, &json!({ "auto_top_up": { "payment_method_id": null } })).expect(200);
    biller.advance_to("2026-07-02T00:00:00Z");
    // 106 less 54 in June; 52 in July leave nothing.
    let failures = || biller.history().into_iter().filter(|(_, name)| name == "wallet.auto_topup_failed").count();
    assert_eq!(failures(), 1);
    biller.advance("P3D");
    assert_eq!(failures(), 2);
    biller.method("tok_visa_success");
    biller.advance("P5D");
    assert_eq!((failures(), &biller.tenant.get(&wallet)["balance"]), (2, &json!("100.00")));
}

#[test]
fn a_top_up_never_follows_itself() {
    let biller = Biller::at(MAY);
    biller.method("tok_visa_success");
    let settings = json!({ "enabled": true, "trigger_at": "100000000000.00", "amount": "0.01" });
    let wallet = wallet(&biller, "1.00", &json!({ "auto_top_up": settings }));
    assert_eq!(biller.tenant.get(&wallet)["balance"], "1.01");
}

#[test]
fn a_period_that_no_invoice_can_hold_is_refused() {
    let biller = Biller::at(MAY);
    let seats = json!([{ "code": "seats", "pricing":
        { "model": "per_unit", "unit_amount": "999999999999.00", "included_units": 0, "meter": "seats" } }]);
    biller.plan("seats", &seats, &json!({}));
    let body =
        json!({ "customer_id": biller.customer, "plan_code": "seats", "quantities": { "seats": 1_000_000_000 } });
    let refused = biller.tenant.post("/v1/subscriptions", &body);
    assert_eq!(refused.problem("/v1/subscriptions"), (422, "validation.failed".to_owned()));
    assert_eq!(refused.body["errors"][0]["field"], "quantities");
    // Nor can an invoice of one's own hold it, or a wallet.
    let line = |quantity: &str| json!({ "description": "A", "quantity": quantity, "unit_amount": "999999999999.00" });
    for (lines, field) in [(json!([line("2")]), "lines.0.unit_amount"), (json!([line("1"), line("1")]), "lines")] {
        let body = json!({ "customer_id": biller.customer, "currency": "USD", "lines": lines });
        let refused = biller.tenant.post("/v1/invoices", &body);
        assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!(field)), "{:#}", refused.body);
    }
    let wallet = wallet(&biller, "999999999999.00", &json!({}));
    let more = json!({ "amount": "1.00", "reason": "manual_topup" });
    let refused = biller.tenant.post(&format!("{wallet}/credits"), &more);
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("amount")), "{:#}", refused.body);
}

#[test]
fn a_chargeback_comes_after_a_minute_and_may_be_won() {
    for (token, after) in [("tok_visa_chargeback", "charged_back"), ("tok_visa_dispute_won", "succeeded")] {
        let (biller, _, payment) = paid(token);
        biller.advance("PT59S");
        assert_eq!(biller.status(&payment), "succeeded");
        biller.advance("PT1S");
        assert_eq!(
            (biller.status(&payment), biller.history().last().unwrap().1.as_str()),
            ("charged_back".to_owned(), "payment.charged_back")
        );
        biller.advance("PT30S");
        assert_eq!(biller.status(&payment), after);
    }
}

/// A plan that only bills calls, and a subscription to it.
fn metered(late: &str) -> (Biller, String) {
    let biller = Biller::at(MAY);
    let calls = json!([{ "code": "calls", "pricing": { "model": "usage", "meter": "api_calls",
        "tiers": [{ "up_to": null, "unit_amount": "0.10" }], "late_events": late } }]);
    biller.plan("calls", &calls, &json!({}));
    biller.method("tok_visa_success");
    let path = biller.subscribe("calls", &json!({}));
    (biller, path)
}

fn report(biller: &Biller, path: &str, quantity: &str, at: &str) -> crate::support::Answer {
    let subscription = path.rsplit('/').next().unwrap();
    biller.tenant.post(
        "/v1/usage",
        &json!({ "subscription_id": subscription, "meter": "api_calls", "quantity": quantity, "timestamp": at }),
    )
}

#[test]
fn late_usage_counts_in_the_open_period() {
    let (biller, path) = metered("next_period");
    assert!(biller.invoices().is_empty(), "nothing is paid in advance");
    assert_eq!(biller.status(&path), "active");
    report(&biller, &path, "10", "2026-05-10T00:00:00Z").expect(202);
    biller.advance_to("2026-06-01T00:00:00Z");
    report(&biller, &path, "7", "2026-05-31T23:59:59Z").expect(202);
    biller.advance_to("2026-07-01T00:00:00Z");
    let totals: Vec<String> = biller.invoices().iter().map(|row| text(row, "subtotal").to_owned()).collect();
    assert_eq!(totals, ["1.00", "0.70"]);
}

#[test]
fn late_usage_has_the_old_invoice_made_anew_where_the_plan_says_so() {
    let (biller, path) = metered("rebill");
    report(&biller, &path, "10", "2026-05-10T00:00:00Z").expect(202);
    biller.advance_to("2026-06-01T00:00:00Z");
    report(&biller, &path, "7", "2026-05-31T23:59:59Z").expect(202);
    let invoices = biller.invoices();
    assert_eq!(invoices.len(), 2);
    assert_eq!(invoices[0]["credit_notes"].as_array().unwrap().len(), 1);
    assert_eq!((text(&invoices[1], "subtotal"), text(&invoices[1], "status")), ("1.70", "paid"));
    let payments =
        biller.tenant.get(&format!("/v1/payments?sort=created_at:asc&invoice_id={}", text(&invoices[1], "id")));
    let told: Vec<(&str, &str)> =
        payments["data"].as_array().unwrap().iter().map(|row| (text(row, "provider"), text(row, "amount"))).collect();
    assert_eq!(told, [("wallet", "1.08"), ("stripe", "0.76")]);
    biller.advance_to("2026-07-01T00:00:00Z");
    assert_eq!(biller.invoices().len(), 2, "and nothing of it is billed twice");
}

#[test]
fn bad_usage_is_refused_whole() {
    let (biller, path) = metered("next_period");
    let subscription = path.rsplit('/').next().unwrap();
    let event =
        |quantity: &str, meter: &str| json!({ "subscription_id": subscription, "meter": meter, "quantity": quantity });
    for (body, field) in [
        (event("1.0e3", "api_calls"), "quantity"),
        (event("1", "other"), "meter"),
        (json!({ "subscription_id": "sub_nobody", "meter": "api_calls", "quantity": "1" }), "subscription_id"),
    ] {
        let answer = biller.tenant.post("/v1/usage", &body);
        assert_eq!(answer.problem("/v1/usage"), (422, "validation.failed".to_owned()));
        assert_eq!(answer.body["errors"][0]["field"], field);
    }
    for fine in ["-1", "0.001"] {
        assert_eq!(biller.tenant.post("/v1/usage", &event(fine, "api_calls")).status, 202);
    }
    let batch = |events: Vec<Value>| biller.tenant.post("/v1/usage/batch", &json!({ "events": events }));
    let many = |count: usize| vec![event("1", "api_calls"); count];
    assert_eq!(batch(many(1_001)).problem("/v1/usage/batch"), (422, "validation.failed".to_owned()));
    let mut one_wrong = many(3);
    one_wrong[1] = event("1", "other");
    assert_eq!(batch(one_wrong).body["errors"][0]["field"], "events.1.meter");
    assert_eq!(biller.tenant.get("/v1/usage?limit=100")["data"].as_array().unwrap().len(), 2, "all or none");
    assert_eq!(batch(many(1_000)).expect(202)["accepted"], 1_000);
}

#[test]
fn what_was_paid_is_earned_month_by_month() {
    let biller = Biller::at(MAY);
    biller.flat("yearly", "365.00", &json!({ "interval": "year" }));
    biller.method("tok_visa_success");
    biller.subscribe("yearly", &json!({}));
    let invoice = format!("/v1/invoices/{}", text(&biller.invoices()[0], "id"));
    let schedule = || biller.tenant.get(&format!("{invoice}/recognition-schedule"));
    let rows: Vec<String> =
        schedule()["rows"].as_array().unwrap().iter().map(|row| text(row, "amount").to_owned()).collect();
    // A year of 365 days at 1.00 a day, from May.
    assert_eq!(
        rows,
        ["31.00", "30.00", "31.00", "31.00", "30.00", "31.00", "30.00", "31.00", "31.00", "28.00", "31.00", "30.00"]
    );
    biller.advance_to("2026-07-15T00:00:00Z");
    assert_eq!([&schedule()["recognized"], &schedule()["deferred"]], ["61.00", "304.00"]);
    let close = |end: &str| biller.tenant.post("/v1/revrec/periods/close", &json!({ "period_end": end }));
    let june = close("2026-06-30").expect(200);
    assert_eq!(june["totals"], json!([{ "currency": "USD", "recognized": "61.00", "deferred": "304.00" }]));
    assert_eq!(close("2026-05-31").problem("/v1/revrec/periods/close"), (422, "revrec.period_closed".to_owned()));
    assert_eq!(close("2026-12-31").problem("/v1/revrec/periods/close"), (422, "validation.failed".to_owned()));
    assert_eq!(biller.tenant.get("/v1/revrec/periods")["data"].as_array().unwrap().len(), 1);
    let payment = biller.tenant.get("/v1/payments")["data"][0].clone();
    biller.tenant.create(&format!("/v1/payments/{}/refunds", text(&payment, "id")), &json!({ "reason": "other" }));
    let after = schedule();
    assert_eq!([&after["recognized"], &after["deferred"]], ["61.00", "0.00"]);
    assert_eq!(after["rows"][2]["status"], "reversed");
}

#[test]
fn an_invoice_has_a_document() {
    let (biller, invoice, _) = paid("tok_visa_success");
    let answer = biller.tenant.get(&format!("{invoice}/pdf"));
    assert_eq!(answer["url"], biller.tenant.get(&invoice)["pdf_url"]);
    let url = text(&answer, "url");
    let open = |url: &str| biller.tenant.0.raw("GET", url.strip_prefix(&biller.tenant.0.base).unwrap(), &[], b"");
    let file = open(url);
    assert_eq!((file.status, file.header("content-type")), (200, Some("application/pdf")));
    assert!(file.bytes.starts_with(b"%PDF-"));
    let (start, _) = url.rsplit_once('-').unwrap();
    assert_eq!(open(&format!("{start}-0000000000000000.pdf")).status, 404);
    let draft = biller.tenant.create("/v1/invoices", &json!({ "customer_id": biller.customer, "currency": "USD" }));
    let path = format!("/v1/invoices/{}/pdf", text(&draft, "id"));
    assert_eq!(
        biller.tenant.ask("GET", &path, &[], &Value::Null).problem(&path),
        (422, "invoice.not_finalized".to_owned())
    );
}

#[test]
fn a_subscription_gives_what_its_plan_has() {
    let biller = Biller::at(MAY);
    let components = json!([
        { "code": "sso", "pricing": { "model": "flat", "amount": "10.00" } },
        { "code": "seats", "pricing":
            { "model": "per_unit", "unit_amount": "1.00", "included_units": 2, "meter": "active_seats" } },
        { "code": "calls", "pricing": { "model": "usage", "meter": "api_calls",
            "tiers": [{ "up_to": null, "unit_amount": "0.10" }] } },
    ]);
    biller.plan("all", &components, &json!({}));
    biller.method("tok_visa_success");
    let path = biller.subscribe("all", &json!({ "quantities": { "active_seats": 5 } }));
    let check = |feature: &str, quantity: &str| {
        let body = json!({ "customer_id": biller.customer, "feature_code": feature, "required_quantity": quantity });
        let answer = biller.tenant.post("/v1/check", &body).expect(200);
        (answer["allowed"].as_bool().unwrap(), answer["balance"].clone(), answer["unlimited"].as_bool().unwrap())
    };
    assert_eq!(check("sso", "1"), (true, Value::Null, false));
    assert_eq!(check("active_seats", "5"), (true, json!("5"), false));
    assert_eq!(check("seats", "6"), (false, json!("5"), false));
    assert_eq!(check("calls", "1000"), (true, Value::Null, true));
    assert_eq!(check("nothing", "1"), (false, Value::Null, false));
    let tracked = biller
        .tenant
        .post("/v1/track", &json!({ "customer_id": biller.customer, "feature_code": "calls", "quantity": 3 }))
        .expect(202);
    assert_eq!((text(&tracked, "meter"), text(&tracked, "quantity")), ("api_calls", "3"));
    let rows = biller.tenant.get(&format!("{path}/entitlements"));
    let told: Vec<(&str, &Value)> =
        rows["data"].as_array().unwrap().iter().map(|row| (text(row, "kind"), &row["usage"])).collect();
    assert!(told.contains(&("metered", &json!("3"))), "{told:?}");
    let uncounted = biller.tenant.post("/v1/track", &json!({ "customer_id": biller.customer, "feature_code": "sso" }));
    assert_eq!(uncounted.problem("/v1/track"), (422, "validation.failed".to_owned()));
    biller.tenant.post(&format!("{path}/cancel"), &Value::Null).expect(200);
    assert!(!check("sso", "1").0);
}
