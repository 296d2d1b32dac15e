//! Adjustments: what was agreed to take away from charges, or to charge at least or at most.
//!
//! Facts: paygentic-behaviour §2.7 (adjustments). What they do to an invoice stands in `effect`. Invoices whose period
//! is over when an adjustment is made stay as they are.

mod effect;

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::effect::{Adjustments, Taken};
use super::{Status, Subscription};
use crate::api::{Call, Fault, Reply, referred};
use crate::billing::money;
use crate::billing::price::Rate;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::bare_list;
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::prices::{Charged, Price};
use crate::providers::paygentic::state::State;
use crate::time::Timestamp;
use crate::world::{Id, IdText, Row};

#[derive(Clone, Serialize, Deserialize)]
pub struct Adjustment {
    pub subscription: Id<Subscription>,
    kind: Kind,
    pub value: Decimal,
    /// As the caller wrote it: reading it back must not change a digit.
    written: Box<str>,
    /// The price that it is about; a percentage is about all.
    target: Option<Id<Price>>,
    from: Timestamp,
    to: Option<Timestamp>,
    description: Option<Box<str>>,
    key: Option<Box<str>>,
    /// The end of the last period that was invoiced with it.
    pub billed_until: Option<Timestamp>,
    created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    PercentageDiscount,
    UsageDiscount,
    MinimumQuantity,
    MaximumQuantity,
}

impl Row for Adjustment {
    const PREFIX: &'static str = "adj_";
    const NOUN: &'static str = "adjustment";
}

impl Adjustment {
    /// What a calculation reads of it.
    pub fn as_used(&self) -> Value {
        json!({ "type": self.kind, "value": self.written, "effectiveFrom": self.from, "effectiveTo": self.to })
    }

    /// Which end of a quantity it bounds.
    pub fn side(&self) -> &'static str {
        if self.kind == Kind::MinimumQuantity { "minimum" } else { "maximum" }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    subscription_id: IdText,
    r#type: Kind,
    percentage_discount: Option<&'a str>,
    usage_discount: Option<&'a str>,
    minimum_quantity: Option<&'a str>,
    maximum_quantity: Option<&'a str>,
    target_price_ids: Vec<IdText>,
    effective_from: Timestamp,
    effective_to: Option<Timestamp>,
    description: Option<&'a str>,
    created_at: Timestamp,
}

fn body(state: &State, id: Id<Adjustment>) -> Body<'_> {
    let row = &state.adjustments[id];
    let value = |kind| (row.kind == kind).then_some(&*row.written);
    Body {
        object: "subscriptionAdjustment",
        id: state.adjustments.text(id),
        subscription_id: state.subscriptions.text(row.subscription),
        r#type: row.kind,
        percentage_discount: value(Kind::PercentageDiscount),
        usage_discount: value(Kind::UsageDiscount),
        minimum_quantity: value(Kind::MinimumQuantity),
        maximum_quantity: value(Kind::MaximumQuantity),
        target_price_ids: row.target.iter().map(|price| state.prices.text(*price)).collect(),
        effective_from: row.from,
        effective_to: row.to,
        description: row.description.as_deref(),
        created_at: row.created_at,
    }
}

