//! Webhooks: strict order about one row (facts: paylera §4.4, §4.5).

use serde_json::{Value, json};

use crate::support::{Reaction, Receiver, tenant, text, texts};

#[test]
fn an_event_waits_for_the_one_before_it_about_the_same_customer() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    // The first attempt at Ada's first event fails, everything else is taken.
    let receiver = Receiver::answering(|n, _| Reaction::Status(if n == 0 { 500 } else { 200 }));
    let (ada, bob) = (tenant.customer("ada@example.com"), tenant.customer("bob@example.com"));
    tenant.0.create("/_leapday/webhook-endpoints", &json!({ "url": receiver.url }));
    let rename = |customer: &Value, name: &str| {
        tenant.patch(&format!("/v1/customers/{}", text(customer, "id")), &json!({ "name": name })).expect(200);
    };
    rename(&ada, "Ada 1");
    receiver.wait_for(1);
    rename(&ada, "Ada 2");
    rename(&ada, "Ada 3");
    rename(&bob, "Bob 1");
    receiver.wait_for(2);
    tenant.0.post("/_leapday/clock/advance", &json!({ "by": "PT14S" })).expect(200);
    let names = || {
        let names = receiver.received().into_iter().map(|one| text(&one.body["data"], "name").to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(), ["Ada 1", "Bob 1"], "another customer's does not wait");
    tenant.0.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    assert_eq!(names(), ["Ada 1", "Bob 1", "Ada 1", "Ada 2", "Ada 3"]);
    let log = tenant.0.get("/_leapday/deliveries?status=succeeded");
    assert_eq!(log["total"], 4);
    let attempts = log["deliveries"][0]["attempts"].as_array().unwrap();
    assert_eq!(texts(attempts, "at"), ["2028-01-31T00:00:00Z", "2028-01-31T00:00:15Z"]);
}

#[test]
fn what_waits_goes_once_the_first_is_given_up() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    let receiver = Receiver::answering(|_, one| {
        Reaction::Status(if one.body["data"]["name"] == json!("First") { 500 } else { 200 })
    });
    let customer = tenant.customer("ada@example.com");
    let path = format!("/v1/customers/{}", text(&customer, "id"));
    let endpoint = tenant.0.create("/_leapday/webhook-endpoints", &json!({ "url": receiver.url }));
    for name in ["First", "Second"] {
        tenant.patch(&path, &json!({ "name": name })).expect(200);
    }
    tenant.0.post("/_leapday/clock/advance", &json!({ "by": "P3D" })).expect(200);
    let log = tenant.0.get("/_leapday/deliveries");
    assert_eq!(texts(log["deliveries"].as_array().unwrap(), "status"), ["failed", "succeeded"]);
    assert_eq!(log["deliveries"][0]["attempts"].as_array().unwrap().len(), 9);
    assert_eq!(log["deliveries"][1]["attempts"][0]["at"], "2028-02-01T20:36:15Z", "44 h 36 min 15 s later");

    for name in ["First", "Second", "Third"] {
        tenant.patch(&path, &json!({ "name": name })).expect(200);
    }
    let removed = format!("/_leapday/webhook-endpoints/{}", text(&endpoint, "id"));
    tenant.0.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    assert_eq!(tenant.0.delete(&removed).status, 204);
    tenant.0.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    let log = tenant.0.get("/_leapday/deliveries?status=cancelled");
    assert_eq!(log["total"], 3, "nobody is left to wait");
}
