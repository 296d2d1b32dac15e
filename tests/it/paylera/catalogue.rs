//! Products and plans (facts: paylera §2.2, §2.3, §7).

use serde_json::{Value, json};

use crate::support::{Tenant, newcomer, tenant, text};

/// A plan of the product `pro` with one component.
fn plan(code: &str, pricing: Value) -> Value {
    json!({
        "product_code": "pro", "code": code, "currency": "USD", "interval": "month",
        "components": [{ "code": "seats", "pricing": pricing }],
    })
}

fn shop() -> Tenant {
    let tenant = tenant();
    tenant.product("pro");
    tenant
}

#[test]
fn a_product_is_found_by_id_and_by_code() {
    let tenant = tenant();
    let made = tenant.create(
        "/v1/products",
        &json!({ "code": "team", "name": "Team", "description": "For teams.", "tax_code": "txcd_10000000" }),
    );
    assert_eq!(tenant.get("/v1/products/team"), made);
    assert_eq!(tenant.get(&format!("/v1/products/{}", text(&made, "id"))), made);
    let changed = tenant.patch("/v1/products/team", &json!({ "tax_code": null, "metadata": { "a": "1", "b": "2" } }));
    assert_eq!(changed.expect(200)["tax_code"], Value::Null);
    let merged = tenant.patch("/v1/products/team", &json!({ "metadata": { "a": null, "c": "3" } })).expect(200);
    assert_eq!(merged["metadata"], json!({ "b": "2", "c": "3" }));
    let taken = tenant.post("/v1/products", &json!({ "code": "team", "name": "Other" }));
    assert_eq!(taken.problem("/v1/products"), (409, "product.code_taken".to_owned()));
    let nobody = tenant.ask("GET", "/v1/products/nobody", &[], &Value::Null);
    assert_eq!(nobody.problem("/v1/products/nobody"), (404, "resource.not_found".to_owned()));
}

#[test]
fn a_plan_states_what_was_left_out() {
    let tenant = shop();
    let tiers = json!([{ "up_to": 10, "unit_amount": "10.00" }, { "up_to": null, "unit_amount": "8.00" }]);
    let made = tenant.create("/v1/plans", &plan("tiered", json!({ "model": "tiered", "tiers": tiers })));
    assert_eq!((&made["interval_count"], &made["trial_days"]), (&json!(1), &json!(0)));
    assert_eq!((&made["status"], &made["components"][0]["pricing"]["meter"]), (&json!("active"), &json!("seats")));
    let usage = json!({ "model": "usage", "meter": "calls", "tiers": [{ "up_to": null, "unit_amount": "0.001" }] });
    let usage = tenant.create("/v1/plans", &plan("usage", usage))["components"][0]["pricing"].clone();
    assert_eq!((&usage["aggregation"], &usage["late_events"]), (&json!("sum"), &json!("next_period")));
    assert_eq!(usage["tiers"][0]["unit_amount"], "0.001", "as it was written");
    assert_eq!(tenant.get("/v1/plans/tiered"), made);
    let archived = tenant.post("/v1/plans/tiered/archive", &Value::Null).expect(200);
    assert_eq!(archived["status"], "archived");
    let policy = tenant.patch("/v1/plans/usage", &json!({ "dunning_policy": "grace" })).expect(200);
    assert_eq!(policy["dunning_policy"], "grace");
}

#[test]
fn plans_that_make_no_sense_are_refused_where_they_make_none() {
    let tenant = shop();
    let tier = |up_to: Value| json!({ "up_to": up_to, "unit_amount": "1.00" });
    let tiered = |tiers: Value| plan("p", json!({ "model": "volume", "tiers": tiers }));
    let flat = || json!({ "model": "flat", "amount": "1.00" });
    let mut unknown = plan("p", flat());
    unknown["product_code"] = json!("nobody");
    let mut money = plan("p", flat());
    money["currency"] = json!("XXY");
    let mut twins = plan("p", flat());
    let twin = twins["components"][0].clone();
    twins["components"].as_array_mut().unwrap().push(twin);
    let cases = [
        (unknown, "product_code"),
        (money, "currency"),
        (twins, "components.1.code"),
        (tiered(json!([tier(json!(10))])), "components.0.pricing.tiers"),
        (tiered(json!([tier(Value::Null), tier(Value::Null)])), "components.0.pricing.tiers"),
        (tiered(json!([tier(json!(10)), tier(json!(10)), tier(Value::Null)])), "components.0.pricing.tiers"),
        (plan("p", json!({ "model": "flat", "amount": 1 })), "components.0.pricing.amount"),
        (plan("p", json!({ "model": "flat", "amount": "1e3" })), "components.0.pricing.amount"),
    ];
    for (body, field) in cases {
        let answer = tenant.post("/v1/plans", &body);
        assert_eq!(answer.problem("/v1/plans").0, 422, "{body}");
        let errors = answer.body["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| text(error, "field") == field), "{field}: {errors:?}");
    }
    assert_eq!(tenant.get("/v1/plans")["data"], json!([]));
}

#[test]
fn a_new_world_has_something_to_sell() {
    let tenant = newcomer();
    let customer = tenant.customer("ada@example.com");
    let made = tenant.create(
        "/v1/subscriptions",
        &json!({ "customer_id": customer["id"], "plan_code": "starter-monthly-usd", "quantities": { "seats": 2 } }),
    );
    assert_eq!(made["status"], "active");
    assert_eq!(tenant.get("/v1/invoices")["data"][0]["subtotal"], "69.00");
}
