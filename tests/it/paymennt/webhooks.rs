//! Webhooks: rows, bodies, signatures, retries (facts §4, E11, E12).

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt::Write as _;

use crate::support::{Reaction, Receiver, merchant, merchant_at, text, web};

fn signature(key: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// E11.
#[test]
fn a_webhook_is_made_switched_and_deleted() {
    let merchant = merchant();
    let wanted = json!({ "address": "https://www.demo2.com/handle-paymennt-callback" });
    let made = merchant.make("/webhooks/", &wanted);
    assert_eq!(
        (&made["failed"], &made["enabled"], &made["address"]),
        (&json!(false), &json!(true), &wanted["address"])
    );
    let path = format!("/webhooks/{}", text(&made, "id"));
    assert_eq!(merchant.get(&path), made);
    assert_eq!(merchant.make(&format!("{path}/disable"), &Value::Null)["enabled"], false);
    assert_eq!(merchant.refused(&format!("{path}/test"), &Value::Null), "Webhook is disabled");
    assert_eq!(merchant.make(&format!("{path}/enable"), &json!({}))["enabled"], true);
    assert_ne!(merchant.make("/webhooks", &wanted)["hmacKey"], made["hmacKey"]);
    assert_eq!(merchant.get("/webhooks").as_array().unwrap().len(), 2);
    merchant.make(&format!("{path}/delete"), &Value::Null);
    for action in ["", "/test", "/enable", "/disable", "/delete"] {
        let method = if action.is_empty() { "GET" } else { "POST" };
        let said = merchant.ask(method, &format!("{path}{action}"), &Value::Null).error(400);
        assert_eq!(said, "Webhook not found for API merchant");
    }
    for wrong in ["", "demo2.com", "ftp://demo2.com/x"] {
        assert!(merchant.refused("/webhooks", &json!({ "address": wrong })).contains("address"), "{wrong}");
    }
}

/// E12.
#[test]
fn each_status_is_told_in_the_flat_shape_and_signed() {
    let merchant = merchant_at("2025-08-18T09:00:00Z");
    let receiver = Receiver::new();
    let hook = merchant.make("/webhooks", &json!({ "address": receiver.url }));
    let checkout = merchant.make("/checkout/web", &web("ORD-1234-r1"));
    let id = text(&checkout, "id");
    merchant.advance("PT10M");
    merchant.control("POST", &format!("/payments/{id}/complete"), &json!({}));
    let received = receiver.wait_for(2);
    for (told, status) in received.iter().zip(["PENDING", "PAID"]) {
        assert_eq!(told.header("x-paymennt-signature"), signature(text(&hook, "hmacKey"), &told.bytes));
        for (field, value) in [
            ("id", json!(id)),
            ("displayId", checkout["displayId"].clone()),
            ("referenceId", json!("ORD-1234-r1")),
            ("orderId", json!("ORD-1234")),
            ("currency", json!("AED")),
            ("grandtotal", json!(100)),
            ("cash", json!(0)),
            ("status", json!(status)),
            ("customerEmail", json!("a@example.com")),
            ("customerFirstName", json!("Ada")),
            ("customerLastName", json!("Lovelace")),
        ] {
            assert_eq!(told.body[field], value, "{field}");
        }
    }
    assert!(received[0].body.get("paidOn").is_none());
    assert_eq!(received[1].body["paidOn"], "2025-08-18T09:10:00.000+00:00");
    assert_eq!(received[1].body["paymentMethod"], "CARD");
}

#[test]
fn a_test_calls_its_address_and_no_other() {
    let merchant = merchant();
    let (one, other) = (Receiver::new(), Receiver::new());
    let hook = merchant.make("/webhooks", &json!({ "address": one.url }));
    merchant.make("/webhooks", &json!({ "address": other.url }));
    let answer = merchant.post(&format!("/webhooks/{}/test", text(&hook, "id")), &Value::Null);
    assert_eq!((answer.status, answer.body.get("result")), (200, None));
    let told = &one.wait_for(1)[0];
    assert_eq!(told.header("x-paymennt-signature"), signature(text(&hook, "hmacKey"), &told.bytes));
    // What comes next reaches both: the other has heard nothing before.
    merchant.make("/checkout/web", &web("w-1"));
    assert_eq!(other.wait_for(1)[0].body["referenceId"], "w-1");
}

#[test]
fn an_address_that_never_answers_well_is_marked_as_failed() {
    let merchant = merchant_at("2028-01-01T00:00:00Z");
    let receiver = Receiver::answering(|nth, _| Reaction::Status(if nth < 6 { 500 } else { 200 }));
    let hook = merchant.make("/webhooks", &json!({ "address": receiver.url }));
    let path = format!("/webhooks/{}", text(&hook, "id"));
    merchant.make(
        "/checkout/qr",
        &json!({ "requestId": "1", "orderId": "1", "currency": "AED", "amount": 1, "expiresIn": 10080 }),
    );
    merchant.advance("PT2H");
    assert_eq!(merchant.get(&path)["failed"], false, "attempts are left");
    merchant.advance("P1D");
    receiver.wait_for(6);
    assert_eq!((&merchant.get(&path)["failed"], &merchant.get(&path)["enabled"]), (&json!(true), &json!(true)));
    merchant.make(&format!("{path}/test"), &Value::Null);
    merchant.advance("PT1S");
    assert_eq!(merchant.get(&path)["failed"], false);
}
