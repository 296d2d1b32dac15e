//! Idempotency keys (facts: paylera §1.6).

use serde_json::{Value, json};

use crate::support::{Answer, Biller, Tenant, tenant, text};

fn under(tenant: &Tenant, key: &str, path: &str, body: &Value) -> Answer {
    tenant.ask("POST", path, &[("idempotency-key", key)], body)
}

fn products(tenant: &Tenant) -> usize {
    tenant.get("/v1/products")["data"].as_array().unwrap().len()
}

#[test]
fn a_post_needs_a_key_and_a_patch_does_not() {
    let tenant = tenant();
    let body = json!({ "code": "pro", "name": "Pro" });
    let missing = tenant.ask("POST", "/v1/products", &[], &body);
    assert_eq!(missing.problem("/v1/products"), (400, "idempotency.required".to_owned()));
    assert_eq!(missing.body["title"], "Idempotency-Key required");
    assert_eq!(missing.body["type"], "https://errors.paylera.io/idempotency/required");
    let long = under(&tenant, &"k".repeat(256), "/v1/products", &body);
    assert_eq!(long.problem("/v1/products"), (422, "validation.failed".to_owned()));
    assert_eq!(products(&tenant), 0);
    under(&tenant, &"k".repeat(255), "/v1/products", &body).expect(201);
    tenant.patch("/v1/products/pro", &json!({ "name": "Other" })).expect(200);
}

#[test]
fn a_patch_may_bring_a_key() {
    let tenant = tenant();
    tenant.product("pro");
    let rename = |name: &str, key: &str| {
        tenant.ask("PATCH", "/v1/products/pro", &[("idempotency-key", key)], &json!({ "name": name }))
    };
    let first = rename("First", "k");
    rename("Second", "other").expect(200);
    assert_eq!((rename("First", "k").bytes, text(&tenant.get("/v1/products/pro"), "name")), (first.bytes, "Second"));
    assert_eq!(rename("Third", "k").problem("/v1/products/pro").1, "idempotency.body_mismatch");
}

#[test]
fn the_same_request_has_one_effect_and_one_answer() {
    let tenant = tenant();
    let body = json!({ "code": "pro", "name": "Pro" });
    let first = under(&tenant, "k", "/v1/products", &body);
    tenant.patch("/v1/products/pro", &json!({ "name": "Renamed" })).expect(200);
    let again = under(&tenant, "k", "/v1/products", &body);
    assert_eq!((first.status, &first.bytes), (201, &again.bytes), "as it was answered, not as it is now");
    assert_eq!((again.status, again.header("paylera-version")), (201, first.header("paylera-version")));
    assert_eq!(products(&tenant), 1);
    let other = under(&tenant, "k", "/v1/products", &json!({ "code": "max", "name": "Max" }));
    assert_eq!(other.problem("/v1/products"), (422, "idempotency.body_mismatch".to_owned()));
    // Another route, or another tenant, is another scope.
    under(&tenant, "k", "/v1/customers", &json!({ "email": "ada@example.com" })).expect(201);
    under(&crate::support::tenant(), "k", "/v1/products", &body).expect(201);
}

#[test]
fn a_refusal_is_an_answer_too() {
    let tenant = tenant();
    let plan = json!({
        "product_code": "pro", "code": "pro-monthly", "currency": "USD", "interval": "month",
        "components": [{ "code": "base", "pricing": { "model": "flat", "amount": "49.00" } }],
    });
    let refused = under(&tenant, "k", "/v1/plans", &plan);
    assert_eq!(refused.problem("/v1/plans").0, 422);
    let violation = refused.header("leapday-violation").unwrap().to_owned();
    tenant.product("pro");
    let again = under(&tenant, "k", "/v1/plans", &plan);
    assert_eq!((again.status, &again.bytes), (422, &refused.bytes), "though it would pass now");
    assert_eq!(again.header("leapday-violation"), Some(violation.as_str()));
    assert_eq!(again.header("content-type"), Some("application/problem+json"));
    tenant.create("/v1/plans", &plan);
}

#[test]
fn keys_are_forgotten_after_a_day_of_the_worlds_clock() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    let body = json!({ "email": "ada@example.com" });
    let first = under(&tenant, "k", "/v1/customers", &body).expect(201);
    tenant.0.world_advance_to("2028-01-31T23:59:59Z");
    assert_eq!(under(&tenant, "k", "/v1/customers", &body).expect(201)["id"], first["id"]);
    tenant.0.world_advance_to("2028-02-01T00:00:00Z");
    assert_ne!(under(&tenant, "k", "/v1/customers", &body).expect(201)["id"], first["id"]);
}

/// An advance keeps writers waiting: the first under a key, while a second one is told so at once.
#[test]
fn who_comes_while_the_first_is_under_way_is_told_so() {
    let biller = Biller::at("2028-01-31T00:00:00Z");
    biller.flat("base", "49.00", &json!({}));
    biller.method("tok_visa_success");
    biller.subscribe("base", &json!({}));
    let statuses = std::thread::scope(|scope| {
        let long = scope.spawn(|| biller.advance("P50Y"));
        let mut statuses = Vec::new();
        while !long.is_finished() {
            let key = format!("k{}", statuses.len());
            let two = [(); 2].map(|()| {
                let (tenant, key) = (&biller.tenant, key.clone());
                scope.spawn(move || under(tenant, &key, "/v1/customers", &json!({ "email": "ada@example.com" })).status)
            });
            statuses.extend(two.map(|one| one.join().unwrap()));
        }
        statuses
    });
    assert!(statuses.contains(&409) && statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
}

#[test]
fn sixteen_at_once_make_one() {
    let tenant = tenant();
    let body = json!({ "email": "ada@example.com" });
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..16).map(|_| scope.spawn(|| under(&tenant, "k", "/v1/customers", &body))).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let made: Vec<&str> = answers.iter().filter(|one| one.status == 201).map(|one| text(&one.body, "id")).collect();
    assert!(!made.is_empty() && made.iter().all(|id| *id == made[0]), "{made:?}");
    for late in answers.iter().filter(|one| one.status != 201) {
        assert_eq!(late.problem("/v1/customers"), (409, "idempotency.in_progress".to_owned()));
    }
    assert_eq!(tenant.get("/v1/customers")["data"].as_array().unwrap().len(), 1);
}
