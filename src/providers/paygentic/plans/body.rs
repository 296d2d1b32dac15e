//! A plan as the wire shows it.

use serde::Serialize;
use serde_json::Value;

use super::credits::{self, AllocationBody};
use super::{MONTHLY, Plan, QUARTERLY};
use crate::billing::tax::Behaviour;
use crate::providers::paygentic::prices::{self, Charged, Term};
use crate::providers::paygentic::state::State;
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, IdText};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    product_id: IdText,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_display_name: Option<&'a str>,
    currency: &'a str,
    billing_cadence: Cadence,
    billing_interval: &'static str,
    billing_anchor: Option<Timestamp>,
    billing_version: u8,
    default_tax_code: &'a str,
    default_tax_rate: f64,
    tax_behavior: Behaviour,
    payment_term: Terms,
    prices: Vec<prices::Body<'a>>,
    default_version_id: IdText,
    stable_price_ids: bool,
    version_transition: &'a Value,
    renewal_reminder_enabled: bool,
    renewal_reminder_days: u32,
    credit_allocations: Vec<AllocationBody<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Which payment terms the lines of a plan have. Wire names are the vendor's.
#[derive(Serialize)]
struct Terms {
    in_advance: bool,
    in_arrears: bool,
}

pub(super) fn body<'a>(state: &'a State, id: Id<Plan>, row: &'a Plan) -> Body<'a> {
    let lines = &state.plan_versions[row.default_version].lines;
    let any = |advance: bool| {
        lines.iter().map(|line| &state.prices[line.price]).any(|price| {
            let in_advance = price.term == Term::InAdvance && matches!(price.of, Charged::Fee(_));
            in_advance == advance
        })
    };
    Body {
        id: state.plans.text(id),
        object: "plan",
        merchant_id: &row.merchant,
        product_id: state.products.text(row.product),
        name: &row.name,
        description: row.description.as_deref(),
        invoice_display_name: row.invoice_display_name.as_deref(),
        currency: &row.currency,
        billing_cadence: row.cadence,
        billing_interval: interval(row.cadence),
        billing_anchor: row.anchor,
        billing_version: 1,
        default_tax_code: &row.tax_code,
        default_tax_rate: f64::try_from(row.tax_rate).unwrap_or_default(),
        tax_behavior: row.tax_behaviour,
        payment_term: Terms { in_advance: any(true), in_arrears: any(false) },
        prices: lines.iter().map(|line| prices::line_body(state, line, &row.currency)).collect(),
        default_version_id: state.plan_versions.text(row.default_version),
        stable_price_ids: row.stable_price_ids,
        version_transition: &row.transition,
        renewal_reminder_enabled: row.reminder.enabled,
        renewal_reminder_days: row.reminder.days,
        credit_allocations: row.allocations.iter().map(|allocation| credits::body(state, allocation)).collect(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The contract knows three cadences.
fn interval(cadence: Cadence) -> &'static str {
    if cadence == MONTHLY {
        "monthly"
    } else if cadence == QUARTERLY {
        "quarterly"
    } else {
        "yearly"
    }
}
