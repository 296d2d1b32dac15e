//! What has happened in a world, in order.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::wire::query;
use super::{Error, World};
use crate::time::Timestamp;

/// How long something is waited for unless somebody says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The longest that the control API waits.
const PATIENCE_MOST: Duration = Duration::from_secs(60);
/// How many lines an error shows of what did happen.
pub(super) const SHOWN: usize = 40;

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Its place in the history of the world, from 0.
    pub number: usize,
    /// `evt_…`
    pub id: String,
    /// In the vendor's words: `invoice.paid.v0`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened, on the clock that it happened on.
    pub at: Timestamp,
    /// Which row, and how much.
    pub about: Gist,
    /// What the vendor's webhook says of it. Null where only briefs are told: of what falls due, and in the journal.
    #[serde(default)]
    pub body: Value,
}

/// What something is about, and how much.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Gist {
    /// `invoice`, `subscription` …
    pub noun: String,
    /// The id that the vendor's API knows it by.
    pub id: String,
    /// A decimal number.
    pub amount: Option<String>,
    /// `USD`
    pub currency: Option<String>,
}

/// One line: when, what, about what and how much.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Gist { id, amount, currency, .. } = &self.about;
        let line = format!("{}  {:<34} {id:<26}", self.at, self.event_type);
        let line = format!("{line} {} {}", amount.as_deref().unwrap_or(""), currency.as_deref().unwrap_or(""));
        f.write_str(line.trim_end())
    }
}

/// A look at the events of a world: which, and from where on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = leapday::Sandbox::start().await?;
/// # let world = sandbox.paygentic("sk_test_a");
/// # let address = serde_json::json!({ "country": "US", "state": "CA", "zipCode": "94105" });
/// # world.post("/v0/subscriptions", serde_json::json!({
/// #     "name": "Ada", "planId": "plan_starterMonthly", "startedAt": "2028-01-31T00:00:00Z",
/// #     "customer": { "name": "Ada", "email": "ada@example.com", "address": address },
/// # })).await?;
/// let created = world.expect_event("subscription.created.v0").await?;
/// let after = world.events().of("invoice.*").after(&created).list().await?;
/// # assert!(after.iter().all(|event| event.number > created.number));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Events {
    world: World,
    of: Option<String>,
    from: usize,
    patience: Duration,
}

#[derive(Deserialize)]
struct Page {
    events: Vec<Event>,
}

impl World {
    /// What has happened here.
    pub fn events(&self) -> Events {
        Events { world: self.clone(), of: None, from: 0, patience: PATIENCE }
    }

    /// The first event of a type, or of one that begins so (`invoice.*`), as soon as there is one.
    ///
    /// # Errors
    /// If there is none within five seconds; lists what did happen.
    pub async fn expect_event(&self, event_type: &str) -> Result<Event, Error> {
        self.events().of(event_type).expect().await
    }
}

impl Events {
    /// Those of one type, or of all that begin so: `invoice.*`.
    pub fn of(self, event_type: &str) -> Self {
        Self { of: Some(event_type.to_owned()), ..self }
    }

    /// Those that have happened since an event.
    pub fn after(self, event: &Event) -> Self {
        self.from(event.number + 1)
    }

    /// Those from a number on.
    pub fn from(self, number: usize) -> Self {
        Self { from: number, ..self }
    }

    /// How long to wait for them, instead of five seconds; a minute at most.
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// All that there are, without waiting.
    pub async fn list(self) -> Result<Vec<Event>, Error> {
        let path = format!("/events{}", query(&[("type", self.of.as_deref())]));
        self.world.all(&path, "events", self.from).await
    }

    /// All that there are, as soon as there is one; none if there is none in time.
    pub async fn wait(self) -> Result<Vec<Event>, Error> {
        if self.first().await?.is_none() { Ok(Vec::new()) } else { self.list().await }
    }

    /// The first, as soon as it is there.
    ///
    /// # Errors
    /// If there is none in time; lists what did happen.
    pub async fn expect(self) -> Result<Event, Error> {
        if let Some(event) = self.first().await? {
            return Ok(event);
        }
        let all = self.world.events().list().await?;
        let wanted = self.of.as_deref().map(|of| format!("of type {of:?} ")).unwrap_or_default();
        let from = if self.from > 0 { format!("from number {} on ", self.from) } else { String::new() };
        let what = format!("no event {wanted}{from}within {:?}; {} happened", self.patience, all.len());
        Err(Error::Unmet(listed(what, all.iter())))
    }

    async fn first(&self) -> Result<Option<Event>, Error> {
        let (wait, from) = (patience(self.patience), self.from.to_string());
        let wanted =
            [("type", self.of.as_deref()), ("offset", Some(&*from)), ("wait", Some(&wait)), ("limit", Some("1"))];
        let Page { events } = self.world.ask("GET", &format!("/events{}", query(&wanted)), Value::Null).await?;
        Ok(events.into_iter().next())
    }
}

/// A wait as the control API reads it.
pub(super) fn patience(patience: Duration) -> String {
    format!("{}ms", patience.min(PATIENCE_MOST).as_millis())
}

/// A complaint, and below it what there is instead: the last lines of it, where it is long.
pub(super) fn listed<T: fmt::Display>(what: String, rows: impl ExactSizeIterator<Item = T>) -> String {
    let left_out = rows.len().saturating_sub(SHOWN);
    let mut text = if rows.len() == 0 { what } else { format!("{what}:") };
    if left_out > 0 {
        let _ = write!(text, "\n  ({left_out} before these)");
    }
    for row in rows.skip(left_out) {
        let _ = write!(text, "\n  {row}");
    }
    text
}
