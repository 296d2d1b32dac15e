//! Meter events: usage as apps report it.
//!
//! Facts: paygentic-behaviour §2.11, §1.3 (idempotency), §4 (usage window, late events).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;

use super::billable_metrics::Metric;
use super::customers::Customer;
use super::state::State;
use crate::api::{Action, Noun};
use crate::billing::period::Window;
use crate::time::Timestamp;
use crate::world::{Id, Row};

pub fn noun() -> Noun<Action<State>> {
    Noun { name: "events", operations: vec![] }
}

#[derive(Clone)]
pub struct MeterEvent {
    pub kind: Arc<str>,
    pub source: Box<str>,
    /// A customer's id, as it was sent.
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

/// What a metric makes of a customer's events in a window.
pub fn quantity(state: &State, metric: Id<Metric>, customer: Id<Customer>, window: Window) -> Decimal {
    let _ = (state, metric, customer, window);
    Decimal::ZERO
}
