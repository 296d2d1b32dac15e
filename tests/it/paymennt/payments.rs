//! Debits by token and stored card, 3-D Secure, capture, cards that are kept (facts §2.2, §2.3, E9).

use serde_json::{Value, json};

use crate::support::{Merchant, Shown, merchant, merchant_at, text, web};

const DOCUMENTED: &str = "4242424242424242";
const WITHOUT_3DS: &str = "4012888888881881";

/// A token as the frame gives one.
fn token(merchant: &Merchant, number: &str, expiry: &str) -> String {
    frame(merchant, "pk_test_1", number, expiry).expect(200).attribute("form", "data-token").unwrap()
}

fn frame(merchant: &Merchant, key: &str, number: &str, expiry: &str) -> Shown {
    let url = format!("{}/paymennt/frames/card?publicKey={key}", merchant.api.base);
    let fields = [("card-number", number), ("card-expiry", expiry), ("card-cvc", "100"), ("cardholder", "TEST USER")];
    let nonce = number.to_owned() + expiry + key;
    merchant.api.browser().framed().post(&url, &[&fields[..], &[("nonce", &nonce)]].concat())
}

fn by_token(token: &str, request: &str) -> Value {
    json!({ "source": { "type": "TOKEN", "token": token }, "checkoutId": "", "checkoutDetails": web(request) })
}

/// E9, and back to the shop with what it has to know (E13).
#[test]
fn the_documented_card_asks_its_holder_and_is_captured_by_the_merchant() {
    let merchant = merchant();
    let token = token(&merchant, DOCUMENTED, "12/25");
    let mut debit = by_token(&token, "p-1");
    debit["checkoutDetails"]["returnUrl"] = json!("https://shop.example.com/back?wc-api=x");
    let payment = merchant.make("/payment/debit", &debit);
    assert_eq!(
        (text(&payment, "status"), &payment["amount"], text(&payment, "currency")),
        ("REDIRECT", &json!(100), "AED")
    );
    let (id, url) = (text(&payment, "id"), text(&payment, "redirectUrl"));
    assert_eq!(url, format!("{}/paymennt/frames/redirect/payment/{id}", merchant.api.base));
    let capture = format!("/payment/{id}/capture");
    assert!(merchant.refused(&capture, &Value::Null).starts_with("Payment is REDIRECT"));
    let browser = merchant.api.browser();
    let page = browser.open(url).expect(200);
    assert_eq!(page.text("amount"), "AED 100.00");
    let away = browser.follow(&browser.press(&page, "approve", &[]));
    let checkout = text(&payment["checkoutDetails"], "id");
    assert_eq!(away.location(), format!("https://shop.example.com/back?wc-api=x&reference=p-1&checkout={checkout}"));
    let held = merchant.get(&format!("/payment/{id}"));
    assert_eq!((text(&held, "status"), text(&held["checkoutDetails"], "status")), ("AUTHORIZED", "AUTHORIZED"));
    let taken = merchant.make(&capture, &json!({ "paymentId": id }));
    assert_eq!((text(&taken, "status"), text(&taken["checkoutDetails"], "status")), ("CAPTURED", "PAID"));
    assert!(merchant.refused(&capture, &Value::Null).starts_with("Payment is CAPTURED"));
    // One token, one checkout (§1.5); what was refused is not there.
    let said = merchant.refused("/payment/debit", &by_token(&token, "p-2"));
    assert_eq!(said, "Invalid checkout ID, cant use the same Token for different checkout objects.");
    assert_eq!(merchant.get("/checkout")["totalElements"], 1);
}

#[test]
fn a_cardholder_who_fails_and_one_who_leaves() {
    let merchant = merchant();
    let browser = merchant.api.browser();
    for (answer, status, checkout) in [("fail", "FAILED", "FAILED"), ("abandon", "REDIRECT", "PENDING")] {
        let token = token(&merchant, "4000002500003155", if answer == "fail" { "12/40" } else { "11/40" });
        let debit = by_token(&token, &format!("c-{answer}"));
        let payment = merchant.make("/payment/debit", &debit);
        let page = browser.open(text(&payment, "redirectUrl"));
        browser.press(&page, answer, &[]);
        let after = merchant.get(&format!("/payment/{}", text(&payment, "id")));
        assert_eq!((text(&after, "status"), text(&after["checkoutDetails"], "status")), (status, checkout));
    }
}

