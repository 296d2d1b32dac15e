//! Source events: revenue that waits to be billed, and what was decided about it.
//!
//! Facts: paygentic-behaviour §2.12. The vendor makes these rows from what it reads in Stripe; here
//! `ingestSourceEvent`, which no vendor has, takes what would have been read. Amounts come in the minor unit, as Stripe
//! writes them; rules and meters see the main unit. An event that is approved becomes one meter event of the source's
//! metric, so that it is billed as any usage is.

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::body::bare_list;
use super::customers::Customer;
use super::events::{self, MeterEvent, Sent};
use super::keys;
use super::notices::Notice;
use super::source_rules;
use super::sources::{Mode, Source};
use super::state::State;
use super::subscriptions::Subscription;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::money;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

/// What a meter event calls its value where the metric names no property.
const AMOUNT: &str = "amount";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listSourceEvents", "/v0/sources/{id}/events", index),
        write("ingestSourceEvent", Method::POST, "/v0/sources/{id}/events", ingest),
        write("approveSourceEvent", Method::POST, "/v0/sources/{id}/events/{eventId}/approve", approve),
        write("rejectSourceEvent", Method::POST, "/v0/sources/{id}/events/{eventId}/reject", reject),
        write("bulkApproveSourceEvents", Method::POST, "/v0/sources/{id}/events/bulk-approve", approve_all),
        write("bulkRejectSourceEvents", Method::POST, "/v0/sources/{id}/events/bulk-reject", reject_all),
    ];
    Noun { name: "source_events", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct SourceEvent {
    source: Id<Source>,
    external_id: Arc<str>,
    pub revenue: Revenue,
    /// All that was sent of it.
    raw: Map<String, Value>,
    status: Status,
    pub customer: Option<Id<Customer>>,
    subscription: Option<Id<Subscription>>,
    usage: Option<Id<MeterEvent>>,
    error: Option<Box<str>>,
    processed_at: Option<Timestamp>,
    /// The caller, or the rule that approved it.
    processed_by: Option<Box<str>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What rules look at and meters count.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revenue {
    /// In the main unit of its currency.
    pub amount: Decimal,
    pub currency: Box<str>,
    pub customer_name: Option<Box<str>>,
    pub customer_email: Option<Box<str>>,
    pub occurred_at: Timestamp,
}

/// Pending is where every event begins; the others are for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Status {
    Pending,
    Processed,
    Failed,
    Rejected,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processed => "processed",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }
}

