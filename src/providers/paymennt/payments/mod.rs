//! Card payments: one attempt each to pay a checkout.
//!
//! Facts: paymennt §2.2 (statuses, what clients do with each, what each makes of the checkout).

mod attempt;
mod debit;

use std::borrow::Cow;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::attempt::{Attempt, by_hand, challenge, charge, scriptable};
use super::body::{Amount, Stamp, ok};
use super::checkouts::{self, Checkout, Status as CheckoutStatus};
use super::refusals::not_found;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, Site, read, write};
use crate::billing::cards::Card;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{Id, IdText, Row};

const NOT_FOUND: &str = "Payment not found for API merchant";
/// What this vendor calls a card, whatever its brand.
pub const CARD: &str = "CARD";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("debit", Method::POST, "/mer/v2.0/payment/debit", debit::debit),
        read("getPayment", "/mer/v2.0/payment/{id}", get),
        write("capturePayment", Method::POST, "/mer/v2.0/payment/{id}/capture", capture),
    ];
    Noun { name: "payments", operations }
}

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It waits for the cardholder.
    Redirect,
    Authorized,
    Captured,
    Failed,
    /// The bank asks for the cardholder, who is not there.
    Rejected,
    Voided,
    Reversed,
    PartiallyReversed,
    Chargeback,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Payment {
    pub checkout: Id<Checkout>,
    amount: Decimal,
    pub status: Status,
    /// What the bank said of a decline.
    message: Option<Cow<'static, str>>,
    pub card: Card,
    /// The merchant's id of the customer for whom the card is kept, once it has worked.
    keep_for: Option<Box<str>>,
    /// Whether the hosted page took the card.
    on_page: bool,
    created_at: Timestamp,
}

impl Row for Payment {
    const PREFIX: &'static str = "";
    const NOUN: &'static str = "payment";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    amount: Amount,
    currency: &'a str,
    status: Status,
    redirect_url: Option<String>,
    response_message: Option<&'a str>,
    timestamp: Stamp,
    checkout_details: checkouts::Body<'a>,
}

fn body<'a>(state: &'a State, id: Id<Payment>, site: Site<'_>) -> Body<'a> {
    let row = &state.payments[id];
    let checkout = &state.checkouts[row.checkout];
    Body {
        id: state.payments.text(id),
        amount: Amount(row.amount),
        currency: &checkout.currency,
        status: row.status,
        redirect_url: (row.status == Status::Redirect).then(|| challenge_url(state, id, site)),
        response_message: row.message.as_deref(),
        timestamp: Stamp(row.created_at),
        checkout_details: checkouts::body(state, row.checkout, checkout, site),
    }
}

/// Where the cardholder confirms.
pub fn challenge_url(state: &State, id: Id<Payment>, site: Site<'_>) -> String {
    format!("{site}/frames/redirect/payment/{}", state.payments.text(id))
}

fn show(world: &World, id: Id<Payment>, site: Site<'_>) -> Reply {
    ok(body(&world.state, id, site))
}

fn addressed(state: &State, call: &Call) -> Result<Id<Payment>, Fault> {
    state.payments.find(call.segment("id")).ok_or_else(|| not_found(NOT_FOUND, "id"))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, addressed(&world.state, call)?, call.site))
}

/// Takes what was authorised, all of it.
fn capture(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let row = &world.state.payments[id];
    let (status, checkout) = (row.status, row.checkout);
    if status != Status::Authorized {
        let message = format!("Payment is {}: only one that is AUTHORIZED can be captured", wire(status));
        let advice = format!("is {}, not AUTHORIZED", wire(status));
        return Err(Fault::bad_request(message).with_violation(Violation::path("id", "status", advice)));
    }
    set(world, id, Status::Captured);
    checkouts::paid(world, checkout, CARD);
    Ok(show(world, id, call.site))
}

fn wire(status: Status) -> String {
    serde_json::to_value(status).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn set(world: &mut World, id: Id<Payment>, status: Status) {
    world.state.payments.update(id, |row| row.status = status);
}

/// What a checkout's last attempt has authorised, or waits for, is let go.
pub fn let_go(world: &mut World, checkout: Id<Checkout>) {
    if let Some(id) = world.state.checkouts[checkout].payment
        && matches!(world.state.payments[id].status, Status::Authorized | Status::Redirect)
    {
        set(world, id, Status::Voided);
    }
}

/// What was taken is given back.
pub fn reversed(world: &mut World, id: Id<Payment>, in_full: bool) {
    set(world, id, if in_full { Status::Reversed } else { Status::PartiallyReversed });
}

/// The cardholder's bank takes it back.
fn charged_back(world: &mut World, checkout: Id<Checkout>) {
    if let Some(id) = world.state.checkouts[checkout].payment {
        set(world, id, Status::Chargeback);
    }
    checkouts::change(world, checkout, CheckoutStatus::Chargeback, |_| {});
}
