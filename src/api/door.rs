//! A world as the control API sees it, whoever's it is.

use std::time::Duration;

use serde_json::Value;

use super::{Beginning, Criteria, Deliver, Fault, InjectionRule, Later, Site};
use crate::billing::cards::{Attempt, Card, Outcome};
use crate::time::{Cadence, Timestamp};
use crate::webhooks::Scheme;
use crate::world::{Delivery, Id, Outbox};

/// The clocks of a world.
pub trait Turns: Send + Sync {
    /// The clock that `name` means: the world's own without one.
    ///
    /// # Errors
    /// Not found.
    fn clock(&self, name: Option<&str>, wall: Timestamp) -> Result<Value, Fault>;

    /// The names of the further clocks of this world, oldest first, and what they show.
    fn further_clocks(&self, wall: Timestamp) -> Vec<(String, Timestamp)>;

    /// Moves the world's clock to an instant and freezes it, or lets it flow.
    ///
    /// # Errors
    /// If the instant lies behind a clock that has work to do.
    fn set_clock(&self, to: Option<Timestamp>, deliver: Deliver) -> Later<'_, Result<Value, Fault>>;

    /// Advances a clock and tells what happened. Refuses a target that is not ahead, and an unknown clock.
    fn advance<'a>(&'a self, journey: Journey<'a>) -> Later<'a, Result<Value, Fault>>;

