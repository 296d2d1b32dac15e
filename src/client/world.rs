//! The world of one key: what is asked of it, and itself as a value.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::clock::{Clock, Mode};
use super::wire::{Content, encoded};
use super::{Answer, Client, Error, Wire};
use crate::api::Vendor;
use crate::time::Timestamp;
use crate::webhooks::{Scheme, Signature};

/// How many rows a list is asked for at a time: the most that the control API gives.
const PAGE: usize = 1_000;

/// Tells the idempotency keys of this process from those of others.
static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));
static CALLS: AtomicU64 = AtomicU64::new(0);

/// The world of one key in a sandbox. Copies are handles of the same world.
///
/// It is opened by whatever asks first, with the catalogue that the sandbox gives to new worlds. Keys share nothing, so
/// a key of its own is all that a test needs to run beside others.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = leapday::Sandbox::start().await?;
/// let world = sandbox.paygentic("sk_test_a");
/// // What the app under test, or the vendor's client in it, is set up with:
/// println!("{} {:?}", world.base_url(), world.credentials());
/// world.snapshot("before").await?;
/// world.clock().advance("P1Y").await?;
/// world.restore("before").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    client: Client,
    vendor: &'static Vendor,
    key: String,
    base_url: String,
    credentials: Vec<(String, String)>,
    /// What is put behind paths of the control API: whose world is meant.
    whose: String,
}

/// A world in a line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct WorldInfo {
    /// `paygentic`, `paylera` or `paymennt`.
    pub provider: String,
    /// Whose world it is.
    pub key: String,
    /// What its own clock shows.
    pub now: Timestamp,
    /// Whether that runs.
    pub mode: Mode,
    /// How much has happened.
    pub event_count: u64,
    /// How many rows it has made.
    pub row_count: u64,
    /// Equal worlds have equal ones.
    pub digest: String,
}

/// A world that is kept under a name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Snapshot {
    /// `paygentic`, `paylera` or `paymennt`.
    pub provider: String,
    /// Whose world was kept.
    pub key: String,
    /// What it is kept under.
    pub name: String,
    /// What the world's own clock showed.
    pub now: Timestamp,
    /// How much had happened.
    pub event_count: u64,
}

impl World {
    pub(super) fn new(client: &Client, vendor: &'static Vendor, key: &str) -> Self {
        Self::whose(client, vendor, key, format!("provider={}", vendor.name))
    }

    /// The world of a key at whichever provider takes it.
    pub(crate) fn of_key(client: &Client, key: &str) -> Self {
        Self::whose(client, &crate::providers::VENDORS[0], key, String::new())
    }

    fn whose(client: &Client, vendor: &'static Vendor, key: &str, whose: String) -> Self {
        let credentials = (vendor.credentials)(key).into_iter().map(|(name, value)| (name.to_owned(), value));
        let base_url = format!("{}/{}{}", client.base_url(), vendor.name, vendor.root);
        let (client, key, credentials) = (client.clone(), key.to_owned(), credentials.collect());
        Self(Arc::new(Inner { client, vendor, key, base_url, credentials, whose }))
    }

    /// The base URL of the vendor's API, as the vendor's clients want it.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }

