//! External references: codes of other systems, claims and defaults (facts: paygentic-behaviour §2.14).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const PATH: &str = "/v0/externalReferences";

fn item(api: &Api, name: &str) -> String {
    text(&api.create("/v0/items", &json!({ "merchantId": MERCHANT, "name": name })), "id").to_owned()
}

/// A reference of an item, or of a customer, with fields of your own.
fn wanted(entity: &str, code: &str, more: Value) -> Value {
    let kind = if entity.starts_with("cus_") { "customer" } else { "item" };
    let mut body = json!({
        "merchantId": MERCHANT, "entityType": kind, "entityId": entity, "provider": "netsuite", "externalId": code,
    });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    body
}

fn own(reference: &Value) -> String {
    format!("{PATH}/{}", text(reference, "id"))
}

#[test]
fn a_reference_is_made_read_changed_and_deleted() {
    let api = api();
    let item = item(&api, "Seats");
    let more = json!({ "externalLabel": "Seat licences", "metadata": { "book": "EU" } });
    let made = api.create(PATH, &wanted(&item, "4000", more));
    assert!(text(&made, "id").starts_with("xrf_"));
    for (field, value) in [
        ("object", json!("externalReference")),
        ("merchantId", json!(MERCHANT)),
        ("entityType", json!("item")),
        ("entityId", json!(item)),
        ("provider", json!("netsuite")),
        ("externalId", json!("4000")),
        ("externalLabel", json!("Seat licences")),
        ("metadata", json!({ "book": "EU" })),
        ("isPrimary", json!(true)),
        ("isDefault", json!(true)),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let path = own(&made);
    assert_eq!(api.get(&path), made);
    assert_eq!(api.get(&format!("/v0/items/{item}"))["externalReferences"], json!([made]));
    let changed = api.patch(&path, &json!({ "externalLabel": null })).expect(200);
    assert_eq!((&changed["externalLabel"], &changed["metadata"]), (&Value::Null, &made["metadata"]));
    let changed = api.patch(&path, &json!({ "metadata": {}, "isDefault": false })).expect(200);
    assert_eq!((&changed["metadata"], &changed["isDefault"]), (&json!({}), &json!(false)));
    assert_eq!(changed["isPrimary"], true);
    assert_eq!(api.delete(&path).status, 204);
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({})), ("DELETE", Value::Null)] {
        api.refuses(method, &path, &body, 404);
    }
    assert_eq!(api.get(&format!("/v0/items/{item}"))["externalReferences"], json!([]));
}

#[test]
fn one_entity_has_the_claim_on_a_code() {
    let api = api();
    let (one, other) = (item(&api, "One"), item(&api, "Other"));
    let first = api.create(PATH, &wanted(&one, "4000", json!({})));
    let answer = api.refuses("POST", PATH, &wanted(&other, "4000", json!({})), 409);
    assert_eq!(answer.body["error"], "conflict");
    let told = answer.told();
    assert!(told.starts_with("/isPrimary unique") && told.contains(&one) && told.contains("moveClaim"), "{told}");
    api.refuses("POST", PATH, &wanted(&other, "4000", json!({ "moveClaim": false })), 409);

    let second = api.create(PATH, &wanted(&other, "4000", json!({ "isPrimary": false })));
    assert_eq!((&second["isPrimary"], &second["isDefault"]), (&json!(false), &json!(true)));
    api.refuses("PATCH", &own(&second), &json!({ "isPrimary": true }), 409);
    let third = item(&api, "Third");
    let moved = api.create(PATH, &wanted(&third, "4000", json!({ "moveClaim": true })));
    assert_eq!((&moved["isPrimary"], &api.get(&own(&first))["isPrimary"]), (&json!(true), &json!(false)));

    // Given up, it is anybody's.
    assert_eq!(api.patch(&own(&moved), &json!({ "isPrimary": false })).expect(200)["isPrimary"], false);
    assert_eq!(api.patch(&own(&second), &json!({ "isPrimary": true })).expect(200)["isPrimary"], true);
    // Whoever has it may say so again.
    assert_eq!(api.patch(&own(&second), &json!({ "isPrimary": true })).expect(200)["isPrimary"], true);
    let listed = api.rows(&format!("{PATH}?provider=netsuite&externalId=4000"));
    assert_eq!(texts(&listed, "entityId"), [&other, &one, &third]);
    assert_eq!(api.delete(&own(&second)).status, 204);
    assert_eq!(api.patch(&own(&first), &json!({ "isPrimary": true })).expect(200)["isPrimary"], true);
}

#[test]
fn another_code_system_or_kind_of_entity_is_another_claim() {
    let api = api();
    let (item, customer) = (item(&api, "One"), api.customer("ada@example.com"));
    api.create(PATH, &wanted(&item, "4000", json!({})));
    for wanted in [
        wanted(&customer, "4000", json!({})),
        wanted(&item, "4000", json!({ "provider": "salesforce" })),
        wanted(&item, "4001", json!({})),
    ] {
        assert_eq!(api.create(PATH, &wanted)["isPrimary"], true, "{wanted}");
    }
    let answer = api.refuses("POST", PATH, &wanted(&item, "4000", json!({ "moveClaim": true })), 409);
    assert!(answer.told().starts_with("/externalId unique"), "{}", answer.told());
}

