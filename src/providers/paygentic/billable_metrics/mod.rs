//! Billable metrics: what is counted of the events that an app sends.
//!
//! Facts: paygentic-behaviour §2.2, §4 (usage window). `meter.rs` answers what a metric has counted,
//! `counted.rs` shows the events behind it.

mod counted;
mod meter;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};

pub use self::counted::span;
pub use self::meter::{Dimension, Teller, dimension, dimensions, value, wanted};
use super::body::list;
use super::items::{self, Item};
use super::products::{self, Product};
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::billing::usage::{Aggregation, Path};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createBillableMetric", Method::POST, "/v0/billableMetrics", create),
        read("listBillableMetrics", "/v0/billableMetrics", index),
        read("getBillableMetric", "/v0/billableMetrics/{id}", get),
        write("updateBillableMetric", Method::PATCH, "/v0/billableMetrics/{id}", update),
        read("getBillableMetricMeter", "/v0/billableMetrics/{id}/meter", meter::get),
        read("listBillableMetricEvents", "/v0/billableMetrics/{id}/events", counted::index),
    ];
    Noun { name: "billable_metrics", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Metric {
    pub merchant: Arc<str>,
    pub product: Id<Product>,
    pub item: Option<Id<Item>>,
    pub name: Box<str>,
    pub description: Box<str>,
    pub unit: Box<str>,
    pub event_type: Arc<str>,
    pub aggregation: Aggregation,
    pub value_property: Option<Path>,
    /// By the names that a meter query calls them.
    pub group_by: Option<BTreeMap<Box<str>, Path>>,
    pub event_from: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Row for Metric {
    const PREFIX: &'static str = "bm_";
    const NOUN: &'static str = "billable metric";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    product_id: IdText,
    item_id: Option<IdText>,
    name: &'a str,
    description: &'a str,
    unit: &'a str,
    event_type: &'a str,
    aggregation: Aggregation,
    value_property: Option<&'a Path>,
    group_by: Option<&'a BTreeMap<Box<str>, Path>>,
    event_from: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Metric>) -> Body<'_> {
    let row = &state.metrics[id];
    Body {
        id: state.metrics.text(id),
        object: "billableMetric",
        merchant_id: &row.merchant,
        product_id: state.products.text(row.product),
        item_id: row.item.map(|id| state.items.text(id)),
        name: &row.name,
        description: &row.description,
        unit: &row.unit,
        event_type: &row.event_type,
        aggregation: row.aggregation,
        value_property: row.value_property.as_ref(),
        group_by: row.group_by.as_ref(),
        event_from: row.event_from,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    product_id: Option<String>,
    item_id: Option<String>,
    name: Box<str>,
    description: Box<str>,
    unit: Box<str>,
    event_type: Arc<str>,
    aggregation: Aggregation,
    value_property: Option<Path>,
    group_by: Option<BTreeMap<Box<str>, Path>>,
    event_from: Option<Timestamp>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let sent: Create = call.input()?;
    let product = products::named_or_first(&world.state, &sent.merchant_id, sent.product_id.as_deref())?;
    let item = sent.item_id.map(|text| items::tag(&world.state, product, &text)).transpose()?;
    let now = world.now(ClockId::WORLD);
    let metric = Metric {
        merchant: world.state.merchant(&sent.merchant_id),
        product,
        item,
        name: sent.name,
        description: sent.description,
        unit: sent.unit,
        event_type: sent.event_type,
        aggregation: sent.aggregation,
        value_property: stored(sent.aggregation, sent.value_property),
        group_by: sent.group_by,
        event_from: sent.event_from,
        created_at: now,
        updated_at: now,
    };
    let id = world.state.metrics.insert(metric);
    Ok(Reply::created(&body(&world.state, id)))
}

/// A count has no value to look for: what was sent is ignored, not kept.
fn stored(aggregation: Aggregation, property: Option<Path>) -> Option<Path> {
    property.filter(|_| aggregation != Aggregation::Count)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    product_id: Option<String>,
    item_id: Option<String>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let product = filter.product_id.as_deref().map(|text| state.products.find(text));
    let item = filter.item_id.as_deref().map(|text| state.items.find(text));
    let kept = |row: &Metric| {
        mine(filter.merchant_id.as_deref(), &row.merchant)
            && product.is_none_or(|product| product == Some(row.product))
            && item.is_none_or(|item| item.is_some() && item == row.item)
    };
    let ids = state.metrics.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&list(call.paging(), ids).map(|id| body(state, id))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.metrics)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    #[serde(default)]
    item_id: Patch<String>,
    name: Option<Box<str>>,
    description: Option<Box<str>>,
    unit: Option<Box<str>>,
    event_type: Option<Arc<str>>,
    #[serde(default)]
    value_property: Patch<Path>,
    #[serde(default)]
    group_by: Patch<BTreeMap<Box<str>, Path>>,
    #[serde(default)]
    event_from: Patch<Timestamp>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.metrics)?;
    let sent: Update = call.input()?;
    let (product, aggregation) = (world.state.metrics[id].product, world.state.metrics[id].aggregation);
    let item = sent.item_id.try_map(|text| items::tag(&world.state, product, &text))?;
    let optional = matches!(aggregation, Aggregation::Count | Aggregation::UniqueCount);
    if sent.value_property == Patch::Null && !optional {
        let message = "cannot be cleared: only COUNT and UNIQUE_COUNT do without a value to aggregate";
        return Err(Fault::field("/valueProperty", "required", message));
    }
    let now = world.now(ClockId::WORLD);
    world.state.metrics.update(id, |row| {
        item.apply(&mut row.item);
        row.name = sent.name.unwrap_or_else(|| row.name.clone());
        row.description = sent.description.unwrap_or_else(|| row.description.clone());
        row.unit = sent.unit.unwrap_or_else(|| row.unit.clone());
        row.event_type = sent.event_type.unwrap_or_else(|| Arc::clone(&row.event_type));
        sent.value_property.apply(&mut row.value_property);
        row.value_property = stored(aggregation, row.value_property.take());
        sent.group_by.apply(&mut row.group_by);
        sent.event_from.apply(&mut row.event_from);
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}
