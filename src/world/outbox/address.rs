//! From events to deliveries: who hears of what has happened.

use std::sync::Arc;

use super::rules::HOLD;
use super::{Delivery, Endpoint, Mischief, Outbox, Status};
use crate::time::{Cadence, Timestamp};
use crate::world::timers::Task;
use crate::world::{Id, Notice, State, World};

impl<S: State> World<S> {
    /// Makes deliveries of everything that has happened since the last time. `body` writes an event as it goes out,
    /// once for all endpoints.
    pub fn address(&mut self, body: impl Fn(&Self, usize) -> Arc<[u8]>) {
        let events = self.outbox.addressed..self.event_count();
        self.outbox.addressed = events.end;
        if !self.outbox.has_listeners() || !self.state.delivers() {
            return;
        }
        for number in events {
            let Some(event) = self.events.get(number) else { continue };
            let event_type = event.notice.name();
            let listeners: Vec<Id<Endpoint>> = self
                .outbox
                .endpoints
                .iter()
                .filter(|(id, endpoint)| endpoint.wants(event_type) && event.notice.is_told_to(*id))
                .map(|(id, _)| id)
                .collect();
            if listeners.is_empty() {
                continue;
            }
            let (about, clock, created_at) = (event.notice.about(), event.clock, event.at);
            let body = body(self, number);
            for endpoint in listeners {
                let body = Arc::clone(&body);
                self.deliver(Delivery::new(endpoint, number, event_type, about, clock, body, created_at));
            }
        }
    }

    /// Sends one endpoint once more, as new deliveries, what happened in `[from, to)` on the clock of each event and is
    /// of a kind that is `wanted`. How many there are.
    pub fn replay(
        &mut self,
        endpoint: Id<Endpoint>,
        window: (Timestamp, Timestamp),
        wanted: impl Fn(&str) -> bool,
        body: impl Fn(&Self, usize) -> Arc<[u8]>,
    ) -> usize {
        // What has not been addressed yet will be, and is none of this.
        let happened = 0..self.outbox.addressed;
        let mut count = 0;
        for number in happened {
            let Some(event) = self.events.get(number) else { continue };
            let event_type = event.notice.name();
            let inside = window.0 <= event.at && event.at < window.1;
            if !inside || !wanted(event_type) || !event.notice.is_told_to(endpoint) {
                continue;
            }
            let (about, clock) = (event.notice.about(), event.clock);
            let (body, now) = (body(self, number), self.now(clock));
            self.deliver(Delivery::new(endpoint, number, event_type, about, clock, body, now));
            count += 1;
        }
        count
    }

    fn deliver(&mut self, mut delivery: Delivery) {
        let mischief = self.outbox.use_rule(&delivery);
        delivery.mischief = mischief.map(|(mischief, _)| mischief);
        let endpoint = delivery.endpoint;
        match mischief {
            None => {
                let id = self.outbox.deliveries.insert(delivery);
                self.outbox.send(endpoint, id);
            }
            Some((Mischief::Duplicate, _)) => {
                let twice = [delivery.clone(), delivery].map(|delivery| self.outbox.deliveries.insert(delivery));
                for id in twice {
                    self.outbox.send(endpoint, id);
                }
            }
            Some((Mischief::Drop, _)) => {
                let id = self.outbox.deliveries.insert(delivery);
                self.outbox.end(id, Status::Dropped);
            }
            Some((Mischief::Delay, delay)) => {
                let id = self.outbox.deliveries.insert(delivery);
                // Behind another one it waits for that, which is late enough.
                if self.outbox.line_up(id) {
                    self.attempt_in(id, delay);
                }
            }
            Some((Mischief::Reorder, _)) => {
                let id = self.outbox.deliveries.insert(delivery);
                self.outbox.held.push_back(id);
                self.attempt_in(id, HOLD);
            }
        }
    }

    /// Sets the timer of the next attempt, on the clock of the event. Beyond the calendar there is none.
    pub(super) fn attempt_in(&mut self, id: Id<Delivery>, wait: Cadence) {
        let clock = self.outbox.deliveries[id].clock;
        let Some(due) = wait.after(self.now(clock), 1) else { return self.outbox.end(id, Status::Failed) };
        let timer = self.set_task(clock, due, Task::Attempt(id));
        self.outbox.deliveries.update(id, |row| row.next = Some(timer));
    }
}

impl Outbox {
    /// Queues a delivery, and behind it what was held back until another one goes to the same endpoint. What was
    /// held goes in the row of the one that overtakes it: only so is it sure to come later. Its timer finds it gone.
    fn send(&mut self, endpoint: Id<Endpoint>, id: Id<Delivery>) {
        if self.line_up(id) {
            self.make_ready(id, false);
        }
        let (overtaken, held): (imbl::Vector<_>, imbl::Vector<_>) =
            self.held.iter().copied().partition(|held| self.deliveries[*held].endpoint == endpoint);
        self.held = held;
        let about = self.deliveries[id].about;
        for id in overtaken {
            self.deliveries.update(id, |row| row.about = about);
            if self.line_up(id) {
                self.make_ready(id, false);
            }
        }
    }
}
