//! Sources: where revenue is read from (facts: paygentic-behaviour §2.12).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const METRIC: &str = "bm_starterTokens";

fn source() -> Value {
    json!({ "name": "Stripe", "planId": "plan_starterMonthly", "type": "stripe_revenue" })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = source();
    body[field] = value;
    body
}

fn names(api: &Api, query: &str) -> Vec<String> {
    texts(&api.rows(&format!("/v0/sources{query}")), "name").into_iter().map(str::to_owned).collect()
}

#[test]
fn a_source_says_back_what_it_was_asked() {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    let product = api.product();
    let plan = api.plan(&product, &["price_starterTokens"], json!({}));
    let wanted = json!({
        "name": "Stripe", "planId": plan, "type": "stripe_revenue", "description": "Card payments",
        "enabled": false, "processingMode": "manual", "config": { "ampersandProjectId": "proj_1" },
        "metadata": { "billableMetricMapping": { "revenue": METRIC }, "team": 7 },
    });
    let made = api.create("/v0/sources", &wanted);
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(made[field], *value, "{field}");
    }
    assert_eq!((&made["object"], &made["merchantId"]), (&json!("source"), &json!(MERCHANT)));
    assert_eq!(text(&made, "createdAt"), "2028-01-31T00:00:00Z");
    assert!(text(&made, "id").starts_with("src_"));
    assert_eq!(api.get(&format!("/v0/sources/{}", text(&made, "id"))), made);

    let plain = api.create("/v0/sources", &source());
    assert_eq!((&plain["enabled"], &plain["processingMode"]), (&json!(true), &json!("automatic")));
    for field in ["description", "config", "metadata"] {
        assert_eq!(plain.get(field), None, "{field}");
    }
}

#[test]
fn sources_are_listed_by_plan_and_merchant() {
    let api = api();
    let product = api.product();
    let plan = api.plan(&product, &["price_starterTokens"], json!({}));
    let mut own = with("name", json!("Own"));
    own["planId"] = json!(plan);
    api.create("/v0/sources", &own);
    api.create("/v0/sources", &with("name", json!("Everybody's")));
    assert_eq!(names(&api, ""), ["Own", "Everybody's"]);
    assert_eq!(names(&api, &format!("?planId={plan}")), ["Own"]);
    assert_eq!(names(&api, "?planId=plan_nobody"), Vec::<String>::new());
    // The plan of the starting world belongs to every name.
    assert_eq!(names(&api, "?merchantId=org_other"), ["Everybody's"]);
    assert_eq!(names(&api, &format!("?merchantId={MERCHANT}&planId={plan}")), ["Own"]);
    let page = api.get("/v0/sources?limit=1&offset=1");
    assert_eq!(page["pagination"], json!({ "limit": 1, "offset": 1, "total": 2 }));
    assert_eq!((page.get("object"), &page["data"][0]["name"]), (None, &json!("Everybody's")));
}

#[test]
fn a_change_leaves_what_it_does_not_name() {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    let mut wanted = with("metadata", json!({ "billableMetricMapping": { "revenue": METRIC } }));
    wanted["description"] = json!("Card payments");
    let made = api.create("/v0/sources", &wanted);
    let path = format!("/v0/sources/{}", text(&made, "id"));
    api.world_advance_to("2028-02-01T00:00:00Z");
    let changed = api.patch(&path, &json!({ "name": "All of Stripe", "enabled": false })).expect(200);
    let mut expected = made;
    expected["name"] = json!("All of Stripe");
    expected["enabled"] = json!(false);
    expected["updatedAt"] = json!("2028-02-01T00:00:00Z");
    assert_eq!(changed, expected);
    let more = json!({ "metadata": {}, "config": { "a": 1 }, "processingMode": "manual", "description": "" });
    let changed = api.patch(&path, &more).expect(200);
    for (field, value) in more.as_object().unwrap() {
        assert_eq!(changed[field], *value, "{field}");
    }
    assert_eq!(api.get(&path), changed);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let made = api.create("/v0/sources", &source());
    let path = format!("/v0/sources/{}", text(&made, "id"));
    let mapping = |metric: Value| json!({ "billableMetricMapping": { "revenue": metric } });
    let revenue = "/metadata/billableMetricMapping/revenue";
    for (method, path, body, status, told) in [
        ("POST", "/v0/sources", json!({ "planId": "plan_starterMonthly", "type": "stripe_revenue" }), 400, "/name "),
        ("POST", "/v0/sources", with("type", json!("paypal_revenue")), 400, "/type "),
        ("POST", "/v0/sources", with("processingMode", json!("sometimes")), 400, "/processingMode "),
        ("POST", "/v0/sources", with("planId", json!("prod_starter")), 400, "/planId "),
        ("POST", "/v0/sources", with("planId", json!("plan_nobody")), 404, "/planId reference"),
        ("POST", "/v0/sources", with("metadata", mapping(json!("bm_nobody"))), 404, revenue),
        ("POST", "/v0/sources", with("metadata", mapping(json!(7))), 400, revenue),
        ("PATCH", &path, json!({ "metadata": mapping(json!("bm_nobody")) }), 404, revenue),
        ("PATCH", &path, json!({ "name": null }), 400, "/name "),
        ("GET", "/v0/sources/plan_starterMonthly", Value::Null, 404, "path id pattern"),
        ("GET", "/v0/sources?limit=0", Value::Null, 400, "query limit "),
    ] {
        let refusal = api.refuses(method, path, &body, status);
        assert!(refusal.told().starts_with(told), "{method} {path} {body}: {}", refusal.told());
    }
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({ "name": "A" }))] {
        api.refuses(method, "/v0/sources/src_nobody", &body, 404);
    }
}
