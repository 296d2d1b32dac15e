//! Costs: what a merchant's own suppliers take for what its customers use.
//!
//! Facts: paygentic-behaviour §2.14, §1.5 (`unitCost`). A cost is counted as a billable metric is, and its quantity
//! times the unit cost is what it comes to. `summary.rs` answers for one cost, `report.rs` for all of them. A deleted
//! cost is read with its `deletedAt` and otherwise gone.

mod report;
mod summary;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::report::{Bounds, bounds};
use super::billable_metrics::{Metric, value};
use super::body::list;
use super::customers::Customer;
use super::events::{self, MeterEvent};
use super::products::Product;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, referred, write};
use crate::billing::money;
use crate::billing::period::Window;
use crate::billing::usage::{Aggregation, Path};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createCost", Method::POST, "/v0/costs", create),
        read("listCosts", "/v0/costs", index),
        read("getCostReport", "/v0/costs/report", report::get),
        read("getCost", "/v0/costs/{id}", get),
        write("updateCost", Method::PATCH, "/v0/costs/{id}", update),
        write("deleteCost", Method::DELETE, "/v0/costs/{id}", delete),
        read("getCostSummary", "/v0/costs/{id}/summary", summary::get),
    ];
    Noun { name: "costs", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Cost {
    /// What is counted, as a metric counts it. Its unit is empty where the cost has none.
    pub meter: Metric,
    pub unit_cost: Decimal,
    pub currency: Arc<str>,
    deleted_at: Option<Timestamp>,
}

impl Row for Cost {
    const PREFIX: &'static str = "cst_";
    const NOUN: &'static str = "cost";
}

impl Cost {
    fn unit(&self) -> Option<&str> {
        Some(&*self.meter.unit).filter(|unit| !unit.is_empty())
    }

    fn of(&self, quantity: Decimal) -> Decimal {
        quantity.saturating_mul(self.unit_cost)
    }
}

/// The costs that are not deleted.
pub fn live(state: &State) -> impl Iterator<Item = (Id<Cost>, &Cost)> {
    state.costs.iter().map(|(id, row)| (id, &**row)).filter(|(_, row)| row.deleted_at.is_none())
}

/// A merchant's costs in a currency.
pub fn in_currency(state: &State, merchant: Option<&str>, currency: &str) -> Vec<Id<Cost>> {
    let kept = |row: &Cost| mine(merchant, &row.meter.merchant) && *row.currency == *currency;
    live(state).filter(|(_, row)| kept(row)).map(|(id, _)| id).collect()
}

/// What a customer's usage in a window costs; `None` where nothing is recorded.
pub fn of_customer(state: &State, costs: &[Id<Cost>], customer: Id<Customer>, window: Window) -> Option<Decimal> {
    let recorded = costs.iter().filter_map(|id| {
        let cost = &state.costs[*id];
        let events = events::of_customer(state, &cost.meter, customer, window);
        let events: Vec<&MeterEvent> = events.map(|id| &*state.meter_events[id]).collect();
        (!events.is_empty()).then(|| cost.of(value(&cost.meter, &events)))
    });
    recorded.reduce(Decimal::saturating_add)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    currency: &'a str,
    unit_cost: String,
    product_id: IdText,
    merchant_id: &'a str,
    unit: Option<&'a str>,
    aggregation: Aggregation,
    event_type: &'a str,
    value_property: Option<&'a Path>,
    group_by: Option<&'a BTreeMap<Box<str>, Path>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

fn body(state: &State, id: Id<Cost>) -> Body<'_> {
    let row = &state.costs[id];
    let Metric { merchant, product, name, event_type, aggregation, .. } = &row.meter;
    Body {
        id: state.costs.text(id),
        object: "cost",
        kind: "metered",
        name,
        currency: &row.currency,
        unit_cost: money::exact(row.unit_cost),
        product_id: state.products.text(*product),
        merchant_id: merchant,
        unit: row.unit(),
        aggregation: *aggregation,
        event_type,
        value_property: row.meter.value_property.as_ref(),
        group_by: row.meter.group_by.as_ref(),
        created_at: row.meter.created_at,
        updated_at: row.meter.updated_at,
        deleted_at: row.deleted_at,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    name: Box<str>,
    unit_cost: Decimal,
    currency: Arc<str>,
    product_id: String,
    aggregation: Aggregation,
    event_type: Arc<str>,
    #[serde(default)]
    unit: Box<str>,
    value_property: Option<Path>,
    group_by: Option<BTreeMap<Box<str>, Path>>,
    merchant_id: Option<Arc<str>>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let sent: Create = call.input()?;
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    let product = referred(&state.products, "/productId", &sent.product_id)?;
    let mut cost = Cost {
        meter: Metric {
            item: None,
            merchant: sent.merchant_id.unwrap_or_else(|| state.default_merchant()),
            product,
            name: sent.name,
            description: Box::default(),
            unit: sent.unit,
            event_type: sent.event_type,
            aggregation: sent.aggregation,
            value_property: sent.value_property,
            group_by: sent.group_by,
            event_from: None,
            created_at: now,
            updated_at: now,
        },
        unit_cost: sent.unit_cost,
        currency: sent.currency,
        deleted_at: None,
    };
    settle(&mut cost)?;
    cost.meter.merchant = state.merchant(&cost.meter.merchant);
    let id = state.costs.insert(cost);
    Ok(Reply::created(&body(state, id)))
}

/// What the fields of a cost ask of each other. A count has no value to look for: what was sent is ignored.
fn settle(cost: &mut Cost) -> Result<(), Fault> {
    if !money::is_currency(&cost.currency) {
        let message = format!("{:?} is not a currency of ISO 4217, such as USD, EUR or GBP", cost.currency);
        return Err(Fault::field("/currency", "enum", message));
    }
    let Metric { aggregation, value_property, .. } = &mut cost.meter;
    match aggregation {
        Aggregation::Count => *value_property = None,
        Aggregation::UniqueCount => {}
        _ if value_property.is_none() => {
            let message = "is needed: only COUNT and UNIQUE_COUNT do without a value to aggregate";
            return Err(Fault::field("/valueProperty", "required", message));
        }
        _ => {}
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    product_id: Option<String>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let product: Option<Option<Id<Product>>> = filter.product_id.as_deref().map(|text| state.products.find(text));
    let kept = |row: &Cost| {
        mine(filter.merchant_id.as_deref(), &row.meter.merchant)
            && product.is_none_or(|product| product == Some(row.meter.product))
    };
    let ids = live(state).filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&list(call.paging(), ids).map(|id| body(state, id))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.costs)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

/// The cost of the path, unless it is deleted.
fn addressed(state: &State, call: &Call) -> Result<Id<Cost>, Fault> {
    let id = call.id(&state.costs)?;
    if state.costs[id].deleted_at.is_some() { Err(Fault::no_such(Cost::NOUN, call.segment("id"))) } else { Ok(id) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    name: Option<Box<str>>,
    unit_cost: Option<Decimal>,
    currency: Option<Arc<str>>,
    #[serde(default)]
    unit: Patch<Box<str>>,
    #[serde(default)]
    aggregation: Patch<Aggregation>,
    #[serde(default)]
    event_type: Patch<Arc<str>>,
    #[serde(default)]
    value_property: Patch<Path>,
    #[serde(default)]
    group_by: Patch<BTreeMap<Box<str>, Path>>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let sent: Update = call.input()?;
    let now = world.now(ClockId::WORLD);
    let mut cost = Cost::clone(&world.state.costs[id]);
    cost.unit_cost = sent.unit_cost.unwrap_or(cost.unit_cost);
    cost.currency = sent.currency.unwrap_or(cost.currency);
    let meter = &mut cost.meter;
    meter.name = sent.name.unwrap_or_else(|| meter.name.clone());
    match sent.unit {
        Patch::Absent => {}
        Patch::Null => meter.unit = Box::default(),
        Patch::Value(unit) => meter.unit = unit,
    }
    replace(sent.aggregation, &mut meter.aggregation, "/aggregation")?;
    replace(sent.event_type, &mut meter.event_type, "/eventType")?;
    sent.value_property.apply(&mut meter.value_property);
    sent.group_by.apply(&mut meter.group_by);
    meter.updated_at = now;
    settle(&mut cost)?;
    world.state.costs.update(id, |row| *row = cost);
    Ok(Reply::ok(&body(&world.state, id)))
}

/// Writes a field that a metered cost cannot do without.
fn replace<T>(sent: Patch<T>, field: &mut T, pointer: &str) -> Result<(), Fault> {
    match sent {
        Patch::Absent => {}
        Patch::Null => return Err(Fault::field(pointer, "required", "cannot be cleared: every cost is metered")),
        Patch::Value(value) => *field = value,
    }
    Ok(())
}

fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let now = world.now(ClockId::WORLD);
    world.state.costs.update(id, |row| {
        row.deleted_at = Some(now);
        row.meter.updated_at = now;
    });
    Ok(Reply::none())
}
