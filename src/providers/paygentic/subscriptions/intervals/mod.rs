//! Price intervals: what a subscription is charged, from when until when; and the log of their changes.
//!
//! Facts: paygentic-behaviour §2.7 (price intervals). A line of the plan is an interval, and so is a price that was
//! added for one subscription. Changing them stands in `edit`; a move to another version of the plan is a change too.

mod edit;

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) use self::edit::edit;
use super::Subscription;
use crate::api::{Call, Fault, Reply};
use crate::billing::money::{exact, plain};
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::{List, bare_list};
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::schedule::{Charge, Interval, Origin};
use crate::providers::paygentic::state::State;
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, IdText, Row, hash};

/// What a caller says of why it changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Commercial,
    Correction,
    Migration,
    #[default]
    Unspecified,
}

/// Some intervals before and after something was changed.
#[derive(Clone, Serialize, Deserialize)]
pub struct IntervalChange {
    merchant: Arc<str>,
    pub subscription: Id<Subscription>,
    reason: Reason,
    description: Option<Box<str>>,
    metadata: Map<String, Value>,
    entries: Vec<Entry>,
    created_at: Timestamp,
}

impl Row for IntervalChange {
    const PREFIX: &'static str = "ichg_";
    const NOUN: &'static str = "interval change";
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    serial: u32,
    before: Option<Seen>,
    after: Option<Seen>,
}

/// An interval with what a unit cost when it was changed.
#[derive(Clone, Serialize, Deserialize)]
struct Seen {
    interval: Arc<Interval>,
    unit_price: Decimal,
}

/// What a caller says of a change.
#[derive(Default)]
pub(super) struct Note {
    pub reason: Reason,
    pub description: Option<Box<str>>,
    pub metadata: Map<String, Value>,
}

/// Notes how the intervals of a subscription differ from what they were. `None`: they do not.
pub(super) fn log(
    world: &mut World,
    id: Id<Subscription>,
    before: &[Charge],
    note: Note,
) -> Option<Id<IntervalChange>> {
    let (_, now) = cycle::clock_of(world, id);
    let state = &mut world.state;
    let row = &state.subscriptions[id];
    let after = &state.cycles[row.cycle].charges;
    let of = |charges: &[Charge], serial: u32| {
        let charge = charges.iter().find(|charge| charge.interval.serial == serial)?;
        let interval = Arc::clone(&charge.interval);
        Some(Seen { unit_price: unit_price(state, &interval), interval })
    };
    let mut serials: Vec<u32> = before.iter().chain(after).map(|charge| charge.interval.serial).collect();
    serials.sort_unstable();
    serials.dedup();
    let entry = |serial| Entry { serial, before: of(before, serial), after: of(after, serial) };
    let differs = |entry: &Entry| {
        entry.before.as_ref().map(|seen| &seen.interval) != entry.after.as_ref().map(|seen| &seen.interval)
    };
    let entries: Vec<Entry> = serials.into_iter().map(entry).filter(differs).collect();
    if entries.is_empty() {
        return None;
    }
    let merchant = Arc::clone(&state.customers[row.customer].merchant);
    let Note { reason, description, metadata } = note;
    let change = IntervalChange { merchant, subscription: id, reason, description, metadata, entries, created_at: now };
    Some(state.interval_changes.insert(change))
}

/// What a unit costs: as agreed, else as the catalogue says for the units that are fixed.
fn unit_price(state: &State, interval: &Interval) -> Decimal {
    let price = &state.prices[interval.price];
    interval.unit_price.unwrap_or_else(|| price.rate.of(quantity(state, interval)).unit_price)
}

fn quantity(state: &State, interval: &Interval) -> Decimal {
    interval.quantity.unwrap_or_else(|| Decimal::from(state.prices[interval.price].quantity))
}

