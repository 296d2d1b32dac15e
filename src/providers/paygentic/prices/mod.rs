//! Prices: what one unit of a metric or a fee costs, when it is due and how often.
//!
//! Facts: paygentic-behaviour §2.4, §4. What a price may say stands in `rules`, what an edit does to
//! those who are charged in `effect`.

mod body;
mod effect;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::body::body;
pub use self::body::{Body, line_body};
use self::rules::{Agreed, Terms};
use super::billable_metrics::Metric;
use super::body::bare_list;
use super::entitlements::Attached;
use super::features;
use super::fees::Fee;
use super::plans::Plan;
use super::pricing_units::{self, PricingUnit};
use super::schedule::Cycle;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, referred, write};
use crate::billing::price::Rate;
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, Row};

/// Plans that a refused delete lists; all are counted.
const BLOCKERS_SHOWN: usize = 100;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createPrice", Method::POST, "/v0/prices", create),
        read("listPrices", "/v0/prices", list),
        read("getPrice", "/v0/prices/{id}", get),
        write("updatePrice", Method::PATCH, "/v0/prices/{id}", update),
        write("deletePrice", Method::DELETE, "/v0/prices/{id}", delete),
    ];
    Noun { name: "prices", operations }
}

#[derive(Clone, Serialize, Deserialize)]
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
    /// The cadence as the caller wrote it: `P12M` is not read back as `P1Y`.
    cadence_written: Option<Box<str>>,
    /// Units of a fee; a metric's come from usage.
    pub quantity: u32,
    /// Owed whole: no prorated first stub.
    pub obligation: bool,
    pub grant_discount: bool,
    /// What whoever subscribes to it is entitled to.
    pub feature: Option<Attached>,
    rate_type: RateType,
    /// The credits that it is in, where it is not in money.
    pub unit: Option<Id<PricingUnit>>,
    /// Outside the scope of tax, netted after it.
    pub outside_tax_scope: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a price is the price of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Model {
    #[default]
    Standard,
    Volume,
}

/// How a unit price is shown: 0.02 as money, or as 2 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum RateType {
    #[default]
    Amount,
    Proportion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Scope {
    InScope,
    OutsideScope,
}

impl Row for Price {
    const PREFIX: &'static str = "price_";
    const NOUN: &'static str = "price";
}

impl Price {
    fn model(&self) -> Model {
        match self.rate {
            Rate::Standard { .. } => Model::Standard,
            Rate::Volume { .. } => Model::Volume,
        }
    }

    /// The same at another rate.
    pub fn at(&self, unit_price: Decimal) -> Self {
        Self { rate: Rate::Standard { unit_price }, ..self.clone() }
    }

    /// Whether a unit price is a share, to be shown in percent.
    pub fn is_proportion(&self) -> bool {
        self.rate_type == RateType::Proportion
    }

    /// What the rules look at, as it stands.
    fn terms(&self) -> Terms {
        Terms {
            of: self.of,
            model: self.model(),
            properties: self.properties.clone(),
            cadence: self.cadence_written.clone(),
            quantity: self.quantity,
            obligation: self.obligation,
            grant_discount: self.grant_discount,
            feature: self.feature.clone(),
            rate_type: self.rate_type,
            unit: self.unit,
            outside_tax_scope: self.outside_tax_scope,
        }
    }

    /// Takes over terms that the rules have passed.
    fn agree(&mut self, terms: Terms, Agreed { rate, cadence }: Agreed) {
        self.of = terms.of;
        self.rate = rate;
        self.properties = terms.properties;
        self.cadence = cadence;
        self.cadence_written = terms.cadence;
        self.quantity = terms.quantity;
        self.obligation = terms.obligation;
        self.grant_discount = terms.grant_discount;
        self.feature = terms.feature;
        self.rate_type = terms.rate_type;
        self.unit = terms.unit;
        self.outside_tax_scope = terms.outside_tax_scope;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    billable_metric_id: Option<String>,
    fee_id: Option<String>,
    invoice_display_name: Arc<str>,
    invoice_display_group: Option<Box<str>>,
    payment_term: Term,
    #[serde(default)]
    model: Model,
    properties: Value,
    billing_cadence: Option<Box<str>>,
    quantity: u32,
    is_obligation: bool,
    grant_discount_enabled: bool,
    #[serde(default)]
    rate_type: RateType,
    tax: Option<TaxInput>,
    feature: Option<FeatureInput>,
    pricing_unit_id: Option<String>,
}

/// The label of what is outside the scope is the contract's business: there is only one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaxInput {
    supply_scope: Scope,
}

