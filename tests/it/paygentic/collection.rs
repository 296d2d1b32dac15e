//! Getting money: automatic charges, retries, links, records, refunds (facts: paygentic-behaviour §2.8).

use serde_json::{Value, json};

use crate::support::{Api, api, text};

const START: &str = "2028-01-31T00:00:00Z";

/// A subscription charged to a card, after its first renewal.
fn renewed(api: &Api, card: &str) -> (String, String, String, Value) {
    let product = api.product();
    let price = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let customer = api.customer("jo@example.com");
    let clock = api.clock(START);
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({ "autoCharge": true }));
    api.pay(&subscription);
    api.save_card(&customer, card);
    api.advance(&clock, "P1M");
    let id = text(&subscription, "id").to_owned();
    let renewal = api.invoices(&id)[1].clone();
    (id, customer, clock, renewal)
}

fn names(api: &Api) -> Vec<String> {
    api.events().iter().map(|event| text(event, "eventType").to_owned()).collect()
}

#[test]
fn a_good_card_is_charged_at_the_instant_of_issue() {
    let api = api();
    let (_, _, _, renewal) = renewed(&api, "4242424242424242");
    assert_eq!((text(&renewal, "status"), text(&renewal, "paidAt")), ("PAID", "2028-02-29T00:00:00Z"));
    assert_eq!((text(&renewal, "paidAmount"), text(&renewal, "unpaidAmount")), ("50.00", "0.00"));
    assert_eq!(renewal["paymentUrl"], Value::Null);
    let names = names(&api);
    assert_eq!(names[names.len() - 2..], ["invoice.issued.v0", "invoice.paid.v0"]);
}

#[test]
fn a_bad_card_ends_in_payment_failed_and_can_be_retried_once_a_minute() {
    let cards = [
        ("4000000000000002", "card_declined"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000069", "expired_card"),
        ("4000002500003155", "authentication_required"),
    ];
    for (card, code) in cards {
        let api = api();
        let (_, customer, clock, renewal) = renewed(&api, card);
        assert_eq!(renewal["status"], "PAYMENT_FAILED", "{card}");
        assert!(names(&api).contains(&"invoice.payment_failed.v0".to_owned()));
        let retry = format!("/v2/invoices/{}/retryPayment", text(&renewal, "id"));
        let declined = api.post(&retry, &json!({})).expect(402);
        assert_eq!((&declined["success"], text(&declined["error"], "code")), (&json!(false), code));
        api.post(&retry, &json!({})).expect(429);
        api.advance(&clock, "PT1M");
        api.save_card(&customer, "4242424242424242");
        assert_eq!(api.post(&retry, &json!({})).expect(200)["success"], true);
        let paid = api.get(&format!("/v2/invoices/{}", text(&renewal, "id")));
        assert_eq!((text(&paid, "status"), text(&paid, "paidAt")), ("PAID", "2028-02-29T00:01:00Z"));
        api.post(&retry, &json!({})).expect(200);
    }
}

#[test]
fn an_invoice_is_settled_by_record_or_link_and_only_while_it_is_owed() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "50", "P1M", "in_arrears", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let clock = api.clock(START);
    let subscription = api.subscribe(&plan, &api.customer("jo@example.com"), &clock, START, json!({}));
    let path = |invoice: &Value, tail: &str| format!("/v2/invoices/{}/{tail}", text(invoice, "id"));
    let open = &api.invoices(text(&subscription, "id"))[0];
    assert_eq!(open["status"], "ACTIVE");
    api.post(&path(open, "payment"), &json!({ "method": "out_of_band" })).expect(400);
    let refused = api.post(&path(open, "payment"), &json!({ "method": "hosted_link" })).expect(422);
    assert_eq!(refused["code"], "INVOICE_NOT_LINKABLE_STATUS");
    api.advance(&clock, "P2M");
    let invoices = api.invoices(text(&subscription, "id"));
    assert!(text(&invoices[0], "paymentUrl").starts_with(&api.base));
    let paid = api.post(&path(&invoices[0], "payment"), &json!({ "method": "out_of_band" })).expect(200);
    assert_eq!((text(&paid, "method"), text(&paid["invoice"], "status")), ("out_of_band", "PAID"));
    api.post(&path(&invoices[0], "payment"), &json!({ "method": "out_of_band" })).expect(409);
    let first = api.post(&path(&invoices[1], "payment"), &json!({ "method": "hosted_link" })).expect(200);
    let second = api.post(&path(&invoices[1], "payment"), &json!({ "method": "hosted_link" })).expect(200);
    let complete = |link: &Value| format!("/_leapday/payments/{}/complete", text(link, "paymentSessionId"));
    api.post(&complete(&first), &json!({})).expect(409);
    api.post(&complete(&second), &json!({})).expect(200);
    assert_eq!(api.invoices(text(&subscription, "id"))[1]["status"], "PAID");
    let retry = api.post(&path(&invoices[1], "retryPayment"), &json!({})).expect(200);
    assert_eq!(retry["success"], true);
    let sessions = api.rows(&format!("/v0/paymentSessions?subscriptionId={}", text(&subscription, "id")));
    let statuses: Vec<&str> = sessions.iter().map(|session| text(session, "status")).collect();
    assert_eq!(statuses, ["cancelled", "completed"]);
}

