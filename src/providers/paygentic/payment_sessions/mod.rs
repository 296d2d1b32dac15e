//! Payment sessions: one attempt to collect money, behind a hosted page or off-session.
//!
//! Facts: paygentic-behaviour §2.9 (lifetimes, what a session is for), §2.7 (activation), §2.8 (retry codes).

mod attempt;
mod list;

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::attempt::{Challenge, approve, ask, asks, charge, keeps, pay, put_off, reject, scriptable};
use super::customers::Customer;
use super::cycle::{self, Due};
use super::invoices::Invoice;
use super::payments::{self, Payment};
use super::state::State;
use super::subscriptions::Subscription;
use super::{Operation, World};
use crate::api::{Action, Noun, Site, read};
use crate::billing::cards::Outcome;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, Row, Timer, hash};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![read("listPaymentSessions", "/v0/paymentSessions", list::list)];
    Noun { name: "payment_sessions", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    pub purpose: Purpose,
    pub customer: Option<Id<Customer>>,
    pub amount: Decimal,
    pub currency: Arc<str>,
    pub status: Status,
    pub clock: ClockId,
    pub redirects: Option<Arc<Redirects>>,
    /// Whether the card is kept when it is paid.
    pub save: bool,
    pub metadata: Option<Value>,
    pub expires_at: Timestamp,
    expiry: Option<Timer>,
    /// The card whose bank waits for the cardholder's word.
    pub challenge: Option<Box<Challenge>>,
    /// Why the last attempt did not work.
    pub decline: Option<Box<str>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

/// What a session collects money for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// The start of a subscription.
    Activation(Id<Subscription>),
    Invoice(Id<Invoice>),
    Payment(Id<Payment>),
    /// Saves a card, charges nothing.
    Setup(Id<Customer>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    Processing,
    Completed,
    Failed,
    Expired,
    Cancelled,
}

/// Where the hosted page sends the customer.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redirects {
    pub on_success: Option<Box<str>>,
    pub on_failure: Option<Box<str>>,
}

impl Row for Session {
    const PREFIX: &'static str = "ps_";
    const NOUN: &'static str = "payment session";
}

/// What a new session needs to know.
pub struct Opening {
    pub purpose: Purpose,
    pub customer: Option<Id<Customer>>,
    pub amount: Decimal,
    pub currency: Arc<str>,
    pub clock: ClockId,
    pub expires_at: Timestamp,
    pub redirects: Option<Redirects>,
    pub save: bool,
    pub metadata: Option<Value>,
}

/// Opens a session that waits for its customer until it expires.
pub fn open(world: &mut World, opening: Opening) -> Id<Session> {
    let now = world.now(opening.clock);
    let id = world.state.sessions.next_id();
    let expiry = world.set_timer(opening.clock, opening.expires_at, Due::Expire(id));
    world.state.sessions.insert(Session {
        purpose: opening.purpose,
        customer: opening.customer,
        amount: opening.amount,
        currency: opening.currency,
        status: Status::Pending,
        clock: opening.clock,
        redirects: opening.redirects.map(Arc::new),
        save: opening.save,
        metadata: opening.metadata,
        expires_at: opening.expires_at,
        expiry: Some(expiry),
        challenge: None,
        decline: None,
        created_at: now,
        updated_at: now,
        completed_at: None,
    })
}

/// The hosted page of a session.
pub fn url(state: &State, id: Id<Session>, site: Site<'_>) -> String {
    format!("{site}/portal/pay/{}", state.sessions.text(id))
}

/// The word of the wire for a status.
fn status_name(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Processing => "processing",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::Expired => "expired",
        Status::Cancelled => "cancelled",
    }
}

/// Ends a session with a status; its expiry no longer matters.
fn finish(world: &mut World, id: Id<Session>, status: Status) {
    let now = world.now(world.state.sessions[id].clock);
    let expiry = world.state.sessions.update(id, |row| {
        row.status = status;
        row.updated_at = now;
        row.completed_at = (status == Status::Completed).then_some(now);
        row.challenge = None;
        row.expiry.take()
    });
    if let Some(timer) = expiry {
        world.cancel_timer(timer);
    }
}

