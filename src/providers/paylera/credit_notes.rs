//! Credit notes: what is taken back of an invoice that has been issued, and where the money goes.
//!
//! Facts: paylera §2.9. Amounts of lines are negative and before tax; the tax comes back in the proportion in which the
//! invoice had it. A refund makes one, too.

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::{Metadata, amount};
use super::invoices::{self, Invoice, Status};
use super::listing::list;
use super::refunds::{self, Refund};
use super::state::State;
use super::wallets::{self, Wallet};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::money::{self, round_minor};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createCreditNote", Method::POST, "/v1/invoices/{id}/credit-notes", create),
        read("listCreditNotes", "/v1/credit-notes", list_all),
        read("getCreditNote", "/v1/credit-notes/{id}", get),
    ];
    Noun { name: "credit_notes", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct CreditNote {
    number: (i16, u32),
    invoice: Id<Invoice>,
    reason: Reason,
    lines: Vec<LineInput>,
    /// Negative, as the lines are.
    subtotal: Decimal,
    tax: Decimal,
    outcome: Outcome,
    metadata: Metadata,
    issued_at: Timestamp,
}

impl Row for CreditNote {
    const PREFIX: &'static str = "cn_";
    const NOUN: &'static str = "credit note";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Duplicate,
    Fraudulent,
    CustomerRequest,
    OrderChange,
    ServiceOutage,
    ProductUnsatisfactory,
    Other,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LineInput {
    description: Arc<str>,
    #[serde(serialize_with = "plain")]
    amount: Decimal,
}

fn plain<S: serde::Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&money::plain(*value))
}

/// Where the money went.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Outcome {
    Refund(Id<Refund>),
    CreditBalance(Id<Wallet>),
    AppliedToInvoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wish {
    Refund,
    CreditBalance,
    AppliedToInvoice,
}

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    number: String,
    invoice_id: IdText,
    customer_id: IdText,
    currency: &'a str,
    reason: Reason,
    status: &'static str,
    issued_at: Timestamp,
    lines: &'a [LineInput],
    subtotal: String,
    tax: String,
    total: String,
    outcome: OutcomeBody,
    metadata: &'a Metadata,
    created_at: Timestamp,
}

#[derive(Default, Serialize)]
struct OutcomeBody {
    kind: &'static str,
    refund_id: Option<IdText>,
    refund_status: Option<&'static str>,
    amount_refunded: Option<String>,
    wallet_id: Option<IdText>,
    amount_credited: Option<String>,
    amount_applied: Option<String>,
}

