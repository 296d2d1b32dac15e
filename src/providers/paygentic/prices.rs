//! Prices: what one unit of a metric or a fee costs, when it is due and how often.
//!
//! Facts: paygentic-behaviour §2.4, §4.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::billable_metrics::Metric;
use super::fees::Fee;
use super::state::State;
use crate::api::{Action, Noun};
use crate::billing::price::Rate;
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, Row};

pub fn noun() -> Noun<Action<State>> {
    Noun { name: "prices", operations: vec![] }
}

#[derive(Clone)]
pub struct Price {
    pub merchant: Arc<str>,
    pub of: Charged,
    pub display_name: Arc<str>,
    pub display_group: Option<Box<str>>,
    pub term: Term,
    pub rate: Rate,
    /// The rate as the caller wrote it: reading it back must not change a digit.
    pub properties: Value,
    /// `None`: the subscription's cadence. `P0D`: once.
    pub cadence: Option<Cadence>,
    /// Units of a fee; a metric's come from usage.
    pub quantity: u32,
    /// Owed whole: no prorated first stub.
    pub obligation: bool,
    pub grant_discount: bool,
    pub rate_type: Option<Box<str>>,
    /// Outside the scope of tax, netted after it.
    pub outside_tax_scope: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a price is the price of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    Metric(Id<Metric>),
    Fee(Id<Fee>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    InAdvance,
    InArrears,
}

impl Row for Price {
    const PREFIX: &'static str = "price_";
    const NOUN: &'static str = "price";
}
