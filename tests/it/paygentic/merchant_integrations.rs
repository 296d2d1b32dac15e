//! Connections to other systems, and the accounts of a CRM (facts: paygentic-behaviour §2.14, §1.3).

use leapday::blocking::Sandbox;
use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, fresh_key, text, texts};

const PATH: &str = "/v0/merchantIntegrations";

fn connect(api: &Api, more: Value) -> Value {
    let mut body = json!({ "merchantId": MERCHANT, "provider": "salesforce" });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    api.send("PUT", PATH, &body).expect(200)
}

fn accounts(api: &Api, query: &str) -> Value {
    api.get(&format!("/v0/integrations/salesforce/accounts?merchantId={MERCHANT}{query}"))
}

#[test]
fn a_merchant_has_one_integration_with_a_provider() {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    let made = connect(&api, json!({ "externalId": "00D1", "config": { "env": "test" }, "metadata": { "a": 1 } }));
    assert!(text(&made, "id").starts_with("mint_"));
    assert_eq!((&made["object"], &made["status"]), (&json!("merchantIntegration"), &json!("active")));
    assert_eq!(made["capabilities"], json!({ "resolvesItemCodes": true, "sendsItemCodes": false }));
    assert_eq!((&made["connectedAt"], &made["disconnectedAt"]), (&json!("2028-01-31T00:00:00Z"), &Value::Null));
    let path = format!("{PATH}/{}", text(&made, "id"));
    assert_eq!(api.get(&path), made);
    assert_eq!(connect(&api, json!({})), made);

    let changed = connect(&api, json!({ "config": {}, "externalId": "00D2" }));
    assert_eq!((&changed["id"], &changed["config"]), (&made["id"], &json!({})));
    assert_eq!((&changed["externalId"], &changed["metadata"]), (&json!("00D2"), &json!({ "a": 1 })));
    assert_eq!(api.rows(PATH), [changed]);
    for (query, count) in
        [("provider=salesforce", 1), ("provider=netsuite", 0), ("merchantId=org_shop", 1), ("merchantId=org_other", 0)]
    {
        assert_eq!(api.rows(&format!("{PATH}?{query}")).len(), count, "{query}");
    }
}

#[test]
fn a_disconnected_integration_stays_and_can_be_connected_again() {
    let api = api();
    api.freeze("2028-01-01T00:00:00Z");
    let made = connect(&api, json!({ "externalId": "00D1" }));
    let path = format!("{PATH}/{}", text(&made, "id"));
    let disconnect = || api.patch(&format!("{path}/disconnect"), &Value::Null).expect(200);
    api.freeze("2028-01-02T00:00:00Z");
    let off = disconnect();
    assert_eq!((&off["status"], &off["externalId"]), (&json!("disconnected"), &json!("00D1")));
    assert_eq!(
        (&off["connectedAt"], &off["disconnectedAt"]),
        (&json!("2028-01-01T00:00:00Z"), &json!("2028-01-02T00:00:00Z"))
    );
    api.freeze("2028-01-03T00:00:00Z");
    assert_eq!(disconnect()["disconnectedAt"], "2028-01-02T00:00:00Z");
    let error = connect(&api, json!({ "status": "error" }));
    assert_eq!((&error["status"], &error["disconnectedAt"]), (&json!("error"), &Value::Null));
    let on = connect(&api, json!({}));
    assert_eq!((&on["id"], &on["status"]), (&made["id"], &json!("active")));
    assert_eq!((&on["connectedAt"], &on["disconnectedAt"]), (&json!("2028-01-03T00:00:00Z"), &Value::Null));
    let off = connect(&api, json!({ "status": "disconnected" }));
    assert_eq!(off["disconnectedAt"], "2028-01-03T00:00:00Z");
    assert_eq!(api.get(&path), off);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    for (body, status, told) in [
        (json!({ "merchantId": MERCHANT, "provider": "netsuite" }), 404, "/provider environment"),
        (json!({ "merchantId": MERCHANT, "provider": "accountsiq" }), 404, "/provider environment"),
        (json!({ "merchantId": MERCHANT, "provider": "sap" }), 400, "/provider enum"),
        (json!({ "provider": "salesforce" }), 400, "/merchantId required"),
        (json!({ "merchantId": MERCHANT, "provider": "salesforce", "status": "on" }), 400, "/status enum"),
    ] {
        let answer = api.refuses("PUT", PATH, &body, status);
        assert!(answer.told().starts_with(told), "{body}: {}", answer.told());
    }
    for path in [format!("{PATH}/mint_nobody"), format!("{PATH}/prod_starter")] {
        api.refuses("GET", &path, &Value::Null, 404);
        api.refuses("PATCH", &format!("{path}/disconnect"), &Value::Null, 404);
    }
}

