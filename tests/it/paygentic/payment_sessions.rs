//! Payment sessions: what money is being collected for (facts: paygentic-behaviour §2.9).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const START: &str = "2028-01-01T00:00:00Z";

/// The sessions of a filter, as the things that they collect for.
fn collecting(api: &Api, filter: &str) -> Vec<String> {
    texts(&api.rows(&format!("/v0/paymentSessions?{filter}")), "entityId").into_iter().map(str::to_owned).collect()
}

fn subscribed(api: &Api, email: &str) -> (Value, String, String) {
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    let (customer, clock) = (api.customer(email), api.clock(START));
    (api.subscribe(&plan, &customer, &clock, START, json!({})), customer, clock)
}

#[test]
fn the_start_of_a_subscription_waits_behind_a_session() {
    let api = api();
    let (subscription, _, _) = subscribed(&api, "jo@example.com");
    let session = &api.rows("/v0/paymentSessions")[0];
    assert_eq!(
        (&session["object"], &session["id"]),
        (&json!("payment_session"), &subscription["payment"]["paymentSessionId"])
    );
    assert_eq!((&session["entityType"], &session["entityId"]), (&json!("subscription"), &subscription["id"]));
    assert_eq!((&session["amount"], &session["currency"]), (&json!("30.00"), &json!("USD")));
    assert_eq!((&session["status"], &session["entityLabel"]), (&json!("pending"), &json!("Subscription")));
    assert_eq!((&session["providerPaymentRef"], &session["completedAt"]), (&Value::Null, &Value::Null));
    assert_eq!(text(session, "createdAt"), START, "it lives on the subscription's clock");

    api.pay(&subscription);
    let paid = &api.rows("/v0/paymentSessions")[0];
    assert_eq!((text(paid, "status"), text(paid, "completedAt")), ("completed", START));
    assert!(paid["providerPaymentRef"].is_string());
}

#[test]
fn lists_go_by_what_is_collected_for_and_from_whom() {
    let api = api();
    let (subscription, customer, clock) = subscribed(&api, "jo@example.com");
    api.pay(&subscription);
    let (other, _, _) = subscribed(&api, "ann@example.com");
    api.advance_to(&clock, "2028-02-01T00:00:00Z");
    let invoice = api.invoices(text(&subscription, "id"))[1].clone();
    let link = format!("/v2/invoices/{}/payment", text(&invoice, "id"));
    api.post(&link, &json!({ "method": "hosted_link" })).expect(200);
    let order = |more: Value| {
        let mut body = json!({ "amount": "5.00", "currency": "USD" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&api.create("/v0/payments", &body), "id").to_owned()
    };
    let bought = order(json!({ "customerId": customer, "merchantId": MERCHANT, "reference": "ORD-1" }));
    let elsewhere = order(json!({ "merchantId": "org_other" }));
    // A set-up collects nothing: it shows in no list.
    api.create(&format!("/v0/customers/{customer}/paymentMethods"), &json!({}));

    let (subscription, other) = (text(&subscription, "id"), text(&other, "id"));
    let invoice_id = text(&invoice, "id");
    for (filter, expected) in [
        (String::new(), vec![subscription, other, invoice_id, &bought, &elsewhere]),
        ("entityType=subscription".to_owned(), vec![subscription, other]),
        ("entityType=invoice".to_owned(), vec![invoice_id]),
        ("entityType=payment".to_owned(), vec![&bought, &elsewhere]),
        ("entityType=topup".to_owned(), vec![]),
        ("status=completed".to_owned(), vec![subscription]),
        ("status=pending&entityType=subscription".to_owned(), vec![other]),
        // Its own start, and its invoices.
        (format!("subscriptionId={subscription}"), vec![subscription, invoice_id]),
        ("subscriptionId=sub_nobody".to_owned(), vec![]),
        (format!("customerId={customer}"), vec![subscription, invoice_id, &bought]),
        (format!("merchantId={MERCHANT}"), vec![subscription, other, invoice_id, &bought]),
        ("merchantId=org_other".to_owned(), vec![&elsewhere]),
    ] {
        assert_eq!(collecting(&api, &filter), expected, "{filter}");
    }
    let labels = api.rows(&format!("/v0/paymentSessions?customerId={customer}"));
    assert_eq!(texts(&labels, "entityLabel"), ["Subscription", text(&invoice, "invoiceNumber"), "ORD-1"]);
    for filter in ["status=paid", "entityType=customer", "limit=0"] {
        api.refuses("GET", &format!("/v0/paymentSessions?{filter}"), &Value::Null, 400);
    }
}

#[test]
fn a_new_link_takes_the_old_one_back() {
    let api = api();
    let (subscription, _, clock) = subscribed(&api, "jo@example.com");
    api.pay(&subscription);
    api.advance_to(&clock, "2028-02-01T00:00:00Z");
    let invoice = api.invoices(text(&subscription, "id"))[1].clone();
    let link = format!("/v2/invoices/{}/payment", text(&invoice, "id"));
    let first = api.post(&link, &json!({ "method": "hosted_link" })).expect(200);
    api.post(&link, &json!({ "method": "hosted_link" })).expect(200);
    let sessions = api.rows("/v0/paymentSessions?entityType=invoice");
    assert_eq!(texts(&sessions, "status"), ["cancelled", "pending"]);
    let complete = format!("/_leapday/payments/{}/complete", text(&first, "paymentSessionId"));
    api.refuses("POST", &complete, &json!({}), 409);
}

#[test]
fn an_unknown_session_cannot_be_paid() {
    let api = api();
    for action in ["complete", "fail"] {
        api.refuses("POST", &format!("/_leapday/payments/ps_nobody/{action}"), &json!({}), 404);
    }
    let made = api.create("/v0/payments", &json!({ "amount": "5.00", "currency": "USD" }));
    let session = text(&made, "paymentUrl").rsplit('/').next().unwrap().to_owned();
    let wrong = json!({ "card": { "number": "4242424242424241" } });
    let answer = api.refuses("POST", &format!("/_leapday/payments/{session}/complete"), &wrong, 400);
    assert!(answer.told().starts_with("/card/number card"), "{}", answer.told());
}
