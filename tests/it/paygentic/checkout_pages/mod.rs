//! The checkout in a browser (facts: paygentic-behaviour §2.9; guide "customer lifecycle").

mod addresses;
mod endings;
mod paying;

use serde_json::{Value, json};

use crate::support::{Api, Browser, Shown, text};

const START: &str = "2028-01-31T00:00:00Z";
/// What a customer types.
const CARD: [(&str, &str); 4] =
    [("card-number", "4242 4242 4242 4242"), ("card-expiry", "01 / 28"), ("card-cvc", "123"), ("cardholder", "Jo Doe")];

/// A subscription that waits for its payment, on a clock of its own.
fn waiting(api: &Api, more: Value) -> Value {
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({ "defaultTaxRate": 10 }));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
    api.subscribe(&plan, &customer, &clock, START, more)
}

fn page_of(subscription: &Value) -> &str {
    text(&subscription["payment"], "checkoutUrl")
}

/// A one-off payment on a frozen clock, with fields of your own; the address of its page.
fn order(api: &Api, more: Value) -> String {
    api.freeze(START);
    let mut body = json!({ "amount": "49.99", "currency": "EUR", "reference": "ORD-1" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    text(&api.create("/v0/payments", &body), "paymentUrl").to_owned()
}

/// A payment that leads to the merchant's pages.
fn order_with_redirects(api: &Api) -> String {
    let urls = json!({
        "successRedirectUrl": "https://shop.example/yes?order=1", "failureRedirectUrl": "https://shop.example/no",
    });
    order(api, urls)
}

fn pay(browser: &Browser, page: &Shown, number: &str) -> Shown {
    let mut fields = CARD;
    fields[0].1 = number;
    browser.press(page, "pay", &fields)
}

fn session(api: &Api) -> Value {
    api.rows("/v0/paymentSessions")[0].clone()
}

fn count(api: &Api, event: &str) -> usize {
    api.events().iter().filter(|row| row["eventType"] == event).count()
}

/// Does something that must change nothing that the API shows.
#[track_caller]
fn unchanged<R>(api: &Api, act: impl FnOnce() -> R) -> R {
    let seen = || (api.events(), api.rows("/v0/paymentSessions"), api.rows("/v2/invoices"));
    let before = seen();
    let result = act();
    assert_eq!(seen(), before, "something has changed");
    result
}

/// A bank's page that waits for an answer.
fn challenged(browser: &Browser, address: &str) -> Shown {
    let page = browser.open(address).expect(200);
    let sent = pay(browser, &page, "4000 0025 0000 3155");
    assert_eq!(sent.location(), format!("{address}/challenge"));
    browser.follow(&sent).expect(200)
}
