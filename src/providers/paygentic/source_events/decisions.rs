//! What is decided about source events: by rules or by somebody, and the usage that an approved one becomes.
//!
//! Facts: paygentic-behaviour §2.12.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Revenue, SourceEvent, Status, shown};
use crate::api::{Call, Fault, Reply};
use crate::billing::money;
use crate::providers::paygentic::customers::Customer;
use crate::providers::paygentic::events::{self, MeterEvent, Sent};
use crate::providers::paygentic::notices::Notice;
use crate::providers::paygentic::sources::{Mode, Source};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
use crate::providers::paygentic::{World, keys, source_rules};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, Row};

/// What a meter event calls its value where the metric names no property.
const AMOUNT: &str = "amount";

/// Lets the rules approve a new event, where the source leaves that to them; else somebody has to.
pub(super) fn decide(world: &mut World, id: Id<SourceEvent>) {
    let row = Arc::clone(&world.state.source_events[id]);
    let rule = match world.state.sources[row.source].mode {
        Mode::Automatic => source_rules::first_match(world, row.source, &row.revenue),
        Mode::Manual => None,
    };
    match rule {
        Some(rule) => process(world, id, &world.state.source_rules.text(rule).to_string()),
        None => {
            world.emit(ClockId::WORLD, Notice::SourceEventPending(id, row));
        }
    }
}

/// Whose revenue it is: the customer with this e-mail address, one who subscribes to the source's plan before others.
pub(super) fn owner(
    state: &State,
    source: Id<Source>,
    revenue: &Revenue,
) -> (Option<Id<Customer>>, Option<Id<Subscription>>) {
    let email = revenue.customer_email.as_deref().map(|email| email.trim().to_lowercase());
    let Some(consumer) = email.and_then(|email| state.consumers_by_email.get(&*email)) else { return (None, None) };
    let plan = state.sources[source].plan;
    let customers: Vec<Id<Customer>> = state
        .customers
        .iter()
        .filter(|(_, row)| row.consumer == *consumer && row.deleted_at.is_none())
        .map(|(id, _)| id)
        .collect();
    let subscriptions = customers.iter().filter_map(|id| state.subscriptions_by_customer.get(id)).flatten();
    let mut live = subscriptions.filter(|id| {
        let row = &state.subscriptions[**id];
        row.plan == plan && row.is_live()
    });
    match live.next() {
        Some(id) => (Some(state.subscriptions[*id].customer), Some(*id)),
        None => (customers.first().copied(), None),
    }
}

/// Turns an event into usage, or says what is missing for that.
fn process(world: &mut World, id: Id<SourceEvent>, by: &str) {
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    let row = &state.source_events[id];
    let (customer, subscription) = owner(state, row.source, &row.revenue);
    let metered = meter(state, id, customer, subscription, now);
    state.source_events.update(id, |row| {
        (row.customer, row.subscription) = (customer.or(row.customer), subscription.or(row.subscription));
        match metered {
            Ok(usage) => (row.status, row.usage) = (Status::Processed, Some(usage)),
            Err(reason) => (row.status, row.error) = (Status::Failed, Some(reason.into())),
        }
        row.close(by, now);
    });
}

impl SourceEvent {
    fn close(&mut self, by: &str, now: Timestamp) {
        self.processed_by = Some(by.into());
        self.processed_at = Some(now);
        self.updated_at = now;
    }
}

