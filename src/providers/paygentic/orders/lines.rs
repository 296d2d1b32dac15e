//! Lines of an order: how many of what, at which price.
//!
//! Facts: paygentic-behaviour §2.13. A line is taken as it was sent: `totalPrice` is what it comes to, whatever its
//! unit price and quantity say, since an order may be priced by the year and run for three.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::amount::total;
use super::{Amount, Order, addressed, check_editable};
use crate::api::{Call, Fault, Patch, Reply};
use crate::providers::paygentic::items::{self, Item};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::{World, billing_schedules};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

#[derive(Clone, Serialize, Deserialize)]
pub struct Line {
    pub order: Id<Order>,
    quantity: Decimal,
    list_unit_price: Decimal,
    /// `None`: what the unit price is below the list price.
    discount: Option<Decimal>,
    pub unit_price: Decimal,
    pub total: Decimal,
    term_start: Option<Timestamp>,
    term_end: Option<Timestamp>,
    item: Option<Id<Item>>,
    pub description: Option<Box<str>>,
    metadata: Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Line {
    const PREFIX: &'static str = "oli_";
    const NOUN: &'static str = "order line item";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    object: &'static str,
    id: IdText,
    order_id: IdText,
    item_id: Option<IdText>,
    description: Option<&'a str>,
    quantity: Decimal,
    list_unit_price: Decimal,
    discount_unit_amount: Decimal,
    unit_price: Decimal,
    total_price: Decimal,
    term_start_date: Option<Timestamp>,
    term_end_date: Option<Timestamp>,
    metadata: &'a Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub fn body(state: &State, id: Id<Line>) -> Body<'_> {
    let row = &state.order_lines[id];
    Body {
        object: "order_line_item",
        id: state.order_lines.text(id),
        order_id: state.orders.text(row.order),
        item_id: row.item.map(|item| state.items.text(item)),
        description: row.description.as_deref(),
        quantity: row.quantity,
        list_unit_price: row.list_unit_price,
        discount_unit_amount: row.discount.unwrap_or_else(|| row.list_unit_price.saturating_sub(row.unit_price)),
        unit_price: row.unit_price,
        total_price: row.total,
        term_start_date: row.term_start,
        term_end_date: row.term_end,
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    quantity: Amount,
    list_unit_price: Amount,
    unit_price: Amount,
    pub total_price: Amount,
    discount_unit_amount: Option<Amount>,
    item_id: Option<Box<str>>,
    description: Option<Box<str>>,
    #[serde(default)]
    metadata: Map<String, Value>,
    term_start_date: Option<Timestamp>,
    term_end_date: Option<Timestamp>,
}

/// Adds a line that stands at `pointer` of the body. The order's total is the caller's business.
pub fn add(world: &mut World, order: Id<Order>, pointer: &str, wanted: Input) -> Result<Id<Line>, Fault> {
    let now = world.now(ClockId::WORLD);
    let item = wanted.item_id.as_deref().map(|text| items::referred(&world.state, &format!("{pointer}/itemId"), text));
    let line = Line {
        order,
        quantity: wanted.quantity.0,
        list_unit_price: wanted.list_unit_price.0,
        discount: wanted.discount_unit_amount.map(|amount| amount.0),
        unit_price: wanted.unit_price.0,
        total: wanted.total_price.0,
        term_start: wanted.term_start_date,
        term_end: wanted.term_end_date,
        item: item.transpose()?,
        description: wanted.description,
        metadata: wanted.metadata,
        created_at: now,
        updated_at: now,
    };
    check(&line).map_err(|fault| fault.below(pointer))?;
    let id = world.state.order_lines.insert(line);
    world.state.orders.update(order, |row| row.lines.push(id));
    Ok(id)
}

fn check(line: &Line) -> Result<(), Fault> {
    match (line.term_start, line.term_end) {
        (Some(start), Some(end)) if end <= start => {
            Err(Fault::field("/termEndDate", "minimum", format!("must lie behind termStartDate {start}")))
        }
        _ => Ok(()),
    }
}

/// Says anew what the lines of an order come to.
pub fn recount(world: &mut World, order: Id<Order>) {
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    let row = &state.orders[order];
    let whole = total(row.lines.iter().map(|line| state.order_lines[*line].total), &row.currency);
    state.orders.update(order, |row| {
        row.total = whole;
        row.updated_at = now;
    });
}

pub fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let order = addressed(&world.state, call, "orderId")?;
    check_editable(&world.state, order)?;
    let id = add(world, order, "", call.input()?)?;
    recount(world, order);
    Ok(Reply::created(&body(&world.state, id)))
}

/// The line of the path, if it is one of the order's.
fn line(state: &State, call: &Call, order: Id<Order>) -> Result<Id<Line>, Fault> {
    let id = call.id(&state.order_lines)?;
    if state.order_lines[id].order == order { Ok(id) } else { Err(Fault::no_such(Line::NOUN, call.segment("id"))) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    #[serde(default)]
    item_id: Patch<Box<str>>,
    #[serde(default)]
    description: Patch<Box<str>>,
    quantity: Option<Amount>,
    list_unit_price: Option<Amount>,
    discount_unit_amount: Option<Amount>,
    unit_price: Option<Amount>,
    total_price: Option<Amount>,
    metadata: Option<Map<String, Value>>,
    term_start_date: Option<Timestamp>,
    term_end_date: Option<Timestamp>,
}

pub fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let order = addressed(&world.state, call, "orderId")?;
    let id = line(&world.state, call, order)?;
    check_editable(&world.state, order)?;
    let mut wanted: Update = call.input()?;
    let item = std::mem::take(&mut wanted.item_id);
    let item = item.try_map(|text| items::referred(&world.state, "/itemId", &text))?;
    let now = world.now(ClockId::WORLD);
    world.state.order_lines.update(id, |row| {
        let set = |field: &mut Decimal, wanted: Option<Amount>| *field = wanted.map_or(*field, |amount| amount.0);
        set(&mut row.quantity, wanted.quantity);
        set(&mut row.list_unit_price, wanted.list_unit_price);
        set(&mut row.unit_price, wanted.unit_price);
        set(&mut row.total, wanted.total_price);
        row.discount = wanted.discount_unit_amount.map(|amount| amount.0).or(row.discount);
        row.term_start = wanted.term_start_date.or(row.term_start);
        row.term_end = wanted.term_end_date.or(row.term_end);
        item.apply(&mut row.item);
        wanted.description.apply(&mut row.description);
        row.metadata = wanted.metadata.unwrap_or_else(|| std::mem::take(&mut row.metadata));
        row.updated_at = now;
    });
    check(&world.state.order_lines[id])?;
    recount(world, order);
    Ok(Reply::ok(&body(&world.state, id)))
}

/// Intervals that bill a line go with it.
pub fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let order = addressed(&world.state, call, "orderId")?;
    let id = line(&world.state, call, order)?;
    check_editable(&world.state, order)?;
    for schedule in world.state.orders[order].schedules.clone() {
        billing_schedules::wipe(&mut world.state, schedule, Some(id));
    }
    world.state.orders.update(order, |row| row.lines.retain(|line| *line != id));
    world.state.order_lines.remove(id);
    recount(world, order);
    Ok(Reply::none())
}
