//! Pricing units and credits (facts: paygentic-behaviour §2.4, §2.5, §2.10; the figures are worked out by hand).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const START: &str = "2028-01-01T00:00:00Z";

/// A shop that sells calls at 3 credits each.
struct Shop {
    api: Api,
    product: String,
    unit: String,
    price: String,
    customer: String,
    clock: String,
}

impl Shop {
    fn new() -> Self {
        let api = api();
        api.freeze(START);
        let product = api.product();
        let unit = text(&api.create("/v0/pricingUnits", &unit(&product, "credits")), "id").to_owned();
        let (_, price) = api.usage_price(&product, "call", "SUM", json!({ "unitPrice": "3" }));
        api.patch(&format!("/v0/prices/{price}"), &json!({ "pricingUnitId": unit })).expect(200);
        let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
        Self { api, product, unit, price, customer, clock }
    }

    /// A plan whose subscribers have so many credits.
    fn plan(&self, prices: &[&str], credits: u32, every: Option<&str>) -> String {
        let mut allocation = json!({ "pricingUnitId": self.unit, "amount": credits });
        if let Some(every) = every {
            allocation["recurrencePeriod"] = json!(every);
        }
        self.api.plan(&self.product, prices, json!({ "creditAllocations": [allocation] }))
    }

    fn subscribe(&self, plan: &str) -> String {
        let made = self.api.subscribe(plan, &self.customer, &self.clock, START, json!({}));
        assert_eq!(made["status"], "active");
        text(&made, "id").to_owned()
    }

    fn uses(&self, n: f64, at: &str) {
        self.api.usage("call", &self.customer, n, at);
    }

    fn all(&self, more: &str) -> Vec<Value> {
        self.api.rows(&format!("/v1/entitlements?customerId={}{more}", self.customer))
    }

    /// Balance, usage, overage and access of the first entitlement to credits.
    fn stands(&self, at: &str) -> Value {
        let row = self.all(&format!("&at={at}")).remove(0);
        assert_eq!(row["pricingUnitId"], self.unit);
        json!([row["balance"], row["usageInPeriod"], row["overage"], row["hasAccess"]])
    }

    fn grants(&self) -> String {
        format!("/v1/entitlements/{}/grants", text(&self.all("")[0], "entitlementId"))
    }

    /// What each invoice that is issued comes to.
    fn totals(&self, subscription: &str) -> Vec<String> {
        let invoices = self.api.invoices(subscription);
        let issued = invoices.iter().filter(|invoice| invoice["issuedAt"].is_string());
        issued.map(|invoice| text(invoice, "grandTotal").to_owned()).collect()
    }
}

fn unit(product: &str, key: &str) -> Value {
    json!({ "key": key, "name": "AI credits", "merchantId": MERCHANT, "productId": product })
}

#[test]
fn a_unit_is_made_with_a_feature_that_shows_its_pools() {
    let api = api();
    let product = api.product();
    let made = api.create("/v0/pricingUnits", &unit(&product, "credits"));
    assert_eq!(
        (&made["object"], &made["key"], &made["name"]),
        (&json!("pricingUnit"), &json!("credits"), &json!("AI credits"))
    );
    assert!(text(&made, "id").starts_with("pu_"));
    let feature = api.get(&format!("/v0/features/{}", text(&made, "featureId")));
    assert_eq!(
        (&feature["key"], &feature["type"], &feature["productId"]),
        (&json!("credits"), &json!("metered"), &json!(product))
    );
    assert_eq!(api.get(&format!("/v0/pricingUnits/{}", text(&made, "id"))), made);
    let other = api.create("/v0/pricingUnits", &unit(&api.product(), "credits"));
    assert_eq!(api.rows(&format!("/v0/pricingUnits?productId={product}")), std::slice::from_ref(&made));
    assert_eq!(api.rows(&format!("/v0/pricingUnits?merchantId={MERCHANT}")), [made, other]);
    assert_eq!(api.rows("/v0/pricingUnits?merchantId=org_other"), Vec::<Value>::new());
    let taken = api.refuses("POST", "/v0/pricingUnits", &unit(&product, "credits"), 409);
    assert!(taken.told().starts_with("/key unique"), "{}", taken.told());
    api.refuses("POST", "/v0/pricingUnits", &unit("prod_nobody", "credits"), 404);
    api.refuses("POST", "/v0/pricingUnits", &unit(&product, "Not A Key"), 400);
    api.refuses("GET", "/v0/pricingUnits/pu_nobody", &Value::Null, 404);
}

