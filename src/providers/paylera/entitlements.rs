//! What a customer may use: the SDK layer's `check` and `track`, and the entitlements of a subscription.
//!
//! Facts: paylera §10 (paths, `allowed`, `balance`, `usage`, `unlimited`; kinds). A feature is a component of the plan, by
//! its code or its meter: a flat one is there or not, units are as many as were bought, usage is counted.

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::quantity;
use super::listing::list;
use super::plans::{Component, Pricing};
use super::state::State;
use super::subscriptions::{Status, Subscription};
use super::usage::{self, Report};
use super::{Operation, World, charges, checkout_sessions, customers};
use crate::api::{Action, Call, Fault, Noun, Reply, write};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::Id;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("attach", Method::POST, "/v1/attach", checkout_sessions::attach),
        write("check", Method::POST, "/v1/check", check),
        write("track", Method::POST, "/v1/track", track),
    ];
    Noun { name: "entitlements", operations }
}

/// How a feature stands.
struct Standing {
    kind: &'static str,
    allowed: bool,
    /// What is left; `None` where nothing is counted or there is no end.
    balance: Option<Decimal>,
    usage: Option<Decimal>,
    limit: Option<Decimal>,
    unlimited: bool,
}

/// Whether a subscription gives anything: one that is past due does, until dunning ends it.
fn gives(status: Status) -> bool {
    matches!(status, Status::Trialing | Status::Active | Status::PastDue)
}

fn standing(state: &State, id: Id<Subscription>, component: &Component) -> Standing {
    let row = &state.subscriptions[id];
    let gives = gives(row.status);
    match &component.pricing {
        Pricing::Flat { .. } => {
            Standing { kind: "boolean", allowed: gives, balance: None, usage: None, limit: None, unlimited: false }
        }
        Pricing::Usage { .. } => {
            let used = row.period.map_or(Decimal::ZERO, |period| usage::of(state, id, component, period).quantity);
            let usage = Some(used);
            Standing { kind: "metered", allowed: gives, balance: None, usage, limit: None, unlimited: gives }
        }
        pricing => {
            let bought = pricing.meter().and_then(|meter| row.quantities.get(meter)).copied().unwrap_or_default();
            // Units that the price includes are there without being bought.
            let free = if let Pricing::PerUnit { included_units, .. } = pricing { *included_units } else { 0 };
            let limit = Decimal::from(bought.max(free));
            let (balance, limit) = (Some(limit), Some(limit));
            Standing {
                kind: "numeric",
                allowed: gives && bought.max(free) > 0,
                balance,
                usage: None,
                limit,
                unlimited: false,
            }
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    object: &'static str,
    feature_code: &'a str,
    kind: &'static str,
    allowed: bool,
    balance: Option<String>,
    usage: Option<String>,
    limit: Option<String>,
    unlimited: bool,
    resets_at: Option<Timestamp>,
}

/// What one subscription gives, component by component.
pub fn list_own(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let id = call.id(&state.subscriptions)?;
    let row = &state.subscriptions[id];
    let body = |(_, component): (_, &Component)| {
        let standing = standing(state, id, component);
        let resets_at = row.period.filter(|_| standing.kind == "metered").map(|period| period.end);
        json!(Body {
            object: "entitlement",
            feature_code: &component.code,
            kind: standing.kind,
            allowed: standing.allowed,
            balance: standing.balance.map(quantity),
            usage: standing.usage.map(quantity),
            limit: standing.limit.map(quantity),
            unlimited: standing.unlimited,
            resets_at,
        })
    };
    list(call, (0..).zip(charges::components(state, row.plan).map(body)))
}

/// Whose feature is asked about.
#[derive(Deserialize)]
struct Whose {
    customer_id: Option<Box<str>>,
    subscription_id: Option<Box<str>>,
    feature_code: Arc<str>,
}

impl Whose {
    /// The subscription that is named, else the customer's newest that gives the feature.
    fn find<'a>(&self, state: &'a State) -> Result<Option<(Id<Subscription>, &'a Component)>, Fault> {
        if let Some(text) = &self.subscription_id {
            let id = state.subscriptions.find(text).ok_or_else(|| {
                let message = format!("there is no subscription {text:?} in this world");
                Fault::field("/subscription_id", "reference", message)
            })?;
            return Ok(feature(state, id, &self.feature_code).map(|component| (id, component)));
        }
        let customer = customers::referred(state, self.customer_id.as_deref().unwrap_or_default())?;
        let own = state.subscriptions.iter().rev().filter(|(_, row)| row.customer == customer && gives(row.status));
        Ok(own.into_iter().find_map(|(id, _)| Some((id, feature(state, id, &self.feature_code)?))))
    }
}

/// The component that a code means: its own, or its meter's.
fn feature<'a>(state: &'a State, id: Id<Subscription>, code: &str) -> Option<&'a Component> {
    let means = |component: &&Component| {
        &*component.code == code || component.pricing.meter().is_some_and(|meter| &**meter == code)
    };
    charges::components(state, state.subscriptions[id].plan).map(|(_, component)| component).find(means)
}

