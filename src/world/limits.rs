//! How large a world may grow, so that one that nobody watches leaves room for the others.
//!
//! A request that would go beyond is refused and changes nothing; an advance stops before the next thing that is due.
//! Counting adds up lengths that are at hand. Rows that were taken out count too: their numbers are never used again.

use std::fmt;

use super::{State, TIMERS_PER_ADVANCE, World};

/// How many endpoints hear of one world: each event is written down for each of them.
pub const ENDPOINTS_MOST: usize = 100;
/// How many rules for misbehaving webhooks one world has: each delivery looks through them.
pub const WEBHOOK_RULES_MOST: usize = 1_000;
/// How many customers, methods and invoices of one world have outcomes written beforehand.
pub const SCRIPTS_MOST: usize = 10_000;
/// An advance counts rows after so many timers: a timer adds a handful, and counting costs a tenth of one.
const TIMERS_PER_COUNT: usize = 16;

/// The bounds of a world: a matter of the sandbox, not of what is in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many timers one advance may fire.
    pub timers_per_advance: usize,
    /// Rows of all tables.
    pub rows: usize,
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timers_per_advance: TIMERS_PER_ADVANCE, rows: usize::MAX, events: usize::MAX }
    }
}

/// What there are as many of as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Timers(usize),
    Rows(usize),
    Events(usize),
    Endpoints,
    Rules,
    Scripts,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timers(most) => write!(f, "{most} timers (--timers-per-advance)"),
            Self::Rows(most) => write!(f, "{most} rows (--max-rows)"),
            Self::Events(most) => write!(f, "{most} events (--max-events)"),
            Self::Endpoints => write!(f, "{ENDPOINTS_MOST} webhook endpoints"),
            Self::Rules => write!(f, "{WEBHOOK_RULES_MOST} webhook rules"),
            Self::Scripts => write!(f, "outcomes for {SCRIPTS_MOST} things"),
        }
    }
}

/// How large a world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    pub rows: usize,
    pub events: usize,
    /// Endpoints and rules that have been made.
    endpoints: usize,
    rules: usize,
    scripts: usize,
}

impl<S: State> World<S> {
    #[must_use]
    pub fn size(&self) -> Size {
        Size {
            rows: self.rows(),
            events: self.event_count(),
            endpoints: self.outbox.endpoints().made(),
            rules: self.outbox.rules().made(),
            scripts: self.scripts.count(),
        }
    }

    fn rows(&self) -> usize {
        self.state.rows() + self.outbox.rows() + self.clocks.len()
    }

    /// What a world has more of than it may, and more than it had before: such a change is not kept.
    #[must_use]
    pub fn overgrown(&self, before: Size) -> Option<Bound> {
        let (now, limits) = (self.size(), self.limits);
        let grown = |now, before, most| now > most && now > before;
        if grown(now.rows, before.rows, limits.rows) {
            return Some(Bound::Rows(limits.rows));
        }
        if grown(now.events, before.events, limits.events) {
            return Some(Bound::Events(limits.events));
        }
        // Those that were taken out make room here: there are few enough to count.
        if grown(now.endpoints, before.endpoints, ENDPOINTS_MOST)
            && self.outbox.endpoints().iter().count() > ENDPOINTS_MOST
        {
            return Some(Bound::Endpoints);
        }
        if grown(now.rules, before.rules, WEBHOOK_RULES_MOST) && self.outbox.rules().iter().count() > WEBHOOK_RULES_MOST
        {
            return Some(Bound::Rules);
        }
        grown(now.scripts, before.scripts, SCRIPTS_MOST).then_some(Bound::Scripts)
    }

    /// What keeps time from going on: the world is as large as it may be.
    #[must_use]
    pub fn full(&self) -> Option<Bound> {
        if self.event_count() >= self.limits.events {
            return Some(Bound::Events(self.limits.events));
        }
        (self.rows() >= self.limits.rows).then_some(Bound::Rows(self.limits.rows))
    }

    /// What stops an advance that has fired so many timers of those that it may.
    pub(super) fn stops(&self, fired: usize, most: usize) -> Option<Bound> {
        if fired == most {
            return Some(Bound::Timers(self.limits.timers_per_advance));
        }
        if fired.is_multiple_of(TIMERS_PER_COUNT) {
            return self.full();
        }
        (self.event_count() >= self.limits.events).then_some(Bound::Events(self.limits.events))
    }
}