/// The meter event of an event whose owner subscribes to the source's plan.
fn meter(
    state: &mut State,
    id: Id<SourceEvent>,
    customer: Option<Id<Customer>>,
    subscription: Option<Id<Subscription>>,
    now: Timestamp,
) -> Result<Id<MeterEvent>, String> {
    let row = Arc::clone(&state.source_events[id]);
    let source = &state.sources[row.source];
    let plan = &state.plans[source.plan];
    let metric = source.metric.ok_or("The source's metadata map revenue to no billable metric")?;
    let Revenue { amount, currency, customer_email, occurred_at, .. } = &row.revenue;
    let Some(customer) = customer else {
        return Err(match customer_email {
            Some(email) => format!("No customer has the e-mail address {email:?}"),
            None => "The event has no e-mail address to know its customer by".to_owned(),
        });
    };
    if subscription.is_none() {
        return Err(format!("The customer has no live subscription to the plan {:?}", plan.name));
    }
    if **currency != *plan.currency {
        return Err(format!("The revenue is in {currency}, the plan bills in {}: nothing converts it", plan.currency));
    }
    let metric = &state.metrics[metric];
    let amount = money::major(*amount, currency);
    let mut data = json!({ AMOUNT: amount, "currency": currency, "externalEventId": row.external_id });
    if let Some(path) = &metric.value_property {
        path.put(&mut data, Value::from(amount));
    }
    let usage = Sent {
        kind: Arc::clone(&metric.event_type),
        source: state.sources.text(row.source).to_string().into(),
        subject: Some(state.customers.text(customer).to_string().into()),
        external_subject: None,
        namespace: None,
        data,
        timestamp: Some(*occurred_at),
        idempotency_key: Some(state.source_events.text(id).to_string().into()),
        external_id: Some(Arc::clone(&row.external_id)),
    };
    events::record(state, usage, now).map_err(|fault| fault.message.into_owned())
}

/// The event of the path, which has to be one of the path's source and to wait for a decision.
fn waiting(state: &State, call: &Call) -> Result<Id<SourceEvent>, Fault> {
    let source = call.id(&state.sources)?;
    let id = call.row("eventId", &state.source_events)?;
    if state.source_events[id].source != source {
        return Err(Fault::no_such(SourceEvent::NOUN, call.segment("eventId")));
    }
    undecided(state, id).map_err(Fault::bad_request)?;
    Ok(id)
}

fn undecided(state: &State, id: Id<SourceEvent>) -> Result<(), String> {
    match state.source_events[id].status {
        Status::Pending => Ok(()),
        decided => Err(format!("The event is {} already: only a pending one can be decided on", decided.name())),
    }
}

pub(super) fn approve(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = waiting(&world.state, call)?;
    process(world, id, &keys::user(call.role));
    Ok(Reply::ok(&shown(&world.state, id)))
}

pub(super) fn reject(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = waiting(&world.state, call)?;
    turn_down(world, id, call);
    Ok(Reply::ok(&shown(&world.state, id)))
}

fn turn_down(world: &mut World, id: Id<SourceEvent>, call: &Call) {
    let now = world.now(ClockId::WORLD);
    world.state.source_events.update(id, |row| {
        row.status = Status::Rejected;
        row.close(&keys::user(call.role), now);
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Many {
    event_ids: Vec<Box<str>>,
}

/// The event that a list of ids means, if it waits at this source.
fn waiting_at(state: &State, source: Id<Source>, text: &str) -> Result<Id<SourceEvent>, String> {
    let found = state.source_events.find(text).filter(|id| state.source_events[*id].source == source);
    let id = found.ok_or("The source has no event with this id")?;
    undecided(state, id).map(|()| id)
}

pub(super) fn approve_all(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let source = call.id(&world.state.sources)?;
    let Many { event_ids } = call.input()?;
    let (mut processed, mut failed) = (Vec::new(), Vec::new());
    for text in &event_ids {
        let done = waiting_at(&world.state, source, text).and_then(|id| {
            process(world, id, &keys::user(call.role));
            world.state.source_events[id].error.as_deref().map_or(Ok(()), |error| Err(error.to_owned()))
        });
        match done {
            Ok(()) => processed.push(text),
            Err(error) => failed.push(json!({ "id": text, "error": error })),
        }
    }
    Ok(Reply::ok(&json!({
        "processed": processed.len(),
        "failed": failed.len(),
        "details": { "processed": processed, "failed": failed },
    })))
}

/// Events that do not wait are passed over: the answer has no place for them.
pub(super) fn reject_all(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let source = call.id(&world.state.sources)?;
    let Many { event_ids } = call.input()?;
    let mut rejected = 0_usize;
    for text in &event_ids {
        if let Ok(id) = waiting_at(&world.state, source, text) {
            turn_down(world, id, call);
            rejected += 1;
        }
    }
    Ok(Reply::ok(&json!({ "rejected": rejected })))
}
