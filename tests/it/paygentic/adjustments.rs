//! Adjustments of subscriptions (facts: paygentic-behaviour §2.7; the figures are worked out by hand).

use serde_json::{Value, json};

use crate::support::{Answer, Api, api, text, texts};

const START: &str = "2028-02-01T00:00:00Z";

/// A subscriber of a fee of 100 a month in arrears and of calls at a ladder: up to 100 at 5, beyond at 3.
struct Shop {
    api: Api,
    clock: String,
    customer: String,
    path: String,
    subscription: String,
    base: String,
    calls: String,
}

impl Shop {
    fn new() -> Self {
        let api = api();
        api.freeze(START);
        let product = api.product();
        let base = api.fee_price(&product, "100", "P1M", "in_arrears", json!({}));
        let tiers = json!([{ "upTo": "100", "unitPrice": "5" }, { "upTo": null, "unitPrice": "3" }]);
        let (_, calls) = api.usage_price(&product, "call", "SUM", json!({ "tiers": tiers }));
        let plan = api.plan(&product, &[&base, &calls], json!({ "defaultTaxRate": 10 }));
        let customer = api.customer("ada@example.com");
        let clock = api.clock(START);
        let made = api.subscribe(&plan, &customer, &clock, START, json!({}));
        let subscription = text(&made, "id").to_owned();
        let path = format!("/v0/subscriptions/{subscription}/adjustments");
        Self { api, clock, customer, path, subscription, base, calls }
    }

    fn adjust(&self, kind: &str, value: &str, more: Value) -> Value {
        self.api.create(&self.path, &adjustment(kind, value, more))
    }

    fn issue(&self, at: &str) -> Value {
        self.api.advance_to(&self.clock, at);
        let invoices = self.api.invoices(&self.subscription);
        invoices.iter().rfind(|invoice| invoice["issuedAt"].is_string()).expect("an invoice").clone()
    }

    /// Kind and net amount of each line of an invoice.
    fn lines(&self, invoice: &Value) -> Vec<(String, String)> {
        let lines = self.api.lines(invoice);
        lines.iter().map(|line| (text(line, "eventType").to_owned(), text(line, "totalPrice").to_owned())).collect()
    }

    #[track_caller]
    fn refuses(&self, body: &Value, status: u16) -> Answer {
        self.api.refuses("POST", &self.path, body, status)
    }
}