    /// What [`Turns::advance`] would tell, were nobody listening; nothing is changed.
    ///
    /// # Errors
    /// As for the advance.
    fn preview(&self, journey: &Journey<'_>) -> Result<Value, Fault>;

    /// The calendar of what falls due on a clock.
    ///
    /// # Errors
    /// Not found, or beyond the calendar.
    fn upcoming(&self, agenda: &Agenda<'_>) -> Result<Value, Fault>;
}

/// A world as a value: other worlds in its place, and itself in others'.
pub trait Copies: Send + Sync {
    /// Starts the world anew.
    ///
    /// # Errors
    /// If a call that it begins with is refused.
    fn reset(&self, beginning: Beginning<'_>, wall: Timestamp) -> Result<(), Fault>;

    /// The world in a line, with what tells it from others.
    ///
    /// # Errors
    /// If it cannot be written down.
    fn about(&self, wall: Timestamp) -> Result<Value, Fault>;

    /// Keeps the world as it is under a name. One that has the name already is replaced.
    ///
    /// # Errors
    /// If there are too many.
    fn snapshot(&self, name: &str, wall: Timestamp) -> Result<Value, Fault>;

    /// What is kept, by name.
    fn snapshots(&self) -> Vec<Value>;

    /// Puts the world back to how it was; a clock that flows goes on from there.
    ///
    /// # Errors
    /// Not found.
    fn restore(&self, name: &str, wall: Timestamp) -> Result<Value, Fault>;

    /// Forgets a snapshot.
    ///
    /// # Errors
    /// Not found.
    fn drop_snapshot(&self, name: &str) -> Result<(), Fault>;

    /// Gives another key a world like this one.
    ///
    /// # Errors
    /// If the key is none of this vendor's, or has a world that is not to be replaced.
    fn fork(&self, key: &str, replace: bool, wall: Timestamp) -> Result<Value, Fault>;

    /// The world, written down.
    ///
    /// # Errors
    /// If it cannot be.
    fn export(&self, wall: Timestamp) -> Result<Value, Fault>;

    /// Puts a world that was written down in the place of this one.
    ///
    /// # Errors
    /// What is wrong with it.
    fn import(&self, kept: &Value, wall: Timestamp) -> Result<Value, Fault>;
}

/// Money that comes in, or does not.
pub trait Collects: Send + Sync {
    /// Pays, or fails to pay, a payment session.
    ///
    /// # Errors
    /// If there is no such session or it is over.
    fn pay(&self, session: &str, attempt: &Attempt, wall: Timestamp) -> Result<Value, Fault>;

    /// Saves a payment method on a customer, as a set-up page would.
    ///
    /// # Errors
    /// If there is no such customer.
    fn save_method(&self, customer: &str, card: &Card, wall: Timestamp) -> Result<Value, Fault>;

    /// What is left of the scripted outcomes.
    fn outcomes(&self, wall: Timestamp) -> Vec<Value>;

    /// Says how the next charges of a customer, a method or an invoice go; none: as their cards do.
    ///
    /// # Errors
    /// If there is no such row.
    fn script(&self, of: &str, outcomes: &[Outcome], wall: Timestamp) -> Result<Value, Fault>;
}

/// What is asked of a world, and what is done to that on purpose.
pub trait Watches: Send + Sync {
    /// The requests of late that are asked for, as soon as there is one or patience has run out.
    fn requests<'a>(&'a self, inquiry: Inquiry<'a>) -> Later<'a, Found>;

    /// The requests that are like that and those that are not, oldest first; waits until as many are as are wanted.
    fn sort<'a>(&'a self, criteria: &'a Criteria<'a>, wanted: usize, patience: Duration) -> Later<'a, Sorted>;

    /// The rules by which requests are answered badly, with their numbers.
    fn injections(&self, wall: Timestamp) -> Vec<(u32, InjectionRule)>;

    /// # Errors
    /// If there are too many.
    fn inject(&self, rule: InjectionRule) -> Result<u32, Fault>;

    /// Forgets one rule, or all; whether there was one.
    fn heal(&self, number: Option<u32>) -> bool;
}

/// One world, opened by its key.
pub trait Door: Turns + Copies + Collects + Watches {
    /// The events that are asked for, as soon as there is one or patience has run out.
    fn events<'a>(&'a self, search: Search<'a>) -> Later<'a, Found>;

    /// The messages that are asked for, as soon as there is one or patience has run out.
    fn messages<'a>(&'a self, wanted: Post<'a>) -> Later<'a, Found>;

    /// The webhooks of the world as they are.
    fn outbox(&self, wall: Timestamp) -> Outbox;

    /// Changes endpoints or rules. The change is told the instant.
    ///
    /// # Errors
    /// What the change refuses.
    fn change_outbox(&self, wall: Timestamp, change: OutboxChange<'_>) -> Result<Outbox, Fault>;

    /// Sends a delivery once more and waits for its answer.
    fn redeliver(&self, delivery: Id<Delivery>) -> Later<'_, Outbox>;

    /// The lists of the vendor's API that show what is in the world: a noun, and the path with its query.
    fn shelves(&self, wall: Timestamp) -> Vec<(&'static str, String)>;

    /// A mark of how the world is, as soon as it is another than `last`, or patience has run out.
    fn pulse<'a>(&'a self, last: Option<&'a str>, patience: Duration) -> Later<'a, String>;

    /// Whose world it is.
    fn provider(&self) -> &'static str;

    /// How this world's webhooks are signed.
    fn scheme(&self) -> &'static Scheme;

    /// The event types of this provider.
    fn event_types(&self) -> &'static [&'static str];

    /// The id of an event as its body shows it.
    fn event_id(&self, number: usize, wall: Timestamp) -> String;
}

/// A change of a world's endpoints or rules, told the instant.
pub type OutboxChange<'a> = &'a mut (dyn FnMut(&mut Outbox, Timestamp) -> Result<(), Fault> + Send);

/// An advance that somebody asks for.
#[derive(Debug, Clone, Copy)]
pub struct Journey<'a> {
    /// The world's own clock without one.
    pub clock: Option<&'a str>,
    pub target: Target,
    pub deliver: Deliver,
    /// Of the events, how many the answer skips and how many it shows.
    pub offset: usize,
    pub limit: usize,
    pub site: Site<'a>,
}

/// A part of the calendar that somebody asks for.
#[derive(Debug, Clone, Copy)]
pub struct Agenda<'a> {
    /// The world's own clock without one.
    pub clock: Option<&'a str>,
    /// How far ahead.
    pub within: Cadence,
    pub limit: usize,
}

/// Events that somebody looks for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The first number to look at.
    pub from: usize,
    pub limit: usize,
    /// An event type, or the beginning of one before `*`.
    pub event_type: Option<&'a str>,
    /// How long to wait for the first.
    pub patience: Duration,
    pub site: Site<'a>,
}

/// Messages that somebody looks for.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The first number to look at.
    pub from: usize,
    pub limit: usize,
    /// An e-mail address or a telephone number.
    pub to: Option<&'a str>,
    /// How long to wait for the first.
    pub patience: Duration,
    pub site: Site<'a>,
}

/// What was found of it, as the wire shows it.
#[derive(Debug, Clone)]
pub struct Found {
    pub rows: Vec<Value>,
    /// How many the world has had in all.
    pub total: usize,
    /// The number to look on from.
    pub next: usize,
}

/// Requests that somebody looks for.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    pub criteria: &'a Criteria<'a>,
    /// The first number to look at.
    pub from: u64,
    pub limit: usize,
    /// How long to wait for the first.
    pub patience: Duration,
}

/// Requests that are as wanted, and those that are not with what is amiss, as the wire shows them.
#[derive(Debug, Clone, Default)]
pub struct Sorted {
    pub matching: Vec<Value>,
    pub missing: Vec<(Vec<String>, Value)>,
}

/// Where an advance goes.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    To(Timestamp),
    By(Cadence),
    /// The next thing that is due, and no further.
    Next,
}
