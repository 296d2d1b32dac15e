//! Sources: revenue that somebody else collects, to be billed as usage of a plan.
//!
//! Facts: paygentic-behaviour §2.12. The vendor reads Stripe; what it would have read comes in through an operation of
//! our own (`source_events.rs`). A source belongs to the merchant of its plan: no request names another.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::billable_metrics::Metric;
use super::body::bare_list;
use super::plans::Plan;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, referred, write};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

/// Where a body says which metric counts the revenue.
const MAPPING: &str = "/metadata/billableMetricMapping/revenue";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createSource", Method::POST, "/v0/sources", create),
        read("listSources", "/v0/sources", index),
        read("getSource", "/v0/sources/{id}", get),
        write("updateSource", Method::PATCH, "/v0/sources/{id}", update),
    ];
    Noun { name: "sources", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Source {
    pub plan: Id<Plan>,
    name: Box<str>,
    description: Option<Box<str>>,
    pub enabled: bool,
    pub mode: Mode,
    config: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
    /// What the metadata map revenue to; without it no event can be processed.
    pub metric: Option<Id<Metric>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Whether rules may decide on events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    Automatic,
    Manual,
}

impl Row for Source {
    const PREFIX: &'static str = "src_";
    const NOUN: &'static str = "source";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    plan_id: IdText,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    enabled: bool,
    processing_mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Source>) -> Body<'_> {
    let row = &state.sources[id];
    Body {
        id: state.sources.text(id),
        object: "source",
        merchant_id: &state.plans[row.plan].merchant,
        plan_id: state.plans.text(row.plan),
        kind: "stripe_revenue",
        name: &row.name,
        description: row.description.as_deref(),
        enabled: row.enabled,
        processing_mode: row.mode,
        config: row.config.as_ref(),
        metadata: row.metadata.as_ref(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    name: Box<str>,
    plan_id: String,
    description: Option<Box<str>>,
    enabled: bool,
    processing_mode: Mode,
    config: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let sent: Create = call.input()?;
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    let source = Source {
        plan: referred(&state.plans, "/planId", &sent.plan_id)?,
        name: sent.name,
        description: sent.description,
        enabled: sent.enabled,
        mode: sent.processing_mode,
        config: sent.config,
        metric: mapped(state, sent.metadata.as_ref())?,
        metadata: sent.metadata,
        created_at: now,
        updated_at: now,
    };
    let id = state.sources.insert(source);
    Ok(Reply::created(&body(state, id)))
}

/// The metric that metadata map revenue to, if they map it.
fn mapped(state: &State, metadata: Option<&Map<String, Value>>) -> Result<Option<Id<Metric>>, Fault> {
    let mapping = metadata.and_then(|metadata| metadata.get("billableMetricMapping"));
    let Some(named) = mapping.and_then(|mapping| mapping.get("revenue")) else { return Ok(None) };
    let Some(named) = named.as_str() else {
        let message = "is to be the id of the billable metric that counts the revenue, such as \"bm_1a2b3c4d5e6f7g8h\"";
        return Err(Fault::field(MAPPING, "type", message));
    };
    referred(&state.metrics, MAPPING, named).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    plan_id: Option<String>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let plan = filter.plan_id.as_deref().map(|text| state.plans.find(text));
    let kept = |row: &Source| {
        mine(filter.merchant_id.as_deref(), &state.plans[row.plan].merchant)
            && plan.is_none_or(|plan| plan == Some(row.plan))
    };
    let ids = state.sources.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&bare_list(call.paging(), ids).map(|id| body(state, id))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.sources)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    name: Option<Box<str>>,
    description: Option<Box<str>>,
    enabled: Option<bool>,
    processing_mode: Option<Mode>,
    config: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.sources)?;
    let sent: Update = call.input()?;
    let metric = mapped(&world.state, sent.metadata.as_ref())?;
    let now = world.now(ClockId::WORLD);
    world.state.sources.update(id, |row| {
        row.name = sent.name.unwrap_or_else(|| row.name.clone());
        row.description = sent.description.or_else(|| row.description.take());
        row.enabled = sent.enabled.unwrap_or(row.enabled);
        row.mode = sent.processing_mode.unwrap_or(row.mode);
        row.config = sent.config.or_else(|| row.config.take());
        if sent.metadata.is_some() {
            row.metadata = sent.metadata;
            row.metric = metric;
        }
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}
