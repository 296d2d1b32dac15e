//! Features, and the prices that carry them (facts: paygentic-behaviour §2.10, §2.4).

use serde_json::{Value, json};

use crate::support::{MERCHANT, api, text, texts};

fn feature(product: &str, key: &str) -> Value {
    json!({ "key": key, "name": "Single sign-on", "merchantId": MERCHANT, "productId": product })
}

#[test]
fn a_feature_is_boolean_unless_it_says_otherwise() {
    let api = api();
    let product = api.product();
    let made = api.create("/v0/features", &feature(&product, "sso"));
    for (field, value) in [
        ("object", json!("feature")),
        ("type", json!("boolean")),
        ("productId", json!(product)),
        ("merchantId", json!(MERCHANT)),
        ("metadata", json!({})),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(api.get(&format!("/v0/features/{}", text(&made, "id"))), made);
    let mut metered = feature(&product, "api-calls");
    metered["type"] = json!("metered");
    metered["metadata"] = json!({ "unit": "requests" });
    assert_eq!(api.create("/v0/features", &metered)["metadata"]["unit"], "requests");

    let keys = |path: &str| texts(&api.rows(path), "key").into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(keys(&format!("/v0/features?productId={product}")), ["sso", "api-calls"]);
    assert_eq!(keys(&format!("/v0/features?productId={product}&key=sso")), ["sso"]);
    assert_eq!(keys("/v0/features?productId=prod_starter&key=sso"), Vec::<String>::new());
    let page = api.get(&format!("/v0/features?productId={product}&limit=1&offset=1"));
    assert_eq!((&page["data"][0]["key"], &page["pagination"]["total"]), (&json!("api-calls"), &json!(2)));
}

#[test]
fn a_key_names_one_feature_of_a_product() {
    let api = api();
    let (product, other) = (api.product(), api.product());
    let first = api.create("/v0/features", &feature(&product, "sso"));
    let second = api.feature(&product, "audit", "boolean");
    api.create("/v0/features", &feature(&other, "sso"));
    let refusal = api.refuses("POST", "/v0/features", &feature(&product, "sso"), 409);
    assert_eq!(refusal.body["error"], "conflict");
    assert!(refusal.told().contains(text(&first, "id")), "{}", refusal.told());
    let told = api.refuses("PATCH", &format!("/v0/features/{second}"), &json!({ "key": "sso" }), 400);
    assert!(told.told().starts_with("/key unique"), "{}", told.told());
    // Its own key is no hindrance, and a deleted feature gives its key up.
    api.patch(&format!("/v0/features/{second}"), &json!({ "key": "audit" })).expect(200);
    assert_eq!(api.delete(&format!("/v0/features/{}", text(&first, "id"))).status, 204);
    api.create("/v0/features", &feature(&product, "sso"));
}

#[test]
fn a_change_leaves_what_it_does_not_name_and_a_used_type_as_it_is() {
    let api = api();
    let product = api.product();
    let id = api.feature(&product, "calls", "metered");
    let path = format!("/v0/features/{id}");
    let changed = api.patch(&path, &json!({ "name": "Calls", "metadata": { "unit": "calls" } })).expect(200);
    assert_eq!(
        (&changed["name"], &changed["key"], &changed["type"]),
        (&json!("Calls"), &json!("calls"), &json!("metered"))
    );
    assert_eq!(api.get(&path), changed);
    assert_eq!(api.patch(&path, &json!({ "type": "static" })).expect(200)["type"], "static");

    let price = api.fee_price(&product, "10", "P1M", "in_advance", json!({ "feature": { "featureId": id } }));
    assert!(api.refuses("PATCH", &path, &json!({ "type": "boolean" }), 400).told().starts_with("/type const"));
    api.patch(&path, &json!({ "type": "static" })).expect(200);
    api.patch(&format!("/v0/prices/{price}"), &json!({ "feature": null })).expect(200);
    assert_eq!(api.patch(&path, &json!({ "type": "boolean" })).expect(200)["type"], "boolean");
}

#[test]
fn a_price_shows_the_feature_that_it_carries() {
    let api = api();
    let product = api.product();
    let calls = api.feature(&product, "calls", "metered");
    let template = json!({ "usagePeriod": { "interval": "P1M" }, "issueAfterReset": 100 });
    let feature = json!({ "featureId": calls, "entitlementTemplate": template });
    let price = api.fee_price(&product, "10", "P1M", "in_advance", json!({ "feature": feature }));
    let path = format!("/v0/prices/{price}");
    let shown = &api.get(&path)["features"];
    assert_eq!(shown.as_array().map(Vec::len), Some(1));
    let key = json!({ "key": "calls", "name": "The calls", "type": "metered" });
    assert_eq!((&shown[0]["featureId"], &shown[0]["entitlementTemplate"]), (&json!(calls), &template));
    assert_eq!(shown[0]["feature"], key);
    // What a change does not name stays; what it replaces is replaced whole.
    assert_eq!(&api.patch(&path, &json!({ "invoiceDisplayName": "Base" })).expect(200)["features"], shown);
    api.attach(&price, &calls, Value::Null);
    assert_eq!(api.get(&path)["features"][0]["entitlementTemplate"], json!({}));
    assert_eq!(api.patch(&path, &json!({ "feature": null })).expect(200)["features"], json!([]));

    api.attach(&price, &calls, json!({}));
    assert_eq!(api.delete(&format!("/v0/features/{calls}")).status, 204);
    assert_eq!(api.get(&path)["features"], json!([]), "a deleted feature is gone everywhere");
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({ "name": "A" })), ("DELETE", Value::Null)] {
        api.refuses(method, &format!("/v0/features/{calls}"), &body, 404);
    }
    let told = api.refuses("PATCH", &path, &json!({ "feature": { "featureId": calls } }), 404);
    assert!(told.told().starts_with("/feature/featureId reference"), "{}", told.told());
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let product = api.product();
    let with = |field: &str, value: Value| {
        let mut body = feature(&product, "sso");
        body[field] = value;
        body
    };
    for (method, path, body, status) in [
        ("POST", "/v0/features", with("key", json!("Not a key")), 400),
        ("POST", "/v0/features", with("type", json!("counted")), 400),
        ("POST", "/v0/features", with("productId", json!("prod_nobody")), 404),
        ("GET", "/v0/features", Value::Null, 400),
        ("GET", "/v0/features?productId=prod_nobody", Value::Null, 404),
        ("GET", "/v0/features/feat_nobody", Value::Null, 404),
        ("PATCH", "/v0/features/feat_nobody", json!({ "name": "A" }), 404),
        ("DELETE", "/v0/features/feat_nobody", Value::Null, 404),
    ] {
        api.refuses(method, path, &body, status);
    }
    let calls = api.feature(&product, "calls", "metered");
    let (_, price) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "-0.01" }));
    for (feature, pointer) in [
        (
            json!({ "featureId": calls, "entitlementTemplate": { "type": "static" } }),
            "/feature/entitlementTemplate/type",
        ),
        (
            json!({ "featureId": calls, "entitlementTemplate": { "usagePeriod": { "interval": "P0D" } } }),
            "/feature/entitlementTemplate/usagePeriod/interval",
        ),
        // A rebate and a hard limit do not go together.
        (json!({ "featureId": calls, "entitlementTemplate": {} }), "/properties/unitPrice"),
    ] {
        let refusal = api.refuses("PATCH", &format!("/v0/prices/{price}"), &json!({ "feature": feature }), 400);
        assert!(refusal.told().starts_with(pointer), "{pointer}: {}", refusal.told());
    }
}
