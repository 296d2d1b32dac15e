//! Fees: labels that prices charge under (facts: paygentic-behaviour §2.3, §1.2).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

fn fee(name: &str) -> Value {
    json!({ "name": name, "description": "A fee", "merchantId": MERCHANT })
}

fn names(api: &Api, path: &str) -> Vec<String> {
    texts(&api.rows(path), "name").into_iter().map(str::to_owned).collect()
}

#[test]
fn a_fee_belongs_to_the_named_product_or_the_first() {
    let api = api();
    let product = api.product();
    let mut named = fee("Setup");
    named["productId"] = json!(product);
    let made = api.create("/v0/fees", &named);
    assert_eq!((&made["object"], &made["productId"], &made["itemId"]), (&json!("fee"), &json!(product), &Value::Null));
    assert_eq!(api.get(&format!("/v0/fees/{}", text(&made, "id"))), made);
    assert_eq!(api.create("/v0/fees", &fee("Support"))["productId"], "prod_starter");

    assert_eq!(names(&api, &format!("/v0/fees?merchantId={MERCHANT}&productId={product}")), ["Setup"]);
    let all = names(&api, &format!("/v0/fees?merchantId={MERCHANT}"));
    assert_eq!(all, ["Platform fee", "Setup", "Support"]);
    assert_eq!(names(&api, "/v0/fees?merchantId=org_other"), ["Platform fee"]);
    assert_eq!(names(&api, &format!("/v0/fees?merchantId={MERCHANT}&productId=prod_nobody")), Vec::<String>::new());
}

#[test]
fn without_a_product_there_is_no_fee() {
    let api = api();
    api.post("/_leapday/world/reset", &json!({ "world": "empty" })).expect(200);
    assert!(api.refuses("POST", "/v0/fees", &fee("Setup"), 400).told().starts_with("/productId required"));
}

#[test]
fn a_change_leaves_what_it_does_not_name() {
    let api = api();
    let made = api.create("/v0/fees", &fee("Setup"));
    let path = format!("/v0/fees/{}", text(&made, "id"));
    let changed = api.patch(&path, &json!({ "description": "Once", "itemId": null })).expect(200);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Setup"), &json!("Once")));
    assert_eq!(api.get(&path), changed);
}

#[test]
fn a_fee_that_is_charged_stays_and_says_by_which_prices() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "10", "P1M", "in_advance", json!({}));
    let fee = api.get(&format!("/v0/prices/{price}"))["feeId"].clone();
    let path = format!("/v0/fees/{}", fee.as_str().unwrap());
    let refusal = api.refuses("DELETE", &path, &Value::Null, 409).body;
    assert_eq!(refusal["error"], "conflict");
    let items = json!([{ "id": price, "invoiceDisplayName": "Fee 10" }]);
    assert_eq!(refusal["details"]["blockers"], json!([{ "type": "prices", "count": 1, "items": items }]));

    assert_eq!(api.delete(&format!("/v0/prices/{price}")).status, 204);
    assert_eq!(api.delete(&path).status, 204);
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({ "name": "A" })), ("DELETE", Value::Null)] {
        api.refuses(method, &path, &body, 404);
    }
    assert_eq!(names(&api, &format!("/v0/fees?merchantId={MERCHANT}")), ["Platform fee"]);
    let price = json!({
        "invoiceDisplayName": "Late", "paymentTerm": "in_advance", "feeId": fee,
        "billingCadence": "P1M", "properties": { "unitPrice": "1" },
    });
    assert!(api.refuses("POST", "/v0/prices", &price, 404).told().starts_with("/feeId "));
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let with = |field: &str, value: Value| {
        let mut body = fee("Setup");
        body[field] = value;
        body
    };
    for (method, path, body, status) in [
        ("POST", "/v0/fees", json!({ "name": "Setup", "merchantId": MERCHANT }), 400),
        ("POST", "/v0/fees", with("merchantId", json!("shop")), 400),
        ("POST", "/v0/fees", with("productId", json!("prod_nobody")), 404),
        ("POST", "/v0/fees", with("itemId", json!("itm_nobody")), 404),
        ("PATCH", "/v0/fees/fee_starterPlatform", json!({ "itemId": "itm_nobody" }), 404),
        ("PATCH", "/v0/fees/fee_starterPlatform", json!({ "name": null }), 400),
        ("PATCH", "/v0/fees/fee_nobody", json!({ "name": "A" }), 404),
        ("GET", "/v0/fees/prod_starter", Value::Null, 404),
        ("GET", "/v0/fees", Value::Null, 400),
    ] {
        api.refuses(method, path, &body, status);
    }
}
