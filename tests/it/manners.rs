//! How the server behaves as an HTTP server, whatever the provider.

use serde_json::{Value, json};

use crate::support::{Api, api};

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn health_needs_no_key_and_the_root_says_what_is_here() {
    let api = api().with_key("");
    for path in ["/health", "/healthz", "/readyz", "/_leapday/health"] {
        assert_eq!(api.raw("GET", path, &[], b"").expect(200)["status"], "ok", "{path}");
    }
    let root = api.raw("GET", "/", &[], b"").expect(200);
    assert_eq!(root["providers"]["paygentic"], format!("{}/paygentic", api.base));
    let page = api.raw("GET", "/", &[("accept", "text/html")], b"");
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(api.raw("GET", "/nowhere", &[], b"").status, 404);
}

#[test]
fn every_answer_carries_version_and_request_id_and_lets_browsers_in() {
    let api = api();
    for path in ["/health", "/paygentic/v0/products", "/paygentic/nowhere", "/_leapday/clock"] {
        let answer = api.raw("GET", path, &[("origin", "http://localhost:3000")], b"");
        assert_eq!(answer.header("leapday-version"), Some(env!("CARGO_PKG_VERSION")), "{path}");
        assert!(answer.header("leapday-request-id").is_some(), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
    }
    let headers = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let answer = api.raw("OPTIONS", "/paygentic/v0/customers", &headers, b"");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("PATCH"));
}

#[test]
fn a_vendor_host_name_is_a_mount_of_its_own() {
    let api = api();
    for host in ["api.sandbox.paygentic.io", "api.paygentic.io:443"] {
        assert_eq!(api.raw("GET", "/v0/products", &[("host", host)], b"").status, 200, "{host}");
    }
}

#[test]
fn keys_are_needed_and_live_ones_refused() {
    let api = api();
    let refused = |key: &str| api.with_key(key).raw("GET", "/paygentic/v0/products", &[], b"");
    for key in ["", "sk_live_abc"] {
        let answer = refused(key);
        assert_eq!(answer.status, 401, "{key}");
        assert_eq!(answer.body["error"], "unauthorized");
        assert!(answer.header("leapday-violation").is_some());
    }
    let basic = api.with_key("").raw("GET", "/paygentic/v0/products", &[("authorization", "Basic abc")], b"");
    assert_eq!(basic.status, 401);
}

#[test]
fn a_readonly_key_sees_the_same_world_and_changes_nothing() {
    let api = api();
    let product = json!({ "name": "A", "description": "a", "merchantId": "org_a" });
    let before = api.rows("/v0/products").len();
    api.create("/v0/products", &product);
    let reader = api.with_key(&format!("{}.readonly", api.key));
    assert_eq!(reader.rows("/v0/products").len(), before + 1);
    let refused = reader.post("/v0/products", &product).expect(403);
    assert_eq!(refused["reason"], "no_permission");
    assert_eq!(reader.rows("/v0/products").len(), before + 1);
}

/// Headers, body, the status that it is refused with.
type Case<'c> = (&'c [(&'c str, &'c str)], &'c [u8], u16);

