//! What is owed to whom, and how it went: webhook endpoints, deliveries, attempts, rules that misbehave.
//!
//! All of it is part of the world, so that a fork, a rewind and a preview hold it too. Nothing is sent from here:
//! a delivery that is to be sent now stands in the queue of the ready, whoever sends it (`webhooks::courier`)
//! records how it went, and a failed attempt sets a timer on the clock of its event.

mod address;
mod attempts;
mod endpoint;
mod rules;

use std::sync::Arc;

use imbl::{HashMap, OrdMap, Vector};
use serde::{Deserialize, Serialize};

pub use self::attempts::{Answer, Attempt};
pub use self::endpoint::{Endpoint, matches};
pub use self::rules::{Mischief, Rule};
use super::table::{Id, Row, Table};
use super::{ClockId, NoWorld, Timer, pairs, text};
use crate::time::Timestamp;

/// How many deliveries that are over a world remembers: some 30 MB of bodies. Older ones are forgotten.
pub const DELIVERIES_KEPT: usize = 10_000;

/// One event on its way to one endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    pub endpoint: Id<Endpoint>,
    /// Number of the event.
    pub event: usize,
    #[serde(skip)]
    pub event_type: &'static str,
    /// The row that the event is about: what is about one goes one after another.
    #[serde(skip)]
    pub about: (&'static str, u32),
    /// Its attempts are timed by the clock of the event.
    pub clock: ClockId,
    /// The same bytes for all endpoints and attempts.
    #[serde(with = "text")]
    pub body: Arc<[u8]>,
    pub created_at: Timestamp,
    pub status: Status,
    pub attempts: Vec<Arc<Attempt>>,
    /// When it is tried next, unless it is ready.
    pub next: Option<Timer>,
    /// What a rule does to it on purpose.
    pub mischief: Option<Mischief>,
    /// Its place in the queue of the ready.
    turn: Option<u64>,
    /// Somebody asked for the attempt that is ready: it is outside of the schedule.
    by_hand: bool,
}

impl Row for Delivery {
    const PREFIX: &'static str = "del_";
    const NOUN: &'static str = "delivery";
}

impl Delivery {
    fn new(
        endpoint: Id<Endpoint>,
        event: usize,
        event_type: &'static str,
        about: (&'static str, u32),
        clock: ClockId,
        body: Arc<[u8]>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            endpoint,
            event,
            event_type,
            about,
            clock,
            body,
            created_at,
            status: Status::Pending,
            attempts: Vec::new(),
            next: None,
            mischief: None,
            turn: None,
            by_hand: false,
        }
    }

    /// Whether it is to be sent now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.turn.is_some()
    }
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for its first or its next attempt.
    Pending,
    Succeeded,
    /// No attempt is left.
    Failed,
    /// A rule keeps it back for good.
    Dropped,
    /// Its endpoint is gone or disabled.
    Cancelled,
}

impl Status {
    /// All of them, by the name that the wire uses.
    pub const ALL: [(&'static str, Self); 5] = [
        ("pending", Self::Pending),
        ("succeeded", Self::Succeeded),
        ("failed", Self::Failed),
        ("dropped", Self::Dropped),
        ("cancelled", Self::Cancelled),
    ];
}

/// Deliveries by endpoint and row.
type Rows = HashMap<(Id<Endpoint>, (&'static str, u32)), Vector<Id<Delivery>>>;

/// Where order is strict: the lines of deliveries as they stand. What each is about, its first delivery says.
mod lines {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Delivery, Endpoint, Id, Rows, Vector};

    type Lines = Option<Vec<Vector<Id<Delivery>>>>;

    #[expect(clippy::ref_option, reason = "serde passes fields by reference")]
    pub(super) fn serialize<S: Serializer>(rows: &Option<Rows>, serializer: S) -> Result<S::Ok, S::Error> {
        let lines: Lines = rows.as_ref().map(|rows| {
            let mut lines: Vec<Vector<Id<Delivery>>> = rows.values().cloned().collect();
            lines.sort();
            lines
        });
        lines.serialize(serializer)
    }

    /// Under a key of its own each, until [`super::Outbox::find_words`] knows them.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rows>, D::Error> {
        let lines = Lines::deserialize(deserializer)?;
        let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        let key = |place: usize| (Id::<Endpoint>::of(number(place)), ("", 0));
        Ok(lines.map(|lines| lines.into_iter().enumerate().map(|(place, line)| (key(place), line)).collect()))
    }
}

/// The webhooks of a world.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outbox {
    endpoints: Table<Endpoint>,
    deliveries: Table<Delivery>,
    rules: Table<Rule>,
    /// What is to be sent now, in the order in which it became so.
    #[serde(with = "pairs")]
    ready: OrdMap<u64, Id<Delivery>>,
    turns: u64,
    /// Deliveries that a rule holds back until another one to the same endpoint has gone.
    held: Vector<Id<Delivery>>,
    /// Where order is strict: what one endpoint is owed about one row. The first is under way, the others wait for it.
    #[serde(with = "lines")]
    rows: Option<Rows>,
    /// Deliveries that are over, in the order in which they ended.
    over: Vector<Id<Delivery>>,
    /// Events below this number have been looked at.
    addressed: usize,
    /// How often this world has taken another's place.
    #[serde(skip)]
    epoch: u64,
    #[serde(with = "super::seed")]
    seed: u64,
}