impl TaxInput {
    fn is_outside(&self) -> bool {
        self.supply_scope == Scope::OutsideScope
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeatureInput {
    feature_id: String,
    entitlement_template: Option<Value>,
}

impl FeatureInput {
    fn attach(self, state: &State) -> Result<Attached, Fault> {
        const POINTER: &str = "/feature/featureId";
        let feature = features::referred(state, POINTER, &self.feature_id)?;
        if pricing_units::of_feature(state, feature).is_some() {
            let message = "is the feature of a pricing unit, which comes with the credits: attach another one, or none";
            return Err(Fault::field(POINTER, "const", message));
        }
        let kind = state.features[feature].kind;
        Attached::new(feature, kind, self.entitlement_template, "/feature/entitlementTemplate")
    }
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let (of, merchant) = anchor(&world.state, &wanted)?;
    let unit = wanted.pricing_unit_id.map(|text| unit(&world.state, &text)).transpose()?;
    let feature = wanted.feature.map(|feature| feature.attach(&world.state)).transpose()?;
    let terms = Terms {
        of,
        model: wanted.model,
        properties: wanted.properties,
        cadence: wanted.billing_cadence,
        quantity: wanted.quantity,
        obligation: wanted.is_obligation,
        grant_discount: wanted.grant_discount_enabled,
        feature,
        rate_type: wanted.rate_type,
        unit,
        outside_tax_scope: wanted.tax.is_some_and(|tax| tax.is_outside()),
    };
    let Agreed { rate, cadence } = rules::agree(&terms)?;
    let now = world.now(ClockId::WORLD);
    let id = world.state.prices.insert(Price {
        merchant,
        of,
        display_name: wanted.invoice_display_name,
        display_group: wanted.invoice_display_group,
        term: wanted.payment_term,
        rate,
        properties: terms.properties,
        cadence,
        cadence_written: terms.cadence,
        quantity: terms.quantity,
        obligation: terms.obligation,
        grant_discount: terms.grant_discount,
        feature: terms.feature,
        rate_type: terms.rate_type,
        unit: terms.unit,
        outside_tax_scope: terms.outside_tax_scope,
        created_at: now,
        updated_at: now,
    });
    Ok(Reply::created(&body(&world.state, id, &world.state.prices[id])))
}

/// The metric or fee that is priced, and whose it is: the contract sees to it that exactly one is named.
fn anchor(state: &State, wanted: &Create) -> Result<(Charged, Arc<str>), Fault> {
    if let Some(text) = &wanted.billable_metric_id {
        let metric = referred(&state.metrics, "/billableMetricId", text)?;
        return Ok((Charged::Metric(metric), Arc::clone(&state.metrics[metric].merchant)));
    }
    let text = wanted.fee_id.as_deref().unwrap_or_default();
    let fee = referred(&state.fees, "/feeId", text)?;
    if state.fees[fee].deleted {
        let violation = Violation::body("/feeId", "reference", "this fee was deleted");
        return Err(Fault::no_such(Fee::NOUN, text).with_violation(violation));
    }
    Ok((Charged::Fee(fee), Arc::clone(&state.fees[fee].merchant)))
}

fn unit(state: &State, text: &str) -> Result<Id<PricingUnit>, Fault> {
    referred(&state.pricing_units, "/pricingUnitId", text)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    billable_metric_id: Option<String>,
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let merchant = filter.merchant_id.as_deref();
    let metric = filter.billable_metric_id.as_deref().map(|text| state.metrics.find(text).map(Charged::Metric));
    let kept = |row: &Price| {
        // Only a merchant's own list shows prices whose fee is gone (§2.4).
        let shown = merchant.is_some() || anchor_stands(state, row.of);
        shown && mine(merchant, &row.merchant) && metric.is_none_or(|metric| metric == Some(row.of))
    };
    let rows = state.prices.iter().filter(|(_, row)| kept(row));
    Ok(Reply::ok(&bare_list(call.paging(), rows).map(|(id, row)| body(state, id, row))))
}

fn anchor_stands(state: &State, of: Charged) -> bool {
    match of {
        Charged::Metric(metric) => state.metrics.get(metric).is_some(),
        Charged::Fee(fee) => state.fees.get(fee).is_some_and(|fee| !fee.deleted),
    }
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.prices)?;
    Ok(Reply::ok(&body(&world.state, id, &world.state.prices[id])))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    billable_metric_id: Option<String>,
    invoice_display_name: Option<Arc<str>>,
    #[serde(default)]
    invoice_display_group: Patch<Box<str>>,
    payment_term: Option<Term>,
    model: Option<Model>,
    properties: Option<Value>,
    #[serde(default)]
    billing_cadence: Patch<Box<str>>,
    quantity: Option<u32>,
    is_obligation: Option<bool>,
    grant_discount_enabled: Option<bool>,
    rate_type: Option<RateType>,
    tax: Option<TaxInput>,
    #[serde(default)]
    feature: Patch<FeatureInput>,
    #[serde(default)]
    pricing_unit_id: Patch<String>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.prices)?;
    let wanted: Update = call.input()?;
    let mut terms = world.state.prices[id].terms();
    if let Some(text) = &wanted.billable_metric_id {
        if matches!(terms.of, Charged::Fee(_)) {
            return Err(Fault::field("/billableMetricId", "const", "this is the price of a fee, and stays one"));
        }
        terms.of = Charged::Metric(referred(&world.state.metrics, "/billableMetricId", text)?);
    }
    terms.model = wanted.model.unwrap_or(terms.model);
    terms.properties = wanted.properties.unwrap_or(terms.properties);
    wanted.billing_cadence.apply(&mut terms.cadence);
    terms.quantity = wanted.quantity.unwrap_or(terms.quantity);
    terms.obligation = wanted.is_obligation.unwrap_or(terms.obligation);
    terms.grant_discount = wanted.grant_discount_enabled.unwrap_or(terms.grant_discount);
    match wanted.feature {
        Patch::Absent => {}
        Patch::Null => terms.feature = None,
        Patch::Value(feature) => terms.feature = Some(feature.attach(&world.state)?),
    }
    terms.rate_type = wanted.rate_type.unwrap_or(terms.rate_type);
    wanted.pricing_unit_id.try_map(|text| unit(&world.state, &text))?.apply(&mut terms.unit);
    terms.outside_tax_scope = wanted.tax.map_or(terms.outside_tax_scope, |tax| tax.is_outside());
    let agreed = rules::agree(&terms)?;
    let before = Arc::clone(&world.state.prices[id]);
    let mut after = Price::clone(&before);
    after.agree(terms, agreed);
    after.display_name = wanted.invoice_display_name.unwrap_or(after.display_name);
    wanted.invoice_display_group.apply(&mut after.display_group);
    after.term = wanted.payment_term.unwrap_or(after.term);
    after.updated_at = world.now(ClockId::WORLD);
    effect::check(&world.state, id, &before, &after)?;
    world.state.prices.update(id, |row| *row = after);
    effect::turn(world, id);
    Ok(Reply::ok(&body(&world.state, id, &world.state.prices[id])))
}

