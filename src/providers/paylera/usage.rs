//! Usage: what was reported, and what it comes to in a period.
//!
//! Facts: paylera §2.8, §3.12. An event belongs to the period of its timestamp. One that comes too late counts in the
//! open period (`next_period`), or has the closed one billed anew (`rebill`).

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use imbl::{HashMap, Vector};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::{amount, quantity};
use super::charges;
use super::listing::list;
use super::plans::{Aggregation, Component, LateEvents, Pricing};
use super::rebill;
use super::state::State;
use super::subscriptions::Subscription;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::money;
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("reportUsage", Method::POST, "/v1/usage", report),
        write("reportUsageBatch", Method::POST, "/v1/usage/batch", report_batch),
        read("listUsage", "/v1/usage", list_all),
    ];
    Noun { name: "usage", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct UsageEvent {
    subscription: Id<Subscription>,
    meter: Arc<str>,
    quantity: Decimal,
    /// As it was reported.
    timestamp: Timestamp,
    /// The instant whose period it counts in: later than `timestamp` where that period had closed.
    counts_at: Timestamp,
    external_id: Option<Arc<str>>,
    created_at: Timestamp,
}

impl Row for UsageEvent {
    const PREFIX: &'static str = "ue_";
    const NOUN: &'static str = "usage event";
}

/// What was reported for each meter of a subscription, in the order in which it came.
pub type ByMeter = HashMap<(Id<Subscription>, Arc<str>), Vector<Id<UsageEvent>>>;

/// What tells a repeated event (§2.8).
pub type Handle = (Id<Subscription>, Arc<str>, Arc<str>);

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    subscription_id: IdText,
    meter: &'a str,
    quantity: String,
    timestamp: Timestamp,
    external_id: Option<&'a str>,
    /// Keys are the transport's business: no event remembers one.
    idempotency_key: Option<&'a str>,
    created_at: Timestamp,
}

fn body(state: &State, id: Id<UsageEvent>) -> Body<'_> {
    let row = &state.usage_events[id];
    Body {
        id: state.usage_events.text(id),
        object: "usage_event",
        subscription_id: state.subscriptions.text(row.subscription),
        meter: &row.meter,
        quantity: quantity(row.quantity),
        timestamp: row.timestamp,
        external_id: row.external_id.as_deref(),
        idempotency_key: None,
        created_at: row.created_at,
    }
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.usage_events.iter().map(|(id, _)| (id.number(), json!(body(state, id)))))
}

#[derive(Deserialize)]
pub struct Report {
    pub subscription_id: Box<str>,
    pub meter: Arc<str>,
    pub quantity: Decimal,
    pub timestamp: Option<Timestamp>,
    pub external_id: Option<Arc<str>>,
}

fn report(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    accept(world, call.input()?)
}

/// Takes one event.
///
/// # Errors
/// If it is for no subscription, or no meter of its plan.
pub fn accept(world: &mut World, wanted: Report) -> Result<Reply, Fault> {
    let checked = check(&world.state, &wanted, "").map_err(Fault::violations)?;
    let id = record(world, checked, wanted);
    Ok(Reply::json(202, &body(&world.state, id)))
}

#[derive(Deserialize)]
struct Batch {
    events: Vec<Report>,
}

/// All or none.
fn report_batch(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Batch { events } = call.input()?;
    let mut violations = Vec::new();
    let mut checked = Vec::new();
    for (place, event) in events.iter().enumerate() {
        match check(&world.state, event, &format!("/events/{place}")) {
            Ok(subscription) => checked.push(subscription),
            Err(wrong) => violations.extend(wrong),
        }
    }
    if !violations.is_empty() {
        return Err(Fault::violations(violations));
    }
    let pairs = checked.into_iter().zip(events);
    let ids: Vec<Id<UsageEvent>> = pairs.map(|(subscription, event)| record(world, subscription, event)).collect();
    let data: Vec<Body<'_>> = ids.iter().map(|id| body(&world.state, *id)).collect();
    Ok(Reply::json(202, &json!({ "object": "usage_batch", "accepted": ids.len(), "data": data })))
}

/// The subscription of a report, whose meter one of its plan's components must have.
fn check(state: &State, wanted: &Report, pointer: &str) -> Result<Id<Subscription>, Vec<Violation>> {
    let wrong =
        |field: &str, message: String| Err(vec![Violation::body(format!("{pointer}/{field}"), "reference", message)]);
    let Some(id) = state.subscriptions.find(&wanted.subscription_id) else {
        return wrong(
            "subscription_id",
            format!("there is no subscription {:?} in this world", wanted.subscription_id),
        );
    };
    let row = &state.subscriptions[id];
    if row.status.is_terminal() {
        return wrong(
            "subscription_id",
            format!("this subscription is {}: nothing is used any more", row.status.name()),
        );
    }
    let meters: Vec<&str> =
        metered(state, row).filter_map(|component| component.pricing.meter()).map(|meter| &**meter).collect();
    if !meters.contains(&&*wanted.meter) {
        let known = if meters.is_empty() { "it has none".to_owned() } else { meters.join(", ") };
        let message = format!("{:?} is the meter of no usage component of the plan: {known}", wanted.meter);
        return wrong("meter", message);
    }
    Ok(id)
}

