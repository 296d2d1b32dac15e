//! Meter events: usage as apps report it.
//!
//! Facts: paygentic-behaviour §2.11, §1.3 (idempotency), §4 (usage window, late events). An event may come at any
//! time and say any time; it counts where its window is still to be calculated.

use std::iter;
use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::billable_metrics::Metric;
use super::costs;
use super::customers::{self, Customer};
use super::state::{State, UsageKey};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, write};
use crate::billing::period::Window;
use crate::billing::usage::{Sample, aggregate};
use crate::contract::{Violation, near};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row, hash};

/// Event types that a refusal lists: enough to see what was meant, short enough for one line.
const LISTED: usize = 8;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![write("ingestEvent", Method::POST, "/v0/events", ingest)];
    Noun { name: "events", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct MeterEvent {
    pub kind: Arc<str>,
    pub source: Box<str>,
    /// A customer's id or another name for whoever used something, as it was sent.
    pub subject: Option<Arc<str>>,
    pub external_subject: Option<Arc<str>>,
    pub namespace: Option<Box<str>>,
    pub data: Value,
    pub at: Timestamp,
    pub idempotency_key: Arc<str>,
    pub external_id: Option<Arc<str>>,
}

impl Row for MeterEvent {
    const PREFIX: &'static str = "me_";
    const NOUN: &'static str = "meter event";
}

/// Whom an event is about. The three never mix: a customer's usage is what is about it, and what is about its
/// external id, whichever of the two was there first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    Customer(Id<Customer>),
    /// A `subject` that is no customer's id.
    Named(Arc<str>),
    /// An `externalSubject`: linked to the customer with this external id, once there is one.
    External(Arc<str>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    #[serde(rename = "type")]
    kind: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    timestamp: Timestamp,
    idempotency_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
}

fn accepted(state: &State, id: Id<MeterEvent>) -> Reply {
    let row = &state.meter_events[id];
    let body = Body {
        id: state.meter_events.text(id),
        object: "event",
        kind: &row.kind,
        source: &row.source,
        subject: row.subject.as_deref(),
        external_subject: row.external_subject.as_deref(),
        namespace: row.namespace.as_deref(),
        timestamp: row.at,
        idempotency_key: &row.idempotency_key,
        external_id: row.external_id.as_deref(),
    };
    Reply::json(202, &body)
}

/// An event on its way in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    pub source: Box<str>,
    pub subject: Option<Arc<str>>,
    pub external_subject: Option<Arc<str>>,
    pub namespace: Option<Box<str>>,
    pub data: Value,
    pub timestamp: Option<Timestamp>,
    pub idempotency_key: Option<Arc<str>>,
    pub external_id: Option<Arc<str>>,
}

fn ingest(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let now = world.now(ClockId::WORLD);
    let id = record(&mut world.state, call.input()?, now)?;
    Ok(accepted(&world.state, id))
}

/// Keeps an event where meters find it; one that was kept before under its key is that one.
pub fn record(state: &mut State, sent: Sent, now: Timestamp) -> Result<Id<MeterEvent>, Fault> {
    // A repeat is answered as the first was, whatever has become of its metric since.
    if let Some(first) = sent.idempotency_key.as_ref().and_then(|key| state.event_keys.get(key)) {
        return Ok(*first);
    }
    let kind = counted_type(state, &sent.kind)?;
    let about = about(state, sent.subject.as_ref(), sent.external_subject.as_ref())?;
    let id = state.meter_events.next_id();
    let idempotency_key = sent.idempotency_key.unwrap_or_else(|| made_key(state.seed, id.number()));
    let at = sent.timestamp.unwrap_or(now);
    let row = MeterEvent {
        kind: Arc::clone(&kind),
        source: sent.source,
        subject: sent.subject,
        external_subject: sent.external_subject,
        namespace: sent.namespace,
        data: sent.data,
        at,
        idempotency_key: Arc::clone(&idempotency_key),
        external_id: sent.external_id,
    };
    state.meter_events.insert(row);
    state.event_keys.insert(idempotency_key, id);
    state.usage.entry(UsageKey { event_type: kind, about }).or_default().0.insert((at, id.number()), id);
    Ok(id)
}

/// The event type under the name that a metric or a cost keeps, so that its text is kept once.
fn counted_type(state: &State, kind: &str) -> Result<Arc<str>, Fault> {
    let mut known: Vec<&Arc<str>> = Vec::new();
    let metrics = state.metrics.iter().map(|(_, metric)| &metric.event_type);
    for counted in metrics.chain(costs::live(state).map(|(_, cost)| &cost.meter.event_type)) {
        if **counted == *kind {
            return Ok(Arc::clone(counted));
        }
        if !known.contains(&counted) {
            known.push(counted);
        }
    }
    let meant = near(kind, known.iter().map(|known| &***known));
    let listed: Vec<String> = known.iter().take(LISTED).map(|known| format!("{known:?}")).collect();
    let advice = match (meant, known.len()) {
        (_, 0) => "this world has no billable metric yet".to_owned(),
        (Some(meant), _) => format!("did you mean {meant:?}?"),
        (None, all) if all > LISTED => format!("metrics count {} and {} more", listed.join(", "), all - LISTED),
        (None, _) => format!("metrics count {}", listed.join(", ")),
    };
    let shown: String = kind.chars().take(80).collect();
    let violation = Violation {
        suggestion: meant.map(str::to_owned),
        ..Violation::body("/type", "reference", format!("is no metric's eventType; {advice}"))
    };
    Err(Fault::unprocessable(format!("No billable metric counts events of type {shown:?}: {advice}"))
        .with_violation(violation))
}

