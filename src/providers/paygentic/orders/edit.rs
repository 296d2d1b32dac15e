//! Making and changing orders.
//!
//! Facts: paygentic-behaviour §2.13. A total that the lines do not come to is refused, rather than replaced unsaid.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::amount::total;
use super::lines::{self, Input};
use super::{Amount, Kind, Order, addressed, body, check_editable};
use crate::api::{Call, Fault, Patch, Reply};
use crate::billing::money;
use crate::billing::period::Window;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::{World, approvals, billing_schedules, customers};
use crate::time::Timestamp;
use crate::world::{ClockId, Id};

/// The longest payment term, in days: about a century, beyond which due dates make no sense.
const PAYMENT_TERM_MOST: i64 = 36_500;
/// What can be written on an order whatever its state.
const NOT_AGREED: [&str; 2] = ["cancelledAt", "metadata"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    customer_id: String,
    currency: Arc<str>,
    term_start_date: Timestamp,
    term_end_date: Timestamp,
    total_amount: Amount,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    close_date: Option<Timestamp>,
    #[serde(default)]
    default_payment_term_days: i64,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(default)]
    line_items: Vec<Input>,
    reseller_id: Option<Box<str>>,
    #[serde(default)]
    tax_exempt: bool,
    selling_entity: Option<Box<str>>,
}

pub fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let customer = customers::referred(&world.state, "/customerId", &wanted.customer_id)?;
    if !money::is_currency(&wanted.currency) {
        let message = format!("{:?} is no currency of ISO 4217: try USD", wanted.currency);
        return Err(Fault::field("/currency", "enum", message));
    }
    let now = world.now(ClockId::WORLD);
    let id = world.state.orders.insert(Order {
        merchant: Arc::clone(&world.state.customers[customer].merchant),
        customer,
        currency: wanted.currency,
        kind: wanted.kind,
        term: term(wanted.term_start_date, wanted.term_end_date)?,
        close_date: wanted.close_date,
        total: wanted.total_amount.0,
        payment_term_days: payment_term("/defaultPaymentTermDays", wanted.default_payment_term_days)?,
        reseller: wanted.reseller_id,
        selling_entity: wanted.selling_entity,
        tax_exempt: wanted.tax_exempt,
        metadata: wanted.metadata,
        lines: Vec::new(),
        schedules: Vec::new(),
        cancelled_at: None,
        created_at: now,
        updated_at: now,
        deleted: false,
    });
    for (number, line) in wanted.line_items.into_iter().enumerate() {
        lines::add(world, id, &format!("/lineItems/{number}"), line)?;
    }
    settle_total(&mut world.state, id, wanted.total_amount.0)?;
    Ok(Reply::created(&body(&world.state, id)))
}

fn term(start: Timestamp, end: Timestamp) -> Result<Window, Fault> {
    if start < end {
        return Ok(Window { start, end });
    }
    Err(Fault::field("/termEndDate", "minimum", format!("must lie behind termStartDate {start}")))
}

pub fn payment_term(pointer: &str, days: i64) -> Result<u32, Fault> {
    let fits = u32::try_from(days).ok().filter(|_| days <= PAYMENT_TERM_MOST);
    fits.ok_or_else(|| Fault::field(pointer, "range", format!("{days} is not between 0 and {PAYMENT_TERM_MOST} days")))
}

/// Takes over a total that was sent, if the lines come to it or there are none.
fn settle_total(state: &mut State, id: Id<Order>, sent: Decimal) -> Result<(), Fault> {
    let row = &state.orders[id];
    let whole = total(row.lines.iter().map(|line| state.order_lines[*line].total), &row.currency);
    if !row.lines.is_empty() && whole != sent {
        let message = format!("{sent} is not what the lines come to, {whole}");
        return Err(Fault::field("/totalAmount", "sum", message));
    }
    let shown = total(std::iter::once(sent), &row.currency);
    state.orders.update(id, |row| row.total = shown);
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    #[serde(rename = "type", default)]
    kind: Patch<Kind>,
    term_start_date: Option<Timestamp>,
    term_end_date: Option<Timestamp>,
    #[serde(default)]
    close_date: Patch<Timestamp>,
    total_amount: Option<Amount>,
    default_payment_term_days: Option<i64>,
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    cancelled_at: Patch<Timestamp>,
    #[serde(default)]
    reseller_id: Patch<Box<str>>,
    tax_exempt: Option<bool>,
    #[serde(default)]
    selling_entity: Patch<Box<str>>,
}

/// `cancelledAt: null` comes first: it takes an order back, and the rest of the same request may change it.
pub fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call, "id")?;
    let wanted: Update = call.input()?;
    if wanted.cancelled_at == Patch::Null {
        world.state.orders.update(id, |row| row.cancelled_at = None);
    }
    let sent = call.body.as_object().into_iter().flat_map(Map::keys);
    if sent.into_iter().any(|name| !NOT_AGREED.contains(&&**name)) {
        check_editable(&world.state, id)?;
    }
    if let Patch::Value(at) = wanted.cancelled_at {
        cancel(world, id, at);
    }
    let row = &world.state.orders[id];
    let term = term(wanted.term_start_date.unwrap_or(row.term.start), wanted.term_end_date.unwrap_or(row.term.end))?;
    let days =
        wanted.default_payment_term_days.map(|days| payment_term("/defaultPaymentTermDays", days)).transpose()?;
    if let Some(sent) = wanted.total_amount {
        settle_total(&mut world.state, id, sent.0)?;
    }
    let now = world.now(ClockId::WORLD);
    world.state.orders.update(id, |row| {
        row.term = term;
        row.payment_term_days = days.unwrap_or(row.payment_term_days);
        row.tax_exempt = wanted.tax_exempt.unwrap_or(row.tax_exempt);
        row.metadata = wanted.metadata.unwrap_or_else(|| std::mem::take(&mut row.metadata));
        wanted.kind.apply(&mut row.kind);
        wanted.close_date.apply(&mut row.close_date);
        wanted.reseller_id.apply(&mut row.reseller);
        wanted.selling_entity.apply(&mut row.selling_entity);
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}

/// Nobody reviews or bills a cancelled order.
fn cancel(world: &mut World, id: Id<Order>, at: Timestamp) {
    approvals::withdraw(world, id);
    for schedule in world.state.orders[id].schedules.clone() {
        billing_schedules::cancel_staged(world, schedule);
    }
    world.state.orders.update(id, |row| row.cancelled_at = Some(at));
}
