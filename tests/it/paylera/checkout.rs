//! Hosted checkout and the bank's challenge (facts: paylera §6.2, §6.3, §7).

use serde_json::{Value, json};

use crate::support::{Biller, Browser, Shown, text};

const SESSIONS: &str = "/v1/checkout/sessions";
const CARD: [(&str, &str); 4] =
    [("card-number", "4242 4242 4242 4242"), ("card-expiry", "01 / 30"), ("card-cvc", "123"), ("cardholder", "Ada")];

fn biller() -> Biller {
    let biller = Biller::at("2026-05-06T12:34:00Z");
    biller.flat("pro-monthly-usd", "49.00", &json!({ "trial_days": 14 }));
    biller.flat("now", "49.00", &json!({}));
    biller
}

/// A session and its page.
fn session(biller: &Biller, mode: &str, more: &Value) -> (Value, Browser) {
    let mut body = json!({
        "mode": mode, "customer_id": biller.customer, "cancel_url": "https://yourapp.example/pricing",
        "success_url": "https://yourapp.example/billing/welcome?session_id={CHECKOUT_SESSION_ID}",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (biller.tenant.create(SESSIONS, &body), biller.tenant.0.browser())
}

fn pay(browser: &Browser, page: &Shown, number: &str) -> Shown {
    let mut card = CARD;
    card[0].1 = number;
    browser.press(page, "pay", &card.map(|(name, value)| (name, if name == "card-number" { number } else { value })))
}

#[test]
fn the_documented_session_with_its_trial() {
    let biller = biller();
    let (made, browser) = session(
        &biller,
        "subscription",
        &json!({
            "plan_code": "pro-monthly-usd", "allow_promotion_codes": true, "trial_days": 14,
            "metadata": { "campaign": "spring-launch" },
        }),
    );
    assert_eq!((text(&made, "status"), text(&made, "expires_at")), ("open", "2026-05-07T12:34:00Z"));
    let page = browser.open(text(&made, "url")).expect(200);
    assert_eq!(page.text("amount"), "No charge today");
    assert!(page.html.contains("Free until 20 May 2026"));
    let done = pay(&browser, &page, CARD[0].1).expect(303);
    let away = browser.follow(&done).expect(303);
    let id = text(&made, "id");
    assert_eq!(away.location(), format!("https://yourapp.example/billing/welcome?session_id={id}"));
    let after = biller.tenant.get(&format!("{SESSIONS}/{id}"));
    assert_eq!(text(&after, "status"), "complete");
    let subscription = biller.tenant.get(&format!("/v1/subscriptions/{}", text(&after, "subscription_id")));
    assert_eq!(
        (text(&subscription, "status"), &subscription["default_payment_method_id"]),
        ("trialing", &after["payment_method_id"])
    );
    assert_eq!(biller.history().last().unwrap().1, "checkout.session.completed");
    browser.open(text(&made, "url")).expect(410);
    let again = biller.tenant.post(&format!("{SESSIONS}/{id}/expire"), &Value::Null);
    assert_eq!(
        again.problem(&format!("{SESSIONS}/{id}/expire")),
        (422, "checkout_session.invalid_transition".to_owned())
    );
}

#[test]
fn a_decline_changes_nothing_and_the_next_card_pays() {
    let biller = biller();
    let (made, browser) = session(&biller, "subscription", &json!({ "plan_code": "now" }));
    let page = browser.open(text(&made, "url")).expect(200);
    assert_eq!(page.text("amount"), "USD 52.92");
    let before = biller.history();
    let declined = pay(&browser, &page, "4000 0000 0000 0002").expect(402);
    assert!(declined.has("message"));
    assert_eq!(biller.history(), before);
    assert_eq!(biller.tenant.get("/v1/subscriptions")["data"], json!([]));
    pay(&browser, &declined, "4242 4242 4242 4242").expect(303);
    assert_eq!(biller.invoices()[0]["total"], "52.92");
    assert!(biller.since("subscription.created").contains(&"subscription.activated".to_owned()));
}

#[test]
fn promotion_codes_count_at_once() {
    let biller = biller();
    biller.tenant.create("/v1/coupons", &json!({ "code": "WELCOME20", "percent_off": "20" }));
    let (made, browser) =
        session(&biller, "subscription", &json!({ "plan_code": "now", "allow_promotion_codes": true }));
    let page = browser.open(text(&made, "url")).expect(200);
    let wrong = browser.press(&page, "apply-code", &[("code", "NONE")]).expect(422);
    assert!(wrong.problem("code").is_some_and(|why| why.contains("NONE")));
    let right = browser.press(&wrong, "apply-code", &[("code", "WELCOME20")]).expect(303);
    let page = browser.follow(&right).expect(200);
    // 49.00 less 9.80, and 8 % of the rest.
    assert_eq!(page.text("amount"), "USD 42.34");
    pay(&browser, &page, CARD[0].1).expect(303);
    assert_eq!((&biller.invoices()[0]["discount"], &biller.invoices()[0]["total"]), (&json!("9.80"), &json!("42.34")));
    let (closed, _) = session(&biller, "subscription", &json!({ "plan_code": "now" }));
    browser.post(&format!("{}/codes", text(&closed, "url")), &[("code", "WELCOME20")]).expect(403);
}

#[test]
fn the_bank_may_ask_first() {
    let biller = biller();
    let (made, browser) = session(&biller, "subscription", &json!({ "plan_code": "now" }));
    let page = browser.open(text(&made, "url")).expect(200);
    for answer in ["fail", "approve"] {
        let asks = pay(&browser, &page, "4000 0025 0000 3155").expect(303);
        let bank = browser.follow(&asks).expect(200);
        let back = browser.press(&bank, answer, &[]).expect(303);
        let next = browser.follow(&back);
        if answer == "fail" {
            assert!(next.expect(200).has("message"));
            assert_eq!(biller.tenant.get("/v1/subscriptions")["data"], json!([]));
        } else {
            assert!(next.expect(303).location().starts_with("https://yourapp.example/billing/welcome"));
        }
    }
    assert_eq!(biller.tenant.get("/v1/subscriptions?status=active")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_card_is_saved_or_one_payment_taken() {
    let biller = biller();
    let (setup, browser) = session(&biller, "setup", &json!({}));
    let page = browser.open(text(&setup, "url")).expect(200);
    pay(&browser, &page, "5555 5555 5555 4444").expect(303);
    let methods = biller.tenant.get(&format!("/v1/customers/{}/payment-methods", biller.customer));
    assert_eq!(methods["data"][0]["card"]["brand"], "mastercard");
    assert_eq!(biller.tenant.get("/v1/payments")["data"], json!([]));
    let once = json!({ "amount": "19.90", "currency": "EUR", "description": "Workshop" });
    let (single, _) = session(&biller, "payment", &once);
    let page = browser.open(text(&single, "url")).expect(200);
    assert_eq!(page.text("amount"), "EUR 19.90");
    pay(&browser, &page, CARD[0].1).expect(303);
    let after = biller.tenant.get(&format!("{SESSIONS}/{}", text(&single, "id")));
    let payment = biller.tenant.get(&format!("/v1/payments/{}", text(&after, "payment_id")));
    assert_eq!((text(&payment, "amount"), &payment["invoice_id"]), ("19.90", &Value::Null));
}

#[test]
fn a_price_of_its_own() {
    let biller = biller();
    let seats = json!([{ "code": "seats", "pricing":
        { "model": "per_unit", "unit_amount": "10.00", "included_units": 0, "meter": "seats" } }]);
    biller.plan("seats", &seats, &json!({}));
    let item = json!([{ "plan_code": "seats", "unit_amount": "7.50", "quantity": 4 }]);
    let (made, browser) = session(&biller, "subscription", &json!({ "line_items": item }));
    let page = browser.open(text(&made, "url")).expect(200);
    pay(&browser, &page, CARD[0].1).expect(303);
    biller.advance("P1M");
    let subtotals: Vec<String> = biller.invoices().iter().map(|row| text(row, "subtotal").to_owned()).collect();
    assert_eq!(subtotals, ["30.00", "30.00"]);
    assert_eq!(biller.tenant.get("/v1/plans/seats")["components"][0]["pricing"]["unit_amount"], "10.00");
}

#[test]
fn a_session_that_cannot_be_is_refused() {
    let biller = biller();
    let base = json!({ "mode": "subscription", "customer_id": biller.customer, "success_url": "https://a.example" });
    for (more, field) in [
        (json!({ "customer_id": "cus_nobody", "plan_code": "now" }), "customer_id"),
        (json!({ "plan_code": "none" }), "plan_code"),
        (json!({ "plan_code": "now", "coupons": ["NONE"] }), "coupons.0"),
        (json!({ "plan_code": "now", "quantities": { "seats": 1 } }), "quantities.seats"),
        (json!({ "line_items": [{ "plan_code": "now" }, { "plan_code": "now" }] }), "line_items.1"),
        (json!({ "line_items": [{ "plan_code": "now", "quantity": 2 }] }), "line_items.0.quantity"),
        (json!({ "mode": "payment", "amount": "0.00", "currency": "USD" }), "amount"),
        (json!({ "mode": "payment", "amount": "1.00", "currency": "XXY" }), "currency"),
    ] {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = biller.tenant.post(SESSIONS, &body);
        assert_eq!(answer.problem(SESSIONS), (422, "validation.failed".to_owned()), "{body}");
        assert_eq!(answer.body["errors"][0]["field"], field, "{}", answer.body);
    }
    assert_eq!(biller.tenant.get(SESSIONS)["data"], json!([]));
}

#[test]
fn a_session_ends_after_a_day_or_by_hand() {
    let biller = biller();
    let (late, browser) = session(&biller, "setup", &json!({}));
    biller.advance("P1D");
    assert_eq!(biller.history().last().unwrap().1, "checkout.session.expired");
    browser.open(text(&late, "url")).expect(410);
    let (made, _) = session(&biller, "setup", &json!({}));
    let path = format!("{SESSIONS}/{}/expire", text(&made, "id"));
    assert_eq!(biller.tenant.post(&path, &Value::Null).expect(200)["status"], "expired");
    browser.open(text(&made, "url")).expect(410);
    let (open, _) = session(&biller, "setup", &json!({}));
    let page = browser.open(text(&open, "url")).expect(200);
    assert_eq!(browser.press(&page, "cancel", &[]).expect(303).location(), "https://yourapp.example/pricing");
    let unknown = text(&open, "url").replace("/c/cs_", "/c/cs_0");
    browser.open(&unknown).expect(404);
}

#[test]
fn the_control_api_pays_without_the_page() {
    let biller = biller();
    let (made, _) = session(&biller, "subscription", &json!({ "plan_code": "now" }));
    let path = |how: &str| format!("/_leapday/payments/{}/{how}?provider=paylera", text(&made, "id"));
    let declined = biller.tenant.0.post(&path("fail"), &json!({}));
    assert_eq!((declined.status, &declined.body["paid"]), (200, &json!(false)), "{}", declined.body);
    biller.tenant.0.post(&path("complete"), &json!({})).expect(200);
    assert_eq!(biller.tenant.get(&format!("{SESSIONS}/{}", text(&made, "id")))["status"], "complete");
}

#[test]
fn attach_starts_at_once_where_something_can_be_charged() {
    let biller = biller();
    let body = json!({ "customer_id": biller.customer, "plan_id": "now", "success_url": "https://a.example/ok" });
    let first = biller.tenant.post("/v1/attach", &body).expect(200);
    assert_eq!(first["subscription_id"], Value::Null);
    biller.tenant.0.browser().open(text(&first, "checkout_url")).expect(200);
    biller.method("tok_visa_success");
    let second = biller.tenant.post("/v1/attach", &body).expect(200);
    assert_eq!((&second["checkout_url"], second["subscription_id"].is_string()), (&Value::Null, true));
    let wrong = biller.tenant.post(
        "/v1/attach",
        &json!({ "customer_id": biller.customer, "plan_id": "no", "success_url": "https://a.example" }),
    );
    assert_eq!(wrong.body["errors"][0]["field"], "plan_id");
}

/// A payment of an invoice that waits for the cardholder: the address of the challenge, the invoice.
fn challenge(biller: &Biller, return_url: Option<&str>) -> (Value, String) {
    biller.method("tok_visa_3ds");
    let line = json!({ "description": "Setup", "unit_amount": "49.00" });
    let made = json!({ "customer_id": biller.customer, "currency": "USD", "lines": [line] });
    let made = biller.tenant.create("/v1/invoices", &made);
    let invoice = format!("/v1/invoices/{}", text(&made, "id"));
    biller.tenant.post(&format!("{invoice}/finalize"), &Value::Null).expect(200);
    let body = return_url.map_or(json!({}), |url| json!({ "return_url": url }));
    (biller.tenant.post(&format!("{invoice}/pay"), &body).expect(200), invoice)
}

#[test]
fn the_challenge_leads_back_with_the_payment() {
    for (answer, status, invoice_status) in [("approve", "succeeded", "paid"), ("fail", "failed", "open")] {
        let biller = biller();
        let url = "https://yourapp.example/billing/done?payment_id={PAYMENT_ID}";
        let (payment, invoice) = challenge(&biller, Some(url));
        assert_eq!((text(&payment, "status"), text(&payment, "amount")), ("requires_action", "52.92"));
        let path = format!("/v1/payments/{}", text(&payment, "id"));
        let told = biller.tenant.get(&format!("{path}/action-url"));
        assert_eq!(told["url"], payment["next_action"]["url"]);
        let browser = biller.tenant.0.browser();
        let bank = browser.open(text(&told, "url")).expect(200);
        assert!(bank.html.contains("USD 52.92"));
        let back = browser.press(&bank, answer, &[]).expect(303);
        assert_eq!(back.location(), url.replace("{PAYMENT_ID}", text(&payment, "id")));
        assert_eq!((biller.status(&path).as_str(), biller.status(&invoice).as_str()), (status, invoice_status));
        assert_eq!(biller.since("payment.requires_action")[0], "payment.action_completed");
        browser.open(text(&told, "url")).expect(410);
        let gone = biller.tenant.ask("GET", &format!("{path}/action-url"), &[], &Value::Null);
        assert_eq!(gone.problem(&format!("{path}/action-url")), (422, "payment.no_action_required".to_owned()));
    }
}

#[test]
fn the_challenge_of_a_first_payment_activates_the_subscription() {
    let biller = biller();
    biller.method("tok_visa_3ds");
    let path = biller.subscribe("now", &json!({}));
    let payment = biller.tenant.get("/v1/payments")["data"][0].clone();
    let browser = biller.tenant.0.browser();
    let url = text(&payment["next_action"], "url").to_owned();
    let waits = browser.press(&browser.open(&url).expect(200), "abandon", &[]).expect(200);
    assert!(waits.html.contains("waits"));
    browser.press(&browser.open(&url).expect(200), "approve", &[]).expect(200);
    assert_eq!(biller.status(&path), "active");
    assert_eq!(biller.history().last().unwrap().1, "subscription.activated");
    browser.open(&url.replace('-', "-0")).expect(404);
}