fn adjustment(kind: &str, value: &str, more: Value) -> Value {
    let mut body = json!({ "type": kind, kind: value, "effectiveFrom": START });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn percentages_compound_and_each_charge_has_a_line_of_its_own() {
    let shop = Shop::new();
    for _ in 0..2 {
        shop.adjust("percentageDiscount", "0.35", json!({}));
    }
    shop.api.usage("call", &shop.customer, 10.0, "2028-02-10T00:00:00Z");
    // 1 - 0.65 × 0.65 = 57.75 % off 100 and off 50; 10 % tax on what is left of 150.
    let open = shop.api.invoices(&shop.subscription)[0].clone();
    assert_eq!((text(&open, "subtotal"), text(&open, "status")), ("63.38", "ACTIVE"));
    let invoice = shop.issue("2028-03-02T00:00:00Z");
    let expected = pairs(&[("fee", "100.00"), ("discount", "-57.75"), ("usage", "50.00"), ("discount", "-28.875")]);
    assert_eq!(shop.lines(&invoice), expected);
    assert_eq!((text(&invoice, "subtotal"), text(&invoice, "totalTax")), ("63.38", "6.34"));
    let ledger = shop.api.get(&format!("/v2/invoices/lineItems?invoiceId={}", text(&invoice, "id")));
    assert_eq!(texts(ledger["data"].as_array().unwrap(), "type"), ["fee", "metered", "adjustment", "adjustment"]);
}

#[test]
fn a_percentage_counts_for_the_days_that_it_holds() {
    let shop = Shop::new();
    // 10 of February's 29 days, and no day of March.
    let window = json!({ "effectiveFrom": "2028-02-20T00:00:00Z", "effectiveTo": "2028-03-01T00:00:00Z" });
    shop.adjust("percentageDiscount", "0.29", window);
    let invoice = shop.issue("2028-03-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice), pairs(&[("fee", "100.00"), ("discount", "-10.00"), ("usage", "0.00")]));
    let invoice = shop.issue("2028-04-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice), pairs(&[("fee", "100.00"), ("usage", "0.00")]));
}

#[test]
fn units_taken_off_usage_choose_the_band_anew() {
    let shop = Shop::new();
    let off = json!({ "targetPriceIds": [shop.calls] });
    let first = shop.adjust("usageDiscount", "8", off.clone());
    let second = shop.adjust("usageDiscount", "2", off);
    // 105 units would cost 3 each; 10 are taken off, and 95 cost 5 each.
    shop.api.usage("call", &shop.customer, 105.0, "2028-02-10T00:00:00Z");
    let invoice = shop.issue("2028-03-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice), pairs(&[("fee", "100.00"), ("usage", "475.00")]));
    let ledger = shop.api.get(&format!("/v2/invoices/lineItems?invoiceId={}", text(&invoice, "id")));
    let line = ledger["data"].as_array().unwrap().iter().find(|line| line["type"] == "metered").unwrap();
    assert_eq!((&line["meteredQuantity"], &line["quantity"]), (&json!("105"), &json!("95")));
    assert_eq!(line["usageDiscountIds"], json!([first["id"], second["id"]]));
    // It never goes below nothing.
    shop.api.usage("call", &shop.customer, 4.0, "2028-03-10T00:00:00Z");
    let invoice = shop.issue("2028-04-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice), pairs(&[("fee", "100.00"), ("usage", "0.00")]));
}

#[test]
fn a_window_counts_by_the_end_of_the_period() {
    let shop = Shop::new();
    let window = json!({
        "targetPriceIds": [shop.calls], "effectiveFrom": "2028-02-15T00:00:00Z", "effectiveTo": "2028-03-01T00:00:00Z",
    });
    shop.adjust("minimumQuantity", "20", window);
    // February ends within it, March does not.
    let invoice = shop.issue("2028-03-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice), pairs(&[("fee", "100.00"), ("usage", "100.00")]));
    let invoice = shop.issue("2028-04-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice), pairs(&[("fee", "100.00"), ("usage", "0.00")]));
}

#[test]
fn the_greatest_minimum_and_the_least_maximum_count() {
    let shop = Shop::new();
    let calls = || json!({ "targetPriceIds": [shop.calls] });
    shop.adjust("minimumQuantity", "10", calls());
    shop.adjust("minimumQuantity", "30", calls());
    shop.adjust("maximumQuantity", "110", calls());
    shop.adjust("maximumQuantity", "200", calls());
    let invoice = shop.issue("2028-03-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice)[1].1, "150.00");
    shop.api.usage("call", &shop.customer, 500.0, "2028-03-10T00:00:00Z");
    let invoice = shop.issue("2028-04-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice)[1].1, "330.00");
}

#[test]
fn the_parts_of_a_period_are_bounded_by_a_common_factor() {
    let shop = Shop::new();
    let intervals = format!("/v0/subscriptions/{}/intervals", shop.subscription);
    let base = shop.api.get(&intervals)["intervals"][0]["id"].clone();
    // One seat for 9 of 29 days, three for 20: four in all, of which at least eight are charged.
    let transitions = json!([{ "effectiveDate": "2028-02-10T00:00:00Z", "quantity": "3" }]);
    let op = json!({ "id": base, "unitPrice": "29", "quantityTransitions": transitions });
    shop.api.post(&intervals, &json!({ "edit": [op] })).expect(200);
    shop.adjust("minimumQuantity", "8", json!({ "targetPriceIds": [shop.base] }));
    let invoice = shop.issue("2028-03-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice), pairs(&[("fee", "18.00"), ("fee", "120.00"), ("usage", "0.00")]));
}

#[test]
fn an_adjustment_is_taken_back_as_far_as_it_was_not_invoiced() {
    let shop = Shop::new();
    let made = shop.adjust("percentageDiscount", "0.5", json!({ "idempotencyKey": "half", "description": "A friend" }));
    let again =
        shop.api.post(&shop.path, &adjustment("percentageDiscount", "0.5", json!({ "idempotencyKey": "half" })));
    assert_eq!(again.expect(200), made);
    assert_eq!((&made["percentageDiscount"], &made["usageDiscount"]), (&json!("0.5"), &Value::Null));
    assert_eq!(shop.api.rows(&shop.path), std::slice::from_ref(&made));
    let unused = shop.adjust("percentageDiscount", "1", json!({ "effectiveFrom": "2029-01-01T00:00:00Z" }));
    assert_eq!(shop.api.delete(&format!("{}/{}", shop.path, text(&unused, "id"))).status, 204);
    shop.issue("2028-03-02T00:00:00Z");
    let path = format!("{}/{}", shop.path, text(&made, "id"));
    let cut = shop.api.delete(&path).expect(200);
    assert_eq!(cut["effectiveTo"], "2028-03-01T00:00:00Z");
    let invoice = shop.issue("2028-04-02T00:00:00Z");
    assert_eq!(shop.lines(&invoice), pairs(&[("fee", "100.00"), ("usage", "0.00")]));
    shop.api.refuses("DELETE", &format!("{}/adj_nobody", shop.path), &Value::Null, 404);
}

#[test]
fn an_invoice_whose_period_is_over_stays_as_it_is() {
    let shop = Shop::new();
    shop.api.advance_to(&shop.clock, "2028-03-01T12:00:00Z");
    assert_eq!(shop.api.invoices(&shop.subscription)[0]["status"], "CLOSING");
    shop.adjust("percentageDiscount", "1", json!({}));
    let invoice = shop.issue("2028-03-02T00:00:00Z");
    assert_eq!(text(&invoice, "subtotal"), "100.00");
    assert_eq!(shop.lines(&shop.issue("2028-04-02T00:00:00Z"))[1], ("discount".to_owned(), "-100.00".to_owned()));
}

#[test]
fn what_cannot_be_adjusted_is_refused() {
    let shop = Shop::new();
    let once = shop.api.fee_price(&shop.api.product(), "9", "P0D", "in_advance", json!({}));
    let target = |price: &str| json!({ "targetPriceIds": [price] });
    for (body, status) in [
        (adjustment("percentageDiscount", "0", json!({})), 400),
        (adjustment("percentageDiscount", "1.5", json!({})), 400),
        (adjustment("percentageDiscount", "0.1234567", json!({})), 400),
        (adjustment("percentageDiscount", "0.5", target(&shop.base)), 400),
        (adjustment("percentageDiscount", "0.5", json!({ "effectiveTo": START })), 400),
        (adjustment("usageDiscount", "5", json!({})), 400),
        (adjustment("usageDiscount", "5", target(&shop.base)), 400),
        (adjustment("usageDiscount", "1e3", target(&shop.calls)), 400),
        (adjustment("minimumQuantity", "5", target("price_nobody")), 404),
        (adjustment("minimumQuantity", "5", target(&once)), 400),
        (json!({ "type": "percentageDiscount", "percentageDiscount": "0.5" }), 400),
    ] {
        shop.refuses(&body, status);
    }
    shop.api.refuses("GET", "/v0/subscriptions/sub_nobody/adjustments", &Value::Null, 404);
}

#[test]
fn one_jump_is_many_steps_with_adjustments() {
    let run = |steps: &[&str]| {
        let shop = Shop::new();
        shop.adjust("percentageDiscount", "0.35", json!({ "effectiveTo": "2028-03-20T00:00:00Z" }));
        shop.adjust("minimumQuantity", "10", json!({ "targetPriceIds": [shop.calls] }));
        for step in steps {
            shop.api.advance(&shop.clock, step);
        }
        let invoices = shop.api.invoices(&shop.subscription);
        invoices.iter().map(|invoice| (text(invoice, "status").to_owned(), shop.lines(invoice))).collect::<Vec<_>>()
    };
    assert_eq!(run(&["P90D"]), run(&["P1D"; 90]));
}
