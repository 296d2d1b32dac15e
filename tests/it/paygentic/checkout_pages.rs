//! The checkout in a browser (facts: paygentic-behaviour §2.9; guide "customer lifecycle").

use leapday::Sandbox;
use serde_json::{Value, json};

use crate::support::{Api, Browser, Shown, api, fresh_key, text};

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

/// A bank's page that waits for an answer.
fn challenged(browser: &Browser, address: &str) -> Shown {
    let page = browser.open(address).expect(200);
    let sent = pay(browser, &page, "4000 0025 0000 3155");
    assert_eq!(sent.location(), format!("{address}/challenge"));
    browser.follow(&sent).expect(200)
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
fn html_in_names_is_text() {
    let (api, browser) = (api(), api().browser());
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    let subscription = waiting(&api, json!({ "name": evil }));
    let lines = json!([{ "description": evil, "amount": "5" }]);
    let payment = order(
        &api,
        json!({ "reference": evil, "lineItems": lines, "successRedirectUrl": "https://a.example/?a='b&c" }),
    );
    for address in [page_of(&subscription), &payment] {
        let page = browser.open(address).expect(200);
        assert!(page.texts("h1")[0].ends_with(evil), "{:?}", page.texts("h1"));
        assert!(page.texts("img").is_empty() && page.texts("script") == [""], "{}", page.html);
        let refused = browser.press(&page, "pay", &[("cardholder", evil), ("card-number", evil)]).expect(422);
        assert_eq!(refused.attribute("#cardholder", "value").as_deref(), Some(evil));
        assert!(refused.texts("img").is_empty() && refused.texts("script") == [""], "{}", refused.html);
    }
    let silent = api.browser().silent();
    let done = silent.follow(&pay(&silent, &silent.open(&payment), "4242424242424242")).expect(200);
    assert_eq!(done.attribute("body", "data-go").as_deref(), Some("https://a.example/?a='b&c"));
}

#[test]
fn an_address_opens_its_own_world_only() {
    let (mine, other) = (api(), api());
    let (ours, theirs) =
        (order(&mine, json!({ "reference": "MINE" })), order(&other, json!({ "reference": "THEIRS" })));
    assert_ne!(ours, theirs);
    let browser = mine.browser();
    let page = browser.open(&ours).expect(200);
    assert_eq!(page.texts("h1"), ["Payment MINE"]);
    unchanged(&other, || pay(&browser, &page, "4242424242424242")).expect(303);
    assert_eq!(
        (session(&mine)["status"].as_str(), session(&other)["status"].as_str()),
        (Some("completed"), Some("pending"))
    );

    let elsewhere = Sandbox::builder().random_seed(7).start().unwrap();
    let stranger = Api::at(elsewhere.base_url(), &mine.key);
    order(&stranger, json!({}));
    let foreign = ours.replace(&mine.base, &stranger.base);
    for address in [foreign.as_str(), &format!("{}/paygentic/portal/invoice/inv_0123456789abcdef", stranger.base)] {
        let page = stranger.browser().open(address).expect(404);
        assert!(page.text("message").starts_with("No world of this sandbox"), "{}", page.text("message"));
    }
}

#[test]
fn what_is_no_visit_is_refused_with_a_page() {
    let api = api();
    let address = order(&api, json!({}));
    let path = address.strip_prefix(&api.base).unwrap();
    let nobody = api.with_key("");
    let wrong_method = nobody.raw("DELETE", path, &[], b"");
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, Some("GET, POST")));
    let json = nobody.raw("POST", path, &[("content-type", "application/json")], b"{}");
    for (answer, status) in [(wrong_method, 405), (json, 415)] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(String::from_utf8_lossy(&answer.bytes).contains("data-testid=\"message\""));
    }
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

#[test]
fn pages_load_from_where_they_are_called_and_nowhere_else() {
    let public = "https://pay.example/sandbox";
    let sandbox = Sandbox::builder().options(|options| options.public_url = Some(public.to_owned())).start().unwrap();
    let api = Api::at(sandbox.base_url(), &fresh_key());
    let address = order(&api, json!({}));
    let local = address.replace(public, &api.base);
    assert_ne!(local, address);
    let page = api.browser().open(&local).expect(200);
    let site = format!("{public}/paygentic/");
    for (selector, name) in [("link[rel=stylesheet]", "href"), ("script", "src"), ("form", "action")] {
        let url = page.attribute(selector, name).unwrap();
        assert!(url.starts_with(&site), "{url}");
    }
    for (asset, kind) in [("page.css", "text/css; charset=utf-8"), ("page.js", "text/javascript; charset=utf-8")] {
        let answer = api.with_key("").raw("GET", &format!("/paygentic/assets/{asset}"), &[], b"");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
        assert!(answer.header("cache-control").unwrap().contains("max-age="));
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("frame-ancestors"), "{policy}");
    assert_eq!((page.header("cache-control"), page.header("x-frame-options")), (Some("no-store"), None));
}
