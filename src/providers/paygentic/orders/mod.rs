//! Orders: what a customer has agreed to buy over a term, line by line, and how it is to be billed.
//!
//! Facts: paygentic-behaviour §2.13. An order is as far as its review (`approvals.rs`): what was agreed changes while
//! it is a draft or was rejected, and stands still while it is reviewed and once it is approved. `totalAmount` is what
//! its lines come to. A deleted order keeps its row, since approvals refer to it, and is otherwise gone.

mod amount;
mod edit;
mod lines;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use self::amount::Amount;
pub use self::edit::payment_term;
pub use self::lines::Line;
use super::approvals::{self, Decision, Resource};
use super::billing_schedules::{self, Schedule};
use super::body::list;
use super::customers::Customer;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row, sha256};

pub fn noun() -> Noun<Action<State>> {
    const LINE: &str = "/v0/orders/{orderId}/lineItems/{id}";
    let operations: Vec<Operation> = vec![
        write("createOrder", Method::POST, "/v0/orders", edit::create),
        read("listOrders", "/v0/orders", index),
        read("getOrder", "/v0/orders/{id}", get),
        write("updateOrder", Method::PATCH, "/v0/orders/{id}", edit::update),
        write("deleteOrder", Method::DELETE, "/v0/orders/{id}", delete),
        write("createOrderLineItem", Method::POST, "/v0/orders/{orderId}/lineItems", lines::create),
        write("updateOrderLineItem", Method::PATCH, LINE, lines::update),
        write("deleteOrderLineItem", Method::DELETE, LINE, lines::delete),
        write("createOrderApproval", Method::POST, "/v0/orders/{orderId}/approvals", request_approval),
    ];
    Noun { name: "orders", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Order {
    pub merchant: Arc<str>,
    pub customer: Id<Customer>,
    pub currency: Arc<str>,
    kind: Option<Kind>,
    term: Window,
    close_date: Option<Timestamp>,
    /// What the lines come to; what was sent, as long as there were none.
    total: Decimal,
    pub payment_term_days: u32,
    reseller: Option<Box<str>>,
    selling_entity: Option<Box<str>>,
    tax_exempt: bool,
    metadata: Map<String, Value>,
    lines: Vec<Id<Line>>,
    pub schedules: Vec<Id<Schedule>>,
    cancelled_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted: bool,
}

impl Row for Order {
    const PREFIX: &'static str = "ord_";
    const NOUN: &'static str = "order";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    NewBusiness,
    Renewal,
    Expansion,
}

/// How far an order is. Answers say `cancelledAt` beside the first four; a filter knows all five.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Draft,
    Pending,
    Approved,
    Rejected,
    Cancelled,
}

fn approval_status(state: &State, id: Id<Order>) -> Status {
    match approvals::standing(state, id) {
        None | Some(Decision::Cancelled) => Status::Draft,
        Some(Decision::Pending) => Status::Pending,
        Some(Decision::Approved) => Status::Approved,
        Some(Decision::Rejected) => Status::Rejected,
    }
}

fn status(state: &State, id: Id<Order>) -> Status {
    if state.orders[id].cancelled_at.is_some() { Status::Cancelled } else { approval_status(state, id) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    merchant_id: &'a str,
    customer_id: IdText,
    reseller_id: Option<&'a str>,
    tax_exempt: bool,
    selling_entity: Option<&'a str>,
    currency: &'a str,
    approval_status: Status,
    cancelled_at: Option<Timestamp>,
    term_start_date: Timestamp,
    term_end_date: Timestamp,
    close_date: Option<Timestamp>,
    total_amount: Decimal,
    default_payment_term_days: u32,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    metadata: &'a Map<String, Value>,
    line_items: Vec<lines::Body<'a>>,
    billing_schedules: Vec<billing_schedules::Brief<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Order>) -> Body<'_> {
    let row = &state.orders[id];
    Body {
        object: "order",
        id: state.orders.text(id),
        merchant_id: &row.merchant,
        customer_id: state.customers.text(row.customer),
        reseller_id: row.reseller.as_deref(),
        tax_exempt: row.tax_exempt,
        selling_entity: row.selling_entity.as_deref(),
        currency: &row.currency,
        approval_status: approval_status(state, id),
        cancelled_at: row.cancelled_at,
        term_start_date: row.term.start,
        term_end_date: row.term.end,
        close_date: row.close_date,
        total_amount: row.total,
        default_payment_term_days: row.payment_term_days,
        kind: row.kind,
        metadata: &row.metadata,
        line_items: row.lines.iter().map(|line| lines::body(state, *line)).collect(),
        billing_schedules: row.schedules.iter().map(|schedule| billing_schedules::brief(state, *schedule)).collect(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// What of an order is no part of what a review looks at; how it is billed is looked at more closely.
const NOT_REVIEWED: [&str; 5] = ["approvalStatus", "billingSchedules", "cancelledAt", "metadata", "updatedAt"];

/// What a review looks at, in a word: the same as long as nothing of it has changed.
fn snapshot(state: &State, id: Id<Order>) -> String {
    let mut seen = json!(body(state, id));
    if let Some(fields) = seen.as_object_mut() {
        fields.retain(|name, _| !NOT_REVIEWED.contains(&&**name));
    }
    let schedules = state.orders[id].schedules.iter().map(|schedule| billing_schedules::terms(state, *schedule));
    sha256(json!([seen, schedules.collect::<Vec<Value>>()]).to_string().as_bytes())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    customer_id: Option<String>,
    status: Option<Status>,
    #[serde(rename = "type")]
    kind: Option<Kind>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let customer = filter.customer_id.as_deref().map(|text| state.customers.find(text));
    let kept = |id: Id<Order>, row: &Order| {
        !row.deleted
            && mine(filter.merchant_id.as_deref(), &row.merchant)
            && customer.is_none_or(|customer| customer == Some(row.customer))
            && filter.status.is_none_or(|wanted| wanted == status(state, id))
            && filter.kind.is_none_or(|wanted| Some(wanted) == row.kind)
    };
    let ids = state.orders.iter().filter(|(id, row)| kept(*id, row)).map(|(id, _)| id);
    Ok(Reply::ok(&list(call.paging(), ids).map(|id| body(state, id))))
}

/// The order that a segment of the path means, unless it is deleted.
fn addressed(state: &State, call: &Call, segment: &str) -> Result<Id<Order>, Fault> {
    let id = call.row(segment, &state.orders)?;
    if state.orders[id].deleted { Err(Fault::no_such(Order::NOUN, call.segment(segment))) } else { Ok(id) }
}

/// The order that a field of the body means, unless it is deleted.
pub fn referred(state: &State, pointer: &str, text: &str) -> Result<Id<Order>, Fault> {
    let id = crate::api::referred(&state.orders, pointer, text)?;
    if state.orders[id].deleted {
        let violation = Violation::body(pointer, "reference", "this order was deleted");
        return Err(Fault::no_such(Order::NOUN, text).with_violation(violation));
    }
    Ok(id)
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call, "id")?;
    Ok(Reply::ok(&body(&world.state, id)))
}

/// The contract knows no conflict here: it goes whatever its state, and its schedules with it.
fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call, "id")?;
    approvals::withdraw(world, id);
    for schedule in world.state.orders[id].schedules.clone() {
        billing_schedules::remove(world, schedule);
    }
    let now = world.now(ClockId::WORLD);
    world.state.orders.update(id, |row| {
        row.deleted = true;
        row.updated_at = now;
    });
    Ok(Reply::none())
}

/// What was agreed changes only while nobody reviews it or relies on it. The contract has no 409 here.
fn check_editable(state: &State, id: Id<Order>) -> Result<(), Fault> {
    let (code, message) = match status(state, id) {
        Status::Draft | Status::Rejected => return Ok(()),
        Status::Pending => ("ORDER_IN_REVIEW", "This order is in review: cancel its pending approval to change it"),
        Status::Approved => ("ORDER_APPROVED", "This order is approved: cancel its approval to change it"),
        Status::Cancelled => {
            ("ORDER_CANCELLED", "This order is cancelled: PATCH it with cancelledAt null to change it")
        }
    };
    Err(Fault::bad_request(message).with_code(code))
}

/// A review needs something to look at.
pub fn check_reviewable(state: &State, id: Id<Order>) -> Result<(), Fault> {
    let row = &state.orders[id];
    if row.cancelled_at.is_some() {
        return Err(Fault::conflict("This order is cancelled: there is nothing to review").with_code("ORDER_CANCELLED"));
    }
    if row.lines.is_empty() {
        let message = "This order has no lines yet: add one with POST /v0/orders/{orderId}/lineItems";
        return Err(Fault::conflict(message).with_code("ORDER_HAS_NO_LINES"));
    }
    Ok(())
}

/// Before its billing changes: a review in flight goes back to draft, an approved or cancelled order refuses.
pub fn reopen(world: &mut World, id: Id<Order>) -> Result<(), Fault> {
    match status(&world.state, id) {
        Status::Draft | Status::Pending | Status::Rejected => approvals::withdraw(world, id),
        Status::Approved => {
            let message = "The order is approved: cancel its approval before you change how it is billed";
            return Err(Fault::conflict(message).with_code("ORDER_APPROVED"));
        }
        Status::Cancelled => return Err(cancelled()),
    }
    Ok(())
}

pub fn cancelled() -> Fault {
    Fault::conflict("The order is cancelled: it is not billed").with_code("ORDER_CANCELLED")
}

impl Order {
    pub fn is_cancelled(&self) -> bool {
        self.cancelled_at.is_some()
    }

    pub fn has(&self, line: Id<Line>) -> bool {
        self.lines.contains(&line)
    }
}

#[derive(Deserialize)]
struct ApprovalInput {
    requester: Option<Box<str>>,
    note: Option<Box<str>>,
}

fn request_approval(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let order = addressed(&world.state, call, "orderId")?;
    let ApprovalInput { requester, note } = call.input()?;
    let wanted = approvals::Wanted {
        merchant: Arc::clone(&world.state.orders[order].merchant),
        resource: Resource::Order(order),
        kind: approvals::Kind::DataReview,
        requester: approvals::actor(call, requester),
        hash: snapshot(&world.state, order).into(),
        note,
    };
    let id = approvals::request(world, wanted)?;
    Ok(Reply::created(&approvals::body(&world.state, id)))
}
