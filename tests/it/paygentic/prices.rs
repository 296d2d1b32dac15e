//! Prices: what they may say, how they read back, when they go.

use serde_json::{Value, json};

use crate::support::{Api, api, text};

fn fee_price() -> Value {
    json!({
        "invoiceDisplayName": "Seats",
        "feeId": "fee_starterPlatform",
        "paymentTerm": "in_advance",
        "billingCadence": "P12M",
        "quantity": 3,
        "properties": { "unitPrice": "010.500" }
    })
}

fn metered_price() -> Value {
    json!({
        "invoiceDisplayName": "Tokens",
        "billableMetricId": "bm_starterTokens",
        "model": "standard",
        "paymentTerm": "in_advance",
        "properties": { "unitPrice": "0.00002" }
    })
}

fn with(mut body: Value, changes: &Value) -> Value {
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    body
}

#[test]
fn a_price_reads_back_as_it_was_written() {
    let api = api();
    let price = api.create("/v0/prices", &fee_price());
    for (field, value) in [
        ("merchantId", json!("org_leapday")),
        ("model", json!("standard")),
        ("billingCadence", json!("P12M")),
        ("quantity", json!(3)),
        ("properties", json!({ "unitPrice": "010.500" })),
        ("tax", json!({ "supplyScope": "IN_SCOPE" })),
        ("rateType", json!("amount")),
        ("features", json!([])),
        ("invoiceDisplayGroup", Value::Null),
    ] {
        assert_eq!(price[field], value, "{field}");
    }
    assert_eq!(price.get("billableMetricId"), None);
    let path = format!("/v0/prices/{}", text(&price, "id"));
    assert_eq!(api.get(&path), price);
    let metered = api.create("/v0/prices", &metered_price());
    assert_eq!((&metered["paymentTerm"], &metered["billingCadence"]), (&json!("in_advance"), &Value::Null));
    assert_eq!(metered["quantity"], 1);
}

