//! A world as the control API sees it, whoever's it is.

use std::time::Duration;

use serde_json::Value;

use super::{Deliver, Fault, Later, Site};
use crate::billing::cards::{Attempt, Card};
use crate::time::{Cadence, Timestamp};
use crate::webhooks::Scheme;
use crate::world::{Delivery, Id, Outbox};

/// One world, opened by its key.
pub trait Door: Send + Sync {
    /// The clock that `name` means: the world's own without one.
    ///
    /// # Errors
    /// Not found.
    fn clock(&self, name: Option<&str>, wall: Timestamp) -> Result<Value, Fault>;

    /// Moves the world's clock to an instant and freezes it, or lets it flow.
    ///
    /// # Errors
    /// If the instant lies behind a clock that has work to do.
    fn set_clock(&self, to: Option<Timestamp>, deliver: Deliver) -> Later<'_, Result<Value, Fault>>;

    /// Advances a clock and tells what happened. Refuses a target that is not ahead, and an unknown clock.
    fn advance<'a>(&'a self, journey: Journey<'a>) -> Later<'a, Result<Value, Fault>>;

    /// Starts the world anew from a named fixture, or from the calls of `start`.
    ///
    /// # Errors
    /// If a call of the fixture is refused.
    fn reset(&self, start: &Value, wall: Timestamp) -> Result<(), Fault>;

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
    pub site: Site<'a>,
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

/// Where an advance goes.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    To(Timestamp),
    By(Cadence),
}
