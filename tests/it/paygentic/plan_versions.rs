//! Versions of a plan, and how subscriptions move between them (facts: paygentic-behaviour §2.5, §2.7).

use serde_json::{Value, json};

use crate::support::{Api, api, text, texts};

const START: &str = "2028-01-31T00:00:00Z";

/// A plan with a fee in advance under the key `base`, one subscriber who has paid, and its clock.
struct Shop {
    api: Api,
    product: String,
    plan: String,
    clock: String,
    subscription: String,
}

impl Shop {
    fn new(plan: Value, subscription: Value) -> Self {
        let api = api();
        api.freeze(START);
        let product = api.product();
        let base = api.fee_price(&product, "10.00", "P1M", "in_advance", json!({}));
        let mut more = plan;
        more["prices"] = json!([{ "priceId": base, "key": "base" }]);
        let plan = api.plan(&product, &[], more);
        let customer = api.customer("ada@example.com");
        api.save_card(&customer, "4242424242424242");
        let clock = api.clock(START);
        let made = api.subscribe(&plan, &customer, &clock, START, subscription);
        api.pay(&made);
        Self { subscription: text(&made, "id").to_owned(), api, product, plan, clock }
    }

    fn fee(&self, amount: &str, term: &str) -> String {
        self.api.fee_price(&self.product, amount, "P1M", term, json!({}))
    }

    fn mint(&self, prices: &Value) -> Value {
        self.api.create(&format!("/v0/plans/{}/versions", self.plan), &json!({ "prices": prices }))
    }

    fn subscription(&self) -> Value {
        self.api.get(&format!("/v0/subscriptions/{}", self.subscription))
    }

    fn migrate(&self, number: u32, more: Value) -> crate::support::Answer {
        let mut body = json!({ "targetVersionNumber": number });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.api.post(&format!("/v0/subscriptions/{}/versionMigration", self.subscription), &body)
    }

    /// The net prices of the lines of each invoice, oldest invoice first.
    fn charged(&self) -> Vec<Vec<String>> {
        let invoices = self.api.invoices(&self.subscription);
        let lines = |invoice: &Value| {
            let lines = self.api.lines(invoice);
            texts(&lines, "totalPrice").into_iter().map(str::to_owned).collect()
        };
        invoices.iter().filter(|invoice| invoice["status"] != "ACTIVE").map(lines).collect()
    }
}

