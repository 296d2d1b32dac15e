//! What can be done with a subscription while it runs (facts: paylera §2.4, §3.3 to §3.7).

use serde_json::{Value, json};

use crate::support::{Biller, text};

const MAY: &str = "2026-05-01T00:00:00Z";

fn flat(amount: &str) -> Biller {
    let biller = Biller::at(MAY);
    biller.flat("base", amount, &json!({}));
    biller.method("tok_visa_success");
    biller
}

/// Description and amount of each line.
fn lines(invoice: &Value) -> Vec<(&str, &str)> {
    let lines = invoice["lines"].as_array().expect("lines");
    lines.iter().map(|line| (text(line, "description"), text(line, "amount"))).collect()
}

#[test]
fn a_subscription_needs_what_exists() {
    let biller = Biller::at(MAY);
    biller.flat("base", "49.00", &json!({}));
    biller.flat("gone", "49.00", &json!({}));
    biller.tenant.post("/v1/plans/gone/archive", &Value::Null).expect(200);
    let other = biller.tenant.customer("eve@example.com");
    let methods = format!("/v1/customers/{}/payment-methods", text(&other, "id"));
    let theirs = biller.tenant.create(&methods, &json!({ "type": "card", "token": "tok_visa_success" }));
    let wrong = [
        (json!({ "customer_id": "cus_nobody", "plan_code": "base" }), "customer_id"),
        (json!({ "customer_id": biller.customer, "plan_code": "none" }), "plan_code"),
        (json!({ "customer_id": biller.customer, "plan_code": "gone" }), "plan_code"),
        (
            json!({ "customer_id": biller.customer, "plan_code": "base", "default_payment_method_id": theirs["id"] }),
            "default_payment_method_id",
        ),
        (
            json!({ "customer_id": biller.customer, "plan_code": "base", "require_payment_method": true }),
            "default_payment_method_id",
        ),
        (
            json!({ "customer_id": biller.customer, "plan_code": "base", "quantities": { "seats": 1 } }),
            "quantities.seats",
        ),
        (json!({ "customer_id": biller.customer, "plan_code": "base", "coupons": ["NONE"] }), "coupons.0"),
        (
            json!({ "customer_id": biller.customer, "plan_code": "base",
            "commitment": { "months": 4, "billing": "quarterly" } }),
            "commitment.months",
        ),
    ];
    for (body, field) in wrong {
        let answer = biller.tenant.post("/v1/subscriptions", &body);
        assert_eq!(answer.problem("/v1/subscriptions"), (422, "validation.failed".to_owned()), "{body}");
        assert_eq!(answer.body["errors"][0]["field"], field, "{}", answer.body);
    }
    assert_eq!(biller.tenant.get("/v1/subscriptions")["data"], json!([]));
}

#[test]
fn it_stops_at_the_end_of_its_period_unless_that_is_taken_back() {
    let biller = flat("49.00");
    let path = biller.subscribe("base", &json!({}));
    let cancel = |reason: &str| {
        biller.tenant.post(&format!("{path}/cancel"), &json!({ "at_period_end": true, "reason": reason })).expect(200)
    };
    let scheduled = cancel("Season is over");
    assert_eq!((&scheduled["status"], &scheduled["cancel_at_period_end"]), (&json!("active"), &json!(true)));
    assert_eq!(scheduled["cancel_at"], "2026-06-01T00:00:00Z");
    assert_eq!(scheduled["cancellation_reason"], "Season is over");
    biller.advance("P20D");
    let back = biller.tenant.post(&format!("{path}/reactivate"), &Value::Null).expect(200);
    assert_eq!((&back["cancel_at_period_end"], &back["canceled_at"]), (&json!(false), &Value::Null));
    assert_eq!(biller.history().last().unwrap().1, "subscription.reactivated");
    biller.advance_to("2026-06-02T00:00:00Z");
    assert_eq!(biller.invoices().len(), 2);
    cancel("Really");
    biller.advance_to("2026-09-01T00:00:00Z");
    assert_eq!(biller.status(&path), "canceled");
    assert_eq!(biller.invoices().len(), 2);
    assert_eq!(
        biller.history().last().unwrap(),
        &("2026-07-01T00:00:00Z".to_owned(), "subscription.canceled".to_owned())
    );
    let again = biller.tenant.post(&format!("{path}/reactivate"), &Value::Null);
    assert_eq!(again.problem(&format!("{path}/reactivate")), (422, "subscription.invalid_transition".to_owned()));
}