impl Row for SourceEvent {
    const PREFIX: &'static str = "sev_";
    const NOUN: &'static str = "source event";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    source_id: IdText,
    external_event_id: &'a str,
    status: Status,
    raw_data: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<IdText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<IdText>,
    usage_event_ids: Vec<IdText>,
    error_message: Option<&'a str>,
    processed_at: Option<Timestamp>,
    processed_by: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body<'a>(state: &'a State, id: Id<SourceEvent>, row: &'a SourceEvent) -> Body<'a> {
    Body {
        id: state.source_events.text(id),
        source_id: state.sources.text(row.source),
        external_event_id: &row.external_id,
        status: row.status,
        raw_data: &row.raw,
        customer_id: row.customer.map(|id| state.customers.text(id)),
        subscription_id: row.subscription.map(|id| state.subscriptions.text(id)),
        usage_event_ids: row.usage.iter().map(|id| state.meter_events.text(*id)).collect(),
        error_message: row.error.as_deref(),
        processed_at: row.processed_at,
        processed_by: row.processed_by.as_deref(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn shown(state: &State, id: Id<SourceEvent>) -> Body<'_> {
    body(state, id, &state.source_events[id])
}

/// What `source_event.pending.v0` says.
pub fn event_data(state: &State, id: Id<SourceEvent>, row: &SourceEvent) -> Value {
    let mut data = json!(body(state, id, row));
    data["sourceEventId"] = data["id"].clone();
    data
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    customer_id: Option<String>,
    subscription_id: Option<String>,
    status: Option<Status>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let source = call.id(&state.sources)?;
    let filter: Filter = call.filter()?;
    let customer = filter.customer_id.as_deref().map(|text| state.customers.find(text));
    let subscription = filter.subscription_id.as_deref().map(|text| state.subscriptions.find(text));
    let kept = |row: &SourceEvent| {
        row.source == source
            && filter.status.is_none_or(|status| status == row.status)
            && customer.is_none_or(|id| id.is_some() && id == row.customer)
            && subscription.is_none_or(|id| id.is_some() && id == row.subscription)
    };
    let ids = state.source_events.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&bare_list(call.paging(), ids).map(|id| shown(state, id))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ingest {
    external_event_id: Arc<str>,
    amount: i64,
    currency: String,
    customer_name: Option<Box<str>>,
    customer_email: Option<Box<str>>,
    occurred_at: Option<Timestamp>,
}

fn ingest(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let source = call.id(&world.state.sources)?;
    let sent: Ingest = call.input()?;
    let key = (source, Arc::clone(&sent.external_event_id));
    // What reads a ledger may read a line twice.
    if let Some(first) = world.state.source_event_keys.get(&key) {
        return Ok(Reply::ok(&shown(&world.state, *first)));
    }
    if !world.state.sources[source].enabled {
        let message = "The source is disabled and takes no events: set its enabled to true first";
        return Err(Fault::conflict(message));
    }
    let now = world.now(ClockId::WORLD);
    let revenue = revenue(&sent, now)?;
    let (customer, subscription) = owner(&world.state, source, &revenue);
    let mut raw = call.body.as_object().cloned().unwrap_or_default();
    raw.remove("externalEventId");
    let id = world.state.source_events.insert(SourceEvent {
        source,
        external_id: sent.external_event_id,
        revenue,
        raw,
        status: Status::Pending,
        customer,
        subscription,
        usage: None,
        error: None,
        processed_at: None,
        processed_by: None,
        created_at: now,
        updated_at: now,
    });
    world.state.source_event_keys.insert(key, id);
    decide(world, id);
    Ok(Reply::created(&shown(&world.state, id)))
}

fn revenue(sent: &Ingest, now: Timestamp) -> Result<Revenue, Fault> {
    let currency = sent.currency.to_ascii_uppercase();
    if !money::is_currency(&currency) {
        let message = format!("{:?} is not a currency of ISO 4217, such as usd, eur or gbp", sent.currency);
        return Err(Fault::field("/currency", "enum", message));
    }
    Ok(Revenue {
        amount: Decimal::new(sent.amount, money::minor_digits(&currency)),
        currency: currency.into(),
        customer_name: sent.customer_name.clone(),
        customer_email: sent.customer_email.clone(),
        occurred_at: sent.occurred_at.unwrap_or(now),
    })
}

/// Lets the rules approve a new event, where the source leaves that to them; else somebody has to.
fn decide(world: &mut World, id: Id<SourceEvent>) {
    let row = Arc::clone(&world.state.source_events[id]);
    let rule = match world.state.sources[row.source].mode {
        Mode::Automatic => source_rules::first_match(world, row.source, &row.revenue),
        Mode::Manual => None,
    };
    match rule {
        Some(rule) => process(world, id, &world.state.source_rules.text(rule).to_string()),
        None => world.emit(ClockId::WORLD, Notice::SourceEventPending(id, row)),
    }
}

/// Whose revenue it is: the customer with this e-mail address, one who subscribes to the source's plan before others.
fn owner(state: &State, source: Id<Source>, revenue: &Revenue) -> (Option<Id<Customer>>, Option<Id<Subscription>>) {
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
    events::record(state, usage, now).map_err(|fault| fault.message)
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

fn approve(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = waiting(&world.state, call)?;
    process(world, id, &keys::user(call.role));
    Ok(Reply::ok(&shown(&world.state, id)))
}

fn reject(world: &mut World, call: &Call) -> Result<Reply, Fault> {
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

fn approve_all(world: &mut World, call: &Call) -> Result<Reply, Fault> {
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
fn reject_all(world: &mut World, call: &Call) -> Result<Reply, Fault> {
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
