//! Invoices: what is owed for what, from draft to paid.
//!
//! Facts: paylera §2.5, §3.8. A draft changes freely; from finalising on an invoice has a number and never changes its
//! lines again. `status.rs` holds the documented moves, `issue.rs` makes and finalises, `settle.rs` ends them.

mod draft;
mod issue;
mod settle;
mod totals;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::issue::{Item, finalise, issue};
pub use self::settle::{balance_changed, credited, paid, uncollectible, void};
pub use self::totals::{Off, Reduction, TAX_RATE, Totals};
use super::body::{Metadata, amount, quantity};
use super::coupons::Coupon;
use super::credit_notes::CreditNote;
use super::customers::{self, Customer};
use super::dunning::Dunning;
use super::listing::list;
use super::notices::Notice;
use super::pages::file;
use super::payments::Payment;
use super::plans::Plan;
use super::state::State;
use super::subscriptions::Subscription;
use super::{Operation, World, revrec};
use crate::api::{Action, Call, Fault, Noun, Reply, Site, read, write};
use crate::billing::period::Window;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Ids, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listInvoices", "/v1/invoices", list_all),
        write("createInvoice", Method::POST, "/v1/invoices", draft::create),
        read("getInvoice", "/v1/invoices/{id}", get),
        write("updateInvoice", Method::PATCH, "/v1/invoices/{id}", draft::update),
        write("deleteInvoice", Method::DELETE, "/v1/invoices/{id}", draft::delete),
        write("addInvoiceLine", Method::POST, "/v1/invoices/{id}/lines", draft::add_line),
        write("removeInvoiceLine", Method::DELETE, "/v1/invoices/{id}/lines/{line_id}", draft::remove_line),
        write("recomputeInvoiceTax", Method::POST, "/v1/invoices/{id}/recompute-tax", draft::recompute_tax),
        write("finalizeInvoice", Method::POST, "/v1/invoices/{id}/finalize", settle::finalize),
        write("payInvoice", Method::POST, "/v1/invoices/{id}/pay", settle::pay),
        write("voidInvoice", Method::POST, "/v1/invoices/{id}/void", settle::void_now),
        write("markInvoiceUncollectible", Method::POST, "/v1/invoices/{id}/mark-uncollectible", settle::write_off),
        read("getInvoicePdf", "/v1/invoices/{id}/pdf", file::address),
        read("getInvoiceRecognitionSchedule", "/v1/invoices/{id}/recognition-schedule", revrec::show),
    ];
    Noun { name: "invoices", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Invoice {
    pub customer: Id<Customer>,
    pub subscription: Option<Id<Subscription>>,
    pub currency: Arc<str>,
    pub status: Status,
    /// Given when it is finalised: year and place in it.
    number: Option<(i16, u32)>,
    issued_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    pub lines: Vec<Line>,
    /// What takes something off it, in this order.
    coupons: Vec<Id<Coupon>>,
    pub totals: Totals,
    pub amount_paid: Decimal,
    /// What credit notes have taken off what is due.
    pub amount_credited: Decimal,
    pub payments: Vec<Id<Payment>>,
    pub credit_notes: Vec<Id<CreditNote>>,
    /// How far collecting it has come, if that went wrong.
    pub dunning: Option<Dunning>,
    metadata: Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The period whose usage it bills, even if there was none.
    pub closes: Option<Window>,
    /// When it was paid in full.
    pub paid_at: Option<Timestamp>,
}

impl Row for Invoice {
    const PREFIX: &'static str = "inv_";
    const NOUN: &'static str = "invoice";
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Line {
    /// Among all lines of the world.
    number: u64,
    pub item: Item,
    discount_amount: Decimal,
    /// What is left of the amount after all discounts.
    pub net: Decimal,
    pub tax_amount: Decimal,
    tax_rate: Decimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Draft,
    Open,
    PartiallyPaid,
    Paid,
    Void,
    Uncollectible,
}

impl Status {
    /// The documented moves (§2.5). A draft may be deleted, too.
    const MOVES: &[(Self, Self)] = &[
        (Self::Draft, Self::Open),
        (Self::Open, Self::PartiallyPaid),
        (Self::Open, Self::Paid),
        (Self::Open, Self::Void),
        (Self::Open, Self::Uncollectible),
        (Self::PartiallyPaid, Self::Paid),
        (Self::PartiallyPaid, Self::Uncollectible),
    ];

    pub fn may_become(self, to: Self) -> bool {
        Self::MOVES.contains(&(self, to))
    }

    pub fn is_payable(self) -> bool {
        matches!(self, Self::Open | Self::PartiallyPaid)
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Open => "Open",
            Self::PartiallyPaid => "Partially paid",
            Self::Paid => "Paid",
            Self::Void => "Void",
            Self::Uncollectible => "Uncollectible",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::PartiallyPaid => "partially_paid",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }
}

impl Invoice {
    pub fn total(&self) -> Decimal {
        self.totals.total
    }

    /// What is still to be paid.
    pub fn amount_due(&self) -> Decimal {
        self.totals.total - self.amount_paid - self.amount_credited
    }

    pub fn coupons(&self) -> &[Id<Coupon>] {
        &self.coupons
    }

    pub fn number_text(&self) -> Option<String> {
        self.number.map(|(year, n)| format!("INV-{year:04}-{n:06}"))
    }

    pub fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    pub fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}

/// The refusal of a move that the table does not have: 422, and nothing has changed.
fn illegal(state: &State, id: Id<Invoice>, action: &str) -> Fault {
    let status = state.invoices[id].status.name();
    let message = format!("The invoice {} is {status}: it cannot be {action}", state.invoices.text(id));
    Fault::unprocessable(message).with_code("invoice.invalid_transition")
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    number: Option<String>,
    customer_id: IdText,
    subscription_id: Option<IdText>,
    currency: &'a str,
    /// Presentment and settlement never differ here, so that no rate is needed.
    presentment_currency: &'a str,
    settlement_currency: &'a str,
    fx_rate: Option<&'a str>,
    fx_rate_source: Option<&'a str>,
    fx_rate_locked_at: Option<Timestamp>,
    status: Status,
    issued_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    lines: Vec<LineBody<'a>>,
    subtotal: String,
    discount: String,
    tax: String,
    total: String,
    amount_paid: String,
    amount_due: String,
    tax_breakdown: Vec<TaxBody<'a>>,
    payments: Vec<IdText>,
    credit_notes: Vec<IdText>,
    pdf_url: Option<String>,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
pub struct LineBody<'a> {
    id: IdText,
    code: Option<&'a str>,
    description: &'a str,
    quantity: String,
    unit_amount: String,
    amount: String,
    period_start: Option<Timestamp>,
    period_end: Option<Timestamp>,
    discount_amount: String,
    tax_amount: String,
    tax_rate: String,
    metadata: &'a Metadata,
}

#[derive(Serialize)]
struct TaxBody<'a> {
    jurisdiction: Option<&'a str>,
    tax_code: Option<&'a str>,
    rate: String,
    taxable_amount: String,
    amount: String,
}

pub fn body<'a>(state: &'a State, id: Id<Invoice>, row: &'a Invoice, site: Site<'_>) -> Body<'a> {
    let money = |value: Decimal| amount(value, &row.currency);
    Body {
        id: state.invoices.text(id),
        object: "invoice",
        number: row.number_text(),
        customer_id: state.customers.text(row.customer),
        subscription_id: row.subscription.map(|id| state.subscriptions.text(id)),
        currency: &row.currency,
        presentment_currency: &row.currency,
        settlement_currency: &row.currency,
        fx_rate: None,
        fx_rate_source: None,
        fx_rate_locked_at: None,
        status: row.status,
        issued_at: row.issued_at,
        due_at: row.due_at,
        lines: row.lines.iter().map(|line| line_body(state, line, &row.currency)).collect(),
        subtotal: money(row.totals.subtotal),
        discount: money(row.totals.discount),
        tax: money(row.totals.tax),
        total: money(row.totals.total),
        amount_paid: money(row.amount_paid),
        amount_due: money(row.amount_due()),
        tax_breakdown: tax_breakdown(state, row),
        payments: row.payments.iter().map(|id| state.payments.text(*id)).collect(),
        credit_notes: row.credit_notes.iter().map(|id| state.credit_notes.text(*id)).collect(),
        pdf_url: row.number.map(|_| pdf_url(state, id, site)),
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Where the file is: the address holds a signature, so that it needs no key.
pub fn pdf_url(state: &State, id: Id<Invoice>, site: Site<'_>) -> String {
    format!("{site}/files/{}", file_token(state, id))
}

/// What the address of the file ends with.
pub fn file_token(state: &State, id: Id<Invoice>) -> String {
    let id_text = state.invoices.text(id);
    let signature = crate::world::hash(state.seed, id_text.as_str().as_bytes());
    format!("{id_text}-{signature:016x}.pdf")
}

fn line_body<'a>(state: &State, line: &'a Line, currency: &str) -> LineBody<'a> {
    let money = |value: Decimal| amount(value, currency);
    let item = &line.item;
    LineBody {
        id: line_id(state, line),
        code: item.code.as_deref(),
        description: &item.description,
        quantity: quantity(item.quantity),
        unit_amount: money(item.unit_amount),
        amount: money(item.amount),
        period_start: item.period.map(|period| period.start),
        period_end: item.period.map(|period| period.end),
        discount_amount: money(line.discount_amount),
        tax_amount: money(line.tax_amount),
        tax_rate: format!("{:.2}", line.tax_rate),
        metadata: &item.metadata,
    }
}

