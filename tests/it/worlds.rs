//! Starting worlds: the bundled ones, and a file of one's own.

use std::path::PathBuf;

use leapday::blocking::Sandbox;
use serde_json::{Value, json};

use crate::support::{Api, api, fresh_key, text};

fn reset(api: &Api, world: &str) {
    let answer = api.post("/_leapday/world/reset", &json!({ "world": world })).expect(200);
    assert_eq!(answer["world"], world);
}

/// A file of this test run alone.
fn file(name: &str, content: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("leapday-{}-{name}.json", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

fn refused(world: &str) -> String {
    let error = Sandbox::builder().world(world).start().expect_err("a bad world");
    assert!(error.to_string().starts_with(&format!("--world {world}: ")), "{error}");
    error.to_string()
}

#[test]
fn the_starter_is_what_the_readme_says() {
    let api = api();
    for path in [
        "/v0/products/prod_starter",
        "/v0/billableMetrics/bm_starterTokens",
        "/v0/plans/plan_starterMonthly",
        "/v0/plans/plan_starterYearly",
    ] {
        api.get(path);
    }
    assert_eq!(api.get("/v0/prices/price_starterPlatform")["properties"]["unitPrice"], "49.90");
    assert_eq!(api.get("/v0/prices/price_starterTokens")["properties"]["unitPrice"], "0.002");
}

#[test]
fn the_first_call_of_a_key_can_subscribe() {
    let address = json!({ "country": "US", "state": "CA", "zipCode": "94105" });
    let wanted = json!({
        "name": "Ada", "planId": "plan_starterMonthly", "startedAt": "2028-01-31T00:00:00Z",
        "customer": { "name": "Ada", "email": "ada@example.com", "address": address },
    });
    let made = api().create("/v0/subscriptions", &wanted);
    assert_eq!(made["status"], "pending_payment");
    // 49.90 and 8.5 % of it: 4.2415.
    assert_eq!(made["payment"]["amount"], "54.14");
}

#[test]
fn the_empty_world_is_empty() {
    let api = api();
    reset(&api, "empty");
    for path in ["/v0/products", "/v0/prices", "/v0/plans", "/v0/fees?merchantId=org_a", "/v2/invoices"] {
        assert_eq!(api.rows(path), Vec::<Value>::new(), "{path}");
    }
    assert_eq!(api.events(), Vec::<Value>::new());
}

#[test]
fn the_documented_world_has_the_ids_of_the_guides() {
    let api = api();
    reset(&api, "documented");
    let plan = api.get("/v0/plans/plan_t9u0v1w2x3y4z5a6");
    assert_eq!(plan["merchantId"], "org_YS8jkP59V71TdUvj");
    let customer = api.get("/v0/customers/cus_q3r4s5t6u7v8w9x0");
    let wanted = json!({
        "name": "Image Generation", "planId": plan["id"], "customerId": customer["id"],
        "startedAt": "2028-01-10T08:00:00Z",
    });
    assert_eq!(api.create("/v0/subscriptions", &wanted)["planId"], "plan_t9u0v1w2x3y4z5a6");
}

#[test]
fn one_active_subscription_is_active_paid_and_can_be_charged() {
    let api = api();
    reset(&api, "one-active-subscription");
    let subscription = api.get("/v0/subscriptions/sub_example");
    assert_eq!((text(&subscription, "status"), text(&subscription, "customerId")), ("active", "cus_example"));
    let first = &api.invoices("sub_example")[0];
    assert_eq!((text(first, "status"), text(first, "grandTotal")), ("PAID", "54.14"));
    // One month and the grace window of its metered line.
    api.post("/_leapday/clock/advance", &json!({ "by": "P1M1D" })).expect(200);
    let next = &api.invoices("sub_example")[1];
    assert_eq!((text(next, "status"), text(next, "grandTotal")), ("PAID", "54.14"));
}

#[test]
fn a_reset_starts_anew_and_touches_no_other_key() {
    let api = api();
    let neighbour = api.with_key(&fresh_key());
    for api in [&api, &neighbour] {
        api.freeze("2030-01-01T00:00:00Z");
        api.product();
    }
    let answer = api.send("POST", "/_leapday/world/reset", &Value::Null).expect(200);
    assert_eq!(answer["world"], "starter", "the world that the sandbox starts from");
    assert_eq!((api.rows("/v0/products").len(), neighbour.rows("/v0/products").len()), (1, 2));
    assert_eq!(api.get("/_leapday/clock")["mode"], "flowing");
    assert_eq!(neighbour.get("/_leapday/clock")["now"], "2030-01-01T00:00:00Z");
}

#[test]
fn a_world_begins_at_an_instant_in_the_past_or_to_come() {
    let api = api();
    let year = |year: u16| format!("{year}-01-31T00:00:00Z");
    let begun = |at: &str| {
        api.post("/_leapday/world/reset", &json!({ "world": "one-active-subscription", "now": at })).expect(200);
        let subscription = api.get("/v0/subscriptions/sub_example");
        assert_eq!((text(&subscription, "status"), text(&subscription, "startedAt")), ("active", at));
        assert_eq!(text(&api.invoices("sub_example")[0], "periodStart"), at);
        let clock = api.get("/_leapday/clock");
        assert_eq!((text(&clock, "now"), text(&clock, "mode")), (at, "frozen"));
        api.get("/_leapday/world")["digest"].clone()
    };
    let past = begun(&year(2020));
    assert_ne!(begun(&year(2040)), past);
    assert_eq!(begun(&year(2020)), past, "the same every time");
    let events = api.get("/_leapday/events?limit=1000");
    let instants: Vec<&str> = events["events"].as_array().unwrap().iter().map(|event| text(event, "at")).collect();
    assert!(!instants.is_empty() && instants.iter().all(|at| *at == year(2020)), "{instants:?}");
    // A new key has the same choice.
    let key = fresh_key();
    let wanted = json!({ "key": key, "world": "one-active-subscription", "now": year(2020) });
    let made = api.post("/_leapday/worlds", &wanted).expect(201);
    assert_eq!((text(&made, "now"), text(&made, "mode")), (year(2020).as_str(), "frozen"));
    let told = api.with_key(&key).post("/_leapday/clock/advance", &json!({ "by": "P1M1D" })).expect(200);
    assert!(told["events"].as_array().unwrap().iter().any(|event| event["type"] == "invoice.paid.v0"), "{told:#}");
}

#[test]
fn no_clock_is_put_before_year_one() {
    let api = api();
    let (early, key) = ("0001-01-01T00:00:00+01:00", fresh_key());
    for (path, body) in [
        ("/_leapday/world/reset", json!({ "now": early })),
        ("/_leapday/worlds", json!({ "key": key, "now": early })),
        ("/_leapday/clock", json!({ "now": early })),
        ("/v0/testClocks", json!({ "currentTime": early })),
    ] {
        let answer = api.refuses("POST", path, &body, 400);
        assert!(answer.told().contains("is before 0001-01-01T00:00:00Z"), "{path}: {}", answer.told());
    }
    api.post("/_leapday/clock", &json!({ "now": "0001-01-01T00:00:00Z" })).expect(200);
    assert_eq!(api.create("/v0/testClocks", &json!({}))["currentTime"], "0001-01-01T00:00:00Z");
}

#[test]
fn an_unknown_world_is_refused_with_the_nearest_name() {
    let api = api();
    api.product();
    for (wrong, meant) in [("startr", "starter"), ("one_active_subscription", "one-active-subscription")] {
        let answer = api.refuses("POST", "/_leapday/world/reset", &json!({ "world": wrong }), 404);
        assert!(answer.told().contains(&format!("did you mean {meant:?}?")), "{}", answer.told());
    }
    let answer = api.refuses("POST", "/_leapday/world/reset", &json!({ "world": "/etc/passwd" }), 404);
    assert!(answer.told().contains("documented, empty, one-active-subscription, starter"), "{}", answer.told());
    api.refuses("POST", "/_leapday/world/reset", &json!({ "world": 1 }), 400);
}

#[test]
fn a_file_is_a_world_too() {
    let body = json!({ "merchantId": "org_mine", "name": "Mine", "description": "My own" });
    let world =
        json!({ "description": "Mine.", "paygentic": [{ "call": "createProduct", "id": "prod_mine", "body": body }] });
    let path = file("mine", &world.to_string());
    let sandbox = Sandbox::builder().strict(true).world(path.to_str().unwrap()).start().unwrap();
    std::fs::remove_file(&path).unwrap();
    let api = Api::at(sandbox.base_url(), &fresh_key());
    assert_eq!(api.get("/v0/products/prod_mine")["name"], "Mine");
    assert_eq!(api.rows("/v0/plans"), Vec::<Value>::new());
    // A reset without a name returns to it, though the file is gone.
    api.product();
    api.post("/_leapday/world/reset", &json!({})).expect(200);
    assert_eq!(api.rows("/v0/products").len(), 1);
}

#[test]
fn a_bad_world_refuses_the_start_and_says_why() {
    let told = refused("startr");
    assert!(told.contains("did you mean starter?") && told.contains("nor a readable file"), "{told}");
    let mine = json!({
        "call": "createProduct", "id": "prod_mine",
        "body": { "merchantId": "org_mine", "name": "Mine", "description": "My own" },
    });
    let product = |field: &str, value: Value| {
        let mut call = mine.clone();
        call[field] = value;
        json!({ "paygentic": [call] }).to_string()
    };
    for (name, content, teaches) in [
        ("not-json", "{ nothing".to_owned(), "not JSON"),
        ("no-call", product("call", json!("createProdct")), "createProduct"),
        ("bad-body", product("body", json!({ "merchantId": "org_mine", "name": 1 })), "/name type"),
        ("bad-id", product("id", json!("plan_mine")), "prod_"),
        ("taken-id", json!({ "paygentic": [mine, mine] }).to_string(), "Step 2"),
        ("no-list", json!({ "paygentic": {} }).to_string(), "list"),
        ("no-provider", json!({ "paygentik": [] }).to_string(), "paygentic"),
        ("no-object", json!([]).to_string(), "paygentic"),
    ] {
        let path = file(name, &content);
        let told = refused(path.to_str().unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(told.contains(teaches), "{name}: {told}");
    }
}