#[test]
fn unreadable_bodies_are_refused_each_with_its_reason() {
    let api = api();
    let before = api.rows("/v0/products").len();
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let deep = format!(r#"{{"name":"a","description":"b","merchantId":"org_a","metadata":{{"a":{deep}}}}}"#);
    let large = vec![b' '; 2 * 1024 * 1024];
    let cases: [Case<'_>; 7] = [
        (&[JSON], b"{", 400),
        (&[JSON], b"[1, 2", 400),
        (&[JSON], b"\xff\xfe", 400),
        (&[JSON], b"\"text\"", 400),
        (&[("content-type", "text/xml")], b"<a/>", 415),
        (&[JSON], deep.as_bytes(), 400),
        (&[JSON], &large, 413),
    ];
    for (headers, body, status) in cases {
        let answer = api.raw("POST", "/paygentic/v0/products", headers, body);
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(answer.status, status, "{start}: {:#}", answer.body);
        assert!(answer.body["message"].is_string());
    }
    assert_eq!(api.post("/v0/products", &Value::Null).status, 400);
    assert_eq!(api.rows("/v0/products").len(), before);
}

#[test]
fn all_violations_are_told_in_the_vendors_shape_and_in_the_header() {
    let api = api();
    let wrong = json!({ "nmae": "A", "description": 7, "merchantId": "acme" });
    let answer = api.post("/v0/products", &wrong);
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["error"], "validation_error");
    let fields: Vec<&str> =
        answer.body["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["description", "merchantId", "name"]);
    let header = answer.header("leapday-violation").unwrap();
    assert!(header.contains("/name required") && header.contains("nmae"), "{header}");
}

#[test]
fn what_teaches_fits_a_header_however_much_is_wrong() {
    let wrong: serde_json::Map<String, Value> = (0..200).map(|n| (format!("\u{e9}{n}"), json!(n))).collect();
    let answer = api().post("/_leapday/clock/advance", &wrong.into());
    assert_eq!((answer.status, answer.body["violations"].as_array().map(Vec::len)), (400, Some(100)));
    let told = answer.told();
    assert!(told.len() <= 2_000 && told.is_ascii() && told.ends_with(" more"), "{} {told}", told.len());
}

#[test]
fn a_misspelt_optional_field_is_accepted_with_a_warning() {
    let api = api();
    let answer = api.post("/v0/testClocks", &json!({ "curentTime": "2028-01-31T00:00:00Z" }));
    assert_eq!(answer.status, 201);
    assert!(answer.header("leapday-warning").unwrap().contains("currentTime"));
}

#[test]
fn the_control_api_refuses_what_it_does_not_know() {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    let document = api.get("/_leapday/openapi.json");
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let (method, path) = (method.to_uppercase(), format!("/_leapday{}", path.replace(['{', '}'], "")));
            if !operation["requestBody"].is_null() {
                let answer = api.send(&method, &path, &json!({ "zzz": 1 })).expect(400);
                let unknown =
                    |violation: &Value| violation["pointer"] == "/zzz" && violation["rule"] == "additionalProperties";
                assert!(answer["violations"].as_array().unwrap().iter().any(unknown), "{method} {path} {answer:#}");
            }
            if operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["in"] == "query")) {
                let answer = api.raw(&method, &format!("{path}?zzz=1"), &[], b"").expect(400);
                assert_eq!(answer["violations"][0]["pointer"], "/zzz", "{method} {path} {answer:#}");
            }
        }
    }
    for (query, body, meant) in [
        ("", json!({ "by": "P1M", "dryRun": true }), "dry_run"),
        ("?delivr=burst", json!({ "by": "P1M" }), "deliver"),
        ("?limt=1", json!({ "by": "P1M" }), "limit"),
    ] {
        let answer = api.refuses("POST", &format!("/_leapday/clock/advance{query}"), &body, 400);
        assert!(answer.told().contains(&format!("did you mean {meant:?}?")), "{}", answer.told());
    }
    let card = json!({ "card": { "number": "4242424242424242", "expmonth": 1 } });
    let answer = api.refuses("POST", "/_leapday/payments/ps_a/complete", &card, 400);
    assert!(answer.told().contains("/card/expmonth") && answer.told().contains("\"expMonth\""), "{}", answer.told());
    assert_eq!(api.get("/_leapday/clock")["now"], "2028-01-31T00:00:00Z");
}

