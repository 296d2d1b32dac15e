//! Intervals of a schedule: how many of what are billed, how often, from when to when.
//!
//! Facts: paygentic-behaviour §2.13 (replaced whole, or for one line of the order), §2.7 (`one_off` and its
//! `billDate`).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::staging::check_interval;
use super::{Schedule, addressed, check_open};
use crate::api::{Call, Fault, Reply, referred};
use crate::billing::period::{Window, WindowSize};
use crate::billing::price::Rate;
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::whole_list;
use crate::providers::paygentic::items::{self, Item};
use crate::providers::paygentic::orders::{self, Amount, Line};
use crate::providers::paygentic::prices::Price;
use crate::providers::paygentic::state::State;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

/// How many charges the intervals of a schedule may come to: a year of them by the hour, not one by the second.
const CHARGES_MOST: i64 = 10_000;
/// The cadence of what is billed once.
const ONE_OFF: &str = "one_off";

#[derive(Clone, Serialize, Deserialize)]
pub struct Interval {
    pub schedule: Id<Schedule>,
    pub line: Option<Id<Line>>,
    price: Option<Id<Price>>,
    /// The price as it was agreed on: an edit or a delete in the catalogue leaves what was approved alone.
    pub agreed: Option<Arc<Price>>,
    item: Option<Id<Item>>,
    quantity: Decimal,
    pub transitions: Vec<Transition>,
    /// `None`: once, on `bill_date`.
    pub cadence: Option<Cadence>,
    /// The cadence as the caller wrote it: `P12M` is not read back as `P1Y`.
    cadence_written: Box<str>,
    pub mode: Mode,
    pub span: Window,
    pub bill_date: Option<Timestamp>,
    pub unit_price: Option<Decimal>,
    pub description: Option<Box<str>>,
    usage_filter: Option<Map<String, Value>>,
    metadata: Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Interval {
    const PREFIX: &'static str = "sint_";
    const NOUN: &'static str = "schedule interval";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Advance,
    Arrears,
}

/// From then on it is another quantity.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    pub effective_date: Timestamp,
    quantity: Amount,
}

