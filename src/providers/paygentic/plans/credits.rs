//! The credits that a plan gives its subscriptions.
//!
//! Facts: paygentic-behaviour §2.5: issued on activation, again only where a recurrence is set, a pricing unit once.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::api::{Fault, referred};
use crate::contract::Violation;
use crate::providers::paygentic::body::number;
use crate::providers::paygentic::entitlements::reset_interval;
use crate::providers::paygentic::pricing_units::PricingUnit;
use crate::providers::paygentic::state::State;
use crate::time::Cadence;
use crate::world::{Id, IdText};

#[derive(Clone, Serialize, Deserialize)]
pub struct Allocation {
    pub unit: Id<PricingUnit>,
    pub amount: Decimal,
    /// `None`: issued once.
    pub recurrence: Option<Cadence>,
    /// The recurrence as the caller wrote it.
    written: Option<Box<str>>,
}

/// An allocation as callers write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AllocationInput {
    pricing_unit_id: String,
    amount: Decimal,
    recurrence_period: Option<Box<str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AllocationBody<'a> {
    pricing_unit_id: IdText,
    amount: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    recurrence_period: Option<&'a str>,
}

pub(super) fn body<'a>(state: &State, row: &'a Allocation) -> AllocationBody<'a> {
    AllocationBody {
        pricing_unit_id: state.pricing_units.text(row.unit),
        amount: number(row.amount),
        recurrence_period: row.written.as_deref(),
    }
}

/// The allocations that a caller asks for.
pub(super) fn read(state: &State, wanted: &[AllocationInput]) -> Result<Vec<Allocation>, Fault> {
    let mut all: Vec<Allocation> = Vec::with_capacity(wanted.len());
    let mut wrong = Vec::new();
    for (n, AllocationInput { pricing_unit_id, amount, recurrence_period }) in wanted.iter().enumerate() {
        let pointer = |field: &str| format!("/creditAllocations/{n}/{field}");
        let unit = referred(&state.pricing_units, &pointer("pricingUnitId"), pricing_unit_id)?;
        if all.iter().any(|other| other.unit == unit) {
            let message = "is allocated by an item before: a plan allocates a pricing unit once";
            wrong.push(Violation::body(pointer("pricingUnitId"), "repeated", message));
        }
        if *amount <= Decimal::ZERO {
            let message = "is too small to count: it comes to 0";
            wrong.push(Violation::body(pointer("amount"), "exclusiveMinimum", message));
        }
        let recurrence = recurrence_period.as_deref().and_then(|text| match reset_interval(text) {
            Ok(interval) => Some(interval),
            Err((rule, message)) => {
                wrong.push(Violation::body(pointer("recurrencePeriod"), rule, message));
                None
            }
        });
        all.push(Allocation { unit, amount: *amount, recurrence, written: recurrence_period.clone() });
    }
    if wrong.is_empty() { Ok(all) } else { Err(Fault::violations(wrong)) }
}