/// The id of an interval: it follows from its subscription and its serial.
pub fn text(state: &State, subscription: Id<Subscription>, serial: u32) -> String {
    let place = (u64::from(subscription.number()) << 32) | u64::from(serial);
    format!("ivl_{:016x}", hash(state.seed, &place.to_le_bytes()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Advance,
    Arrears,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitionBody {
    effective_date: Timestamp,
    quantity: String,
}

/// What an interval and a copy of one in the log have in common.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Copy<'a> {
    price_id: IdText,
    price_key: &'a str,
    plan_version_id: IdText,
    unit_price: Option<String>,
    base_quantity: String,
    quantity_transitions: Vec<TransitionBody>,
    billing_cadence: String,
    billing_mode: Mode,
    bill_date: Option<Timestamp>,
    start_date: Timestamp,
    end_date: Option<Timestamp>,
}

fn copy<'a>(state: &State, interval: &'a Interval) -> Copy<'a> {
    let transitions = interval.transitions.iter();
    Copy {
        price_id: state.prices.text(interval.price),
        price_key: &interval.key,
        plan_version_id: state.plan_versions.text(interval.version),
        unit_price: interval.unit_price.map(plain),
        base_quantity: exact(quantity(state, interval)),
        quantity_transitions: transitions
            .map(|one| TransitionBody { effective_date: one.at, quantity: exact(one.quantity) })
            .collect(),
        billing_cadence: cadence_text(interval.cadence),
        billing_mode: mode(interval),
        bill_date: interval.bill_date.or_else(|| interval.cadence.is_zero().then_some(interval.from)),
        start_date: interval.from,
        end_date: interval.until,
    }
}

fn mode(interval: &Interval) -> Mode {
    if interval.in_advance { Mode::Advance } else { Mode::Arrears }
}

/// A cadence as intervals spell it.
fn cadence_text(cadence: Cadence) -> String {
    if cadence.is_zero() { "one_off".to_owned() } else { cadence.to_string() }
}

#[derive(Serialize)]
struct Body<'a> {
    id: String,
    kind: Origin,
    #[serde(flatten)]
    copy: Copy<'a>,
}

fn bodies(state: &State, id: Id<Subscription>) -> Vec<Body<'_>> {
    let intervals = state.cycles[state.subscriptions[id].cycle].charges.iter().map(|charge| &charge.interval);
    intervals
        .map(|interval| Body {
            id: text(state, id, interval.serial),
            kind: interval.origin,
            copy: copy(state, interval),
        })
        .collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenBody<'a> {
    #[serde(flatten)]
    copy: Copy<'a>,
    resolved_unit_price: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryBody<'a> {
    interval_id: String,
    before: Option<SeenBody<'a>>,
    after: Option<SeenBody<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeBody<'a> {
    id: IdText,
    merchant_id: &'a str,
    subscription_id: IdText,
    change_reason: Reason,
    description: Option<&'a str>,
    metadata: &'a Map<String, Value>,
    created_at: Timestamp,
    intervals: Vec<EntryBody<'a>>,
}

fn change_body(state: &State, id: Id<IntervalChange>) -> ChangeBody<'_> {
    let row = &state.interval_changes[id];
    ChangeBody {
        id: state.interval_changes.text(id),
        merchant_id: &row.merchant,
        subscription_id: state.subscriptions.text(row.subscription),
        change_reason: row.reason,
        description: row.description.as_deref(),
        metadata: &row.metadata,
        created_at: row.created_at,
        intervals: row.entries.iter().map(|entry| entry_body(state, row.subscription, entry)).collect(),
    }
}

fn entry_body<'a>(state: &State, subscription: Id<Subscription>, entry: &'a Entry) -> EntryBody<'a> {
    let seen =
        |seen: &'a Seen| SeenBody { copy: copy(state, &seen.interval), resolved_unit_price: plain(seen.unit_price) };
    EntryBody {
        interval_id: text(state, subscription, entry.serial),
        before: entry.before.as_ref().map(seen),
        after: entry.after.as_ref().map(seen),
    }
}

#[derive(Serialize)]
struct Intervals<'a> {
    intervals: Vec<Body<'a>>,
}

pub(super) fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    Ok(Reply::ok(&Intervals { intervals: bodies(&world.state, id) }))
}

pub(super) fn changes(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    Ok(Reply::ok(&listed(&world.state, call, |row| row.subscription == id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    change_reason: Option<Reason>,
}

pub(super) fn all_changes(world: &World, call: &Call) -> Result<Reply, Fault> {
    let Filter { from, to, change_reason } = call.filter()?;
    let kept = |row: &IntervalChange| {
        from.is_none_or(|from| from <= row.created_at)
            && to.is_none_or(|to| row.created_at < to)
            && change_reason.is_none_or(|reason| reason == row.reason)
    };
    Ok(Reply::ok(&listed(&world.state, call, kept)))
}

/// Changes, oldest first.
fn listed<'a>(state: &'a State, call: &Call, kept: impl Fn(&IntervalChange) -> bool) -> List<ChangeBody<'a>> {
    let ids = state.interval_changes.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    bare_list(call.paging(), ids).map(|id| change_body(state, id))
}