fn body(state: &State, id: Id<CreditNote>) -> Body<'_> {
    let row = &state.credit_notes[id];
    let invoice = &state.invoices[row.invoice];
    let currency = &*invoice.currency;
    let total = row.subtotal + row.tax;
    let whole = Some(amount(-total, currency));
    let outcome = match row.outcome {
        Outcome::Refund(refund) => OutcomeBody {
            kind: "refund",
            refund_id: Some(state.refunds.text(refund)),
            refund_status: Some("succeeded"),
            amount_refunded: whole,
            ..OutcomeBody::default()
        },
        Outcome::CreditBalance(wallet) => OutcomeBody {
            kind: "credit_balance",
            wallet_id: Some(state.wallets.text(wallet)),
            amount_credited: whole,
            ..OutcomeBody::default()
        },
        Outcome::AppliedToInvoice => {
            OutcomeBody { kind: "applied_to_invoice", amount_applied: whole, ..OutcomeBody::default() }
        }
    };
    let (year, number) = row.number;
    Body {
        id: state.credit_notes.text(id),
        object: "credit_note",
        number: format!("CN-{year:04}-{number:06}"),
        invoice_id: state.invoices.text(row.invoice),
        customer_id: state.customers.text(invoice.customer),
        currency,
        reason: row.reason,
        status: "issued",
        issued_at: row.issued_at,
        lines: &row.lines,
        subtotal: amount(row.subtotal, currency),
        tax: amount(row.tax, currency),
        total: amount(total, currency),
        outcome,
        metadata: &row.metadata,
        created_at: row.issued_at,
    }
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.credit_notes.iter().map(|(id, _)| (id.number(), json!(body(state, id)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.credit_notes)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
struct Create {
    reason: Reason,
    lines: Vec<LineInput>,
    outcome: Wish,
    #[serde(default)]
    metadata: Metadata,
}

/// What was paid can be refunded or put into the wallet; what is still due can only be lowered.
fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let invoice = call.id(&world.state.invoices)?;
    let Create { reason, lines, outcome, metadata } = call.input()?;
    let metadata = metadata.checked()?;
    let row = &world.state.invoices[invoice];
    let currency = Arc::clone(&row.currency);
    if !matches!(row.status, Status::Open | Status::PartiallyPaid | Status::Paid) {
        let message = "A credit note is for an invoice that is open, partially paid or paid";
        return Err(Fault::unprocessable(message).with_code("credit_note.invoice_not_creditable"));
    }
    let subtotal = money::sum(lines.iter().map(|line| round_minor(line.amount, &currency)));
    let tax = tax(row, subtotal);
    let total = -(subtotal + tax);
    if total <= Decimal::ZERO {
        return Err(Fault::field("/lines", "exclusiveMinimum", "a credit note takes something back: less than 0"));
    }
    let most = match outcome {
        Wish::AppliedToInvoice => row.amount_due(),
        Wish::CreditBalance => left(&world.state, invoice),
        Wish::Refund => refunds::source(&world.state, invoice).map_or(Decimal::ZERO, |(_, most)| most),
    };
    if total > most {
        let of = match outcome {
            Wish::AppliedToInvoice => "is still due",
            Wish::CreditBalance => "was paid and not given back",
            Wish::Refund => "one payment can still refund",
        };
        let (total, most) = (amount(total, &currency), amount(most, &currency));
        let message = format!("come to {total} {currency} with tax, and {most} {currency} {of}");
        let fault = Fault::field("/lines", "maximum", message);
        return Err(fault.with_code("credit_note.exceeds_invoice"));
    }
    let id = note(world, invoice, reason, lines, subtotal, tax, metadata, |world, id| match outcome {
        Wish::AppliedToInvoice => Outcome::AppliedToInvoice,
        Wish::CreditBalance => {
            let (customer, currency) = wallets::place(&world.state, invoice);
            Outcome::CreditBalance(wallets::deposit(world, customer, currency, total, "credit_note", Some(invoice)))
        }
        Wish::Refund => Outcome::Refund(refunds::for_note(world, invoice, total, reason, id)),
    });
    if outcome == Wish::AppliedToInvoice {
        invoices::credited(world, invoice, total);
    }
    Ok(Reply::created(&body(&world.state, id)))
}

/// The tax that comes back with so much: in the proportion in which the invoice has it.
fn tax(invoice: &Invoice, subtotal: Decimal) -> Decimal {
    let share = invoice.totals.tax.checked_div(invoice.totals.subtotal).unwrap_or_default();
    round_minor(subtotal.saturating_mul(share), &invoice.currency)
}

/// What was paid for an invoice and has not been given back.
pub fn left(state: &State, invoice: Id<Invoice>) -> Decimal {
    let row = &state.invoices[invoice];
    let given: Decimal = row
        .credit_notes
        .iter()
        .map(|id| &state.credit_notes[*id])
        .filter(|note| !matches!(note.outcome, Outcome::AppliedToInvoice))
        .map(|note| -(note.subtotal + note.tax))
        .sum();
    row.amount_paid - given
}

/// When how much before tax was given back of what was paid for an invoice.
pub fn given_back(state: &State, invoice: Id<Invoice>) -> impl Iterator<Item = (Timestamp, Decimal)> {
    let notes = state.invoices[invoice].credit_notes.iter().map(|id| &state.credit_notes[*id]);
    notes.filter(|note| !matches!(note.outcome, Outcome::AppliedToInvoice)).map(|note| (note.issued_at, -note.subtotal))
}

/// Takes a whole invoice back into the wallet.
pub fn whole(world: &mut World, invoice: Id<Invoice>, reason: Reason) {
    let total = left(&world.state, invoice);
    if total <= Decimal::ZERO {
        return;
    }
    give_back(world, invoice, total, reason, |world, _| {
        let (customer, currency) = wallets::place(&world.state, invoice);
        Outcome::CreditBalance(wallets::deposit(world, customer, currency, total, "credit_note", Some(invoice)))
    });
}

/// The note that goes with a refund of so much, tax included.
pub fn of_refund(
    world: &mut World,
    invoice: Id<Invoice>,
    total: Decimal,
    reason: Reason,
    outcome: Outcome,
) -> Id<CreditNote> {
    give_back(world, invoice, total, reason, |_, _| outcome)
}

fn give_back(
    world: &mut World,
    invoice: Id<Invoice>,
    total: Decimal,
    reason: Reason,
    outcome: impl FnOnce(&mut World, Id<CreditNote>) -> Outcome,
) -> Id<CreditNote> {
    let row = &world.state.invoices[invoice];
    // What is before tax follows from the whole, and the tax is the rest: so the note comes to the very amount.
    let share = row.totals.subtotal.checked_div(row.totals.subtotal + row.totals.tax).unwrap_or(Decimal::ONE);
    let subtotal = -round_minor(total.saturating_mul(share), &row.currency);
    let description = format!("Credit for {}", row.number_text().unwrap_or_default());
    let lines = vec![LineInput { description: description.into(), amount: subtotal }];
    note(world, invoice, reason, lines, subtotal, -total - subtotal, Metadata::default(), outcome)
}

#[expect(clippy::too_many_arguments, reason = "these are the fields of the row")]
fn note(
    world: &mut World,
    invoice: Id<Invoice>,
    reason: Reason,
    lines: Vec<LineInput>,
    subtotal: Decimal,
    tax: Decimal,
    metadata: Metadata,
    outcome: impl FnOnce(&mut World, Id<CreditNote>) -> Outcome,
) -> Id<CreditNote> {
    let issued_at = world.now(ClockId::WORLD);
    let year = issued_at.civil().year();
    let number = world.state.credit_note_numbers.get(&year).copied().unwrap_or_default() + 1;
    world.state.credit_note_numbers.insert(year, number);
    let id = world.state.credit_notes.next_id();
    let row = CreditNote {
        number: (year, number),
        invoice,
        reason,
        lines,
        subtotal,
        tax,
        outcome: Outcome::AppliedToInvoice,
        metadata,
        issued_at,
    };
    world.state.credit_notes.insert(row);
    world.state.invoices.update(invoice, |row| row.credit_notes.push(id));
    let outcome = outcome(world, id);
    world.state.credit_notes.update(id, |row| row.outcome = outcome);
    id
}
