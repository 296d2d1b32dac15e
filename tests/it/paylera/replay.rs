//! The documented examples, one after another in one world (facts: paylera §7).

use serde_json::{Value, json};

use crate::support::{Biller, text};

/// Number by number; what a number says beyond this has a test of its own, named in the comment.
#[test]
#[expect(clippy::too_many_lines, reason = "one world, told from the beginning to the end")]
fn the_documented_examples_replay() {
    let biller = Biller::at("2026-05-06T12:34:00Z");
    let tenant = &biller.tenant;
    // 1: a customer.
    let ada = json!({
        "email": "ada@example.com", "name": "Ada Lovelace",
        "billing_address": {
            "line1": "100 Market St", "city": "San Francisco", "region": "CA", "country": "US", "postal_code": "94105",
        },
        "metadata": { "your_user_id": "u_28471" },
    });
    let customer = tenant.create("/v1/customers", &ada);
    let path = format!("/v1/customers/{}", text(&customer, "id"));
    assert_eq!(customer["metadata"], ada["metadata"]);
    // 2: a tax id.
    tenant.create(&format!("{path}/tax-ids"), &json!({ "type": "eu_vat", "value": "DE123456789" }));
    // 3: a method.
    let card = json!({ "type": "card", "token": "tok_visa_success", "set_as_default": true });
    let method = tenant.create(&format!("{path}/payment-methods"), &card);
    assert_eq!((&method["is_default"], &method["card"]["last4"]), (&json!(true), &json!("4242")));
    // 4: a product (`pro` stands already; another code). 5: the plans, and the look-up by code.
    let product =
        json!({ "code": "pro-plus", "name": "Pro", "description": "For growing teams.", "tax_code": "txcd_10000000" });
    tenant.create("/v1/products", &product);
    for (code, interval, base, seats) in
        [("pro-monthly-usd", "month", "49.00", "10.00"), ("pro-yearly-usd", "year", "490.00", "100.00")]
    {
        tenant.create("/v1/plans", &json!({
            "product_code": "pro", "code": code, "currency": "USD", "interval": interval, "interval_count": 1, "trial_days": 14,
            "components": [
                { "code": "base", "pricing": { "model": "flat", "amount": base } },
                { "code": "seats", "pricing":
                    { "model": "per_unit", "unit_amount": seats, "included_units": 5, "meter": "active_seats" } },
                { "code": "calls", "pricing": { "model": "usage", "meter": "api_calls", "aggregation": "sum",
                    "tiers": [{ "up_to": null, "unit_amount": "0.001" }] } },
            ],
        }));
    }
    assert_eq!(tenant.get("/v1/plans/pro-monthly-usd")["trial_days"], 14);
    // 6: the least that a subscription needs, and all of it.
    let least =
        tenant.create("/v1/subscriptions", &json!({ "customer_id": customer["id"], "plan_code": "pro-monthly-usd" }));
    assert_eq!(least["status"], "trialing");
    tenant.create("/v1/coupons", &json!({ "code": "WELCOME20", "percent_off": "20" }));
    let full = tenant.create(
        "/v1/subscriptions",
        &json!({
            "customer_id": customer["id"], "plan_code": "pro-monthly-usd", "default_payment_method_id": method["id"],
            "trial_days": 30, "billing_cycle_anchor": "2026-06-01T00:00:00Z", "quantities": { "active_seats": 7 },
            "coupons": ["WELCOME20"], "metadata": { "team": "alpha" },
        }),
    );
    assert_eq!(
        (&full["trial_end"], &full["billing_cycle_anchor"]),
        (&json!("2026-06-05T12:34:00Z"), &json!("2026-06-01T00:00:00Z"))
    );
    let paid = tenant.create("/v1/subscriptions", &json!({
        "customer_id": customer["id"], "plan_code": "pro-monthly-usd", "trial_days": 0, "quantities": { "active_seats": 7 },
    }));
    let lines = tenant.get("/v1/invoices")["data"][0]["lines"].clone();
    assert_eq!(
        (&lines[0]["amount"], &lines[1]["quantity"], &lines[1]["unit_amount"]),
        (&json!("49.00"), &json!("2"), &json!("10.00"))
    );
    // 7: a longer trial, and none for what is not on trial.
    let extend = |subscription: &Value| {
        let path = format!("/v1/subscriptions/{}/extend-trial", text(subscription, "id"));
        tenant.post(&path, &json!({ "trial_end": "2026-06-15T00:00:00Z" }))
    };
    assert_eq!(extend(&least).expect(200)["trial_end"], "2026-06-15T00:00:00Z");
    assert_eq!(extend(&paid).status, 422);
    // 8: usage (`money::bad_usage_is_refused_whole`).
    let usage = json!({
        "subscription_id": paid["id"], "meter": "api_calls", "quantity": "1",
        "timestamp": "2026-05-06T12:34:56.789Z", "external_id": "req_8f4a",
    });
    assert_eq!(tenant.post("/v1/usage", &usage).expect(202), tenant.post("/v1/usage", &usage).expect(202));
    // 9: a line on a draft, and none on an open invoice.
    let draft = tenant.create("/v1/invoices", &json!({ "customer_id": customer["id"], "currency": "USD" }));
    let invoice = format!("/v1/invoices/{}", text(&draft, "id"));
    let line = json!({ "description": "One-time setup", "quantity": "1", "unit_amount": "250.00" });
    assert_eq!(tenant.create(&format!("{invoice}/lines"), &line)["amount"], "250.00");
    tenant.post(&format!("{invoice}/finalize"), &Value::Null).expect(200);
    assert_eq!(tenant.post(&format!("{invoice}/lines"), &line).status, 422);
    // 10: paying (`checkout::the_challenge_leads_back_with_the_payment`, `money::a_wallet_that_has_too_little…`).
    let pay = json!({
        "payment_method_id": method["id"], "return_url": "https://yourapp.example/billing/done?payment_id={PAYMENT_ID}",
    });
    let payment = tenant.post(&format!("{invoice}/pay"), &pay).expect(200);
    // 11: refunds (`money::refunds_never_exceed_their_payment`).
    let refunds = format!("/v1/payments/{}/refunds", text(&payment, "id"));
    tenant.create(&refunds, &json!({ "amount": "25.00", "reason": "order_change" }));
    tenant.create(&refunds, &json!({ "amount": "25.00", "reason": "customer_request", "destination": "wallet" }));
    assert_eq!(tenant.post(&refunds, &json!({ "reason": "service_outage" })).status, 422);
    // 12: a credit note.
    tenant.create(
        &format!("{invoice}/credit-notes"),
        &json!({
            "reason": "service_outage", "outcome": "credit_balance",
            "lines": [{ "description": "Goodwill credit – outage 2026-05-04", "amount": "-50.00" }],
        }),
    );
    // 13: a wallet (25.00 of the refund and 54.00 of the note lie in it).
    let wallet = tenant.get("/v1/wallets")["data"][0].clone();
    assert_eq!(wallet["balance"], "79.00");
    let credit = json!({ "amount": "50.00", "reason": "manual_topup", "external_id": "stripe_topup_1" });
    tenant.create(&format!("/v1/wallets/{}/credits", text(&wallet, "id")), &credit);
    // 14: a setup intent.
    let intent = json!({ "customer_id": customer["id"], "provider": "stripe", "payment_method_types": ["card"] });
    assert_eq!(tenant.create("/v1/setup-intents", &intent)["expires_at"], "2026-05-06T12:44:00Z");
    // 15: a checkout (`checkout::the_documented_session_with_its_trial`). 16: portals.
    let portal = json!({ "customer_id": customer["id"], "return_url": "https://yourapp.example/account/billing" });
    assert_eq!(tenant.create("/v1/portal/sessions", &portal)["expires_at"], "2026-05-06T13:34:00Z");
    let mut restricted = portal;
    restricted["configuration"] = json!({
        "subscription_cancel_enabled": false, "subscription_update_enabled": false, "payment_method_update_enabled": true,
    });
    let made = tenant.create("/v1/portal/sessions", &restricted);
    assert_eq!(made["configuration"], restricted["configuration"]);
    // 17: a webhook endpoint (`webhook_endpoints::an_endpoint_shows_its_secret_once`). 18: dunning.
    let policy = json!({
        "name": "default", "on_exhaustion": "cancel_subscription", "max_total_days": 21,
        "schedule": [
            { "attempt": 2, "after_days": 3, "send_email": true }, { "attempt": 3, "after_days": 5, "send_email": true },
            { "attempt": 4, "after_days": 7, "send_email": false },
        ],
    });
    let set = tenant.patch("/v1/admin/dunning/policy", &policy).expect(200);
    assert_eq!(set["schedule"], policy["schedule"]);
    biller.flat("enterprise-annual-usd", "9000.00", &json!({ "interval": "year" }));
    let grace = json!({ "dunning_policy": "enterprise-grace" });
    assert_eq!(
        tenant.patch("/v1/plans/enterprise-annual-usd", &grace).expect(200)["dunning_policy"],
        "enterprise-grace"
    );
    // 19, 21: `billing`. 20: `idempotency`; a live token: `transport`.
}
