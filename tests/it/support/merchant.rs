//! A client of Paymennt: one pair of key and secret, one world.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::{Answer, Api, api, bodies};

static PAIRS: AtomicU64 = AtomicU64::new(0);
const MOUNT: &str = "/paymennt/mer/v2.0";

pub struct Merchant {
    pub api: Api,
    pub pair: (String, String),
}

/// A merchant of its own.
pub fn merchant() -> Merchant {
    let number = PAIRS.fetch_add(1, Ordering::Relaxed);
    Merchant { api: api().with_key(""), pair: (format!("{number:016x}"), format!("mer_{number}")) }
}

/// A merchant whose clock stands at an instant.
pub fn merchant_at(now: &str) -> Merchant {
    let merchant = merchant();
    merchant.control("POST", "/clock", &json!({ "now": now }));
    merchant
}

impl Merchant {
    fn headers(&self) -> Vec<(&str, &str)> {
        vec![("x-paymennt-api-key", &self.pair.0), ("X-Paymennt-Api-Secret", &self.pair.1)]
    }

    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let mut headers = self.headers();
        headers.push(("content-type", "application/json"));
        let bytes = if body.is_null() { String::new() } else { body.to_string() };
        self.api.raw(method, &format!("{MOUNT}{path}"), &headers, bytes.as_bytes())
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, body)
    }

    /// The result of a POST that is taken.
    #[track_caller]
    pub fn make(&self, path: &str, body: &Value) -> Value {
        self.post(path, body).result()
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).result()
    }

    /// The text of a refusal.
    #[track_caller]
    pub fn refused(&self, path: &str, body: &Value) -> String {
        self.post(path, body).error(400)
    }

    #[track_caller]
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut headers = self.headers();
        headers.push(("content-type", "application/json"));
        let bytes = if body.is_null() { String::new() } else { body.to_string() };
        let between = if path.contains('?') { '&' } else { '?' };
        let answer =
            self.api.raw(method, &format!("/_leapday{path}{between}provider=paymennt"), &headers, bytes.as_bytes());
        assert!(answer.status < 300, "{} {}", answer.status, answer.body);
        answer.body
    }

    #[track_caller]
    pub fn advance(&self, by: &str) {
        self.control("POST", "/clock/advance", &json!({ "by": by }));
    }

    #[track_caller]
    pub fn advance_to(&self, to: &str) {
        self.control("POST", "/clock/advance", &json!({ "to": to }));
    }

    /// The names of all that has happened.
    pub fn history(&self) -> Vec<Value> {
        bodies(&self.control("GET", "/events?limit=1000", &Value::Null))
    }

    pub fn messages(&self) -> Vec<Value> {
        self.control("GET", "/messages?limit=1000", &Value::Null)["messages"].as_array().expect("messages").clone()
    }
}

impl Answer {
    /// What a success holds.
    #[track_caller]
    pub fn result(self) -> Value {
        let why = self.header("leapday-violation").map(str::to_owned);
        assert_eq!((self.status, &self.body["success"]), (200, &json!(true)), "{} {why:?}", self.body);
        assert!(self.body["elapsed"].is_u64() && self.body.get("error").is_none(), "{}", self.body);
        self.body["result"].clone()
    }

    /// What a refusal says.
    #[track_caller]
    pub fn error(&self, status: u16) -> String {
        assert_eq!((self.status, &self.body["success"]), (status, &json!(false)), "{}", self.body);
        assert!(self.body["elapsed"].is_u64() && self.body.get("result").is_none(), "{}", self.body);
        self.body["error"].as_str().expect("an error").to_owned()
    }
}

/// The web checkout of the documents (E2), under a request id.
pub fn web(request: &str) -> Value {
    let address = json!({ "name": "N", "address1": "A1", "city": "Dubai", "country": "AE", "set": true });
    json!({
        "requestId": request, "orderId": "ORD-1234", "currency": "AED", "amount": 100.0,
        "totals": {
            "subtotal": 100.0, "tax": 5.0, "shipping": 3.0, "handling": 2.0, "discount": 10.0,
            "skipTotalsValidation": false,
        },
        "items": [{ "name": "Dark grey sunglasses", "sku": "1116521", "unitprice": 50.0, "quantity": 2, "linetotal": 100.0 }],
        "customer": {
            "id": "123456", "firstName": "Ada", "lastName": "Lovelace", "email": "a@example.com", "phone": "971501234567",
        },
        "billingAddress": address, "deliveryAddress": address,
        "returnUrl": "https://shop.example.com/payment-redirect/", "branchId": 0,
        "allowedPaymentMethods": ["CARD"], "defaultPaymentMethod": "CARD", "language": "EN",
    })
}
