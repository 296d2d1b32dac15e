//! What falls due when, and [`World::advance`]: the only mover of sandbox time.
//!
//! A timer is data: `(clock, due, sequence) → what`. *What* is the provider's enum of all that time can
//! do to it. Timers of one instant fire in the order in which they were set, so one long advance and
//! many short ones run the same list.

use imbl::OrdMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::outbox::Delivery;
use super::{Bound, ClockId, Id, State, World, pairs};
use crate::time::Timestamp;

/// How many timers one advance may fire before it stops and says where: enough for 10,000 monthly
/// subscriptions over ten years, and an end for a scenario that would never finish.
pub const TIMERS_PER_ADVANCE: usize = 5_000_000;

/// When a timer fires, and the handle to cancel it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timer {
    clock: ClockId,
    due: Timestamp,
    sequence: u64,
}

impl Timer {
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.due
    }
}

/// What a timer does.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Task<D> {
    /// The provider's business.
    Provider(D),
    /// A delivery is tried.
    Attempt(Id<Delivery>),
}

/// What a timer will do, to look at.
#[derive(Debug, Clone, Copy)]
pub enum Thing<'w, D> {
    /// The provider's business.
    Provider(&'w D),
    /// A webhook is tried.
    Attempt(Id<Delivery>),
}

/// All timers of a world, soonest first for each clock.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "D: Clone + Serialize", deserialize = "D: Clone + DeserializeOwned"))]
pub(super) struct Timers<D> {
    #[serde(with = "pairs")]
    queue: OrdMap<Timer, Task<D>>,
    next: u64,
}

impl<D: Clone> Timers<D> {
    pub(super) fn new() -> Self {
        Self { queue: OrdMap::new(), next: 0 }
    }

    /// The clock of each.
    pub(super) fn clocks(&self) -> impl Iterator<Item = ClockId> {
        self.queue.keys().map(|timer| timer.clock)
    }

    fn first(&self, clock: ClockId) -> Option<Timer> {
        if let Some((first, _)) = self.queue.get_min()
            && first.clock >= clock
        {
            return Some(*first).filter(|first| first.clock == clock);
        }
        let from = Timer { clock, due: Timestamp::MIN, sequence: 0 };
        self.queue.range(from..).next().map(|(timer, _)| *timer).filter(|timer| timer.clock == clock)
    }
}

/// What an advance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    pub from: Timestamp,
    /// Where the clock stands now.
    pub to: Timestamp,
    pub fired: usize,
    /// What stopped it before its target, if something did.
    pub stopped: Option<Stopped>,
}

/// Where an advance stopped on its way, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// When the next thing is due.
    pub before: Timestamp,
    pub bound: Bound,
}

impl Stopped {
    /// In a sentence.
    #[must_use]
    pub fn reason(self) -> String {
        match self.bound {
            Bound::Timers(fired) => format!("{fired} timers fired (--timers-per-advance); advance again to go on"),
            bound => format!("the world holds as many as it may: {bound}"),
        }
    }
}

impl<S: State> World<S> {
    /// Sets a timer on a clock. One that lies in the past fires at the next advance.
    pub fn set_timer(&mut self, clock: ClockId, due: Timestamp, what: S::Due) -> Timer {
        self.set_task(clock, due, Task::Provider(what))
    }

    pub(super) fn set_task(&mut self, clock: ClockId, due: Timestamp, what: Task<S::Due>) -> Timer {
        let timer = Timer { clock, due, sequence: self.timers.next };
        self.timers.next += 1;
        self.timers.queue.insert(timer, what);
        timer
    }

    /// Forgets a timer; nothing happens if it has fired already.
    pub fn cancel_timer(&mut self, timer: Timer) {
        self.timers.queue.remove(&timer);
    }

    /// Forgets what the provider is no longer to do, on whichever clock.
    pub fn retain_timers(&mut self, keep: impl Fn(&S, &S::Due) -> bool) {
        let gone = |task: &Task<S::Due>| matches!(task, Task::Provider(due) if !keep(&self.state, due));
        let gone: Vec<Timer> =
            self.timers.queue.iter().filter(|(_, task)| gone(task)).map(|(timer, _)| *timer).collect();
        for timer in gone {
            self.cancel_timer(timer);
        }
    }

    /// When the next thing falls due on a clock.
    #[must_use]
    pub fn next_due(&self, clock: ClockId) -> Option<Timestamp> {
        self.timers.first(clock).map(|timer| timer.due)
    }

    /// What falls due next on a clock, and when.
    #[must_use]
    pub fn next_thing(&self, clock: ClockId) -> Option<(Timestamp, Thing<'_, S::Due>)> {
        let timer = self.timers.first(clock)?;
        let thing = match self.timers.queue.get(&timer)? {
            Task::Provider(due) => Thing::Provider(due),
            Task::Attempt(delivery) => Thing::Attempt(*delivery),
        };
        Some((timer.due, thing))
    }

    /// Moves a clock to `target`, firing on the way all that falls due up to and including it, each
    /// with the clock at its due instant. It stops where one of the world's bounds is reached.
    pub fn advance(&mut self, clock: ClockId, target: Timestamp) -> Advance {
        self.advance_within(clock, target, self.limits.timers_per_advance)
    }

    /// An advance that fires at most so many timers: one that is taken in steps has one bound for all.
    pub fn advance_within(&mut self, clock: ClockId, target: Timestamp, timers: usize) -> Advance {
        let from = self.now(clock);
        let mut fired = 0;
        while let Some(timer) = self.timers.first(clock).filter(|timer| timer.due <= target) {
            if let Some(bound) = self.stops(fired, timers) {
                let stopped = Some(Stopped { before: timer.due, bound });
                return Advance { from, to: self.now(clock), fired, stopped };
            }
            let Some(what) = self.timers.queue.remove(&timer) else { break };
            self.reach(clock, timer.due);
            match what {
                Task::Provider(due) => S::fire(self, due),
                Task::Attempt(delivery) => self.attempt_due(delivery, timer),
            }
            fired += 1;
        }
        self.reach(clock, target);
        Advance { from, to: self.now(clock), fired, stopped: None }
    }
}