/// How many subscriptions are or were charged by a price.
fn charged(state: &State, id: Id<Price>) -> usize {
    let charged = |cycle: &Cycle| cycle.charges.iter().any(|charge| charge.interval.price == id);
    state.cycles.iter().filter(|(_, cycle)| charged(cycle)).count()
}

/// Lines and charges know a price through the plan that they come from: one that no plan version names can go.
fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.prices)?;
    let mut plans: BTreeMap<Id<Plan>, Vec<u32>> = BTreeMap::new();
    for (_, version) in world.state.plan_versions.iter() {
        if version.lines.iter().any(|line| line.price == id) {
            plans.entry(version.plan).or_default().push(version.number);
        }
    }
    let billed = charged(&world.state, id);
    if plans.is_empty() && billed > 0 {
        return Err(Fault::conflict(format!("{billed} subscriptions are charged by this price themselves")));
    }
    if plans.is_empty() {
        world.state.prices.remove(id);
        return Ok(Reply::none());
    }
    let state = &world.state;
    let item = |(plan, numbers): (&Id<Plan>, &Vec<u32>)| json!({ "id": state.plans.text(*plan), "name": state.plans[*plan].name, "versionNumbers": numbers });
    let count = plans.len();
    let items: Vec<Value> = plans.iter().take(BLOCKERS_SHOWN).map(item).collect();
    Err(Fault::conflict(format!("{count} plans refer to this price: take it out of them first"))
        .with_details(json!({ "blockers": [{ "type": "plans", "count": count, "items": items }] })))
}