#[test]
fn a_pause_ends_by_itself_or_by_hand() {
    let biller = flat("49.00");
    let path = biller.subscribe("base", &json!({}));
    let past = biller.tenant.post(&format!("{path}/pause"), &json!({ "paused_until": MAY }));
    assert_eq!(past.problem(&format!("{path}/pause")), (422, "validation.failed".to_owned()));
    // Back before its period is over: nothing has changed for the bill.
    biller.tenant.post(&format!("{path}/pause"), &json!({ "paused_until": "2026-05-20T12:00:00Z" })).expect(200);
    biller.advance_to("2026-06-01T00:00:00Z");
    assert_eq!(biller.status(&path), "active");
    assert_eq!(biller.invoices().len(), 2);
    assert!(biller.history().contains(&("2026-05-20T12:00:00Z".to_owned(), "subscription.resumed".to_owned())));
    // Back later: a new period begins then.
    biller.tenant.post(&format!("{path}/pause"), &Value::Null).expect(200);
    biller.advance_to("2026-08-10T00:00:00Z");
    assert_eq!((biller.status(&path).as_str(), biller.invoices().len()), ("paused", 2));
    let back = biller.tenant.post(&format!("{path}/resume"), &Value::Null).expect(200);
    assert_eq!(back["current_period_end"], "2026-09-10T00:00:00Z");
    assert_eq!(biller.invoices().len(), 3);
}

#[test]
fn a_trial_is_extended_while_it_runs() {
    let biller = flat("49.00");
    let path = biller.subscribe("base", &json!({ "trial_days": 30 }));
    let extend = |to: &str| biller.tenant.post(&format!("{path}/extend-trial"), &json!({ "trial_end": to }));
    let sooner = extend("2026-05-20T00:00:00Z");
    assert_eq!(sooner.problem(&format!("{path}/extend-trial")), (422, "validation.failed".to_owned()));
    assert_eq!(extend("2026-06-15T00:00:00Z").expect(200)["trial_end"], "2026-06-15T00:00:00Z");
    biller.advance_to("2026-06-15T00:00:00Z");
    let told: Vec<(String, String)> =
        biller.history().into_iter().filter(|(_, name)| name.contains("trial_")).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(at, name)| (&at[..10], &**name)).collect();
    assert_eq!(
        told,
        [
            ("2026-05-01", "subscription.trial_started"),
            ("2026-05-01", "subscription.trial_extended"),
            ("2026-06-12", "subscription.trial_will_end"),
            ("2026-06-15", "subscription.trial_ended"),
        ]
    );
    assert_eq!(biller.tenant.get(&path)["current_period_end"], "2026-07-15T00:00:00Z");
    let late = extend("2026-08-01T00:00:00Z");
    assert_eq!(late.problem(&format!("{path}/extend-trial")), (422, "subscription.invalid_transition".to_owned()));
}

#[test]
fn the_cardholder_has_a_day_to_confirm_the_first_payment() {
    let biller = Biller::at(MAY);
    biller.flat("base", "49.00", &json!({}));
    biller.method("tok_visa_3ds");
    let path = biller.subscribe("base", &json!({}));
    assert_eq!(biller.status(&path), "pending_activation");
    let payment = biller.tenant.get("/v1/payments")["data"][0].clone();
    assert_eq!(
        (&payment["status"], &payment["next_action"]["type"]),
        (&json!("requires_action"), &json!("redirect_to_url"))
    );
    assert_eq!(biller.history().last().unwrap().1, "payment.requires_action");
    biller.advance("P1D");
    assert_eq!(biller.status(&path), "incomplete_expired");
    assert_eq!(
        (text(&biller.invoices()[0], "status"), &*biller.status(&format!("/v1/payments/{}", text(&payment, "id")))),
        ("void", "canceled")
    );
    // The second charge of the same card goes through.
    let second = biller.subscribe("base", &json!({}));
    assert_eq!(biller.status(&second), "active");
}

