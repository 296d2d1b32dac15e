//! Plans: their defaults, their lines, and who may still subscribe to them.

use serde_json::{Value, json};

use crate::support::{Api, api, text};

fn plan() -> Value {
    json!({ "name": "Team", "currency": "EUR", "merchantId": "org_leapday", "productId": "prod_starter" })
}

fn priced(prices: &Value) -> Value {
    let mut body = plan();
    body["prices"] = prices.clone();
    body
}

fn keys(plan: &Value) -> Vec<&str> {
    plan["prices"].as_array().unwrap().iter().map(|price| text(price, "key")).collect()
}

fn violation(api: &Api, body: &Value) -> String {
    let answer = api.post("/v0/plans", body);
    assert_eq!(answer.status, 400, "{body}: {:#}", answer.body);
    answer.header("leapday-violation").unwrap_or_default().to_owned()
}

#[test]
fn what_is_left_out_has_the_documented_defaults() {
    let api = api();
    let plan = api.create("/v0/plans", &plan());
    for (field, value) in [
        ("billingCadence", json!("P1M")),
        ("billingInterval", json!("monthly")),
        ("billingAnchor", Value::Null),
        ("billingVersion", json!(1)),
        ("defaultTaxCode", json!("eservice")),
        ("taxBehavior", json!("exclusive")),
        ("renewalReminderEnabled", json!(true)),
        ("renewalReminderDays", json!(3)),
        ("stablePriceIds", json!(true)),
        ("versionTransition", json!({ "effectiveDate": "end_of_current_period", "proration": "none" })),
        ("prices", json!([])),
        ("creditAllocations", json!([])),
    ] {
        assert_eq!(plan[field], value, "{field}");
    }
    assert_eq!(plan["defaultTaxRate"].as_f64(), Some(0.0));
    assert!(text(&plan, "defaultVersionId").starts_with("pver_"));
    assert_eq!(api.get(&format!("/v0/plans/{}", text(&plan, "id"))), plan);
}

#[test]
fn the_cadence_wins_over_the_older_interval() {
    let api = api();
    for (cadence, interval, expected) in [
        (json!("P3M"), json!("yearly"), ("P3M", "quarterly")),
        (Value::Null, json!("annual"), ("P1Y", "yearly")),
        (Value::Null, json!("quarterly"), ("P3M", "quarterly")),
    ] {
        let mut body = plan();
        body["billingInterval"] = interval;
        if !cadence.is_null() {
            body["billingCadence"] = cadence;
        }
        let plan = api.create("/v0/plans", &body);
        assert_eq!((text(&plan, "billingCadence"), text(&plan, "billingInterval")), expected);
    }
}

#[test]
fn lines_have_keys_of_their_own() {
    let api = api();
    let lines = json!(["price_starterPlatform", { "priceId": "price_starterTokens", "key": "line-1" }]);
    let plan = api.create("/v0/plans", &priced(&lines));
    assert_eq!(keys(&plan), ["line-2", "line-1"]);
    assert_eq!(plan["prices"][0]["currency"], "EUR");
    assert_eq!(plan["paymentTerm"], json!({ "in_advance": true, "in_arrears": true }));

    let path = format!("/v0/plans/{}", text(&plan, "id"));
    let swapped = json!({ "prices": ["price_starterTokens", "price_starterPlatformYearly"] });
    assert_eq!(keys(&api.patch(&path, &swapped).expect(200)), ["line-1", "line-2"]);

    let twice = json!(["price_starterTokens", { "priceId": "price_starterTokens" }]);
    assert!(violation(&api, &priced(&twice)).contains("/prices/1/priceId"));
    let same_key = json!([
        { "priceId": "price_starterTokens", "key": "a" },
        { "priceId": "price_starterPlatform", "key": "a" }
    ]);
    assert!(violation(&api, &priced(&same_key)).contains("/prices/1/key"));
    let answer =
        api.post("/v0/plans", &priced(&json!(["price_starterTokens", "price_no", { "priceId": "price_nor" }])));
    let told = answer.header("leapday-violation").unwrap().to_owned();
    assert!(told.contains("/prices/1 ") && told.contains("/prices/2/priceId"), "{told}");
    answer.expect(404);
}

#[test]
fn what_a_plan_may_not_say_is_named_by_field() {
    let api = api();
    let mut body = plan();
    body["currency"] = json!("ZZZ");
    body["billingAnchor"] = json!("9000-01-01T00:00:00Z");
    let told = violation(&api, &body);
    assert!(told.contains("/currency") && told.contains("ZZZ") && told.contains("/billingAnchor"), "{told}");
    let mut credits = plan();
    credits["creditAllocations"] = json!([{ "pricingUnitId": "pu_none", "amount": 5 }]);
    api.post("/v0/plans", &credits).expect(404);
    let mut stranger = plan();
    stranger["productId"] = json!("prod_nobody");
    api.post("/v0/plans", &stranger).expect(404);
}

