//! What falls due when, and [`World::advance`]: the only mover of sandbox time.
//!
//! A timer is data: `(clock, due, sequence) → what`. *What* is the provider's enum of all that time can
//! do to it. Timers of one instant fire in the order in which they were set, so one long advance and
//! many short ones run the same list.

use imbl::{OrdMap, Vector};
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

/// The timers of one clock and instant by their sequence, which is the order in which they were set.
type Batch<D> = Vector<(u64, Task<D>)>;

/// All timers of a world, soonest first for each clock. Many fall due at one instant (a thousand subscriptions renew at
/// midnight), and the map holds each instant once.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "D: Clone + Serialize", deserialize = "D: Clone + DeserializeOwned"))]
pub(super) struct Timers<D> {
    #[serde(with = "pairs")]
    queue: OrdMap<(ClockId, Timestamp), Batch<D>>,
    next: u64,
}

impl<D: Clone> Timers<D> {
    pub(super) fn new() -> Self {
        Self { queue: OrdMap::new(), next: 0 }
    }

    /// The clock of each.
    pub(super) fn clocks(&self) -> impl Iterator<Item = ClockId> {
        self.queue.keys().map(|(clock, _)| *clock)
    }

    /// The first instant at which anything is due on a clock.
    fn first(&self, clock: ClockId) -> Option<Timestamp> {
        let first = match self.queue.get_min() {
            Some((first, _)) if first.0 >= clock => Some(*first),
            _ => self.queue.range((clock, Timestamp::MIN)..).next().map(|(first, _)| *first),
        };
        first.filter(|(of, _)| *of == clock).map(|(_, due)| due)
    }

    fn set(&mut self, clock: ClockId, due: Timestamp, what: Task<D>) -> Timer {
        let sequence = self.next;
        self.next += 1;
        self.queue.entry((clock, due)).or_default().push_back((sequence, what));
        Timer { clock, due, sequence }
    }

    /// Takes out the timer that fires next of those that are due at an instant.
    fn take(&mut self, clock: ClockId, due: Timestamp) -> Option<(Timer, Task<D>)> {
        let batch = self.queue.get_mut(&(clock, due))?;
        let (sequence, what) = batch.pop_front()?;
        if batch.is_empty() {
            self.queue.remove(&(clock, due));
        }
        Some((Timer { clock, due, sequence }, what))
    }

    fn cancel(&mut self, timer: Timer) {
        let place = (timer.clock, timer.due);
        let Some(batch) = self.queue.get_mut(&place) else { return };
        if let Ok(n) = batch.binary_search_by_key(&timer.sequence, |(sequence, _)| *sequence) {
            batch.remove(n);
        }
        if batch.is_empty() {
            self.queue.remove(&place);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (Timer, &Task<D>)> {
        self.queue.iter().flat_map(|((clock, due), batch)| {
            let timer = |sequence| Timer { clock: *clock, due: *due, sequence };
            batch.iter().map(move |(sequence, what)| (timer(*sequence), what))
        })
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
        self.timers.set(clock, due, what)
    }

    /// Forgets a timer; nothing happens if it has fired already.
    pub fn cancel_timer(&mut self, timer: Timer) {
        self.timers.cancel(timer);
    }

    /// Forgets what the provider is no longer to do, on whichever clock.
    pub fn retain_timers(&mut self, keep: impl Fn(&S, &S::Due) -> bool) {
        let gone = |task: &Task<S::Due>| matches!(task, Task::Provider(due) if !keep(&self.state, due));
        let gone: Vec<Timer> = self.timers.iter().filter(|(_, task)| gone(task)).map(|(timer, _)| timer).collect();
        for timer in gone {
            self.cancel_timer(timer);
        }
    }

    /// When the next thing falls due on a clock.
    #[must_use]
    pub fn next_due(&self, clock: ClockId) -> Option<Timestamp> {
        self.timers.first(clock)
    }

    /// What falls due next on a clock, and when.
    #[must_use]
    pub fn next_thing(&self, clock: ClockId) -> Option<(Timestamp, Thing<'_, S::Due>)> {
        let due = self.timers.first(clock)?;
        let (_, what) = self.timers.queue.get(&(clock, due))?.front()?;
        let thing = match what {
            Task::Provider(due) => Thing::Provider(due),
            Task::Attempt(delivery) => Thing::Attempt(*delivery),
        };
        Some((due, thing))
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
        while let Some(due) = self.timers.first(clock).filter(|due| *due <= target) {
            if let Some(bound) = self.stops(fired, timers) {
                let stopped = Some(Stopped { before: due, bound });
                return Advance { from, to: self.now(clock), fired, stopped };
            }
            let Some((timer, what)) = self.timers.take(clock, due) else { break };
            self.reach(clock, due);
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
