//! A client of Paylera: one token, one world, and an idempotency key for each POST.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::{Answer, Api, api, bodies};

static KEYS: AtomicU64 = AtomicU64::new(0);

pub struct Tenant(pub Api);

/// A tenant of its own, with what every world starts with.
pub fn newcomer() -> Tenant {
    let token = format!("sk_sandbox_{}", KEYS.fetch_add(1, Ordering::Relaxed));
    Tenant(api().with_key(&token))
}

/// A tenant of its own that has nothing.
pub fn tenant() -> Tenant {
    let tenant = newcomer();
    tenant.0.post("/_leapday/world/reset?provider=paylera", &json!({ "world": "empty" })).expect(200);
    tenant
}

impl Tenant {
    /// Sends a request with headers of its own beside the token.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let path = format!("/paylera{path}");
        let mut headers = headers.to_vec();
        if body.is_null() {
            return self.0.raw(method, &path, &headers, b"");
        }
        headers.push(("content-type", "application/json"));
        self.0.raw(method, &path, &headers, body.to_string().as_bytes())
    }

    /// A POST under a key that nobody has used.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let key = format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed));
        self.ask("POST", path, &[("idempotency-key", &key)], body)
    }

    /// The body of a 201.
    #[track_caller]
    pub fn create(&self, path: &str, body: &Value) -> Value {
        self.post(path, body).expect(201)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &[], &Value::Null).expect(200)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.ask("PATCH", path, &[], body)
    }

    pub fn customer(&self, email: &str) -> Value {
        self.create("/v1/customers", &json!({ "email": email }))
    }

    pub fn product(&self, code: &str) -> Value {
        self.create("/v1/products", &json!({ "code": code, "name": code }))
    }
}

impl Answer {
    /// Status and `problem` of a refusal, whose other fields are as they must be.
    #[track_caller]
    pub fn problem(&self, path: &str) -> (u16, String) {
        let body = &self.body;
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{body}");
        assert_eq!((&body["status"], &body["instance"]), (&json!(self.status), &json!(path)), "{body}");
        assert!(body["type"].as_str().is_some_and(|url| url.starts_with("https://errors.paylera.io/")), "{body}");
        assert!(body["trace_id"].as_str().is_some_and(|id| id.len() == 26), "{body}");
        (self.status, body["problem"].as_str().expect("a problem").to_owned())
    }
}

/// A tenant with a clock that stands, and what a subscription needs.
pub struct Biller {
    pub tenant: Tenant,
    pub customer: String,
}

impl Biller {
    /// One customer without a payment method, at an instant.
    pub fn at(now: &str) -> Self {
        let tenant = tenant();
        tenant.0.send("POST", "/_leapday/clock?provider=paylera", &json!({ "now": now })).expect(200);
        tenant.product("pro");
        let customer = tenant.customer("ada@example.com")["id"].as_str().expect("id").to_owned();
        Self { tenant, customer }
    }

    /// A plan of the product `pro`: its code, and what differs from a monthly one in dollars.
    pub fn plan(&self, code: &str, components: &Value, more: &Value) {
        let mut body = json!({
            "product_code": "pro", "code": code, "currency": "USD", "interval": "month", "components": components,
        });
        merge(&mut body, more);
        self.tenant.create("/v1/plans", &body);
    }

    /// A plan with one flat component.
    pub fn flat(&self, code: &str, amount: &str, more: &Value) {
        self.plan(code, &json!([{ "code": "base", "pricing": { "model": "flat", "amount": amount } }]), more);
    }

    /// Gives the customer a default method.
    pub fn method(&self, token: &str) -> String {
        let path = format!("/v1/customers/{}/payment-methods", self.customer);
        let made = self.tenant.create(&path, &json!({ "type": "card", "token": token, "set_as_default": true }));
        made["id"].as_str().expect("id").to_owned()
    }

    /// The path of a new subscription.
    #[track_caller]
    pub fn subscribe(&self, plan: &str, more: &Value) -> String {
        let mut body = json!({ "customer_id": self.customer, "plan_code": plan });
        merge(&mut body, more);
        let made = self.tenant.create("/v1/subscriptions", &body);
        format!("/v1/subscriptions/{}", made["id"].as_str().expect("id"))
    }

    #[track_caller]
    pub fn advance(&self, by: &str) {
        self.tenant.0.post("/_leapday/clock/advance?provider=paylera", &json!({ "by": by })).expect(200);
    }

    #[track_caller]
    pub fn advance_to(&self, to: &str) {
        self.tenant.0.post("/_leapday/clock/advance?provider=paylera", &json!({ "to": to })).expect(200);
    }

    pub fn status(&self, path: &str) -> String {
        self.tenant.get(path)["status"].as_str().expect("status").to_owned()
    }

    /// Invoices, oldest first.
    pub fn invoices(&self) -> Vec<Value> {
        let list = self.tenant.get("/v1/invoices?sort=created_at:asc&limit=100");
        list["data"].as_array().expect("rows").clone()
    }

    /// What has happened: instant, type.
    pub fn history(&self) -> Vec<(String, String)> {
        let events = self.tenant.0.get("/_leapday/events?provider=paylera&limit=1000");
        let told = |event: &Value| {
            let field = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            (field("occurred_at"), field("type"))
        };
        bodies(&events).iter().map(told).collect()
    }

    /// The types of what has happened since the last event of a type, that one left out.
    pub fn since(&self, event_type: &str) -> Vec<String> {
        let types: Vec<String> = self.history().into_iter().map(|(_, name)| name).collect();
        let after = types.iter().rposition(|name| name == event_type).map_or(0, |place| place + 1);
        types[after..].to_vec()
    }
}

fn merge(body: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
}
