//! Billing schedules: how an order is billed over time, as intervals that are priced and as invoices that are staged.
//!
//! Facts: paygentic-behaviour §2.13, §1.2. What the policies mean stands in `staging.rs`. A deleted schedule keeps its
//! row: it can still be read, with `deletedAt`.

mod intervals;
mod invoices;
mod staging;

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use self::intervals::{Interval, wipe};
pub use self::invoices::{StagedInvoice, cancel_staged};
use self::staging::{Alignment, Period, Preset, Proration, Terms};
use super::body::whole_list;
use super::orders::{self, Order};
use super::state::State;
use super::{Operation, World, approvals};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row, Table};

pub fn noun() -> Noun<Action<State>> {
    const INTERVALS: &str = "/v0/billingSchedules/{id}/intervals";
    const INVOICES: &str = "/v0/billingSchedules/{id}/invoices";
    let operations: Vec<Operation> = vec![
        read("listBillingSchedules", "/v0/billingSchedules", index),
        write("createBillingSchedule", Method::POST, "/v0/billingSchedules", create),
        read("getBillingSchedule", "/v0/billingSchedules/{id}", get),
        write("updateBillingSchedule", Method::PATCH, "/v0/billingSchedules/{id}", update),
        write("deleteBillingSchedule", Method::DELETE, "/v0/billingSchedules/{id}", delete),
        read("listScheduleIntervals", INTERVALS, intervals::index),
        write("replaceScheduleIntervals", Method::PUT, INTERVALS, intervals::replace),
        read("listScheduleInvoices", INVOICES, invoices::index),
        write("generateScheduleInvoices", Method::POST, INVOICES, invoices::generate),
    ];
    Noun { name: "billing_schedules", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Schedule {
    pub order: Id<Order>,
    status: Status,
    terms: Terms,
    /// `None`: the order's.
    payment_term_days: Option<u32>,
    metadata: Map<String, Value>,
    intervals: Vec<Id<Interval>>,
    invoices: Vec<Id<StagedInvoice>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

impl Row for Schedule {
    const PREFIX: &'static str = "bsch_";
    const NOUN: &'static str = "billing schedule";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Draft,
    Active,
    Completed,
    Cancelled,
}

impl Status {
    fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// A schedule as its order shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Brief<'a> {
    object: &'static str,
    id: IdText,
    merchant_id: &'a str,
    order_id: IdText,
    subscription_id: Option<&'a str>,
    status: Status,
    start_date: Timestamp,
    end_date: Timestamp,
    billing_anchor: Timestamp,
    alignment_policy: Alignment,
    proration_policy: Proration,
    period_preset: Preset,
    payment_term_days: Option<u32>,
    metadata: &'a Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(flatten)]
    brief: Brief<'a>,
    custom_period_windows: &'a [Period],
    deleted_at: Option<Timestamp>,
}

pub fn brief(state: &State, id: Id<Schedule>) -> Brief<'_> {
    let row = &state.schedules[id];
    Brief {
        object: "billing_schedule",
        id: state.schedules.text(id),
        merchant_id: &state.orders[row.order].merchant,
        order_id: state.orders.text(row.order),
        subscription_id: None,
        status: row.status,
        start_date: row.terms.span.start,
        end_date: row.terms.span.end,
        billing_anchor: row.terms.anchor,
        alignment_policy: row.terms.alignment,
        proration_policy: row.terms.proration,
        period_preset: row.terms.preset,
        payment_term_days: row.payment_term_days,
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn body(state: &State, id: Id<Schedule>) -> Body<'_> {
    let row = &state.schedules[id];
    Body { brief: brief(state, id), custom_period_windows: &row.terms.periods, deleted_at: row.deleted_at }
}

/// What a review of the order looks at.
pub fn terms(state: &State, id: Id<Schedule>) -> Value {
    let row = &state.schedules[id];
    let intervals = row.intervals.iter().map(|interval| intervals::body(state, *interval));
    json!([row.terms, row.payment_term_days, intervals.collect::<Vec<_>>()])
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    order_id: String,
    subscription_id: Option<String>,
    start_date: Timestamp,
    end_date: Timestamp,
    billing_anchor: Timestamp,
    #[serde(default)]
    alignment_policy: Alignment,
    #[serde(default)]
    proration_policy: Proration,
    #[serde(default)]
    period_preset: Preset,
    #[serde(default)]
    custom_period_windows: Vec<Period>,
    payment_term_days: Option<i64>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    if wanted.subscription_id.is_some() {
        let message = "a schedule bills an order: subscriptions have intervals of their own";
        return Err(Fault::field("/subscriptionId", "unsupported", message));
    }
    let order = orders::referred(&world.state, "/orderId", &wanted.order_id)?;
    let terms = Terms {
        span: Window { start: wanted.start_date, end: wanted.end_date },
        anchor: wanted.billing_anchor,
        alignment: wanted.alignment_policy,
        proration: wanted.proration_policy,
        preset: wanted.period_preset,
        periods: wanted.custom_period_windows,
    };
    terms.check()?;
    let days = wanted.payment_term_days.map(|days| orders::payment_term("/paymentTermDays", days)).transpose()?;
    orders::reopen(world, order)?;
    let now = world.now(ClockId::WORLD);
    let id = world.state.schedules.insert(Schedule {
        order,
        status: Status::Draft,
        terms,
        payment_term_days: days,
        metadata: wanted.metadata,
        intervals: Vec::new(),
        invoices: Vec::new(),
        created_at: now,
        updated_at: now,
        deleted_at: None,
    });
    world.state.orders.update(order, |row| row.schedules.push(id));
    Ok(Reply::created(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    order_id: Option<String>,
    subscription_id: Option<String>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let order = filter.order_id.map(|text| sought("orderId", &state.orders, &text)).transpose()?;
    let subscription = filter.subscription_id.map(|text| sought("subscriptionId", &state.subscriptions, &text));
    let subscription = subscription.transpose()?;
    let kept = |row: &Schedule| {
        row.deleted_at.is_none()
            && order.is_none_or(|order| order == row.order)
            // No subscription has a schedule.
            && subscription.is_none()
    };
    let rows = state.schedules.iter().filter(|(_, row)| kept(row));
    Ok(Reply::ok(&whole_list(rows.map(|(id, _)| body(state, id)).collect())))
}

/// The row that a filter means. The contract knows a 404 for this list.
fn sought<T: Row>(name: &str, table: &Table<T>, text: &str) -> Result<Id<T>, Fault> {
    table.find(text).ok_or_else(|| {
        let message = format!("there is no {} with this id in this world", T::NOUN);
        Fault::no_such(T::NOUN, text).with_violation(Violation::query(name, "reference", message))
    })
}

/// The schedule of the path, unless it is deleted.
fn addressed(state: &State, call: &Call) -> Result<Id<Schedule>, Fault> {
    let id = call.id(&state.schedules)?;
    match state.schedules[id].deleted_at {
        None => Ok(id),
        Some(at) => {
            let fault = Fault::no_such(Schedule::NOUN, call.segment("id"));
            Err(fault.with_violation(Violation::path("id", "reference", format!("this schedule was deleted at {at}"))))
        }
    }
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.schedules)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    status: Option<Status>,
    start_date: Option<Timestamp>,
    end_date: Option<Timestamp>,
    billing_anchor: Option<Timestamp>,
    alignment_policy: Option<Alignment>,
    proration_policy: Option<Proration>,
    period_preset: Option<Preset>,
    custom_period_windows: Option<Vec<Period>>,
    #[serde(default)]
    payment_term_days: Patch<i64>,
    metadata: Option<Map<String, Value>>,
}

impl Update {
    /// The terms as this request wants them. Windows go with the preset `custom`, and leave with it.
    fn terms(&self, now: &Terms) -> Terms {
        let preset = self.period_preset.unwrap_or(now.preset);
        let kept = if preset == Preset::Custom { now.periods.clone() } else { Vec::new() };
        Terms {
            span: Window {
                start: self.start_date.unwrap_or(now.span.start),
                end: self.end_date.unwrap_or(now.span.end),
            },
            anchor: self.billing_anchor.unwrap_or(now.anchor),
            alignment: self.alignment_policy.unwrap_or(now.alignment),
            proration: self.proration_policy.unwrap_or(now.proration),
            preset,
            periods: self.custom_period_windows.clone().unwrap_or(kept),
        }
    }
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let wanted: Update = call.input()?;
    let row = Arc::clone(&world.state.schedules[id]);
    let terms = wanted.terms(&row.terms);
    let days = match wanted.payment_term_days {
        Patch::Absent => row.payment_term_days,
        Patch::Null => None,
        Patch::Value(days) => Some(orders::payment_term("/paymentTermDays", days)?),
    };
    if terms != row.terms || days != row.payment_term_days {
        check_open(row.status)?;
        orders::reopen(world, row.order)?;
        terms.check()?;
        intervals::check_inside(&world.state, &row.intervals, terms.span)?;
    }
    let status = wanted.status.unwrap_or(row.status);
    check_step(row.status, status)?;
    let now = world.now(ClockId::WORLD);
    world.state.schedules.update(id, |row| {
        row.terms = terms;
        row.payment_term_days = days;
        row.status = status;
        row.metadata = wanted.metadata.unwrap_or_else(|| std::mem::take(&mut row.metadata));
        row.updated_at = now;
    });
    if status == Status::Cancelled {
        cancel_staged(world, id);
    }
    Ok(Reply::ok(&body(&world.state, id)))
}

/// A schedule that is over changes no more.
fn check_open(status: Status) -> Result<(), Fault> {
    if !status.is_over() {
        return Ok(());
    }
    let message = "This schedule is completed or cancelled, and stays as it is: make another one for the order";
    Err(Fault::conflict(message).with_code("SCHEDULE_OVER"))
}

fn check_step(from: Status, to: Status) -> Result<(), Fault> {
    match (from, to) {
        (from, to) if from == to => Ok(()),
        (Status::Draft, Status::Completed) => {
            let message = "A draft is completed once it was active: set status \"active\" first";
            Err(Fault::conflict(message).with_code("SCHEDULE_NOT_ACTIVE"))
        }
        (from, _) => check_open(from),
    }
}

/// The contract knows no conflict here.
fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let order = world.state.schedules[id].order;
    approvals::withdraw(world, order);
    remove(world, id);
    Ok(Reply::none())
}

/// Takes a schedule out of its order, and all that it would have billed.
pub fn remove(world: &mut World, id: Id<Schedule>) {
    let now = world.now(ClockId::WORLD);
    wipe(&mut world.state, id, None);
    invoices::wipe(&mut world.state, id);
    let order = world.state.schedules.update(id, |row| {
        row.deleted_at = Some(now);
        row.updated_at = now;
        row.order
    });
    world.state.orders.update(order, |row| row.schedules.retain(|schedule| *schedule != id));
}
