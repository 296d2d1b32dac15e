//! How it ends: declines, a bank that asks, redirects, frames, pages that are over.

use leapday::blocking::Sandbox;
use serde_json::json;

use super::{CARD, challenged, count, order, order_with_redirects, page_of, pay, session, unchanged, waiting};
use crate::support::{Api, Browser, Shown, api, fresh_key, text};

#[test]
fn a_declined_card_is_told_and_another_one_pays() {
    let (api, browser) = (api(), api().browser());
    let subscription = waiting(&api, json!({}));
    let mut page = browser.open(page_of(&subscription)).expect(200);
    for (number, expected) in [
        ("4000000000000002", "Your card was declined. Try another one or ask your bank."),
        ("4000000000009995", "There is not enough money on this card. Try another one."),
        ("4000000000000069", "Your bank says that this card has expired. Try another one."),
        ("4000000000000127", "The security code is not the one of this card. Check it and try again."),
        ("4000000000000119", "Your bank could not process the payment. Try again in a moment."),
    ] {
        page = pay(&browser, &page, number).expect(402);
        assert_eq!(page.text("message"), expected);
        assert_eq!(page.attribute("[data-testid=message]", "role").as_deref(), Some("alert"));
        assert_eq!(page.attribute("body", "data-post").as_deref(), Some("payment_error"));
        assert_eq!(page.attribute("body", "data-go"), None, "the page stays");
    }
    let tried = session(&api);
    assert_eq!(tried["status"], "pending");
    assert!(tried["providerPaymentRef"].is_string(), "the session remembers that somebody has tried");
    pay(&browser, &page, "4242424242424242").expect(303);
    assert_eq!(session(&api)["status"], "completed");
}

#[test]
fn a_bank_asks_and_the_cardholder_approves() {
    let (api, browser) = (api(), api().browser());
    let subscription = waiting(&api, json!({ "autoCharge": true }));
    let bank = unchanged(&api, || challenged(&browser, page_of(&subscription)));
    assert_eq!((bank.text("amount"), bank.texts("dd")[2].ends_with("3155")), ("USD 33.00".to_owned(), true));
    let approved = browser.press(&bank, "approve", &[]);
    assert_eq!(approved.location(), format!("{}/done", page_of(&subscription)));
    assert_eq!((session(&api)["status"].as_str(), count(&api, "invoice.paid.v0")), (Some("completed"), 1));
    let twice = unchanged(&api, || browser.press(&bank, "approve", &[]));
    assert_eq!(twice.location(), approved.location());
    let path = format!("/v0/customers/{}/paymentMethods", text(&subscription, "customerId"));
    assert_eq!(api.get(&path)["data"][0]["last4"], "3155", "the box was ticked when the card was sent");
}

#[test]
fn a_bank_that_is_not_convinced_declines() {
    let (api, browser) = (api(), api().browser());
    let address = order(&api, json!({}));
    let bank = challenged(&browser, &address);
    let failed = browser.press(&bank, "fail", &[]);
    let page = browser.follow(&failed).expect(200);
    assert!(page.text("message").starts_with("Your bank could not confirm"), "{}", page.text("message"));
    assert_eq!(page.attribute("body", "data-post").as_deref(), Some("payment_error"));
    assert_eq!(session(&api)["status"], "pending");
    assert!(session(&api)["providerPaymentRef"].is_string());
    pay(&browser, &page, "4242424242424242").expect(303);
    assert_eq!(session(&api)["status"], "completed");
}

#[test]
fn a_bank_that_is_left_alone_leaves_everything_as_it_was() {
    let (api, browser) = (api(), api().browser());
    let address = order(&api, json!({}));
    let page = unchanged(&api, || {
        let bank = challenged(&browser, &address);
        browser.follow(&browser.press(&bank, "abandon", &[])).expect(200)
    });
    assert!(page.text("message").contains("nothing was charged"), "{}", page.text("message"));
    let bank = format!("{address}/challenge");
    assert_eq!(unchanged(&api, || browser.open(&bank)).location(), address, "nothing waits any more");
    let answer = unchanged(&api, || browser.post(&bank, &[("answer", "approve")]));
    assert_eq!(answer.location(), address);
    challenged(&browser, &address);
    let odd = unchanged(&api, || browser.post(&bank, &[("answer", "perhaps")]));
    assert_eq!(odd.location(), bank);
    // Another card in another window, and the bank has nothing to ask any more.
    pay(&browser, &page, "4000000000000002").expect(402);
    assert_eq!(browser.open(&bank).location(), address);
}

