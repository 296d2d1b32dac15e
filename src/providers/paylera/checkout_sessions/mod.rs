//! Hosted checkout: a page that sells a subscription, saves a payment method, or takes one payment.
//!
//! Facts: paylera §6.2 (body); reply, life and statuses are ours. The id is the address of the page, so whoever has it
//! may pay. `create.rs` makes one, `complete.rs` pays it.

mod complete;
mod create;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::complete::{add_code, asks, complete, quote, remove_code};
pub use self::create::attach;
use super::body::{Metadata, amount};
use super::coupons::{self, Coupon};
use super::customers::Customer;
use super::invoices::Invoice;
use super::listing::list;
use super::notices::Notice;
use super::payment_methods::PaymentMethod;
use super::payments::Payment;
use super::plans::Plan;
use super::state::State;
use super::subscriptions::{Quantities, Subscription};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, Site, read, write};
use crate::billing::cards::Card;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

/// How long a session can be paid; the vendor does not say.
const LIFE: Cadence = Cadence::days(1);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listCheckoutSessions", "/v1/checkout/sessions", list_all),
        write("createCheckoutSession", Method::POST, "/v1/checkout/sessions", create::create),
        read("getCheckoutSession", "/v1/checkout/sessions/{id}", get),
        write("expireCheckoutSession", Method::POST, "/v1/checkout/sessions/{id}/expire", expire),
    ];
    Noun { name: "checkout_sessions", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    pub mode: Mode,
    pub status: Status,
    pub customer: Id<Customer>,
    pub plan: Option<Id<Plan>>,
    item: Option<LineItem>,
    quantities: Quantities,
    amount: Option<Decimal>,
    currency: Option<Arc<str>>,
    pub description: Option<Box<str>>,
    success_url: Box<str>,
    pub cancel_url: Option<Box<str>>,
    pub takes_codes: bool,
    pub coupons: Vec<Id<Coupon>>,
    trial_days: Option<u32>,
    subscription: Option<Id<Subscription>>,
    invoice: Option<Id<Invoice>>,
    payment: Option<Id<Payment>>,
    method: Option<Id<PaymentMethod>>,
    /// The card that the bank is asked about.
    pub challenge: Option<Card>,
    metadata: Metadata,
    pub expires_at: Timestamp,
    completed_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Session {
    const PREFIX: &'static str = "cs_";
    const NOUN: &'static str = "checkout session";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Subscription,
    Setup,
    Payment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    Complete,
    Expired,
}

/// A plan at a price of this session's own.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct LineItem {
    plan_code: Box<str>,
    unit_amount: Option<Decimal>,
    quantity: Option<u64>,
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    mode: Mode,
    status: Status,
    url: String,
    customer_id: IdText,
    plan_code: Option<&'a str>,
    line_items: Vec<LineBody<'a>>,
    quantities: &'a Quantities,
    amount: Option<String>,
    currency: Option<&'a str>,
    description: Option<&'a str>,
    success_url: &'a str,
    cancel_url: Option<&'a str>,
    allow_promotion_codes: bool,
    coupons: Vec<&'a str>,
    trial_days: Option<u32>,
    subscription_id: Option<IdText>,
    invoice_id: Option<IdText>,
    payment_id: Option<IdText>,
    payment_method_id: Option<IdText>,
    metadata: &'a Metadata,
    expires_at: Timestamp,
    completed_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct LineBody<'a> {
    plan_code: &'a str,
    unit_amount: Option<String>,
    quantity: u64,
}

pub fn body<'a>(state: &'a State, id: Id<Session>, row: &'a Session, site: Site<'_>) -> Body<'a> {
    let plan = row.plan.map(|plan| &state.plans[plan]);
    let currency = row.currency.as_deref();
    let line = |item: &'a LineItem| LineBody {
        plan_code: &item.plan_code,
        unit_amount: item.unit_amount.map(|unit| amount(unit, currency.unwrap_or_default())),
        quantity: item.quantity.unwrap_or(1),
    };
    Body {
        id: state.checkout_sessions.text(id),
        object: "checkout_session",
        mode: row.mode,
        status: row.status,
        url: url(state, id, site),
        customer_id: state.customers.text(row.customer),
        plan_code: plan.map(|plan| &*plan.code),
        line_items: row.item.iter().map(line).collect(),
        quantities: &row.quantities,
        amount: row.amount.map(|value| amount(value, currency.unwrap_or_default())),
        currency,
        description: row.description.as_deref(),
        success_url: &row.success_url,
        cancel_url: row.cancel_url.as_deref(),
        allow_promotion_codes: row.takes_codes,
        coupons: row.coupons.iter().map(|coupon| coupons::code(state, *coupon)).collect(),
        trial_days: row.trial_days,
        subscription_id: row.subscription.map(|id| state.subscriptions.text(id)),
        invoice_id: row.invoice.map(|id| state.invoices.text(id)),
        payment_id: row.payment.map(|id| state.payments.text(id)),
        payment_method_id: row.method.map(|id| state.payment_methods.text(id)),
        metadata: &row.metadata,
        expires_at: row.expires_at,
        completed_at: row.completed_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Where it is paid.
pub fn url(state: &State, id: Id<Session>, site: Site<'_>) -> String {
    format!("{site}/checkout/c/{}", state.checkout_sessions.text(id))
}

/// Where the browser goes once it is paid: `{CHECKOUT_SESSION_ID}` stands for the session (§6.2).
pub fn success_url(state: &State, id: Id<Session>) -> String {
    let own = state.checkout_sessions.text(id);
    state.checkout_sessions[id].success_url.replace("{CHECKOUT_SESSION_ID}", own.as_str())
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.checkout_sessions.iter().map(|(id, row)| (id.number(), json!(body(state, id, row, call.site)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, call, call.id(&world.state.checkout_sessions)?))
}

fn show(world: &World, call: &Call, id: Id<Session>) -> Reply {
    Reply::ok(&body(&world.state, id, &world.state.checkout_sessions[id], call.site))
}

fn expire(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.checkout_sessions)?;
    if world.state.checkout_sessions[id].status != Status::Open {
        let message = format!("The checkout session {} is over already", call.segment("id"));
        return Err(Fault::unprocessable(message).with_code("checkout_session.invalid_transition"));
    }
    expired(world, id);
    Ok(show(world, call, id))
}

/// Nobody has paid in time.
pub fn expired(world: &mut World, id: Id<Session>) {
    if world.state.checkout_sessions[id].status == Status::Open {
        set(world, id, |row| {
            row.status = Status::Expired;
            row.challenge = None;
        });
        tell(world, id, "checkout.session.expired");
    }
}

pub fn set(world: &mut World, id: Id<Session>, change: impl FnOnce(&mut Session)) {
    let now = world.now(ClockId::WORLD);
    world.state.checkout_sessions.update(id, |row| {
        row.updated_at = now;
        change(row);
    });
}

fn tell(world: &mut World, id: Id<Session>, event: &'static str) {
    let row = Arc::clone(&world.state.checkout_sessions[id]);
    world.emit(ClockId::WORLD, Notice::CheckoutSession(event, id, row));
}
