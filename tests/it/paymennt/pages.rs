//! The checkout page: pay, decline, cancel, expire, and back to the shop (facts §5, E13).

use serde_json::{Value, json};

use crate::support::{Browser, Merchant, Shown, merchant, merchant_at, text, web};

const TERMS: (&str, &str) = ("terms", "yes");

fn card(number: &str) -> [(&str, &str); 4] {
    [("card-number", number), ("card-expiry", "12/25"), ("card-cvc", "100"), ("cardholder", "TEST USER")]
}

fn checkout(merchant: &Merchant, returns: &str) -> (Value, Browser, Shown) {
    let mut body = web("ORD-1234-r1");
    body["returnUrl"] = json!(returns);
    let made = merchant.make("/checkout/web", &body);
    let browser = merchant.api.browser();
    let page = browser.open(text(&made, "redirectUrl")).expect(200);
    (made, browser, page)
}

fn status(merchant: &Merchant, made: &Value) -> String {
    text(&merchant.get(&format!("/checkout/{}", text(made, "id"))), "status").to_owned()
}

#[test]
fn a_shop_gets_its_customer_back_whatever_happened() {
    for (number, wanted) in [("4242 4242 4242 4242", "PAID"), ("4000 0000 0000 0002", "FAILED"), ("", "CANCELLED")] {
        let merchant = merchant();
        let (made, browser, page) = checkout(&merchant, "https://shop.example.com/back/?wc-api=x&a=1#top");
        assert_eq!(page.text("amount"), "AED 100.00");
        let done = if number.is_empty() {
            browser.press(&page, "cancel", &[])
        } else {
            let fields = if wanted == "PAID" {
                card(number)
            } else {
                [("card-number", number), ("card-expiry", "12/40"), ("card-cvc", "100"), ("cardholder", "A")]
            };
            browser.press(&page, "pay", &[&fields[..], &[TERMS]].concat())
        };
        assert!(done.location().ends_with("/complete/"), "what mobile SDKs watch: {}", done.location());
        let away = browser.follow(&done);
        let id = text(&made, "id");
        let back = format!("https://shop.example.com/back/?wc-api=x&a=1&reference=ORD-1234-r1&checkout={id}#top");
        assert_eq!((away.location(), status(&merchant, &made).as_str()), (&*back, wanted));
        // The page is over: it leads back as well.
        assert!(browser.open(text(&made, "redirectUrl")).location().ends_with("/complete/"));
    }
}

#[test]
fn the_terms_have_to_be_accepted_and_fields_to_be_right() {
    let merchant = merchant();
    let (made, browser, page) = checkout(&merchant, "https://shop.example.com/");
    let refused = browser.press(&page, "pay", &card("4242424242424242")).expect(422);
    assert!(refused.text("message").contains("terms"));
    let refused = browser.press(&page, "pay", &[&card("4242424242424241")[..], &[TERMS]].concat()).expect(422);
    assert!(refused.problem("card-number").is_some());
    // Only the documented cards are good with the date that is printed on them.
    let refused = browser.press(&page, "pay", &[&card("5555555555554444")[..], &[TERMS]].concat()).expect(422);
    assert!(refused.problem("card-expiry").is_some_and(|why| why.contains("expired")));
    assert_eq!(status(&merchant, &made), "PENDING");
    assert_eq!(merchant.history().len(), 1);
}

#[test]
fn a_bank_may_ask_first() {
    for (answer, wanted) in [("approve", "PAID"), ("fail", "FAILED"), ("abandon", "PENDING")] {
        let merchant = merchant();
        let (made, browser, page) = checkout(&merchant, "https://shop.example.com/");
        let fields = [
            ("card-number", "4000002500003155"),
            ("card-expiry", "12/40"),
            ("card-cvc", "100"),
            ("cardholder", "A"),
            TERMS,
        ];
        let bank = browser.follow(&browser.press(&page, "pay", &fields)).expect(200);
        browser.press(&bank, answer, &[]);
        assert_eq!(status(&merchant, &made), wanted);
    }
}

#[test]
fn embedded_and_hosted_variants_lead_to_the_same_checkout() {
    let merchant = merchant();
    let mut body = web("m-1");
    body.as_object_mut().unwrap().remove("returnUrl");
    let made = merchant.make("/checkout/mobile", &body);
    let (base, key) = (format!("{}/paymennt", merchant.api.base), text(&made, "checkoutKey"));
    let browser = merchant.api.browser();
    let page = browser.follow(&browser.open(&format!("{base}/hosted/pay?checkoutKey={key}"))).expect(200);
    assert!(page.has("pay"));
    let embedded = browser.open(&format!("{base}/embedded/checkout/{key}")).expect(200);
    let paid = browser.press(&embedded, "pay", &[&card("4012888888881881")[..], &[TERMS]].concat());
    assert_eq!(paid.location(), format!("{base}/embedded/checkout/{key}/complete/"));
    assert_eq!(browser.follow(&paid).expect(200).text("message"), "Your payment was received.");
    browser.open(&format!("{base}/other/checkout/{key}")).expect(404);
    browser.open(&format!("{base}/checkout/{}", "0".repeat(48))).expect(404);
}

#[test]
fn what_has_expired_says_so() {
    let merchant = merchant_at("2028-01-01T00:00:00Z");
    let made = merchant.make(
        "/checkout/link",
        &json!({ "requestId": "1", "orderId": "1", "currency": "AED", "amount": 1, "description": "d", "expiresIn": 15 }),
    );
    merchant.advance("PT15M");
    let browser = merchant.api.browser();
    let page = browser.follow(&browser.open(text(&made, "redirectUrl"))).expect(200);
    assert!(page.html.contains("has expired"));
    let answer = browser.post(text(&made, "redirectUrl"), &[&card("4242424242424242")[..], &[TERMS]].concat());
    assert!(answer.location().ends_with("/complete/"));
    assert_eq!(status(&merchant, &made), "EXPIRED");
}
