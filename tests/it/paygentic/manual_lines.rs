//! Lines that are added by hand (facts: paygentic-behaviour §2.8, §1.3).

use serde_json::{Value, json};

use crate::support::{Api, api, text, texts};

const START: &str = "2028-02-01T00:00:00Z";
const PATH: &str = "/v2/invoices/lineItems";

struct Shop {
    api: Api,
    clock: String,
    subscription: String,
}

impl Shop {
    /// A subscriber of 10 a month in arrears, and of calls at 1 where it is metered.
    fn new(metered: bool) -> Self {
        let api = api();
        api.freeze(START);
        let product = api.product();
        let base = api.fee_price(&product, "10", "P1M", "in_arrears", json!({}));
        let (_, calls) = api.usage_price(&product, "call", "SUM", json!({ "unitPrice": "1" }));
        let prices = if metered { vec![base.as_str(), calls.as_str()] } else { vec![base.as_str()] };
        let plan = api.plan(&product, &prices, json!({ "defaultTaxRate": 20 }));
        let customer = api.customer("ada@example.com");
        let clock = api.clock(START);
        let made = api.subscribe(&plan, &customer, &clock, START, json!({}));
        Self { subscription: text(&made, "id").to_owned(), api, clock }
    }

    fn line(&self, more: Value) -> Value {
        let mut body = json!({
            "subscriptionId": self.subscription, "displayName": "Onboarding", "currency": "USD", "quantity": 2,
            "unitPrice": 15.5,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    fn of(&self, invoice: &Value, more: Value) -> Value {
        let mut body = self.line(more);
        body.as_object_mut().unwrap().remove("subscriptionId");
        body["invoiceId"] = invoice["id"].clone();
        body
    }

    fn invoices(&self) -> Vec<Value> {
        self.api.invoices(&self.subscription)
    }

    fn nets(&self, invoice: &Value) -> Vec<String> {
        texts(&self.api.lines(invoice), "totalPrice").into_iter().map(str::to_owned).collect()
    }
}

#[test]
fn a_line_waits_for_the_next_invoice_and_is_taxed_there() {
    let shop = Shop::new(false);
    let made = shop.api.create(PATH, &shop.line(json!({ "description": "Two hours" })));
    for (field, value) in [
        ("type", json!("manual")),
        ("status", json!("pending")),
        ("subtotal", json!("31.00")),
        ("quantity", json!("2")),
        ("unitPrice", json!("15.50")),
        ("invoiceId", Value::Null),
        ("priceId", Value::Null),
        ("paymentTerm", Value::Null),
        ("description", json!("Two hours")),
        ("periodStart", json!(START)),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let open = shop.invoices().pop().unwrap();
    assert_eq!((text(&open, "status"), text(&open, "subtotal")), ("ACTIVE", "41.00"));
    shop.api.advance_to(&shop.clock, "2028-03-01T00:00:00Z");
    let invoice = &shop.invoices()[0];
    assert_eq!(shop.nets(invoice), ["10.00", "31.00"]);
    assert_eq!((text(invoice, "subtotal"), text(invoice, "totalTax")), ("41.00", "8.20"));
    let lines = shop.api.lines(invoice);
    assert_eq!((&lines[1]["invoiceDisplayName"], &lines[1]["eventType"]), (&json!("Onboarding"), &json!("fee")));
    let ledger = shop.api.get(&format!("{PATH}?subscriptionId={}&status=invoiced", shop.subscription));
    assert_eq!(texts(ledger["data"].as_array().unwrap(), "type"), ["fee", "manual"]);
    // The next month knows nothing of it.
    shop.api.advance_to(&shop.clock, "2028-04-01T00:00:00Z");
    assert_eq!(shop.nets(&shop.invoices()[1]), ["10.00"]);
}

#[test]
fn a_line_that_names_its_instant_is_invoiced_then() {
    let shop = Shop::new(false);
    shop.api.create(PATH, &shop.line(json!({ "invoiceAt": "2028-02-10T00:00:00Z" })));
    let upcoming = shop.api.get(&format!("/_leapday/clock/upcoming?clock={}", shop.clock));
    assert_eq!(upcoming["upcoming"][0]["at"], "2028-02-10T00:00:00Z");
    shop.api.advance_to(&shop.clock, "2028-03-01T00:00:00Z");
    let invoices = shop.invoices();
    assert_eq!(
        (shop.nets(&invoices[0]), text(&invoices[0], "issuedAt")),
        (vec!["31.00".to_owned()], "2028-02-10T00:00:00Z")
    );
    assert_eq!(shop.nets(&invoices[1]), ["10.00"]);
    // One beyond the next invoice waits for its own time.
    shop.api.create(PATH, &shop.line(json!({ "invoiceAt": "2028-04-15T00:00:00Z" })));
    shop.api.advance_to(&shop.clock, "2028-05-01T00:00:00Z");
    let invoices = shop.invoices();
    assert_eq!(
        invoices[2..5].iter().map(|invoice| shop.nets(invoice)).collect::<Vec<_>>(),
        [["10.00"], ["31.00"], ["10.00"]]
    );
}

#[test]
fn a_credit_never_makes_an_invoice_negative() {
    let shop = Shop::new(false);
    shop.api.create(PATH, &shop.line(json!({ "quantity": 1, "unitPrice": -4 })));
    assert_eq!(text(&shop.invoices()[0], "subtotal"), "6.00");
    shop.api.create(PATH, &shop.line(json!({ "quantity": 1, "unitPrice": -40 })));
    shop.api.advance_to(&shop.clock, "2028-03-01T00:00:00Z");
    let invoice = &shop.invoices()[0];
    assert_eq!((text(invoice, "grandTotal"), text(invoice, "status")), ("0.00", "PAID"));
}

#[test]
fn an_invoice_takes_lines_while_it_is_open_or_closing() {
    let shop = Shop::new(true);
    let open = shop.invoices()[0].clone();
    shop.api.create(PATH, &shop.of(&open, json!({})));
    shop.api.advance_to(&shop.clock, "2028-03-01T10:00:00Z");
    assert_eq!(shop.invoices()[0]["status"], "CLOSING");
    let late = shop.api.create(PATH, &shop.of(&open, json!({ "displayName": "Late" })));
    assert_eq!((&late["status"], &late["invoiceId"]), (&json!("invoiced"), &open["id"]));
    shop.api.advance_to(&shop.clock, "2028-03-02T00:00:00Z");
    assert_eq!(shop.nets(&shop.invoices()[0]), ["10.00", "0.00", "31.00", "31.00"]);
    let refusal = shop.api.refuses("POST", PATH, &shop.of(&open, json!({})), 409);
    assert!(text(&refusal.body, "message").contains("ACTIVE or CLOSING"));
}

#[test]
fn the_last_invoice_takes_what_waits() {
    let shop = Shop::new(false);
    shop.api.create(PATH, &shop.line(json!({ "invoiceAt": "2029-01-01T00:00:00Z" })));
    let path = format!("/v0/subscriptions/{}/termination", shop.subscription);
    shop.api.post(&path, &json!({ "reason": "Gone" })).expect(200);
    let last = shop.invoices().pop().unwrap();
    assert_eq!((text(&last, "status"), shop.nets(&last)), ("ISSUED", vec!["31.00".to_owned()]));
    shop.api.refuses("POST", PATH, &shop.line(json!({})), 409);
}

#[test]
fn a_key_makes_one_line() {
    let shop = Shop::new(false);
    let keyed = shop.line(json!({ "idempotencyKey": "setup-1" }));
    let made = shop.api.create(PATH, &keyed);
    assert_eq!(shop.api.post(PATH, &keyed).expect(200), made);
    let header = [("idempotency-key", "setup-1"), ("content-type", "application/json")];
    let again =
        shop.api.raw("POST", &format!("/paygentic{PATH}"), &header, shop.line(json!({})).to_string().as_bytes());
    assert_eq!((again.status, &again.body["id"]), (200, &made["id"]));
    shop.api.refuses("POST", PATH, &shop.line(json!({ "idempotencyKey": "setup-1", "quantity": 3 })), 409);
    let ledger = shop.api.get(&format!("{PATH}?subscriptionId={}&status=pending", shop.subscription));
    assert_eq!(ledger["totalCount"], 2);
}

#[test]
fn what_is_wrong_is_told() {
    let shop = Shop::new(false);
    for (body, status) in [
        (shop.line(json!({ "quantity": 0 })), 400),
        (shop.line(json!({ "unitPrice": "5" })), 400),
        (shop.line(json!({ "displayName": "" })), 400),
        (shop.line(json!({ "currency": "EUR" })), 422),
        (shop.line(json!({ "itemId": "itm_nobody" })), 404),
        (shop.line(json!({ "subscriptionId": "sub_nobody" })), 404),
        (shop.line(json!({ "invoiceId": "inv_nobody" })), 400),
        (shop.line(json!({ "periodStart": "2028-02-02T00:00:00Z", "periodEnd": START })), 400),
        (json!({ "displayName": "A", "currency": "USD", "quantity": 1, "unitPrice": 1 }), 400),
    ] {
        shop.api.refuses("POST", PATH, &body, status);
    }
}