#[test]
fn a_change_of_quantity_is_prorated_by_the_second() {
    let biller = Biller::at(MAY);
    let seats = json!([{ "code": "seats", "pricing":
        { "model": "per_unit", "unit_amount": "10.00", "included_units": 0, "meter": "seats" } }]);
    biller.plan("seats", &seats, &json!({}));
    biller.method("tok_visa_success");
    biller.tenant.create("/v1/coupons", &json!({ "code": "HALF", "percent_off": "50" }));
    let path = biller.subscribe("seats", &json!({ "quantities": { "seats": 10 }, "coupons": ["HALF"] }));
    // Half of May's 31 days are left.
    biller.advance("PT372H");
    let more = json!({ "quantities": { "seats": 14 }, "proration_behavior": "always_invoice" });
    assert_eq!(biller.tenant.patch(&path, &more).expect(200)["quantities"], json!({ "seats": 14 }));
    let invoices = biller.invoices();
    // What was paid net is given back, and the coupon was for once.
    assert_eq!(lines(&invoices[1]), [("Unused time: pro: seats", "-25.00"), ("Remaining time: pro: seats", "70.00")]);
    assert_eq!(text(&invoices[1], "total"), "48.60");
    // The same again is no change, nor is it as a number with a point.
    biller.tenant.patch(&path, &more).expect(200);
    biller.tenant.patch(&path, &json!({ "quantities": { "seats": 14.0 } })).expect(200);
    assert_eq!(biller.invoices().len(), 2);
    // Fewer: with the next invoice.
    biller.tenant.patch(&path, &json!({ "quantities": { "seats": 2 } })).expect(200);
    assert_eq!(biller.invoices().len(), 2);
    biller.advance_to("2026-06-01T00:00:00Z");
    assert_eq!(
        lines(&biller.invoices()[2]),
        [("Unused time: pro: seats", "-70.00"), ("Remaining time: pro: seats", "10.00"), ("pro: seats", "20.00"),]
    );
    let invoice = &biller.invoices()[2];
    assert_eq!((text(invoice, "total"), text(invoice, "status")), ("-43.20", "paid"));
    let wallet = biller.tenant.get("/v1/wallets")["data"][0].clone();
    assert_eq!(wallet["balance"], "43.20", "what is owed to the customer goes to the wallet");
    biller.advance_to("2026-07-01T00:00:00Z");
    let next = biller.invoices()[3].clone();
    assert_eq!((text(&next, "total"), text(&next, "amount_due")), ("21.60", "0.00"));
    assert_eq!(biller.tenant.get("/v1/wallets")["data"][0]["balance"], "21.60", "and pays the next");
}

#[test]
fn another_interval_begins_a_period_now() {
    let biller = flat("31.00");
    biller.flat("yearly", "310.00", &json!({ "interval": "year" }));
    let path = biller.subscribe("base", &json!({}));
    biller.advance("P10D");
    let changed = biller.tenant.post(&format!("{path}/change-plan"), &json!({ "plan_code": "yearly" })).expect(200);
    assert_eq!((text(&changed, "plan_code"), text(&changed, "current_period_end")), ("yearly", "2027-05-11T00:00:00Z"));
    assert_eq!(lines(&biller.invoices()[1]), [("Unused time: pro: base", "-21.00"), ("pro: base", "310.00")]);
    let euro = json!({ "product_code": "pro", "code": "euro", "currency": "EUR", "interval": "month",
        "components": [{ "code": "base", "pricing": { "model": "flat", "amount": "9.00" } }] });
    biller.tenant.create("/v1/plans", &euro);
    let refused = biller.tenant.post(&format!("{path}/change-plan"), &json!({ "plan_code": "euro" }));
    assert_eq!(refused.body["errors"][0]["field"], "plan_code");
}