#[test]
fn the_control_api_says_what_a_duration_and_a_body_look_like() {
    let api = api();
    for (path, body) in [
        ("/_leapday/clock/advance", json!({ "by": "1 month" })),
        ("/_leapday/webhook-rules", json!({ "action": "delay", "by": "1 month" })),
    ] {
        let told = api.refuses("POST", path, &body, 400).told().to_owned();
        assert!(told.contains("\"1 month\" is not a duration: ") && told.contains("P1M (a month)"), "{told}");
    }
    let answer = api.refuses("GET", "/_leapday/clock/upcoming?within=month", &Value::Null, 400);
    assert!(answer.told().contains("P1M (a month)"), "{}", answer.told());
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = api.raw("POST", "/_leapday/clock/advance", &form, br#"{"by": "P1M"}"#).expect(415);
    assert_eq!(answer["error"], "unsupported_media_type");
    assert!(answer["message"].as_str().unwrap().ends_with("add the header content-type: application/json"), "{answer}");
    for (offset, status) in [("9007199254740991", 200), ("9007199254740992", 400)] {
        api.raw("GET", &format!("/_leapday/events?offset={offset}"), &[], b"").expect(status);
    }
}

#[test]
fn unknown_routes_name_their_neighbours_and_wrong_methods_the_right_ones() {
    let api = api();
    let answer = api.send("GET", "/v0/product", &Value::Null);
    assert_eq!(answer.status, 404);
    assert!(answer.header("leapday-violation").unwrap().contains("GET /v0/products"));
    let answer = api.delete("/v0/products");
    assert_eq!(answer.status, 405);
    assert!(answer.header("leapday-violation").unwrap().contains("POST"));
}

#[test]
fn explain_puts_violations_into_the_body() {
    let sandbox = leapday::blocking::Sandbox::builder().explain(true).strict(true).start().unwrap();
    let api = Api::at(sandbox.base_url(), "sk_test_a");
    let answer = api.post("/v0/products", &json!({ "name": "A" })).expect(400);
    assert_eq!(answer["leapday"]["violations"][0]["rule"], "required");
    // A vendor whose errors hold nothing else is no exception.
    let headers = [JSON, ("idempotency-key", "1")];
    let answer = api.with_key("sk_sandbox_a").raw("POST", "/paylera/v1/products", &headers, b"{}").expect(422);
    assert_eq!(answer["leapday"]["violations"][0]["rule"], "required");
}

/// Nothing that an API takes gives a row such an id; a world that somebody has written may.
#[test]
fn an_answer_that_breaks_its_schema_is_told_from_others_where_answers_are_checked() {
    for (strict, status) in [(true, 500), (false, 200)] {
        let sandbox = leapday::blocking::Sandbox::builder().strict(strict).start().unwrap();
        let api = Api::at(sandbox.base_url(), "sk_test_odd");
        let mut world = api.get("/_leapday/world/export");
        world["world"]["state"]["products"]["names"] = json!({ "0": "odd" });
        api.post("/_leapday/world/import", &world).expect(200);
        let answer = api.send("GET", "/v0/products", &Value::Null);
        assert_eq!(answer.status, status, "{:#}", answer.body);
        assert_eq!(answer.body["message"].as_str().is_some_and(|message| message.contains("--strict")), strict);
    }
}

#[test]
fn a_public_url_with_a_path_is_served_below_it_too() {
    let named =
        |options: &mut leapday::sandbox::Options| options.public_url = Some("http://team.example/r1".to_owned());
    let sandbox = leapday::blocking::Sandbox::builder().strict(true).options(named).start().unwrap();
    let api = Api::at(sandbox.base_url(), "sk_test_below");
    for path in ["/health", "/paygentic/v0/products", "/_leapday/clock", "/_leapday/ui/dashboard.css", ""] {
        assert_eq!(api.raw("GET", &format!("/r1{path}"), &[], b"").status, if path.is_empty() { 404 } else { 200 });
        assert_eq!(api.raw("GET", if path.is_empty() { "/" } else { path }, &[], b"").status, 200, "{path}");
    }
    assert_eq!(api.raw("GET", "/r1/", &[], b"").status, 200);
    assert_eq!(api.raw("GET", "/r10/health", &[], b"").status, 404);
}
