//! Cursors, sorts, filters (facts: paylera §1.5).

use serde_json::{Value, json};

use crate::support::{Tenant, tenant, text, texts};

fn codes(tenant: &Tenant, query: &str) -> Vec<String> {
    let list = tenant.get(&format!("/v1/products?{query}"));
    texts(list["data"].as_array().unwrap(), "code").into_iter().map(str::to_owned).collect()
}

#[test]
fn pages_follow_each_other_and_what_comes_meanwhile_disturbs_nobody() {
    let tenant = tenant();
    for n in 0..5 {
        tenant.product(&format!("p{n}"));
    }
    let first = tenant.get("/v1/products?limit=2");
    assert_eq!(texts(first["data"].as_array().unwrap(), "code"), ["p4", "p3"], "the newest first");
    assert_eq!(first["has_more"], true);
    tenant.product("p5");
    let second = tenant.get(&format!("/v1/products?limit=2&cursor={}", text(&first, "next_cursor")));
    assert_eq!(texts(second["data"].as_array().unwrap(), "code"), ["p2", "p1"]);
    let third = tenant.get(&format!("/v1/products?limit=2&cursor={}", text(&second, "next_cursor")));
    assert_eq!(texts(third["data"].as_array().unwrap(), "code"), ["p0"]);
    assert_eq!((&third["has_more"], &third["next_cursor"]), (&json!(false), &Value::Null));
    let path = format!("/v1/products?sort=code:asc&cursor={}", text(&first, "next_cursor"));
    let changed = tenant.ask("GET", &path, &[], &Value::Null);
    assert_eq!(changed.problem("/v1/products"), (422, "validation.failed".to_owned()));
    assert!(changed.header("leapday-violation").unwrap().contains("cursor"));
}

#[test]
fn lists_are_sorted_and_filtered() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    for code in ["beta", "alpha"] {
        tenant.product(code);
    }
    tenant.0.world_advance_to("2028-02-01T00:00:00Z");
    tenant.product("alphabet");
    assert_eq!(codes(&tenant, "sort=code:asc"), ["alpha", "alphabet", "beta"]);
    assert_eq!(codes(&tenant, "sort=code:desc&limit=1"), ["beta"]);
    assert_eq!(codes(&tenant, "sort=created_at:asc"), ["beta", "alpha", "alphabet"]);
    assert_eq!(codes(&tenant, "code=alpha"), ["alpha"]);
    assert_eq!(codes(&tenant, "code=alpha,beta&sort=code:asc"), ["alpha", "beta"]);
    assert_eq!(codes(&tenant, "code[starts]=alpha&sort=code:asc"), ["alpha", "alphabet"]);
    assert_eq!(codes(&tenant, "created_at[gte]=2028-02-01T00:00:00.000Z"), ["alphabet"]);
    assert_eq!(codes(&tenant, "created_at[lt]=2028-02-01T00:00:00Z&code[starts]=a"), ["alpha"]);
    let wrong = tenant.ask("GET", "/v1/products?limit=101&sort=price:up", &[], &Value::Null);
    assert_eq!(wrong.problem("/v1/products").0, 422);
    assert_eq!(wrong.body["errors"].as_array().unwrap().len(), 2);
}

#[test]
fn codes_of_digits_are_no_numbers() {
    let tenant = tenant();
    for code in ["7", "007"] {
        tenant.product(code);
    }
    assert_eq!(codes(&tenant, "code=007"), ["007"]);
    assert_eq!(codes(&tenant, "code=7"), ["7"]);
}
