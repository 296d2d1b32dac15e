//! Price intervals (facts: paygentic-behaviour §2.7).

use serde_json::{Value, json};

use crate::support::{Answer, Api, api, text, texts};

const START: &str = "2028-02-01T00:00:00Z";

struct Shop {
    api: Api,
    clock: String,
    path: String,
    subscription: String,
    product: String,
}

impl Shop {
    /// A subscriber of a plan with a fee of 30 a month in arrears (`base`) and usage at 0.50 (`calls`).
    fn new() -> Self {
        let api = api();
        api.freeze(START);
        let product = api.product();
        let base = api.fee_price(&product, "30", "P1M", "in_arrears", json!({}));
        let (_, calls) = api.usage_price(&product, "call", "SUM", json!({ "unitPrice": "0.50" }));
        let prices = json!([{ "priceId": base, "key": "base" }, { "priceId": calls, "key": "calls" }]);
        let plan = api.plan(&product, &[], json!({ "prices": prices }));
        let customer = api.customer("ada@example.com");
        let clock = api.clock(START);
        let made = api.subscribe(&plan, &customer, &clock, START, json!({}));
        let subscription = text(&made, "id").to_owned();
        Self { path: format!("/v0/subscriptions/{subscription}/intervals"), api, clock, subscription, product }
    }

    fn intervals(&self) -> Vec<Value> {
        self.api.get(&self.path)["intervals"].as_array().unwrap().clone()
    }

    fn id(&self, key: &str) -> String {
        let intervals = self.intervals();
        let found = intervals.iter().find(|interval| interval["priceKey"] == key).expect("an interval");
        text(found, "id").to_owned()
    }

    fn edit(&self, body: &Value) -> Value {
        self.api.post(&self.path, body).expect(200)
    }

    #[track_caller]
    fn refuses(&self, body: &Value, status: u16) -> Answer {
        self.api.refuses("POST", &self.path, body, status)
    }

    /// Net price of each line of the last issued invoice, by what it is for.
    fn charged(&self) -> Vec<(String, String)> {
        let invoices = self.api.invoices(&self.subscription);
        let last = invoices.iter().rfind(|invoice| invoice["issuedAt"].is_string()).expect("an invoice");
        let lines = self.api.lines(last);
        lines.iter().map(|line| (line["quantity"].to_string(), text(line, "totalPrice").to_owned())).collect()
    }

