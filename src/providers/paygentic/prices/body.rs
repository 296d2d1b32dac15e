//! A price as the wire shows it, by itself and as a line of a plan.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Charged, Model, Price, RateType, Scope, Term};
use crate::providers::paygentic::features;
use crate::providers::paygentic::plans::PlanLine;
use crate::providers::paygentic::state::State;
use crate::time::Timestamp;
use crate::world::{Id, IdText, Row as _};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    /// The line's name, where the price is shown as a line of a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    /// The plan's: a price by itself has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    merchant_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    billable_metric_id: Option<IdText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_id: Option<IdText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing_unit_id: Option<IdText>,
    invoice_display_name: &'a str,
    invoice_display_group: Option<&'a str>,
    model: Model,
    rate_type: RateType,
    properties: &'a Value,
    payment_term: Term,
    billing_cadence: Option<&'a str>,
    quantity: u32,
    is_obligation: bool,
    grant_discount_enabled: bool,
    tax: Tax,
    features: Vec<Feature<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The feature that a price carries. A template that was left out reads as one that says nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Feature<'a> {
    id: String,
    feature_id: IdText,
    entitlement_template: Value,
    feature: FeatureBody<'a>,
}

#[derive(Serialize)]
struct FeatureBody<'a> {
    key: &'a str,
    name: &'a str,
    r#type: features::Kind,
}

fn feature<'a>(state: &'a State, id: Id<Price>, row: &Price) -> Option<Feature<'a>> {
    let attached = row.feature.as_ref().filter(|attached| !state.features[attached.feature].deleted)?;
    let feature = &state.features[attached.feature];
    let price = state.prices.text(id);
    Some(Feature {
        // A price carries one feature at most, so that its own id tells them apart.
        id: format!("pf_{}", price.as_str().trim_start_matches(Price::PREFIX)),
        feature_id: state.features.text(attached.feature),
        entitlement_template: attached.written.clone().unwrap_or_else(|| Value::Object(Map::new())),
        feature: FeatureBody { key: &feature.key, name: &feature.name, r#type: feature.kind },
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tax {
    supply_scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    outside_scope_label: Option<&'static str>,
}

impl Tax {
    fn new(outside: bool) -> Self {
        let supply_scope = if outside { Scope::OutsideScope } else { Scope::InScope };
        Self { supply_scope, outside_scope_label: outside.then_some("CASHBACK") }
    }
}

pub(super) fn body<'a>(state: &'a State, id: Id<Price>, row: &'a Price) -> Body<'a> {
    let (metric, fee) = match row.of {
        Charged::Metric(metric) => (Some(state.metrics.text(metric)), None),
        Charged::Fee(fee) => (None, Some(state.fees.text(fee))),
    };
    Body {
        id: state.prices.text(id),
        object: "price",
        key: None,
        currency: None,
        merchant_id: &row.merchant,
        billable_metric_id: metric,
        fee_id: fee,
        pricing_unit_id: row.unit.map(|unit| state.pricing_units.text(unit)),
        invoice_display_name: &row.display_name,
        invoice_display_group: row.display_group.as_deref(),
        model: row.model(),
        rate_type: row.rate_type,
        properties: &row.properties,
        payment_term: row.term,
        billing_cadence: row.cadence_written.as_deref(),
        quantity: row.quantity,
        is_obligation: row.obligation,
        grant_discount_enabled: row.grant_discount,
        tax: Tax::new(row.outside_tax_scope),
        features: feature(state, id, row).into_iter().collect(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// A price as a line of a plan.
pub fn line_body<'a>(state: &'a State, line: &'a PlanLine, currency: &'a str) -> Body<'a> {
    let body = body(state, line.price, &state.prices[line.price]);
    Body { key: Some(&line.key), currency: Some(currency), ..body }
}
