//! Affiliates and what they earn (facts: paylera §2.14).

use serde_json::{Value, json};

use crate::support::{Biller, text};

const PROGRAMMES: &str = "/v1/affiliates/programmes";

/// A world with a programme of 30 % and an affiliate.
fn biller(rule: &Value) -> (Biller, Value) {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    biller.flat("base", "100.00", &json!({}));
    biller.tenant.create(
        PROGRAMMES,
        &json!({
            "code": "friends", "rule": rule, "hold_period_days": 30, "min_payout_amount": "50.00", "currency": "USD",
        }),
    );
    let affiliate = biller.tenant.create(
        "/v1/affiliates",
        &json!({ "programme_code": "friends", "code": "GRACE", "email": "grace@example.com" }),
    );
    (biller, affiliate)
}

fn commissions(biller: &Biller) -> Vec<(String, String)> {
    let list = biller.tenant.get("/v1/affiliates/commissions?sort=created_at:asc");
    let told = |row: &Value| (text(row, "amount").to_owned(), text(row, "status").to_owned());
    list["data"].as_array().unwrap().iter().map(told).collect()
}

fn row(amount: &str, status: &str) -> (String, String) {
    (amount.to_owned(), status.to_owned())
}

#[test]
fn a_commission_is_held_and_then_eligible() {
    let rule = json!({ "type": "percent", "rate": "30.0", "duration": "lifetime", "applies_to": { "product_codes": ["pro"] } });
    let (biller, affiliate) = biller(&rule);
    let attributed = biller
        .tenant
        .post(
            "/v1/affiliates/attribute",
            &json!({ "customer_id": biller.customer, "code": "GRACE", "source": "cookie" }),
        )
        .expect(200);
    assert_eq!((&attributed["affiliate_id"], &attributed["source"]), (&affiliate["id"], &json!("cookie")));
    let customer = biller.tenant.get(&format!("/v1/customers/{}", biller.customer));
    assert_eq!(customer["affiliate_id"], affiliate["id"]);
    biller.method("tok_visa_success");
    biller.subscribe("base", &json!({}));
    assert_eq!(commissions(&biller), [row("30.00", "pending")]);
    biller.advance("P31D");
    assert_eq!(commissions(&biller), [row("30.00", "eligible"), row("30.00", "pending")]);
    let refund = |payment: usize| {
        let list = biller.tenant.get("/v1/payments?sort=created_at:asc");
        let path = format!("/v1/payments/{}/refunds", text(&list["data"][payment], "id"));
        biller.tenant.create(&path, &json!({ "amount": "1.00", "reason": "other" }));
    };
    refund(0);
    refund(1);
    assert_eq!(commissions(&biller), [row("30.00", "eligible"), row("30.00", "reversed")], "only inside the hold");
}

#[test]
fn rules_say_for_how_long_and_how_much() {
    for (rule, expected) in [
        (json!({ "type": "fixed", "rate": "5.00", "duration": "first_payment" }), 1),
        (json!({ "type": "fixed", "rate": "5.00", "duration": "first_year" }), 12),
        (json!({ "type": "percent", "rate": "10", "duration": "lifetime" }), 14),
    ] {
        let (biller, _) = biller(&rule);
        biller.method("tok_visa_success");
        let referred =
            biller.tenant.create("/v1/customers", &json!({ "email": "bob@example.com", "referral_code": "GRACE" }));
        assert!(referred["affiliate_id"].is_string());
        let path = format!("/v1/customers/{}/payment-methods", text(&referred, "id"));
        biller.tenant.create(&path, &json!({ "type": "card", "token": "tok_visa_success", "set_as_default": true }));
        biller.tenant.create("/v1/subscriptions", &json!({ "customer_id": referred["id"], "plan_code": "base" }));
        biller.subscribe("base", &json!({}));
        biller.advance("P13M");
        assert_eq!(commissions(&biller).len(), expected, "{rule}");
        assert!(
            commissions(&biller)
                .iter()
                .all(|(amount, _)| amount == if rule["type"] == "fixed" { "5.00" } else { "10.00" })
        );
    }
}

#[test]
fn an_affiliate_is_for_good() {
    let (biller, _) = biller(&json!({ "type": "fixed", "rate": "5.00" }));
    let other = biller.tenant.create(
        "/v1/affiliates",
        &json!({ "programme_code": "friends", "code": "HEIDI", "email": "heidi@example.com" }),
    );
    let path = "/v1/affiliates/attribute";
    let attribute = |body: Value| biller.tenant.post(path, &body);
    let first = attribute(json!({ "customer_id": biller.customer, "code": "GRACE" })).expect(200);
    biller.advance("P1D");
    assert_eq!(attribute(json!({ "customer_id": biller.customer, "code": "GRACE" })).expect(200), first);
    let refused = attribute(json!({ "customer_id": biller.customer, "affiliate_id": other["id"] }));
    assert_eq!(refused.problem(path), (409, "affiliate.already_attributed".to_owned()));
    for (body, field) in [
        (json!({ "customer_id": "cus_nobody", "code": "GRACE" }), "customer_id"),
        (json!({ "customer_id": biller.customer, "code": "NOBODY" }), "code"),
        (json!({ "customer_id": biller.customer, "affiliate_id": "aff_nobody" }), "affiliate_id"),
    ] {
        assert_eq!(attribute(body).body["errors"][0]["field"], field);
    }
    let taken = biller
        .tenant
        .post("/v1/affiliates", &json!({ "programme_code": "friends", "code": "GRACE", "email": "g@example.com" }));
    assert_eq!(taken.problem("/v1/affiliates"), (409, "affiliate.code_taken".to_owned()));
    let nowhere = biller
        .tenant
        .post("/v1/affiliates", &json!({ "programme_code": "none", "code": "X", "email": "g@example.com" }));
    assert_eq!(nowhere.body["errors"][0]["field"], "programme_code");
    let again = json!({ "code": "friends", "rule": { "type": "fixed", "rate": "1.00" }, "currency": "USD" });
    assert_eq!(
        biller.tenant.post(PROGRAMMES, &again).problem(PROGRAMMES),
        (409, "affiliate_programme.code_taken".to_owned())
    );
    assert_eq!(biller.tenant.get(&format!("{PROGRAMMES}/friends"))["rule"]["duration"], "first_payment");
    let referral = biller.tenant.post("/v1/customers", &json!({ "email": "z@example.com", "referral_code": "NOBODY" }));
    assert_eq!(referral.body["errors"][0]["field"], "referral_code");
}
