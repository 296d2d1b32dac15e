//! Payments: one-off charges, from their making to their end (facts: paygentic-behaviour §2.9, §1.3).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const NOON: &str = "2028-01-01T12:00:00Z";

fn order() -> Value {
    json!({ "merchantId": MERCHANT, "amount": "49.99", "currency": "USD" })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = order();
    body[field] = value;
    body
}

/// The session behind a payment's page.
fn session(payment: &Value) -> &str {
    text(payment, "paymentUrl").rsplit('/').next().unwrap()
}

fn again(api: &Api, payment: &Value) -> Value {
    api.get(&format!("/v0/payments/{}", text(payment, "id")))
}

#[test]
fn a_payment_says_back_what_it_was_asked() {
    let api = api();
    api.freeze(NOON);
    let customer = api.customer("jo@example.com");
    let mut wanted = order();
    let more = json!({
        "customerId": customer, "idempotencyKey": "order_12345", "reference": "Order #12345",
        "metadata": { "orderId": "order_12345" },
        "lineItems": [{ "description": "Widget", "amount": "39.99", "quantity": 2 }],
    });
    wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = api.create("/v0/payments", &wanted);
    for field in ["amount", "currency", "customerId", "idempotencyKey", "reference", "metadata", "lineItems"] {
        assert_eq!(made[field], wanted[field], "{field}");
    }
    assert!(text(&made, "id").starts_with("pay_") && session(&made).starts_with("ps_"));
    // P30D after noon of 1 January.
    assert_eq!((text(&made, "status"), text(&made, "expiresAt")), ("pending", "2028-01-31T12:00:00Z"));
    assert_eq!(again(&api, &made), made);
}

#[test]
fn a_repeated_key_is_answered_with_the_first_payment() {
    let api = api();
    let first = api.create("/v0/payments", &with("idempotencyKey", json!("once")));
    let mut other = with("idempotencyKey", json!("once"));
    other["amount"] = json!("10.00");
    assert_eq!(api.post("/v0/payments", &other).expect(200), first);
    api.create("/v0/payments", &with("idempotencyKey", json!("twice")));
    assert_eq!(api.rows("/v0/payments").len(), 2);
}

#[test]
fn the_bounds_themselves_are_allowed() {
    let api = api();
    api.freeze(NOON);
    for (amount, read) in [("1.00", "1.00"), ("1", "1.00"), ("5000.00", "5000.00"), ("10.5", "10.50")] {
        assert_eq!(api.create("/v0/payments", &with("amount", json!(amount)))["amount"], read);
    }
    let longest = api.create("/v0/payments", &with("expiresIn", json!("P31D")));
    assert_eq!(longest["expiresAt"], "2028-02-01T12:00:00Z");
    let lines: Vec<Value> = (0..100).map(|_| json!({ "description": "Line", "amount": "1.00" })).collect();
    let made = api.create("/v0/payments", &with("lineItems", json!(lines)));
    assert_eq!(made["lineItems"][99]["quantity"], 1);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let line = |amount: &str| json!({ "description": "Line", "amount": amount });
    for (field, value, status, told) in [
        ("amount", json!("0.99"), 400, "/amount minimum"),
        ("amount", json!("5000.01"), 400, "/amount maximum"),
        ("amount", json!("10.005"), 400, "/amount pattern"),
        ("amount", json!("-10"), 400, "/amount pattern"),
        ("amount", json!(10), 400, "/amount type"),
        ("currency", json!("CHF"), 400, "/currency enum"),
        ("currency", Value::Null, 400, "/currency"),
        ("idempotencyKey", json!("k".repeat(256)), 400, "/idempotencyKey maxLength"),
        ("metadata", json!({ "n": 1 }), 400, "/metadata/n type"),
        ("lineItems", json!(vec![line("1.00"); 101]), 400, "/lineItems maxItems"),
        ("lineItems", json!([line("1.00"), line("much")]), 400, "/lineItems/1/amount"),
        ("expiresIn", json!("P32D"), 400, "/expiresIn maximum"),
        ("expiresIn", json!("PT0S"), 400, "/expiresIn minimum"),
        ("expiresIn", json!("a week"), 400, "/expiresIn"),
        ("savePaymentMethod", json!(true), 400, "/customerId required"),
        ("customerId", json!("cus_nobody"), 404, "/customerId reference"),
    ] {
        let answer = api.refuses("POST", "/v0/payments", &with(field, value), status);
        assert!(answer.told().contains(told), "{told}: {}", answer.told());
    }
    api.refuses("GET", "/v0/payments/pay_nobody", &Value::Null, 404);
    api.refuses("GET", "/v0/payments?status=failed", &Value::Null, 400);
}

