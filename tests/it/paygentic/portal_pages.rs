//! The customer portal in a browser (facts: paygentic-behaviour §2.7; guide "customer lifecycle").

use serde_json::{Value, json};

use crate::support::{Api, Browser, Shown, api, text};

const START: &str = "2028-01-31T00:00:00Z";
const CARD: [(&str, &str); 4] =
    [("card-number", "4242 4242 4242 4242"), ("card-expiry", "01 / 30"), ("card-cvc", "123"), ("cardholder", "Jo Doe")];

/// A paid subscription on a clock of its own, in a world whose clock stands still; with fields of your own.
fn subscribed(api: &Api, more: Value) -> Value {
    api.freeze(START);
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", "in_advance", json!({}));
    let ladder = json!({ "tiers": [{ "upTo": "1000", "unitPrice": "0" }, { "upTo": null, "unitPrice": "0.02" }] });
    let (_, usage) = api.usage_price(&product, "calls", "SUM", ladder);
    let plan = api.plan(&product, &[&fee, &usage], json!({ "name": "Team", "defaultTaxRate": 10 }));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
    let subscription = api.subscribe(&plan, &customer, &clock, START, more);
    api.pay(&subscription);
    subscription
}

fn link(api: &Api, subscription: &Value, wanted: &Value) -> String {
    let path = format!("/v0/subscriptions/{}/portal", text(subscription, "id"));
    text(&api.post(&path, wanted).expect(200), "url").to_owned()
}

/// Through a new link into the portal.
fn enter(api: &Api, browser: &Browser, subscription: &Value) -> (String, Shown) {
    let let_in = browser.open(&link(api, subscription, &json!({})));
    (let_in.location().to_owned(), browser.follow(&let_in).expect(200))
}

fn methods(api: &Api, subscription: &Value) -> Vec<String> {
    let path = format!("/v0/customers/{}/paymentMethods", text(subscription, "customerId"));
    let rows = api.get(&path)["data"].as_array().cloned().unwrap();
    rows.iter().map(|row| text(row, "last4").to_owned()).collect()
}

/// Does something that must change nothing that the API shows.
#[track_caller]
fn unchanged<R>(api: &Api, subscription: &Value, act: impl FnOnce() -> R) -> R {
    let seen = || (api.events(), api.rows("/v0/paymentSessions"), api.rows("/v2/invoices"), methods(api, subscription));
    let before = seen();
    let result = act();
    assert_eq!(seen(), before, "something has changed");
    result
}

#[test]
fn a_link_lets_one_browser_in_for_an_hour() {
    let (api, browser) = (api(), api().browser());
    let subscription = subscribed(&api, json!({}));
    let address = link(&api, &subscription, &json!({}));
    let session = browser.open(&address).location().to_owned();
    assert!(session.contains("/portal/session/"), "{session}");
    browser.open(&session).expect(200);
    let spent = browser.open(&address).expect(410);
    assert_eq!(spent.texts("h1"), ["This link has been used"]);
    let (another, _) = enter(&api, &browser, &subscription);
    assert_ne!(another, session);

    api.world_advance_to("2028-01-31T00:59:59Z");
    browser.open(&session).expect(200);
    api.world_advance_to("2028-01-31T01:00:00Z");
    let ended = browser.open(&session).expect(410);
    assert_eq!(ended.texts("h1"), ["This session has ended"]);
    assert!(ended.text("message").contains("31 January 2028, 01:00 UTC"), "{}", ended.text("message"));
    let add = unchanged(&api, &subscription, || browser.post(&format!("{session}/payment-methods"), &[]));
    add.expect(410);
}

#[test]
fn a_link_lives_as_long_as_it_was_asked_to() {
    let (api, browser) = (api(), api().browser());
    let subscription = subscribed(&api, json!({}));
    let (short, long) =
        (link(&api, &subscription, &json!({})), link(&api, &subscription, &json!({ "expiresIn": "P7D" })));
    api.world_advance_to("2028-01-31T00:10:00Z");
    let late = browser.open(&short).expect(410);
    assert_eq!(late.texts("h1"), ["This link has expired"]);
    assert_eq!(browser.open(&short).expect(410).texts("h1"), ["This link has expired"], "looking spends nothing");
    browser.open(&long).expect(303);
    let path = format!("/v0/subscriptions/{}/portal", text(&subscription, "id"));
    let refused = api.refuses("POST", &path, &json!({ "expiresIn": "P7DT1S" }), 400);
    assert!(refused.told().contains("is longer than P7D"), "{}", refused.told());
}

