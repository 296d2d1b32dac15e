//! Traces of lines: whoever repeats the steps comes to the amount (facts: paygentic-behaviour §2.8, §4).

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{Api, api, text, texts};

const START: &str = "2028-02-01T00:00:00Z";

struct Shop {
    api: Api,
    product: String,
    customer: String,
    clock: String,
}

impl Shop {
    fn new() -> Self {
        let api = api();
        api.freeze(START);
        let (product, customer, clock) = (api.product(), api.customer("ada@example.com"), api.clock(START));
        Self { api, product, customer, clock }
    }

    fn calls(&self, properties: Value) -> String {
        self.api.usage_price(&self.product, "call", "SUM", properties).1
    }

    fn subscribe(&self, prices: &[&str], more: Value) -> String {
        let plan = self.api.plan(&self.product, prices, more);
        let made = self.api.subscribe(&plan, &self.customer, &self.clock, START, json!({}));
        text(&made, "id").to_owned()
    }

    fn uses(&self, n: f64) {
        self.api.usage("call", &self.customer, n, "2028-02-10T00:00:00Z");
    }

    fn adjust(&self, subscription: &str, kind: &str, value: &str, price: Option<&str>) {
        let mut body = json!({ "type": kind, kind: value, "effectiveFrom": START });
        if let Some(price) = price {
            body["targetPriceIds"] = json!([price]);
        }
        self.api.create(&format!("/v0/subscriptions/{subscription}/adjustments"), &body);
    }

    /// The lines of the invoice for February, each with a trace that comes to its amount.
    fn february(&self, subscription: &str) -> Vec<Value> {
        self.api.advance_to(&self.clock, "2028-03-02T00:00:00Z");
        let invoices = self.api.invoices(subscription);
        let invoice = invoices.iter().rfind(|invoice| invoice["issuedAt"].is_string()).expect("an invoice");
        self.traced(invoice)
    }

    fn traced(&self, invoice: &Value) -> Vec<Value> {
        let path = format!("/v2/invoices/{}", text(invoice, "id"));
        let lines = self.api.get(&format!("{path}/lineItems?expand=items,lineProvenance"))["lineItems"].clone();
        assert_eq!(self.api.get(&format!("{path}?expand=lineProvenance"))["lineItems"]["lineItems"], lines);
        let lines = lines.as_array().expect("lines").clone();
        for line in &lines {
            let trace = &line["provenance"];
            assert_eq!(trace["status"], "recorded", "{line:#}");
            assert_eq!(replay(trace), decimal(&line["totalPrice"]), "{trace:#}");
            assert_eq!(
                (&trace["result"]["amount"], &trace["result"]["unitPrice"]),
                (&line["totalPrice"], &line["unitPrice"])
            );
            assert_eq!(decimal(&trace["result"]["quantity"]), line["quantity"].to_string().parse().unwrap());
        }
        lines
    }
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap_or_else(|| panic!("{value} is no number")).parse().expect("a plain number")
}

/// The rate of a price at a quantity.
fn rate(function: &Value, selector: Decimal) -> Decimal {
    let Some(bands) = function["bands"].as_array() else { return decimal(&function["rate"]) };
    let reaches = |band: &&Value| band["upTo"].is_null() || selector <= decimal(&band["upTo"]);
    decimal(&bands.iter().find(reaches).expect("a band")["rate"])
}

fn seconds(window: &Value) -> Decimal {
    let at = |field: &str| text(window, field).parse::<leapday::time::Timestamp>().expect("an instant");
    (at("end").millis_since(at("start")) / 1_000).into()
}

