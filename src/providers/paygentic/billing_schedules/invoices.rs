//! Staged invoices: what a schedule will bill, period by period.
//!
//! Facts: paygentic-behaviour §2.13 (made anew as a whole, the same again as long as nothing has changed; newest
//! period first), §4 (due: midnight of the day of issue and the payment term). Pushing them to an accounting system is
//! nothing that the public API does, so none is ever `pushed`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::staging::{Basis, Item, Priced, Slot, stage};
use super::{Schedule, addressed, check_open};
use crate::api::{Call, Fault, Reply};
use crate::billing::money::{major, sum};
use crate::billing::period::WindowSize;
use crate::billing::price::Rate;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::{List, whole_list};
use crate::providers::paygentic::orders;
use crate::providers::paygentic::state::State;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

#[derive(Clone, Serialize, Deserialize)]
pub struct StagedInvoice {
    pub schedule: Id<Schedule>,
    /// Which of the schedule's invoices it is.
    slot: Slot,
    due: Timestamp,
    lines: Vec<Item>,
    status: Status,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for StagedInvoice {
    const PREFIX: &'static str = "sinv_";
    const NOUN: &'static str = "staged invoice";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Staged,
    Cancelled,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    order_id: IdText,
    billing_schedule_id: IdText,
    merchant_id: &'a str,
    period_start: Timestamp,
    period_end: Timestamp,
    due_date: Timestamp,
    amount: String,
    status: Status,
    line_items: Vec<LineBody<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineBody<'a> {
    description: &'a str,
    quantity: Decimal,
    unit_price: Decimal,
    subtotal: String,
    line_key: &'a str,
}

fn body(state: &State, id: Id<StagedInvoice>) -> Body<'_> {
    let row = &state.staged_invoices[id];
    let order_id = state.schedules[row.schedule].order;
    let order = &state.orders[order_id];
    Body {
        object: "schedule_invoice",
        id: state.staged_invoices.text(id),
        order_id: state.orders.text(order_id),
        billing_schedule_id: state.schedules.text(row.schedule),
        merchant_id: &order.merchant,
        period_start: row.slot.start,
        period_end: row.slot.end,
        due_date: row.due,
        amount: major(sum(row.lines.iter().map(|item| item.subtotal)), &order.currency),
        status: row.status,
        line_items: row.lines.iter().map(|item| line_body(item, &order.currency)).collect(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn line_body<'a>(item: &'a Item, currency: &str) -> LineBody<'a> {
    LineBody {
        description: &item.description,
        quantity: item.quantity,
        unit_price: item.unit_price,
        subtotal: major(item.subtotal, currency),
        line_key: &item.line_key,
    }
}

pub fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(Reply::ok(&listed(&world.state, id)))
}

/// Newest period first; of one period, what is billed last.
fn listed(state: &State, schedule: Id<Schedule>) -> List<Body<'_>> {
    let mut ids = state.schedules[schedule].invoices.clone();
    ids.sort_by_key(|id| Reverse(state.staged_invoices[*id].slot));
    whole_list(ids.into_iter().map(|id| body(state, id)).collect())
}

/// Stages the invoices anew. One of the same period and instant stays itself: its id, and what it says unless something
/// has changed; one that is no longer billed goes.
pub fn generate(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let row = world.state.schedules[id].clone();
    check_open(row.status)?;
    if world.state.orders[row.order].is_cancelled() {
        return Err(orders::cancelled());
    }
    if row.intervals.is_empty() {
        let message = "This schedule has no intervals: say what it bills with PUT /v0/billingSchedules/{id}/intervals";
        return Err(Fault::conflict(message).with_code("SCHEDULE_HAS_NO_INTERVALS"));
    }
    let staged = stage(&row.terms, &priced(&world.state, &row), &world.state.orders[row.order].currency);
    let term = row.payment_term_days.unwrap_or(world.state.orders[row.order].payment_term_days);
    let now = world.now(ClockId::WORLD);
    let invoices = &mut world.state.staged_invoices;
    let mut known: BTreeMap<Slot, _> = row.invoices.iter().map(|id| (invoices[*id].slot, *id)).collect();
    let mut kept = Vec::with_capacity(staged.len());
    for (slot, lines) in staged {
        let due = Cadence::days(term).after(WindowSize::Day.start_of(slot.issue), 1).unwrap_or(Timestamp::MAX);
        let status = Status::Staged;
        let id = known.remove(&slot).unwrap_or_else(|| {
            let lines = lines.clone();
            invoices.insert(StagedInvoice { schedule: id, slot, due, lines, status, created_at: now, updated_at: now })
        });
        let row = &invoices[id];
        if row.status != status || row.due != due || row.lines != lines {
            invoices.update(id, |row| (row.status, row.due, row.lines, row.updated_at) = (status, due, lines, now));
        }
        kept.push(id);
    }
    for gone in known.into_values() {
        invoices.remove(gone);
    }
    world.state.schedules.update(id, |row| row.invoices = kept);
    Ok(Reply::created(&listed(&world.state, id)))
}

/// The intervals of a schedule with what they cost.
fn priced<'a>(state: &'a State, schedule: &Schedule) -> Vec<Priced<'a>> {
    let priced = |id: &Id<_>| {
        let interval = &*state.schedule_intervals[*id];
        let line = interval.line.map(|id| (id, &state.order_lines[id]));
        let price = interval.agreed.as_deref();
        let catalogue = price.and_then(|price| match price.rate {
            Rate::Standard { unit_price } => Some(unit_price),
            Rate::Volume { .. } => None,
        });
        let (basis, unit_price) = match (interval.unit_price.or(catalogue), line) {
            (None, Some((id, line))) => (Basis::Share { line: id, total: line.total }, line.unit_price),
            // `check_price` lets nothing in that has neither a price nor a line.
            (unit_price, _) => (Basis::Rate, unit_price.unwrap_or_default()),
        };
        let described =
            interval.description.as_deref().or_else(|| line.and_then(|(_, line)| line.description.as_deref()));
        let description = described.or_else(|| price.map(|price| &*price.display_name)).unwrap_or("Charge");
        Priced { interval, basis, unit_price, description, key: state.schedule_intervals.text(*id).to_string() }
    };
    schedule.intervals.iter().map(priced).collect()
}

/// What is staged will not be billed.
pub fn cancel_staged(world: &mut World, schedule: Id<Schedule>) {
    let now = world.now(ClockId::WORLD);
    for id in world.state.schedules[schedule].invoices.clone() {
        world.state.staged_invoices.update(id, |row| {
            if row.status == Status::Staged {
                (row.status, row.updated_at) = (Status::Cancelled, now);
            }
        });
    }
}

/// Takes out all staged invoices of a schedule.
pub fn wipe(state: &mut State, schedule: Id<Schedule>) {
    for id in state.schedules.update(schedule, |row| std::mem::take(&mut row.invoices)) {
        state.staged_invoices.remove(id);
    }
}