/// Whether nobody has paid in time.
pub fn is_expired(state: &State, id: Id<Session>) -> bool {
    state.sessions[id].status == Status::Expired
}

/// Nobody has paid in time. A subscription that waited for its start ends (docs/fidelity.md).
pub fn expire(world: &mut World, id: Id<Session>) {
    if world.state.sessions[id].status != Status::Pending {
        return;
    }
    finish(world, id, Status::Expired);
    match world.state.sessions[id].purpose {
        Purpose::Setup(_) => {}
        Purpose::Invoice(invoice) => cycle::lapse(world, invoice),
        Purpose::Payment(payment) => payments::expired(world, payment),
        Purpose::Activation(subscription) => {
            let merchant = &world.state.customers[world.state.subscriptions[subscription].customer].merchant;
            let by = merchant.as_ref().into();
            cycle::end(world, subscription, by, "The payment session of the first invoice expired".into(), None);
        }
    }
}

/// Takes back the page of a subscription's start: it is paid otherwise, or no longer wanted.
pub fn close_activation(world: &mut World, subscription: Id<Subscription>) {
    if let Some(session) = world.state.subscriptions[subscription].session {
        withdraw(world, session);
    }
}

/// Takes a page back that nobody shall pay any more.
pub fn withdraw(world: &mut World, id: Id<Session>) {
    if world.state.sessions[id].status == Status::Pending {
        finish(world, id, Status::Cancelled);
    }
}

/// Takes back the page that an invoice has, if it still waits: there is nothing to pay any more, or another way.
pub fn withdraw_of(world: &mut World, invoice: Id<Invoice>) {
    if let Some(session) = world.state.invoices[invoice].session {
        withdraw(world, session);
    }
}

/// How an attempt to charge a stored card ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    Paid,
    NoMethod,
    Declined(&'static str),
}

/// Charges the customer's newest card for an invoice. Without a card the invoice waits for its page.
pub fn charge_off_session(world: &mut World, invoice: Id<Invoice>) -> Charge {
    let row = &world.state.invoices[invoice];
    let subscription = &world.state.subscriptions[row.subscription];
    let (customer, clock, amount) = (subscription.customer, subscription.clock, row.totals.gross());
    let currency = Arc::clone(&world.state.plans[subscription.plan].currency);
    let Some(method) = world.state.customers[customer].payment_methods.last().copied() else {
        return Charge::NoMethod;
    };
    let scripted = if world.scripts.is_empty() {
        None
    } else {
        let state = &world.state;
        let invoice = state.invoices.text(invoice);
        let about = [invoice, state.payment_methods.text(method), state.customers.text(customer)];
        world.scripts.take(&about)
    };
    let outcome = match scripted.unwrap_or_else(|| world.state.payment_methods[method].card.outcome()) {
        Outcome::Succeeds => Charge::Paid,
        Outcome::Declined(code) => Charge::Declined(code),
        Outcome::NeedsAuthentication => Charge::Declined("authentication_required"),
    };
    // One attempt at a time: nobody shall pay on a page what a card is charged for.
    withdraw_of(world, invoice);
    let now = world.now(clock);
    let (status, decline) = match outcome {
        Charge::Declined(code) => (Status::Failed, Some(code.into())),
        _ => (Status::Completed, None),
    };
    let session = world.state.sessions.insert(Session {
        purpose: Purpose::Invoice(invoice),
        customer: Some(customer),
        amount,
        currency,
        status,
        clock,
        redirects: None,
        save: false,
        metadata: None,
        expires_at: now,
        expiry: None,
        challenge: None,
        decline,
        created_at: now,
        updated_at: now,
        completed_at: (status == Status::Completed).then_some(now),
    });
    world.state.invoices.update(invoice, |row| row.session = Some(session));
    match outcome {
        Charge::Declined(_) => cycle::fail(world, invoice),
        _ => cycle::settle(world, invoice),
    }
    outcome
}

/// The provider's own name of a charge, made of the session's number.
pub fn provider_reference(state: &State, id: Id<Session>) -> String {
    let first = hash(state.seed, &id.number().to_le_bytes());
    format!("pi_{first:016x}{:08x}", hash(first, b"pi") >> 32)
}