/// What the steps come to. Each begins where the one before on the same value ended, and names a source that is there.
fn replay(trace: &Value) -> Decimal {
    let mut values = BTreeMap::from([("left".to_owned(), Decimal::ONE)]);
    for input in ["quantity", "selector", "amount"] {
        let given = &trace["inputs"][input];
        if given.is_object() {
            values.insert(input.to_owned(), decimal(&given["value"]));
            assert!(trace["sources"].get(text(given, "source")).is_some(), "{given}");
        }
    }
    for step in trace["steps"].as_array().expect("steps") {
        let (on, params) = (text(step, "on").to_owned(), &step["params"]);
        assert!(trace["sources"].get(text(step, "source")).is_some(), "{step:#}");
        let (op, before) = (text(step, "op"), values.get(&on).copied().unwrap_or_default());
        if op != "evaluate" {
            assert_eq!(before, decimal(&step["in"]), "{step:#}");
        }
        let after = match op {
            "allow" => before - decimal(&params["covered"]),
            "subtract" => before - decimal(&params["units"]),
            "clamp" => {
                let least = params["min"].as_str().map_or(before, |_| before.max(decimal(&params["min"])));
                params["max"].as_str().map_or(least, |_| least.min(decimal(&params["max"])))
            }
            "scaleToBound" => before * decimal(&params["bound"]) / decimal(&params["measured"]),
            "setToBound" => decimal(&params["bound"]),
            "evaluate" => {
                assert_eq!(values["quantity"], decimal(&params["quantity"]));
                let rate = rate(&params["fn"], values.get("selector").copied().unwrap_or_default());
                assert_eq!(rate, decimal(&params["applied"]["rate"]));
                values["quantity"] * rate
            }
            "prorate" => before * seconds(&params["billed"]) / seconds(&params["of"]),
            "scale" => {
                let terms = params["terms"].as_array().expect("terms").iter();
                terms.fold(before, |value, term| value * decimal(&term["value"]))
            }
            "round" => before.round_dp(u32::try_from(params["scale"].as_u64().unwrap()).unwrap()),
            other => panic!("{other} is no op"),
        };
        assert_eq!(after, decimal(&step["out"]), "{step:#}");
        values.insert(on, after);
    }
    for idle in trace["notApplied"].as_array().expect("rules") {
        assert!(trace["sources"].get(text(idle, "source")).is_some(), "{idle}");
    }
    values["amount"]
}

/// What a trace does to a value, and what comes out each time.
fn steps<'v>(line: &'v Value, on: &str) -> Vec<(&'v str, &'v str)> {
    let steps = line["provenance"]["steps"].as_array().expect("steps").iter();
    steps.filter(|step| step["on"] == on).map(|step| (text(step, "op"), text(step, "out"))).collect()
}

fn reasons(line: &Value) -> Vec<&str> {
    texts(line["provenance"]["notApplied"].as_array().expect("rules"), "reason")
}

#[test]
fn a_fee_and_its_stub() {
    let shop = Shop::new();
    let fee = shop.api.fee_price(&shop.product, "10", "P1M", "in_arrears", json!({ "quantity": 3 }));
    // The period began on 15 January: 14 of its 31 days are left.
    let id = shop.subscribe(&[&fee], json!({ "billingAnchor": "2028-01-15T00:00:00Z" }));
    let open = shop.api.rows(&format!("/v2/invoices/lineItems?subscriptionId={id}&expand=lineProvenance"));
    assert_eq!(open[0]["provenance"], json!({ "status": "pending" }));
    let stub = shop.february(&id).remove(0);
    assert_eq!(stub["totalPrice"], "13.548387096774193548387096774");
    assert_eq!(steps(&stub, "amount")[0], ("evaluate", "30"));
    let trace = &stub["provenance"];
    assert_eq!((&trace["inputs"]["kind"], &trace["inputs"]["quantity"]["value"]), (&json!("priced"), &json!("3")));
    assert_eq!(trace["sources"]["price"]["ref"]["priceId"], fee);
    let prorated = &trace["steps"][1];
    assert_eq!((&prorated["op"], &prorated["params"]["basis"]), (&json!("prorate"), &json!("seconds")));
    assert_eq!(prorated["params"]["of"], json!({ "start": "2028-01-15T00:00:00Z", "end": "2028-02-15T00:00:00Z" }));
    shop.api.advance_to(&shop.clock, "2028-03-16T00:00:00Z");
    let whole = shop.traced(&shop.api.invoices(&id)[1]).remove(0);
    assert_eq!(steps(&whole, "amount"), [("evaluate", "30")]);
    let ledger = shop.api.rows(&format!("/v2/invoices/lineItems?subscriptionId={id}&expand=lineProvenance"));
    assert_eq!(ledger[0]["provenance"], stub["provenance"], "the ledger says the same");
    assert_eq!(shop.api.lines(&shop.api.invoices(&id)[0])[0].get("provenance"), None, "only where it is asked for");
}