/// Whoever pays in another way while the bank waits is not asked any more, and what was paid stays paid.
#[test]
fn a_second_attempt_ends_the_first() {
    let merchant = merchant();
    let browser = merchant.api.browser();
    let first = merchant.make("/payment/debit", &by_token(&token(&merchant, DOCUMENTED, "12/25"), "s-1"));
    let page = browser.open(text(&first, "redirectUrl")).expect(200);
    let checkout = text(&first["checkoutDetails"], "id");
    let source = json!({ "type": "TOKEN", "token": token(&merchant, WITHOUT_3DS, "12/25") });
    merchant.make("/payment/debit", &json!({ "source": source, "checkoutId": checkout }));
    browser.press(&page, "approve", &[]).expect(303);
    assert_eq!(merchant.get(&format!("/checkout/{checkout}"))["status"], "PAID");
    assert_eq!(merchant.get(&format!("/payment/{}", text(&first, "id")))["status"], "VOIDED");
    let third = merchant.make("/payment/debit", &by_token(&token(&merchant, DOCUMENTED, "11/25"), "s-2"));
    let page = browser.open(text(&third, "redirectUrl")).expect(200);
    let checkout = text(&third["checkoutDetails"], "id");
    merchant.control("POST", &format!("/payments/{checkout}/fail"), &json!({}));
    browser.press(&page, "approve", &[]).expect(303);
    assert_eq!(merchant.get(&format!("/checkout/{checkout}"))["status"], "FAILED");
}

#[test]
fn other_cards_are_paid_at_once_or_declined_with_what_the_bank_says() {
    let merchant = merchant();
    let paid = merchant.make("/payment/debit", &by_token(&token(&merchant, WITHOUT_3DS, "12/25"), "d-1"));
    assert_eq!((text(&paid, "status"), text(&paid["checkoutDetails"], "status")), ("CAPTURED", "PAID"));
    assert_eq!((&paid["redirectUrl"], text(&paid["checkoutDetails"], "usedPaymentMethod")), (&Value::Null, "CARD"));
    for (number, said) in [
        ("4000000000000002", "Card declined"),
        ("4000000000009995", "Insufficient funds"),
        ("4000000000000069", "Expired card"),
        ("4000000000000127", "Incorrect security code"),
        ("4000000000000119", "Processing error"),
    ] {
        let failed = merchant.make("/payment/debit", &by_token(&token(&merchant, number, "12/40"), said));
        assert_eq!((text(&failed, "status"), text(&failed, "responseMessage")), ("FAILED", said));
        assert_eq!(text(&failed["checkoutDetails"], "status"), "FAILED");
    }
}

/// E9b.
#[test]
fn a_card_is_kept_charged_and_deleted() {
    let merchant = merchant();
    let mut debit = by_token(&token(&merchant, WITHOUT_3DS, "01/29"), "k-1");
    debit["source"]["storeCardDetails"] = json!(true);
    debit["checkoutDetails"]["customer"]["id"] = json!("12");
    assert!(merchant.refused("/payment/debit", &debit).contains("customer.id of 3 letters"));
    debit["checkoutDetails"]["customer"]["id"] = json!("123");
    merchant.make("/payment/debit", &debit);
    let card = merchant.get("/card/list?customerReferenceId=123")["content"][0].clone();
    for (field, value) in [
        ("customerReferenceId", "123"),
        ("cardBrand", "VISA"),
        ("cardBin", "401288"),
        ("cardLast4", "1881"),
        ("cardHolderName", "ADA LOVELACE"),
        ("expiry", "2029-01-31"),
    ] {
        assert_eq!(text(&card, field), value);
    }
    let kept = text(&card, "token");
    assert_eq!(merchant.get(&format!("/card?cardToken={kept}")), card);
    assert_eq!(merchant.get("/card/list?customerReferenceId=other")["totalElements"], 0);
    assert!(merchant.ask("GET", "/card/list", &Value::Null).error(400).contains("customerReferenceId"));
    let mut stored = json!({
        "source": { "type": "STORED_CARD", "token": kept, "shopperInteraction": "UNSCHEDULED" },
        "checkoutDetails": web("k-2"),
    });
    assert_eq!(merchant.make("/payment/debit", &stored)["status"], "CAPTURED");
    stored["checkoutDetails"]["requestId"] = json!("k-3");
    stored["source"]["shopperInteraction"] = json!("ECOMMERCE");
    let said = merchant.refused("/payment/debit", &stored);
    assert!(said.contains("source.shopperIpAddress") && said.contains("source.browserInfo"), "{said}");
    stored["source"]["shopperIpAddress"] = json!("10.0.0.1");
    stored["source"]["cvv"] = json!("100");
    stored["source"]["browserInfo"] = json!({
        "screenWidth": 1024, "screenHeight": 786, "colorDepth": 24, "userAgent": "Mozilla/5.0", "timeZoneOffset": -240,
        "language": "en-US", "javaEnabled": false, "acceptHeader": "text/html",
    });
    assert_eq!(merchant.make("/payment/debit", &stored)["status"], "CAPTURED");
    assert_eq!(merchant.make(&format!("/card/delete?cardToken={kept}"), &Value::Null), card);
    stored["checkoutDetails"]["requestId"] = json!("k-4");
    assert_eq!(merchant.refused("/payment/debit", &stored), "Stored card not found for the provided token");
    assert_eq!(
        merchant.refused(&format!("/card/delete?cardToken={kept}"), &Value::Null),
        "Stored card not found for the provided token"
    );
}

