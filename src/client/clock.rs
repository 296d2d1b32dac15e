//! The clock of a world: read it, set it, advance it, look ahead.

use std::fmt::Display;

use serde::Deserialize;
use serde_json::{Value, json};

use super::events::{Event, Gist};
use super::wire::query;
use super::world::understood;
use super::{Error, World};
use crate::time::Timestamp;

/// How many events of a journey are asked for: the most that the control API gives.
const EVENTS_MOST: usize = 100_000;
/// The same of what falls due.
const DUE_MOST: usize = 10_000;

/// A clock of a world.
///
/// An advance settles: before the clock moves past an instant, the webhooks of that instant are sent and answered.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = leapday::Sandbox::start().await?;
/// let clock = sandbox.paylera("sk_sandbox_a").clock();
/// clock.set("2028-01-31T00:00:00Z").await?;
/// let preview = clock.preview("P1M").await?;
/// let journey = clock.advance("P1M").await?;
/// assert_eq!(preview.events, journey.events);
/// assert_eq!(journey.now.to_string(), "2028-02-29T00:00:00Z");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Clock {
    world: World,
    name: Option<String>,
    burst: bool,
}

/// Whether a clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// It runs with the wall's.
    Flowing,
    /// It stands until it is moved.
    Frozen,
}

/// What a clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Reading {
    /// What it shows.
    pub now: Timestamp,
    /// Whether it runs.
    pub mode: Mode,
}

/// What an advance has brought, or would bring.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Journey {
    /// Where the clock stood.
    pub from: Timestamp,
    /// Where it stands now.
    pub now: Timestamp,
    /// How many timers went off.
    pub fired: u64,
    /// In order, each at the instant when it fell due.
    pub events: Vec<Event>,
    /// Webhook endpoints that did not answer in time and were not waited for any longer.
    pub unanswered: Vec<String>,
}

/// One thing that fell due, and what came of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// What it was.
    pub due: Due,
    /// What it brought.
    pub journey: Journey,
}

/// Something that falls due.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// `period_ends`, `session_expires` …: in the provider's words.
    pub what: String,
    /// Which row.
    pub about: Gist,
    /// What will happen then, without bodies.
    #[serde(default)]
    pub events: Vec<Event>,
}

impl Clock {
    pub(super) fn of(world: World, name: Option<String>) -> Self {
        Self { world, name, burst: false }
    }

    /// The same clock, which sends webhooks only once it has arrived.
    pub fn burst(self) -> Self {
        Self { burst: true, ..self }
    }

    /// What the clock shows.
    pub async fn now(&self) -> Result<Reading, Error> {
        self.world.ask("GET", &format!("/clock{}", query(&[("clock", self.name.as_deref())])), Value::Null).await
    }

    /// Freezes the world's own clock at an instant: `2028-01-31T00:00:00Z`. A test clock is moved there.
    pub async fn set(&self, to: impl Display) -> Result<Reading, Error> {
        if self.name.is_some() {
            self.advance_to(to).await?;
            return self.now().await;
        }
        self.world.ask("POST", &self.path(""), json!({ "now": to.to_string() })).await
    }

    /// Lets the world's own clock run on from where it stands.
    pub async fn flow(&self) -> Result<Reading, Error> {
        match &self.name {
            None => self.world.ask("POST", &self.path(""), json!({ "flow": true })).await,
            Some(name) => Err(Error::Misused(format!("{name} is a test clock: it stands still between two advances"))),
        }
    }

    /// Advances by an ISO 8601 duration: `P1M`, `P1Y`, `P7D`, `PT2H`.
    ///
    /// # Errors
    /// If it does not arrive, among others: one advance fires so many timers and no more.
    pub async fn advance(&self, by: &str) -> Result<Journey, Error> {
        self.travel(json!({ "by": by })).await
    }

    /// Advances to an instant that lies ahead.
    ///
    /// # Errors
    /// As for [`Clock::advance`].
    pub async fn advance_to(&self, to: impl Display) -> Result<Journey, Error> {
        self.travel(json!({ "to": to.to_string() })).await
    }

    /// What [`Clock::advance`] would bring, with the same ids, instants and amounts; nothing is changed.
    pub async fn preview(&self, by: &str) -> Result<Journey, Error> {
        self.travel(json!({ "by": by, "dry_run": true })).await
    }

    /// What [`Clock::advance_to`] would bring.
    pub async fn preview_to(&self, to: impl Display) -> Result<Journey, Error> {
        self.travel(json!({ "to": to.to_string(), "dry_run": true })).await
    }

    /// Does the next thing that is due, and no more.
    ///
    /// # Errors
    /// If nothing is due, among others.
    pub async fn step(&self) -> Result<Step, Error> {
        let mut told = self.tell("/clock/step", json!({})).await?;
        let due = understood(told["due"].take(), "/clock/step")?;
        Ok(Step { due, journey: understood(told, "/clock/step")? })
    }

    /// What falls due within a duration, with amounts.
    pub async fn upcoming(&self, within: &str) -> Result<Vec<Due>, Error> {
        let most = DUE_MOST.to_string();
        let wanted = [("within", Some(within)), ("limit", Some(&*most)), ("clock", self.name.as_deref())];
        let path = format!("/clock/upcoming{}", query(&wanted));
        understood(self.world.control("GET", &path, Value::Null).await?["upcoming"].take(), "/clock/upcoming")
    }

    async fn travel(&self, body: Value) -> Result<Journey, Error> {
        understood(self.tell("/clock/advance", body).await?, "/clock/advance")
    }

    async fn tell(&self, path: &str, mut body: Value) -> Result<Value, Error> {
        if let Some(name) = &self.name {
            body["clock"] = json!(name);
        }
        let told = self.world.control("POST", &self.path(path), body).await?;
        match (&told["stopped"]["before"], &told["stopped"]["reason"]) {
            (Value::String(before), Value::String(reason)) => {
                Err(Error::Unmet(format!("the clock stands at {}, before {before}: {reason}", told["now"])))
            }
            _ => Ok(told),
        }
    }

    /// With how the webhooks go out, and all that happened.
    fn path(&self, path: &str) -> String {
        let most = EVENTS_MOST.to_string();
        let limit = (!path.is_empty()).then_some(&*most);
        let path = if path.is_empty() { "/clock" } else { path };
        format!("{path}{}", query(&[("limit", limit), ("deliver", self.burst.then_some("burst"))]))
    }
}