#[test]
fn a_commitment_holds_and_ends() {
    let biller = flat("49.00");
    let forbids = json!({ "commitment": { "months": 3, "early_cancel": "forbid" } });
    let path = biller.subscribe("base", &forbids);
    let refused = biller.tenant.post(&format!("{path}/cancel"), &Value::Null);
    assert_eq!(refused.problem(&format!("{path}/cancel")), (422, "subscription.commitment_active".to_owned()));
    let waits = biller.subscribe("base", &json!({ "commitment": { "months": 2 } }));
    let canceled = biller.tenant.post(&format!("{waits}/cancel"), &Value::Null).expect(200);
    assert_eq!((&canceled["status"], &canceled["cancel_at"]), (&json!("active"), &json!("2026-07-01T00:00:00Z")));
    biller.advance_to("2026-08-01T00:00:00Z");
    assert_eq!((&*biller.status(&path), &*biller.status(&waits)), ("ended", "canceled"));
    let told: Vec<(String, String)> =
        biller.history().into_iter().filter(|(_, name)| name.contains("commitment")).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(at, name)| (&at[..10], &name["subscription.".len()..])).collect();
    assert_eq!(
        told,
        [
            ("2026-05-01", "commitment_started"),
            ("2026-05-01", "commitment_started"),
            ("2026-06-01", "commitment_ending"),
            ("2026-07-01", "commitment_ended"),
            ("2026-07-02", "commitment_ending"),
            ("2026-08-01", "commitment_ended"),
        ]
    );
}

#[test]
fn a_commitment_is_billed_upfront_or_by_the_quarter_and_renews() {
    let biller = flat("10.00");
    biller.subscribe("base", &json!({ "commitment": { "months": 12, "billing": "upfront", "auto_renew": true } }));
    biller.subscribe("base", &json!({ "commitment": { "months": 6, "billing": "quarterly" } }));
    biller.advance("P1Y");
    let told: Vec<(String, String)> = biller
        .invoices()
        .iter()
        .map(|row| (text(row, "issued_at")[..10].to_owned(), text(&row["lines"][0], "amount").to_owned()))
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(at, amount)| (&**at, &**amount)).collect();
    assert_eq!(
        told,
        [("2026-05-01", "120.00"), ("2026-05-01", "30.00"), ("2026-08-01", "30.00"), ("2027-05-01", "120.00")]
    );
    assert!(
        biller.history().contains(&("2027-05-01T00:00:00Z".to_owned(), "subscription.commitment_renewed".to_owned()))
    );
}

#[test]
fn somebody_elses_change_is_noticed() {
    let biller = flat("49.00");
    let path = biller.subscribe("base", &json!({}));
    let version = biller.tenant.get(&path)["version"].as_u64().unwrap();
    let update =
        |version: u64| biller.tenant.patch(&format!("{path}?version={version}"), &json!({ "metadata": { "a": "b" } }));
    assert_eq!(update(version).status, 200);
    assert_eq!(update(version).problem(&path), (412, "resource.version_mismatch".to_owned()));
}

#[test]
fn coupons_last_as_long_as_they_say() {
    let biller = flat("100.00");
    let coupon = |code: &str, more: Value| {
        let mut body = json!({ "code": code, "percent_off": "10" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        biller.tenant.create("/v1/coupons", &body);
    };
    coupon("TWO", json!({ "duration": "repeating", "duration_months": 2, "max_redemptions": 1 }));
    coupon("EVER", json!({ "duration": "forever" }));
    biller.subscribe("base", &json!({ "coupons": ["TWO", "EVER"] }));
    biller.advance("P3M");
    let discounts: Vec<String> = biller.invoices().iter().map(|row| text(row, "discount").to_owned()).collect();
    assert_eq!(discounts, ["19.00", "19.00", "10.00", "10.00"]);
    assert_eq!(
        (&biller.tenant.get("/v1/coupons/TWO")["status"], &biller.tenant.get("/v1/coupons/EVER")["times_redeemed"]),
        (&json!("exhausted"), &json!(1))
    );
    let used = biller
        .tenant
        .post("/v1/subscriptions", &json!({ "customer_id": biller.customer, "plan_code": "base", "coupons": ["TWO"] }));
    assert_eq!(used.body["errors"][0]["field"], "coupons.0");
}