/// The adjustments of a subscription, oldest first.
fn of(state: &State, id: Id<Subscription>) -> impl Iterator<Item = (Id<Adjustment>, &Arc<Adjustment>)> {
    let ids = state.adjustments_by_subscription.get(&id).into_iter().flatten();
    ids.filter_map(|id| Some((*id, state.adjustments.get(*id)?)))
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let ids = of(&world.state, id).map(|(id, _)| id);
    Ok(Reply::ok(&bare_list(call.paging(), ids).map(|id| body(&world.state, id))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    r#type: Kind,
    percentage_discount: Option<Box<str>>,
    usage_discount: Option<Box<str>>,
    minimum_quantity: Option<Box<str>>,
    maximum_quantity: Option<Box<str>>,
    #[serde(default)]
    target_price_ids: Vec<String>,
    effective_from: Timestamp,
    effective_to: Option<Timestamp>,
    description: Option<Box<str>>,
    idempotency_key: Option<Box<str>>,
}

impl Create {
    /// The value that goes with the type, and where it stands.
    fn value(&self) -> (&'static str, &str) {
        let (field, value) = match self.r#type {
            Kind::PercentageDiscount => ("percentageDiscount", &self.percentage_discount),
            Kind::UsageDiscount => ("usageDiscount", &self.usage_discount),
            Kind::MinimumQuantity => ("minimumQuantity", &self.minimum_quantity),
            Kind::MaximumQuantity => ("maximumQuantity", &self.maximum_quantity),
        };
        (field, value.as_deref().unwrap_or_default())
    }
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let wanted: Create = call.input()?;
    let known = |row: &Adjustment| row.key.is_some() && row.key == wanted.idempotency_key;
    if let Some((known, _)) = of(&world.state, id).find(|(_, row)| known(row)) {
        return Ok(Reply::ok(&body(&world.state, known)));
    }
    if world.state.subscriptions[id].status == Status::Terminated {
        return Err(Fault::bad_request("The subscription is terminated: there is nothing left to adjust"));
    }
    let (field, written) = wanted.value();
    let value =
        money::parse(written).map_err(|error| Fault::field(&format!("/{field}"), "format", error.to_string()))?;
    if let Some(to) = wanted.effective_to.filter(|to| *to <= wanted.effective_from) {
        let message = format!("{to} is not after effectiveFrom, {}", wanted.effective_from);
        return Err(Fault::field("/effectiveTo", "minimum", message));
    }
    let target = target(&world.state, id, &wanted)?;
    let (_, now) = cycle::clock_of(world, id);
    let written = written.into();
    let adjustment = world.state.adjustments.insert(Adjustment {
        subscription: id,
        kind: wanted.r#type,
        value,
        written,
        target,
        from: wanted.effective_from,
        to: wanted.effective_to,
        description: wanted.description,
        key: wanted.idempotency_key,
        billed_until: None,
        created_at: now,
    });
    world.state.adjustments_by_subscription.entry(id).or_default().push_back(adjustment);
    Ok(Reply::created(&body(&world.state, adjustment)))
}

/// The price that an adjustment is about: one that the subscription is charged by, and that can be adjusted so.
fn target(state: &State, id: Id<Subscription>, wanted: &Create) -> Result<Option<Id<Price>>, Fault> {
    const POINTER: &str = "/targetPriceIds/0";
    let refuse = |rule, message: &'static str| Err(Fault::field(POINTER, rule, message));
    if wanted.r#type == Kind::PercentageDiscount {
        return match wanted.target_price_ids.first() {
            None => Ok(None),
            Some(_) => refuse("const", "a percentage is taken off every charge: leave the target out"),
        };
    }
    let text = wanted.target_price_ids.first().map_or("", String::as_str);
    let price = referred(&state.prices, POINTER, text)?;
    let charges = &state.cycles[state.subscriptions[id].cycle].charges;
    let Some(charge) = charges.iter().find(|charge| charge.interval.price == price) else {
        return refuse("reference", "is no price that this subscription is charged by");
    };
    let row = &state.prices[price];
    if row.unit.is_some() {
        return refuse("const", "is in credits: nothing of it is charged that could be adjusted");
    }
    if wanted.r#type == Kind::UsageDiscount {
        if !matches!(row.of, Charged::Metric(_)) || charge.interval.quantity.is_some() {
            return refuse("const", "is not metered: units can be taken off usage only");
        }
        if matches!(row.rate, Rate::Standard { unit_price } if unit_price < Decimal::ZERO) {
            return refuse("const", "is a rebate: units cannot be taken off that");
        }
    } else if charge.interval.cadence.is_zero() {
        return refuse("const", "is charged once: only what recurs has a quantity for each period");
    }
    Ok(Some(price))
}

/// Takes an adjustment back. What was invoiced with it stays, and it ends there.
pub(super) fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let text = call.segment("adjustmentId");
    let found = world.state.adjustments.find(text).filter(|found| world.state.adjustments[*found].subscription == id);
    let adjustment = found.ok_or_else(|| Fault::no_such(Adjustment::NOUN, text))?;
    let Some(until) = world.state.adjustments[adjustment].billed_until else {
        world.state.adjustments.remove(adjustment);
        return Ok(Reply::none());
    };
    world.state.adjustments.update(adjustment, |row| row.to = Some(row.to.map_or(until, |to| to.min(until))));
    Ok(Reply::ok(&body(&world.state, adjustment)))
}