#[test]
fn a_ladder_with_units_taken_off() {
    let shop = Shop::new();
    let calls =
        shop.calls(json!({ "tiers": [{ "upTo": "100", "unitPrice": "5" }, { "upTo": null, "unitPrice": "3" }] }));
    let id = shop.subscribe(&[&calls], json!({}));
    shop.adjust(&id, "usageDiscount", "8", Some(&calls));
    shop.adjust(&id, "usageDiscount", "2", Some(&calls));
    shop.adjust(&id, "maximumQuantity", "200", Some(&calls));
    shop.uses(105.0);
    let line = shop.february(&id).remove(0);
    assert_eq!(steps(&line, "quantity"), [("subtract", "97"), ("subtract", "95")]);
    assert_eq!(steps(&line, "selector"), steps(&line, "quantity"));
    assert_eq!((steps(&line, "amount"), reasons(&line)), (vec![("evaluate", "475")], vec!["within"]));
    assert_eq!(line["provenance"]["inputs"]["selector"], json!({ "value": "105", "source": "meter" }));
    assert_eq!(line["provenance"]["sources"]["meter"]["asUsed"], json!({ "value": "105" }));
    // Usage never falls below nothing.
    shop.api.usage("call", &shop.customer, 4.0, "2028-03-10T00:00:00Z");
    shop.api.advance_to(&shop.clock, "2028-04-02T00:00:00Z");
    let line = shop.traced(&shop.api.invoices(&id)[1]).remove(0);
    assert_eq!(steps(&line, "quantity"), [("subtract", "-4"), ("subtract", "-6"), ("clamp", "0")]);
}

#[test]
fn allowances_and_their_limits() {
    for (soft, shown, usage, amounts) in [
        (true, false, vec![("allow", "30")], vec!["15.00"]),
        (false, false, vec![("allow", "30"), ("clamp", "0")], vec!["0.00"]),
        (true, true, vec![], vec!["65.00", "-50.00"]),
        (false, true, vec![("clamp", "100")], vec!["50.00", "-50.00"]),
    ] {
        let shop = Shop::new();
        let calls = shop.calls(json!({ "unitPrice": "0.5" }));
        let feature = shop.api.feature(&shop.product, "calls", "metered");
        let template = json!({ "usagePeriod": { "interval": "P1M" }, "issueAfterReset": 100, "isSoftLimit": soft });
        shop.api.attach(&calls, &feature, template);
        shop.api.patch(&format!("/v0/prices/{calls}"), &json!({ "grantDiscountEnabled": shown })).expect(200);
        let id = shop.subscribe(&[&calls], json!({}));
        shop.uses(130.0);
        let lines = shop.february(&id);
        assert_eq!((steps(&lines[0], "quantity"), texts(&lines, "totalPrice")), (usage, amounts));
        assert_eq!(reasons(&lines[0]), if shown { vec!["ownLine"] } else { vec![] });
        let source = lines[0]["provenance"]["sources"].as_object().unwrap();
        let (key, source) = source.iter().find(|(key, _)| key.starts_with("entitlement:ent_")).expect("an entitlement");
        assert_eq!(key.split_once(':').unwrap().1, text(&source["ref"], "entitlementId"));
        assert_eq!(source["asUsed"], json!({ "covered": "100", "beyondLimit": if soft { "0" } else { "30" } }));
        // It stays as it was, whatever becomes of the grants.
        let grants = format!("/v1/entitlements/{}/grants", text(&source["ref"], "entitlementId"));
        let grant = text(&shop.api.rows(&grants)[0], "id").to_owned();
        shop.api.delete(&format!("{grants}/{grant}")).expect(200);
        shop.api.usage("call", &shop.customer, 50.0, "2028-02-11T00:00:00Z");
        assert_eq!(shop.traced(&shop.api.invoices(&id)[0]), lines);
    }
}