/// Whom an event is about: `subject` wins. One that looks like a customer's id must be one; other names are
/// taken as they are.
fn about(state: &State, subject: Option<&Arc<str>>, external: Option<&Arc<str>>) -> Result<Subject, Fault> {
    match (subject, external) {
        (Some(id), _) if id.starts_with(Customer::PREFIX) => {
            Ok(Subject::Customer(customers::referred(state, "/subject", id)?))
        }
        // Rows of a starting world may be called anything.
        (Some(name), _) => {
            Ok(customers::live(state, name).map_or_else(|| Subject::Named(Arc::clone(name)), Subject::Customer))
        }
        (None, Some(external)) => Ok(Subject::External(Arc::clone(external))),
        (None, None) => Err(Fault::field("/subject", "required", "is needed, or externalSubject")),
    }
}

/// The key of an event that was sent without one: follows from its row, so that replays of a story agree.
fn made_key(seed: u64, row: u32) -> Arc<str> {
    let high = hash(seed, &row.to_le_bytes());
    let low = hash(high, b"idempotency key");
    Arc::from(format!("{high:016x}{low:016x}"))
}

/// What a metric makes of a customer's events in a window.
pub fn quantity(state: &State, metric: Id<Metric>, customer: Id<Customer>, window: Window) -> Decimal {
    // Every metered line asks, and in most worlds there is nothing to be found.
    if state.usage.is_empty() {
        return Decimal::ZERO;
    }
    let metric = &state.metrics[metric];
    let samples = of_customer(state, metric, customer, window).map(|id| sample(&state.meter_events[id]));
    aggregate(metric.aggregation, metric.value_property.as_ref(), samples)
}

/// An event as the meter sees it.
pub fn sample(event: &MeterEvent) -> Sample<'_> {
    Sample { at: event.at, data: &event.data }
}

/// The events about a customer that a metric counts in a window, in time order, then in order of arrival.
pub fn of_customer<'a>(
    state: &'a State,
    metric: &Metric,
    customer: Id<Customer>,
    window: Window,
) -> impl Iterator<Item = Id<MeterEvent>> + use<'a> {
    let external = state.customers[customer].external_id.clone().map(Subject::External);
    about_either(state, metric, [Some(Subject::Customer(customer)), external], window)
}

/// The events about a subject that is no customer's id: sent as `subject` or as `externalSubject`.
pub fn of_name<'a>(
    state: &'a State,
    metric: &Metric,
    name: &str,
    window: Window,
) -> impl Iterator<Item = Id<MeterEvent>> + use<'a> {
    let name: Arc<str> = Arc::from(name);
    let subjects = [Some(Subject::Named(Arc::clone(&name))), Some(Subject::External(name))];
    about_either(state, metric, subjects, window)
}

fn about_either<'a>(
    state: &'a State,
    metric: &Metric,
    subjects: [Option<Subject>; 2],
    window: Window,
) -> impl Iterator<Item = Id<MeterEvent>> + use<'a> {
    let from = metric.event_from.map_or(window.start, |from| from.max(window.start));
    let [first, second] = subjects.map(|about| {
        let key = about.map(|about| UsageKey { event_type: Arc::clone(&metric.event_type), about });
        let events = key.and_then(|key| state.usage.get(&key)).map(|events| &events.0).filter(|_| from < window.end);
        events.into_iter().flat_map(move |events| events.range((from, 0)..(window.end, 0)))
    });
    let (mut first, mut second) = (first.peekable(), second.peekable());
    iter::from_fn(move || {
        let take_first = match (first.peek(), second.peek()) {
            (Some((one, _)), Some((other, _))) => one <= other,
            (one, _) => one.is_some(),
        };
        let next = if take_first { first.next() } else { second.next() };
        next.map(|(_, id)| *id)
    })
}

/// All events that a metric counts in a window, in time order, then in order of arrival.
pub fn of_metric(state: &State, metric: &Metric, window: Window) -> Vec<Id<MeterEvent>> {
    let counted = |event: &MeterEvent| {
        event.kind == metric.event_type
            && window.contains(event.at)
            && metric.event_from.is_none_or(|from| from <= event.at)
    };
    let mut found: Vec<(Timestamp, Id<MeterEvent>)> =
        state.meter_events.iter().filter(|(_, event)| counted(event)).map(|(id, event)| (event.at, id)).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, id)| id).collect()
}
