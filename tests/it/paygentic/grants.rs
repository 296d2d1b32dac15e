//! Grants, given and bought (facts: paygentic-behaviour §2.10, §1.3).

use serde_json::{Value, json};

use crate::support::{Api, api, text, texts};

const START: &str = "2028-01-01T00:00:00Z";

/// A customer with 100 calls a month and a hard limit.
struct Held {
    api: Api,
    product: String,
    customer: String,
    clock: String,
    subscription: String,
    path: String,
}

fn held() -> Held {
    let api = api();
    let product = api.product();
    let calls = api.feature(&product, "calls", "metered");
    let (_, price) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "0.5" }));
    api.attach(&price, &calls, json!({ "usagePeriod": { "interval": "P1M" }, "issueAfterReset": 100 }));
    let plan = api.plan(&product, &[&price], json!({ "currency": "EUR" }));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({}));
    let subscription = text(&subscription, "id").to_owned();
    let rows = api.rows(&format!("/v1/entitlements?customerId={customer}"));
    let path = format!("/v1/entitlements/{}", text(&rows[0], "entitlementId"));
    Held { api, product, customer, clock, subscription, path }
}

impl Held {
    fn grants(&self) -> String {
        format!("{}/grants", self.path)
    }

    fn grant(&self, body: &Value) -> Value {
        self.api.create(&self.grants(), body)
    }

    fn balance(&self, at: &str) -> Value {
        self.api.get(&format!("{}?at={at}", self.path))["balance"].clone()
    }

    fn buy(&self, body: &Value) -> Value {
        self.api.create(&format!("{}/purchase", self.grants()), body)
    }

    fn session(&self) -> String {
        let path = format!("/v0/paymentSessions?customerId={}", self.customer);
        text(self.api.rows(&path).last().expect("a session"), "id").to_owned()
    }
}

fn order(key: &str) -> Value {
    json!({ "amount": 1_000, "price": "5.00", "idempotencyKey": key })
}