/// A bank that asks for a holder who is not there.
#[test]
fn an_unscheduled_charge_cannot_be_confirmed() {
    let merchant = merchant();
    let card = json!({ "card": { "number": "4000002500003155" } });
    let saved = merchant.control("POST", "/customers/cus-9/payment-methods", &card);
    let debit = json!({
        "source": { "type": "STORED_CARD", "token": saved["token"], "shopperInteraction": "SUBSCRIPTION" },
        "checkoutDetails": web("u-1"),
    });
    let refused = merchant.make("/payment/debit", &debit);
    assert_eq!((text(&refused, "status"), text(&refused, "responseMessage")), ("REJECTED", "Authentication required"));
}

#[test]
fn a_debit_needs_one_checkout_that_waits_and_a_way_back() {
    let merchant = merchant_at("2026-03-01T00:00:00Z");
    let fresh = |last: char| format!("ptk_sandbox_{}{last}", "0".repeat(63));
    let mut debit = by_token(&fresh('1'), "n-1");
    debit["checkoutDetails"].as_object_mut().unwrap().remove("returnUrl");
    assert!(merchant.refused("/payment/debit", &debit).contains("checkoutDetails.returnUrl: is missing"));
    debit.as_object_mut().unwrap().remove("checkoutDetails");
    assert!(merchant.refused("/payment/debit", &debit).contains("and so is checkoutId"));
    debit["checkoutId"] = json!("1");
    assert_eq!(merchant.refused("/payment/debit", &debit), "Checkout not found for API merchant");
    let checkout = merchant.make("/checkout/web", &web("n-2"));
    debit["checkoutId"] = checkout["id"].clone();
    debit["checkoutDetails"] = web("n-3");
    assert!(merchant.refused("/payment/debit", &debit).contains("send one of them"));
    debit["checkoutDetails"] = Value::Null;
    debit["source"]["token"] = json!("ptk_live_1");
    assert!(merchant.refused("/payment/debit", &debit).contains("is no card token"));
    debit["source"]["token"] = json!(fresh('2'));
    assert_eq!(merchant.make("/payment/debit", &debit)["status"], "REDIRECT");
    merchant.make(&format!("/checkout/{}/cancel", text(&checkout, "id")), &Value::Null);
    debit["source"]["token"] = json!(fresh('3'));
    assert!(merchant.refused("/payment/debit", &debit).starts_with("Checkout is CANCELLED"));
}

#[test]
fn a_frame_tells_what_is_wrong_and_takes_test_keys_only() {
    let merchant = merchant();
    let wrong = frame(&merchant, "pk_test_1", "4242 4242 4242 4241", "12/40").expect(422);
    assert!(wrong.problem("card-number").is_some() && wrong.attribute("form", "data-token").is_none());
    let live = frame(&merchant, "pk_live_1", DOCUMENTED, "12/40").expect(422);
    assert!(live.attribute("form", "data-error").is_some_and(|why| why.contains("pk_test_")));
    assert!(live.attribute("form", "data-token").is_none());
    for script in ["paymennt-frames.js", "frame.js"] {
        let answer = merchant.api.raw("GET", &format!("/paymennt/static/js/{script}"), &[], b"");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    }
}