    /// The key; a pair as `KEY:SECRET`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// `paygentic`, `paylera` or `paymennt`.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.0.vendor.name
    }

    /// Name and value of the headers by which a request is this key's.
    #[must_use]
    pub fn credentials(&self) -> &[(String, String)] {
        &self.0.credentials
    }

    /// Calls the vendor's API; the path stands behind [`World::base_url`]. What is answered is not judged, and a null
    /// body is none. A writing call gets an idempotency key.
    ///
    /// # Errors
    /// If no answer came.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Result<Answer, Error> {
        let mut headers = self.0.credentials.clone();
        if method != "GET" {
            let number = CALLS.fetch_add(1, Ordering::Relaxed);
            headers.push(("idempotency-key".to_owned(), format!("leapday-{:x}-{number}", *PROCESS)));
        }
        let body = (!body.is_null()).then_some(Content::Json(body));
        let path = format!("/{}{}{path}", self.0.vendor.name, self.0.vendor.root);
        self.wire().send(method, &path, &headers, body).await
    }

    /// The body of a GET that succeeds.
    ///
    /// # Errors
    /// If it does not.
    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        self.succeed("GET", path, Value::Null).await
    }

    /// The body of the answer to a POST that succeeds.
    ///
    /// # Errors
    /// If it does not, with what the vendor answers and what would be right.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Error> {
        self.succeed("POST", path, body).await
    }

    async fn succeed(&self, method: &str, path: &str, body: Value) -> Result<Value, Error> {
        let answer = self.call(method, path, body).await?;
        let ok = (200..300).contains(&answer.status);
        if ok { Ok(answer.body) } else { Err(Error::refused(format!("{method} {path}"), answer)) }
    }

    /// Calls the control API about this world, for what has no method here: `("POST", "/webhook-rules", {"action":
    /// "drop"})`.
    ///
    /// # Errors
    /// If nobody answers, or what was refused.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Result<Value, Error> {
        let between = if path.contains('?') { '&' } else { '?' };
        let whole = match self.0.whose.as_str() {
            "" => format!("/_leapday{path}"),
            whose => format!("/_leapday{path}{between}{whose}"),
        };
        let body = (!body.is_null()).then_some(Content::Json(body));
        let answer = self.wire().send(method, &whole, &self.0.credentials, body).await?;
        match answer.status {
            200..300 if answer.body.is_string() => {
                Err(Error::Strange(format!("{} does not speak JSON", self.wire().base())))
            }
            200..300 => Ok(answer.body),
            _ => Err(Error::refused(format!("{method} /_leapday{path}"), answer)),
        }
    }

    /// What the control API answers, with its type.
    pub(super) async fn ask<T: DeserializeOwned>(&self, method: &str, path: &str, body: Value) -> Result<T, Error> {
        understood(self.control(method, path, body).await?, path)
    }

    /// All rows of a list from a number on.
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &str, list: &str, from: usize) -> Result<Vec<T>, Error> {
        let (mut rows, mut offset) = (Vec::new(), from);
        let between = if path.contains('?') { '&' } else { '?' };
        loop {
            let paged = format!("{path}{between}limit={PAGE}&offset={offset}");
            let mut page = self.control("GET", &paged, Value::Null).await?;
            let found: Vec<T> = understood(page[list].take(), path)?;
            let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
            let next = number(&page["next"]).unwrap_or(offset + found.len());
            let is_last = next <= offset || next >= number(&page["total"]).unwrap_or_default();
            rows.extend(found);
            if is_last {
                return Ok(rows);
            }
            offset = next;
        }
    }

    /// The world's own clock.
    pub fn clock(&self) -> Clock {
        Clock::of(self.clone(), None)
    }

    /// A further clock of the world, such as a Paygentic test clock.
    pub fn test_clock(&self, id: &str) -> Clock {
        Clock::of(self.clone(), Some(id.to_owned()))
    }

    /// The world in a line, with its digest.
    pub async fn about(&self) -> Result<WorldInfo, Error> {
        self.ask("GET", "/world", Value::Null).await
    }

    /// Starts the world anew, as new keys begin.
    pub async fn reset(&self) -> Result<(), Error> {
        self.control("POST", "/world/reset", json!({})).await.map(drop)
    }

    /// Starts the world anew from a bundled world: `starter`, `empty` …
    pub async fn reset_to(&self, bundled: &str) -> Result<(), Error> {
        self.control("POST", "/world/reset", json!({ "world": bundled })).await.map(drop)
    }

    /// Keeps the world as it is under a name. One that has the name already is replaced.
    pub async fn snapshot(&self, name: &str) -> Result<Snapshot, Error> {
        self.ask("POST", "/world/snapshots", json!({ "name": name })).await
    }

    /// What is kept of this world.
    pub async fn snapshots(&self) -> Result<Vec<Snapshot>, Error> {
        understood(self.control("GET", "/world/snapshots", Value::Null).await?["snapshots"].take(), "/world/snapshots")
    }

    /// Goes back to a snapshot.
    pub async fn restore(&self, name: &str) -> Result<Snapshot, Error> {
        self.ask("POST", &format!("/world/snapshots/{}/restore", encoded(name)), Value::Null).await
    }

    /// Gives a key that has no world yet one like this one; neither sees what happens in the other from then on.
    pub async fn fork(&self, key: &str) -> Result<Self, Error> {
        self.control("POST", "/world/fork", json!({ "key": key })).await?;
        Ok(Self::new(&self.0.client, self.0.vendor, key))
    }

    /// The world written down, for [`World::import`].
    pub async fn export(&self) -> Result<Value, Error> {
        self.control("GET", "/world/export", Value::Null).await
    }

    /// Puts a world that was written down in the place of this one.
    pub async fn import(&self, world: Value) -> Result<WorldInfo, Error> {
        self.ask("POST", "/world/import", world).await
    }

    /// Forgets the world, with its snapshots and its journal. Whatever asks next begins a new one.
    pub async fn forget(&self) -> Result<(), Error> {
        self.control("DELETE", &format!("/worlds/{}", encoded(&self.0.key)), Value::Null).await.map(drop)
    }

    pub(super) fn scheme(&self) -> &'static Scheme {
        (self.0.vendor.webhooks)()
    }

    pub(super) fn signature(&self) -> Option<Signature> {
        self.0.client.signature
    }

    fn wire(&self) -> &Wire {
        self.0.client.wire()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the credentials, which have no place in a test's output.
        f.debug_struct("World").field("base_url", &self.0.base_url).field("key", &self.0.key).finish()
    }
}

pub(super) fn understood<T: DeserializeOwned>(answer: Value, path: &str) -> Result<T, Error> {
    T::deserialize(&answer).map_err(|error| {
        Error::Strange(format!("this client does not understand what the sandbox answers at {path}: {error}"))
    })
}