#[test]
fn a_grant_says_what_it_is_and_counts_from_now() {
    let held = held();
    held.api.advance(&held.clock, "P10D");
    let made = held.grant(&json!({ "amount": 50, "idempotencyKey": "promo" }));
    for (field, value) in [
        ("object", json!("grant")),
        ("amount", json!(50)),
        ("effectiveAt", json!("2028-01-11T00:00:00Z")),
        ("createdAt", json!("2028-01-11T00:00:00Z")),
        ("expiresAt", Value::Null),
        ("voidedAt", Value::Null),
        ("recurrencePeriod", Value::Null),
        ("resetMaxRollover", json!(999_999_999_999_u64)),
        ("resetMinRollover", json!(0)),
        ("priority", json!(0)),
        ("idempotencyKey", json!("promo")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(held.api.get(&format!("{}/{}", held.grants(), text(&made, "id"))), made);
    assert_eq!(held.balance("2028-01-10T23:59:59Z"), 100);
    assert_eq!(held.balance("2028-01-11T00:00:00Z"), 150);
    assert_eq!(held.balance("2028-02-01T00:00:00Z"), 150, "a grant is carried over, the allowance is not");
    // The allowance is a grant of its own, that recurs.
    let all = held.api.rows(&held.grants());
    assert_eq!((&all[0]["recurrencePeriod"], &all[0]["idempotencyKey"]), (&json!("P1M"), &Value::Null));
    assert_eq!((all[0]["amount"].clone(), all[1].clone()), (json!(100), made));
}

#[test]
fn a_key_makes_one_grant_of_an_entitlement() {
    let held = held();
    let body = json!({ "amount": 50, "idempotencyKey": "promo", "priority": -32_768 });
    let made = held.grant(&body);
    assert_eq!(held.grant(&body), made);
    let mut other = body.clone();
    other["amount"] = json!(51);
    let refusal = held.api.refuses("POST", &held.grants(), &other, 409);
    assert_eq!(refusal.body["error"], "conflict");
    assert!(refusal.told().starts_with("/idempotencyKey unique"), "{}", refusal.told());
    // A purchase has keys of its own.
    held.buy(&order("promo"));
    held.api.post(&format!("/_leapday/payments/{}/complete", held.session()), &json!({})).expect(200);
    assert_eq!(held.grant(&body), made);
    assert_eq!(held.api.rows(&held.grants()).len(), 3);
}

#[test]
fn burn_order_is_priority_then_expiry_then_age() {
    let held = held();
    let made = |key: &str, amount: u32, more: Value| {
        let mut body = json!({ "amount": amount, "idempotencyKey": key });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        held.grant(&body)
    };
    made("old", 1, json!({}));
    made("june", 2, json!({ "expiresAt": "2028-06-01T00:00:00Z" }));
    made("march", 4, json!({ "expiresAt": "2028-03-01T00:00:00Z" }));
    made("first", 8, json!({ "priority": -1 }));
    made("last", 16, json!({ "priority": 1 }));
    // The allowance of 100 has priority 0, no expiry, and is the oldest.
    assert_eq!(held.balance("2028-01-02T00:00:00Z"), 131);
    let left = |used: f64| {
        held.api.usage("calls", &held.customer, used, "2028-01-03T00:00:00Z");
        json!([
            held.balance("2028-02-15T00:00:00Z"),
            held.balance("2028-04-15T00:00:00Z"),
            held.balance("2028-07-15T00:00:00Z")
        ])
    };
    assert_eq!(left(0.0), json!([131, 127, 125]));
    assert_eq!(left(8.0), json!([123, 119, 117]), "priority first");
    assert_eq!(left(4.0), json!([119, 119, 117]), "then what expires in March");
    assert_eq!(left(2.0), json!([117, 117, 117]), "then what expires in June");
    assert_eq!(left(100.0), json!([117, 117, 117]), "then the oldest: the allowance, which February issues anew");
    assert_eq!(left(1.0), json!([116, 116, 116]), "then the next");
    assert_eq!(left(6.0), json!([110, 110, 110]), "then the last by priority");
}

#[test]
fn caps_bound_what_a_reset_carries() {
    let held = held();
    held.grant(&json!({ "amount": 80, "idempotencyKey": "capped", "resetMaxRollover": 30, "resetMinRollover": 5 }));
    assert_eq!(held.balance("2028-01-20T00:00:00Z"), 180);
    assert_eq!(held.balance("2028-02-20T00:00:00Z"), 130);
    held.api.usage("calls", &held.customer, 179.0, "2028-01-10T00:00:00Z");
    assert_eq!(held.balance("2028-01-20T00:00:00Z"), 1);
    assert_eq!(held.balance("2028-02-20T00:00:00Z"), 105);
}

#[test]
fn a_voided_grant_gives_no_more_and_is_hidden() {
    let held = held();
    let made = held.grant(&json!({ "amount": 50, "idempotencyKey": "promo", "priority": -1 }));
    held.api.usage("calls", &held.customer, 20.0, "2028-01-02T00:00:00Z");
    held.api.advance(&held.clock, "P10D");
    let path = format!("{}/{}", held.grants(), text(&made, "id"));
    let voided = held.api.delete(&path).expect(200);
    assert_eq!(voided["voidedAt"], "2028-01-11T00:00:00Z");
    held.api.advance(&held.clock, "P1D");
    assert_eq!(held.api.delete(&path).expect(200), voided, "once is enough");
    assert_eq!(held.api.get(&path), voided);
    assert_eq!(held.balance("2028-01-10T00:00:00Z"), 130);
    assert_eq!(held.balance("2028-01-12T00:00:00Z"), 100, "what it covered stays covered");
    assert_eq!(held.api.rows(&held.grants()).len(), 1);
    assert_eq!(held.api.rows(&format!("{}?includeVoided=true", held.grants())).len(), 2);

    for n in 0..25 {
        held.grant(&json!({ "amount": 1, "idempotencyKey": format!("n{n}") }));
    }
    let page = held.api.get(&held.grants());
    assert_eq!((page["data"].as_array().map(Vec::len), &page["pagination"]["total"]), (Some(20), &json!(26)));
    let last = held.api.get(&format!("{}?limit=3&offset=25", held.grants()));
    assert_eq!(texts(last["data"].as_array().unwrap(), "idempotencyKey"), ["n24"]);
}

#[test]
fn only_metered_entitlements_of_active_subscriptions_are_granted_more() {
    let held = held();
    let sso = held.api.feature(&held.product, "sso", "boolean");
    let alone = held.api.feature(&held.product, "alone", "metered");
    let issue = |feature: &str, kind: &str, more: Value| {
        let mut body = json!({ "customerId": held.customer, "featureId": feature, "template": { "type": kind } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&held.api.create("/v1/entitlements", &body), "id").to_owned()
    };
    let of_subscription = json!({ "subscriptionId": held.subscription });
    let (sso, alone) = (issue(&sso, "boolean", of_subscription), issue(&alone, "metered", json!({})));
    let body = json!({ "amount": 1, "idempotencyKey": "k" });
    for id in [&sso, &alone] {
        held.api.refuses("POST", &format!("/v1/entitlements/{id}/grants"), &body, 400);
        held.api.refuses("POST", &format!("/v1/entitlements/{id}/grants/purchase"), &order("k"), 400);
    }
    held.api.refuses("POST", "/v1/entitlements/ent_nobody/grants", &body, 404);
    let made = held.grant(&body);
    let elsewhere = format!("/v1/entitlements/{alone}/grants/{}", text(&made, "id"));
    held.api.refuses("GET", &elsewhere, &Value::Null, 404);
    held.api.refuses("DELETE", &elsewhere, &Value::Null, 404);
    held.api.refuses("GET", &format!("{}/grt_nobody", held.grants()), &Value::Null, 404);
    held.api.refuses("GET", "/v1/entitlements/ent_nobody/grants", &Value::Null, 404);
    let end = format!("/v0/subscriptions/{}/termination", held.subscription);
    held.api.post(&end, &json!({ "reason": "Over" })).expect(200);
    held.api.refuses("POST", &held.grants(), &json!({ "amount": 1, "idempotencyKey": "late" }), 400);
    held.api.refuses("POST", &format!("{}/purchase", held.grants()), &order("late"), 400);
}

#[test]
fn what_is_wrong_with_a_grant_is_told_and_changes_nothing() {
    let held = held();
    let purchase = format!("{}/purchase", held.grants());
    let given = |more: Value| with(&json!({ "amount": 1, "idempotencyKey": "k" }), more);
    let bought = |more: Value| with(&order("k"), more);
    for (path, body, told) in [
        (held.grants(), given(json!({ "amount": 0 })), "/amount exclusiveMinimum"),
        (held.grants(), given(json!({ "amount": 1e-300 })), "/amount exclusiveMinimum"),
        (held.grants(), given(json!({ "priority": 32_768 })), "/priority maximum"),
        (held.grants(), given(json!({ "resetMaxRollover": 1e12 })), "/resetMaxRollover maximum"),
        (held.grants(), given(json!({ "resetMaxRollover": 1, "resetMinRollover": 2 })), "/resetMinRollover maximum"),
        (held.grants(), given(json!({ "expiresAt": START })), "/expiresAt minimum"),
        (held.grants(), given(json!({ "idempotencyKey": null })), "/idempotencyKey type"),
        (purchase.clone(), bought(json!({ "price": "0.49" })), "/price minimum"),
        (purchase.clone(), bought(json!({ "price": "4503599.63" })), "/price maximum"),
        (purchase.clone(), bought(json!({ "price": "-5" })), "/price pattern"),
        (purchase.clone(), bought(json!({ "amount": 0.123_456_789 })), "/amount multipleOf"),
        (purchase.clone(), bought(json!({ "expiresAt": START })), "/expiresAt minimum"),
        (purchase.clone(), bought(json!({ "paymentExpiresAt": START })), "/paymentExpiresAt minimum"),
        (purchase.clone(), bought(json!({ "paymentExpiresAt": "2028-03-01T00:00:00Z" })), "/paymentExpiresAt maximum"),
        (purchase, bought(json!({ "idempotencyKey": "" })), "/idempotencyKey minLength"),
    ] {
        let refusal = held.api.refuses("POST", &path, &body, 400);
        assert!(refusal.told().starts_with(told), "{told}: {}", refusal.told());
    }
}

fn with(base: &Value, more: Value) -> Value {
    let mut body = base.clone();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn a_purchase_is_granted_when_it_is_paid() {
    let held = held();
    held.api.advance(&held.clock, "P3D");
    let more = json!({
        "successUrl": "https://shop.example/thanks", "cancelUrl": "https://shop.example/back",
        "paymentExpiresAt": "2028-01-05T00:00:00Z", "resetMaxRollover": 400,
    });
    let body = with(&order("top-up"), more);
    let bought = held.buy(&body);
    let invoice = text(&bought, "invoiceId");
    assert!(invoice["inv_".len()..].bytes().all(|letter| letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter)));
    assert_eq!((&bought["object"], &bought["grantAmount"]), (&json!("grant_purchase"), &json!(1_000)));
    assert_eq!((&bought["price"], &bought["currency"]), (&json!("5.00"), &json!("eur")));
    let session = &bought["paymentSessions"][0];
    assert_eq!((&session["amount"], &session["expiresAt"]), (&json!(500), &json!("2028-01-05T00:00:00Z")));
    assert_eq!(held.buy(&body), bought, "the same again");
    let refusal = held.api.refuses("POST", &format!("{}/purchase", held.grants()), &order("top-up"), 409);
    assert_eq!(refusal.body["error"], "conflict");

    let path = format!("/v2/invoices/{invoice}");
    let issued = held.api.get(&path);
    assert_eq!((&issued["status"], &issued["grandTotal"]), (&json!("ISSUED"), &json!("5.00")));
    assert_eq!((&issued["itemCount"], &issued["subscriptionId"]), (&json!(1), &json!(held.subscription)));
    let lines = held.api.lines(&issued);
    assert_eq!((text(&lines[0], "metricName"), text(&lines[0], "totalAmount")), ("The calls", "5.00"));
    assert_eq!(held.balance("2028-01-04T00:00:00Z"), 100);

    held.api.post(&format!("/_leapday/payments/{}/complete", held.session()), &json!({})).expect(200);
    let paid = held.api.get(&path);
    assert_eq!((&paid["status"], &paid["paidAmount"]), (&json!("PAID"), &json!("5.00")));
    let grant = held.api.rows(&held.grants()).pop().unwrap();
    assert_eq!((&grant["amount"], &grant["effectiveAt"]), (&json!(1_000), &json!("2028-01-04T00:00:00Z")));
    let (kind, data) = held.api.last_event();
    assert_eq!((&*kind, &data["invoiceId"], &data["grantId"]), ("invoice.paid.v0", &bought["invoiceId"], &grant["id"]));
    assert_eq!(held.balance("2028-01-04T00:00:00Z"), 1_100);
    assert_eq!(held.balance("2028-02-04T00:00:00Z"), 500);
    let pdf = held.api.raw("GET", &format!("/paygentic{path}/pdf"), &[], b"");
    assert_eq!((pdf.status, &pdf.bytes[..5]), (200, &b"%PDF-"[..]));

    // Invoices of periods go on beside it, each with a number of its own.
    let projected = held.api.rows(&format!("/v2/invoices/projected?subscriptionId={}", held.subscription));
    assert_eq!(projected, Vec::<Value>::new(), "usage is not foreseen");
    held.api.advance_to(&held.clock, "2028-03-02T00:00:00Z");
    let numbers: Vec<u64> =
        held.api.invoices(&held.subscription).iter().map(|row| row["sequenceNumber"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn a_purchase_that_nobody_pays_is_cancelled_and_grants_nothing() {
    let held = held();
    let path = format!("/v2/invoices/{}", text(&held.buy(&order("late")), "invoiceId"));
    held.api.advance(&held.clock, "PT3H59M");
    assert_eq!(held.api.get(&path)["status"], "ISSUED");
    held.api.advance(&held.clock, "PT1M");
    let cancelled = held.api.get(&path);
    assert_eq!((&cancelled["status"], &cancelled["unpaidAmount"]), (&json!("CANCELLED"), &json!("0.00")));
    assert_eq!(held.api.last_event().0, "invoice.cancelled.v0");
    assert_eq!(held.api.rows(&held.grants()).len(), 1);
    held.api.refuses("POST", &format!("{path}/payment"), &json!({ "method": "out_of_band" }), 400);
}

#[test]
fn a_purchase_may_be_paid_in_another_way() {
    let held = held();
    let path = format!("/v2/invoices/{}", text(&held.buy(&order("wire")), "invoiceId"));
    held.api.post(&format!("{path}/payment"), &json!({ "method": "hosted_link" })).expect(200);
    // The link has taken the place of the first page, whose time does not count any more.
    held.api.advance(&held.clock, "P5D");
    assert_eq!(held.api.get(&path)["status"], "ISSUED");
    held.api.post(&format!("{path}/payment"), &json!({ "method": "out_of_band" })).expect(200);
    assert_eq!(held.api.rows(&held.grants()).len(), 2);
    assert_eq!(held.balance("2028-01-06T00:00:00Z"), 1_100);
}

#[test]
fn what_is_bought_stands_on_the_page() {
    let held = held();
    let bought = held.buy(&order("page"));
    let url = text(&bought["paymentSessions"][0], "url");
    let page = held.api.raw("GET", url.strip_prefix(&held.api.base).expect("here"), &[], b"");
    let shown = String::from_utf8(page.bytes).unwrap();
    for words in ["The calls", "1000 units", "EUR 5.00"] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
}
