//! What the app has asked: the journal of a world, and checks of it.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::events::{Event, patience};
use super::{Error, World};
use crate::contract::counted;
use crate::time::Timestamp;

/// A request that the vendor's API was asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JournalEntry {
    /// Its place among all requests of the world, from 0.
    pub number: u64,
    /// When it came, on the wall.
    pub received_at: Timestamp,
    /// What the world's clock showed.
    pub at: Timestamp,
    /// `POST`
    pub method: String,
    /// Below the provider's mount, without its query.
    pub path: String,
    /// `None`: no operation has this method and path.
    pub operation: Option<String>,
    /// What was answered.
    pub status: u16,
    /// What was done to it on purpose.
    pub fault: Option<String>,
    /// What was wrong with it.
    pub violations: Vec<Value>,
    /// What was sent, or its beginning.
    pub body: Option<String>,
    /// What was answered, or its beginning.
    pub answer: Option<String>,
    /// What it has caused, without bodies.
    pub events: Vec<Event>,
}

impl fmt::Display for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} answered {}", self.method, self.path, self.status)
    }
}

/// Requests that are expected to have been made; at least one, unless it says how many.
///
/// ```
/// # use leapday::client::Requests;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = leapday::Sandbox::start().await?;
/// # let world = sandbox.paylera("sk_sandbox_a");
/// # world.post("/v1/customers", serde_json::json!({ "email": "ada@example.com" })).await?;
/// world.verify(Requests::of("createCustomer").body_contains("ada@example.com").times(1)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, Serialize)]
#[must_use]
pub struct Requests {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    body_contains: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<String>,
}

impl Requests {
    /// Of any kind.
    pub fn any() -> Self {
        Self::default()
    }

    /// Of an operation, or of those that begin so: `create*`.
    pub fn of(operation: &str) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::default() }
    }

    /// Asked with this method: `POST`.
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// The path below the provider's mount, or its beginning before `*`.
    pub fn path(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// Answered with this status.
    pub fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// With this text in the body; said more than once, with each of them.
    pub fn body_contains(mut self, text: &str) -> Self {
        self.body_contains.push(text.to_owned());
        self
    }

    /// Exactly so many.
    pub fn times(self, count: u32) -> Self {
        Self { count: Some(count), ..self }
    }

    /// So many or more.
    pub fn at_least(self, least: u32) -> Self {
        Self { at_least: Some(least), ..self }
    }

    /// So many or fewer.
    pub fn at_most(self, most: u32) -> Self {
        Self { at_most: Some(most), ..self }
    }

    /// Waits for them so long; otherwise they must have been made already.
    pub fn within(self, time: Duration) -> Self {
        Self { wait: Some(patience(time)), ..self }
    }
}

/// What the sandbox says of such a check.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdict {
    pub(crate) verified: bool,
    expected: String,
    count: u64,
    requests: Vec<JournalEntry>,
    near_misses: Vec<NearMiss>,
}

#[derive(Debug, Deserialize)]
struct NearMiss {
    misses: Vec<String>,
    request: JournalEntry,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, expected {}", counted(self.count, "such request"), self.expected)?;
        self.near_misses.iter().try_for_each(|near| write!(f, "\n  near: {}: {}", near.request, near.misses.join("; ")))
    }
}

impl World {
    /// The last requests of this world, oldest first.
    pub async fn journal(&self) -> Result<Vec<JournalEntry>, Error> {
        self.all("/journal", "requests", 0).await
    }

    /// Checks what the app has asked, and shows it.
    ///
    /// # Errors
    /// If there are too few or too many, with near misses.
    pub async fn verify(&self, expected: Requests) -> Result<Vec<JournalEntry>, Error> {
        let verdict: Verdict = self.ask("POST", "/journal/verify", json!(expected)).await?;
        if verdict.verified {
            return Ok(verdict.requests);
        }
        let mut wanted = json!(expected).to_string();
        let _ = write!(wanted, ": {verdict}");
        Err(Error::Unmet(wanted))
    }
}
