//! Entitlements: what customers have, and what allowances make of an invoice (facts: paygentic-behaviour §2.10, §2.4,
//! §2.7).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const START: &str = "2028-01-01T00:00:00Z";

/// A shop that sells calls at 0.50 USD, of which a feature may give some.
struct Shop {
    api: Api,
    product: String,
    calls: String,
    price: String,
    customer: String,
    clock: String,
}

fn shop() -> Shop {
    let api = api();
    let product = api.product();
    let calls = api.feature(&product, "calls", "metered");
    let (_, price) = api.usage_price(&product, "calls", "SUM", json!({ "unitPrice": "0.5" }));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
    Shop { api, product, calls, price, customer, clock }
}

impl Shop {
    /// A subscription to the price with a template.
    fn subscribe(&self, template: Value) -> String {
        self.api.attach(&self.price, &self.calls, template);
        let plan = self.api.plan(&self.product, &[&self.price], json!({}));
        let subscription = self.api.subscribe(&plan, &self.customer, &self.clock, START, json!({}));
        assert_eq!(subscription["status"], "active");
        text(&subscription, "id").to_owned()
    }

    fn all(&self, more: &str) -> Vec<Value> {
        self.api.rows(&format!("/v1/entitlements?customerId={}{more}", self.customer))
    }