/// Lines stand in no table of their own: their ids follow from their numbers.
pub fn line_id(state: &State, line: &Line) -> IdText {
    Ids::new(state.seed, "line").unlisted("il_", line.number)
}

/// What each kind of thing is taxed with.
fn tax_breakdown<'a>(state: &'a State, row: &'a Invoice) -> Vec<TaxBody<'a>> {
    let mut kinds: Vec<(Option<&str>, Decimal, Decimal)> = Vec::new();
    for line in &row.lines {
        let code = line.item.tax_code(state);
        match kinds.iter_mut().find(|(known, ..)| *known == code) {
            Some((_, net, tax)) => {
                *net += line.net;
                *tax += line.tax_amount;
            }
            None => kinds.push((code, line.net, line.tax_amount)),
        }
    }
    let of = |(tax_code, net, tax): (Option<&'a str>, Decimal, Decimal)| TaxBody {
        jurisdiction: customers::country(state, row.customer),
        tax_code,
        rate: format!("{TAX_RATE:.2}"),
        taxable_amount: amount(net, &row.currency),
        amount: amount(tax, &row.currency),
    };
    kinds.into_iter().map(of).collect()
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.invoices.iter().map(|(id, row)| (id.number(), json!(body(state, id, row, call.site)))))
}

/// Those of one customer.
pub fn list_of(world: &World, call: &Call, customer: Id<Customer>) -> Result<Reply, Fault> {
    let state = &world.state;
    let own = state.invoices.iter().filter(|(_, row)| row.customer == customer);
    list(call, own.map(|(id, row)| (id.number(), json!(body(state, id, row, call.site)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    Ok(show(world, call, id))
}

fn show(world: &World, call: &Call, id: Id<Invoice>) -> Reply {
    Reply::ok(&body(&world.state, id, &world.state.invoices[id], call.site))
}

/// Says what has just happened to an invoice.
pub fn tell(world: &mut World, id: Id<Invoice>, event: &'static str) {
    let row = Arc::clone(&world.state.invoices[id]);
    world.emit(ClockId::WORLD, Notice::Invoice(event, id, row));
}

/// Where a line comes from: a component of a plan, for a period.
pub type Source = (Id<Plan>, u16);
