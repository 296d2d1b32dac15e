//! Products: created, read, renamed (facts: paygentic-behaviour §2.1).

use serde_json::{Value, json};

use crate::support::{MERCHANT, api, text, texts};

fn product(name: &str) -> Value {
    json!({ "name": name, "description": "A service", "merchantId": MERCHANT })
}

#[test]
fn a_product_reads_back_as_it_was_made() {
    let api = api();
    let mut wanted = product("Service");
    wanted["metadata"] = json!({ "tier": "enterprise" });
    let made = api.create("/v0/products", &wanted);
    for field in ["name", "description", "merchantId", "metadata"] {
        assert_eq!(made[field], wanted[field], "{field}");
    }
    assert!(text(&made, "id").starts_with("prod_"));
    assert_eq!((&made["object"], &made["createdAt"]), (&json!("product"), &made["updatedAt"]));
    assert_eq!(api.get(&format!("/v0/products/{}", text(&made, "id"))), made);
    assert_eq!(api.create("/v0/products", &product("Bare"))["metadata"], json!({}));
}

#[test]
fn a_change_leaves_what_it_does_not_name() {
    let api = api();
    api.freeze("2028-01-01T00:00:00Z");
    let made = api.create("/v0/products", &product("Service"));
    api.world_advance_to("2028-01-02T00:00:00Z");
    let changed = api.patch(&format!("/v0/products/{}", text(&made, "id")), &json!({ "name": "Renamed" })).expect(200);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Renamed"), &made["description"]));
    assert_eq!(
        (text(&changed, "createdAt"), text(&changed, "updatedAt")),
        ("2028-01-01T00:00:00Z", "2028-01-02T00:00:00Z")
    );
}

#[test]
fn lists_have_pages_and_go_by_merchant() {
    let api = api();
    for name in ["One", "Two", "Three"] {
        api.create("/v0/products", &product(name));
    }
    // The starting world's product shows under every name.
    let all = api.rows(&format!("/v0/products?merchantId={MERCHANT}"));
    assert_eq!(texts(&all, "name"), ["LLM API", "One", "Two", "Three"]);
    assert_eq!(texts(&api.rows("/v0/products?merchantId=org_other"), "name"), ["LLM API"]);
    let page = api.get("/v0/products?limit=2&offset=1");
    assert_eq!(texts(page["data"].as_array().unwrap(), "name"), ["One", "Two"]);
    assert_eq!(page["pagination"], json!({ "limit": 2, "offset": 1, "total": 4 }));
    assert_eq!(page.get("object"), None, "products answer without the envelope's name (§1.4)");
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let product = api.product();
    let path = format!("/v0/products/{product}");
    for (method, path, body, status) in [
        ("POST", "/v0/products", json!({ "name": "Service", "merchantId": MERCHANT }), 400),
        ("POST", "/v0/products", json!({ "name": "Service", "description": "A", "merchantId": "shop" }), 400),
        ("PATCH", &*path, json!({ "name": null }), 400),
        ("PATCH", "/v0/products/prod_nobody", json!({ "name": "A" }), 404),
        ("GET", "/v0/products/prod_nobody", Value::Null, 404),
        ("GET", "/v0/products?limit=101", Value::Null, 400),
        ("GET", "/v0/products?offset=-1", Value::Null, 400),
    ] {
        api.refuses(method, path, &body, status);
    }
}
