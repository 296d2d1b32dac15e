//! Billable metrics: what is counted of the events that an app sends.
//!
//! Facts: paygentic-behaviour §2.2, §4 (usage window).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::products::Product;
use super::state::State;
use crate::api::{Action, Noun};
use crate::billing::usage::{Aggregation, Path};
use crate::time::Timestamp;
use crate::world::{Id, Row};

pub fn noun() -> Noun<Action<State>> {
    Noun { name: "billable_metrics", operations: vec![] }
}

#[derive(Clone)]
pub struct Metric {
    pub merchant: Arc<str>,
    pub product: Id<Product>,
    pub name: Box<str>,
    pub description: Box<str>,
    pub unit: Box<str>,
    pub event_type: Arc<str>,
    pub aggregation: Aggregation,
    pub value_property: Option<Path>,
    /// Name → path in the event's data.
    pub group_by: Option<Map<String, Value>>,
    pub event_from: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Row for Metric {
    const PREFIX: &'static str = "bm_";
    const NOUN: &'static str = "billable metric";
}
