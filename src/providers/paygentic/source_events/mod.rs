//! Source events: revenue that waits to be billed, and what was decided about it.
//!
//! Facts: paygentic-behaviour §2.12. The vendor makes these rows from what it reads in Stripe; here
//! `ingestSourceEvent`, which no vendor has, takes what would have been read. Amounts come in the minor unit, as Stripe
//! writes them; rules and meters see the main unit. An event that is approved becomes one meter event of the source's
//! metric, so that it is billed as any usage is (`decisions`).

mod decisions;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::decisions::{approve, approve_all, decide, owner, reject, reject_all};
use super::body::bare_list;
use super::customers::Customer;
use super::events::MeterEvent;
use super::sources::Source;
use super::state::State;
use super::subscriptions::Subscription;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::money;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

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
