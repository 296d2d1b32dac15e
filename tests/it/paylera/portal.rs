//! The customer portal, statement by statement of its guide (facts: paylera §6.1, guide "customer portal").

use serde_json::{Value, json};

use crate::support::{Biller, Browser, Shown, text};

const SESSIONS: &str = "/v1/portal/sessions";

fn biller() -> Biller {
    let biller = Biller::at("2026-05-06T12:34:00Z");
    biller.flat("pro-monthly-usd", "49.00", &json!({}));
    biller.flat("pro-yearly-usd", "490.00", &json!({ "interval": "year" }));
    biller.flat("lite-monthly-usd", "9.00", &json!({}));
    biller.method("tok_visa_success");
    biller
}

fn session(biller: &Biller, more: &Value) -> Value {
    let mut body = json!({ "customer_id": biller.customer, "return_url": "https://yourapp.example/account/billing" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    biller.tenant.create(SESSIONS, &body)
}

/// The portal of a new session, and the address of its page.
fn enter(biller: &Biller, more: &Value) -> (Browser, Shown, String) {
    let browser = biller.tenant.0.browser();
    let link = browser.open(text(&session(biller, more), "url")).expect(303);
    let home = link.location().to_owned();
    let page = browser.open(&home).expect(200);
    (browser, page, home)
}

#[track_caller]
fn press(browser: &Browser, page: &Shown, button: &str, changes: &[(&str, &str)]) -> Shown {
    let back = browser.press(page, button, changes).expect(303);
    browser.follow(&back).expect(200)
}

#[test]
fn a_session_has_an_id_an_address_and_an_hour() {
    let biller = biller();
    let made = session(&biller, &json!({}));
    let id = text(&made, "id");
    assert!(id.starts_with("ps_") && text(&made, "url").ends_with(&format!("/paylera/portal/p/{id}")));
    assert_eq!(made["expires_at"], "2026-05-06T13:34:00Z");
    let path = format!("/v1/customers/{}/billing-portal-sessions", biller.customer);
    let alias = biller.tenant.create(&path, &json!({ "return_url": "https://yourapp.example/" }));
    assert_eq!(alias["customer_id"], made["customer_id"]);
}

#[test]
fn the_link_opens_once_and_for_sixty_minutes() {
    let biller = biller();
    let made = session(&biller, &json!({}));
    let browser = biller.tenant.0.browser();
    let home = browser.open(text(&made, "url")).expect(303).location().to_owned();
    browser.open(text(&made, "url")).expect(410);
    browser.open(&home).expect(200);
    let unused = session(&biller, &json!({}));
    biller.advance("PT59M59S");
    browser.open(&home).expect(200);
    biller.advance("PT1S");
    browser.open(&home).expect(410);
    browser.open(text(&unused, "url")).expect(410);
    browser.open(&home.replace('-', "-0")).expect(404);
}

#[test]
fn it_cannot_be_framed() {
    let biller = biller();
    let (browser, page, home) = enter(&biller, &json!({}));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(page.header("set-cookie"), None);
    let refused = browser.post(&format!("{home}/tax-ids"), &[]).expect(422);
    assert_eq!(refused.header("x-frame-options"), Some("DENY"));
}

#[test]
fn the_customer_sees_the_plan_and_not_the_usage() {
    let biller = biller();
    biller.subscribe("pro-monthly-usd", &json!({}));
    let (_, page, _) = enter(&biller, &json!({}));
    assert!(page.html.contains("pro, every month") && page.html.contains("6 Jun 2026"));
    assert_eq!(page.text("subscription-status"), "Active");
    assert!(!page.has("usage"));
}

#[test]
fn the_customer_upgrades_and_downgrades() {
    let biller = biller();
    let path = biller.subscribe("pro-monthly-usd", &json!({}));
    let (browser, page, _) = enter(&biller, &json!({}));
    let page = press(&browser, &page, "change-plan", &[("plan", "pro-yearly-usd")]);
    assert_eq!(page.text("message"), "Your plan was changed.");
    assert_eq!(biller.tenant.get(&path)["plan_code"], "pro-yearly-usd");
    assert!(biller.history().iter().any(|(_, name)| name == "subscription.updated"));
    press(&browser, &page, "change-plan", &[("plan", "lite-monthly-usd")]);
    assert_eq!(biller.tenant.get(&path)["plan_code"], "lite-monthly-usd");
}

#[test]
fn the_customer_changes_a_quantity() {
    let biller = biller();
    let seats = json!([{ "code": "seats", "pricing":
        { "model": "per_unit", "unit_amount": "10.00", "included_units": 0, "meter": "seats" } }]);
    biller.plan("seats", &seats, &json!({}));
    let path = biller.subscribe("seats", &json!({ "quantities": { "seats": 2 } }));
    let (browser, page, _) = enter(&biller, &json!({}));
    press(&browser, &page, "change-quantity", &[("seats", "5")]);
    assert_eq!(biller.tenant.get(&path)["quantities"], json!({ "seats": 5 }));
    let (browser, page, _) = enter(&biller, &json!({}));
    let refused = press(&browser, &page, "change-quantity", &[("seats", "-1")]);
    assert_eq!(refused.text("message"), "That is not possible any more.");
    assert_eq!(biller.tenant.get(&path)["quantities"], json!({ "seats": 5 }));
}

#[test]
fn the_customer_cancels_and_takes_it_back() {
    let biller = biller();
    let path = biller.subscribe("pro-monthly-usd", &json!({}));
    let (browser, page, _) = enter(&biller, &json!({}));
    let page = press(&browser, &page, "cancel", &[]);
    assert_eq!(biller.tenant.get(&path)["cancel_at"], "2026-06-06T12:34:00Z");
    assert!(!page.has("cancel"));
    press(&browser, &page, "reactivate", &[]);
    assert_eq!(biller.tenant.get(&path)["cancel_at"], Value::Null);
    assert_eq!(biller.history().last().unwrap().1, "subscription.reactivated");
    let (browser, page, _) = enter(&biller, &json!({}));
    press(&browser, &page, "cancel", &[]);
    biller.advance("P2M");
    assert!(biller.history().iter().any(|(at, name)| name == "subscription.canceled" && at == "2026-06-06T12:34:00Z"));
}

#[test]
fn the_customer_adds_and_removes_methods() {
    let biller = biller();
    let (browser, page, home) = enter(&biller, &json!({}));
    let form = browser.open(&format!("{home}/methods/new?card=5555555555554444")).expect(200);
    let page_after = press(&browser, &form, "pay", &[]);
    assert_eq!(page_after.texts("[data-testid=payment-method]").len(), 2);
    assert_eq!(biller.history().last().unwrap().1, "customer.payment_method_attached");
    press(&browser, &page_after, "default-payment-method", &[]);
    assert_eq!(biller.history().last().unwrap().1, "customer.updated");
    press(&browser, &page, "remove-payment-method", &[]);
    assert!(biller.history().iter().any(|(_, name)| name == "customer.payment_method_detached"));
    let bad = browser.press(&form, "pay", &[("card-number", "4242")]).expect(422);
    assert!(bad.problem("card-number").is_some());
}

#[test]
fn the_customer_reads_invoices_and_retries_failed_ones() {
    let biller = biller();
    biller.subscribe("pro-monthly-usd", &json!({}));
    biller.method("tok_visa_decline");
    biller.advance("P1M");
    let (browser, page, home) = enter(&biller, &json!({}));
    assert_eq!(page.texts("[data-testid=invoice]").len(), 2);
    let pdf = page.attribute("[data-testid=invoice-pdf]", "href").unwrap();
    assert_eq!(pdf, text(&biller.invoices()[1], "pdf_url"));
    let declined = press(&browser, &page, "pay-invoice", &[]);
    assert!(declined.text("message").contains("declined"));
    // A card that the bank asks about: back here afterwards.
    let form = browser.open(&format!("{home}/methods/new?card=4000002500003155")).expect(200);
    let with_card = press(&browser, &form, "pay", &[]);
    let methods = biller.tenant.get(&format!("/v1/customers/{}/payment-methods", biller.customer));
    let newest = json!({ "default_payment_method_id": methods["data"][0]["id"] });
    biller.tenant.patch(&format!("/v1/customers/{}", biller.customer), &newest).expect(200);
    let bank = browser.press(&with_card, "pay-invoice", &[]).expect(303);
    assert!(bank.location().contains("/3ds/"));
    let back = browser.press(&browser.follow(&bank).expect(200), "approve", &[]).expect(303);
    let page = browser.follow(&back).expect(200);
    assert!(!page.has("pay-invoice"));
    assert_eq!(biller.invoices()[1]["status"], "paid");
}

#[test]
fn the_customer_keeps_tax_ids_and_the_address() {
    let biller = biller();
    let (browser, page, _) = enter(&biller, &json!({}));
    let wrong = browser.press(&page, "add-tax-id", &[("tax-type", "VAT"), ("tax-value", "1")]).expect(422);
    assert!(wrong.problem("tax-type").is_some());
    let page = press(&browser, &page, "add-tax-id", &[("tax-type", "eu_vat"), ("tax-value", "DE123456789")]);
    assert_eq!(biller.history().last().unwrap().1, "customer.updated");
    let path = format!("/v1/customers/{}", biller.customer);
    assert_eq!(biller.tenant.get(&path)["tax_ids"][0]["value"], "DE123456789");
    let page = press(&browser, &page, "remove-tax-id", &[]);
    assert_eq!(biller.tenant.get(&path)["tax_ids"], json!([]));
    let wrong = browser.press(&page, "save-address", &[("country", "Germany")]).expect(422);
    assert!(wrong.problem("country").is_some());
    press(&browser, &page, "save-address", &[("city", "Berlin"), ("country", "DE")]);
    assert_eq!(biller.tenant.get(&path)["billing_address"]["city"], "Berlin");
    assert_eq!(biller.history().last().unwrap().1, "customer.updated");
}

#[test]
fn leaving_tells_what_was_done_and_leads_back() {
    let biller = biller();
    biller.subscribe("pro-monthly-usd", &json!({}));
    let (browser, page, home) = enter(&biller, &json!({}));
    let page = press(&browser, &page, "cancel", &[]);
    let away = browser.press(&page, "leave", &[]).expect(303);
    assert_eq!(away.location(), "https://yourapp.example/account/billing");
    browser.open(&home).expect(410);
    let events = biller.tenant.0.get("/_leapday/events?provider=paylera&type=portal.session.completed");
    let data = &events["events"][0]["body"]["data"];
    assert_eq!(data["summary"]["actions"], json!([{ "type": "subscription_canceled", "at": "2026-05-06T12:34:00Z" }]));
    // Whoever closes the tab has left when the hour is over; a link that nobody opened tells nothing.
    enter(&biller, &json!({}));
    session(&biller, &json!({}));
    biller.advance("PT1H");
    let events = biller.tenant.0.get("/_leapday/events?provider=paylera&type=portal.session.completed");
    assert_eq!(events["events"].as_array().unwrap().len(), 2);
}

#[test]
fn it_speaks_the_session_s_language_or_the_browser_s() {
    let biller = biller();
    let of = |locale: Value, languages: &'static str| {
        let made = session(&biller, &json!({ "locale": locale }));
        let browser = biller.tenant.0.browser().speaking(languages);
        let page = browser.follow(&browser.open(text(&made, "url")).expect(303)).expect(200);
        (page.attribute("html", "lang").unwrap(), page.attribute("html", "dir").unwrap())
    };
    assert_eq!(of(json!("fr"), "ar"), ("fr".to_owned(), "ltr".to_owned()));
    assert_eq!(of(Value::Null, "ar-EG,en;q=0.5"), ("ar".to_owned(), "rtl".to_owned()));
    assert_eq!(of(Value::Null, "xx"), ("en".to_owned(), "ltr".to_owned()));
    let (_, page, _) = enter(&biller, &json!({ "locale": "fr" }));
    assert!(page.html.contains("Adresse de facturation") && !page.html.contains("optional"));
}

#[test]
fn it_wears_the_tenant_s_brand() {
    let biller = biller();
    let logo = "data:image/png;base64,iVBORw0KGgo=";
    let settings = json!({ "branding": { "name": "Harbor", "accent_color": "#0a6b52", "logo_url": logo } });
    biller.tenant.patch("/v1/admin/portal/settings", &settings).expect(200);
    let (browser, page, home) = enter(&biller, &json!({}));
    assert!(page.html.contains("Harbor"));
    assert_eq!(page.attribute("[data-testid=logo]", "src").as_deref(), Some(logo));
    assert!(browser.open(&format!("{home}/brand.css")).expect(200).html.contains("#0a6b52"));
    let elsewhere = json!({ "branding": { "logo_url": "https://evil.example/logo.png" } });
    let refused = biller.tenant.patch("/v1/admin/portal/settings", &elsewhere);
    assert_eq!(refused.body["errors"][0]["field"], "branding.logo_url");
}

#[test]
fn what_is_hidden_cannot_be_done() {
    let biller = biller();
    let path = biller.subscribe("pro-monthly-usd", &json!({}));
    let id = path.rsplit('/').next().unwrap();
    let restricted = json!({ "configuration": {
        "subscription_cancel_enabled": false, "subscription_update_enabled": false, "payment_method_update_enabled": true,
    } });
    let (browser, page, home) = enter(&biller, &restricted);
    assert!(page.has("payment-methods") && !page.has("cancel") && !page.has("change-plan"));
    let before = (biller.tenant.get(&path), biller.history());
    browser.post(&format!("{home}/subscriptions/{id}/cancel"), &[]).expect(403);
    browser.post(&format!("{home}/subscriptions/{id}/plan"), &[("plan", "pro-yearly-usd")]).expect(403);
    browser.post(&format!("{home}/subscriptions/{id}/quantity"), &[]).expect(403);
    assert_eq!(before, (biller.tenant.get(&path), biller.history()));
    // The tenant hides the rest for everybody; a session's own configuration still counts.
    let none = json!({ "modules": { "subscription_cancel": false, "subscription_downgrade": false, "payment_methods": false,
        "invoices": false, "tax_ids": false, "billing_address": false } });
    biller.tenant.patch("/v1/admin/portal/settings", &none).expect(200);
    let (browser, page, home) = enter(&biller, &json!({ "configuration": { "subscription_cancel_enabled": true } }));
    assert!(page.has("cancel") && page.has("change-plan"));
    for hidden in ["payment-methods", "invoices", "tax-ids", "address"] {
        assert!(!page.has(hidden), "{hidden}");
    }
    browser.post(&format!("{home}/subscriptions/{id}/plan"), &[("plan", "lite-monthly-usd")]).expect(403);
    browser.post(&format!("{home}/tax-ids"), &[("tax-type", "eu_vat"), ("tax-value", "DE1")]).expect(403);
    browser.post(&format!("{home}/address"), &[("city", "Rome")]).expect(403);
    browser.open(&format!("{home}/methods/new")).expect(403);
}

#[test]
fn other_customers_data_is_like_none() {
    let biller = biller();
    biller.subscribe("pro-monthly-usd", &json!({}));
    let mine = biller.tenant.get("/v1/subscriptions")["data"][0].clone();
    let (invoice, method) = (
        biller.invoices()[0].clone(),
        biller.tenant.get(&format!("/v1/customers/{}/payment-methods", biller.customer))["data"][0].clone(),
    );
    let eve = biller.tenant.customer("eve@example.com");
    let made = biller.tenant.create(SESSIONS, &json!({ "customer_id": eve["id"], "return_url": "https://a.example" }));
    let browser = biller.tenant.0.browser();
    let home = browser.open(text(&made, "url")).expect(303).location().to_owned();
    let page = browser.open(&home).expect(200);
    assert!(!page.html.contains("INV-2026") && !page.has("subscription"));
    let before = biller.history();
    for path in [
        format!("/subscriptions/{}/cancel", text(&mine, "id")),
        format!("/subscriptions/{}/plan", text(&mine, "id")),
        format!("/invoices/{}/pay", text(&invoice, "id")),
        format!("/methods/{}/remove", text(&method, "id")),
        format!("/methods/{}/default", text(&method, "id")),
    ] {
        browser.post(&format!("{home}{path}"), &[("plan", "lite-monthly-usd")]).expect(404);
    }
    assert_eq!(biller.history(), before);
    let nobody =
        biller.tenant.post(SESSIONS, &json!({ "customer_id": "cus_elsewhere", "return_url": "https://a.example" }));
    assert_eq!(nobody.problem(SESSIONS), (422, "validation.failed".to_owned()));
    let path = "/v1/customers/cus_elsewhere/billing-portal-sessions";
    assert_eq!(
        biller.tenant.post(path, &json!({ "return_url": "https://a.example" })).problem(path),
        (404, "resource.not_found".to_owned())
    );
}