    fn addition(&self, key: &str, amount: &str, more: Value) -> Value {
        let price = self.api.fee_price(&self.product, amount, "P1M", "in_advance", json!({}));
        let mut op = json!({
            "priceKey": key, "priceId": price, "unitPrice": null, "baseQuantity": "1", "billingCadence": "P1M",
            "billingMode": "arrears", "startDate": START,
        });
        op.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        op
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn the_lines_of_the_plan_are_intervals() {
    let shop = Shop::new();
    let intervals = shop.intervals();
    assert_eq!(texts(&intervals, "priceKey"), ["base", "calls"]);
    let base = &intervals[0];
    for (field, value) in [
        ("kind", json!("plan_line")),
        ("unitPrice", Value::Null),
        ("baseQuantity", json!("1")),
        ("quantityTransitions", json!([])),
        ("billingCadence", json!("P1M")),
        ("billingMode", json!("arrears")),
        ("billDate", Value::Null),
        ("startDate", json!(START)),
        ("endDate", Value::Null),
    ] {
        assert_eq!(base[field], value, "{field}");
    }
    let subscription = shop.api.get(&format!("/v0/subscriptions/{}", shop.subscription));
    assert_eq!(base["planVersionId"], subscription["planVersionId"]);
}

#[test]
fn a_price_and_quantities_of_ones_own_are_charged_by_the_days_they_hold() {
    let shop = Shop::new();
    let base = shop.id("base");
    // February 2028 has 29 days: 3 units at 29 for 9 days, 5 for 20.
    let transitions = json!([{ "effectiveDate": "2028-02-10T00:00:00Z", "quantity": "5" }]);
    let op = json!({ "id": base, "unitPrice": "29", "baseQuantity": "3", "quantityTransitions": transitions });
    let done = shop.edit(&json!({ "edit": [op], "changeReason": "commercial", "description": "More seats" }));
    assert_eq!(done["unchanged"], false);
    assert_eq!(done["lineItems"], json!({ "created": 2, "removed": 1, "syncFailed": false }));
    let change = &done["intervalChange"];
    assert_eq!((&change["changeReason"], &change["description"]), (&json!("commercial"), &json!("More seats")));
    let entry = &change["intervals"][0];
    assert_eq!((&entry["before"]["baseQuantity"], &entry["after"]["baseQuantity"]), (&json!("1"), &json!("3")));
    assert_eq!(
        (&entry["before"]["resolvedUnitPrice"], &entry["after"]["resolvedUnitPrice"]),
        (&json!("30.00"), &json!("29.00"))
    );
    shop.api.advance_to(&shop.clock, "2028-03-02T00:00:00Z");
    assert_eq!(shop.charged(), pairs(&[("3.0", "27.00"), ("5.0", "100.00"), ("0.0", "0.00")]));
    shop.api.advance_to(&shop.clock, "2028-04-02T00:00:00Z");
    assert_eq!(shop.charged(), pairs(&[("5.0", "145.00"), ("0.0", "0.00")]));
    // Doing it again changes nothing.
    let op = json!({ "id": base, "unitPrice": "29.00", "baseQuantity": "3", "startDate": START });
    let again = shop.edit(&json!({ "edit": [op] }));
    assert_eq!((&again["unchanged"], &again["intervalChange"]), (&json!(true), &Value::Null));
}

#[test]
fn a_price_of_ones_own_is_added_and_ends() {
    let shop = Shop::new();
    shop.api.advance_to(&shop.clock, "2028-02-15T00:00:00Z");
    // 29 a month from the 15th to 15 March: 15 of 29 days, then 14 of 31.
    let more = json!({ "startDate": "2028-02-15T00:00:00Z", "endDate": "2028-03-15T00:00:00Z" });
    let done = shop.edit(&json!({ "add": [shop.addition("support", "29", more)] }));
    let added = &done["intervals"][2];
    assert_eq!((&added["kind"], &added["endDate"]), (&json!("subscription_owned"), &json!("2028-03-15T00:00:00Z")));
    assert_eq!(done["lineItems"]["created"], 1);
    shop.api.advance_to(&shop.clock, "2028-03-02T00:00:00Z");
    assert_eq!(shop.charged(), pairs(&[("1.0", "30.00"), ("0.0", "0.00"), ("1.0", "15.00")]));
    shop.api.advance_to(&shop.clock, "2028-05-02T00:00:00Z");
    let invoices = shop.api.invoices(&shop.subscription);
    let support = |invoice: &Value| {
        shop.api
            .lines(invoice)
            .iter()
            .filter(|line| line["invoiceDisplayName"] == "Fee 29")
            .cloned()
            .collect::<Vec<_>>()
    };
    let lines: Vec<Value> = invoices.iter().filter(|invoice| invoice["status"] == "ISSUED").flat_map(support).collect();
    // It ended in the middle of March, at an instant of its own.
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["periodEnd"], "2028-03-15T00:00:00Z");
    let part = text(&lines[1], "totalPrice").parse::<f64>().unwrap();
    assert!((part - 29.0 * 14.0 / 31.0).abs() < 1e-9, "{part}");
}

#[test]
fn a_one_off_is_billed_on_its_day_and_once() {
    let shop = Shop::new();
    let once = json!({ "billingCadence": "one_off", "billingMode": "advance", "billDate": "2028-02-20T00:00:00Z" });
    let op = shop.addition("setup", "99", once);
    let done = shop.edit(&json!({ "add": [op] }));
    assert_eq!(done["intervals"][2]["billingCadence"], "one_off");
    shop.api.advance_to(&shop.clock, "2028-02-21T00:00:00Z");
    assert_eq!(shop.charged(), pairs(&[("1.0", "99.00")]));
    let mut again = op.clone();
    again["startDate"] = json!("2028-02-21T00:00:00Z");
    again["billDate"] = json!("2028-02-22T00:00:00Z");
    shop.refuses(&json!({ "add": [again] }), 409);
    shop.api.advance_to(&shop.clock, "2028-04-02T00:00:00Z");
    assert_eq!(shop.charged().len(), 2);
}

#[test]
fn a_line_of_the_plan_ends_and_is_opened_again() {
    let shop = Shop::new();
    let base = shop.id("base");
    shop.edit(&json!({ "edit": [{ "id": base, "endDate": "2028-03-01T00:00:00Z" }] }));
    let reopened = shop.edit(&json!({ "edit": [{ "id": base, "endDate": null }] }));
    assert_eq!(reopened["intervals"][0]["endDate"], Value::Null);
    shop.edit(&json!({ "edit": [{ "id": base, "endDate": "2028-03-01T00:00:00Z" }] }));
    shop.api.advance_to(&shop.clock, "2028-04-02T00:00:00Z");
    assert_eq!(shop.charged(), pairs(&[("0.0", "0.00")]));
    let changes = shop.api.rows(&format!("/v0/subscriptions/{}/intervalChanges", shop.subscription));
    assert_eq!(changes.len(), 3);
    let of = |query: &str| shop.api.rows(&format!("/v0/intervalChanges?{query}")).len();
    assert_eq!((of("changeReason=unspecified"), of("changeReason=correction")), (3, 0));
    assert_eq!((of(&format!("from={START}")), of(&format!("to={START}"))), (3, 0));
}

#[test]
fn an_interval_that_is_not_billed_yet_can_be_removed() {
    let shop = Shop::new();
    let op = shop.addition("support", "5", json!({ "startDate": "2028-03-01T00:00:00Z" }));
    let added = shop.edit(&json!({ "add": [op] }));
    let id = text(&added["intervals"][2], "id").to_owned();
    let gone = shop.edit(&json!({ "remove": [{ "id": id }] }));
    assert_eq!(gone["intervals"].as_array().unwrap().len(), 2);
    assert_eq!(gone["intervalChange"]["intervals"][0]["after"], Value::Null);
    shop.api.advance_to(&shop.clock, "2028-03-02T00:00:00Z");
    shop.refuses(&json!({ "remove": [{ "id": shop.id("base") }] }), 409);
    shop.refuses(&json!({ "remove": [{ "id": id }] }), 404);
}

#[test]
fn what_was_billed_and_what_would_be_charged_twice_is_refused() {
    let shop = Shop::new();
    shop.api.advance_to(&shop.clock, "2028-03-10T00:00:00Z");
    let (base, calls) = (shop.id("base"), shop.id("calls"));
    let edit = |op: Value| json!({ "edit": [op] });
    let add = |key: &str, more: Value| json!({ "add": [shop.addition(key, "5", more)] });
    let later = json!({ "startDate": "2028-03-10T00:00:00Z" });
    let with = |mut more: Value, field: &str, value: Value| {
        more[field] = value;
        more
    };
    let transition = |at: &str, n: &str| json!([{ "effectiveDate": at, "quantity": n }]);
    for (body, status) in [
        (json!({}), 400),
        (json!({ "add": [] }), 400),
        (edit(json!({ "id": "ivl_nobody", "endDate": null })), 404),
        (edit(json!({ "id": base, "endDate": "2028-02-15T00:00:00Z" })), 409),
        (edit(json!({ "id": base, "endDate": "2028-01-01T00:00:00Z" })), 400),
        (edit(json!({ "id": base, "quantityTransitions": transition("2028-02-15T00:00:00Z", "2") })), 409),
        (edit(json!({ "id": base, "quantityTransitions": transition(START, "2") })), 400),
        (edit(json!({ "id": base, "billingMode": "advance" })), 400),
        (edit(json!({ "id": base, "billingCadence": "P1Y" })), 400),
        (edit(json!({ "id": base, "unitPrice": "-1" })), 400),
        (edit(json!({ "id": base, "baseQuantity": "-1" })), 400),
        (edit(json!({ "id": calls, "baseQuantity": "7" })), 400),
        (add("support", json!({})), 409),
        (add("base", later.clone()), 400),
        (add("support", with(later.clone(), "planVersionId", json!("pver_other"))), 409),
        (add("support", with(later.clone(), "billingCadence", json!("monthly"))), 400),
        (add("support", with(later.clone(), "billingCadence", json!("one_off"))), 400),
        (add("support", with(later.clone(), "endDate", json!("2028-03-10T00:00:00Z"))), 400),
        (add("support", with(later.clone(), "priceId", json!("price_nobody"))), 404),
    ] {
        shop.refuses(&body, status);
    }
    let mut known = shop.addition("base", "5", later.clone());
    known.as_object_mut().unwrap().remove("priceId");
    let overlap = shop.refuses(&json!({ "add": [known] }), 409);
    assert!(text(&overlap.body, "message").contains("end that first"));
    let mut unknown = shop.addition("support", "5", later.clone());
    unknown.as_object_mut().unwrap().remove("priceId");
    assert!(shop.refuses(&json!({ "add": [unknown] }), 400).told().starts_with("/add/0/priceId required"));
    // A gap between two intervals of a line, and a price that is in use.
    let op = shop.addition("support", "5", later);
    shop.edit(&json!({ "add": [op.clone()] }));
    let support = shop.id("support");
    shop.edit(&edit(json!({ "id": support, "endDate": "2028-04-15T00:00:00Z" })));
    let mut after = op.clone();
    after["startDate"] = json!("2028-05-01T00:00:00Z");
    shop.refuses(&json!({ "add": [after] }), 409);
    shop.api.refuses("DELETE", &format!("/v0/prices/{}", text(&op, "priceId")), &Value::Null, 409);
    shop.api.refuses("GET", "/v0/subscriptions/sub_nobody/intervals", &Value::Null, 404);
    shop.api.refuses("GET", "/v0/intervalChanges?changeReason=whim", &Value::Null, 400);
}
