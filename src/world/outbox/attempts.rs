//! Attempts: what was sent when, how it was answered, and what follows from that.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Delivery, Endpoint, Outbox, Status};
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, State, Timer, World};

/// One time that a delivery was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// Where the clock of the event stood.
    pub at: Timestamp,
    /// Wall time: what the signature is dated with.
    pub sent_at: Timestamp,
    pub duration_us: u64,
    /// Asked for by somebody, outside of the schedule.
    pub by_hand: bool,
    /// What the signing scheme put beside the body.
    pub headers: Box<[(Cow<'static, str>, Box<str>)]>,
    pub answer: Answer,
}

/// How a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A status, and the beginning of the body.
    Status(u16, Box<str>),
    /// It was not reached, or closed early.
    Broken(Box<str>),
    /// It did not answer in time.
    Silent,
}

impl Answer {
    /// Only a 2xx is a yes.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Status(200..=299, _))
    }
}

impl<S: State> World<S> {
    /// The time of an attempt has come.
    pub(in crate::world) fn attempt_due(&mut self, id: Id<Delivery>, timer: Timer) {
        let Some(delivery) = self.outbox.deliveries.get(id).filter(|delivery| delivery.next == Some(timer)) else {
            return;
        };
        if delivery.is_ready() {
            // Somebody has just asked for it: if that fails, the schedule goes on from there.
            self.outbox.deliveries.update(id, |row| row.next = None);
            return;
        }
        let endpoint = self.outbox.endpoints.get(delivery.endpoint);
        if endpoint.is_none_or(|endpoint| !endpoint.enabled) || !self.state.delivers() {
            self.outbox.end(id, Status::Cancelled);
            return;
        }
        self.outbox.make_ready(id, false);
    }

    /// Records how an attempt went. After a failure the next one is due so long after it as `schedule` says, whose
    /// first entry is the wait for the first attempt. An endpoint that answers `patience` attempts in a row with a 4xx
    /// gives out.
    pub fn record(&mut self, id: Id<Delivery>, mut attempt: Attempt, schedule: &[Cadence], patience: Option<u32>) {
        let Some(delivery) = self.outbox.deliveries.get(id) else { return };
        let (clock, endpoint, status, turn) = (delivery.clock, delivery.endpoint, delivery.status, delivery.turn);
        attempt.at = self.now(clock);
        attempt.by_hand = delivery.by_hand;
        if let Some(turn) = turn {
            self.outbox.ready.remove(&turn);
        }
        let (success, silent, by_hand) =
            (attempt.answer.is_success(), attempt.answer == Answer::Silent, attempt.by_hand);
        let refused = matches!(attempt.answer, Answer::Status(400..=499, _));
        let (tried, next) = self.outbox.deliveries.update(id, |row| {
            row.turn = None;
            row.attempts.push(Arc::new(attempt));
            (row.attempts.iter().filter(|attempt| !attempt.by_hand).count(), row.next)
        });
        if self.outbox.endpoints.get(endpoint).is_some_and(|row| row.responsive == silent) {
            self.outbox.endpoints.update(endpoint, |row| row.responsive = !silent);
        }
        if success {
            if let Some(timer) = next {
                self.cancel_timer(timer);
            }
            self.outbox.deliveries.update(id, |row| row.next = None);
            self.outbox.end(id, Status::Succeeded);
        } else if status != Status::Pending || (by_hand && next.is_some()) {
            // What is over stays so; and an attempt by hand takes nothing from the schedule, and gives it nothing.
        } else if let Some(wait) = schedule.get(tried) {
            self.attempt_in(id, *wait);
        } else {
            self.outbox.end(id, Status::Failed);
            S::gave_up(self, id);
        }
        self.count(endpoint, refused, patience);
    }

    /// Counts the refusals of an endpoint, and switches it off where it has had too many.
    fn count(&mut self, id: Id<Endpoint>, refused: bool, patience: Option<u32>) {
        let Some(row) = self.outbox.endpoints.get(id) else { return };
        let count = if refused { row.refused.saturating_add(1) } else { 0 };
        if count == row.refused {
            return;
        }
        let gives_out = row.enabled && patience.is_some_and(|patience| count >= patience);
        self.outbox.endpoints.update(id, |row| {
            row.refused = count;
            row.gave_out |= gives_out;
            row.enabled &= !gives_out;
        });
        if gives_out {
            self.drop_pending(id);
            S::gave_out(self, id);
        }
    }

    /// Whatever an endpoint is still owed is dropped.
    fn drop_pending(&mut self, endpoint: Id<Endpoint>) {
        let owed = self.outbox.deliveries.iter();
        let owed = owed.filter(|(_, row)| row.endpoint == endpoint && row.status == Status::Pending);
        let owed: Vec<Id<Delivery>> = owed.map(|(id, _)| id).collect();
        for id in owed {
            let (turn, next) = self.outbox.deliveries.update(id, |row| (row.turn.take(), row.next.take()));
            if let Some(turn) = turn {
                self.outbox.ready.remove(&turn);
            }
            if let Some(timer) = next {
                self.cancel_timer(timer);
            }
            self.outbox.held.retain(|held| *held != id);
            self.outbox.end(id, Status::Dropped);
        }
    }
}

impl Outbox {
    /// Sends a delivery once more, now, whatever has become of it.
    pub fn redeliver(&mut self, id: Id<Delivery>) {
        if !self.deliveries[id].is_ready() {
            let next = self.deliveries[id].next;
            self.make_ready(id, true);
            // The scheduled attempt stays, in case this one fails.
            self.deliveries.update(id, |row| row.next = next);
        }
    }
}