#[test]
fn the_newest_invoices_are_shown_and_the_others_counted() {
    let (api, browser) = (api(), api().browser());
    api.freeze(START);
    let product = api.product();
    let plan = api.plan(&product, &[&api.fee_price(&product, "1", "P1D", "in_advance", json!({}))], json!({}));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
    api.save_card(&customer, "4242424242424242");
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({ "autoCharge": true }));
    api.advance(&clock, "P61D");
    let (_, page) = enter(&api, &browser, &subscription);
    assert_eq!(page.texts("[data-testid=invoice]").len(), 60);
    assert!(page.html.contains("2 older ones are not shown"), "{}", page.html);
}

#[test]
fn what_is_forged_or_of_another_world_opens_nothing() {
    let (mine, other) = (api(), api());
    let (ours, theirs) = (subscribed(&mine, json!({})), subscribed(&other, json!({})));
    let browser = mine.browser();
    for path in ["access/0123456789abcdef", "session/0123456789abcdef", "session/%00", "session/ps_x/pay/ps_x"] {
        browser.open(&format!("{}/paygentic/portal/{path}", mine.base)).expect(404);
    }
    let (home, _) = enter(&mine, &browser, &ours);
    other.save_card(text(&theirs, "customerId"), "4242424242424242");
    let path = format!("/v0/customers/{}/paymentMethods", text(&theirs, "customerId"));
    let method = text(&other.get(&path)["data"][0], "id").to_owned();
    let invoice = text(&other.invoices(text(&theirs, "id"))[0], "id").to_owned();
    unchanged(&other, &theirs, || {
        browser.post(&format!("{home}/payment-methods/{method}/remove"), &[]).expect(404);
        browser.open(&format!("{home}/invoices/{invoice}/pdf")).expect(404);
    });
}

#[test]
fn the_page_says_what_is_agreed_and_what_comes_next() {
    let (api, browser) = (api(), api().browser());
    let subscription = subscribed(&api, json!({ "name": "Acme", "autoCharge": false }));
    let customer = text(&subscription, "customerId");
    api.usage("calls", customer, 250.0, "2028-02-01T00:00:00Z");
    let (home, page) = enter(&api, &browser, &subscription);
    assert_eq!((page.text("subscription-name"), page.text("subscription-status")), ("Acme".into(), "Active".into()));
    assert_eq!(
        page.texts(".facts dt, .facts dd"),
        [
            "Plan",
            "Team",
            "Current period",
            "31 Jan 2028 – 28 Feb 2028",
            "Renews",
            "29 Feb 2028",
            "Next invoice",
            "29 Feb 2028 · USD 33.00 so far",
        ]
    );
    assert_eq!(
        page.texts("[data-testid=prices] tr"),
        [
            "Fee 30 Every month, in advanceUSD 30.00",
            "Usage of calls Every month, by usage in units; the step that is reached prices all of it Up to 1,000: free Beyond: USD 0.02 each",
        ]
    );
    assert!(page.text("usage").contains("250 of 1,000 units that are free"), "{}", page.text("usage"));
    let meter = |page: &Shown, name| page.attribute("meter", name);
    assert_eq!((meter(&page, "max"), meter(&page, "value")), (Some("1000".into()), Some("250".into())));

    api.usage("calls", customer, 1000.0, "2028-02-02T00:00:00Z");
    let page = browser.open(&home).expect(200);
    assert!(page.text("usage").contains("More than the 1,000 units that are free: all are charged"));
    assert!(page.text("usage").contains("1,250 units") && page.text("usage").contains("USD 25.00 so far"));
    assert_eq!(meter(&page, "value").as_deref(), Some("1000"));
    assert_eq!(page.texts(".facts dd")[3], "29 Feb 2028 · USD 60.50 so far");
    assert_eq!(page.attribute("body", "data-post"), None, "a portal tells its parent nothing");

    let path = format!("/v0/subscriptions/{}", text(&subscription, "id"));
    api.patch(&path, &json!({ "endingAt": "2028-02-10T00:00:00Z", "autoCharge": true })).expect(200);
    let facts = browser.open(&home).expect(200).texts(".facts dt, .facts dd");
    assert!(facts[2..].starts_with(&["Current period".into(), "31 Jan 2028 – 9 Feb 2028".into(), "Ends".into()]));
    assert!(facts.contains(&"Next charge".to_owned()) && !facts.contains(&"Renews".to_owned()), "{facts:?}");
    api.post(&format!("{path}/termination"), &json!({ "reason": "Enough" })).expect(200);
    let page = browser.open(&home).expect(200);
    assert_eq!(page.text("subscription-status"), "Ended");
    assert_eq!(page.texts(".facts dt"), ["Plan", "Ended"]);
    assert!(!page.has("usage"));
}