#[test]
fn a_change_leaves_the_rest_alone() {
    let api = api();
    let path = "/v0/plans/plan_starterMonthly";
    let before = api.get(path);
    let changes = json!({
        "name": "Starter Plus", "defaultTaxRate": 19, "billingAnchor": "2020-01-31T00:00:00Z", "billingInterval": "annual"
    });
    let after = api.patch(path, &changes).expect(200);
    assert_eq!((text(&after, "name"), text(&after, "billingCadence")), ("Starter Plus", "P1Y"));
    assert_eq!(after["billingAnchor"], "2020-01-31T00:00:00Z");
    assert_eq!((&after["description"], &after["prices"]), (&before["description"], &before["prices"]));
    assert_eq!(api.patch(path, &json!({ "billingAnchor": null })).expect(200)["billingAnchor"], Value::Null);
    api.patch(path, &json!({ "prices": ["price_nobody"] })).expect(404);
}

#[test]
fn a_plan_has_one_page_of_its_own() {
    let api = api();
    api.create("/v0/plans", &plan());
    let page = api.get("/v0/plans?limit=1&offset=1&productId=prod_starter");
    assert_eq!((text(&page["data"][0], "id"), &page["pagination"]["total"]), ("plan_starterYearly", &json!(3)));
    assert_eq!(page.get("object"), None);
    assert_eq!(api.rows("/v0/plans?productId=prod_nobody"), Vec::<Value>::new());
    let answer = api.send("GET", "/v0/plans/available?customerId=cus_nobody", &Value::Null);
    assert!(answer.header("leapday-violation").unwrap().contains("customerId"));
    answer.expect(404);
}

#[test]
fn what_somebody_has_subscribed_to_is_neither_offered_again_nor_rewritten() {
    let api = api();
    let consumer = json!({ "name": "Ada", "email": "ada@example.com", "address": { "country": "US" } });
    let made = api.create("/v0/customers", &json!({ "merchantId": "org_leapday", "consumer": consumer }));
    let customer = text(&made, "customerId");
    let available = |more: &str| -> Vec<String> {
        let rows = api.rows(&format!("/v0/plans/available?customerId={customer}{more}"));
        rows.iter().map(|plan| text(plan, "name").to_owned()).collect()
    };
    let product = json!({ "merchantId": "org_leapday", "name": "Other", "description": "Another product" });
    let mut other = plan();
    other["productId"] = api.create("/v0/products", &product)["id"].clone();
    api.create("/v0/plans", &other);
    assert_eq!(available(""), ["Starter", "Starter, yearly", "Team"]);
    assert_eq!(available("&search=YEAR"), ["Starter, yearly"]);

    let now = api.get("/_leapday/clock")["now"].clone();
    let path = "/v0/plans/plan_starterMonthly";
    let subscription = json!({
        "name": "Ada, Starter", "planId": "plan_starterMonthly", "customerId": customer, "startedAt": now
    });
    let subscription = api.create("/v0/subscriptions", &subscription);
    // The yearly plan is one of the same product.
    assert_eq!(available(""), ["Team"]);
    let refusal = api.patch(path, &json!({ "prices": ["price_starterTokens"] })).expect(409);
    assert!(text(&refusal, "message").contains("mint a new version"));
    api.patch(path, &json!({ "prices": ["price_starterPlatform", "price_starterTokens"] })).expect(200);

    let termination = format!("/v0/subscriptions/{}/termination", text(&subscription, "id"));
    api.post(&termination, &json!({ "reason": "done" })).expect(200);
    assert_eq!(available(""), ["Starter", "Starter, yearly", "Team"]);
    api.patch(path, &json!({ "prices": ["price_starterTokens"] })).expect(409);
}

#[test]
fn an_id_of_another_form_is_refused_where_the_contract_names_a_400() {
    let api = api();
    for (path, told) in [
        ("/v0/plans/prod_1", "path id pattern"),
        ("/v0/plans/plan_a-b/versions", "path id pattern"),
        ("/v0/plans/plan_starterMonthly/versions/0", "path versionNumber minimum"),
        ("/v0/plans/plan_starterMonthly/versions/last", "path versionNumber type"),
        ("/v1/entitlements/ent_1/grants/1", "path grantId pattern"),
    ] {
        let refusal = api.refuses("GET", path, &Value::Null, 400);
        assert!(refusal.told().starts_with(told), "{path}: {}", refusal.told());
    }
    for path in ["/v0/plans/plan_nobody", "/v0/plans/plan_starterMonthly/versions/9", "/v0/customers/prod_1"] {
        api.refuses("GET", path, &Value::Null, 404);
    }
}
