//! The events behind a meter: which ones a metric counts, whose they are, and the list of them.
//!
//! Facts: paygentic-behaviour §2.2, §2.11. Whose an event with an `externalSubject` is, is worked out when it is
//! asked for, so a customer who appears later has it at once.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Metric;
use crate::api::{Call, Fault, Reply};
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::Pagination;
use crate::providers::paygentic::customers::Customer;
use crate::providers::paygentic::events::{self, MeterEvent};
use crate::providers::paygentic::state::State;
use crate::time::Timestamp;
use crate::world::{Id, IdText};

/// The span of a query: half-open, like all windows.
pub fn span(from: Timestamp, to: Timestamp) -> Result<Window, Fault> {
    if to < from {
        let message = format!("{to} is before from={from}; the span runs from the earlier to the later");
        return Err(Fault::violations(vec![Violation::query("to", "minimum", message)]));
    }
    Ok(Window { start: from, end: to })
}

/// The events that a metric counts in a window, in time order; about one subject, if one is asked for.
pub(super) fn select(state: &State, metric: &Metric, subject: Option<&str>, window: Window) -> Vec<Id<MeterEvent>> {
    match subject {
        None => events::of_metric(state, metric, window),
        Some(text) => match state.customers.find(text) {
            Some(customer) => events::of_customer(state, metric, customer, window).collect(),
            None => events::of_name(state, metric, text, window).collect(),
        },
    }
}

/// Tells whose an event is.
pub(super) struct Owners<'a> {
    state: &'a State,
    /// Customers by external id, under whatever name their merchant goes. A deleted one has given its name up.
    external: HashMap<&'a str, Id<Customer>>,
}

impl<'a> Owners<'a> {
    pub(super) fn of(state: &'a State) -> Self {
        let live = state.customers.iter().filter(|(_, row)| row.deleted_at.is_none());
        let known = live.filter_map(|(id, row)| Some((row.external_id.as_deref()?, id)));
        Self { state, external: known.collect() }
    }

    /// The id of the customer, else the name under which the event was sent.
    pub(super) fn subject(&self, event: &'a MeterEvent) -> Cow<'a, str> {
        let customers = &self.state.customers;
        let (sent, customer) = match (event.subject.as_deref(), event.external_subject.as_deref()) {
            (Some(subject), _) => (subject, customers.find(subject)),
            (None, Some(external)) => (external, self.external.get(external).copied()),
            (None, None) => ("", None),
        };
        customer.map_or(Cow::Borrowed(sent), |id| Cow::Owned(customers.text(id).to_string()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    from: Timestamp,
    to: Timestamp,
    subject: Option<String>,
    external_id: Option<String>,
    external_subject: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Events<'a> {
    object: &'static str,
    billable_metric_id: IdText,
    events: Vec<Body<'a>>,
    pagination: Pagination,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    #[serde(rename = "type")]
    kind: &'a str,
    source: &'a str,
    subject: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_subject: Option<&'a str>,
    time: Timestamp,
    idempotency_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    data: &'a Value,
}

fn body<'a>(owners: &Owners<'a>, id: Id<MeterEvent>) -> Body<'a> {
    let row = &owners.state.meter_events[id];
    Body {
        id: owners.state.meter_events.text(id),
        object: "meterEvent",
        kind: &row.kind,
        source: &row.source,
        subject: owners.subject(row),
        external_subject: row.external_subject.as_deref(),
        time: row.at,
        idempotency_key: &row.idempotency_key,
        external_id: row.external_id.as_deref(),
        data: &row.data,
    }
}

pub(super) fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let metric = call.id(&world.state.metrics)?;
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let window = span(filter.from, filter.to)?;
    let kept = |id: &Id<MeterEvent>| {
        let row = &state.meter_events[*id];
        let same = |asked: Option<&str>, sent: Option<&str>| asked.is_none() || asked == sent;
        same(filter.external_id.as_deref(), row.external_id.as_deref())
            && same(filter.external_subject.as_deref(), row.external_subject.as_deref())
    };
    let counted = select(state, &state.metrics[metric], filter.subject.as_deref(), window);
    let paging = call.paging();
    let (shown, total) = paging.cut(counted.into_iter().rev().filter(kept));
    let owners = Owners::of(state);
    let events = Events {
        object: "list",
        billable_metric_id: state.metrics.text(metric),
        events: shown.into_iter().map(|id| body(&owners, id)).collect(),
        pagination: Pagination { limit: paging.limit, offset: paging.offset, total },
    };
    Ok(Reply::ok(&events))
}