#[test]
fn a_link_that_has_expired_is_not_retried() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "50", "P1M", "in_arrears", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let (clock, customer) = (api.clock(START), api.customer("jo@example.com"));
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({ "autoCharge": true }));
    api.advance(&clock, "P1M");
    let path = |tail: &str| format!("/v2/invoices/{}/{tail}", text(&api.invoices(text(&subscription, "id"))[0], "id"));
    let (link, retry) = (path("payment"), path("retryPayment"));
    api.post(&link, &json!({ "method": "hosted_link" })).expect(200);
    api.advance(&clock, "P31D");
    // That there is no card is told first.
    assert_eq!(api.post(&retry, &json!({})).expect(422)["error"]["code"], "no_payment_method");
    api.save_card(&customer, "4242424242424242");
    let expired = api.post(&retry, &json!({})).expect(409);
    assert_eq!((&expired["success"], text(&expired["error"], "code")), (&json!(false), "PAYMENT_SESSION_EXPIRED"));
    api.post(&link, &json!({ "method": "hosted_link" })).expect(200);
    assert_eq!(api.post(&retry, &json!({})).expect(200)["success"], true);
}

#[test]
fn a_refund_is_for_the_whole_of_a_paid_invoice_and_can_be_voided() {
    let api = api();
    let (_, _, _, renewal) = renewed(&api, "4242424242424242");
    let path = format!("/v2/invoices/{}/refunds", text(&renewal, "id"));
    let refund = api.post(&path, &json!({ "reason": "goodwill" })).expect(201);
    assert_eq!((text(&refund, "total"), text(&refund, "status")), ("50.00", "ISSUED"));
    api.post(&path, &json!({})).expect(400);
    let void = format!("{path}/{}/void", text(&refund, "id"));
    assert_eq!(api.post(&void, &json!({})).expect(200)["status"], "VOIDED");
    api.post(&void, &json!({})).expect(400);
    api.post(&path, &json!({})).expect(201);
    assert_eq!(api.get(&path)["data"].as_array().unwrap().len(), 2);
    assert_eq!(api.get(&format!("/v2/invoices/{}", text(&renewal, "id")))["status"], "PAID");
}

#[test]
fn an_issued_invoice_is_a_document() {
    let api = api();
    let (_, _, _, renewal) = renewed(&api, "4242424242424242");
    let path = format!("/paygentic/v2/invoices/{}/pdf", text(&renewal, "id"));
    let answer = api.raw("GET", &path, &[], b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/pdf")));
    assert!(answer.bytes.starts_with(b"%PDF-"));
}