#[test]
fn a_price_is_in_credits_until_it_is_reverted() {
    let shop = Shop::new();
    let path = format!("/v0/prices/{}", shop.price);
    let price = shop.api.get(&path);
    assert_eq!((&price["pricingUnitId"], &price["properties"]["unitPrice"]), (&json!(shop.unit), &json!("3")));
    let plan = shop.plan(&[&shop.price], 100, Some("P12M"));
    let plan = shop.api.get(&format!("/v0/plans/{plan}"));
    assert_eq!(plan["prices"][0]["pricingUnitId"], shop.unit);
    let allocation = json!({ "pricingUnitId": shop.unit, "amount": 100, "recurrencePeriod": "P12M" });
    assert_eq!(plan["creditAllocations"], json!([allocation]), "as it was written");
    for body in [
        json!({ "rateType": "proportion" }),
        json!({ "grantDiscountEnabled": true }),
        json!({ "properties": { "unitPrice": "-1" } }),
    ] {
        shop.api.refuses("PATCH", &path, &body, 400);
    }
    assert_eq!(
        shop.api.patch(&path, &json!({ "invoiceDisplayName": "Calls" })).expect(200)["pricingUnitId"],
        shop.unit
    );
    let reverted = shop.api.patch(&path, &json!({ "pricingUnitId": null })).expect(200);
    assert_eq!(reverted.get("pricingUnitId"), None);
    shop.api.patch(&path, &json!({ "rateType": "proportion" })).expect(200);
    shop.api.refuses("PATCH", &path, &json!({ "pricingUnitId": shop.unit }), 400);
    let fee = shop.api.fee_price(&shop.product, "1", "P1M", "in_advance", json!({}));
    shop.api.refuses("PATCH", &format!("/v0/prices/{fee}"), &json!({ "pricingUnitId": shop.unit }), 400);
    let own = shop.api.get(&format!("/v0/pricingUnits/{}", shop.unit))["featureId"].clone();
    let attach = json!({ "feature": { "featureId": own } });
    assert!(shop.api.refuses("PATCH", &path, &attach, 400).told().starts_with("/feature/featureId const"));
}

#[test]
fn what_cannot_be_allocated_is_told() {
    let shop = Shop::new();
    let plan = shop.plan(&[&shop.price], 5, None);
    let path = format!("/v0/plans/{plan}");
    let one =
        |amount: Value, every: &str| json!({ "pricingUnitId": shop.unit, "amount": amount, "recurrencePeriod": every });
    for (allocations, status, told) in [
        (json!([{ "pricingUnitId": "pu_none", "amount": 5 }]), 404, "/creditAllocations/0/pricingUnitId reference"),
        (json!([one(json!(0), "P1M")]), 400, "/creditAllocations/0/amount exclusiveMinimum"),
        (json!([one(json!(1), "P1M"), one(json!(2), "P1Y")]), 400, "/creditAllocations/1/pricingUnitId repeated"),
        (json!([one(json!(1), "PT1H")]), 400, "/creditAllocations/0/recurrencePeriod minimum"),
        (json!([one(json!(1), "monthly")]), 400, "/creditAllocations/0/recurrencePeriod format"),
    ] {
        let refusal = shop.api.refuses("PATCH", &path, &json!({ "creditAllocations": allocations }), status);
        assert!(refusal.told().starts_with(told), "{told}: {}", refusal.told());
    }
    assert_eq!(shop.api.get(&path)["creditAllocations"][0]["amount"], 5);
    let none = shop.api.patch(&path, &json!({ "creditAllocations": [] })).expect(200);
    assert_eq!(none["creditAllocations"], json!([]));
}

#[test]
fn usage_draws_credits_and_costs_no_money() {
    let shop = Shop::new();
    let id = shop.subscribe(&shop.plan(&[&shop.price], 100, Some("P1M")));
    let pool = shop.all("").remove(0);
    assert_eq!(
        (&pool["featureKey"], &pool["subscriptionId"], &pool["isSoftLimit"]),
        (&json!("credits"), &json!(id), &json!(false))
    );
    assert_eq!(pool["currentPeriodEnd"], "2028-02-01T00:00:00Z");
    shop.uses(20.0, "2028-01-10T00:00:00Z");
    assert_eq!(shop.stands("2028-01-09T00:00:00Z"), json!([100, 0, 0, true]));
    assert_eq!(shop.stands("2028-01-10T00:00:00Z"), json!([40, 60, 0, true]), "20 calls at 3 credits");
    // What is left stays, and a month brings 100 more.
    assert_eq!(shop.stands("2028-02-01T00:00:00Z"), json!([140, 0, 0, true]));
    shop.uses(60.0, "2028-02-10T00:00:00Z");
    assert_eq!(shop.stands("2028-02-10T00:00:00Z"), json!([0, 180, 40, false]), "nothing is left: no access");
    assert_eq!(shop.stands("2028-03-01T00:00:00Z"), json!([100, 0, 0, true]));

    shop.api.advance_to(&shop.clock, "2028-03-02T00:00:00Z");
    assert_eq!(shop.totals(&id), ["0.00", "0.00"], "what goes beyond the credits is not charged");
    let ledger = shop.api.rows(&format!("/v2/invoices/lineItems?subscriptionId={id}&status=invoiced"));
    let told: Vec<Value> =
        ledger.iter().map(|row| json!([row["quantity"], row["meteredQuantity"], row["total"]])).collect();
    assert_eq!(told, [json!(["0", "20", "0.00"]), json!(["0", "60", "0.00"])]);
}

