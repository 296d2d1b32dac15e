//! Source rules: their making and their bounds (facts: paygentic-behaviour §2.12). That they decide on events is
//! tested with those.

use serde_json::{Value, json};

use crate::support::{Api, api, text, texts};

/// A source and a rule for it.
fn source(api: &Api) -> String {
    let source = json!({ "name": "Stripe", "planId": "plan_starterMonthly", "type": "stripe_revenue" });
    text(&api.create("/v0/sources", &source), "id").to_owned()
}

fn condition(kind: &str, operator: &str, value: impl Into<Value>) -> Value {
    json!({ "type": kind, "operator": operator, "value": value.into() })
}

fn rule(source: &str, name: &str) -> Value {
    json!({ "sourceId": source, "name": name, "conditions": [condition("amount", "lessThan", 100)] })
}

fn with(source: &str, field: &str, value: Value) -> Value {
    let mut body = rule(source, "Small");
    body[field] = value;
    body
}

fn names(api: &Api, source: &str) -> Vec<String> {
    let listed = api.get(&format!("/v0/sourceRules?sourceId={source}"));
    assert_eq!(listed.as_object().unwrap().len(), 1, "only data: {listed:#}");
    texts(listed["data"].as_array().unwrap(), "name").into_iter().map(str::to_owned).collect()
}

#[test]
fn a_rule_says_back_what_it_was_asked() {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    let source = source(&api);
    let made = api.create("/v0/sourceRules", &rule(&source, "Small"));
    let expected = json!({
        "id": made["id"], "sourceId": source, "name": "Small", "description": "", "enabled": true, "order": 0,
        "conditions": [condition("amount", "lessThan", 100)], "evaluationCount": 0, "matchCount": 0,
        "lastEvaluatedAt": null, "createdBy": "usr_leapday",
        "createdAt": "2028-01-31T00:00:00Z", "updatedAt": "2028-01-31T00:00:00Z",
    });
    assert_eq!(made, expected);
    let path = format!("/v0/sourceRules/{}", text(&made, "id"));
    assert_eq!(api.get(&path), made);

    api.world_advance_to("2028-02-01T00:00:00Z");
    let changed = api.patch(&path, &json!({ "order": 999, "enabled": false })).expect(200);
    let mut expected = made;
    (expected["order"], expected["enabled"]) = (json!(999), json!(false));
    expected["updatedAt"] = json!("2028-02-01T00:00:00Z");
    assert_eq!(changed, expected);
    let more = json!({
        "name": "Known", "description": "Of the house", "conditions": [condition("customerEmail", "domain", "a.com")],
    });
    let changed = api.patch(&path, &more).expect(200);
    for (field, value) in more.as_object().unwrap() {
        assert_eq!(changed[field], *value, "{field}");
    }
    assert_eq!(api.get(&path), changed);

    assert_eq!(api.delete(&path).status, 204);
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({ "name": "A" })), ("DELETE", Value::Null)] {
        api.refuses(method, &path, &body, 404);
    }
}

#[test]
fn rules_are_listed_in_the_order_in_which_they_are_tried() {
    let api = api();
    let (one, other) = (source(&api), source(&api));
    for (source, name, order) in
        [(&one, "last", 999), (&one, "tie, older", 5), (&other, "elsewhere", 1), (&one, "tie", 5), (&one, "first", 0)]
    {
        let mut rule = rule(source, name);
        rule["order"] = json!(order);
        api.create("/v0/sourceRules", &rule);
    }
    assert_eq!(names(&api, &one), ["first", "tie, older", "tie", "last"]);
    assert_eq!(names(&api, &other), ["elsewhere"]);
}

#[test]
fn a_source_has_ten_rules_and_a_rule_ten_conditions() {
    let api = api();
    let source = source(&api);
    let full = Value::from(vec![condition("customerName", "contains", "o"); 10]);
    let rules: Vec<Value> =
        (0..10).map(|_| api.create("/v0/sourceRules", &with(&source, "conditions", full.clone()))).collect();
    let refusal = api.refuses("POST", "/v0/sourceRules", &rule(&source, "Eleventh"), 400);
    assert!(text(&refusal.body, "message").contains("at most 10 rules"), "{:#}", refusal.body);
    assert_eq!(refusal.body["error"], "bad_request");

    let path = format!("/v0/sourceRules/{}", text(&rules[9], "id"));
    for count in [0, 11] {
        let conditions = Value::from(vec![condition("customerName", "contains", "o"); count]);
        let refusal = api.refuses("PATCH", &path, &json!({ "conditions": conditions }), 400);
        assert!(refusal.told().starts_with("/conditions "), "{}", refusal.told());
    }
    assert_eq!(api.delete(&path).status, 204);
    api.create("/v0/sourceRules", &rule(&source, "Tenth"));
}

