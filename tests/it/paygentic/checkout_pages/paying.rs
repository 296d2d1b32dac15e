//! Paying: what is shown, what is typed, what is kept.

use serde_json::json;

use super::{CARD, START, count, order, page_of, pay, session, unchanged, waiting};
use crate::support::{Shown, api, text};

#[test]
fn a_subscription_starts_when_its_page_is_paid() {
    let (api, browser) = (api(), api().browser());
    let subscription = waiting(&api, json!({ "prefundAmount": "25" }));
    let page = browser.open(page_of(&subscription)).expect(200);
    assert_eq!(page.text("amount"), "USD 58.00");
    assert_eq!(page.texts("h1"), ["Start Subscription"]);
    assert_eq!(
        page.texts(".lines tr"),
        [
            "Fee 30 1 × 30.00USD 30.00",
            "Prepaid balance For usage to comeUSD 25.00",
            "Tax 10%USD 3.00",
            "Total dueUSD 58.00"
        ]
    );
    assert_eq!(page.text("pay"), "Pay USD 58.00");

    let paid = pay(&browser, &page, "4242424242424242");
    assert_eq!(paid.location(), format!("{}/done", page_of(&subscription)));
    let done = browser.follow(&paid).expect(200);
    assert_eq!(done.text("message"), "Leapday Merchant has received USD 58.00.");
    let path = format!("/v0/subscriptions/{}", text(&subscription, "id"));
    assert_eq!(api.get(&path)["status"], "active");
    assert_eq!(session(&api)["completedAt"], START, "it is paid on the subscription's clock");
}

#[test]
fn a_form_that_is_sent_twice_charges_once() {
    let (api, browser) = (api(), api().browser());
    let subscription = waiting(&api, json!({}));
    let page = browser.open(page_of(&subscription)).expect(200);
    let first = pay(&browser, &page, "4242424242424242");
    let second = unchanged(&api, || pay(&browser, &page, "5555555555554444"));
    assert_eq!(first.location(), second.location());
    assert_eq!(count(&api, "invoice.paid.v0"), 1);
    assert_eq!(count(&api, "subscription.activated.v0"), 1);
    unchanged(&api, || browser.press(&page, "cancel", &[])).expect(303);
    let again = unchanged(&api, || browser.open(page_of(&subscription))).expect(200);
    assert_eq!(again.texts("h1"), ["Already paid"]);
    assert_eq!(again.attribute("body", "data-post"), None, "the parent was told already");
}

#[test]
fn an_invoice_is_paid_behind_its_address() {
    let (api, browser) = (api(), api().browser());
    let subscription = waiting(&api, json!({}));
    let first = &api.invoices(text(&subscription, "id"))[0];
    let leads = unchanged(&api, || browser.open(text(first, "paymentUrl")));
    assert_eq!(leads.location(), page_of(&subscription), "the start of a subscription has its page already");
    api.pay(&subscription);
    api.advance_to(text(&subscription, "testClockId"), "2028-02-29T00:00:00Z");

    let invoices = api.invoices(text(&subscription, "id"));
    let (invoice, open) = (&invoices[1], &invoices[2]);
    let address = text(invoice, "paymentUrl");
    let leads = browser.open(address);
    let page = browser.follow(&leads).expect(200);
    assert_eq!(page.texts("h1"), [format!("Invoice {}", text(invoice, "invoiceNumber"))]);
    assert_eq!((page.text("amount"), page.texts(".lines tbody tr").len()), ("USD 33.00".to_owned(), 1));
    let again = unchanged(&api, || browser.open(address));
    assert_eq!(again.location(), leads.location(), "one page at a time");
    assert_eq!(session(&api)["entityId"], subscription["id"]);

    let mut fields = CARD;
    fields[1].1 = "0228";
    let paid = browser.press(&page, "pay", &fields);
    browser.follow(&paid).expect(200);
    assert_eq!(api.get(&format!("/v2/invoices/{}", text(invoice, "id")))["status"], "PAID");
    let settled = unchanged(&api, || browser.open(address)).expect(200);
    assert!(settled.text("message").contains("is paid"));
    let early = address.replace(text(invoice, "id"), text(open, "id"));
    assert_eq!(unchanged(&api, || browser.open(&early)).expect(409).texts("h1"), ["Not due yet"]);
}

#[test]
fn tax_that_prices_contain_is_shown_as_such() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "100", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({ "defaultTaxRate": 19, "taxBehavior": "inclusive" }));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({}));
    let page = api.browser().open(page_of(&subscription)).expect(200);
    let lines = ["Fee 100 1 × 100.00USD 100.00", "Tax 19%, includedUSD 15.97", "Total dueUSD 100.00"];
    assert_eq!(page.texts(".lines tr"), lines);
}

#[test]
fn a_payment_shows_its_lines_as_the_merchant_wrote_them() {
    let (api, browser) = (api(), api().browser());
    let lines =
        json!([{ "description": "Desk", "amount": "19.995", "quantity": 2 }, { "description": "Lamp", "amount": "5" }]);
    let page = browser.open(&order(&api, json!({ "lineItems": lines }))).expect(200);
    assert_eq!((page.texts("h1"), page.text("amount")), (vec!["Payment ORD-1".to_owned()], "EUR 49.99".to_owned()));
    assert_eq!(page.texts(".lines tr"), ["Desk Quantity 2EUR 20.00", "LampEUR 5.00", "Total dueEUR 49.99"]);
    assert!(!page.has("save-card"), "nobody's card can be kept");
}

