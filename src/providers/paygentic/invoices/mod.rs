//! Invoices and their lines.
//!
//! Facts: paygentic-behaviour §2.8, §4. An invoice is opened when the previous moment has passed, collects
//! what falls due at the next one, waits out the grace window if it has metered lines, and is issued.

mod body;
mod calculate;
pub mod drafts;
mod expansion;
mod lines;
mod list;
mod manual;
mod pdf;
mod projected;
mod provenance;
mod refunds;
mod settle;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use self::body::{Body, body};
pub use self::calculate::{Charge, Totals, calculate, estimate, reckon, tax_rate};
pub use self::manual::Manual;
pub use self::pdf::{document, quantity, tax_label};
pub use self::projected::pending;
use self::provenance::Applied;
pub use self::refunds::Refund;
pub use self::settle::{LINK_LIFE, Page, link, open_page};
use super::Operation;
use super::grants::Purchase;
use super::items::Item;
use super::payment_sessions::Session;
use super::prices::{Price, Term};
use super::state::State;
use super::subscriptions::Subscription;
use crate::api::{Action, Noun, read, write};
use crate::billing::period::Window;
pub use crate::documents::{date, period, readable};
use crate::time::Timestamp;
use crate::world::{Id, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listInvoices", "/v2/invoices", list::list),
        read("listLineItems", "/v2/invoices/lineItems", lines::list),
        read("listProjectedInvoices", "/v2/invoices/projected", projected::list),
        write("createLineItem", Method::POST, "/v2/invoices/lineItems", manual::create),
        read("getInvoice", "/v2/invoices/{id}", list::get),
        read("getInvoiceLineItems", "/v2/invoices/{id}/lineItems", lines::of_invoice),
        read("downloadInvoicePdf", "/v2/invoices/{id}/pdf", pdf::download),
        write("recordInvoicePayment", Method::POST, "/v2/invoices/{id}/payment", settle::record),
        write("createInvoiceRefund", Method::POST, "/v2/invoices/{id}/refunds", refunds::create),
        read("listInvoiceRefunds", "/v2/invoices/{id}/refunds", refunds::list),
        write("voidInvoiceRefund", Method::POST, "/v2/invoices/{id}/refunds/{refundId}/void", refunds::void),
        write("retryInvoicePayment", Method::POST, "/v2/invoices/{id}/retryPayment", settle::retry),
        write("createInvoiceCheckout", Method::POST, "/v0/invoices/{id}/checkout", settle::checkout),
    ];
    Noun { name: "invoices", operations }
}

/// The lines of an invoice, which holds some itself: most have few.
pub type Lines = SmallVec<[Id<LineItem>; 4]>;

#[derive(Clone, Serialize, Deserialize)]
pub struct Invoice {
    pub subscription: Id<Subscription>,
    pub sequence: u32,
    pub status: Status,
    /// From the earliest start to the latest end of its lines.
    pub window: Window,
    /// When it collects its lines and stops being open.
    pub moment: Timestamp,
    /// Until then late events are counted.
    pub grace_end: Timestamp,
    pub lines: Lines,
    /// What it sells in place of lines: units of an entitlement.
    pub purchase: Option<Id<Purchase>>,
    /// Rounded to the minor unit when issued.
    pub totals: Totals,
    pub number: Option<Number>,
    pub issued_at: Option<Timestamp>,
    pub due_at: Option<Timestamp>,
    pub paid_at: Option<Timestamp>,
    /// The last attempt to collect it.
    pub session: Option<Id<Session>>,
    /// When `retryPayment` was last called: it may be once a minute.
    pub retried_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// `INV-YYYY-MM-NNN`: counted within the month of the invoice's period (inferred from the sample, §2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    pub year: i16,
    pub month: i8,
    pub count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Active,
    Closing,
    Closed,
    Calculating,
    Draft,
    Issued,
    PaymentFailed,
    Paid,
    Cancelled,
    WrittenOff,
    Failed,
    Projected,
}

impl Row for Invoice {
    const PREFIX: &'static str = "inv_";
    const NOUN: &'static str = "invoice";
}

impl Invoice {
    /// Whether it waits for money.
    pub fn is_owed(&self) -> bool {
        matches!(self.status, Status::Issued | Status::PaymentFailed)
    }

    /// Whether its amounts stand: it is issued, cancelled or only projected.
    pub fn is_final(&self) -> bool {
        self.number.is_some() || matches!(self.status, Status::Cancelled | Status::Projected)
    }

    /// Whether it has gone out to the customer.
    pub fn is_issued(&self) -> bool {
        self.issued_at.is_some()
    }
}

/// One charge on an invoice. While the invoice is open the line is pending.
#[derive(Clone, Serialize, Deserialize)]
pub struct LineItem {
    pub subscription: Id<Subscription>,
    /// `None`: added by hand, and no invoice has collected it yet.
    pub invoice: Option<Id<Invoice>>,
    pub source: Source,
    /// What its fee or metric was tagged with when it was calculated; until then the tag of the day counts.
    pub item: Option<Id<Item>>,
    pub kind: Kind,
    pub window: Window,
    pub invoice_at: Timestamp,
    pub term: Option<Term>,
    /// Of a metered line: unknown until it is calculated.
    pub quantity: Option<Decimal>,
    /// What was used, of which `quantity` is charged.
    pub used: Option<Decimal>,
    pub unit_price: Decimal,
    /// Without tax, unrounded.
    pub net: Decimal,
    pub tax: Decimal,
    /// Percent.
    pub tax_rate: Decimal,
    pub calculated_at: Option<Timestamp>,
    /// What rules made of it then, if any did.
    applied: Option<Arc<Applied>>,
    pub created_at: Timestamp,
}

/// What a line charges.
#[derive(Clone, Serialize, Deserialize)]
pub enum Source {
    Price(Billed),
    /// Something added by hand.
    Manual(Arc<Manual>),
}

/// A price on a line.
#[derive(Clone, Serialize, Deserialize)]
pub struct Billed {
    pub price: Id<Price>,
    /// The serial of the interval that is billed.
    pub interval: u32,
    /// The price as it was when the line was drafted: a later edit leaves the open period alone.
    pub terms: Arc<Price>,
}

impl LineItem {
    /// The price that is billed, unless the line was added by hand.
    pub fn billed(&self) -> Option<&Billed> {
        match &self.source {
            Source::Price(billed) => Some(billed),
            Source::Manual(_) => None,
        }
    }

    pub fn description(&self) -> Option<&str> {
        match &self.source {
            Source::Price(_) => None,
            Source::Manual(manual) => manual.description.as_deref(),
        }
    }

    pub fn name(&self) -> &str {
        match &self.source {
            Source::Price(billed) => &billed.terms.display_name,
            Source::Manual(manual) => &manual.name,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Fee,
    Metered,
    Manual,
    /// Takes away from the metered line before it what grants cover.
    Discount,
    /// Takes away from the line before it what was agreed for the subscription.
    Adjustment,
}

impl Row for LineItem {
    const PREFIX: &'static str = "li_";
    const NOUN: &'static str = "line item";
}
