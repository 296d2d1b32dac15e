//! A merchant's catalogue and customers, made with as few words as a test can bear.

use serde_json::{Value, json};

use super::{Api, text};

pub const MERCHANT: &str = "org_shop";
/// A span that holds all events of all tests.
pub const EVER: &str = "?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z";

impl Api {
    pub fn product(&self) -> String {
        self.made("/v0/products", &json!({ "name": "Service", "description": "A service", "merchantId": MERCHANT }))
    }

    /// A price for a fee: `amount` per `cadence`, `in_advance` or `in_arrears`, with fields of your own.
    pub fn fee_price(&self, product: &str, amount: &str, cadence: &str, term: &str, more: Value) -> String {
        let fee = json!({ "name": "Fee", "description": "A fee", "merchantId": MERCHANT, "productId": product });
        let fee = self.made("/v0/fees", &fee);
        let price = json!({
            "invoiceDisplayName": format!("Fee {amount}"), "paymentTerm": term, "feeId": fee,
            "billingCadence": cadence, "properties": { "unitPrice": amount },
        });
        self.made("/v0/prices", &merged(price, more))
    }

    /// A metric over `$.n` of events of type `kind`, and its price.
    pub fn usage_price(&self, product: &str, kind: &str, aggregation: &str, properties: Value) -> (String, String) {
        let mut metric = json!({
            "name": kind, "description": "Usage", "unit": "units", "merchantId": MERCHANT,
            "productId": product, "eventType": kind, "aggregation": aggregation,
        });
        if aggregation != "COUNT" {
            metric["valueProperty"] = json!("$.n");
        }
        let metric = self.made("/v0/billableMetrics", &metric);
        let model = if properties.get("tiers").is_some() { "volume" } else { "standard" };
        let price = json!({
            "invoiceDisplayName": format!("Usage of {kind}"), "paymentTerm": "in_arrears",
            "billableMetricId": metric, "model": model, "properties": properties,
        });
        let price = self.made("/v0/prices", &price);
        (metric, price)
    }

    pub fn feature(&self, product: &str, key: &str, kind: &str) -> String {
        let name = format!("The {key}");
        let feature = json!({ "key": key, "name": name, "merchantId": MERCHANT, "productId": product, "type": kind });
        self.made("/v0/features", &feature)
    }

    /// Lets a price carry a feature; `template` is left out where it is null.
    pub fn attach(&self, price: &str, feature: &str, template: Value) {
        let mut carried = json!({ "featureId": feature });
        if !template.is_null() {
            carried["entitlementTemplate"] = template;
        }
        self.patch(&format!("/v0/prices/{price}"), &json!({ "feature": carried })).expect(200);
    }

    pub fn plan(&self, product: &str, prices: &[&str], more: Value) -> String {
        let plan = json!({
            "name": "Plan", "currency": "USD", "merchantId": MERCHANT, "productId": product, "prices": prices,
        });
        self.made("/v0/plans", &merged(plan, more))
    }

    pub fn customer(&self, email: &str) -> String {
        let address =
            json!({ "line1": "1 Main St", "city": "Springfield", "state": "CA", "country": "US", "zipCode": "94105" });
        let customer =
            json!({ "merchantId": MERCHANT, "consumer": { "name": "Jo Doe", "email": email, "address": address } });
        text(&self.create("/v0/customers", &customer), "customerId").to_owned()
    }

    pub fn clock(&self, at: &str) -> String {
        self.made("/v0/testClocks", &json!({ "currentTime": at }))
    }

    /// A subscription that starts at `start` on `clock`, with fields of your own.
    pub fn subscribe(&self, plan: &str, customer: &str, clock: &str, start: &str, more: Value) -> Value {
        let wanted = json!({
            "name": "Subscription", "planId": plan, "customerId": customer, "startedAt": start, "testClockId": clock,
        });
        self.create("/v0/subscriptions", &merged(wanted, more))
    }

    /// Pays whatever a subscription waits for.
    pub fn pay(&self, subscription: &Value) {
        let session = subscription["payment"]["paymentSessionId"].as_str().expect("a payment that waits");
        let paid = self.post(&format!("/_leapday/payments/{session}/complete"), &json!({})).expect(200);
        assert_eq!(paid["paid"], true, "{paid:#}");
    }

    pub fn save_card(&self, customer: &str, number: &str) {
        let path = format!("/_leapday/customers/{customer}/payment-methods");
        self.create(&path, &json!({ "card": { "number": number } }));
    }

    pub fn advance(&self, clock: &str, by: &str) -> Value {
        self.patch(&format!("/v0/testClocks/{clock}"), &json!({ "advanceBy": by })).expect(200)
    }

    pub fn advance_to(&self, clock: &str, to: &str) -> Value {
        self.patch(&format!("/v0/testClocks/{clock}"), &json!({ "currentTime": to })).expect(200)
    }

    pub fn usage(&self, kind: &str, customer: &str, n: f64, at: &str) {
        let event = json!({
            "type": kind, "source": "test", "subject": customer, "data": { "n": n }, "timestamp": at,
        });
        self.post("/v0/events", &event).expect(202);
    }

    /// Stops the world's clock at an instant.
    pub fn freeze(&self, at: &str) {
        self.post("/_leapday/clock", &json!({ "now": at })).expect(200);
    }

    pub fn world_advance_to(&self, to: &str) {
        self.post("/_leapday/clock/advance", &json!({ "to": to })).expect(200);
    }

    /// The type and the data of what happened last.
    pub fn last_event(&self) -> (String, Value) {
        let last = self.events().pop().expect("an event");
        (text(&last, "eventType").to_owned(), last["data"].clone())
    }

    /// The invoices of a subscription by sequence number.
    pub fn invoices(&self, subscription: &str) -> Vec<Value> {
        let mut rows = self.rows(&format!("/v2/invoices?subscriptionId={subscription}"));
        rows.sort_by_key(|row| row["sequenceNumber"].as_u64());
        rows
    }

    /// The lines of an invoice.
    pub fn lines(&self, invoice: &Value) -> Vec<Value> {
        let id = text(invoice, "id");
        self.get(&format!("/v2/invoices/{id}/lineItems"))["lineItems"].as_array().cloned().expect("lines")
    }

    fn made(&self, path: &str, body: &Value) -> String {
        text(&self.create(path, body), "id").to_owned()
    }
}

/// `base` with the fields of `more` over it.
fn merged(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}
