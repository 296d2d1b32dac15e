//! Versions of a plan: its lines as they were, are and may be again.
//!
//! Facts: paygentic-behaviour §2.5. A version is minted from a complete set of lines and is the default at once; any
//! version can be made the default again. Subscriptions that float follow (`subscriptions::follow`).

use serde::{Deserialize, Serialize};

use super::lines::{self, LineInput};
use super::{Plan, PlanVersion};
use crate::api::{Call, Fault, Reply};
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::list as envelope;
use crate::providers::paygentic::prices;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    id: IdText,
    object: &'static str,
    version_number: u32,
    status: &'static str,
    is_default: bool,
    subscription_count: usize,
    published_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(flatten)]
    summary: Summary,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    based_on_version_id: Option<IdText>,
    prices: Vec<Line<'a>>,
}

/// A line of a version. Its price stays: one that a version names cannot be deleted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(flatten)]
    price: prices::Body<'a>,
    price_deleted: bool,
}

fn summary(state: &State, id: Id<PlanVersion>) -> Summary {
    let row = &state.plan_versions[id];
    // Who was made with it and lives, wherever they have moved since (§2.5: counts pins, not billing).
    let pins = state.subscriptions.iter().filter(|(_, subscription)| subscription.made_on == id);
    Summary {
        id: state.plan_versions.text(id),
        object: "plan_version",
        version_number: row.number,
        status: "published",
        is_default: state.plans[row.plan].default_version == id,
        subscription_count: pins.filter(|(_, subscription)| subscription.is_live()).count(),
        published_at: row.created_at,
    }
}

fn body(state: &State, id: Id<PlanVersion>) -> Body<'_> {
    let row = &state.plan_versions[id];
    let currency = &state.plans[row.plan].currency;
    let line = |line| Line { price: prices::line_body(state, line, currency), price_deleted: false };
    Body {
        summary: summary(state, id),
        updated_at: row.updated_at,
        based_on_version_id: row.based_on.map(|id| state.plan_versions.text(id)),
        prices: row.lines.iter().map(line).collect(),
    }
}

/// The versions of a plan, oldest first.
fn of(state: &State, plan: Id<Plan>) -> impl DoubleEndedIterator<Item = Id<PlanVersion>> {
    state.plan_versions.iter().filter(move |(_, row)| row.plan == plan).map(|(id, _)| id)
}

/// The version of a number.
pub fn numbered(state: &State, plan: Id<Plan>, number: u32) -> Option<Id<PlanVersion>> {
    of(state, plan).find(|id| state.plan_versions[*id].number == number)
}

/// The version of the path.
fn addressed(state: &State, call: &Call) -> Result<Id<PlanVersion>, Fault> {
    let plan = call.id(&state.plans)?;
    let text = call.segment("versionNumber");
    let found = text.parse().ok().and_then(|number| numbered(state, plan, number));
    found.ok_or_else(|| Fault::no_such(PlanVersion::NOUN, text))
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let plan = call.id(&state.plans)?;
    Ok(Reply::ok(&envelope(call.paging(), of(state, plan).rev()).map(|id| summary(state, id))))
}

pub(super) fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mint {
    prices: Vec<LineInput>,
    based_on_version_id: Option<String>,
}

pub(super) fn mint(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let plan = call.id(&world.state.plans)?;
    let Mint { prices, based_on_version_id } = call.input()?;
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    let current = state.plans[plan].default_version;
    let newest = of(state, plan).next_back().map_or(0, |id| state.plan_versions[id].number);
    if let Some(text) = based_on_version_id.filter(|text| *text != *state.plan_versions.text(current).as_str()) {
        let message = format!(
            "{text} is not the default of this plan any more: {} is. Look at its prices and mint anew",
            state.plan_versions.text(current)
        );
        return Err(Fault::conflict(message));
    }
    let lines = lines::read(state, &prices, &state.plan_versions[current].lines)?;
    if state.plans[plan].stable_price_ids {
        keep_ids(state, current, &lines);
    }
    let version =
        PlanVersion { plan, number: newest + 1, lines, based_on: Some(current), created_at: now, updated_at: now };
    let id = state.plan_versions.insert(version);
    set_default(world, plan, id);
    Ok(Reply::created(&body(&world.state, id)))
}

/// Where a line gets another price, its id stays with the line: the old price is known by the id of the new one from
/// now on. What is billed, or refers to either, keeps its value.
fn keep_ids(state: &mut State, current: Id<PlanVersion>, lines: &[super::PlanLine]) {
    for old in state.plan_versions[current].lines.clone() {
        if let Some(new) = lines.iter().find(|line| line.key == old.key && line.price != old.price) {
            state.prices.swap_ids(old.price, new.price);
        }
    }
}

#[derive(Deserialize)]
struct Transition {
    #[serde(default)]
    default: Option<bool>,
}

pub(super) fn transition(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let Transition { default } = call.input()?;
    let plan = world.state.plan_versions[id].plan;
    let is_default = world.state.plans[plan].default_version == id;
    match default {
        Some(false) if is_default => {
            let message = "cannot be taken away: make another version the default instead";
            return Err(Fault::field("/default", "const", message));
        }
        Some(true) if !is_default => set_default(world, plan, id),
        _ => {}
    }
    Ok(Reply::ok(&body(&world.state, id)))
}

fn set_default(world: &mut World, plan: Id<Plan>, version: Id<PlanVersion>) {
    let now = world.now(ClockId::WORLD);
    world.state.plan_versions.update(version, |row| row.updated_at = now);
    world.state.plans.update(plan, |row| {
        row.default_version = version;
        row.updated_at = now;
    });
    subscriptions::follow(world, plan);
}