#[test]
fn a_completed_payment_is_told_and_paid_no_more() {
    let api = api();
    api.freeze(NOON);
    let customer = api.customer("jo@example.com");
    let made = api.create("/v0/payments", &with("customerId", json!(customer)));
    let complete = format!("/_leapday/payments/{}/complete", session(&made));

    // A decline leaves the page open for another card.
    let declined = api.post(&complete, &json!({ "card": { "number": "4000000000000002" } })).expect(200);
    assert_eq!((&declined["paid"], &declined["declineCode"]), (&json!(false), &json!("card_declined")));
    assert_eq!(again(&api, &made), made);

    api.world_advance_to("2028-01-02T12:00:00Z");
    let paid = api.post(&complete, &json!({})).expect(200);
    assert_eq!((&paid["status"], &paid["paid"]), (&json!("completed"), &json!(true)));
    assert_eq!(paid["declineCode"], Value::Null, "that was the other card");
    let read = again(&api, &made);
    assert_eq!((&read["status"], read.get("paymentUrl")), (&json!("completed"), None));
    let (kind, data) = api.last_event();
    assert_eq!(kind, "payment.completed.v0");
    let told = json!({ "paymentId": made["id"], "customerId": customer, "amount": "49.99", "currency": "USD" });
    for (field, value) in told.as_object().unwrap() {
        assert_eq!(&data[field], value, "{field}");
    }
    assert_eq!(data["completedAt"], "2028-01-02T12:00:00Z");

    api.refuses("POST", &complete, &json!({}), 409);
    api.world_advance_to("2028-03-01T00:00:00Z");
    assert_eq!(again(&api, &made), read, "its expiry no longer matters");
    let methods = api.get(&format!("/v0/customers/{customer}/paymentMethods"));
    assert_eq!(methods["data"], json!([]), "nobody asked to keep the card");
}

#[test]
fn a_card_is_kept_where_that_was_asked() {
    let api = api();
    let customer = api.customer("jo@example.com");
    let mut wanted = with("customerId", json!(customer));
    wanted["savePaymentMethod"] = json!(true);
    let made = api.create("/v0/payments", &wanted);
    api.post(&format!("/_leapday/payments/{}/complete", session(&made)), &json!({})).expect(200);
    let methods = api.get(&format!("/v0/customers/{customer}/paymentMethods"));
    assert_eq!(texts(methods["data"].as_array().unwrap(), "last4"), ["4242"]);
}

#[test]
fn a_payment_given_up_reads_cancelled() {
    let api = api();
    let made = api.create("/v0/payments", &order());
    let fail = format!("/_leapday/payments/{}/fail", session(&made));
    assert_eq!(api.post(&fail, &json!({})).expect(200)["status"], "failed");
    let read = again(&api, &made);
    assert_eq!((&read["status"], read.get("paymentUrl")), (&json!("cancelled"), None));
    let (kind, data) = api.last_event();
    assert_eq!((&*kind, &data["paymentId"]), ("payment.failed.v0", &made["id"]));
    api.refuses("POST", &fail, &json!({}), 409);
}

#[test]
fn a_payment_expires_at_its_instant_on_the_worlds_clock() {
    let api = api();
    api.freeze(NOON);
    let made = api.create("/v0/payments", &with("expiresIn", json!("P7D")));
    assert_eq!(made["expiresAt"], "2028-01-08T12:00:00Z");
    let complete = format!("/_leapday/payments/{}/complete", session(&made));
    api.world_advance_to("2028-01-08T11:59:59Z");
    assert_eq!(again(&api, &made)["status"], "pending");
    api.world_advance_to("2028-01-08T12:00:00Z");
    assert_eq!(again(&api, &made)["status"], "expired");
    let (kind, data) = api.last_event();
    assert_eq!((&*kind, &data["paymentId"]), ("payment.expired.v0", &made["id"]));
    let refusal = api.refuses("POST", &complete, &json!({}), 409).body;
    assert_eq!(refusal["code"], "PAYMENT_SESSION_EXPIRED");
}

#[test]
fn lists_go_by_status_customer_and_merchant() {
    let api = api();
    let customer = api.customer("jo@example.com");
    let named = |reference: &str, more: Value| {
        let mut body = with("reference", json!(reference));
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api.create("/v0/payments", &body)
    };
    let paid = named("paid", json!({ "customerId": customer }));
    named("open", json!({}));
    named("elsewhere", json!({ "merchantId": "org_other" }));
    api.post(&format!("/_leapday/payments/{}/complete", session(&paid)), &json!({})).expect(200);
    for (filter, expected) in [
        (String::new(), vec!["paid", "open", "elsewhere"]),
        ("?status=completed".to_owned(), vec!["paid"]),
        ("?status=expired".to_owned(), vec![]),
        (format!("?customerId={customer}"), vec!["paid"]),
        ("?customerId=cus_nobody".to_owned(), vec![]),
        (format!("?merchantId={MERCHANT}"), vec!["paid", "open"]),
        (format!("?merchantId={MERCHANT}&status=pending"), vec!["open"]),
    ] {
        assert_eq!(texts(&api.rows(&format!("/v0/payments{filter}")), "reference"), expected, "{filter}");
    }
    let page = api.get("/v0/payments?limit=1&offset=1");
    assert_eq!((&page["object"], &page["data"][0]["reference"]), (&json!("list"), &json!("open")));
    assert_eq!(page["pagination"], json!({ "limit": 1, "offset": 1, "total": 3 }));
}