impl Outbox {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            endpoints: Table::new(seed),
            deliveries: Table::new(seed),
            rules: Table::new(seed),
            ready: OrdMap::new(),
            turns: 0,
            held: Vector::new(),
            rows: None,
            over: Vector::new(),
            addressed: 0,
            epoch: 0,
            seed,
        }
    }

    /// From now on an event waits until the one before it about the same row has arrived, or has been given up.
    pub fn keep_strict_order(&mut self) {
        self.rows.get_or_insert_default();
    }

    /// Registers an endpoint: it hears of what happens from now on.
    pub fn register(&mut self, endpoint: Endpoint) -> Id<Endpoint> {
        self.endpoints.insert(endpoint)
    }

    #[must_use]
    pub fn endpoints(&self) -> &Table<Endpoint> {
        &self.endpoints
    }

    /// Changes an endpoint. One that is disabled is sent nothing more.
    pub fn change_endpoint(&mut self, id: Id<Endpoint>, change: impl FnOnce(&mut Endpoint)) {
        self.endpoints.update(id, change);
        if !self.endpoints[id].enabled {
            self.withdraw(id);
        }
    }

    /// Takes an endpoint out. What it is still owed is cancelled; its log stays.
    pub fn remove_endpoint(&mut self, id: Id<Endpoint>) {
        self.endpoints.remove(id);
        self.withdraw(id);
    }

    /// Cancels what is ready for an endpoint; what waits is cancelled when its time comes.
    fn withdraw(&mut self, endpoint: Id<Endpoint>) {
        let owed: Vec<(u64, Id<Delivery>)> =
            self.ready_since(0).filter(|(_, id)| self.deliveries[*id].endpoint == endpoint).collect();
        for (turn, id) in owed {
            self.ready.remove(&turn);
            self.deliveries.update(id, |row| row.turn = None);
            self.end(id, Status::Cancelled);
        }
    }

    #[must_use]
    pub fn deliveries(&self) -> &Table<Delivery> {
        &self.deliveries
    }

    #[must_use]
    pub fn rules(&self) -> &Table<Rule> {
        &self.rules
    }

    pub fn add_rule(&mut self, rule: Rule) -> Id<Rule> {
        self.rules.insert(rule)
    }

    pub fn remove_rule(&mut self, id: Id<Rule>) {
        self.rules.remove(id);
    }

    /// How many rows its tables have had.
    pub(super) fn rows(&self) -> usize {
        self.endpoints.made() + self.deliveries.made() + self.rules.made()
    }

    /// A number that follows from the world's seed, other for each endpoint: what generated secrets come from.
    #[must_use]
    pub fn next_secret_seed(&self) -> u64 {
        super::hash(self.seed, &self.endpoints.next_id().number().to_le_bytes())
    }

    /// Another such number, for a secret that takes the place of one.
    #[must_use]
    pub fn secret_seed_after(&self, secret: &str) -> u64 {
        super::hash(self.seed, secret.as_bytes())
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn has_listeners(&self) -> bool {
        self.endpoints.iter().next().is_some()
    }

    /// Says that this world takes the place of another: what is under way for that one is none of its business.
    pub fn succeed(&mut self, other: &Self) {
        self.epoch = other.epoch + 1;
    }

    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How many turns have been given out: grows when something becomes ready.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// What has become ready since turn `from`, in order.
    pub fn ready_since(&self, from: u64) -> impl Iterator<Item = (u64, Id<Delivery>)> {
        self.ready.range(from..).map(|(turn, id)| (*turn, *id))
    }

    /// Whether everything that is to be sent now on a clock has been, but for what endpoints that hang are owed.
    #[must_use]
    pub fn is_settled(&self, clock: ClockId) -> bool {
        self.ready.values().all(|id| {
            let delivery = &self.deliveries[*id];
            delivery.clock != clock || self.endpoints.get(delivery.endpoint).is_none_or(|endpoint| !endpoint.responsive)
        })
    }

    /// Deliveries are written without what their events say; `say` says it again.
    pub(super) fn find_words(
        &mut self,
        say: impl Fn(usize) -> Option<(&'static str, (&'static str, u32))>,
    ) -> Result<(), NoWorld> {
        let numbers: Vec<(Id<Delivery>, usize)> = self.deliveries.iter().map(|(id, row)| (id, row.event)).collect();
        for (id, number) in numbers {
            let (event_type, about) = say(number)
                .ok_or_else(|| NoWorld::new(format!("delivery {id:?} is of event {number}, which there is not")))?;
            self.deliveries.update(id, |row| (row.event_type, row.about) = (event_type, about));
        }
        self.check_deliveries()?;
        if let Some(rows) = &mut self.rows {
            let lines: Vec<Vector<Id<Delivery>>> = rows.values().cloned().collect();
            rows.clear();
            for line in lines {
                let Some(first) = line.head().and_then(|first| self.deliveries.get(*first)) else { continue };
                rows.insert((first.endpoint, first.about), line);
            }
        }
        Ok(())
    }

    /// Who sends webhooks would find out about one that is not there.
    fn check_deliveries(&self) -> Result<(), NoWorld> {
        let rows = self.rows.iter().flat_map(|rows| rows.values().flatten());
        let mut meant = self.ready.values().chain(&self.held).chain(&self.over).chain(rows);
        match meant.find(|id| self.deliveries.get(**id).is_none()) {
            Some(lost) => Err(NoWorld::new(format!("delivery {lost:?} is meant, which there is not"))),
            None => Ok(()),
        }
    }

    fn make_ready(&mut self, id: Id<Delivery>, by_hand: bool) {
        self.held.retain(|held| *held != id);
        let turn = self.turns;
        self.turns += 1;
        self.ready.insert(turn, id);
        self.deliveries.update(id, |row| {
            row.turn = Some(turn);
            row.by_hand = by_hand;
            row.next = None;
        });
    }

    /// Puts a delivery into its row; whether it may go at once.
    fn line_up(&mut self, id: Id<Delivery>) -> bool {
        let row = &self.deliveries[id];
        let Some(rows) = &mut self.rows else { return true };
        let waiting = rows.entry((row.endpoint, row.about)).or_default();
        waiting.push_back(id);
        waiting.len() == 1
    }

    /// Takes a delivery out of its row; the one behind it, if it was the first.
    fn step_out(&mut self, id: Id<Delivery>) -> Option<Id<Delivery>> {
        let row = &self.deliveries[id];
        let key = (row.endpoint, row.about);
        let rows = self.rows.as_mut()?;
        let waiting = rows.get_mut(&key)?;
        let was_first = waiting.head() == Some(&id);
        waiting.retain(|other| *other != id);
        let next = waiting.head().copied().filter(|_| was_first);
        if waiting.is_empty() {
            rows.remove(&key);
        }
        next
    }

    /// Ends a delivery: what waited for it may go, unless nobody is there to take it.
    fn end(&mut self, id: Id<Delivery>, status: Status) {
        let mut next = self.finish(id, status);
        while let Some(id) = next {
            let endpoint = self.endpoints.get(self.deliveries[id].endpoint);
            if endpoint.is_some_and(|endpoint| endpoint.enabled) {
                return self.make_ready(id, false);
            }
            next = self.finish(id, Status::Cancelled);
        }
    }

    /// Notes how a delivery ended, and forgets the oldest that are over where there are too many. The one that waited
    /// for it.
    fn finish(&mut self, id: Id<Delivery>, status: Status) -> Option<Id<Delivery>> {
        let was_over = self.deliveries.update(id, |row| {
            let was_over = row.status != Status::Pending;
            row.status = status;
            was_over
        });
        if was_over {
            return None;
        }
        let next = self.step_out(id);
        self.over.push_back(id);
        while self.over.len() > DELIVERIES_KEPT {
            let Some(oldest) = self.over.pop_front() else { break };
            if let Some(turn) = self.deliveries.remove(oldest).and_then(|row| row.turn) {
                self.ready.remove(&turn);
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_deliveries_that_are_over_are_remembered() {
        let (mut outbox, now, body) = (Outbox::new(1), Timestamp::UNIX_EPOCH, Arc::from([]));
        let endpoint = outbox.register(Endpoint::new("http://127.0.0.1", "secret", now));
        for event in 0..DELIVERIES_KEPT + 5 {
            let row = Delivery::new(endpoint, event, "made", ("row", 0), ClockId::WORLD, Arc::clone(&body), now);
            let id = outbox.deliveries.insert(row);
            outbox.end(id, Status::Succeeded);
        }
        let kept: Vec<usize> = outbox.deliveries.iter().map(|(_, row)| row.event).collect();
        assert_eq!((kept.len(), kept[0]), (DELIVERIES_KEPT, 5));
    }
}