#[test]
fn bounds_of_one_line_and_of_several() {
    let shop = Shop::new();
    let seats = shop.api.fee_price(&shop.product, "100", "P1M", "in_arrears", json!({}));
    let calls = shop.calls(json!({ "unitPrice": "2" }));
    let id = shop.subscribe(&[&seats, &calls], json!({}));
    let intervals = format!("/v0/subscriptions/{id}/intervals");
    let base = shop.api.get(&intervals)["intervals"][0]["id"].clone();
    // One seat for 9 of 29 days, three for 20: four in all, of which at least eight are charged.
    let transitions = json!([{ "effectiveDate": "2028-02-10T00:00:00Z", "quantity": "3" }]);
    let edit = json!({ "id": base, "unitPrice": "29", "quantityTransitions": transitions });
    shop.api.post(&intervals, &json!({ "edit": [edit] })).expect(200);
    shop.adjust(&id, "minimumQuantity", "8", Some(&seats));
    shop.adjust(&id, "minimumQuantity", "6", Some(&seats));
    shop.adjust(&id, "minimumQuantity", "20", Some(&calls));
    let lines = shop.february(&id);
    assert_eq!(texts(&lines, "totalPrice"), ["18.00", "120.00", "40.00"]);
    assert_eq!(steps(&lines[0], "quantity"), [("scaleToBound", "2")]);
    assert_eq!(steps(&lines[1], "quantity"), [("scaleToBound", "6")]);
    assert_eq!(steps(&lines[1], "amount"), [("evaluate", "174"), ("prorate", "120")]);
    assert_eq!((reasons(&lines[0]), steps(&lines[2], "quantity")), (vec!["notBinding"], vec![("setToBound", "20")]));
    let trace = &lines[0]["provenance"];
    assert_eq!(trace["sources"]["interval"]["ref"]["intervalId"], base);
    let step = &trace["steps"][0];
    assert_eq!(step["params"], json!({ "bound": "8", "side": "minimum", "measured": "4", "factor": "2" }));
    assert_eq!(step["inputsFrom"], json!([{ "lineItemId": lines[1]["eventId"], "value": "3", "share": null }]));
}

#[test]
fn percentages_and_tax_that_is_contained() {
    let shop = Shop::new();
    let fee = shop.api.fee_price(&shop.product, "110", "P1M", "in_arrears", json!({}));
    let id = shop.subscribe(&[&fee], json!({ "defaultTaxRate": 10, "taxBehavior": "inclusive" }));
    shop.adjust(&id, "percentageDiscount", "0.35", None);
    shop.adjust(&id, "percentageDiscount", "0.35", None);
    let lines = shop.february(&id);
    assert_eq!(texts(&lines, "totalPrice"), ["100.00", "-57.75"]);
    assert_eq!(steps(&lines[0], "amount"), [("evaluate", "110"), ("subtract", "100")]);
    assert_eq!(steps(&lines[1], "left"), [("scale", "0.65"), ("scale", "0.4225")]);
    assert_eq!(steps(&lines[1], "amount"), [("scale", "-63.525"), ("subtract", "-57.75")]);
    let inputs = &lines[1]["provenance"]["inputs"];
    let source = format!("line:{}", text(&lines[0], "eventId"));
    assert_eq!(*inputs, json!({ "kind": "fromLine", "amount": { "value": "110", "source": source } }));
}

