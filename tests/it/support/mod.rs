//! A client for tests: one key, one world.

mod browser;
mod merchant;
mod receiver;
mod refusal;
mod shop;
mod tenant;
mod wire;

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use leapday::blocking::Sandbox;
use serde_json::Value;

pub use self::browser::{Browser, Shown};
pub use self::merchant::{Merchant, merchant, merchant_at, web};
pub use self::receiver::{Reaction, Receiver};
pub use self::shop::{EVER, MERCHANT};
pub use self::tenant::{Biller, Tenant, newcomer, tenant};
pub use self::wire::{Plain, Wire};

/// The sandbox that tests share: strict, so that an answer that breaks its schema is a 500.
static SHARED: LazyLock<Sandbox> =
    LazyLock::new(|| Sandbox::builder().strict(true).start().expect("the shared sandbox starts"));
static KEYS: AtomicU64 = AtomicU64::new(0);

/// One key at one sandbox.
#[derive(Clone)]
pub struct Api {
    pub base: String,
    pub key: String,
    agent: ureq::Agent,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub bytes: Vec<u8>,
    headers: Vec<(String, String)>,
}

/// A client with a new key, and so in a new world.
pub fn api() -> Api {
    Api::at(SHARED.base_url(), &fresh_key())
}

/// A key that no other test has.
pub fn fresh_key() -> String {
    format!("sk_test_{}", KEYS.fetch_add(1, Ordering::Relaxed))
}

impl Api {
    pub fn at(base: &str, key: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        let agent: ureq::Agent = config.into();
        Self { base: base.to_owned(), key: key.to_owned(), agent }
    }

    /// The same sandbox under another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Sends bytes as they are, with headers beside the key.
    pub fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if body.is_empty() {
            self.agent.run(request.body(()).expect("a request"))
        } else {
            self.agent.run(request.body(body.to_vec()).expect("a request"))
        };
        let mut answer = answer.expect("an answer");
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned())).collect();
        let bytes = answer.body_mut().with_config().limit(64 << 20).read_to_vec().expect("a body");
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: answer.status().as_u16(), body, bytes, headers }
    }

    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        let path = if path.starts_with("/_leapday") || path.starts_with("/paylera") {
            path.to_owned()
        } else {
            format!("/paygentic{path}")
        };
        if body.is_null() {
            return self.raw(method, &path, &[], b"");
        }
        self.raw(method, &path, &headers, body.to_string().as_bytes())
    }

    /// The body of a 2xx.
    pub fn get(&self, path: &str) -> Value {
        self.send("GET", path, &Value::Null).expect(200)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, body)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &Value::Null)
    }

    /// The body of a 201.
    pub fn create(&self, path: &str, body: &Value) -> Value {
        self.post(path, body).expect(201)
    }

    /// All rows of a list that fits one page of 100.
    pub fn rows(&self, path: &str) -> Vec<Value> {
        let mut path = path.to_owned();
        let _ = write!(path, "{}limit=100", if path.contains('?') { '&' } else { '?' });
        self.get(&path)["data"].as_array().cloned().expect("a list")
    }

    /// All events of the world as webhooks would tell them, oldest first.
    pub fn events(&self) -> Vec<Value> {
        bodies(&self.get("/_leapday/events?limit=1000"))
    }
}

/// The vendor's own bodies of the events that the control API lists.
pub fn bodies(listed: &Value) -> Vec<Value> {
    listed["events"].as_array().expect("events").iter().map(|event| event["body"].clone()).collect()
}

impl Answer {
    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#} {:?}", self.body, self.header("leapday-violation"));
        self.body
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The texts of a field in a list.
#[track_caller]
pub fn texts<'v>(rows: &'v [Value], field: &str) -> Vec<&'v str> {
    rows.iter().map(|row| text(row, field)).collect()
}

/// The text of a field.
#[track_caller]
pub fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {value:#}"))
}
