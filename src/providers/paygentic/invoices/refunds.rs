//! Refunds: credit notes over a whole paid invoice, which can be voided.
//!
//! Facts: paygentic-behaviour §2.8. The invoice stays PAID.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Invoice, Status};
use crate::api::{Call, Fault, Reply};
use crate::billing::money::major;
use crate::providers::paygentic::World;
use crate::providers::paygentic::cycle;
use crate::time::Timestamp;
use crate::world::{Id, IdText, Row};

#[derive(Clone, Serialize, Deserialize)]
pub struct Refund {
    pub invoice: Id<Invoice>,
    pub net: Decimal,
    pub tax: Decimal,
    reason: Option<Box<str>>,
    pub created_at: Timestamp,
    pub voided_at: Option<Timestamp>,
}

impl Row for Refund {
    const PREFIX: &'static str = "crn_";
    const NOUN: &'static str = "refund";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    invoice_id: IdText,
    merchant_id: &'a str,
    amount: String,
    tax_amount: String,
    total: String,
    currency: &'a str,
    status: &'static str,
    external_credit_note_id: String,
    permalink: Option<&'a str>,
    pdf_url: Option<&'a str>,
    reason: Option<&'a str>,
    created_at: Timestamp,
    voided_at: Option<Timestamp>,
}

fn body(world: &World, id: Id<Refund>) -> Body<'_> {
    let state = &world.state;
    let row = &state.refunds[id];
    let subscription = &state.subscriptions[state.invoices[row.invoice].subscription];
    let currency: &str = &state.plans[subscription.plan].currency;
    Body {
        object: "invoice_refund",
        id: state.refunds.text(id),
        invoice_id: state.invoices.text(row.invoice),
        merchant_id: &state.customers[subscription.customer].merchant,
        amount: major(row.net, currency),
        tax_amount: major(row.tax, currency),
        total: major(row.net.saturating_add(row.tax), currency),
        currency,
        status: if row.voided_at.is_some() { "VOIDED" } else { "ISSUED" },
        external_credit_note_id: format!("CN-{:06}", id.number() + 1),
        permalink: None,
        pdf_url: None,
        reason: row.reason.as_deref(),
        created_at: row.created_at,
        voided_at: row.voided_at,
    }
}

#[derive(Deserialize)]
struct Reason {
    reason: Option<Box<str>>,
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let Reason { reason } = call.input()?;
    let row = &world.state.invoices[id];
    if row.status != Status::Paid {
        return Err(Fault::bad_request(format!("Only a paid invoice can be refunded; this one is {:?}", row.status)));
    }
    let refunded = world.state.refunds.iter().any(|(_, refund)| refund.invoice == id && refund.voided_at.is_none());
    if refunded {
        return Err(Fault::bad_request("The invoice is refunded already; a refund is always for the whole of it"));
    }
    let (_, now) = cycle::clock_of(world, row.subscription);
    let totals = row.totals;
    let refund = Refund { invoice: id, net: totals.net, tax: totals.tax, reason, created_at: now, voided_at: None };
    let refund = world.state.refunds.insert(refund);
    Ok(Reply::created(&body(world, refund)))
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let rows = world.state.refunds.iter().filter(|(_, refund)| refund.invoice == id);
    let data: Vec<Body<'_>> = rows.map(|(id, _)| body(world, id)).collect();
    Ok(Reply::ok(&json!({ "object": "list", "data": data })))
}

pub(super) fn void(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let refund = call.row("refundId", &world.state.refunds)?;
    let row = &world.state.refunds[refund];
    if row.invoice != id {
        return Err(Fault::no_such(Refund::NOUN, call.segment("refundId")));
    }
    if row.voided_at.is_some() {
        return Err(Fault::bad_request("The refund is voided already"));
    }
    let (_, now) = cycle::clock_of(world, world.state.invoices[id].subscription);
    world.state.refunds.update(refund, |row| row.voided_at = Some(now));
    Ok(Reply::ok(&body(world, refund)))
}