#[test]
fn a_start_that_waits_for_its_payment_is_paid_from_here() {
    let (api, browser) = (api(), api().browser());
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
    let urls = json!({ "redirectUrls": { "onSuccess": "https://shop.example/yes" } });
    let subscription = api.subscribe(&plan, &customer, &clock, START, urls);
    let (home, page) = enter(&api, &browser, &subscription);
    assert_eq!(page.text("subscription-status"), "Waits for payment");
    let start = page.attribute("[data-testid=pay-start]", "href").unwrap();
    let leads = browser.open(&page.attribute("[data-testid=pay-invoice]", "href").unwrap());
    assert_eq!(leads.location(), start, "it has its page already");
    let page = browser.open(&start).expect(200);
    let paid = browser.follow(&browser.press(&page, "pay", &CARD));
    assert_eq!(paid.location(), format!("{home}?told=paid"), "back to the portal, wherever the merchant's link leads");
    let page = browser.follow(&paid).expect(200);
    assert_eq!((page.text("message"), page.text("subscription-status")), ("Paid. Thank you.".into(), "Active".into()));
    assert_eq!(browser.open(&start).location(), home, "nothing is left to pay there");
}

#[test]
fn invoices_have_documents_and_a_way_to_pay() {
    let (api, browser) = (api(), api().browser().framed());
    let subscription = subscribed(&api, json!({}));
    api.advance_to(text(&subscription, "testClockId"), "2028-03-01T00:00:00Z");
    let (home, page) = enter(&api, &browser, &subscription);
    assert_eq!(
        page.texts("[data-testid=invoice] strong, [data-testid=invoice] .hint, [data-testid=invoice] .badge"),
        ["INV-2028-01-002", "1 Mar 2028", "Due", "INV-2028-01-001", "31 Jan 2028", "Paid"],
        "newest first"
    );
    assert_eq!(page.texts(".total"), ["USD 33.00", "USD 33.00"]);
    let pdf = page.attribute("[data-testid=invoice-pdf]", "href").unwrap();
    let answer = api.with_key("").raw("GET", pdf.strip_prefix(&api.base).unwrap(), &[], b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/pdf")));
    assert!(answer.bytes.starts_with(b"%PDF-"));
    assert_eq!(answer.header("content-disposition"), Some("inline; filename=\"INV-2028-01-002.pdf\""));

    let pay = page.attribute("[data-testid=pay-invoice]", "href").unwrap();
    let checkout = browser.follow(&browser.open(&pay)).expect(200);
    assert_eq!(checkout.text("amount"), "USD 33.00");
    let declined = browser.press(&checkout, "pay", &[("card-number", "4000000000000002"), CARD[1], CARD[2], CARD[3]]);
    let declined = declined.expect(402);
    assert_eq!(declined.attribute("body", "data-post"), None, "a portal tells its parent nothing");
    let cancelled = browser.follow(&browser.press(&declined, "cancel", &[]));
    assert_eq!(cancelled.location(), format!("{home}?told=cancelled"));
    assert!(browser.follow(&cancelled).expect(200).text("message").starts_with("Cancelled"));
    let asked = browser.press(&declined, "pay", &[("card-number", "4000002500003155"), CARD[1], CARD[2], CARD[3]]);
    let bank = browser.follow(&asked).expect(200);
    let paid = browser.follow(&browser.press(&bank, "approve", &[]));
    let page = browser.follow(&paid).expect(200);
    assert_eq!((page.text("message"), page.has("pay-invoice")), ("Paid. Thank you.".to_owned(), false));
    assert_eq!(unchanged(&api, &subscription, || browser.open(&pay)).location(), home, "paid already");
    let open = api.invoices(text(&subscription, "id"))[2]["id"].as_str().unwrap().to_owned();
    browser.open(&format!("{home}/invoices/{open}/pdf")).expect(404);
}

#[test]
fn a_framed_portal_saves_a_card_and_is_back() {
    let api = api();
    let subscription = subscribed(&api, json!({ "autoCharge": true, "name": "Framed" }));
    let had = methods(&api, &subscription).len();
    for browser in [api.browser().framed(), api.browser(), api.browser().silent()] {
        let (home, page) = enter(&api, &browser, &subscription);
        let checkout = browser.follow(&browser.press(&page, "add-payment-method", &[])).expect(200);
        assert_eq!((checkout.text("amount"), checkout.text("pay")), ("No charge today".into(), "Save card".into()));
        let done = browser.follow(&browser.press(&checkout, "pay", &CARD));
        assert_eq!(done.location(), format!("{home}?told=saved"));
        let page = browser.follow(&done).expect(200);
        assert_eq!(page.text("message"), "Card saved: Visa ending in 4242 is the default now.");
    }
    assert_eq!(methods(&api, &subscription).len(), had + 3);
}

#[test]
fn a_customer_chooses_and_removes_cards() {
    let (api, browser) = (api(), api().browser());
    let subscription = subscribed(&api, json!({ "autoCharge": true }));
    let customer = text(&subscription, "customerId");
    // The start was paid with a card that was kept.
    assert_eq!(methods(&api, &subscription), ["4242"]);
    api.save_card(customer, "5555555555554444");
    api.save_card(customer, "4000000000000002");
    let (_, page) = enter(&api, &browser, &subscription);
    assert_eq!(page.texts("[data-testid=payment-method] strong").len(), 3);
    assert!(
        page.texts("[data-testid=payment-method]")[0].starts_with("Visa ending in •••• 0002 Expires 12 / 2040 Default")
    );

    let chosen = browser.press(&page, "default-payment-method", &[]);
    let page = browser.follow(&chosen).expect(200);
    assert_eq!(page.text("message"), "Mastercard ending in 4444 is the default now.");
    assert_eq!(methods(&api, &subscription), ["4242", "0002", "4444"], "the last is charged");
    api.advance_to(text(&subscription, "testClockId"), "2028-03-01T00:00:00Z");
    assert_eq!(api.invoices(text(&subscription, "id"))[1]["status"], "PAID");

    let removed = browser.press(&page, "remove-payment-method", &[]);
    let shown = browser.follow(&removed).expect(200);
    assert_eq!(shown.text("message"), "Card removed. Visa ending in 0002 is the default now.");
    let twice = unchanged(&api, &subscription, || browser.press(&page, "remove-payment-method", &[]));
    twice.expect(404);
    let shown = browser.follow(&browser.press(&shown, "remove-payment-method", &[])).expect(200);
    let page = browser.follow(&browser.press(&shown, "remove-payment-method", &[])).expect(200);
    assert!(page.text("message").contains("not charged but waits here"), "{}", page.text("message"));
    assert!(page.text("payment-methods").contains("No card is saved"));
    assert!(!page.has("remove-payment-method"));
    api.advance_to(text(&subscription, "testClockId"), "2028-04-02T00:00:00Z");
    assert_eq!(api.invoices(text(&subscription, "id"))[2]["status"], "ISSUED");
}

#[test]
fn what_belongs_to_another_customer_is_not_there() {
    let (api, browser) = (api(), api().browser());
    let subscription = subscribed(&api, json!({}));
    let other = api.customer("other@example.com");
    api.save_card(&other, "4242424242424242");
    let theirs = api.subscribe(text(&subscription, "planId"), &other, &api.clock(START), START, json!({}));
    let (home, _) = enter(&api, &browser, &subscription);
    let path = format!("/v0/customers/{other}/paymentMethods");
    let method = text(&api.get(&path)["data"][0], "id").to_owned();
    let invoice = text(&api.invoices(text(&theirs, "id"))[0], "id").to_owned();
    let session = text(&theirs["payment"], "paymentSessionId");
    unchanged(&api, &subscription, || {
        for action in ["remove", "default"] {
            browser.post(&format!("{home}/payment-methods/{method}/{action}"), &[]).expect(404);
            browser.post(&format!("{home}/payment-methods/pm_0123456789abcdef/{action}"), &[]).expect(404);
        }
        for rest in [
            format!("invoices/{invoice}/pdf"),
            format!("invoices/{invoice}/pay"),
            "invoices/inv_0123456789abcdef/pdf".to_owned(),
            format!("pay/{session}"),
            format!("pay/{session}/challenge"),
            format!("pay/{session}/done"),
        ] {
            let page = browser.open(&format!("{home}/{rest}")).expect(404);
            assert_eq!(page.texts("h1"), ["This link leads nowhere"]);
        }
        browser.post(&format!("{home}/pay/{session}"), &CARD).expect(404);
    });
    assert_eq!(api.get(&path)["data"].as_array().unwrap().len(), 1);
    assert_eq!(api.get(&format!("/v0/subscriptions/{}", text(&theirs, "id")))["status"], "pending_payment");
}

#[test]
fn a_payment_that_is_over_leads_back() {
    let (api, browser) = (api(), api().browser());
    let subscription = subscribed(&api, json!({}));
    api.advance_to(text(&subscription, "testClockId"), "2028-03-01T00:00:00Z");
    let (home, page) = enter(&api, &browser, &subscription);
    let checkout = browser.open(&page.attribute("[data-testid=pay-invoice]", "href").unwrap());
    let id = text(&api.invoices(text(&subscription, "id"))[1], "id").to_owned();
    api.post(&format!("/v2/invoices/{id}/payment"), &json!({ "method": "out_of_band" })).expect(200);
    let over = browser.follow(&checkout).expect(410);
    assert_eq!(over.texts("h1"), ["This link is no longer valid"]);
    assert_eq!(over.attribute("a.button", "href").as_deref(), Some(home.as_str()));
}

#[test]
fn html_in_names_is_text() {
    let (api, browser) = (api(), api().browser());
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    let subscription = subscribed(&api, json!({ "name": evil }));
    let (_, page) = enter(&api, &browser, &subscription);
    assert_eq!(page.text("subscription-name"), evil);
    assert!(page.texts("img").is_empty() && page.texts("script") == [""], "{}", page.html);
}

#[test]
fn a_portal_of_a_customer_who_is_gone_is_closed() {
    let (api, browser) = (api(), api().browser());
    let subscription = subscribed(&api, json!({}));
    let (home, _) = enter(&api, &browser, &subscription);
    let path = format!("/v0/subscriptions/{}", text(&subscription, "id"));
    api.post(&format!("{path}/termination"), &json!({ "reason": "Enough" })).expect(200);
    api.advance(text(&subscription, "testClockId"), "P2D");
    for invoice in api.invoices(text(&subscription, "id")) {
        if invoice["status"] == "ISSUED" {
            let pay = format!("/v2/invoices/{}/payment", text(&invoice, "id"));
            api.post(&pay, &json!({ "method": "out_of_band" })).expect(200);
        }
    }
    assert_eq!(api.delete(&format!("/v0/customers/{}", text(&subscription, "customerId"))).status, 204);
    assert_eq!(browser.open(&home).expect(410).texts("h1"), ["This account is closed"]);
    browser.post(&format!("{home}/payment-methods"), &[]).expect(410);
}
