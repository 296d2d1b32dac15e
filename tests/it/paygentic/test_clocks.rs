//! Test clocks: made, moved, refused, deleted.

use serde_json::{Value, json};

use crate::support::{api, text};

#[test]
fn a_clock_is_made_anywhere_in_time_and_moves_forward_only() {
    let api = api();
    let clock = api.create("/v0/testClocks", &json!({ "currentTime": "2020-02-29T12:00:00Z", "name": "leap" }));
    assert!(text(&clock, "id").starts_with("tc_"));
    let path = format!("/v0/testClocks/{}", text(&clock, "id"));
    let moved = api.patch(&path, &json!({ "advanceBy": "P1Y" })).expect(200);
    assert_eq!(moved["currentTime"], "2021-02-28T12:00:00Z");
    let moved = api.patch(&path, &json!({ "currentTime": "2021-03-31T00:00:00Z" })).expect(200);
    assert_eq!(moved["currentTime"], "2021-03-31T00:00:00Z");
    for refused in [
        json!({ "currentTime": "2021-03-31T00:00:00Z" }),
        json!({ "currentTime": "2021-03-30T23:59:59Z" }),
        json!({ "advanceBy": "P" }),
        json!({ "advanceBy": "P0D" }),
        json!({ "advanceBy": "-P1D" }),
        json!({ "advanceBy": "P9999Y" }),
        json!({ "advanceBy": "P4294967296D" }),
        json!({ "advanceBy": "P1D", "currentTime": "2022-01-01T00:00:00Z" }),
        json!({}),
    ] {
        let answer = api.patch(&path, &refused);
        assert_eq!(answer.status, 400, "{refused}: {:#}", answer.body);
        // By the contract or a rule, not by a type that cannot hold it.
        assert!(answer.header("leapday-violation").is_some_and(|line| !line.contains("body type")), "{refused}");
    }
    assert_eq!(api.get(&path)["currentTime"], "2021-03-31T00:00:00Z");
}

#[test]
fn a_clock_belongs_to_the_merchant_that_the_caller_named_first() {
    let api = api();
    assert_eq!(api.create("/v0/testClocks", &json!({}))["merchantId"], "org_leapday");
    api.create("/v0/products", &json!({ "name": "A", "description": "a", "merchantId": "org_mine" }));
    assert_eq!(api.create("/v0/testClocks", &json!({}))["merchantId"], "org_mine");
    assert_eq!(api.create("/v0/testClocks", &json!({ "merchantId": "org_other" }))["merchantId"], "org_other");
}

#[test]
fn a_deleted_clock_is_shown_but_neither_listed_nor_moved() {
    let api = api();
    let clock = api.create("/v0/testClocks", &json!({}));
    let path = format!("/v0/testClocks/{}", text(&clock, "id"));
    assert!(api.delete(&path).expect(200)["deletedAt"].is_string());
    assert_eq!(api.rows("/v0/testClocks"), Vec::<Value>::new());
    assert!(api.get(&path)["deletedAt"].is_string());
    api.patch(&path, &json!({ "advanceBy": "P1D" })).expect(404);
    api.delete(&path).expect(404);
}

#[test]
fn unknown_clocks_are_not_found_and_say_what_an_id_looks_like() {
    let api = api();
    api.send("GET", "/v0/testClocks/tc_aaaaaaaaaaaaaaaa", &Value::Null).expect(404);
    let answer = api.send("GET", "/v0/testClocks/cus_aaaaaaaaaaaaaaaa", &Value::Null);
    assert_eq!(answer.status, 404);
    assert!(answer.header("leapday-violation").unwrap().contains("begin with tc_"));
}