#[test]
fn an_allocation_without_a_recurrence_is_issued_once() {
    let shop = Shop::new();
    let id = shop.subscribe(&shop.plan(&[&shop.price], 100, None));
    shop.uses(20.0, "2028-01-10T00:00:00Z");
    assert_eq!(shop.stands("2029-06-01T00:00:00Z"), json!([40, 60, 0, true]));
    let row = shop.all("").remove(0);
    assert_eq!((&row["currentPeriodStart"], &row["currentPeriodEnd"]), (&Value::Null, &Value::Null));
    // It ends with its subscription.
    shop.api.post(&format!("/v0/subscriptions/{id}/termination"), &json!({ "reason": "Over" })).expect(200);
    assert_eq!(shop.all("")[0]["status"], "canceled");
}

#[test]
fn more_credits_are_granted_and_bought() {
    let shop = Shop::new();
    let id = shop.subscribe(&shop.plan(&[&shop.price], 10, None));
    shop.api.create(&shop.grants(), &json!({ "amount": 50, "idempotencyKey": "gift" }));
    let order = json!({ "amount": 500, "price": "5.00", "idempotencyKey": "top-up" });
    let bought = shop.api.create(&format!("{}/purchase", shop.grants()), &order);
    assert_eq!(shop.stands(START), json!([60, 0, 0, true]));
    let invoice = format!("/v2/invoices/{}", text(&bought, "invoiceId"));
    shop.api.post(&format!("{invoice}/payment"), &json!({ "method": "out_of_band" })).expect(200);
    assert_eq!(shop.stands(START), json!([560, 0, 0, true]));
    shop.uses(100.0, "2028-01-10T00:00:00Z");
    assert_eq!(shop.stands("2028-01-10T00:00:00Z"), json!([260, 300, 0, true]));
    let line = &shop.api.lines(&shop.api.get(&invoice))[0];
    assert_eq!((&line["invoiceDisplayName"], &line["totalPrice"]), (&json!("AI credits"), &json!("5.00")));
    assert_eq!(shop.api.invoices(&id).iter().filter(|invoice| invoice["status"] == "PAID").count(), 1);
}

#[test]
fn all_that_is_in_a_unit_shares_one_pool() {
    let shop = Shop::new();
    let search = shop.api.feature(&shop.product, "search", "metered");
    let (_, jobs) = shop.api.usage_price(&shop.product, "job", "SUM", json!({ "unitPrice": "0.5" }));
    let (_, raw) = shop.api.usage_price(&shop.product, "call", "SUM", json!({ "unitPrice": "0.01" }));
    let weekly = json!({ "usagePeriod": { "interval": "P7D" }, "issueAfterReset": 7 });
    let feature = json!({ "featureId": search, "entitlementTemplate": weekly });
    let credits = json!({ "pricingUnitId": shop.unit, "feature": feature });
    shop.api.patch(&format!("/v0/prices/{jobs}"), &credits).expect(200);
    let id = shop.subscribe(&shop.plan(&[&shop.price, &jobs, &raw], 100, Some("P1M")));
    let rows = shop.all("");
    assert_eq!(texts(&rows, "featureKey"), ["search", "credits"]);
    assert_eq!(texts(&rows, "currentPeriodEnd"), ["2028-01-08T00:00:00Z", "2028-02-01T00:00:00Z"], "each its own");
    shop.uses(10.0, "2028-01-02T00:00:00Z");
    shop.api.usage("job", &shop.customer, 8.0, "2028-01-03T00:00:00Z");
    // 100 a month and 7 a week, of which 10 × 3 and 8 × 0.5 are gone: 107 - 34. Those of the first week went first,
    // by age, so that the next 7 are added to all that is left.
    let balances =
        |at: &str| shop.all(&format!("&at={at}")).iter().map(|row| row["balance"].clone()).collect::<Vec<_>>();
    assert_eq!(balances("2028-01-04T00:00:00Z"), [json!(73), json!(73)]);
    assert_eq!(balances("2028-01-08T00:00:00Z"), [json!(80), json!(80)]);
    // A second plan of the same customer: its credits are added, and its calls draw too.
    let other = shop.api.plan(
        &shop.product,
        &[&shop.price],
        json!({
            "creditAllocations": [{ "pricingUnitId": shop.unit, "amount": 1000 }],
        }),
    );
    shop.subscribe(&other);
    assert_eq!(balances("2028-01-04T00:00:00Z"), [json!(1043), json!(1043), json!(1043)], "73 + 1000 - 10 × 3");
    shop.api.advance_to(&shop.clock, "2028-02-02T00:00:00Z");
    // Beside credits there is a price in money on the same calls.
    assert_eq!(shop.totals(&id), ["0.10"]);
}

