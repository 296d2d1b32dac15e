//! An invoice on the wire.

use serde::Serialize;
use serde_json::{Map, Value};

use super::lines::InvoiceLines;
use super::{Invoice, Number, Status, estimate};
use crate::api::Site;
use crate::billing::money::major;
use crate::providers::paygentic::World;
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, IdText};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    pub(super) id: IdText,
    pub(super) object: &'static str,
    pub(super) merchant_id: &'a str,
    pub(super) customer_id: IdText,
    pub(super) subscription_id: IdText,
    pub(super) status: Status,
    pub(super) sequence_number: u32,
    pub(super) invoice_number: Option<String>,
    pub(super) currency: &'a str,
    pub(super) subtotal: String,
    pub(super) total_tax: String,
    pub(super) grand_total: String,
    pub(super) paid_amount: String,
    pub(super) unpaid_amount: String,
    pub(super) item_count: usize,
    pub(super) line_items: Option<InvoiceLines<'a>>,
    pub(super) period_start: Timestamp,
    pub(super) period_end: Timestamp,
    pub(super) grace_period_end: Timestamp,
    pub(super) billing_anchor: Timestamp,
    pub(super) billing_cadence: Cadence,
    pub(super) auto_approve: bool,
    pub(super) next_action_at: Option<Timestamp>,
    pub(super) issued_at: Option<Timestamp>,
    pub(super) due_at: Option<Timestamp>,
    pub(super) paid_at: Option<Timestamp>,
    pub(super) payment_url: Option<String>,
    /// Of the answer to a GET by id only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payment_in_flight: Option<bool>,
    pub(super) pdf_url: Option<String>,
    pub(super) pdf_source: Option<&'static str>,
    pub(super) permalink: Option<String>,
    pub(super) tax: Option<Value>,
    pub(super) metadata: Map<String, Value>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

pub fn body<'a>(world: &'a World, id: Id<Invoice>, row: &Invoice, site: Site<'_>) -> Body<'a> {
    let state = &world.state;
    let subscription = &state.subscriptions[row.subscription];
    let currency: &str = &state.plans[subscription.plan].currency;
    let totals = if row.is_final() { row.totals } else { estimate(state, id) };
    let gross = totals.gross();
    let paid = if row.status == Status::Paid { gross } else { rust_decimal::Decimal::ZERO };
    let unpaid = if row.status == Status::Cancelled { rust_decimal::Decimal::ZERO } else { gross - paid };
    let payable = row.status == Status::Issued && !unpaid.is_zero();
    Body {
        id: state.invoices.text(id),
        object: "invoice",
        merchant_id: &state.customers[subscription.customer].merchant,
        customer_id: state.customers.text(subscription.customer),
        subscription_id: state.subscriptions.text(row.subscription),
        status: row.status,
        sequence_number: row.sequence,
        invoice_number: row.number.map(|number| number.to_string()),
        currency,
        subtotal: major(totals.net, currency),
        total_tax: major(totals.tax, currency),
        grand_total: major(gross, currency),
        paid_amount: major(paid, currency),
        unpaid_amount: major(unpaid, currency),
        item_count: row.lines.len() + usize::from(row.purchase.is_some()),
        line_items: None,
        period_start: row.window.start,
        period_end: row.window.end,
        grace_period_end: row.grace_end,
        billing_anchor: subscription.anchor,
        billing_cadence: subscription.cadence,
        auto_approve: true,
        next_action_at: match row.status {
            Status::Active => Some(row.moment),
            Status::Closing => Some(row.grace_end),
            _ => None,
        },
        issued_at: row.issued_at,
        due_at: row.due_at,
        paid_at: row.paid_at,
        payment_url: payable.then(|| format!("{site}/portal/invoice/{}", state.invoices.text(id))),
        payment_in_flight: None,
        pdf_url: None,
        pdf_source: row.is_issued().then_some("paygentic"),
        permalink: None,
        tax: None,
        metadata: Map::new(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "INV-{:04}-{:02}-{:03}", self.year, self.month, self.count)
    }
}