#[test]
fn whoever_has_paid_goes_on_to_the_merchant_unless_framed() {
    const YES: &str = "https://shop.example/yes?order=1";
    let api = api();
    let paid = |browser: &Browser, address: &str| {
        let page = browser.open(address).expect(200);
        browser.follow(&pay(browser, &page, "4242424242424242"))
    };
    let told = |page: &Shown, name| page.attribute("body", name);
    let standalone = paid(&api.browser(), &order_with_redirects(&api));
    assert_eq!(standalone.location(), YES, "as it was given");

    let framed = paid(&api.browser().framed(), &order_with_redirects(&api)).expect(200);
    assert_eq!((told(&framed, "data-post"), told(&framed, "data-go")), (Some("payment_success".to_owned()), None));
    assert!(!framed.html.contains("shop.example"), "a frame never leaves");

    let silent = paid(&api.browser().silent(), &order_with_redirects(&api)).expect(200);
    assert_eq!(told(&silent, "data-post").as_deref(), Some("payment_success"));
    assert_eq!(told(&silent, "data-go").as_deref(), Some(YES), "the script finds out");
    assert_eq!(silent.attribute("a.button", "href").as_deref(), Some(YES), "and without it there is a link");
    assert!(!silent.html.contains("http-equiv"));

    let nowhere = paid(&api.browser(), &order(&api, json!({}))).expect(200);
    assert_eq!(nowhere.text("message"), "Leapday Merchant has received EUR 49.99.");
    assert_eq!(told(&nowhere, "data-go"), None);
}

#[test]
fn whoever_cancels_may_come_back() {
    let api = api();
    let cancelled = |browser: &Browser, address: &str| {
        let page = browser.open(address).expect(200);
        unchanged(&api, || browser.press(&page, "cancel", &[]))
    };
    let browser = api.browser();
    let address = order_with_redirects(&api);
    assert_eq!(cancelled(&browser, &address).location(), "https://shop.example/no");

    let bare = order(&api, json!({}));
    let page = browser.follow(&cancelled(&browser, &bare)).expect(200);
    assert!(page.text("message").starts_with("Cancelled"), "{}", page.text("message"));
    assert!(page.has("pay"));

    let frame = api.browser().framed();
    let page = frame.follow(&cancelled(&frame, &address)).expect(200);
    assert_eq!(page.attribute("body", "data-post").as_deref(), Some("payment_error"));
    assert_eq!(page.attribute("body", "data-go"), None);
    assert_eq!(page.attribute("a.button", "href").as_deref(), Some(address.as_str()), "to try again");
    assert!(!page.html.contains("shop.example"));

    let silent = api.browser().silent();
    let page = silent.follow(&cancelled(&silent, &address)).expect(200);
    assert_eq!(page.attribute("body", "data-go").as_deref(), Some("https://shop.example/no"));
    assert_eq!(page.texts("a.button"), ["Try again", "Continue"]);

    let page = browser.open(&address).expect(200);
    pay(&browser, &page, "4242424242424242").expect(303);
    assert_eq!(session(&api)["status"], "completed");
}

#[test]
fn an_unpaid_start_leaves_a_cancelled_invoice() {
    let (api, browser) = (api(), api().browser());
    let subscription = waiting(&api, json!({}));
    let address = text(&api.invoices(text(&subscription, "id"))[0], "paymentUrl").to_owned();
    api.advance(text(&subscription, "testClockId"), "PT4H");
    let expired = unchanged(&api, || browser.open(page_of(&subscription))).expect(410);
    assert!(expired.text("message").contains("31 January 2028, 04:00 UTC"), "{}", expired.text("message"));
    assert_eq!(unchanged(&api, || browser.open(&address)).expect(410).texts("h1"), ["Cancelled"]);
}

#[test]
fn pages_that_are_over_say_so_and_take_nothing() {
    let (api, browser) = (api(), api().browser());
    let address = order(&api, json!({}));
    let id = address.rsplit('/').next().unwrap();
    let page = browser.open(&address).expect(200);
    assert_eq!(browser.open(&format!("{address}/done")).location(), address, "nothing is done yet");
    api.post(&format!("/_leapday/payments/{id}/fail"), &json!({})).expect(200);
    assert_eq!(browser.open(&address).expect(410).texts("h1"), ["This payment has failed"]);
    for path in ["", "/cancel", "/challenge"] {
        unchanged(&api, || browser.post(&format!("{address}{path}"), &CARD)).expect(410);
    }
    unchanged(&api, || pay(&browser, &page, "4242424242424242")).expect(410);

    let subscription = waiting(&api, json!({}));
    api.pay(&subscription);
    api.advance_to(text(&subscription, "testClockId"), "2028-02-29T00:00:00Z");
    let invoice = api.invoices(text(&subscription, "id"))[1].clone();
    let link = format!("/v2/invoices/{}/payment", text(&invoice, "id"));
    let link = || api.post(&link, &json!({ "method": "hosted_link" })).expect(200);
    let (old, new) = (link(), link());
    assert_eq!(browser.open(text(&old, "paymentUrl")).expect(410).texts("h1"), ["This link is no longer valid"]);
    browser.open(text(&new, "paymentUrl")).expect(200);
}

#[test]
fn a_sandbox_can_take_every_page_for_standalone() {
    let sandbox = Sandbox::builder().strict(true).options(|options| options.standalone_pages = true).start();
    let sandbox = sandbox.expect("a sandbox");
    let api = Api::at(sandbox.base_url(), &fresh_key());
    let browser = api.browser().framed();
    let page = browser.open(&order_with_redirects(&api)).expect(200);
    let paid = browser.follow(&pay(&browser, &page, "4242424242424242"));
    assert_eq!(paid.location(), "https://shop.example/yes?order=1");
}
