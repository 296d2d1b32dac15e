//! A subscription on the wire.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Elapsed, Status, Subscription, VersionPolicy};
use crate::api::Site;
use crate::billing::money;
use crate::providers::paygentic::World;
use crate::providers::paygentic::invoices::{Status as InvoiceStatus, tax_rate};
use crate::providers::paygentic::payment_sessions::{self, Status as SessionStatus};
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, IdText, hash};

/// The newest shape with the fields of the older guide beside it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    customer_id: IdText,
    name: &'a str,
    plan_id: IdText,
    plan_version_id: IdText,
    version_number: u32,
    version_policy: VersionPolicy,
    status: Status,
    started_at: Timestamp,
    ending_at: Option<Timestamp>,
    billing_anchor: Timestamp,
    billing_cadence: Cadence,
    billing_starts_at: Timestamp,
    elapsed_period_billing: Elapsed,
    auto_charge: bool,
    auto_approve: Option<bool>,
    tax_exempt: bool,
    estimated_tax_rate: f64,
    payment: Value,
    payment_term_days: u32,
    renewal_reminder_enabled: Option<bool>,
    renewal_reminder_days: Option<u32>,
    terminated_at: Option<Timestamp>,
    terminated_by: Option<&'a str>,
    termination_reason: Option<&'a str>,
    termination_change_reason: Option<&'a str>,
    test_clock_id: Option<IdText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
    items: Vec<Value>,
    prefund_amount: Option<String>,
    wallet_id: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// `include=customer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) customer: Option<Value>,
}

pub fn body<'a>(world: &'a World, id: Id<Subscription>, row: &'a Subscription, site: Site<'_>) -> Body<'a> {
    let state = &world.state;
    let ended = row.termination.as_deref();
    Body {
        id: state.subscriptions.text(id),
        object: "subscription",
        merchant_id: &state.customers[row.customer].merchant,
        customer_id: state.customers.text(row.customer),
        name: &row.name,
        plan_id: state.plans.text(row.plan),
        plan_version_id: state.plan_versions.text(row.version),
        version_number: state.plan_versions[row.version].number,
        version_policy: row.version_policy,
        status: row.status,
        started_at: row.started_at,
        ending_at: row.ending_at,
        billing_anchor: row.anchor,
        billing_cadence: row.cadence,
        billing_starts_at: row.billing_starts_at,
        elapsed_period_billing: row.elapsed,
        auto_charge: row.auto_charge,
        auto_approve: Some(true),
        tax_exempt: row.tax_exempt,
        estimated_tax_rate: f64::try_from(tax_rate(state, row, None)).unwrap_or_default(),
        payment: payment(world, row, site),
        payment_term_days: row.payment_term_days,
        renewal_reminder_enabled: row.reminder_enabled,
        renewal_reminder_days: row.reminder_days,
        terminated_at: ended.map(|ended| ended.at),
        terminated_by: ended.map(|ended| &*ended.by),
        termination_reason: ended.map(|ended| &*ended.reason),
        termination_change_reason: ended.and_then(|ended| ended.change_reason.as_deref()),
        test_clock_id: row.test_clock.map(|clock| state.test_clocks.text(clock)),
        metadata: row.metadata.as_deref(),
        items: items(world, row),
        prefund_amount: row.prefund.map(money::atomic),
        wallet_id: format!("acc_{:016x}", hash(state.seed, &row.customer.number().to_le_bytes())),
        created_at: row.created_at,
        updated_at: row.updated_at,
        customer: None,
    }
}

/// What is to be paid before the subscription starts, and how it went (§2.7).
fn payment(world: &World, row: &Subscription, site: Site<'_>) -> Value {
    let state = &world.state;
    let currency = &state.plans[row.plan].currency;
    let first = row.first_invoice.map(|id| (id, &state.invoices[id]));
    if let Some(session) = row.session.filter(|id| state.sessions[*id].status == SessionStatus::Pending) {
        let owed = first.filter(|(_, invoice)| invoice.is_owed());
        let upfront = owed.map(|(_, invoice)| invoice.totals.gross()).unwrap_or_default();
        let mut body = json!({
            "status": "pending",
            "amount": money::major(state.sessions[session].amount, currency),
            "breakdown": {
                "upfrontCharges": money::major(upfront, currency),
                "walletCharge": money::major(row.prefund.unwrap_or_default(), currency),
            },
            "checkoutUrl": payment_sessions::url(state, session, site),
            "paymentSessionId": state.sessions.text(session),
        });
        if let Some((id, _)) = first {
            body["invoiceId"] = json!(state.invoices.text(id));
        }
        return body;
    }
    match first {
        Some((id, invoice)) if invoice.status == InvoiceStatus::Paid && invoice.totals.gross().is_zero() => {
            json!({ "status": "paid", "invoiceId": state.invoices.text(id), "amount": "0" })
        }
        _ => Value::Null,
    }
}

fn items(world: &World, row: &Subscription) -> Vec<Value> {
    let price = |item: &super::Item| world.state.prices[item.price].rate.of(item.quantity);
    let item = |item: &super::Item| {
        json!({
            "billableMetricId": item.metric,
            "quantity": f64::try_from(item.quantity).unwrap_or_default(),
            "unitPrice": money::plain(price(item).unit_price),
            "total": money::plain(price(item).amount),
        })
    };
    row.items.iter().map(item).collect()
}