#[test]
fn a_condition_that_cannot_hold_is_told_in_its_field() {
    let api = api();
    let source = source(&api);
    let made = api.create("/v0/sourceRules", &rule(&source, "Small"));
    let path = format!("/v0/sourceRules/{}", text(&made, "id"));
    let between = |from: Value, to: Value| json!({ "from": from, "to": to });
    for (wrong, told) in [
        (condition("amount", "contains", 1), "/conditions/1/operator enum"),
        (condition("amount", "domain", "a.com"), "/conditions/1/operator enum"),
        (condition("date", "contains", "2028"), "/conditions/1/operator enum"),
        (condition("date", "domain", "a.com"), "/conditions/1/operator enum"),
        (condition("customerName", "domain", "a.com"), "/conditions/1/operator enum"),
        (condition("customerName", "lessThan", "a"), "/conditions/1/operator enum"),
        (condition("customerEmail", "greaterThan", "a"), "/conditions/1/operator enum"),
        (condition("customerEmail", "between", between(json!("a"), json!("b"))), "/conditions/1/operator enum"),
        (condition("amount", "equals", "much"), "/conditions/1/value format"),
        (condition("date", "equals", 31), "/conditions/1/value format"),
        (condition("date", "lessThan", "2028-02-30"), "/conditions/1/value format"),
        (condition("amount", "between", between(json!(2), json!(1))), "/conditions/1/value/to minimum"),
        (condition("date", "between", between(json!("soon"), json!("later"))), "/conditions/1/value/from format"),
        (condition("customerName", "contains", ""), "/conditions/1/value type"),
        (condition("customerEmail", "equals", 7), "/conditions/1/value type"),
        // The contract's own rules.
        (condition("amount", "between", 5), "/conditions/1/value "),
        (condition("amount", "equals", between(json!(1), json!(2))), "/conditions/1/value "),
        (condition("amount", "between", json!({ "from": 1 })), "/conditions/1/value/to "),
        (condition("amount", "about", 5), "/conditions/1/operator "),
        (condition("weather", "equals", 5), "/conditions/1/type "),
    ] {
        let conditions = json!([condition("amount", "equals", 1), wrong]);
        let refusal = api.refuses("POST", "/v0/sourceRules", &with(&source, "conditions", conditions.clone()), 400);
        assert!(refusal.told().starts_with(told), "{wrong}: {}", refusal.told());
        assert_eq!(refusal.body["error"], "validation_error");
        api.refuses("PATCH", &path, &json!({ "conditions": conditions }), 400);
    }
    // All that is wrong is told.
    let both = json!([condition("amount", "domain", 1), condition("date", "equals", "soon")]);
    let refusal = api.refuses("POST", "/v0/sourceRules", &with(&source, "conditions", both), 400);
    let fields = texts(refusal.body["errors"].as_array().unwrap(), "field");
    assert_eq!(fields, ["conditions.0.operator", "conditions.1.value"]);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let source = source(&api);
    let made = api.create("/v0/sourceRules", &rule(&source, "Small"));
    let path = format!("/v0/sourceRules/{}", text(&made, "id"));
    for (method, path, body, status, told) in [
        ("POST", "/v0/sourceRules", with(&source, "name", Value::Null), 400, "/name "),
        ("POST", "/v0/sourceRules", with(&source, "order", json!(-1)), 400, "/order minimum"),
        ("POST", "/v0/sourceRules", with(&source, "order", json!(1000)), 400, "/order maximum"),
        ("POST", "/v0/sourceRules", with(&source, "sourceId", json!("bm_starterTokens")), 400, "/sourceId "),
        ("POST", "/v0/sourceRules", with(&source, "sourceId", json!("src_nobody")), 404, "/sourceId reference"),
        ("PATCH", &path, json!({ "order": 1000 }), 400, "/order maximum"),
        ("PATCH", &path, json!({ "description": null }), 400, "/description "),
        ("GET", "/v0/sourceRules", Value::Null, 400, "query sourceId "),
        ("GET", "/v0/sourceRules?sourceId=src_nobody", Value::Null, 404, "query sourceId reference"),
        ("GET", "/v0/sourceRules/src_nobody", Value::Null, 404, "path ruleId pattern"),
    ] {
        let refusal = api.refuses(method, path, &body, status);
        assert!(refusal.told().starts_with(told), "{method} {path} {body}: {}", refusal.told());
    }
}
