//! Revenue: what was billed in a span, less what was given back, both without tax.
//!
//! Facts: paygentic-behaviour §2.14, paygentic-contract (shapes). Billings, not cash: an invoice counts whatever has
//! become of it. `ledger.rs` has the entries, `accounts.rs` what is owed today.

mod accounts;
mod groups;
mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use self::groups::{By, Groups};
use self::ledger::What;
pub use self::ledger::{Basis, Entry, currency, customer, entries};
use super::Operation;
use super::World;
use super::costs::Bounds;
use super::invoices::{Invoice, Status};
use super::payment_sessions::Status as SessionStatus;
use super::payments::Payment;
use super::state::{State, mine, primary_currency};
use crate::api::{Action, Call, Fault, Noun, Reply, read};
use crate::billing::money;
use crate::billing::period::{Window, WindowSize};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::Id;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("getRevenue", "/v0/revenue", get),
        read("getRevenueAccounts", "/v0/revenue/accounts", accounts::index),
    ];
    Noun { name: "revenue", operations }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    start_time: Timestamp,
    end_time: Timestamp,
    bucket_width: Width,
    merchant_id: Option<String>,
    customer_id: Option<String>,
    subscription_ids: Option<Vec<String>>,
    currency: Option<Arc<str>>,
    group_by: Option<GroupBy>,
    period_basis: Basis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum GroupBy {
    Plan,
    Customer,
    Currency,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Width {
    Hour,
    Day,
    Week,
}

impl Width {
    /// The start of the bucket that holds an instant; weeks begin on Monday.
    fn start_of(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Hour => WindowSize::Hour.start_of(at),
            Self::Day => WindowSize::Day.start_of(at),
            Self::Week => {
                let day = WindowSize::Day.start_of(at);
                let since_monday = i64::from(day.civil().date().weekday().to_monday_zero_offset());
                day.plus_millis(-since_monday * 86_400_000).unwrap_or(Timestamp::MIN)
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    object: &'static str,
    #[serde(flatten)]
    figures: Option<Figures>,
    #[serde(flatten)]
    returned: Option<Returned>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_breakdown: Option<Vec<groups::Body>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency_breakdown: Option<Vec<Figures>>,
    /// Only where the span holds nothing: where there is something, or `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    revenue_range: Option<Bounds>,
}

/// What there is to say in one currency.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    currency: Arc<str>,
    net_revenue: String,
    invoices: Invoices,
    payments: Payments,
    trend: Vec<Bucket>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Returned {
    total_refunds: String,
    refund_count: usize,
    total_rebates: String,
    rebate_count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invoices {
    issued: Amount,
    outstanding: Amount,
    paid: Amount,
    written_off: Amount,
}

/// How many, and what they come to with tax.
#[derive(Serialize)]
pub struct Amount {
    count: usize,
    amount: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payments {
    completed_count: usize,
    completed_amount: String,
    pending_count: usize,
    pending_amount: String,
    expired_count: usize,
    expired_amount: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    timestamp: Timestamp,
    revenue: String,
    issued_invoices: String,
    written_off_invoices: String,
    completed_payments: String,
    rebates: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_breakdown: Option<Vec<groups::Trend>>,
}

/// A payment at the instant that its state dates from.
struct Paid {
    at: Timestamp,
    status: SessionStatus,
    amount: Decimal,
    currency: Arc<str>,
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let query: Query = call.filter()?;
    if query.end_time < query.start_time {
        let message = format!("{} is before startTime={}", query.end_time, query.start_time);
        return Err(Fault::violations(vec![Violation::query("endTime", "minimum", message)]));
    }
    let window = Window { start: query.start_time, end: query.end_time };
    let (all, paid) = (invoiced(state, &query), paid(state, &query));
    let of_span: Vec<&Entry> = all.iter().filter(|entry| window.contains(entry.at)).collect();
    let paid: Vec<&Paid> = paid.iter().filter(|paid| window.contains(paid.at)).collect();

    let primary = primary_currency(state, query.merchant_id.as_deref());
    let sheet = |code: &Arc<str>| Sheet {
        state,
        width: query.bucket_width,
        currency: Arc::clone(code),
        entries: of_span.iter().copied().filter(|entry| *currency(state, entry.invoice) == **code).collect(),
        paid: paid.iter().copied().filter(|paid| paid.currency == *code).collect(),
    };
    if query.group_by == Some(GroupBy::Currency) {
        let known = of_span.iter().map(|entry| Arc::from(currency(state, entry.invoice)));
        let known: BTreeSet<Arc<str>> = known.chain(paid.iter().map(|paid| Arc::clone(&paid.currency))).collect();
        let mut codes: Vec<Arc<str>> = query.currency.map_or_else(|| known.into_iter().collect(), |code| vec![code]);
        codes.sort_by_key(|code| *code != primary);
        let sheets: Vec<Sheet<'_>> = codes.iter().map(sheet).collect();
        let nothing = sheets.iter().all(|sheet| sheet.entries.is_empty());
        return Ok(Reply::ok(&Summary {
            object: "revenue_summary",
            figures: None,
            returned: None,
            group_breakdown: None,
            currency_breakdown: Some(sheets.iter().map(|sheet| sheet.figures(None)).collect()),
            revenue_range: nothing.then(|| bounds(state, &all, None)),
        }));
    }
    let sheet = sheet(query.currency.as_ref().unwrap_or(&primary));
    let by = match query.group_by {
        Some(GroupBy::Plan) => Some(By::Plan),
        Some(GroupBy::Customer) => Some(By::Customer),
        Some(GroupBy::Currency) | None => None,
    };
    let groups = by.map(|by| Groups::new(state, by, &sheet.entries));
    Ok(Reply::ok(&Summary {
        object: "revenue_summary",
        figures: Some(sheet.figures(groups.as_ref())),
        returned: Some(sheet.returned()),
        group_breakdown: groups.as_ref().map(|groups| groups.bodies(&sheet.entries, &sheet.currency)),
        currency_breakdown: None,
        revenue_range: sheet.entries.is_empty().then(|| bounds(state, &all, Some(&sheet.currency))),
    }))
}

/// The entries that a query is about, of all time and in any currency.
fn invoiced(state: &State, query: &Query) -> Vec<Entry> {
    let customer = query.customer_id.as_deref().map(|text| state.customers.find(text));
    let named = query.subscription_ids.as_ref();
    let subscriptions: Option<BTreeSet<_>> =
        named.map(|named| named.iter().filter_map(|text| state.subscriptions.find(text)).collect());
    entries(state, query.period_basis, |id| {
        let owner = ledger::customer(state, id);
        mine(query.merchant_id.as_deref(), &state.customers[owner].merchant)
            && customer.is_none_or(|wanted| wanted == Some(owner))
            && subscriptions.as_ref().is_none_or(|wanted| wanted.contains(&state.invoices[id].subscription))
    })
}

/// The payments that a query is about. They are no subscription's, so `subscriptionIds` does not narrow them.
fn paid(state: &State, query: &Query) -> Vec<Paid> {
    let customer = query.customer_id.as_deref().map(|text| state.customers.find(text));
    let kept = |row: &Payment| {
        mine(query.merchant_id.as_deref(), &row.merchant)
            && customer.is_none_or(|wanted| wanted.is_some() && wanted == row.customer)
    };
    let paid = |row: &Payment| {
        let session = &state.sessions[row.session];
        let at = match session.status {
            SessionStatus::Completed => session.completed_at.unwrap_or(session.updated_at),
            SessionStatus::Expired => session.expires_at,
            _ => row.created_at,
        };
        Paid { at, status: session.status, amount: row.amount, currency: Arc::clone(&row.currency) }
    };
    state.payments.iter().map(|(_, row)| row).filter(|row| kept(row)).map(|row| paid(row)).collect()
}

/// Between which issues of invoices there is revenue at all.
pub fn bounds(state: &State, entries: &[Entry], code: Option<&str>) -> Bounds {
    let kept = entries.iter().filter(|entry| code.is_none_or(|code| code == currency(state, entry.invoice)));
    kept.filter_map(|entry| state.invoices[entry.invoice].issued_at).collect()
}

/// The entries and payments of a span, all in one currency.
struct Sheet<'a> {
    state: &'a State,
    width: Width,
    currency: Arc<str>,
    entries: Vec<&'a Entry>,
    paid: Vec<&'a Paid>,
}

/// What a bucket of time adds up to.
#[derive(Default)]
struct Sums<'a> {
    entries: Vec<&'a Entry>,
    payments: Decimal,
}

impl<'a> Sheet<'a> {
    fn figures(&self, groups: Option<&Groups>) -> Figures {
        Figures {
            currency: Arc::clone(&self.currency),
            net_revenue: self.major(revenue(self.entries.iter().copied())),
            invoices: Invoices {
                issued: amount(self.state, &self.entries, &self.currency, |_| true),
                outstanding: amount(self.state, &self.entries, &self.currency, Invoice::is_owed),
                paid: amount(self.state, &self.entries, &self.currency, is_paid),
                written_off: amount(self.state, &self.entries, &self.currency, is_written_off),
            },
            payments: self.payments(),
            trend: self.trend(groups),
        }
    }

    fn major(&self, amount: Decimal) -> String {
        money::major(amount, &self.currency)
    }

    fn returned(&self) -> Returned {
        let refunds = self.entries.iter().filter_map(|entry| match entry.what {
            What::Refunded(refund) => Some((refund, entry.gross())),
            What::Billed => None,
        });
        let refunds: Vec<_> = refunds.collect();
        let rebates = self.entries.iter().flat_map(|entry| &entry.rebates);
        Returned {
            total_refunds: self.major(money::sum(refunds.iter().map(|(_, gross)| *gross))),
            refund_count: refunds.iter().map(|(refund, _)| *refund).collect::<BTreeSet<_>>().len(),
            total_rebates: self.major(money::sum(rebates.clone().copied())),
            rebate_count: rebates.count(),
        }
    }

    fn payments(&self) -> Payments {
        let of = |status: SessionStatus| {
            let paid = self.paid.iter().filter(move |paid| paid.status == status);
            (paid.clone().count(), self.major(money::sum(paid.map(|paid| paid.amount))))
        };
        let (completed_count, completed_amount) = of(SessionStatus::Completed);
        let (pending_count, pending_amount) = of(SessionStatus::Pending);
        let (expired_count, expired_amount) = of(SessionStatus::Expired);
        Payments { completed_count, completed_amount, pending_count, pending_amount, expired_count, expired_amount }
    }

    /// The buckets that hold anything, in time order.
    fn trend(&self, groups: Option<&Groups>) -> Vec<Bucket> {
        let mut buckets: BTreeMap<Timestamp, Sums<'a>> = BTreeMap::new();
        for entry in &self.entries {
            buckets.entry(self.width.start_of(entry.at)).or_default().entries.push(entry);
        }
        for paid in self.paid.iter().filter(|paid| paid.status == SessionStatus::Completed) {
            let sums = buckets.entry(self.width.start_of(paid.at)).or_default();
            sums.payments = sums.payments.saturating_add(paid.amount);
        }
        let bucket = |(timestamp, Sums { entries, payments }): (Timestamp, Sums<'a>)| Bucket {
            timestamp,
            revenue: self.major(revenue(entries.iter().copied())),
            issued_invoices: self.major(billed(entries.iter().copied())),
            // Nothing writes an invoice off.
            written_off_invoices: self.major(Decimal::ZERO),
            completed_payments: self.major(payments),
            rebates: self.major(money::sum(entries.iter().flat_map(|entry| &entry.rebates).copied())),
            group_breakdown: groups.map(|groups| groups.trend(&entries, &self.currency)),
        };
        buckets.into_iter().map(bucket).collect()
    }
}

/// What entries come to, refunds taken off.
pub fn revenue<'a>(entries: impl Iterator<Item = &'a Entry>) -> Decimal {
    money::sum(entries.map(Entry::revenue))
}

/// What was billed, before refunds.
fn billed<'a>(entries: impl Iterator<Item = &'a Entry>) -> Decimal {
    money::sum(entries.filter(|entry| entry.what == What::Billed).map(|entry| entry.net))
}

fn is_paid(invoice: &Invoice) -> bool {
    invoice.status == Status::Paid
}

fn is_written_off(invoice: &Invoice) -> bool {
    invoice.status == Status::WrittenOff
}

/// The invoices of a kind among some entries.
fn amount(state: &State, entries: &[&Entry], currency: &str, kept: impl Fn(&Invoice) -> bool) -> Amount {
    let billed = entries.iter().filter(|entry| entry.what == What::Billed && kept(&state.invoices[entry.invoice]));
    let invoices: BTreeSet<Id<Invoice>> = billed.clone().map(|entry| entry.invoice).collect();
    Amount { count: invoices.len(), amount: money::major(money::sum(billed.map(|entry| entry.gross())), currency) }
}
