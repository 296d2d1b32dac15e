//! Refunds: a payment given back, to where it came from or to the customer's wallet.
//!
//! Facts: paylera §2.6. All refunds of a payment together never exceed it. Each makes a credit note on the invoice.

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::{Metadata, amount};
use super::credit_notes::{self, CreditNote, Outcome, Reason};
use super::invoices::Invoice;
use super::listing::list;
use super::notices::subscription as event;
use super::payments::{self, Payment};
use super::state::State;
use super::wallets::{self, Wallet};
use super::{Operation, World, subscriptions};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::money::round_minor;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createRefund", Method::POST, "/v1/payments/{id}/refunds", create),
        read("listPaymentRefunds", "/v1/payments/{id}/refunds", list_own),
        read("listRefunds", "/v1/refunds", list_all),
        read("getRefund", "/v1/refunds/{id}", get),
    ];
    Noun { name: "refunds", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Refund {
    payment: Id<Payment>,
    credit_note: Option<Id<CreditNote>>,
    wallet: Option<Id<Wallet>>,
    amount: Decimal,
    reason: Reason,
    metadata: Metadata,
    created_at: Timestamp,
}

impl Row for Refund {
    const PREFIX: &'static str = "ref_";
    const NOUN: &'static str = "refund";
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Destination {
    #[default]
    OriginalMethod,
    Wallet,
}

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    payment_id: IdText,
    invoice_id: Option<IdText>,
    customer_id: IdText,
    credit_note_id: Option<IdText>,
    wallet_id: Option<IdText>,
    amount: String,
    currency: &'a str,
    reason: Reason,
    destination: Destination,
    /// No provider stands behind the sandbox that could fail.
    status: &'static str,
    failure_reason: Option<&'static str>,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Refund>) -> Body<'_> {
    let row = &state.refunds[id];
    let payment = &state.payments[row.payment];
    Body {
        id: state.refunds.text(id),
        object: "refund",
        payment_id: state.payments.text(row.payment),
        invoice_id: payment.invoice.map(|id| state.invoices.text(id)),
        customer_id: state.customers.text(payment.customer),
        credit_note_id: row.credit_note.map(|id| state.credit_notes.text(id)),
        wallet_id: row.wallet.map(|id| state.wallets.text(id)),
        amount: amount(row.amount, &payment.currency),
        currency: &payment.currency,
        reason: row.reason,
        destination: if row.wallet.is_some() { Destination::Wallet } else { Destination::OriginalMethod },
        status: "succeeded",
        failure_reason: None,
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.created_at,
    }
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.refunds.iter().map(|(id, _)| (id.number(), json!(body(state, id)))))
}

fn list_own(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let own = &state.payments[call.id(&state.payments)?].refunds;
    list(call, own.iter().map(|id| (id.number(), json!(body(state, *id)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.refunds)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
struct Create {
    amount: Option<Decimal>,
    reason: Reason,
    #[serde(default)]
    destination: Destination,
    #[serde(default)]
    metadata: Metadata,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let payment = call.id(&world.state.payments)?;
    let wanted: Create = call.input()?;
    let metadata = wanted.metadata.checked()?;
    let row = &world.state.payments[payment];
    let (invoice, customer) = (row.invoice, row.customer);
    let left = refundable(&world.state, payment);
    let (currency, by_wallet) = (Arc::clone(&row.currency), row.method.is_none());
    if left <= Decimal::ZERO {
        let message = format!("The payment {} has nothing that could be refunded", call.segment("id"));
        return Err(Fault::unprocessable(message).with_code("payment.not_refundable"));
    }
    // Without an amount the whole payment is meant (§2.6): after a part was refunded that exceeds it.
    let whole = world.state.payments[payment].amount;
    let sum = wanted.amount.unwrap_or(whole);
    if sum.is_zero() || round_minor(sum, &currency) != sum {
        let message = format!("a refund is more than 0 and a whole number of the smallest unit of {currency}");
        return Err(Fault::field("/amount", "multipleOf", message));
    }
    if sum > left {
        let (sum, left) = (amount(sum, &currency), amount(left, &currency));
        let message = format!("{sum} {currency} is more than the {left} {currency} that are left of the payment");
        return Err(Fault::field("/amount", "maximum", message).with_code("refund.exceeds_payment"));
    }
    // What the wallet has paid goes back where it came from in either case.
    let to_wallet = by_wallet || wanted.destination == Destination::Wallet;
    let wallet = to_wallet.then(|| wallets::deposit(world, customer, Arc::clone(&currency), sum, "refund", invoice));
    let id = refund(world, payment, sum, wanted.reason, wallet, metadata);
    if let Some(invoice) = invoice {
        let outcome = wallet.map_or(Outcome::Refund(id), Outcome::CreditBalance);
        let note = credit_notes::of_refund(world, invoice, sum, wanted.reason, outcome);
        world.state.refunds.update(id, |row| row.credit_note = Some(note));
    }
    done(world, payment, id, sum);
    Ok(Reply::created(&body(&world.state, id)))
}

fn refund(
    world: &mut World,
    payment: Id<Payment>,
    amount: Decimal,
    reason: Reason,
    wallet: Option<Id<Wallet>>,
    metadata: Metadata,
) -> Id<Refund> {
    let created_at = world.now(ClockId::WORLD);
    world.state.refunds.insert(Refund { payment, credit_note: None, wallet, amount, reason, metadata, created_at })
}

/// What follows from a refund.
fn done(world: &mut World, payment: Id<Payment>, id: Id<Refund>, amount: Decimal) {
    payments::refunded(world, payment, id, amount);
    let invoice = world.state.payments[payment].invoice;
    if let Some(subscription) = invoice.and_then(|invoice| world.state.invoices[invoice].subscription) {
        subscriptions::tell(world, subscription, event::REFUND_PROCESSED);
    }
}

/// What a payment can still give back: not what credit notes have put into the wallet already.
fn refundable(state: &State, payment: Id<Payment>) -> Decimal {
    let row = &state.payments[payment];
    row.invoice.map_or(row.refundable(), |invoice| row.refundable().min(credit_notes::left(state, invoice)))
}

/// The payment of an invoice of which the most can be refunded, and how much that is.
pub fn source(state: &State, invoice: Id<Invoice>) -> Option<(Id<Payment>, Decimal)> {
    let payments = state.invoices[invoice].payments.iter().filter(|id| state.payments[**id].method.is_some());
    payments.map(|id| (*id, refundable(state, *id))).max_by_key(|(_, left)| *left)
}

/// The refund that a credit note asks for.
///
/// # Panics
/// If no payment has so much: whoever asks has looked ([`source`]).
pub fn for_note(
    world: &mut World,
    invoice: Id<Invoice>,
    amount: Decimal,
    reason: Reason,
    note: Id<CreditNote>,
) -> Id<Refund> {
    let Some((payment, _)) = source(&world.state, invoice) else { panic!("nothing to refund") };
    let id = refund(world, payment, amount, reason, None, Metadata::default());
    world.state.refunds.update(id, |row| row.credit_note = Some(note));
    done(world, payment, id, amount);
    id
}
