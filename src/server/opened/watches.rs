//! The requests of a world, and what is done to them on purpose.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Opened, brief};
use crate::api::{
    Criteria, Fault, Found, InjectionRule, Inquiry, Later, Provider, RULES_MOST, Request, Sorted, Watches,
};
use crate::time::Timestamp;
use crate::world::{Delivery, Id, World};

/// Which deliveries tell of an event.
type Told = HashMap<usize, Vec<Id<Delivery>>>;

impl<P: Provider> Opened<'_, P> {
    fn asked(&self, inquiry: &Inquiry<'_>) -> Option<Found> {
        let journal = self.slot.journal();
        let (mut wanted, mut next) = (Vec::new(), journal.total());
        for request in journal.from(inquiry.from).into_iter().filter(|one| inquiry.criteria.misses(one).is_empty()) {
            if wanted.len() == inquiry.limit {
                next = request.entry.number;
                break;
            }
            wanted.push(request);
        }
        let world = self.slot.published();
        let told = told(&world);
        let rows: Vec<Value> = wanted.iter().map(|request| shown::<P>(&world, &told, request)).collect();
        let total = usize::try_from(journal.total()).unwrap_or(usize::MAX);
        let next = usize::try_from(next).unwrap_or(usize::MAX);
        (!rows.is_empty()).then_some(Found { rows, total, next })
    }

    /// What `look` finds in the journal, as soon as it finds something.
    async fn search<R>(&self, patience: std::time::Duration, look: impl Fn() -> Option<R>) -> Option<R> {
        let searching = async {
            loop {
                let mut arrived = std::pin::pin!(self.slot.journal().arrived.notified());
                arrived.as_mut().enable();
                if let Some(found) = look() {
                    return found;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(patience, searching).await.ok()
    }

    fn sorted(&self, criteria: &Criteria<'_>) -> Sorted {
        let world = self.slot.published();
        let told = told(&world);
        let mut sorted = Sorted::default();
        for request in self.slot.journal().from(0) {
            let misses = criteria.misses(&request);
            let row = shown::<P>(&world, &told, &request);
            if misses.is_empty() { sorted.matching.push(row) } else { sorted.missing.push((misses, row)) }
        }
        sorted
    }
}

fn told<S: crate::world::State>(world: &World<S>) -> Told {
    let mut told = Told::new();
    for (id, delivery) in world.outbox.deliveries().iter() {
        told.entry(delivery.event).or_default().push(id);
    }
    told
}

fn shown<P: Provider>(world: &World<P::State>, told: &Told, request: &Request) -> Value {
    let (mut events, mut deliveries) = (Vec::new(), Vec::new());
    let entry = &request.entry;
    let is_same = entry.epoch == world.outbox.epoch();
    for number in entry.events.clone().filter(|_| is_same) {
        events.extend(world.event(number).map(|event| brief::<P>(world, number, event)));
        for id in told.get(&number).into_iter().flatten() {
            let delivery = &world.outbox.deliveries()[*id];
            deliveries.push(json!({
                "id": world.outbox.deliveries().text(*id),
                "event": number,
                "type": delivery.event_type,
                "status": delivery.status,
                "attempts": delivery.attempts.len(),
            }));
        }
    }
    json!({
        "number": entry.number,
        "receivedAt": entry.received_at,
        "at": entry.at,
        "method": entry.method.as_str(),
        "path": request.path,
        "operation": entry.operation,
        "status": entry.status,
        "fault": entry.fault,
        "eventCount": is_same.then_some(entry.events.start),
        "violations": request.violations,
        "body": text(&request.body),
        "answer": text(&request.answer),
        "events": events,
        "deliveries": deliveries,
    })
}

fn text(body: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    (!body.is_empty()).then(|| String::from_utf8_lossy(body))
}

impl<P: Provider> Watches for Opened<'_, P> {
    fn requests<'a>(&'a self, inquiry: Inquiry<'a>) -> Later<'a, Found> {
        Box::pin(async move {
            let total = usize::try_from(self.slot.journal().total()).unwrap_or(usize::MAX);
            let found = self.search(inquiry.patience, || self.asked(&inquiry)).await;
            found.unwrap_or(Found { rows: Vec::new(), total, next: total })
        })
    }

    fn sort<'a>(
        &'a self,
        criteria: &'a Criteria<'a>,
        wanted: usize,
        patience: std::time::Duration,
    ) -> Later<'a, Sorted> {
        Box::pin(async move {
            let enough = || Some(self.sorted(criteria)).filter(|sorted| sorted.matching.len() >= wanted);
            self.search(patience, enough).await.unwrap_or_else(|| self.sorted(criteria))
        })
    }

    fn injections(&self, wall: Timestamp) -> Vec<(u32, InjectionRule)> {
        self.slot.injections().rules(wall).cloned().collect()
    }

    fn inject(&self, rule: InjectionRule) -> Result<u32, Fault> {
        self.slot.injections().add(rule).ok_or_else(|| {
            Fault::conflict(format!("This world has {RULES_MOST} rules for faults, as many as it may: drop one"))
        })
    }

    fn heal(&self, number: Option<u32>) -> bool {
        let mut injections = self.slot.injections();
        if let Some(number) = number {
            return injections.remove(number);
        }
        injections.clear();
        true
    }
}
