//! Customers and their tax ids (facts: paylera §2.1, §7).

use serde_json::{Value, json};

use crate::support::{Receiver, tenant, text, texts};

#[test]
fn a_customer_is_made_changed_and_deleted() {
    let tenant = tenant();
    let address = json!({
        "line1": "1 Quay", "city": "Portland", "region": "OR", "country": "US", "postal_code": "97209",
    });
    let made = tenant.create(
        "/v1/customers",
        &json!({ "email": "ada@example.com", "name": "Ada", "billing_address": address, "metadata": { "crm": "1" } }),
    );
    let path = format!("/v1/customers/{}", text(&made, "id"));
    assert_eq!((&made["billing_address"]["line2"], &made["tax_ids"]), (&Value::Null, &json!([])));
    assert_eq!(tenant.get(&path), made);
    let changed = tenant.patch(&path, &json!({ "name": null, "phone": "+1 555 0100", "metadata": { "crm": null } }));
    let changed = changed.expect(200);
    assert_eq!((&changed["name"], &changed["phone"]), (&Value::Null, &json!("+1 555 0100")));
    assert_eq!((&changed["metadata"], &changed["email"]), (&json!({}), &made["email"]));
    assert_eq!(tenant.ask("DELETE", &path, &[], &Value::Null).status, 204);
    for answer in [tenant.ask("GET", &path, &[], &Value::Null), tenant.ask("DELETE", &path, &[], &Value::Null)] {
        assert_eq!(answer.problem(&path), (404, "resource.not_found".to_owned()));
    }
    assert_eq!(tenant.get("/v1/customers")["data"], json!([]));
}

#[test]
fn metadata_has_bounds_in_keys_and_bytes() {
    let tenant = tenant();
    let made = tenant.customer("ada@example.com");
    let path = format!("/v1/customers/{}", text(&made, "id"));
    let many = |from: usize, to: usize| -> Value {
        let pairs: serde_json::Map<String, Value> = (from..to).map(|n| (format!("k{n}"), json!("v"))).collect();
        json!({ "metadata": pairs })
    };
    tenant.patch(&path, &many(0, 50)).expect(200);
    assert_eq!(tenant.patch(&path, &many(50, 51)).problem(&path).0, 422, "51 with those that were there");
    assert_eq!(tenant.patch(&path, &many(0, 51)).problem(&path).0, 422);
    let wide = json!({ "metadata": { "k0": "é".repeat(251) } });
    let refused = tenant.patch(&path, &wide);
    assert!(refused.header("leapday-violation").unwrap().contains("502 bytes"));
    assert_eq!(tenant.get(&path)["metadata"]["k0"], "v");
}

#[test]
fn a_tax_id_is_looked_up_a_little_later() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    let receiver = Receiver::new();
    tenant.0.create("/_leapday/webhook-endpoints?provider=paylera", &json!({ "url": receiver.url }));
    let customer = tenant.customer("ada@example.com");
    let path = format!("/v1/customers/{}", text(&customer, "id"));
    let good = tenant.create(&format!("{path}/tax-ids"), &json!({ "type": "eu_vat", "value": "DE123456789" }));
    let bad = tenant.create(&format!("{path}/tax-ids"), &json!({ "type": "eu_vat", "value": "nonsense" }));
    assert_eq!((text(&good, "status"), text(&bad, "status")), ("pending", "pending"));
    assert_eq!(tenant.get(&path)["tax_id_invalid"], false);
    tenant.0.post("/_leapday/clock/advance?provider=paylera", &json!({ "by": "PT5S" })).expect(200);
    let seen = tenant.get(&path);
    assert_eq!(seen["tax_id_invalid"], true);
    assert_eq!(texts(seen["tax_ids"].as_array().unwrap(), "status"), ["valid", "invalid"]);
    let received = receiver.received();
    let types: Vec<&str> = received.iter().map(|one| text(&one.body, "type")).collect();
    assert_eq!(types, ["customer.updated", "customer.updated", "customer.tax_id_invalidated"]);
    let last = received.last().unwrap();
    assert_eq!(
        (last.header("paylera-event-type"), last.header("paylera-event-id")),
        (types[2], text(&last.body, "id"))
    );
    assert!(last.header("paylera-delivery-id").starts_with("del_"));
    assert_eq!((&last.body["aggregate_type"], &last.body["aggregate_id"]), (&json!("customer"), &customer["id"]));
    assert_eq!((text(&last.body, "occurred_at"), &last.body["data"]), ("2028-01-31T00:00:05Z", &seen));
    let path = format!("{path}/tax-ids/{}", text(&bad, "id"));
    assert_eq!(tenant.ask("DELETE", &path, &[], &Value::Null).status, 204);
    assert_eq!(tenant.ask("DELETE", &path, &[], &Value::Null).problem(&path).0, 404);
}