#[derive(Deserialize)]
struct Check {
    #[serde(flatten)]
    whose: Whose,
    required_quantity: Option<Value>,
}

/// Nobody is charged for asking, and a feature that nothing gives is simply not allowed.
fn check(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Check { whose, required_quantity } = call.input()?;
    let state = &world.state;
    let found = whose.find(state)?;
    let required = required_quantity.as_ref().map_or(Decimal::ONE, number);
    let standing = found.map(|(id, component)| standing(state, id, component));
    let enough = |standing: &Standing| standing.balance.is_none_or(|balance| balance >= required);
    let customer = match (&whose.customer_id, &whose.subscription_id) {
        (Some(text), None) => customers::referred(state, text)?,
        (_, text) => {
            let id = text.as_deref().and_then(|text| state.subscriptions.find(text));
            id.map(|id| state.subscriptions[id].customer)
                .ok_or_else(|| Fault::internal("a subscription went missing"))?
        }
    };
    Ok(Reply::ok(&json!({
        "object": "check",
        "feature_code": whose.feature_code,
        "customer_id": state.customers.text(customer),
        "subscription_id": found.map(|(id, _)| state.subscriptions.text(id)),
        "allowed": standing.as_ref().is_some_and(|standing| standing.allowed && enough(standing)),
        "balance": standing.as_ref().and_then(|standing| standing.balance).map(quantity),
        "usage": standing.as_ref().and_then(|standing| standing.usage).map(quantity),
        "unlimited": standing.as_ref().is_some_and(|standing| standing.unlimited),
    })))
}

/// A decimal as a string or a whole number: the schema has seen to it that it is one of them.
fn number(value: &Value) -> Decimal {
    match value {
        Value::String(text) => text.parse().unwrap_or_default(),
        other => other.as_i64().map(Decimal::from).unwrap_or_default(),
    }
}

#[derive(Deserialize)]
struct Track {
    #[serde(flatten)]
    whose: Whose,
    quantity: Option<Value>,
    timestamp: Option<Timestamp>,
    external_id: Option<Arc<str>>,
}

/// Usage under the name of a feature.
fn track(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Track { whose, quantity, timestamp, external_id } = call.input()?;
    let found = whose.find(&world.state)?;
    let counted = found.filter(|(_, component)| component.pricing.is_usage());
    let Some((id, meter)) = counted.and_then(|(id, component)| Some((id, component.pricing.meter()?))) else {
        let message = format!("{:?} is no feature whose usage is counted for this customer", whose.feature_code);
        return Err(Fault::violations(vec![Violation::body("/feature_code", "reference", message)]));
    };
    let report = Report {
        subscription_id: world.state.subscriptions.text(id).as_str().into(),
        meter: Arc::clone(meter),
        quantity: quantity.as_ref().map_or(Decimal::ONE, number),
        timestamp,
        external_id,
    };
    usage::accept(world, report)
}