fn metered<'a>(state: &'a State, row: &Subscription) -> impl Iterator<Item = &'a Component> {
    charges::components(state, row.plan)
        .map(|(_, component)| component)
        .filter(|component| component.pricing.is_usage())
}

/// Writes an event down, unless it was reported before: then it is the one of then.
fn record(world: &mut World, subscription: Id<Subscription>, wanted: Report) -> Id<UsageEvent> {
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    let handle: Option<Handle> =
        wanted.external_id.clone().map(|external| (subscription, Arc::clone(&wanted.meter), external));
    if let Some(known) = handle.as_ref().and_then(|handle| state.usage_by_external_id.get(handle)) {
        return *known;
    }
    let row = &state.subscriptions[subscription];
    let timestamp = wanted.timestamp.unwrap_or(now);
    let open = row.period.map(|period| period.start);
    // What was used in a trial is free, whenever it is told.
    let in_trial = row.trial.is_some_and(|trial| trial.contains(timestamp));
    let is_late = open.is_some_and(|open| timestamp < open) && !in_trial;
    let asked = is_late && metered(state, row).any(|component| rebilled(component, &wanted.meter));
    let closed = asked.then(|| rebill::invoice_of(state, subscription, timestamp)).flatten();
    let rebills = closed.is_some();
    let counts_at = if is_late && !rebills { open.unwrap_or(timestamp) } else { timestamp };
    let id = state.usage_events.insert(UsageEvent {
        subscription,
        meter: Arc::clone(&wanted.meter),
        quantity: wanted.quantity,
        timestamp,
        counts_at,
        external_id: wanted.external_id,
        created_at: now,
    });
    if let Some(handle) = handle {
        state.usage_by_external_id.insert(handle, id);
    }
    state.usage_by_meter.entry((subscription, wanted.meter)).or_default().push_back(id);
    if let Some(invoice) = closed {
        rebill::rebill(world, subscription, invoice);
    }
    id
}

fn rebilled(component: &Component, meter: &str) -> bool {
    matches!(&component.pricing, Pricing::Usage { meter: own, late_events: LateEvents::Rebill, .. } if **own == *meter)
}

/// What a component's events come to.
pub struct Used {
    pub quantity: Decimal,
    pub events: usize,
}

/// What was used of a component in a window.
pub fn of(state: &State, subscription: Id<Subscription>, component: &Component, window: Window) -> Used {
    let Pricing::Usage { meter, aggregation, .. } = &component.pricing else {
        return Used { quantity: Decimal::ZERO, events: 0 };
    };
    let reported = state.usage_by_meter.get(&(subscription, Arc::clone(meter)));
    let mut rows: Vec<&UsageEvent> = reported
        .into_iter()
        .flatten()
        .map(|id| &*state.usage_events[*id])
        .filter(|row| window.contains(row.counts_at))
        .collect();
    // Those of one instant stay in the order in which they came.
    rows.sort_by_key(|row| row.counts_at);
    let quantities = || rows.iter().map(|row| row.quantity);
    let quantity = match aggregation {
        Aggregation::Sum => money::sum(quantities()),
        Aggregation::Max => quantities().max().unwrap_or_default(),
        Aggregation::LastDuringPeriod => quantities().next_back().unwrap_or_default(),
        Aggregation::UniqueCount => {
            let distinct: BTreeSet<Decimal> = quantities().collect();
            Decimal::from(distinct.len())
        }
    };
    Used { quantity, events: rows.len() }
}

/// What has been used so far in the present period.
pub fn current(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let id = call.id(&state.subscriptions)?;
    let row = &state.subscriptions[id];
    let currency = &state.plans[row.plan].currency;
    let period = row.period;
    let meters: Vec<_> = metered(state, row)
        .map(|component| {
            let used =
                period.map_or(Used { quantity: Decimal::ZERO, events: 0 }, |period| of(state, id, component, period));
            let Pricing::Usage { meter, aggregation, .. } = &component.pricing else { return json!(null) };
            json!({
                "meter": meter,
                "component_code": component.code,
                "aggregation": aggregation,
                "quantity": quantity(used.quantity),
                "events": used.events,
                "amount": amount(component.pricing.price(used.quantity).amount, currency),
            })
        })
        .collect();
    Ok(Reply::ok(&json!({
        "object": "subscription_usage",
        "subscription_id": state.subscriptions.text(id),
        "period_start": period.map(|period| period.start),
        "period_end": period.map(|period| period.end),
        "currency": currency,
        "meters": meters,
    })))
}