#[test]
fn a_percentage_off_what_grants_leave() {
    let shop = Shop::new();
    let calls = shop.calls(json!({ "unitPrice": "0.5" }));
    let feature = shop.api.feature(&shop.product, "calls", "metered");
    shop.api.attach(&calls, &feature, json!({ "issueAfterReset": 100, "isSoftLimit": true }));
    shop.api.patch(&format!("/v0/prices/{calls}"), &json!({ "grantDiscountEnabled": true })).expect(200);
    let id = shop.subscribe(&[&calls], json!({}));
    shop.adjust(&id, "percentageDiscount", "0.1", None);
    shop.uses(130.0);
    let lines = shop.february(&id);
    // 65 less 50 is 15, of which a tenth is taken off.
    let amounts: Vec<&str> = texts(&lines, "totalPrice");
    let adjustment = lines.iter().find(|line| line["provenance"]["inputs"]["kind"] == "fromLine").expect("a line");
    assert_eq!((amounts.len(), &adjustment["totalPrice"]), (3, &json!("-1.50")));
    assert_eq!(steps(adjustment, "amount"), [("subtract", "15"), ("scale", "-1.5")]);
}

#[test]
fn lines_by_hand_and_units_that_were_bought() {
    let shop = Shop::new();
    let calls = shop.calls(json!({ "unitPrice": "1" }));
    let feature = shop.api.feature(&shop.product, "calls", "metered");
    shop.api.attach(&calls, &feature, json!({}));
    let id = shop.subscribe(&[&calls], json!({ "defaultTaxRate": 20, "taxBehavior": "inclusive" }));
    let line = json!({
        "subscriptionId": id, "displayName": "Onboarding", "currency": "USD", "quantity": 2, "unitPrice": 15.6,
    });
    shop.api.create("/v2/invoices/lineItems", &line);
    let lines = shop.february(&id);
    let manual = lines.iter().find(|line| line["invoiceDisplayName"] == "Onboarding").expect("the line");
    assert_eq!((&manual["totalPrice"], steps(manual, "amount")), (&json!("26.00"), vec![("subtract", "26")]));
    assert_eq!(manual["provenance"]["inputs"]["amount"], json!({ "value": "31.2", "source": "merchant" }));

    let entitlement = shop.api.rows(&format!("/v1/entitlements?customerId={}", shop.customer)).remove(0);
    let path = format!("/v1/entitlements/{}/grants/purchase", text(&entitlement, "entitlementId"));
    let bought = shop.api.create(&path, &json!({ "amount": 10, "price": "5.006", "idempotencyKey": "more" }));
    let line = shop.traced(&shop.api.get(&format!("/v2/invoices/{}", text(&bought, "invoiceId")))).remove(0);
    assert_eq!(steps(&line, "amount"), [("round", "5.01")]);
    assert_eq!(line["provenance"]["sources"]["merchant"]["asUsed"], json!({ "price": "5.006", "units": "10" }));
}

#[test]
fn what_is_paid_in_credits() {
    let shop = Shop::new();
    let unit = json!({ "key": "credits", "name": "Credits", "merchantId": "org_shop", "productId": shop.product });
    let unit = text(&shop.api.create("/v0/pricingUnits", &unit), "id").to_owned();
    let calls = shop.calls(json!({ "unitPrice": "3" }));
    shop.api.patch(&format!("/v0/prices/{calls}"), &json!({ "pricingUnitId": unit })).expect(200);
    let allocation = json!({ "creditAllocations": [{ "pricingUnitId": unit, "amount": 60 }] });
    let id = shop.subscribe(&[&calls], allocation);
    shop.uses(25.0);
    let line = shop.february(&id).remove(0);
    // 60 credits cover 20 calls; the other five are beyond them.
    assert_eq!(steps(&line, "quantity"), [("allow", "5"), ("clamp", "0")]);
    assert_eq!((steps(&line, "amount"), &line["totalPrice"]), (vec![("evaluate", "0")], &json!("0.00")));
    assert_eq!(
        line["provenance"]["inputs"]["price"]["fn"],
        json!({ "model": "unit", "rate": "3", "pricingUnitId": unit })
    );
}