    fn only(&self, more: &str) -> Value {
        let mut all = self.all(more);
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    /// Balance, usage, overage and access.
    fn stands(&self, more: &str) -> Value {
        let row = self.only(more);
        json!([row["balance"], row["usageInPeriod"], row["overage"], row["hasAccess"]])
    }

    fn uses(&self, n: f64, at: &str) {
        self.api.usage("calls", &self.customer, n, at);
    }

    fn issue(&self, feature: &str, template: Value, more: Value) -> Value {
        let mut body = json!({ "customerId": self.customer, "featureId": feature, "template": template });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }
}

fn monthly(issue: u32, soft: bool) -> Value {
    json!({ "usagePeriod": { "interval": "P1M" }, "issueAfterReset": issue, "isSoftLimit": soft })
}

#[test]
fn a_subscription_brings_the_features_of_its_prices() {
    let shop = shop();
    let (sso, seats) =
        (shop.api.feature(&shop.product, "sso", "boolean"), shop.api.feature(&shop.product, "seats", "static"));
    let with = |id: &str, template: Value| json!({ "feature": { "featureId": id, "entitlementTemplate": template } });
    let base = shop.api.fee_price(&shop.product, "10", "P1M", "in_advance", with(&sso, json!({})));
    let extra =
        shop.api.fee_price(&shop.product, "5", "P1M", "in_advance", with(&seats, json!({ "config": { "seats": 25 } })));
    // The fee says what is included, the metered price what more of it costs.
    shop.api.attach(&shop.price, &shop.calls, Value::Null);
    let included = shop.api.fee_price(&shop.product, "1", "P1M", "in_advance", with(&shop.calls, monthly(100, true)));
    let plan = shop.api.plan(&shop.product, &[&base, &extra, &shop.price, &included], json!({}));
    let subscription = shop.api.subscribe(&plan, &shop.customer, &shop.clock, START, json!({}));
    assert_eq!(shop.all(""), Vec::<Value>::new(), "nothing before it is paid");
    shop.api.pay(&subscription);

    let all = shop.all("");
    assert_eq!(texts(&all, "featureKey"), ["sso", "seats", "calls"]);
    assert_eq!(texts(&all, "featureType"), ["boolean", "static", "metered"]);
    for row in &all {
        assert_eq!((&row["subscriptionId"], &row["status"]), (&subscription["id"], &json!("active")));
        assert_eq!(
            (&row["hasAccess"], &row["activeFrom"], &row["activeTo"]),
            (&json!(true), &json!(START), &Value::Null)
        );
        assert_eq!((row.get("id"), row.get("object")), (None, None));
        let detail = shop.api.get(&format!("/v1/entitlements/{}", text(row, "entitlementId")));
        assert_eq!((&detail["id"], &detail["object"]), (&row["entitlementId"], &json!("entitlement")));
        assert_eq!(detail.get("entitlementId"), None);
        assert_eq!((&detail["productId"], &detail["config"]), (&json!(shop.product), &row["config"]));
    }
    assert_eq!((&all[0]["config"], &all[1]["config"]), (&Value::Null, &json!({ "seats": 25 })));
    assert_eq!(all[0].get("balance"), None);
    shop.uses(30.0, "2028-01-01T00:00:00Z");
    assert_eq!((&shop.all("")[2]["balance"], &shop.all("")[2]["usageInPeriod"]), (&json!(70), &json!(30)));

    let path = format!("/v0/subscriptions/{}/termination", text(&subscription, "id"));
    shop.api.advance(&shop.clock, "P3D");
    shop.api.post(&path, &json!({ "reason": "Enough" })).expect(200);
    for row in shop.all("") {
        assert_eq!((&row["status"], &row["hasAccess"]), (&json!("canceled"), &json!(false)));
        assert_eq!(row["activeTo"], "2028-01-04T00:00:00Z");
    }
    // What was is not changed by what is.
    assert!(shop.all("&at=2028-01-03T00:00:00Z").iter().all(|row| row["status"] == "active"));
}

#[test]
fn an_allowance_is_used_up_reset_and_carried_at_any_instant() {
    let shop = shop();
    let mut template = monthly(1_000, false);
    template["resetMaxRollover"] = json!(200);
    template["resetMinRollover"] = json!(50);
    shop.subscribe(template);
    shop.uses(700.0, "2028-01-10T00:00:00Z");
    shop.uses(1_200.0, "2028-02-10T00:00:00Z");
    assert_eq!(shop.stands(""), json!([1_000, 0, 0, true]));
    assert_eq!(shop.stands("&at=2028-01-09T23:59:59.999Z"), json!([1_000, 0, 0, true]));
    assert_eq!(shop.stands("&at=2028-01-10T00:00:00Z"), json!([300, 700, 0, true]), "an event counts at its instant");
    let february = shop.only("&at=2028-02-01T00:00:00Z");
    assert_eq!((&february["balance"], &february["usageInPeriod"]), (&json!(1_200), &json!(0)));
    assert_eq!(february["currentPeriodStart"], "2028-02-01T00:00:00Z");
    assert_eq!(february["currentPeriodEnd"], "2028-03-01T00:00:00Z");
    assert_eq!(shop.stands("&at=2028-02-20T00:00:00Z"), json!([0, 1_200, 0, false]), "nothing is left: no access");
    assert_eq!(shop.stands("&at=2028-03-01T00:00:00Z"), json!([1_050, 0, 0, true]), "the least that is carried");
    // A late event counts as if it had come in time.
    shop.uses(0.5, "2028-01-05T00:00:00Z");
    assert_eq!(shop.stands("&at=2028-01-20T00:00:00Z"), json!([299.5, 700.5, 0, true]));
    shop.uses(200.0, "2028-01-06T00:00:00Z");
    assert_eq!(shop.stands("&at=2028-02-20T00:00:00Z"), json!([0, 1_200, 100.5, false]));
    // The clock that counts is that of the subscription.
    shop.api.advance_to(&shop.clock, "2028-02-20T00:00:00Z");
    assert_eq!(shop.stands(""), json!([0, 1_200, 100.5, false]));
}

#[test]
fn overage_is_kept_where_the_template_says_so() {
    let shop = shop();
    let mut template = monthly(100, true);
    template["preserveOverageAtReset"] = json!(true);
    shop.subscribe(template);
    shop.uses(130.0, "2028-01-10T00:00:00Z");
    assert_eq!(shop.stands("&at=2028-01-20T00:00:00Z"), json!([0, 130, 30, true]));
    assert_eq!(shop.stands("&at=2028-02-20T00:00:00Z"), json!([70, 0, 0, true]));
    assert_eq!(shop.stands("&at=2028-03-20T00:00:00Z"), json!([100, 0, 0, true]));
}

#[test]
fn without_a_usage_period_units_are_issued_once() {
    let shop = shop();
    shop.subscribe(json!({ "issueAfterReset": 10 }));
    shop.uses(4.0, "2028-01-10T00:00:00Z");
    let row = shop.only("&at=2029-06-01T00:00:00Z");
    assert_eq!((&row["balance"], &row["usageInPeriod"]), (&json!(6), &json!(4)));
    assert_eq!((&row["currentPeriodStart"], &row["currentPeriodEnd"]), (&Value::Null, &Value::Null));
}

/// Quantity, used quantity and net of the first full month's lines, by type, and what the invoice comes to.
fn january(shop: &Shop, subscription: &str) -> (Vec<Value>, Value) {
    shop.api.advance_to(&shop.clock, "2028-02-02T00:00:00Z");
    let invoice = shop.api.invoices(subscription).remove(0);
    assert_eq!(invoice["periodEnd"], "2028-02-01T00:00:00Z");
    let path = format!("/v2/invoices/lineItems?invoiceId={}", text(&invoice, "id"));
    let rows = shop.api.rows(&path);
    let told = rows.iter().map(|row| json!([row["type"], row["quantity"], row["meteredQuantity"], row["total"]]));
    (told.collect(), invoice["grandTotal"].clone())
}

#[test]
fn what_goes_beyond_a_soft_limit_is_charged() {
    let shop = shop();
    let id = shop.subscribe(monthly(100, true));
    shop.uses(130.0, "2028-01-10T00:00:00Z");
    // An event that comes in the grace window counts too.
    shop.api.advance_to(&shop.clock, "2028-02-01T12:00:00Z");
    shop.uses(5.0, "2028-01-31T00:00:00Z");
    let (lines, total) = january(&shop, &id);
    assert_eq!(lines, [json!(["metered", "35", "135", "17.50"])]);
    assert_eq!(total, "17.50");
}

#[test]
fn nothing_beyond_a_hard_limit_is_charged() {
    let shop = shop();
    let id = shop.subscribe(monthly(100, false));
    shop.uses(130.0, "2028-01-10T00:00:00Z");
    let (lines, total) = january(&shop, &id);
    assert_eq!(lines, [json!(["metered", "0", "130", "0.00"])]);
    assert_eq!(total, "0.00");
}

#[test]
fn a_feature_without_an_allowance_is_charged_from_the_first_unit() {
    let shop = shop();
    let id = shop.subscribe(Value::Null);
    shop.uses(3.0, "2028-01-10T00:00:00Z");
    assert_eq!(shop.stands("&at=2028-01-20T00:00:00Z"), json!([0, 3, 3, true]));
    let (lines, total) = january(&shop, &id);
    assert_eq!(lines, [json!(["metered", "3", "3", "1.50"])]);
    assert_eq!(total, "1.50");
}

#[test]
fn a_discount_line_shows_what_grants_cover() {
    for (soft, charge, total) in [(true, ["130", "65.00"], "16.28"), (false, ["100", "50.00"], "0.00")] {
        let shop = shop();
        shop.api.patch(&format!("/v0/prices/{}", shop.price), &json!({ "grantDiscountEnabled": true })).expect(200);
        shop.api.attach(&shop.price, &shop.calls, monthly(100, soft));
        let plan = shop.api.plan(&shop.product, &[&shop.price], json!({ "defaultTaxRate": 8.5 }));
        let subscription = shop.api.subscribe(&plan, &shop.customer, &shop.clock, START, json!({}));
        let id = text(&subscription, "id");
        shop.uses(130.0, "2028-01-10T00:00:00Z");
        let (pending, before) = (shop.api.invoices(id).remove(0), shop.api.lines(&shop.api.invoices(id)[0]));
        shop.api.advance_to(&shop.clock, "2028-02-02T00:00:00Z");
        let invoice = shop.api.invoices(id).remove(0);
        let lines = shop.api.lines(&invoice);
        assert_eq!(before, lines, "an estimate is what will be");
        assert_eq!((&invoice["grandTotal"], &pending["grandTotal"]), (&json!(total), &json!(total)));
        assert_eq!(texts(&lines, "eventType"), ["usage", "discount"]);
        assert_eq!(
            (lines[0]["quantity"].to_string(), text(&lines[0], "totalPrice")),
            (charge[0].to_owned() + ".0", charge[1])
        );
        assert_eq!(lines[1]["quantity"], 100.0);
        assert_eq!((text(&lines[1], "unitPrice"), text(&lines[1], "totalPrice")), ("-0.50", "-50.00"));
        assert_eq!((text(&lines[1], "totalTax"), text(&lines[1], "totalAmount")), ("-4.25", "-54.25"));
        let ledger = shop.api.rows(&format!("/v2/invoices/lineItems?invoiceId={}", text(&invoice, "id")));
        assert_eq!(texts(&ledger, "type"), ["metered", "discount"]);
        assert_eq!((&ledger[0]["meteredQuantity"], &ledger[1]["meteredQuantity"]), (&json!("130"), &Value::Null));
    }
}

#[test]
fn two_metrics_share_an_allowance_and_one_price_may_stay_outside() {
    let shop = shop();
    let (_, jobs) = shop.api.usage_price(&shop.product, "jobs", "SUM", json!({ "unitPrice": "2" }));
    let (_, raw) = shop.api.usage_price(&shop.product, "calls", "SUM", json!({ "unitPrice": "0.001" }));
    shop.api.attach(&shop.price, &shop.calls, monthly(100, true));
    shop.api.attach(&jobs, &shop.calls, Value::Null);
    let plan = shop.api.plan(&shop.product, &[&shop.price, &jobs, &raw], json!({}));
    let subscription = shop.api.subscribe(&plan, &shop.customer, &shop.clock, START, json!({}));
    shop.uses(90.0, "2028-01-10T00:00:00Z");
    shop.api.usage("jobs", &shop.customer, 15.0, "2028-01-10T00:00:00Z");
    assert_eq!(shop.stands("&at=2028-01-20T00:00:00Z"), json!([0, 105, 5, true]));
    let (lines, total) = january(&shop, text(&subscription, "id"));
    let charged = [["0", "90", "0.00"], ["5", "15", "10.00"]];
    let charged = charged.map(|[quantity, used, total]| json!(["metered", quantity, used, total]));
    assert_eq!(lines[..2], charged);
    // Another metric on the same events without a feature: all of it is charged.
    assert_eq!(lines[2], json!(["metered", "90", "90", "0.09"]));
    assert_eq!(total, "10.09");
}

#[test]
fn an_entitlement_is_issued_by_hand() {
    let shop = shop();
    shop.api.freeze("2028-01-15T00:00:00Z");
    let sso = shop.api.feature(&shop.product, "sso", "boolean");
    let timed = json!({
        "activeFrom": "2028-01-01T00:00:00Z", "activeTo": "2028-02-01T00:00:00Z", "metadata": { "by": "hand" },
    });
    let body = shop.issue(&sso, json!({ "type": "boolean" }), timed);
    let made = shop.api.create("/v1/entitlements", &body);
    let path = format!("/v1/entitlements/{}", text(&made, "id"));
    assert_eq!((&made["status"], &made["hasAccess"]), (&json!("active"), &json!(true)));
    assert_eq!((&made["metadata"]["by"], &made["subscriptionId"]), (&json!("hand"), &Value::Null));
    assert_eq!(shop.api.get(&path), made);
    let at = |instant: &str| shop.api.get(&format!("{path}?at={instant}"));
    assert_eq!(at("2027-12-31T23:59:59Z")["hasAccess"], false);
    assert_eq!(at("2028-01-31T23:59:59Z")["hasAccess"], true);
    let expired = at("2028-02-01T00:00:00Z");
    assert_eq!((&expired["status"], &expired["hasAccess"]), (&json!("expired"), &json!(false)));

    // Once at a time; the next one may begin where the first ends.
    api_conflict(&shop.api, &body);
    let next = shop.issue(&sso, json!({ "type": "boolean" }), json!({ "activeFrom": "2028-02-01T00:00:00Z" }));
    shop.api.create("/v1/entitlements", &next);
    assert_eq!(shop.all("").len(), 2);

    // A metered one runs from its own start, on the usage of whatever carries the feature.
    shop.api.attach(&shop.price, &shop.calls, Value::Null);
    let template = json!({ "type": "metered", "usagePeriod": { "interval": "P7D" }, "issueAfterReset": 10 });
    let metered = shop.api.create("/v1/entitlements", &shop.issue(&shop.calls, template, json!({})));
    shop.uses(4.0, "2028-01-16T00:00:00Z");
    let path = format!("/v1/entitlements/{}?at=2028-01-21T00:00:00Z", text(&metered, "id"));
    let standing = shop.api.get(&path);
    assert_eq!((&standing["balance"], &standing["usageInPeriod"]), (&json!(6), &json!(4)));
    assert_eq!(standing["currentPeriodEnd"], "2028-01-22T00:00:00Z");
    // An active one keeps its customer.
    let refusal = shop.api.refuses("DELETE", &format!("/v0/customers/{}", shop.customer), &Value::Null, 409).body;
    assert_eq!(refusal["details"]["blockers"][0]["type"], "entitlements");
    assert_eq!(refusal["details"]["blockers"][0]["count"], 3);
}

fn api_conflict(api: &Api, body: &Value) {
    assert_eq!(api.refuses("POST", "/v1/entitlements", body, 409).body["error"], "conflict");
}

#[test]
fn a_list_is_of_one_customer_and_narrowed_by_feature_and_subscription() {
    let shop = shop();
    let id = shop.subscribe(monthly(100, true));
    let sso = shop.api.feature(&shop.product, "sso", "boolean");
    shop.api.create("/v1/entitlements", &shop.issue(&sso, json!({ "type": "boolean" }), json!({})));
    let keys = |more: &str| texts(&shop.all(more), "featureKey").into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(keys(""), ["calls", "sso"]);
    assert_eq!(keys(&format!("&productId={}&featureKey=sso", shop.product)), ["sso"]);
    assert_eq!(keys("&productId=prod_starter"), Vec::<String>::new());
    assert_eq!(keys(&format!("&subscriptionId={id}")), ["calls"]);
    assert_eq!(keys("&subscriptionId=sub_nobody"), Vec::<String>::new());
    assert_eq!(keys(&format!("&merchantId={MERCHANT}")), ["calls", "sso"]);

    let path = format!("/v0/customers/{}", shop.customer);
    shop.api.patch(&path, &json!({ "externalId": "crm/7" })).expect(200);
    let external = shop.api.rows("/v1/entitlements?externalCustomerId=crm%2F7");
    assert_eq!(texts(&external, "featureKey"), ["calls", "sso"]);
    for (query, status) in [
        (String::new(), 400),
        (format!("customerId={}&externalCustomerId=crm%2F7", shop.customer), 400),
        (format!("customerId={}&featureKey=sso", shop.customer), 400),
        (format!("customerId={}&at=tomorrow", shop.customer), 400),
        (format!("customerId={}&at=4000-01-01T00:00:00Z", shop.customer), 200),
        (format!("customerId={}&at=9000-01-01T00:00:00Z", shop.customer), 400),
        ("customerId=cus_nobody".to_owned(), 404),
        (format!("customerId={}&merchantId=org_other", shop.customer), 404),
        ("externalCustomerId=crm%2F8".to_owned(), 404),
    ] {
        let answer = shop.api.send("GET", &format!("/v1/entitlements?{query}"), &Value::Null);
        assert_eq!(answer.status, status, "{query}: {:#}", answer.body);
    }
}

#[test]
fn what_cannot_be_issued_is_told_and_changes_nothing() {
    let shop = shop();
    let id = shop.subscribe(monthly(100, true));
    let (sso, other) = (shop.api.feature(&shop.product, "sso", "boolean"), shop.api.customer("kim@example.com"));
    let boolean = || json!({ "type": "boolean" });
    let no_one = |field: &str| {
        let mut body = shop.issue(&sso, boolean(), json!({}));
        body[field] = json!(format!("{}nobody", if field == "customerId" { "cus_" } else { "feat_" }));
        body
    };
    let daily = json!({ "type": "metered", "usagePeriod": { "interval": "PT1H" } });
    let backwards = json!({ "activeFrom": "2028-02-01T00:00:00Z", "activeTo": "2028-02-01T00:00:00Z" });
    let mut of_other = shop.issue(&sso, boolean(), json!({ "subscriptionId": id }));
    of_other["customerId"] = json!(other);
    for (body, status, told) in [
        (no_one("customerId"), 404, "/customerId reference"),
        (no_one("featureId"), 404, "/featureId reference"),
        (shop.issue(&sso, boolean(), json!({ "subscriptionId": "sub_nobody" })), 404, "/subscriptionId reference"),
        (of_other, 400, "/subscriptionId const"),
        (shop.issue(&sso, json!({ "type": "static", "config": {} }), json!({})), 400, "/template/type const"),
        (shop.issue(&shop.calls, daily, json!({})), 400, "/template/usagePeriod/interval minimum"),
        (shop.issue(&sso, boolean(), backwards), 400, "/activeTo minimum"),
        (shop.issue(&sso, json!({}), json!({})), 400, "/template/type required"),
    ] {
        let refusal = shop.api.refuses("POST", "/v1/entitlements", &body, status);
        assert!(refusal.told().starts_with(told), "{told}: {}", refusal.told());
    }
    api_conflict(&shop.api, &shop.issue(&shop.calls, json!({ "type": "metered" }), json!({ "subscriptionId": id })));
    shop.api.post(&format!("/v0/subscriptions/{id}/termination"), &json!({ "reason": "Over" })).expect(200);
    let late = shop.issue(&sso, boolean(), json!({ "subscriptionId": id }));
    assert!(shop.api.refuses("POST", "/v1/entitlements", &late, 400).told().starts_with("/subscriptionId status"));
    shop.api.refuses("GET", "/v1/entitlements/ent_nobody", &Value::Null, 404);

    let daily = json!({ "type": "metered", "usagePeriod": { "interval": "P1D" } });
    let entitlement = shop.api.create("/v1/entitlements", &shop.issue(&shop.calls, daily, json!({})));
    let path = format!("/v1/entitlements/{}?at=9000-01-01T00:00:00Z", text(&entitlement, "id"));
    assert!(shop.api.refuses("GET", &path, &Value::Null, 400).told().starts_with("query at maximum"));
}

#[test]
fn reconciling_brings_what_prices_carry_by_now() {
    let shop = shop();
    let fee = shop.api.fee_price(&shop.product, "0", "P1M", "in_arrears", json!({}));
    shop.api.attach(&shop.price, &shop.calls, monthly(100, true));
    let plan = shop.api.plan(&shop.product, &[&shop.price, &fee], json!({}));
    let subscription = shop.api.subscribe(&plan, &shop.customer, &shop.clock, START, json!({}));
    let path = format!("/v0/subscriptions/{}/reconciliations", text(&subscription, "id"));
    let (sso, by_hand) =
        (shop.api.feature(&shop.product, "sso", "boolean"), shop.api.feature(&shop.product, "hand", "boolean"));
    let issued = json!({ "subscriptionId": subscription["id"] });
    shop.api.create("/v1/entitlements", &shop.issue(&by_hand, json!({ "type": "boolean" }), issued));
    shop.api.attach(&fee, &sso, json!({}));
    shop.api.advance_to(&shop.clock, "2028-01-10T00:00:00Z");

    let before = shop.all("");
    let dry = shop.api.post(&path, &json!({ "dryRun": true })).expect(200);
    assert_eq!(shop.all(""), before, "a dry run changes nothing");
    let wet = shop.api.post(&path, &Value::Null).expect(201);
    assert_eq!((&dry["dryRun"], &wet["dryRun"]), (&json!(true), &json!(false)));
    assert_eq!((&dry["features"], &dry["lineItems"]), (&wet["features"], &wet["lineItems"]));
    let named = |id: &str, key: &str| json!({ "featureId": id, "featureKey": key });
    let added = json!({ "featureId": sso, "featureKey": "sso", "billed": true });
    assert_eq!(
        (&wet["features"]["added"], &wet["features"]["skipped"]),
        (&json!([added]), &json!([named(&shop.calls, "calls")]))
    );
    assert_eq!((&wet["features"]["removed"], &wet["features"]["failed"]), (&json!([]), &json!([])));
    let sso_row = shop.all("").pop().unwrap();
    assert_eq!((&sso_row["featureKey"], &sso_row["activeFrom"]), (&json!("sso"), &json!("2028-01-10T00:00:00Z")));

    shop.api.patch(&format!("/v0/prices/{fee}"), &json!({ "feature": null })).expect(200);
    let lost = shop.api.post(&path, &json!({})).expect(201);
    assert_eq!(lost["features"]["removed"], json!([named(&sso, "sso")]));
    let states = shop.all("").iter().map(|row| json!([row["featureKey"], row["status"]])).collect::<Vec<_>>();
    assert_eq!(states, [json!(["calls", "active"]), json!(["hand", "active"]), json!(["sso", "canceled"])]);
    let again = shop.api.post(&path, &json!({})).expect(201);
    assert_eq!((&again["features"]["added"], &again["features"]["removed"]), (&json!([]), &json!([])));

    shop.api.post(&path.replace("reconciliations", "termination"), &json!({ "reason": "Over" })).expect(200);
    shop.api.refuses("POST", &path, &json!({}), 400);
    shop.api.refuses("POST", "/v0/subscriptions/sub_nobody/reconciliations", &json!({}), 404);
}

#[test]
fn twelve_months_at_once_are_twelve_times_one_month() {
    let run = |steps: u32| {
        let shop = shop();
        shop.api.patch(&format!("/v0/prices/{}", shop.price), &json!({ "grantDiscountEnabled": true })).expect(200);
        let mut template = monthly(100, true);
        template["resetMaxRollover"] = json!(40);
        let id = shop.subscribe(template);
        for month in 1..=12 {
            shop.uses(f64::from(20 * month), &format!("2028-{month:02}-10T00:00:00Z"));
        }
        let ahead = shop.only("&at=2028-07-20T00:00:00Z");
        for step in 1..=steps {
            let month = 1 + 12 * step / steps;
            let at =
                if month > 12 { "2029-01-02T00:00:00Z".to_owned() } else { format!("2028-{month:02}-01T06:00:00Z") };
            shop.api.advance_to(&shop.clock, &at);
        }
        let invoices = shop.api.invoices(&id);
        let told: Vec<Value> =
            invoices.iter().map(|row| json!([row["status"], row["grandTotal"], row["issuedAt"]])).collect();
        let stands = |row: &Value| json!([row["balance"], row["usageInPeriod"], row["overage"]]);
        assert_eq!(stands(&ahead), stands(&shop.only("&at=2028-07-20T00:00:00Z")), "what was foreseen has come");
        (told, shop.stands(""), shop.stands("&at=2028-03-20T00:00:00Z"))
    };
    let whole = run(1);
    assert!(whole.0.iter().any(|row| row[1] != "0.00") && whole.0.len() == 13, "{whole:#?}");
    assert_eq!(whole, run(12));
}

#[test]
fn a_preview_is_the_run() {
    let shop = shop();
    shop.subscribe(monthly(100, true));
    shop.uses(130.0, "2028-01-10T00:00:00Z");
    shop.uses(250.0, "2028-02-10T00:00:00Z");
    let advance = |dry_run: bool| {
        let body = json!({ "by": "P3M", "clock": shop.clock, "dry_run": dry_run });
        shop.api.post("/_leapday/clock/advance", &body).expect(200)
    };
    let before = shop.only("");
    let (mut said, unchanged) = (advance(true), shop.only(""));
    assert_eq!(unchanged, before);
    said["dryRun"] = json!(false);
    let ran = advance(false);
    assert_eq!(said, ran);
    let issued = ran["events"].as_array().unwrap().iter().filter(|event| event["type"] == "invoice.issued.v0");
    assert_eq!(issued.count(), 2, "{ran:#}");
    assert_eq!(shop.stands(""), json!([100, 0, 0, true]));
}