#[test]
fn an_entity_has_one_default_for_each_provider() {
    let api = api();
    let (item, other) = (item(&api, "One"), item(&api, "Other"));
    let first = api.create(PATH, &wanted(&item, "1", json!({})));
    let second = api.create(PATH, &wanted(&item, "2", json!({})));
    let third = api.create(PATH, &wanted(&item, "3", json!({ "isDefault": true })));
    api.create(PATH, &wanted(&item, "4", json!({ "provider": "salesforce" })));
    api.create(PATH, &wanted(&other, "5", json!({})));
    assert_eq!((&first["isDefault"], &second["isDefault"]), (&json!(true), &json!(false)));
    let defaults = || -> Vec<String> {
        let rows = api.rows(PATH);
        let rows = rows.iter().filter(|row| row["isDefault"] == true);
        rows.map(|row| text(row, "externalId").to_owned()).collect()
    };
    assert_eq!(defaults(), ["3", "4", "5"]);
    api.patch(&own(&second), &json!({ "isDefault": true })).expect(200);
    assert_eq!(defaults(), ["2", "4", "5"]);
    api.patch(&own(&second), &json!({ "isDefault": false })).expect(200);
    assert_eq!(defaults(), ["4", "5"]);
    api.patch(&own(&third), &json!({ "isDefault": true })).expect(200);
    assert_eq!(defaults(), ["3", "4", "5"]);
}

#[test]
fn references_are_found_by_what_they_say() {
    let api = api();
    let (item, customer) = (item(&api, "One"), api.customer("ada@example.com"));
    api.create(PATH, &wanted(&item, "a", json!({})));
    api.create(PATH, &wanted(&customer, "b", json!({})));
    api.create(PATH, &wanted(&customer, "c", json!({ "provider": "salesforce" })));
    for (query, expected) in [
        (String::new(), "a b c"),
        (format!("merchantId={MERCHANT}"), "a b c"),
        ("merchantId=org_other".to_owned(), ""),
        ("entityType=item".to_owned(), "a"),
        ("entityType=customer".to_owned(), "b c"),
        (format!("entityId={customer}"), "b c"),
        (format!("entityId={customer}&provider=salesforce"), "c"),
        ("entityId=itm_nobody".to_owned(), ""),
        ("provider=netsuite".to_owned(), "a b"),
        ("externalId=b".to_owned(), "b"),
    ] {
        assert_eq!(texts(&api.rows(&format!("{PATH}?{query}")), "externalId").join(" "), expected, "{query}");
    }
    let page = api.get(&format!("{PATH}?limit=1&offset=2"));
    assert_eq!((&page["data"][0]["externalId"], &page["pagination"]["total"]), (&json!("c"), &json!(3)));
    assert_eq!(api.get(PATH)["pagination"]["limit"], 50);
}

#[test]
fn a_deleted_customer_takes_its_references_along() {
    let api = api();
    let (gone, next) = (api.customer("ada@example.com"), api.customer("bob@example.com"));
    let reference = api.create(PATH, &wanted(&gone, "crm-1", json!({})));
    assert_eq!(api.delete(&format!("/v0/customers/{gone}")).status, 204);
    api.refuses("GET", &own(&reference), &Value::Null, 404);
    assert_eq!(api.create(PATH, &wanted(&next, "crm-1", json!({})))["isPrimary"], true);
    let answer = api.refuses("POST", PATH, &wanted(&gone, "crm-2", json!({})), 404);
    assert!(answer.told().starts_with("/entityId reference"), "{}", answer.told());
}

#[test]
fn an_archived_item_claims_nothing() {
    let api = api();
    let item = item(&api, "Old");
    api.patch(&format!("/v0/items/{item}"), &json!({ "archived": true })).expect(200);
    let answer = api.refuses("POST", PATH, &wanted(&item, "1", json!({})), 400);
    assert!(answer.told().starts_with("/isPrimary archived"), "{}", answer.told());
    assert_eq!(api.create(PATH, &wanted(&item, "1", json!({ "isPrimary": false })))["isPrimary"], false);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let item = item(&api, "One");
    for (more, status, told) in [
        (json!({ "entityId": "itm_nobody" }), 404, "/entityId reference"),
        (json!({ "entityType": "customer" }), 404, "/entityId reference"),
        (json!({ "entityType": "plan" }), 400, "/entityType enum"),
        (json!({ "provider": "NetSuite" }), 400, "/provider pattern"),
        (json!({ "provider": "n".repeat(65) }), 400, "/provider maxLength"),
        (json!({ "externalId": "a b" }), 400, "/externalId pattern"),
        (json!({ "externalId": "a".repeat(256) }), 400, "/externalId maxLength"),
        (json!({ "externalLabel": "a".repeat(256) }), 400, "/externalLabel maxLength"),
        (json!({ "isPrimary": null }), 400, "/isPrimary type"),
    ] {
        let body = wanted(&item, "4000", more);
        let answer = api.refuses("POST", PATH, &body, status);
        assert!(answer.told().starts_with(told), "{body}: {}", answer.told());
    }
    api.refuses("GET", &format!("{PATH}/{item}"), &Value::Null, 404);
    api.refuses("GET", &format!("{PATH}?entityType=plan"), &Value::Null, 400);
}