impl Interval {
    pub fn quantity_at(&self, t: Timestamp) -> Decimal {
        let last = self.transitions.iter().rev().find(|transition| transition.effective_date <= t);
        last.map_or(self.quantity, |transition| transition.quantity.0)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    object: &'static str,
    id: IdText,
    schedule_id: IdText,
    order_line_item_id: Option<IdText>,
    item_id: Option<IdText>,
    price_id: Option<IdText>,
    description: Option<&'a str>,
    unit_price: Option<Decimal>,
    base_quantity: Decimal,
    quantity_transitions: &'a [Transition],
    billing_cadence: &'a str,
    billing_mode: Mode,
    bill_date: Option<Timestamp>,
    start_date: Timestamp,
    end_date: Timestamp,
    usage_filter: Option<&'a Map<String, Value>>,
    metadata: &'a Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub fn body(state: &State, id: Id<Interval>) -> Body<'_> {
    let row = &state.schedule_intervals[id];
    Body {
        object: "schedule_interval",
        id: state.schedule_intervals.text(id),
        schedule_id: state.schedules.text(row.schedule),
        order_line_item_id: row.line.map(|line| state.order_lines.text(line)),
        item_id: row.item.map(|item| state.items.text(item)),
        price_id: row.price.map(|price| state.prices.text(price)),
        description: row.description.as_deref(),
        unit_price: row.unit_price,
        base_quantity: row.quantity,
        quantity_transitions: &row.transitions,
        billing_cadence: &row.cadence_written,
        billing_mode: row.mode,
        bill_date: row.bill_date,
        start_date: row.span.start,
        end_date: row.span.end,
        usage_filter: row.usage_filter.as_ref(),
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let schedule = addressed(&world.state, call)?;
    Ok(listed(&world.state, schedule))
}

fn listed(state: &State, schedule: Id<Schedule>) -> Reply {
    let rows = state.schedules[schedule].intervals.iter();
    Reply::ok(&whole_list(rows.map(|id| body(state, *id)).collect()))
}

/// Takes out all intervals of a schedule, or those of one line of its order.
pub fn wipe(state: &mut State, schedule: Id<Schedule>, line: Option<Id<Line>>) {
    let intervals = &mut state.schedule_intervals;
    state.schedules.update(schedule, |row| {
        row.intervals.retain(|id| {
            let goes = line.is_none() || intervals[*id].line == line;
            if goes {
                intervals.remove(*id);
            }
            !goes
        });
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replace {
    intervals: Vec<Input>,
    order_line_item_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    base_quantity: Amount,
    billing_cadence: Box<str>,
    start_date: Timestamp,
    end_date: Timestamp,
    order_line_item_id: Option<String>,
    item_id: Option<Box<str>>,
    price_id: Option<String>,
    description: Option<Box<str>>,
    unit_price: Option<Amount>,
    #[serde(default)]
    quantity_transitions: Vec<Transition>,
    #[serde(default)]
    billing_mode: Mode,
    bill_date: Option<Timestamp>,
    usage_filter: Option<Map<String, Value>>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// A review in flight goes back to draft: what is billed is no longer what was to be reviewed.
pub fn replace(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let Replace { intervals, order_line_item_id } = call.input()?;
    let schedule = world.state.schedules[id].clone();
    check_open(schedule.status)?;
    orders::reopen(world, schedule.order)?;
    let line = order_line_item_id.as_deref();
    let line = line.map(|text| line_of(&world.state, &schedule, "/orderLineItemId", text)).transpose()?;
    wipe(&mut world.state, id, line);
    let now = world.now(ClockId::WORLD);
    let mut wrong = Vec::new();
    for (number, wanted) in intervals.into_iter().enumerate() {
        let place = Place { schedule: id, row: &schedule, line, pointer: format!("/intervals/{number}"), now };
        let interval = place.interval(&world.state, wanted, &mut wrong)?;
        let interval = world.state.schedule_intervals.insert(interval);
        world.state.schedules.update(id, |row| row.intervals.push(interval));
    }
    if !wrong.is_empty() {
        return Err(Fault::violations(wrong));
    }
    check_count(&world.state, id)?;
    world.state.schedules.update(id, |row| row.updated_at = now);
    Ok(listed(&world.state, id))
}

/// A line of the schedule's order.
fn line_of(state: &State, schedule: &Schedule, pointer: &str, text: &str) -> Result<Id<Line>, Fault> {
    let line = referred(&state.order_lines, pointer, text)?;
    if state.orders[schedule.order].has(line) {
        return Ok(line);
    }
    let violation = Violation::body(pointer, "reference", "is a line of another order than the schedule's");
    Err(Fault::no_such(Line::NOUN, text).with_violation(violation))
}

/// Where an interval is to stand.
struct Place<'a> {
    schedule: Id<Schedule>,
    row: &'a Schedule,
    /// The line that the whole request is about.
    line: Option<Id<Line>>,
    pointer: String,
    now: Timestamp,
}

impl Place<'_> {
    /// The interval of a request, and what is wrong with it. What it refers to must exist.
    fn interval(&self, state: &State, wanted: Input, wrong: &mut Vec<Violation>) -> Result<Interval, Fault> {
        let pointer = |field: &str| format!("{}/{field}", self.pointer);
        let price = wanted.price_id.as_deref();
        let price = price.map(|text| referred(&state.prices, &pointer("priceId"), text)).transpose()?;
        let line = wanted.order_line_item_id.as_deref();
        let line = line.map(|text| line_of(state, self.row, &pointer("orderLineItemId"), text)).transpose()?;
        let item = wanted.item_id.as_deref();
        let item = item.map(|text| items::referred(state, &pointer("itemId"), text)).transpose()?;
        if line.is_some() && self.line.is_some() && line != self.line {
            let message = "is another line than the one whose intervals are replaced";
            wrong.push(Violation::body(pointer("orderLineItemId"), "const", message));
        }
        let cadence = cadence(&wanted.billing_cadence).unwrap_or_else(|message| {
            wrong.push(Violation::body(pointer("billingCadence"), "format", message));
            // Not once, as far as the other rules care.
            Some(Cadence::months(1))
        });
        let interval = Interval {
            schedule: self.schedule,
            line: line.or(self.line),
            price,
            agreed: price.map(|price| Arc::clone(&state.prices[price])),
            item,
            quantity: wanted.base_quantity.0,
            transitions: wanted.quantity_transitions,
            cadence,
            cadence_written: wanted.billing_cadence,
            mode: wanted.billing_mode,
            span: Window { start: wanted.start_date, end: wanted.end_date },
            bill_date: wanted.bill_date,
            unit_price: wanted.unit_price.map(|amount| amount.0),
            description: wanted.description,
            usage_filter: wanted.usage_filter,
            metadata: wanted.metadata,
            created_at: self.now,
            updated_at: self.now,
        };
        wrong.extend(check_interval(&interval, self.row.terms.span, &self.pointer));
        wrong.extend(check_price(&interval, &self.pointer));
        Ok(interval)
    }
}

/// A cadence of whole days or months; `None` for what is billed once.
fn cadence(text: &str) -> Result<Option<Cadence>, String> {
    if text == ONE_OFF {
        return Ok(None);
    }
    let cadence = Cadence::parse(text).map_err(|error| format!("{error}; or {ONE_OFF}"))?;
    let next = cadence.after(Timestamp::UNIX_EPOCH, 1).filter(|next| WindowSize::Day.start_of(*next) == *next);
    match next {
        _ if cadence.is_zero() => Ok(None),
        Some(_) => Ok(Some(cadence)),
        None => Err(format!("{text} is not a number of whole days, months or years; for example P1M, or {ONE_OFF}")),
    }
}

/// Something must say what an interval costs.
fn check_price(interval: &Interval, pointer: &str) -> Option<Violation> {
    if interval.unit_price.is_some() {
        return None;
    }
    match interval.agreed.as_ref().map(|price| &price.rate) {
        Some(Rate::Standard { .. }) => None,
        Some(Rate::Volume { .. }) => {
            let message = "has a ladder of prices: say which unitPrice it is";
            Some(Violation::body(format!("{pointer}/priceId"), "unsupported", message))
        }
        None if interval.line.is_some() => None,
        None => {
            let message = "is needed where neither priceId nor orderLineItemId says what it costs";
            Some(Violation::body(format!("{pointer}/unitPrice"), "required", message))
        }
    }
}

fn check_count(state: &State, id: Id<Schedule>) -> Result<(), Fault> {
    let row = &state.schedules[id];
    let windows = row.intervals.iter().map(|interval| row.terms.windows(&state.schedule_intervals[*interval]));
    let count = windows.fold(0, i64::saturating_add);
    if count <= CHARGES_MOST {
        return Ok(());
    }
    let message = format!("come to {count} charges: a schedule has {CHARGES_MOST} at most");
    Err(Fault::field("/intervals", "maximum", message))
}

/// Whether all intervals still lie within a schedule that moves.
pub fn check_inside(state: &State, intervals: &[Id<Interval>], span: Window) -> Result<(), Fault> {
    for id in intervals {
        let interval = &state.schedule_intervals[*id];
        let known = state.schedule_intervals.text(*id);
        let Window { start, end } = interval.span;
        if start < span.start {
            let message = format!("{} lies behind the start of {known}, {start}", span.start);
            return Err(Fault::field("/startDate", "maximum", message));
        }
        if end > span.end || interval.bill_date.is_some_and(|at| at >= span.end) {
            let message = format!("{} lies before {known} is over, at {}", span.end, interval.bill_date.unwrap_or(end));
            return Err(Fault::field("/endDate", "minimum", message));
        }
    }
    Ok(())
}