#[test]
fn a_version_is_minted_by_key_and_is_the_default_at_once() {
    let shop = Shop::new(json!({}), json!({}));
    let path = format!("/v0/plans/{}", shop.plan);
    let first = text(&shop.api.get(&path), "defaultVersionId").to_owned();
    let base = shop.api.get(&path)["prices"][0]["id"].clone();
    let (new, seats) = (shop.fee("12.00", "in_advance"), shop.fee("5.00", "in_arrears"));
    let version = shop.mint(&json!([{ "priceId": new, "key": "base" }, seats]));
    assert_eq!((&version["versionNumber"], &version["isDefault"]), (&json!(2), &json!(true)));
    assert_eq!((&version["status"], &version["basedOnVersionId"]), (&json!("published"), &json!(first)));
    let prices = version["prices"].as_array().unwrap();
    assert_eq!(texts(prices, "key"), ["base", "line-2"]);
    // The line's price keeps its id, and the value that it had goes by the new one (stablePriceIds).
    assert_eq!((&prices[0]["id"], &prices[0]["properties"]["unitPrice"]), (&base, &json!("12.00")));
    assert_eq!(shop.api.get(&format!("/v0/prices/{new}"))["properties"]["unitPrice"], "10.00");
    let old = shop.api.get(&format!("{path}/versions/1"));
    assert_eq!((&old["prices"][0]["id"], &old["isDefault"]), (&json!(new), &json!(false)));
    assert_eq!(old["subscriptionCount"], 1);
    let listed = shop.api.rows(&format!("{path}/versions"));
    assert_eq!(listed.iter().map(|row| row["versionNumber"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 1]);
    let plan = shop.api.get(&path);
    assert_eq!((&plan["defaultVersionId"], &plan["prices"][1]["id"]), (&version["id"], &json!(seats)));
    // Back to the first one, and once more: it is idempotent.
    for _ in 0..2 {
        let back = shop.api.patch(&format!("{path}/versions/1"), &json!({ "default": true })).expect(200);
        assert_eq!((&back["id"], &back["isDefault"]), (&json!(first), &json!(true)));
    }
    assert_eq!(shop.api.get(&path)["prices"].as_array().unwrap().len(), 1);
}

#[test]
fn without_stable_ids_each_price_keeps_its_own() {
    let shop = Shop::new(json!({ "stablePriceIds": false }), json!({}));
    let new = shop.fee("12.00", "in_advance");
    let version = shop.mint(&json!([{ "priceId": new, "key": "base" }]));
    assert_eq!(version["prices"][0]["id"], json!(new));
    assert_eq!(version["prices"][0]["properties"]["unitPrice"], "12.00");
}

#[test]
fn who_floats_pays_the_new_prices_from_the_next_period_on() {
    let shop = Shop::new(json!({}), json!({}));
    shop.api.advance_to(&shop.clock, "2028-02-10T00:00:00Z");
    let (new, extra) = (shop.fee("12.00", "in_advance"), shop.fee("3.00", "in_arrears"));
    shop.mint(&json!([{ "priceId": new, "key": "base" }, { "priceId": extra, "key": "extra" }]));
    assert_eq!(shop.subscription()["versionNumber"], 1);
    shop.api.advance_to(&shop.clock, "2028-02-29T00:00:00Z");
    assert_eq!(shop.subscription()["versionNumber"], 2);
    shop.api.advance_to(&shop.clock, "2028-03-31T00:00:00Z");
    assert_eq!(shop.charged(), [vec!["10.00"], vec!["12.00"], vec!["12.00", "3.00"]]);
    let changes = shop.api.rows(&format!("/v0/subscriptions/{}/intervalChanges", shop.subscription));
    assert_eq!(texts(&changes, "changeReason"), ["migration"]);
    let entries = changes[0]["intervals"].as_array().unwrap();
    assert_eq!(entries[0]["after"]["endDate"], "2028-02-29T00:00:00Z");
    assert_eq!(entries[1]["before"], Value::Null);
    assert_eq!(entries[1]["after"]["resolvedUnitPrice"], "12.00");
}

#[test]
fn a_default_that_is_taken_back_in_time_changes_nothing() {
    let shop = Shop::new(json!({}), json!({}));
    let before = shop.api.get(&format!("/v0/subscriptions/{}/intervals", shop.subscription));
    shop.mint(&json!([{ "priceId": shop.fee("12.00", "in_advance"), "key": "other" }]));
    let during = shop.api.get(&format!("/v0/subscriptions/{}/intervals", shop.subscription));
    assert_eq!(during["intervals"].as_array().unwrap().len(), 2);
    shop.api.patch(&format!("/v0/plans/{}/versions/1", shop.plan), &json!({ "default": true })).expect(200);
    assert_eq!(shop.api.get(&format!("/v0/subscriptions/{}/intervals", shop.subscription)), before);
    shop.api.advance(&shop.clock, "P2M");
    assert_eq!(shop.charged(), [["10.00"], ["10.00"], ["10.00"]]);
    assert_eq!(shop.subscription()["versionNumber"], 1);
}

#[test]
fn an_immediate_transition_moves_what_is_in_arrears_for_the_whole_period() {
    let transition = json!({ "effectiveDate": "immediate", "proration": "none" });
    let shop = Shop::new(json!({ "versionTransition": transition, "stablePriceIds": false }), json!({}));
    let (new, extra) = (shop.fee("12.00", "in_advance"), shop.fee("3.00", "in_arrears"));
    shop.api.advance_to(&shop.clock, "2028-02-10T00:00:00Z");
    shop.mint(&json!([{ "priceId": new, "key": "base" }, { "priceId": extra, "key": "extra" }]));
    assert_eq!(shop.subscription()["versionNumber"], 2);
    let told =
        shop.api.events().into_iter().rfind(|event| event["eventType"] == "subscription.updated.v0").expect("news");
    assert_eq!(told["data"]["versionNumber"], 2);
    let dearer = shop.fee("4.00", "in_arrears");
    shop.mint(&json!([{ "priceId": new, "key": "base" }, { "priceId": dearer, "key": "extra" }]));
    shop.api.advance_to(&shop.clock, "2028-03-31T00:00:00Z");
    // The fee of February was paid already; the arrears of February are at the price of the last version, whole.
    let lines: Vec<Vec<String>> = shop.charged();
    assert_eq!(lines[0], ["10.00"]);
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(sorted(lines[1].clone()), ["12.00", "4.00"]);
    assert_eq!(sorted(lines[2].clone()), ["12.00", "4.00"]);
}

#[test]
fn who_is_pinned_stays_until_moved_by_hand() {
    let shop = Shop::new(json!({}), json!({ "versionPolicy": "pinned" }));
    let new = shop.fee("12.00", "in_advance");
    shop.mint(&json!([{ "priceId": new, "key": "base" }]));
    shop.api.advance_to(&shop.clock, "2028-02-29T00:00:00Z");
    assert_eq!(shop.charged(), [["10.00"], ["10.00"]]);
    let moved = shop.migrate(2, json!({})).expect(200);
    let expected = json!({
        "fromVersionNumber": 1, "toVersionNumber": 2, "effectiveAt": "2028-03-31T00:00:00Z",
        "entitlementsEffectiveAt": "2028-03-31T00:00:00Z", "changed": true,
    });
    assert_eq!(moved["migration"], expected);
    assert_eq!(moved["subscription"]["versionNumber"], 1);
    // A second one replaces what is pending.
    let newer = shop.fee("15.00", "in_advance");
    shop.mint(&json!([{ "priceId": newer, "key": "base" }]));
    assert_eq!(shop.migrate(3, json!({})).expect(200)["migration"]["changed"], true);
    shop.api.advance_to(&shop.clock, "2028-04-30T00:00:00Z");
    assert_eq!(shop.charged(), [["10.00"], ["10.00"], ["15.00"], ["15.00"]]);
    assert_eq!(shop.subscription()["versionNumber"], 3);
    let again = shop.migrate(3, json!({ "timing": "immediate" })).expect(200);
    assert_eq!((&again["migration"]["changed"], &again["migration"]["effectiveAt"]), (&json!(false), &Value::Null));
    // Moving by hand pins whoever floated.
    assert_eq!(again["subscription"]["versionPolicy"], "pinned");
}

#[test]
fn a_longer_cadence_hands_over_at_its_own_end() {
    let shop = Shop::new(json!({}), json!({}));
    let yearly = shop.api.fee_price(&shop.product, "100.00", "P1Y", "in_advance", json!({}));
    shop.mint(&json!([{ "priceId": yearly, "key": "base" }]));
    shop.api.advance_to(&shop.clock, "2028-03-01T00:00:00Z");
    let dearer = shop.api.fee_price(&shop.product, "120.00", "P1Y", "in_advance", json!({}));
    shop.mint(&json!([{ "priceId": dearer, "key": "base" }]));
    shop.api.advance_to(&shop.clock, "2030-03-01T00:00:00Z");
    // A year from the anchor ends in January: the first is a stub, the second version waits for its end.
    let charged = shop.charged();
    assert_eq!(charged[0], ["10.00"]);
    assert_eq!(charged.last().unwrap(), &["120.00"]);
    assert_eq!(charged.iter().flatten().filter(|net| *net == "120.00").count(), 2);
}

#[test]
fn a_one_off_is_for_those_who_begin_with_it() {
    let shop = Shop::new(json!({ "stablePriceIds": false }), json!({}));
    let base = shop.api.get(&format!("/v0/plans/{}", shop.plan))["prices"][0]["id"].clone();
    let setup = shop.api.fee_price(&shop.product, "50.00", "P0D", "in_advance", json!({}));
    shop.mint(&json!([{ "priceId": base, "key": "base" }, { "priceId": setup, "key": "setup" }]));
    let dearer = shop.api.fee_price(&shop.product, "60.00", "P0D", "in_advance", json!({}));
    let newcomer = shop.api.customer("bob@example.com");
    let made = shop.api.subscribe(&shop.plan, &newcomer, &shop.clock, START, json!({}));
    assert_eq!(made["payment"]["amount"], "60.00");
    shop.api.pay(&made);
    shop.mint(&json!([{ "priceId": base, "key": "base" }, { "priceId": dearer, "key": "setup" }]));
    shop.api.advance_to(&shop.clock, "2028-03-31T00:00:00Z");
    assert_eq!(shop.charged(), [["10.00"], ["10.00"], ["10.00"]]);
    let invoices = shop.api.invoices(text(&made, "id"));
    let lines: Vec<usize> = invoices.iter().map(|invoice| shop.api.lines(invoice).len()).collect();
    assert_eq!(lines[..3], [2, 1, 1]);
}

#[test]
fn a_move_that_cannot_be_is_refused_and_changes_nothing() {
    let shop = Shop::new(json!({}), json!({ "endingAt": "2028-02-29T00:00:00Z" }));
    let path = format!("/v0/subscriptions/{}/versionMigration", shop.subscription);
    let refuse = |body: Value, status: u16| shop.api.refuses("POST", &path, &body, status);
    shop.mint(&json!([{ "priceId": shop.fee("12.00", "in_advance"), "key": "base" }]));
    refuse(json!({ "targetVersionNumber": 9 }), 404);
    refuse(json!({ "targetVersionNumber": 0 }), 400);
    refuse(json!({ "targetVersionNumber": 2, "timing": "tomorrow" }), 400);
    let ends = refuse(json!({ "targetVersionNumber": 2 }), 409);
    assert!(text(&ends.body, "message").contains("2028-02-29"));
    let versions = format!("/v0/plans/{}/versions", shop.plan);
    let first = text(&shop.api.get(&format!("{versions}/1")), "id").to_owned();
    let mint = |body: Value, status: u16| shop.api.refuses("POST", &versions, &body, status);
    mint(json!({ "prices": [] }), 400);
    mint(json!({ "prices": ["price_nobody"] }), 404);
    mint(json!({ "prices": ["price_starterPlatform"], "basedOnVersionId": first }), 409);
    mint(json!({ "addPrices": ["price_starterPlatform"], "prices": ["price_starterPlatform"] }), 400);
    let seats = json!({ "priceId": "price_starterPlatform", "key": "Not a key" });
    mint(json!({ "prices": [seats] }), 400);
    for (number, body, status) in [("2", json!({ "default": false }), 400), ("7", json!({ "default": true }), 404)] {
        shop.api.refuses("PATCH", &format!("{versions}/{number}"), &body, status);
    }
    shop.api.refuses("GET", "/v0/plans/plan_nobody/versions", &Value::Null, 404);
    shop.api
        .post(&format!("/v0/subscriptions/{}/termination", shop.subscription), &json!({ "reason": "Gone" }))
        .expect(200);
    refuse(json!({ "targetVersionNumber": 2 }), 409);
}

#[test]
fn months_and_days_lead_to_the_same_after_a_change_of_version() {
    let run = |steps: &[&str]| {
        let shop = Shop::new(json!({}), json!({}));
        shop.api.advance_to(&shop.clock, "2028-02-10T00:00:00Z");
        shop.mint(&json!([
            { "priceId": shop.fee("12.00", "in_advance"), "key": "base" },
            { "priceId": shop.fee("3.00", "in_arrears"), "key": "extra" },
        ]));
        for step in steps {
            shop.api.advance(&shop.clock, step);
        }
        (shop.charged(), shop.api.events().len())
    };
    assert_eq!(run(&["P60D"]), run(&["P1D"; 60]));
}
