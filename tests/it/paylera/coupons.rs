//! Coupons (facts: paylera §3.11).

use serde_json::{Value, json};

use crate::support::{Tenant, tenant, text, texts};

fn codes(tenant: &Tenant, query: &str) -> Vec<String> {
    let list = tenant.get(&format!("/v1/coupons?sort=code:asc&{query}"));
    texts(list["data"].as_array().unwrap(), "code").into_iter().map(str::to_owned).collect()
}

#[test]
fn a_coupon_is_made_and_found_by_code_and_by_id() {
    let tenant = tenant();
    tenant.product("pro");
    let made = tenant.create(
        "/v1/coupons",
        &json!({
            "code": "LAUNCH15", "name": "Launch", "percent_off": "15", "duration": "repeating", "duration_months": 3,
            "applies_to": { "product_codes": ["pro"] }, "max_redemptions": 200, "metadata": { "team": "growth" },
        }),
    );
    assert_eq!(
        (&made["percent_off"], &made["amount_off"], &made["currency"]),
        (&json!("15"), &Value::Null, &Value::Null)
    );
    assert_eq!((&made["times_redeemed"], &made["status"]), (&json!(0), &json!("active")));
    assert_eq!(made["applies_to"], json!({ "product_codes": ["pro"] }));
    assert_eq!(tenant.get("/v1/coupons/LAUNCH15"), made);
    assert_eq!(tenant.get(&format!("/v1/coupons/{}", text(&made, "id"))), made);
    let fixed = json!({ "code": "FIVE", "amount_off": "5.00", "currency": "EUR" });
    let fixed = tenant.create("/v1/coupons", &fixed);
    assert_eq!((&fixed["amount_off"], &fixed["currency"]), (&json!("5.00"), &json!("EUR")));
    assert_eq!((&fixed["duration"], &fixed["duration_months"]), (&json!("once"), &Value::Null));
    assert_eq!(codes(&tenant, ""), ["FIVE", "LAUNCH15"]);
    assert_eq!(codes(&tenant, "duration=repeating,forever"), ["LAUNCH15"]);
    assert_eq!(codes(&tenant, "code[starts]=FI"), ["FIVE"]);
    let other = tenant.ask("GET", "/v1/coupons/five", &[], &Value::Null);
    assert_eq!(other.problem("/v1/coupons/five"), (404, "resource.not_found".to_owned()), "case counts");
}

#[test]
fn the_code_of_a_coupon_is_taken_until_it_is_deleted() {
    let tenant = tenant();
    let wanted = json!({ "code": "WELCOME", "percent_off": "10", "duration": "forever" });
    let first = tenant.create("/v1/coupons", &wanted);
    let taken = tenant.post("/v1/coupons", &wanted);
    assert_eq!(taken.problem("/v1/coupons"), (409, "coupon.code_taken".to_owned()));
    let by_id = format!("/v1/coupons/{}", text(&first, "id"));
    assert_eq!(tenant.ask("DELETE", "/v1/coupons/WELCOME", &[], &Value::Null).status, 204);
    for path in ["/v1/coupons/WELCOME", &by_id] {
        for method in ["GET", "DELETE"] {
            let gone = tenant.ask(method, path, &[], &Value::Null);
            assert_eq!(gone.problem(path), (404, "resource.not_found".to_owned()));
        }
    }
    assert_eq!(codes(&tenant, ""), [""; 0]);
    let second = tenant.create("/v1/coupons", &wanted);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(tenant.get("/v1/coupons/WELCOME"), second);
    assert_eq!(tenant.ask("GET", &by_id, &[], &Value::Null).status, 404, "the first one stays deleted");
}

#[test]
fn a_coupon_expires() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    let end = |at: &str| json!({ "code": "SOON", "percent_off": "10", "expires_at": at });
    for passed in ["2028-01-30T00:00:00Z", "2028-01-31T00:00:00Z"] {
        let refused = tenant.post("/v1/coupons", &end(passed));
        assert_eq!(refused.problem("/v1/coupons").0, 422, "{passed}");
        assert_eq!(text(&refused.body["errors"][0], "field"), "expires_at");
    }
    let made = tenant.create("/v1/coupons", &end("2028-02-01T00:00:00Z"));
    assert_eq!((text(&made, "status"), codes(&tenant, "status=expired").len()), ("active", 0));
    tenant.0.world_advance_to("2028-02-01T00:00:00Z");
    assert_eq!(tenant.get("/v1/coupons/SOON")["status"], "expired");
    assert_eq!(codes(&tenant, "status=expired"), ["SOON"]);
    assert_eq!(codes(&tenant, "status=active,exhausted"), [""; 0]);
}

#[test]
fn coupons_that_make_no_sense_are_refused_where_they_make_none() {
    let tenant = tenant();
    let cases = [
        (json!({ "percent_off": "10", "amount_off": "5.00" }), "amount_off"),
        (json!({ "percent_off": "10", "currency": "EUR" }), "currency"),
        (json!({ "amount_off": "5.00", "currency": "XXY" }), "currency"),
        (json!({ "amount_off": "0.00", "currency": "EUR" }), "amount_off"),
        (json!({ "percent_off": "0" }), "percent_off"),
        (json!({ "percent_off": "100.5" }), "percent_off"),
        (json!({ "percent_off": "10", "duration": "repeating" }), "duration_months"),
        (json!({ "percent_off": "10", "duration_months": 3 }), "duration_months"),
        (json!({ "percent_off": "10", "applies_to": { "product_codes": ["no"] } }), "applies_to.product_codes.0"),
    ];
    for (mut body, field) in cases {
        body["code"] = json!("ODD");
        let answer = tenant.post("/v1/coupons", &body);
        assert_eq!(answer.problem("/v1/coupons").0, 422, "{body}");
        let errors = answer.body["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| text(error, "field") == field), "{field}: {errors:?}");
    }
    // Which of the two ways was meant, nobody can say: the body as a whole is wrong.
    for body in [
        json!({ "code": "ODD" }),
        json!({ "code": "ODD", "amount_off": "5.00" }),
        json!({ "code": "ODD", "percent_off": "10", "amount_off": "5.00", "currency": "EUR" }),
    ] {
        assert_eq!(tenant.post("/v1/coupons", &body).problem("/v1/coupons").0, 422, "{body}");
    }
    assert_eq!(tenant.get("/v1/coupons")["data"], json!([]));
}

#[test]
fn a_coupon_expires_on_a_clock_that_flows_without_anybody_writing() {
    let tenant = tenant();
    tenant.product("pro");
    let now: leapday::time::Timestamp = text(&tenant.0.get("/_leapday/clock"), "now").parse().unwrap();
    let end = now.plus_millis(1_000).unwrap().to_string();
    let coupon = json!({ "code": "SOON", "percent_off": "10", "expires_at": end });
    assert_eq!(tenant.create("/v1/coupons", &coupon)["status"], "active");
    // Nothing happens meanwhile: the wait runs out.
    tenant.0.get("/_leapday/events?type=customer.updated&wait=1200ms");
    assert_eq!(tenant.get("/v1/coupons/SOON")["status"], "expired");
}
