use serde_json::{Value, json};

use crate::api::Kind;
use crate::billing::cards::Card;
use crate::providers::paygentic::customers::{self, ConsumerInput};
use crate::providers::paygentic::payment_sessions;
use crate::providers::paygentic::testing::{Bench, fails};

fn someone(name: &str, email: &str) -> Value {
    json!({
        "merchantId": "org_acme",
        "consumer": {
            "name": name, "email": email,
            "address": { "line1": "123 Main St", "state": "CA", "country": "US", "zipCode": " 94105 " },
        },
    })
}

fn john(bench: &mut Bench) -> String {
    let (status, made) = bench.call("createCustomer", "", someone("John Doe", "John.Doe@example.com"));
    assert_eq!((status, &made["validTaxAddress"]), (201, &json!({ "valid": true, "message": null })));
    made["customerId"].as_str().expect("id").to_owned()
}

#[test]
fn the_same_address_is_the_same_customer_and_another_merchants_is_another() {
    let mut bench = Bench::new();
    let john = john(&mut bench);
    let event = bench.last_event();
    assert_eq!((&event["eventType"], &event["data"]["customerId"]), (&json!("customer.created.v0"), &json!(john)));

    let (status, again) = bench.call("createCustomer", "", someone("J. Doe", "john.doe@EXAMPLE.com"));
    assert_eq!((status, &again["customerId"]), (200, &json!(john)));
    let (_, body) = bench.call("getCustomer", &john, Value::Null);
    assert_eq!((&body["organization"]["name"], &body["taxId"]), (&json!("John Doe"), &Value::Null));
    assert_eq!(body["organization"]["address"]["zipCode"], "94105");

    let elsewhere = json!({ "merchantId": "org_other", "consumerId": body["consumerId"] });
    let (status, other) = bench.call("createCustomer", "", elsewhere);
    assert_eq!(status, 201);
    assert_ne!(other["customerId"], json!(john));

    let input: ConsumerInput =
        serde_json::from_value(json!({ "name": "J", "email": "john.doe@example.com" })).expect("input");
    let id = customers::ensure(&mut bench.world, &"org_acme".into(), input, None).expect("a customer");
    assert_eq!(bench.world.state.customers.text(id).to_string(), john);
}

#[test]
fn an_incomplete_address_says_what_it_lacks() {
    let mut bench = Bench::new();
    let consumer = json!({ "name": "Ann", "email": "ann@example.com", "address": { "country": "CA" } });
    let (_, made) = bench.call("createCustomer", "", json!({ "merchantId": "org_acme", "consumer": consumer }));
    let message = "The address cannot be used for tax: state, zipCode missing";
    assert_eq!(made["validTaxAddress"], json!({ "valid": false, "message": message }));
    let bare = json!({ "merchantId": "org_acme", "consumer": { "name": "Bo", "email": "bo@example.com" } });
    assert_eq!(bench.call("createCustomer", "", bare).1["validTaxAddress"]["valid"], false);
}

#[test]
fn an_external_id_is_one_customers() {
    let mut bench = Bench::new();
    let john = john(&mut bench);
    let (_, changed) = bench.call("updateCustomer", &john, json!({ "externalId": "crm-1", "taxRates": 6 }));
    assert_eq!((&changed["externalId"], &changed["taxRates"]), (&json!("crm-1"), &json!({ "default": 6.0 })));

    let mut ann = someone("Ann", "ann@example.com");
    ann["externalId"] = json!("crm-1");
    let refused = bench.attempt("createCustomer", "", ann.clone());
    assert_eq!(refused.as_ref().map_err(|fault| fault.kind).err(), Some(Kind::Conflict));
    fails(refused, "/externalId unique");
    assert_eq!(bench.list("listCustomers", json!({ "organizationId": "org_acme" })), [john.as_str()]);

    // Once it is cleared, it is free; a number that is not sent stays.
    let (_, cleared) = bench.call("updateCustomer", &john, json!({ "externalId": null }));
    assert_eq!((&cleared["externalId"], &cleared["taxRates"]), (&Value::Null, &json!({ "default": 6.0 })));
    ann["taxRates"] = json!({ "default": 8.5, "plan_x": 7 });
    assert_eq!(bench.call("createCustomer", "", ann).0, 201);
    fails(bench.attempt("updateCustomer", &john, json!({ "externalId": "crm-1" })), "/externalId unique");
    fails(
        bench.attempt("updateCustomer", &john, json!({ "taxRates": { "defualt": 1 } })),
        "/taxRates/defualt reference",
    );
}

