//! Trouble on purpose: which requests of a world are answered badly, late or not at all.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::world::understood;
use super::{Error, World};
use crate::time::Timestamp;

/// What is to happen to requests, and to which.
///
/// ```
/// # use std::time::Duration;
/// # use leapday::client::Fault;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = leapday::Sandbox::start().await?;
/// # let world = sandbox.paylera("sk_sandbox_a");
/// world.faults().add(Fault::status(503).operation("listCustomers").times(1)).await?;
/// assert_eq!(world.call("GET", "/v1/customers", serde_json::Value::Null).await?.status, 503);
/// assert_eq!(world.call("GET", "/v1/customers", serde_json::Value::Null).await?.status, 200);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Fault {
    then: String,
    rule: Map<String, Value>,
    about: Map<String, Value>,
}

impl Fault {
    fn new(then: String) -> Self {
        Self { then, rule: Map::new(), about: Map::new() }
    }

    /// Refused with a status from 400 to 599; nothing is done.
    pub fn status(status: u16) -> Self {
        Self::new(format!("status:{status}"))
    }

    /// Done, and answered so much later.
    pub fn latency(latency: Duration) -> Self {
        Self::new(format!("latency:{}ms", latency.as_millis()))
    }

    /// Neither done nor answered.
    pub fn hang() -> Self {
        Self::new("hang".to_owned())
    }

    /// The connection is reset; nothing is done.
    pub fn reset() -> Self {
        Self::new("reset".to_owned())
    }

    /// Done, and the connection ends in the middle of the answer.
    pub fn truncate() -> Self {
        Self::new("truncate".to_owned())
    }

    /// Done, and the connection ends before the answer: what idempotency keys are for.
    pub fn lose_answer() -> Self {
        Self::new("lose_answer".to_owned())
    }

    /// Only this operation, or those that begin so: `create*`.
    pub fn operation(mut self, id: &str) -> Self {
        self.about.insert("operation".to_owned(), json!(id));
        self
    }

    /// Only this path below the provider's mount, or those that begin so: `/v1/customers*`.
    pub fn path(mut self, path: &str) -> Self {
        self.about.insert("path".to_owned(), json!(path));
        self
    }

    /// So many requests, and then no more.
    pub fn times(mut self, times: u32) -> Self {
        self.rule.insert("times".to_owned(), json!(times));
        self
    }

    /// How likely it is, from 0 to 1. Chance follows from the seed of the sandbox.
    pub fn probability(mut self, probability: f64) -> Self {
        self.rule.insert("probability".to_owned(), json!(probability));
        self
    }

    /// For so long, in real time.
    pub fn lasting(mut self, time: Duration) -> Self {
        self.rule.insert("ttl".to_owned(), json!(format!("{}ms", time.as_millis())));
        self
    }

    fn into_body(mut self) -> Value {
        self.rule.insert("then".to_owned(), json!(self.then));
        self.rule.insert("match".to_owned(), Value::Object(self.about));
        Value::Object(self.rule)
    }
}

/// A rule as the sandbox has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ActiveFault {
    /// Its number.
    pub id: String,
    /// `status:503`, `latency:2000ms`, `lose_answer` …
    pub then: String,
    /// How likely it is, from 0 to 1.
    pub probability: f64,
    /// How many requests are left to it.
    pub times: Option<u32>,
    /// When it ends, on the wall.
    pub until: Option<Timestamp>,
}

/// The faults of a world. They concern the vendor's API, never the control API.
#[derive(Debug, Clone)]
pub struct Faults(World);

impl World {
    /// Trouble on purpose.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults(self.clone())
    }
}

impl Faults {
    /// Adds a rule.
    pub async fn add(&self, fault: Fault) -> Result<Vec<ActiveFault>, Error> {
        self.rules("POST", fault.into_body()).await
    }

    /// Adds the rules of a profile: `flaky`, `slow`, `offline`, `rate-limited`.
    pub async fn profile(&self, name: &str) -> Result<Vec<ActiveFault>, Error> {
        self.rules("POST", json!({ "profile": name })).await
    }

    /// The rules that there are.
    pub async fn list(&self) -> Result<Vec<ActiveFault>, Error> {
        self.rules("GET", Value::Null).await
    }

    /// Takes all rules away.
    pub async fn clear(&self) -> Result<(), Error> {
        self.0.control("DELETE", "/faults", Value::Null).await.map(drop)
    }

    async fn rules(&self, method: &str, body: Value) -> Result<Vec<ActiveFault>, Error> {
        understood(self.0.control(method, "/faults", body).await?["faults"].take(), "/faults")
    }
}
