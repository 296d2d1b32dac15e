//! The core: a world is a value.
//!
//! A [`World`] holds everything that one API key can see and change: the provider's tables, clocks,
//! timers, events, webhooks. It stands on persistent maps, so that a clone costs microseconds. A request that
//! writes works on a clone which is published or dropped as a whole; a preview of an advance is an
//! advance of a clone; a fork is a clone under another key.
//!
//! This room is synchronous and pure: it knows no HTTP, no tokio, no provider, and is told the time.

mod events;
mod ids;
mod keep;
mod limits;
mod messages;
mod outbox;
mod rows;
mod scripts;
mod table;
mod timers;

use imbl::Vector;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::events::{Event, Notice};
pub use self::ids::{IdText, Ids, hash};
pub use self::keep::{NoWorld, Word, pairs, seed, sha256, text, word};
pub use self::limits::{Bound, Limits, Size};
pub use self::messages::{Channel, MESSAGES_KEPT, Message, Written};
pub use self::outbox::{
    Answer, Attempt, Delivery, Endpoint, Mischief, Outbox, Rule, Status as DeliveryStatus, matches,
};
pub use self::scripts::{OUTCOMES_MOST, Scripts};
pub use self::table::{Id, Row, Table};
pub use self::timers::{Advance, Stopped, TIMERS_PER_ADVANCE, Thing, Timer};
use crate::time::{Clock, Timestamp};

/// What a provider keeps in its worlds, and what time does to it.
pub trait State: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// All that time can do to this provider, as data.
    type Due: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// All that can happen in it, with the row as it was.
    type Notice: Notice;
    /// All that its customers are written, with what the words are made of.
    type Letter: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;

    /// The tables of an empty world.
    fn new(seed: u64) -> Self;

    /// How many rows its tables have had, and what else grows with what is asked of it.
    fn rows(&self) -> usize;

    /// Does what falls due. The clock stands at the due instant.
    fn fire(world: &mut World<Self>, due: Self::Due);

    /// What a letter says.
    fn read(world: &World<Self>, letter: &Self::Letter) -> Written;

    /// A delivery has run out of attempts.
    fn gave_up(_world: &mut World<Self>, _delivery: Id<Delivery>) {}

    /// An endpoint has given out: it is sent nothing any more.
    fn gave_out(_world: &mut World<Self>, _endpoint: Id<Endpoint>) {}

    /// Whether webhooks go out: a vendor may let its users pause them.
    fn delivers(&self) -> bool {
        true
    }
}

/// One of a world's clocks. [`ClockId::WORLD`] is the world's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClockId(u32);

impl ClockId {
    /// The clock of everything that is attached to no other.
    pub const WORLD: Self = Self(0);
}

/// Everything that one key can see and change, as one value.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct World<S: State> {
    pub state: S,
    pub outbox: Outbox,
    pub scripts: Scripts,
    clocks: Vector<Clock>,
    timers: timers::Timers<S::Due>,
    events: events::Events<S::Notice>,
    messages: messages::Messages<S::Letter>,
    ids: Ids,
    #[serde(skip)]
    limits: Limits,
}

impl<S: State> World<S> {
    /// An empty world whose clock flows with the wall.
    #[must_use]
    pub fn new(seed: u64, wall: Timestamp, limits: Limits) -> Self {
        Self {
            state: S::new(seed),
            outbox: Outbox::new(seed),
            scripts: Scripts::default(),
            clocks: Vector::unit(Clock::flowing(wall)),
            timers: timers::Timers::new(),
            events: events::Events::new(),
            messages: messages::Messages::new(),
            ids: Ids::new(seed, "event"),
            limits,
        }
    }

    /// The id of an event as the wire shows it.
    #[must_use]
    pub fn event_id(&self, prefix: &str, number: usize) -> IdText {
        self.ids.text(prefix, u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// How many timers one advance may fire.
    #[must_use]
    pub fn timers_per_advance(&self) -> usize {
        self.limits.timers_per_advance
    }

    /// Bounds the world from now on.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The instant that a clock has reached.
    #[must_use]
    pub fn now(&self, clock: ClockId) -> Timestamp {
        self.clock(clock).at()
    }

    /// One of the world's clocks.
    ///
    /// # Panics
    /// If the id comes from another world.
    #[must_use]
    pub fn clock(&self, clock: ClockId) -> &Clock {
        &self.clocks[clock.0 as usize]
    }

    /// Adds a clock that stands at `at`.
    pub fn add_clock(&mut self, at: Timestamp) -> ClockId {
        let id = ClockId(u32::try_from(self.clocks.len()).unwrap_or(u32::MAX));
        self.clocks.push_back(Clock::frozen(at));
        id
    }

    /// Stops a clock where it stands.
    pub fn freeze(&mut self, clock: ClockId) {
        self.clocks[clock.0 as usize].freeze();
    }

    /// Lets a clock run on from where it stands.
    pub fn flow(&mut self, clock: ClockId, wall: Timestamp) {
        self.clocks[clock.0 as usize].flow(wall);
    }

    /// Freezes the world's own clock at an earlier instant. Only while nothing is due on it: what time
    /// has done cannot be undone by a clock.
    ///
    /// # Errors
    /// The first instant at which something is due.
    pub fn turn_back(&mut self, at: Timestamp) -> Result<(), Timestamp> {
        if let Some(due) = self.next_due(ClockId::WORLD) {
            return Err(due);
        }
        self.clocks[0] = Clock::frozen(at);
        Ok(())
    }

    /// Brings the world's own clock up to the wall, if it flows. Where it stands, what is due at that instant waits too:
    /// one thing after another can be looked at.
    pub fn catch_up(&mut self, wall: Timestamp) {
        let clock = self.clock(ClockId::WORLD);
        if clock.is_flowing() {
            let now = clock.reading(wall);
            self.advance(ClockId::WORLD, now);
        }
    }

    /// Whether the world's own clock has anything to do before a request at `wall` is answered, and can do it.
    #[must_use]
    pub fn is_behind(&self, wall: Timestamp) -> bool {
        let clock = self.clock(ClockId::WORLD);
        clock.is_flowing()
            && self.next_due(ClockId::WORLD).is_some_and(|due| due <= clock.reading(wall))
            && self.full().is_none()
    }

    fn reach(&mut self, clock: ClockId, at: Timestamp) {
        self.clocks[clock.0 as usize].reach(at);
    }
}