#[test]
fn a_price_in_credits_stays_as_it_is_while_somebody_is_charged_by_it() {
    let shop = Shop::new();
    let money = shop.api.usage_price(&shop.product, "call", "SUM", json!({ "unitPrice": "1" })).1;
    let id = shop.subscribe(&shop.plan(&[&shop.price, &money], 100, None));
    let path = format!("/v0/prices/{}", shop.price);
    let refusal = shop.api.refuses("PATCH", &path, &json!({ "pricingUnitId": null }), 409).body;
    assert_eq!((&refusal["code"], &refusal["details"]["fields"]), (&json!("PRICE_IN_USE"), &json!(["pricingUnitId"])));
    assert_eq!(
        (&refusal["details"]["priceId"], &refusal["details"]["subscriptionCount"]),
        (&json!(shop.price), &json!(1))
    );
    let dearer = json!({ "properties": { "unitPrice": "4" } });
    assert_eq!(shop.api.refuses("PATCH", &path, &dearer, 409).body["details"]["fields"], json!(["properties"]));
    shop.api.patch(&path, &json!({ "invoiceDisplayName": "Calls" })).expect(200);
    let other = format!("/v0/prices/{money}");
    shop.api.refuses("PATCH", &other, &json!({ "pricingUnitId": shop.unit }), 409);
    shop.api.patch(&other, &dearer).expect(200);

    let adjust = json!({
        "type": "usageDiscount", "usageDiscount": "5", "targetPriceIds": [shop.price], "effectiveFrom": START,
    });
    shop.api.refuses("POST", &format!("/v0/subscriptions/{id}/adjustments"), &adjust, 400);
    let loose = shop.api.usage_price(&shop.product, "call", "SUM", json!({ "unitPrice": "1" })).1;
    shop.api.patch(&format!("/v0/prices/{loose}"), &json!({ "pricingUnitId": shop.unit })).expect(200);
    let add = json!({ "add": [{
        "priceKey": "own", "priceId": loose, "baseQuantity": "1", "billingCadence": "P1M", "billingMode": "arrears",
        "startDate": "2028-02-01T00:00:00Z",
    }] });
    shop.api.refuses("POST", &format!("/v0/subscriptions/{id}/intervals"), &add, 400);
}

#[test]
fn another_version_draws_at_its_own_rate_from_its_own_time() {
    let shop = Shop::new();
    let plan = shop.plan(&[&shop.price], 100, Some("P1M"));
    let id = shop.subscribe(&plan);
    let (_, dearer) = shop.api.usage_price(&shop.product, "call", "SUM", json!({ "unitPrice": "5" }));
    shop.api.patch(&format!("/v0/prices/{dearer}"), &json!({ "pricingUnitId": shop.unit })).expect(200);
    shop.uses(10.0, "2028-01-10T00:00:00Z");
    let key = shop.api.get(&format!("/v0/plans/{plan}"))["prices"][0]["key"].clone();
    let versions = format!("/v0/plans/{plan}/versions");
    shop.api.create(&versions, &json!({ "prices": [{ "priceId": dearer, "key": key }] }));
    shop.uses(10.0, "2028-02-10T00:00:00Z");
    shop.api.advance_to(&shop.clock, "2028-02-20T00:00:00Z");
    assert_eq!(shop.all("").len(), 1, "one pool, which both have drawn on");
    assert_eq!(shop.stands("2028-01-20T00:00:00Z"), json!([70, 30, 0, true]));
    assert_eq!(shop.stands("2028-02-20T00:00:00Z"), json!([120, 50, 0, true]), "70 + 100 - 10 × 5");

    // Without credits in prices and plan there is no pool any more.
    shop.api.patch(&format!("/v0/plans/{plan}"), &json!({ "creditAllocations": [] })).expect(200);
    let fee = shop.api.fee_price(&shop.product, "1", "P1M", "in_arrears", json!({}));
    shop.api.create(&versions, &json!({ "prices": [fee] }));
    shop.api.advance_to(&shop.clock, "2028-03-02T00:00:00Z");
    let row = shop.all("").remove(0);
    assert_eq!((&row["status"], &row["activeTo"]), (&json!("canceled"), &json!("2028-03-01T00:00:00Z")));
    assert_eq!(shop.api.rows(&shop.grants()), Vec::<Value>::new(), "what was left is taken back");
    assert_eq!(shop.totals(&id), ["0.00", "0.00"]);
}

