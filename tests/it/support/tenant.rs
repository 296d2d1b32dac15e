//! A client of Paylera: one token, one world, and an idempotency key for each POST.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::{Answer, Api, api};

static KEYS: AtomicU64 = AtomicU64::new(0);

pub struct Tenant(pub Api);

/// A tenant of its own.
pub fn tenant() -> Tenant {
    let api = api();
    let token = format!("sk_sandbox_{}", KEYS.fetch_add(1, Ordering::Relaxed));
    Tenant(api.with_key(&token))
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