#[test]
fn what_a_price_may_not_say_is_named_by_field() {
    let api = api();
    let refused = [
        (with(fee_price(), &json!({ "billingCadence": null })), "/billingCadence"),
        (with(fee_price(), &json!({ "billingCadence": "P99999999999Y" })), "/billingCadence"),
        (with(fee_price(), &json!({ "grantDiscountEnabled": true })), "/grantDiscountEnabled"),
        (with(fee_price(), &json!({ "rateType": "proportion" })), "/rateType"),
        (with(fee_price(), &json!({ "properties": { "unitPrice": "-1" } })), "/properties/unitPrice"),
        (with(fee_price(), &json!({ "tax": { "supplyScope": "OUTSIDE_SCOPE" } })), "/tax/outsideScopeLabel"),
        (with(metered_price(), &json!({ "model": "percentage" })), "/model"),
        (with(metered_price(), &json!({ "isObligation": true })), "/isObligation"),
        (with(metered_price(), &json!({ "quantity": 2 })), "/quantity"),
        (with(metered_price(), &json!({ "properties": { "unitPrice": "1e3" } })), "/properties/unitPrice"),
    ];
    for (body, pointer) in refused {
        let answer = api.post("/v0/prices", &body);
        assert_eq!(answer.status, 400, "{body}");
        let violation = answer.header("leapday-violation").unwrap_or_default();
        assert!(violation.contains(pointer), "{pointer} is not in {violation:?}");
    }
    for (field, value) in
        [("feeId", "fee_nobody"), ("feature", r#"{"featureId":"feat_none"}"#), ("pricingUnitId", "pu_none")]
    {
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        api.post("/v0/prices", &with(fee_price(), &json!({ field: value }))).expect(404);
    }
    let both = with(fee_price(), &json!({ "billableMetricId": "bm_starterTokens", "model": "standard" }));
    api.post("/v0/prices", &both).expect(400);
}

#[test]
fn cashback_is_outside_the_scope_of_tax() {
    let api = api();
    let tax = json!({ "supplyScope": "OUTSIDE_SCOPE", "outsideScopeLabel": "CASHBACK" });
    let cashback = with(metered_price(), &json!({ "tax": tax, "properties": { "unitPrice": "-0.01" } }));
    let price = api.create("/v0/prices", &cashback);
    assert_eq!(price["tax"], tax);
    let path = format!("/v0/prices/{}", text(&price, "id"));
    let answer = api.patch(&path, &json!({ "properties": { "unitPrice": "0.01" } }));
    assert!(answer.header("leapday-violation").unwrap().contains("/properties/unitPrice"));
    let taxed = api.patch(&path, &json!({ "tax": { "supplyScope": "IN_SCOPE" } })).expect(200);
    assert_eq!(taxed["tax"], json!({ "supplyScope": "IN_SCOPE" }));
}

#[test]
fn a_change_is_checked_on_its_result() {
    let api = api();
    let price = api.create("/v0/prices", &metered_price());
    let path = format!("/v0/prices/{}", text(&price, "id"));
    let tiers = json!([{ "upTo": "100", "unitPrice": "5" }, { "upTo": null, "unitPrice": "3" }]);
    api.patch(&path, &json!({ "properties": { "tiers": tiers } })).expect(400);
    api.patch(&path, &json!({ "model": "volume" })).expect(400);
    let volume = api.patch(&path, &json!({ "model": "volume", "properties": { "tiers": tiers } })).expect(200);
    assert_eq!((&volume["model"], &volume["properties"]["tiers"]), (&json!("volume"), &tiers));
    api.patch(&path, &json!({ "grantDiscountEnabled": true })).expect(400);
    assert_eq!(api.get(&path), volume);
    let cadence = api.patch(&path, &json!({ "billingCadence": "P1M", "invoiceDisplayGroup": "Usage" })).expect(200);
    assert_eq!(cadence["billingCadence"], "P1M");
    let cleared =
        api.patch(&path, &json!({ "billingCadence": null, "feature": null, "pricingUnitId": null })).expect(200);
    assert_eq!((&cleared["billingCadence"], &cleared["invoiceDisplayGroup"]), (&Value::Null, &json!("Usage")));
    let fee = "/v0/prices/price_starterPlatform";
    api.patch(fee, &json!({ "billingCadence": null })).expect(400);
    api.patch(fee, &json!({ "billableMetricId": "bm_starterTokens" })).expect(400);
}

#[test]
fn lists_go_by_metric_and_merchant() {
    let api = api();
    let ids = |path: &str| -> Vec<String> { api.rows(path).iter().map(|price| text(price, "id").to_owned()).collect() };
    assert_eq!(ids("/v0/prices?billableMetricId=bm_starterTokens"), ["price_starterTokens"]);
    assert_eq!(ids("/v0/prices?billableMetricId=bm_nobody"), Vec::<String>::new());
    assert_eq!(ids("/v0/prices?merchantId=org_anybody"), ids("/v0/prices"));
}

#[test]
fn a_price_that_a_plan_refers_to_stays() {
    let api = api();
    let refusal = api.delete("/v0/prices/price_starterTokens").expect(409);
    let blocker = &refusal["details"]["blockers"][0];
    assert_eq!((&blocker["type"], &blocker["count"]), (&json!("plans"), &json!(2)));
    let first = json!({ "id": "plan_starterMonthly", "name": "Starter", "versionNumbers": [1] });
    assert_eq!(blocker["items"][0], first);
    let price = api.create("/v0/prices", &fee_price());
    let path = format!("/v0/prices/{}", text(&price, "id"));
    assert_eq!(api.delete(&path).status, 204);
    api.delete(&path).expect(404);
}

#[test]
fn a_change_leaves_the_open_period_as_it_was() {
    let api = api();
    let consumer = json!({ "name": "Ada", "email": "ada@example.com", "address": { "country": "US" } });
    let customer = api.create("/v0/customers", &json!({ "merchantId": "org_leapday", "consumer": consumer }));
    let usage = json!({
        "merchantId": "org_leapday", "productId": "prod_starter", "name": "Usage", "currency": "USD",
        "prices": ["price_starterTokens"]
    });
    let plan = api.create("/v0/plans", &usage);
    let now = api.get("/_leapday/clock")["now"].clone();
    let subscription = json!({
        "name": "Ada", "planId": plan["id"], "customerId": customer["customerId"], "startedAt": now
    });
    let subscription = api.create("/v0/subscriptions", &subscription);
    let path = "/v0/prices/price_starterTokens";
    api.patch(path, &json!({ "properties": { "unitPrice": "1" } })).expect(200);
    api.post("/_leapday/clock/advance", &json!({ "by": "P1M" })).expect(200);
    let lines = api.rows(&format!("/v2/invoices/lineItems?subscriptionId={}", text(&subscription, "id")));
    let rates: Vec<&str> = lines.iter().map(|line| text(line, "unitPrice")).collect();
    assert_eq!(rates, ["0.002", "1.00"]);
}

/// A subscriber of 10 a month in arrears on a clock at 10 February.
fn charged(api: &Api) -> (String, String, String) {
    api.freeze("2028-02-01T00:00:00Z");
    let product = api.product();
    let price = api.fee_price(&product, "10", "P1M", "in_arrears", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let customer = api.customer("ada@example.com");
    let clock = api.clock("2028-02-01T00:00:00Z");
    let made = api.subscribe(&plan, &customer, &clock, "2028-02-01T00:00:00Z", json!({}));
    api.advance_to(&clock, "2028-02-10T00:00:00Z");
    (price, clock, text(&made, "id").to_owned())
}

fn totals(api: &Api, subscription: &str) -> Vec<(String, String)> {
    let invoices = api.invoices(subscription);
    let issued = invoices.iter().filter(|invoice| invoice["issuedAt"].is_string());
    issued.map(|invoice| (text(invoice, "issuedAt").to_owned(), text(invoice, "subtotal").to_owned())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn an_open_period_keeps_the_amount_that_it_began_with() {
    let api = api();
    let (price, clock, subscription) = charged(&api);
    let path = format!("/v0/prices/{price}");
    api.patch(&path, &json!({ "properties": { "unitPrice": "12" }, "invoiceDisplayName": "Dearer" })).expect(200);
    api.advance_to(&clock, "2028-04-01T00:00:00Z");
    let expected = pairs(&[("2028-03-01T00:00:00Z", "10.00"), ("2028-04-01T00:00:00Z", "12.00")]);
    assert_eq!(totals(&api, &subscription), expected);
    let invoices = api.invoices(&subscription);
    let names: Vec<String> =
        invoices[..2].iter().map(|invoice| text(&api.lines(invoice)[0], "invoiceDisplayName").to_owned()).collect();
    assert_eq!(names, ["Fee 10", "Dearer"]);
}

#[test]
fn a_payment_term_turns_at_once() {
    let api = api();
    let (price, clock, subscription) = charged(&api);
    let path = format!("/v0/prices/{price}");
    api.patch(&path, &json!({ "paymentTerm": "in_advance" })).expect(200);
    // February is due now, March when it begins.
    assert_eq!(totals(&api, &subscription), pairs(&[("2028-02-10T00:00:00Z", "10.00")]));
    api.advance_to(&clock, "2028-03-05T00:00:00Z");
    api.patch(&path, &json!({ "paymentTerm": "in_arrears" })).expect(200);
    // March is paid for: April is the next that is owed, at its end.
    api.advance_to(&clock, "2028-05-01T00:00:00Z");
    let expected = pairs(&[
        ("2028-02-10T00:00:00Z", "10.00"),
        ("2028-03-01T00:00:00Z", "10.00"),
        ("2028-05-01T00:00:00Z", "10.00"),
    ]);
    assert_eq!(totals(&api, &subscription), expected);
}

#[test]
fn how_often_somebody_is_charged_was_agreed_with_them() {
    let api = api();
    let (price, clock, subscription) = charged(&api);
    api.patch(&format!("/v0/prices/{price}"), &json!({ "billingCadence": "P1Y" })).expect(200);
    api.advance_to(&clock, "2028-04-01T00:00:00Z");
    assert_eq!(totals(&api, &subscription).len(), 2);
}

#[test]
fn what_a_subscription_bills_directly_keeps_its_structure() {
    let api = api();
    let (_, _, subscription) = charged(&api);
    let own = api.fee_price(&api.product(), "5", "P1M", "in_arrears", json!({}));
    let add = json!({
        "priceKey": "support", "priceId": own, "unitPrice": null, "baseQuantity": "1", "billingCadence": "P1M",
        "billingMode": "arrears", "startDate": "2028-02-10T00:00:00Z",
    });
    api.post(&format!("/v0/subscriptions/{subscription}/intervals"), &json!({ "add": [add] })).expect(200);
    let path = format!("/v0/prices/{own}");
    let wanted = json!({ "paymentTerm": "in_advance", "billingCadence": "P1Y" });
    let refusal = api.refuses("PATCH", &path, &wanted, 409).body;
    let details = json!({ "priceId": own, "fields": ["paymentTerm", "billingCadence"], "subscriptionCount": 1 });
    assert_eq!((&refusal["code"], &refusal["details"]), (&json!("PRICE_BILLED_DIRECTLY"), &details));
    api.patch(&path, &json!({ "properties": { "unitPrice": "6" } })).expect(200);
}
