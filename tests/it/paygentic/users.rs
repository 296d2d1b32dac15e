//! The user who holds the key (facts: paygentic-behaviour §2.14).

use serde_json::{Value, json};

use crate::support::{MERCHANT, api, text};

const HOLDER: &str = "/v0/users/usr_leapday";

#[test]
fn the_holder_of_the_key_is_a_user_of_its_merchant() {
    let api = api();
    let user = api.get(HOLDER);
    assert_eq!((&user["object"], &user["id"]), (&json!("user"), &json!("usr_leapday")));
    assert!(text(&user, "oryId").starts_with("ory_user_"));
    assert_eq!(user["organizations"][0]["id"], "org_leapday");
    assert_eq!(user.get("firstName"), None);
    api.product();
    let organizations = json!([{ "id": MERCHANT, "state": "active", "roles": ["owner"] }]);
    assert_eq!(api.get(HOLDER)["organizations"], organizations);
}

#[test]
fn a_profile_is_changed_field_by_field() {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    let before = api.get(HOLDER);
    let profile = json!({
        "firstName": "Ada", "lastName": "Lovelace", "phone": "+44 20 7946 0000", "dateOfBirth": "1815-12-10",
        "type": "INDIVIDUAL", "address": { "line1": "12 St James's Square", "city": "London", "country": "GB" },
    });
    let changed = api.patch(HOLDER, &profile).expect(200);
    for (field, value) in profile.as_object().unwrap() {
        assert_eq!(changed[field], *value, "{field}");
    }
    for field in ["id", "email", "oryId", "createdAt", "organizations"] {
        assert_eq!(changed[field], before[field], "{field}");
    }
    assert_eq!(changed["updatedAt"], "2028-01-31T00:00:00Z");
    let moved = api.patch(HOLDER, &json!({ "address": { "country": "DE" }, "type": "COMPANY" })).expect(200);
    assert_eq!((&moved["address"], &moved["type"]), (&json!({ "country": "DE" }), &json!("COMPANY")));
    assert_eq!(moved["firstName"], "Ada");
    assert_eq!(api.get(HOLDER), moved);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let before = api.get(HOLDER);
    for (body, told) in [
        (json!({ "dateOfBirth": "10.12.1815" }), "/dateOfBirth format"),
        (json!({ "type": "PERSON" }), "/type enum"),
        (json!({ "firstName": null }), "/firstName type"),
        (json!({ "address": { "country": "GBR" } }), "/address/country maxLength"),
    ] {
        let answer = api.refuses("PATCH", HOLDER, &body, 400);
        assert!(answer.told().starts_with(told), "{body}: {}", answer.told());
    }
    for path in ["/v0/users/usr_nobody", "/v0/users/prod_starter"] {
        api.refuses("GET", path, &Value::Null, 404);
        api.refuses("PATCH", path, &json!({ "firstName": "A" }), 404);
    }
    assert_eq!(api.get(HOLDER), before);
}
