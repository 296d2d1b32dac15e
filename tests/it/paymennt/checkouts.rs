//! Checkouts and what can be done to them (facts §2.1, E2 to E8).

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::{Merchant, merchant, merchant_at, text, web};

const NOW: &str = "2026-03-01T08:00:00Z";

fn status(merchant: &Merchant, id: &str) -> String {
    text(&merchant.get(&format!("/checkout/{id}")), "status").to_owned()
}

fn paid(merchant: &Merchant, request: &str) -> String {
    let id = text(&merchant.make("/checkout/web", &web(request)), "id").to_owned();
    merchant.control("POST", &format!("/payments/{id}/complete"), &json!({}));
    id
}

#[test]
fn a_web_checkout_as_documented() {
    let merchant = merchant_at(NOW);
    let made = merchant.make("/checkout/web", &web("ORD-1234-r1"));
    let key = text(&made, "checkoutKey");
    assert_eq!(text(&made, "redirectUrl"), format!("{}/paymennt/checkout/{key}", merchant.api.base));
    for (field, value) in [
        ("requestId", json!("ORD-1234-r1")),
        ("orderId", json!("ORD-1234")),
        ("currency", json!("AED")),
        ("amount", json!(100)),
        ("cashAmount", json!(0)),
        ("status", json!("PENDING")),
        ("totalRefunded", json!(0)),
        ("usedPaymentMethod", Value::Null),
        ("firebaseDatabase", json!("pc-test-734bc")),
        ("branchName", json!("Test store")),
        ("timestamp", json!("2026-03-01T08:00:00.000+00:00")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!((text(&made["customer"], "reference"), text(&made["customer"], "email")), ("123456", "a@example.com"));
    // E3.
    assert_eq!(merchant.get(&format!("/checkout/{}", text(&made, "id"))), made);
    // §1.9: used once, whatever became of it; the order's id may come again.
    let again = merchant.post("/checkout/web", &web("ORD-1234-r1"));
    assert_eq!(again.error(400), "A checkout already exists for this merchant with request id 'ORD-1234-r1'");
    assert!(again.header("leapday-violation").is_some_and(|line| line.contains("/requestId")));
    merchant.make(&format!("/checkout/{}/cancel", text(&made, "id")), &Value::Null);
    assert!(merchant.refused("/checkout/web", &web("ORD-1234-r1")).contains("already exists"));
    merchant.make("/checkout/web", &web("ORD-1234-r2"));
    assert_eq!(merchant.get("/checkout?orderId=ORD-1234")["totalElements"], 2);
    assert_eq!(merchant.get("/checkout?requestId=ORD-1234-r1")["totalElements"], 1);
}

#[test]
fn what_cannot_be_paid_or_is_said_twice_is_refused_in_words() {
    let merchant = merchant();
    let mut fine = web("f-1");
    fine["amount"] = json!(5e-324);
    assert!(merchant.refused("/checkout/web", &fine).contains("more than 2 decimals"));
    let mut twice = web("f-2");
    twice["requestID"] = json!("f-2");
    assert!(merchant.refused("/checkout/web", &twice).contains("must not have requestId and requestID together"));
}

#[test]
fn totals_are_checked_where_somebody_wants_that() {
    let merchant = merchant();
    let mut wrong = web("t-1");
    wrong["totals"]["tax"] = json!(6);
    assert!(merchant.refused("/checkout/web", &wrong).contains("come to 101"));
    wrong["totals"]["skipTotalsValidation"] = json!(true);
    merchant.make("/checkout/web", &wrong);
    wrong["requestId"] = json!("t-2");
    wrong["totals"].as_object_mut().unwrap().remove("skipTotalsValidation");
    merchant.make("/checkout/web", &wrong);
    // E2c.
    wrong["requestId"] = json!("t-3");
    wrong["items"] = json!([{ "name": "X", "quantity": 1, "linetotal": 250 }]);
    wrong["billingAddress"]["set"] = json!(false);
    for field in ["totals", "deliveryAddress"] {
        wrong.as_object_mut().unwrap().remove(field);
    }
    merchant.make("/checkout/web", &wrong);
}

#[test]
fn amounts_are_positive_and_of_two_decimals() {
    let merchant = merchant();
    for (amount, said) in [
        (json!(0), "amount"),
        (json!(-1), "amount"),
        (json!("0.00"), "amount"),
        (json!(1.001), "more than 2 decimals"),
        (json!("12.345"), "more than 2 decimals"),
        (json!("twelve"), "amount"),
        (json!(1e12), "amount"),
    ] {
        let mut body = web("a-1");
        body["amount"] = amount.clone();
        body.as_object_mut().unwrap().remove("totals");
        let refused = merchant.refused("/checkout/web", &body);
        assert!(refused.starts_with("Validation error: ") && refused.contains(said), "{amount} {refused}");
    }
    assert_eq!(merchant.get("/checkout")["totalElements"], 0);
    let mut body = web("a-1");
    (body["amount"], body["currency"]) = (json!("1499.99"), json!("KWD"));
    body.as_object_mut().unwrap().remove("totals");
    assert_eq!(merchant.make("/checkout/web", &body)["amount"], json!(1499.99));
}

/// E5.
#[test]
fn a_link_is_sent_and_expires_on_the_clock() {
    let merchant = merchant_at(NOW);
    let mut link = json!({
        "requestId": "17-1730000000", "orderId": "17", "description": "top up", "currency": "USD", "amount": 25,
        "sendEmail": true, "sendSms": true,
        "customer": { "id": "9", "firstName": "A", "lastName": "B", "email": "a@example.com", "phone": "9" },
        "allowedPaymentMethods": ["CARD"], "defaultPaymentMethod": "CARD", "expiresIn": 1440, "language": "en",
    });
    let made = merchant.make("/checkout/link", &link);
    assert_eq!(made["subscriptionId"], Value::Null);
    let messages = merchant.messages();
    let sent: Vec<_> = messages.iter().map(|message| (text(message, "channel"), text(message, "to"))).collect();
    assert_eq!(sent, [("email", "a@example.com"), ("sms", "9")]);
    assert_eq!(messages[0]["link"], made["redirectUrl"]);
    assert_eq!(text(&messages[0], "subject"), "Payment request: USD 25.00 for top up");
    let id = text(&made, "id");
    merchant.advance_to("2026-03-02T07:59:59Z");
    assert_eq!(status(&merchant, id), "PENDING");
    merchant.advance("PT1S");
    assert_eq!(status(&merchant, id), "EXPIRED");
    for wrong in [14, 10_081] {
        (link["requestId"], link["expiresIn"]) = (json!("x"), json!(wrong));
        assert!(merchant.refused("/checkout/link", &link).contains("expiresIn"), "{wrong}");
    }
    link["expiresIn"] = json!(15);
    link["customer"].as_object_mut().unwrap().remove("phone");
    assert!(merchant.refused("/checkout/link", &link).contains("no phone"));
    link.as_object_mut().unwrap().remove("customer");
    assert!(merchant.refused("/checkout/link", &link).contains("no e-mail"));
    assert_eq!((merchant.messages().len(), &merchant.get("/checkout")["totalElements"]), (2, &json!(1)));
}

/// What a telephone's camera would make of a picture.
fn read(bytes: &[u8]) -> String {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let width = usize::try_from(reader.next_frame(&mut pixels).unwrap().width).unwrap();
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, width, |x, y| pixels[(y * width + x) * 4]);
    picture.detect_grids()[0].decode().unwrap().1
}

/// E6.
#[test]
fn a_qr_code_is_a_picture_of_the_asked_size() {
    let merchant = merchant();
    let mut qr = json!({
        "requestId": "0050", "orderId": "ORD-1001", "currency": "AED", "amount": "100.00",
        "description": "string: demo QR checkout", "deviceReference": "string: dev ref 111", "qrSize": "600",
        "expiresIn": "1440",
    });
    for (size, wanted) in [(json!("600"), 600), (json!(64), 64), (Value::Null, 300)] {
        (qr["requestId"], qr["qrSize"]) = (json!(format!("q-{wanted}")), size);
        let made = merchant.make("/checkout/qr", &qr);
        let bytes = base64::engine::general_purpose::STANDARD.decode(text(&made, "base64QR")).unwrap();
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
        let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!((side(16), side(20), bytes[24], bytes[25]), (wanted, wanted, 8, 6), "RGBA");
        assert_eq!(read(&bytes), text(&made, "redirectUrl"));
    }
    for wrong in [63, 1_025] {
        (qr["requestId"], qr["qrSize"]) = (json!("q"), json!(wrong));
        assert!(merchant.refused("/checkout/qr", &qr).contains("qrSize"), "{wrong}");
    }
}

#[test]
fn terminals_are_sent_what_is_to_be_paid_again_while_it_is() {
    let merchant = merchant();
    let mut body = json!({
        "requestId": "T-1", "orderId": "T", "currency": "AED", "amount": 12.5, "terminalId": "1784983995871729791",
    });
    let made = merchant.make("/checkout/terminal", &body);
    assert_eq!((text(&made, "terminalId"), text(&made, "terminalAlias")), ("1784983995871729791", "Device 01"));
    let path = format!("/checkout/{}", text(&made, "id"));
    assert_eq!(merchant.make(&format!("{path}/resend-to-terminal"), &Value::Null)["status"], "PENDING");
    merchant.make(&format!("{path}/cancel"), &Value::Null);
    assert!(merchant.refused(&format!("{path}/resend-to-terminal"), &Value::Null).contains("CANCELLED"));
    let other = text(&merchant.make("/checkout/web", &web("w")), "id").to_owned();
    assert!(merchant.refused(&format!("/checkout/{other}/resend-to-terminal"), &Value::Null).contains("WEB"));
    (body["requestId"], body["terminalId"]) = (json!("T-2"), json!("5"));
    assert_eq!(merchant.refused("/checkout/terminal", &body), "Terminal device not found");
}

/// E7.
#[test]
fn refunds_in_parts_and_in_full_by_query_or_body() {
    let merchant = merchant_at(NOW);
    let id = paid(&merchant, "r-1");
    let path = format!("/checkout/{id}/refund");
    let part = format!("{path}?amount=10.00&currency=AED&note=Item%20Could%20Not%20Be%20Delivered.");
    let refunded = merchant.make(&part, &Value::Null);
    assert_eq!((text(&refunded, "status"), &refunded["totalRefunded"]), ("PARTIALLY_REFUNDED", &json!(10)));
    let too_much = merchant.refused(&format!("{path}?amount=90.01&currency=AED&note=n"), &Value::Null);
    assert_eq!(too_much, "Refund amount 90.01 exceeds the 90 AED that can still be refunded");
    assert!(merchant.refused(&format!("{path}?amount=1&currency=USD&note=n"), &Value::Null).contains("USD"));
    assert!(merchant.refused(&format!("{path}?amount=0&currency=AED&note=n"), &Value::Null).contains("amount"));
    assert!(merchant.refused(&format!("{path}?amount=0.001&currency=AED&note=n"), &Value::Null).contains("decimals"));
    for missing in ["amount", "currency", "note"] {
        let query: Vec<&str> =
            ["amount=1", "currency=AED", "note=n"].into_iter().filter(|part| !part.starts_with(missing)).collect();
        let said = merchant.refused(&format!("{path}?{}", query.join("&")), &Value::Null);
        assert_eq!(said, format!("Validation error: {missing}: is missing: send it in the query"));
    }
    // The official client's form.
    let body = json!({ "checkoutId": id, "amount": "90.00", "currency": "AED", "note": "n", "customerId": null });
    let refunded = merchant.make(&format!("{path}?note=n"), &body);
    assert_eq!((text(&refunded, "status"), &refunded["totalRefunded"]), ("REFUNDED", &json!(100)));
    assert!(merchant.refused(&part, &Value::Null).contains("REFUNDED"));
    let pending = text(&merchant.make("/checkout/web", &web("r-2")), "id").to_owned();
    let early = merchant.refused(&format!("/checkout/{pending}/refund?amount=1&currency=AED&note=n"), &Value::Null);
    assert!(early.starts_with("Checkout is PENDING"), "{early}");
    // Ninety days, and no longer.
    let late = paid(&merchant, "r-3");
    merchant.advance_to("2026-05-30T07:59:59Z");
    merchant.make(&format!("/checkout/{late}/refund?amount=1&currency=AED&note=n"), &Value::Null);
    merchant.advance("PT1S");
    let said = merchant.refused(&format!("/checkout/{late}/refund?amount=1&currency=AED&note=n"), &Value::Null);
    assert!(said.contains("90 days"), "{said}");
}

#[test]
fn all_ten_statuses_are_reached_and_each_action_refused_where_it_makes_no_sense() {
    let merchant = merchant_at(NOW);
    let fail =
        |id: &str, code: &str| merchant.control("POST", &format!("/payments/{id}/fail"), &json!({ "code": code }));
    let new = |request: &str| text(&merchant.make("/checkout/web", &web(request)), "id").to_owned();
    let (failed, held, cancelled, expired) = (new("1"), new("2"), new("3"), new("4"));
    let (done, back, part, full) =
        (paid(&merchant, "5"), paid(&merchant, "6"), paid(&merchant, "7"), paid(&merchant, "8"));
    fail(&failed, "card_declined");
    fail(&held, "pending_confirmation");
    merchant.make(&format!("/checkout/{cancelled}/cancel"), &Value::Null);
    fail(&back, "chargeback");
    merchant.make(&format!("/checkout/{part}/refund?amount=1&currency=AED&note=n"), &Value::Null);
    merchant.make(&format!("/checkout/{full}/refund?amount=100&currency=AED&note=n"), &Value::Null);
    let debit = json!({
        "source": { "type": "TOKEN", "token": format!("ptk_sandbox_{}", "0".repeat(64)) }, "checkoutId": new("9"),
    });
    let payment = merchant.make("/payment/debit", &debit);
    let page = merchant.api.browser().open(text(&payment, "redirectUrl")).expect(200);
    merchant.api.browser().press(&page, "approve", &[]).expect(303);
    let authorized = text(&payment["checkoutDetails"], "id").to_owned();
    let all = [
        (&failed, "FAILED", false),
        (&held, "PENDING_CONFIRMATION", false),
        (&cancelled, "CANCELLED", false),
        (&done, "PAID", true),
        (&back, "CHARGEBACK", false),
        (&part, "PARTIALLY_REFUNDED", true),
        (&full, "REFUNDED", false),
        (&authorized, "AUTHORIZED", false),
    ];
    for (id, wanted, refunds) in all {
        assert_eq!(status(&merchant, id), wanted);
        let refund = merchant.post(&format!("/checkout/{id}/refund?amount=1&currency=AED&note=n"), &Value::Null);
        assert_eq!(refund.status == 200, refunds, "{wanted}: {}", refund.body);
        let cancel = merchant.post(&format!("/checkout/{id}/cancel"), &Value::Null);
        assert_eq!(cancel.status == 200, wanted == "AUTHORIZED", "{wanted}: {}", cancel.body);
    }
    merchant.control("POST", &format!("/payments/{held}/complete"), &json!({}));
    assert_eq!(status(&merchant, &held), "PAID");
    merchant.advance("P1D");
    assert_eq!(status(&merchant, &expired), "EXPIRED");
    assert_eq!(text(&merchant.get(&format!("/payment/{}", text(&payment, "id"))), "status"), "VOIDED");
}

/// E8.
#[test]
fn searches_by_everything_that_is_documented() {
    let merchant = merchant_at(NOW);
    let first = merchant.make("/checkout/web", &web("s-1"));
    merchant.advance("PT1H");
    paid(&merchant, "s-2");
    let mut other = web("s-3");
    other["customer"] = json!({ "id": "x", "firstName": "C", "lastName": "D", "email": "c@d.example" });
    merchant.make("/checkout/web", &other);
    merchant.make(
        "/checkout/link",
        &json!({ "requestId": "s-4", "orderId": "L", "currency": "AED", "amount": 1, "description": "d" }),
    );
    let found = |query: &str| -> Vec<String> {
        let page = merchant.get(&format!("/checkout?{query}"));
        page["content"].as_array().unwrap().iter().map(|row| text(row, "requestId").to_owned()).collect()
    };
    let documented = "type=WEB&status=PAID,REFUNDED&customer.email=a@example.com&afterId=20\
                      &afterTimestamp=2020-06-03%2013:44:25&page=0&size=11";
    assert_eq!(found(documented), ["s-2"]);
    assert_eq!(found("type=web"), ["s-1", "s-2", "s-3"]);
    assert_eq!(found("type=LINK,QR"), ["s-4"]);
    assert_eq!(found("customer.reference=x"), ["s-3"]);
    assert_eq!(found("customer.phone=971501234567"), ["s-1", "s-2"]);
    assert_eq!(found(&format!("afterId={}", text(&first, "id"))), ["s-2", "s-3", "s-4"]);
    assert_eq!(found("afterTimestamp=2026-03-01T08:30:00"), ["s-2", "s-3", "s-4"]);
    assert_eq!(found("status=pending&orderId=L"), ["s-4"]);
    for wrong in ["type=FAX", "status=DONE", "afterTimestamp=yesterday", "afterId=x"] {
        let said = merchant.ask("GET", &format!("/checkout?{wrong}"), &Value::Null).error(400);
        assert!(said.starts_with(&format!("Validation error: {}", wrong.split('=').next().unwrap())), "{said}");
    }
}
