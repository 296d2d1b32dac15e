//! Every event of a world, in order.
//!
//! An event keeps the row as it was at that instant: rows are shared and persistent, so this costs a
//! pointer, and its wire shape can be written whenever somebody asks for it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::rows::Rows;
use super::{ClockId, Endpoint, Id, State, World};
use crate::time::Timestamp;

/// What an event is, as filters and webhooks need to know it.
pub trait Notice: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// The event type on the wire.
    fn name(&self) -> &'static str;

    /// The row that it is about ([`super::Id::about`]): events of one row go out in order.
    fn about(&self) -> (&'static str, u32);

    /// Whether an endpoint that listens is to hear of it: some things are about one endpoint, and for it or the others.
    fn is_told_to(&self, _endpoint: Id<Endpoint>) -> bool {
        true
    }
}

/// Something that happened, at the instant when it was due.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event<N> {
    pub at: Timestamp,
    pub clock: ClockId,
    pub notice: N,
}

/// The log of a world. The number of an event is its place in it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent, bound(serialize = "N: Clone + Serialize", deserialize = "N: Clone + Deserialize<'de>"))]
pub(super) struct Events<N: Clone> {
    log: Rows<Event<N>>,
}

impl<N: Clone> Events<N> {
    pub(super) fn new() -> Self {
        Self { log: Rows::default() }
    }

    /// The clock of each.
    pub(super) fn clocks(&self) -> impl Iterator<Item = ClockId> {
        self.log.iter().map(|event| event.clock)
    }

    pub(super) fn get(&self, number: usize) -> Option<&Event<N>> {
        self.log.get(number)
    }
}

impl<S: State> World<S> {
    /// Records what just happened on `clock`; the number of the event.
    pub fn emit(&mut self, clock: ClockId, notice: S::Notice) -> usize {
        let at = self.now(clock);
        self.events.log.push(Event { at, clock, notice });
        self.events.log.len() - 1
    }

    /// Puts another notice in the place of each: before rows go that events speak of.
    pub fn retell(&mut self, told: impl Fn(&Self, &S::Notice) -> S::Notice) {
        let retold = |event: &Event<S::Notice>| Event { notice: told(self, &event.notice), ..*event };
        self.events.log = self.events.log.iter().map(retold).collect();
    }

    /// How many events there are: also the number of the next.
    #[must_use]
    pub fn event_count(&self) -> usize {
        self.events.log.len()
    }

    /// The event of a number.
    #[must_use]
    pub fn event(&self, number: usize) -> Option<&Event<S::Notice>> {
        self.events.get(number)
    }

    /// The events from number `from` on.
    pub fn events_from(&self, from: usize) -> impl Iterator<Item = (usize, &Event<S::Notice>)> {
        (from..self.events.log.len()).filter_map(|n| self.events.log.get(n).map(|event| (n, event)))
    }
}
