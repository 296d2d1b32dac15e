//! Plans: a product's prices in one currency and cadence, with versions.
//!
//! Facts: paygentic-behaviour §2.5.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;

use super::prices::Price;
use super::products::Product;
use super::state::State;
use crate::api::{Action, Noun};
use crate::billing::tax::Behaviour;
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, Row};

pub fn noun() -> Noun<Action<State>> {
    Noun { name: "plans", operations: vec![] }
}

#[derive(Clone)]
pub struct Plan {
    pub merchant: Arc<str>,
    pub product: Id<Product>,
    pub name: Arc<str>,
    pub currency: Arc<str>,
    pub cadence: Cadence,
    pub description: Option<Box<str>>,
    pub invoice_display_name: Option<Box<str>>,
    pub tax_code: Box<str>,
    /// Percent.
    pub tax_rate: Decimal,
    pub tax_behaviour: Behaviour,
    pub reminder: Reminder,
    /// Aligns the periods of all subscriptions; `None`: each has its own start.
    pub anchor: Option<Timestamp>,
    pub stable_price_ids: bool,
    pub transition: Value,
    pub default_version: Id<PlanVersion>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Whether and how many days before a renewal the customer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reminder {
    pub enabled: bool,
    pub days: u32,
}

impl Row for Plan {
    const PREFIX: &'static str = "plan_";
    const NOUN: &'static str = "plan";
}

/// The lines of a plan at one time. Subscriptions are pinned to, or float with, a version.
#[derive(Clone)]
pub struct PlanVersion {
    pub plan: Id<Plan>,
    pub number: u32,
    pub lines: Vec<PlanLine>,
    pub created_at: Timestamp,
}

#[derive(Clone)]
pub struct PlanLine {
    /// Names the line for the plan's life.
    pub key: Arc<str>,
    pub price: Id<Price>,
}

impl Row for PlanVersion {
    const PREFIX: &'static str = "pver_";
    const NOUN: &'static str = "plan version";
}
