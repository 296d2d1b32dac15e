//! Tokens, audiences, versions, problems (facts: paylera §1.1–1.3, §1.7).

use leapday::blocking::Sandbox;
use leapday::sandbox::{NOWHERE, Options, mounts};
use serde_json::{Value, json};

use crate::support::{Api, tenant, text};

#[test]
fn a_token_opens_a_world_and_a_live_one_is_of_the_wrong_environment() {
    let (mine, yours) = (tenant(), tenant());
    mine.customer("ada@example.com");
    assert_eq!(mine.get("/v1/customers")["data"].as_array().unwrap().len(), 1);
    assert_eq!(yours.get("/v1/customers")["data"], json!([]));
    for (token, problem) in [
        ("sk_live_real", "auth.wrong_environment"),
        ("sk_test_other", "auth.unauthenticated"),
        ("", "auth.unauthenticated"),
    ] {
        let stranger = crate::support::Tenant(mine.0.with_key(token));
        let answer = stranger.ask("GET", "/v1/customers", &[], &Value::Null);
        assert_eq!(answer.problem("/v1/customers"), (401, problem.to_owned()), "{token}");
    }
}

#[test]
fn an_audience_may_do_what_is_its_own() {
    let owner = tenant();
    let product = owner.product("pro");
    let path = format!("/v1/products/{}", text(&product, "id"));
    let as_role = |role: &str| crate::support::Tenant(owner.0.with_key(&format!("{}.{role}", owner.0.key)));
    for role in ["service", "customer", "admin"] {
        assert_eq!(as_role(role).get(&path), product, "{role}: the same world");
    }
    let refused = as_role("customer").patch(&path, &json!({ "name": "Other" }));
    assert_eq!(refused.problem(&path), (403, "auth.forbidden".to_owned()));
    as_role("service").patch(&path, &json!({ "name": "Other" })).expect(200);
    let admin = "/v1/admin/webhook-endpoints";
    for (role, status) in [("service", 403), ("customer", 403), ("admin", 200)] {
        assert_eq!(as_role(role).ask("GET", admin, &[], &Value::Null).status, status, "{role}");
    }
}

#[test]
fn every_answer_says_its_version_and_an_unknown_one_is_refused() {
    let tenant = tenant();
    let asked = |version: &[(&str, &str)]| tenant.ask("GET", "/v1/products", version, &Value::Null);
    assert_eq!(asked(&[]).header("paylera-version"), Some("2026-04-01"));
    assert_eq!(asked(&[("paylera-version", "2026-04-01")]).header("paylera-version"), Some("2026-04-01"));
    let unknown = asked(&[("paylera-version", "2026-04-10")]);
    assert_eq!(unknown.problem("/v1/products"), (400, "version.unknown".to_owned()));
    assert!(unknown.header("leapday-violation").unwrap().contains("did you mean 2026-04-01"));
}

#[test]
fn problems_name_every_wrong_field() {
    let tenant = tenant();
    let answer = tenant.post("/v1/plans", &json!({ "product_code": "Pro!", "code": "p", "interval": "fortnight" }));
    assert_eq!(answer.problem("/v1/plans"), (422, "validation.failed".to_owned()));
    let fields: Vec<&str> = answer.body["errors"].as_array().unwrap().iter().map(|row| text(row, "field")).collect();
    assert_eq!(fields.len(), 4, "{fields:?}");
    for field in ["product_code", "interval", "currency", "components"] {
        assert!(fields.contains(&field), "{field} {fields:?}");
    }
    let torn = tenant.0.raw(
        "POST",
        "/paylera/v1/products",
        &[("content-type", "application/json"), ("idempotency-key", "torn")],
        b"{",
    );
    assert_eq!(torn.problem("/v1/products"), (400, "request.malformed".to_owned()));
    let lost = tenant.ask("GET", "/v1/custmers", &[], &Value::Null);
    assert_eq!(lost.problem("/v1/custmers"), (404, "resource.not_found".to_owned()));
    assert!(lost.header("leapday-violation").unwrap().contains("/v1/customers"));
}

#[test]
fn every_answer_tells_the_rate_limit_and_a_flag_enforces_it() {
    let told = |answer: &crate::support::Answer| -> (String, String) {
        let header = |name: &str| answer.header(name).expect("a header").to_owned();
        assert!(header("x-ratelimit-reset").parse::<u64>().is_ok());
        (header("x-ratelimit-limit"), header("x-ratelimit-remaining"))
    };
    let own = tenant();
    assert_eq!(told(&own.ask("GET", "/v1/plans", &[], &Value::Null)), ("100".to_owned(), "99".to_owned()));
    assert_eq!(told(&own.post("/v1/products", &json!({}))).0, "20", "refusals too");
    assert_eq!(told(&own.ask("GET", "/v1/admin/webhook-endpoints", &[], &Value::Null)).0, "5");
    for _ in 0..30 {
        own.customer("ada@example.com");
    }

    let sandbox = Sandbox::builder().strict(true).options(|options| options.rate_limits = true).start().unwrap();
    let strict = crate::support::Tenant(Api::at(sandbox.base_url(), "sk_sandbox_limited"));
    let path = "/v1/admin/webhook-endpoints";
    // Five may pass in any second, whenever that begins.
    let refused = (0..1_000).map(|_| strict.ask("GET", path, &[], &Value::Null)).find(|answer| answer.status == 429);
    let refused = refused.expect("a refusal");
    assert_eq!(refused.problem(path), (429, "rate_limit.exceeded".to_owned()));
    assert_eq!(refused.body["type"], "https://errors.paylera.io/rate-limit/exceeded");
    assert_eq!((refused.header("retry-after"), told(&refused).1.as_str()), (Some("1"), "0"));
}

/// Rule 3 holds for what is not built as well: routed, validated, 501.
#[test]
fn every_operation_is_there() {
    let tenant = tenant();
    let mounts = mounts(&Options::default(), NOWHERE).unwrap();
    let paylera = mounts.iter().find(|mount| mount.name() == "paylera").unwrap();
    for row in paylera.operations() {
        let path = row.path.replace("{id}", "x_1").replace("{code}", "x").replace(['{', '}'], "");
        let answer = tenant.ask(&row.method, &path, &[("idempotency-key", row.id)], &json!({}));
        let expected: &[u16] = if row.built { &[200, 404, 422] } else { &[422, 501] };
        assert!(expected.contains(&answer.status), "{} {} {}", row.id, answer.status, answer.body);
        if answer.status >= 400 {
            answer.problem(&path);
        }
    }
}