#[test]
fn accounts_are_asked_of_a_connected_crm_only() {
    let api = api();
    let path = format!("/v0/integrations/salesforce/accounts?merchantId={MERCHANT}");
    let refused = |api: &Api| {
        let answer = api.refuses("GET", &path, &Value::Null, 400);
        assert!(answer.told().starts_with("query merchantId connection"), "{}", answer.told());
    };
    refused(&api);
    let made = connect(&api, json!({}));
    assert_eq!(accounts(&api, ""), json!({ "data": [], "totalSize": 0, "done": true }));
    api.patch(&format!("{PATH}/{}/disconnect", text(&made, "id")), &Value::Null).expect(200);
    refused(&api);
    connect(&api, json!({ "status": "error" }));
    refused(&api);
    api.refuses("GET", "/v0/integrations/salesforce/accounts", &Value::Null, 400);
}

#[test]
fn customers_that_are_linked_have_accounts() {
    let api = api();
    connect(&api, json!({}));
    let link = |customer: &str, provider: &str, more: Value| {
        let mut body = json!({
            "merchantId": MERCHANT, "entityType": "customer", "entityId": customer, "provider": provider,
        });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        api.create("/v0/externalReferences", &body)
    };
    let (ada, bob) = (api.customer("ada@example.com"), api.customer("bob@example.com"));
    link(&ada, "salesforce", json!({ "externalId": "0011", "externalLabel": "Analytical Engines" }));
    link(&bob, "salesforce", json!({ "externalId": "0012" }));
    link(&bob, "salesforce", json!({ "externalId": "0011", "isPrimary": false }));
    link(&bob, "netsuite", json!({ "externalId": "9" }));
    let all = json!([{ "Id": "0011", "Name": "Analytical Engines" }, { "Id": "0012", "Name": "Jo Doe" }]);
    assert_eq!(accounts(&api, ""), json!({ "data": all, "totalSize": 2, "done": true }));
    assert_eq!(accounts(&api, "&q=ENGINE"), json!({ "data": [all[0]], "totalSize": 1, "done": true }));
    assert_eq!(accounts(&api, "&limit=1"), json!({ "data": [all[0]], "totalSize": 2, "done": false }));
    assert_eq!(accounts(&api, "&limit=1&offset=1"), json!({ "data": [all[1]], "totalSize": 2, "done": true }));
}

#[test]
fn a_starting_world_places_accounts() {
    let world = |accounts: &Value| {
        let steps: Vec<Value> = accounts.as_array().unwrap().iter().map(place).collect();
        let path = std::env::temp_dir().join(format!("leapday-{}-{}.json", std::process::id(), fresh_key()));
        std::fs::write(&path, json!({ "paygentic": steps }).to_string()).unwrap();
        path
    };
    let placed = json!([{ "Id": "0011", "Name": "Acme", "Industry": "Rockets" }, { "Id": "0012", "Name": "Globex" }]);
    let path = world(&placed);
    let sandbox = Sandbox::builder().strict(true).world(path.to_str().unwrap()).start().unwrap();
    let api = Api::at(sandbox.base_url(), &fresh_key());
    connect(&api, json!({}));
    assert_eq!(accounts(&api, "")["data"], placed);
    // What a starting world says of an account counts more than what a reference calls it.
    let customer = api.customer("ada@example.com");
    let link = json!({
        "merchantId": MERCHANT, "entityType": "customer", "entityId": customer, "provider": "salesforce",
        "externalId": "0012", "externalLabel": "Other",
    });
    api.create("/v0/externalReferences", &link);
    assert_eq!(accounts(&api, "")["data"], placed);
    std::fs::remove_file(path).unwrap();

    let path = world(&json!([{ "Id": "0011" }]));
    let error = Sandbox::builder().world(path.to_str().unwrap()).start().expect_err("no name").to_string();
    assert!(error.contains("a Salesforce account: missing field `Name`"), "{error}");
    std::fs::remove_file(path).unwrap();
}

fn place(account: &Value) -> Value {
    json!({ "place": "salesforceAccount", "body": account })
}

#[test]
fn an_item_is_no_account() {
    let api = api();
    connect(&api, json!({}));
    let item = api.create("/v0/items", &json!({ "merchantId": MERCHANT, "name": "Seats" }));
    let link = json!({
        "merchantId": MERCHANT, "entityType": "item", "entityId": item["id"], "provider": "salesforce",
        "externalId": "01t1",
    });
    api.create("/v0/externalReferences", &link);
    assert_eq!(texts(accounts(&api, "")["data"].as_array().unwrap(), "Id"), Vec::<&str>::new());
}