#[test]
fn a_set_up_saves_a_card_and_charges_nothing() {
    let (api, browser) = (api(), api().browser());
    let methods = format!("/v0/customers/{}/paymentMethods", api.customer("jo@example.com"));
    for number in ["4242 4242 4242 4242", "4000 0025 0000 3155"] {
        api.freeze(START);
        let made = api.create(&methods, &json!({ "successRedirectUrl": "https://shop.example/saved" }));
        let page = browser.open(text(&made, "url")).expect(200);
        assert_eq!((page.text("amount"), page.text("pay")), ("No charge today".to_owned(), "Save card".to_owned()));
        assert!(!page.has("save-card"), "it does nothing else");
        let mut sent = pay(&browser, &page, number);
        if number.ends_with("3155") {
            let bank = browser.follow(&sent).expect(200);
            sent = browser.press(&bank, "approve", &[]);
        }
        assert_eq!(browser.follow(&sent).location(), "https://shop.example/saved");
    }
    let saved = api.get(&methods)["data"].clone();
    assert_eq!(
        (&saved[0]["last4"], &saved[0]["expMonth"], &saved[0]["expYear"]),
        (&json!("4242"), &json!(1), &json!(2028))
    );
    assert_eq!(saved[1]["last4"], "3155");
    assert_eq!(count(&api, "invoice.paid.v0") + count(&api, "payment.completed.v0"), 0);
}

#[test]
fn the_box_to_keep_a_card_says_what_happens_and_is_obeyed() {
    for (more, ticked) in [(json!({}), false), (json!({ "autoCharge": true }), true)] {
        for tick in [true, false] {
            let (api, browser) = (api(), api().browser());
            let subscription = waiting(&api, more.clone());
            let page = browser.open(page_of(&subscription)).expect(200);
            assert_eq!(page.attribute("[data-testid=save-card]", "checked").is_some(), ticked);
            let mut fields = CARD.to_vec();
            if tick {
                fields.push(("save", "yes"));
            }
            // A box that is not ticked is not sent: the page is taken without its own.
            let sent = browser.post(page_of(&subscription), &fields);
            browser.follow(&sent).expect(200);
            let path = format!("/v0/customers/{}/paymentMethods", text(&subscription, "customerId"));
            assert_eq!(api.get(&path)["data"].as_array().unwrap().len(), usize::from(tick));
        }
    }
}

#[test]
fn what_is_wrong_stands_beside_its_field_and_nothing_changes() {
    let (api, browser) = (api(), api().browser());
    let page = browser.open(page_of(&waiting(&api, json!({})))).expect(200);
    for (field, value, expected) in [
        ("card-number", "4242 4242 4242 4241", "This is not a card number: check its digits"),
        ("card-number", "", "Enter the card number"),
        // The clock stands at 31 January 2028.
        ("card-expiry", "12/27", "This card has expired"),
        ("card-expiry", "soon", "Enter the month and the year, such as 09 / 29"),
        ("card-cvc", "12", "The code on this card has 3 digits"),
        ("cardholder", "", "Enter the name on the card"),
    ] {
        let mut fields = CARD.to_vec();
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let refused = unchanged(&api, || browser.press(&page, "pay", &fields)).expect(422);
        assert_eq!(refused.problem(field).as_deref(), Some(expected), "{field} {value:?}");
        assert_eq!(refused.texts(".problem").len(), 1, "{field} {value:?}");
        assert_eq!(refused.attribute("[autofocus]", "id").as_deref(), Some(field));
        assert_eq!(refused.text("message"), "Check the marked fields.");
        assert_eq!(
            refused.attribute(&format!("#{field}"), "value").as_deref(),
            Some(value),
            "it is shown as it was typed"
        );
        assert_eq!(refused.attribute("body", "data-post"), None, "no payment has failed");
    }
    let amex = [("card-number", "378282246310005")];
    let fields: Vec<_> = amex.into_iter().chain(CARD.into_iter().skip(1)).collect();
    let refused = browser.press(&page, "pay", &fields).expect(422);
    assert_eq!(refused.problem("card-cvc").as_deref(), Some("The code on this card has 4 digits"));
    let empty = browser.post(&page.attribute("form", "action").unwrap(), &[]).expect(422);
    assert_eq!(empty.texts(".problem").len(), 4);
}

#[test]
fn one_click_fills_a_test_card() {
    let (api, browser) = (api(), api().browser());
    let subscription = waiting(&api, json!({}));
    let page = browser.open(page_of(&subscription)).expect(200);
    assert_eq!(page.texts("[data-card]").len(), 9);
    let open = |card: &str| browser.open(&format!("{}?card={card}", page_of(&subscription))).expect(200);
    let value = |page: &Shown, field: &str| page.attribute(&format!("#{field}"), "value").unwrap();
    let filled = open("378282246310005");
    assert_eq!(
        ["card-number", "card-expiry", "card-cvc", "cardholder"].map(|field| value(&filled, field)),
        ["3782 822463 10005", "12 / 31", "1234", "Jo Doe"],
        "a month ahead of the clock, and the customer's name"
    );
    assert_eq!(value(&open("4111111111111111"), "card-number"), "", "an address fills in test cards only");
    browser.press(&filled, "pay", &[]).expect(303);
    assert_eq!(session(&api)["status"], "completed");
}