#[test]
fn lists_search_within_names_and_addresses() {
    let mut bench = Bench::new();
    let john = john(&mut bench);
    bench.call("createCustomer", "", someone("Ann Other", "ann@example.com"));
    for part in [json!({ "name": "hn D" }), json!({ "email": "doe@EXAMPLE" })] {
        let mut query = json!({ "organizationId": "org_acme" });
        query.as_object_mut().expect("an object").extend(part.as_object().expect("an object").clone());
        assert_eq!(bench.list("listCustomers", query), [john.as_str()]);
    }
    assert!(bench.list("listCustomers", json!({ "organizationId": "org_other" })).is_empty());
}

#[test]
fn a_deleted_customer_is_gone_and_its_consumer_can_come_back() {
    let mut bench = Bench::new();
    let john = john(&mut bench);
    let (_, page) = bench.call("createCustomerPaymentMethod", &john, Value::Null);
    assert_eq!(bench.call("deleteCustomer", &john, Value::Null), (204, Value::Null));
    fails(bench.attempt("getCustomer", &john, Value::Null), "path id reference");
    fails(bench.attempt("deleteCustomer", &john, Value::Null), "There is no customer");
    let order = json!({ "amount": "5.00", "currency": "USD", "customerId": john });
    fails(bench.attempt("createPayment", "", order), "/customerId reference");
    assert!(customers::save_method(&mut bench.world, &john, &Card::default()).is_err());
    assert!(bench.list("listCustomers", json!({ "organizationId": "org_acme" })).is_empty());
    let session = bench.world.state.sessions.find(page["id"].as_str().expect("id")).expect("session");
    assert_eq!(bench.world.state.sessions[session].status, payment_sessions::Status::Cancelled);
    let (status, back) = bench.call("createCustomer", "", someone("John Doe", "john.doe@example.com"));
    assert_eq!(status, 201);
    assert_ne!(back["customerId"], json!(john));
}

#[test]
fn a_set_up_page_saves_a_card() {
    let mut bench = Bench::new();
    let john = john(&mut bench);
    let wanted = json!({ "successRedirectUrl": "https://example.com/saved", "metadata": { "from": "settings" } });
    let (status, page) = bench.call("createCustomerPaymentMethod", &john, wanted);
    assert_eq!((status, &page["mode"], &page["metadata"]["from"]), (201, &json!("setup"), &json!("settings")));
    assert_eq!(page["expiresAt"], "2028-03-01T00:00:00Z");
    for at in ["2028-01-31T00:00:00Z", "2028-03-01T00:00:01Z"] {
        fails(bench.attempt("createCustomerPaymentMethod", &john, json!({ "expiresAt": at })), "/expiresAt m");
    }
    let attempt = crate::billing::cards::Attempt::Pay { card: Card::default(), save: None };
    payment_sessions::pay(&mut bench.world, page["id"].as_str().expect("id"), &attempt).expect("saved");
    let (_, methods) = bench.call("listCustomerPaymentMethods", &john, Value::Null);
    assert_eq!((&methods["data"][0]["brand"], &methods["data"][0]["last4"]), (&json!("visa"), &json!("4242")));
}

#[test]
fn every_authorization_link_is_another() {
    let mut bench = Bench::new();
    let (status, first) = bench.call("authorizeCustomer", "", json!({ "merchantId": "org_acme" }));
    let (_, second) = bench.call("authorizeCustomer", "", json!({ "merchantId": "org_acme" }));
    assert_eq!((status, &first["object"]), (201, &json!("customerAuthorization")));
    assert_ne!(first["url"], second["url"]);
    let unknown = json!({ "merchantId": "org_acme", "planId": "plan_nowhere" });
    fails(bench.attempt("authorizeCustomer", "", unknown), "/planId reference");
}