#[test]
fn reconciling_brings_a_pool_that_the_plan_gives_by_now() {
    let shop = Shop::new();
    let fee = shop.api.fee_price(&shop.product, "0", "P1M", "in_arrears", json!({}));
    let plan = shop.api.plan(&shop.product, &[&fee], json!({}));
    let id = shop.subscribe(&plan);
    assert_eq!(shop.all(""), Vec::<Value>::new());
    let allocation = json!([{ "pricingUnitId": shop.unit, "amount": 7 }]);
    shop.api.patch(&format!("/v0/plans/{plan}"), &json!({ "creditAllocations": allocation })).expect(200);
    shop.api.advance_to(&shop.clock, "2028-01-10T00:00:00Z");
    let path = format!("/v0/subscriptions/{id}/reconciliations");
    let dry = shop.api.post(&path, &json!({ "dryRun": true })).expect(200);
    let added = &dry["features"]["added"][0];
    assert_eq!((&added["featureKey"], &added["billed"]), (&json!("credits"), &json!(false)));
    assert_eq!(shop.all(""), Vec::<Value>::new(), "a dry run changes nothing");
    shop.api.post(&path, &json!({})).expect(201);
    let pool = shop.all("").remove(0);
    assert_eq!((&pool["balance"], &pool["activeFrom"]), (&json!(7), &json!("2028-01-10T00:00:00Z")));
    let again = shop.api.post(&path, &json!({})).expect(201);
    assert_eq!((&again["features"]["added"], &again["features"]["removed"]), (&json!([]), &json!([])));
}

#[test]
fn a_pool_is_issued_by_hand_too() {
    let shop = Shop::new();
    shop.subscribe(&shop.plan(&[&shop.price], 10, None));
    let own = shop.api.get(&format!("/v0/pricingUnits/{}", shop.unit))["featureId"].clone();
    let template = json!({ "type": "metered", "issueAfterReset": 5 });
    let issue = json!({ "customerId": shop.customer, "featureId": own, "template": template });
    let made = shop.api.create("/v1/entitlements", &issue);
    assert_eq!((&made["pricingUnitId"], &made["balance"]), (&json!(shop.unit), &json!(15)));
    shop.uses(4.0, "2028-01-10T00:00:00Z");
    assert_eq!(shop.stands("2028-01-10T00:00:00Z"), json!([3, 12, 0, true]));
}

#[test]
fn one_jump_is_many_steps_and_a_preview_is_the_run() {
    let run = |steps: &[&str]| {
        let shop = Shop::new();
        let id = shop.subscribe(&shop.plan(&[&shop.price], 100, Some("P1M")));
        for month in 1..=6 {
            shop.uses(f64::from(10 * month), &format!("2028-{month:02}-10T00:00:00Z"));
        }
        let ahead = shop.stands("2028-05-20T00:00:00Z");
        let preview = json!({ "by": "P182D", "clock": shop.clock, "dry_run": true });
        shop.api.post("/_leapday/clock/advance", &preview).expect(200);
        for step in steps {
            shop.api.advance(&shop.clock, step);
        }
        assert_eq!(ahead, shop.stands("2028-05-20T00:00:00Z"), "what was foreseen has come");
        (shop.totals(&id), ahead, shop.stands("2028-06-30T00:00:00Z"))
    };
    let whole = run(&["P182D"]);
    // 100 a month; 30, 60, 90, 120 and 150 are used: 70, 110, 120, 100, 50; then 180 of 150.
    assert_eq!((&whole.1, &whole.2), (&json!([50, 150, 0, true]), &json!([0, 180, 30, false])));
    assert_eq!(whole, run(&["P1D"; 182]));
}
