//! What was billed and what was given back, entry by entry: what reports add up.
//!
//! Facts: paygentic-behaviour §2.14. On the issue date an entry is a whole invoice, or a whole refund on its own date;
//! by billing period it is a line, at the start of what it bills, and its share of the invoice's refund. What was
//! cancelled was never revenue, and neither was a refund that was voided.

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::billing::money;
use crate::providers::paygentic::customers::Customer;
use crate::providers::paygentic::invoices::{Invoice, Kind, LineItem, Refund, Status};
use crate::providers::paygentic::state::State;
use crate::time::Timestamp;
use crate::world::Id;

/// Which date places revenue in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    Issued,
    BillingPeriod,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub invoice: Id<Invoice>,
    pub at: Timestamp,
    pub what: What,
    pub net: Decimal,
    pub tax: Decimal,
    /// What metered lines below zero take off, one by one, with tax.
    pub rebates: Vec<Decimal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Billed,
    Refunded(Id<Refund>),
}

impl Entry {
    pub fn gross(&self) -> Decimal {
        self.net.saturating_add(self.tax)
    }

    /// What it adds to revenue.
    pub fn revenue(&self) -> Decimal {
        match self.what {
            What::Billed => self.net,
            What::Refunded(_) => -self.net,
        }
    }
}

pub fn customer(state: &State, invoice: Id<Invoice>) -> Id<Customer> {
    state.subscriptions[state.invoices[invoice].subscription].customer
}

pub fn currency(state: &State, invoice: Id<Invoice>) -> &str {
    &state.plans[state.subscriptions[state.invoices[invoice].subscription].plan].currency
}

/// All entries of some issued invoices, and of their refunds.
pub fn entries(state: &State, basis: Basis, kept: impl Fn(Id<Invoice>) -> bool) -> Vec<Entry> {
    let counts = |id: Id<Invoice>, row: &Invoice| row.status != Status::Cancelled && kept(id);
    let mut entries = Vec::new();
    for (invoice, row) in state.invoices.iter() {
        let Some(issued_at) = row.issued_at.filter(|_| counts(invoice, row)) else { continue };
        let entry = |at, net, tax, rebates| Entry { invoice, at, what: What::Billed, net, tax, rebates };
        match basis {
            Basis::Issued => {
                let rebates = lines(state, row).filter_map(rebate).collect();
                entries.push(entry(issued_at, row.totals.net, row.totals.tax, rebates));
            }
            Basis::BillingPeriod => entries.extend(
                lines(state, row)
                    .map(|line| entry(line.window.start, line.net, line.tax, rebate(line).into_iter().collect())),
            ),
        }
    }
    for (refund, row) in state.refunds.iter() {
        let (invoice, what, rebates) = (row.invoice, What::Refunded(refund), Vec::new());
        let billed = &state.invoices[invoice];
        if row.voided_at.is_some() || !counts(invoice, billed) {
            continue;
        }
        match basis {
            Basis::Issued => {
                entries.push(Entry { invoice, at: row.created_at, what, net: row.net, tax: row.tax, rebates });
            }
            Basis::BillingPeriod => {
                let whole = money::sum(lines(state, billed).map(|line| line.net));
                entries.extend(lines(state, billed).map(|line| {
                    let share = |of: Decimal| of.saturating_mul(line.net).checked_div(whole).unwrap_or_default();
                    let (net, tax) = (share(row.net), share(row.tax));
                    Entry { invoice, at: line.window.start, what, net, tax, rebates: Vec::new() }
                }));
            }
        }
    }
    entries
}

fn lines<'a>(state: &'a State, invoice: &'a Invoice) -> impl Iterator<Item = &'a LineItem> {
    invoice.lines.iter().map(|id| &*state.line_items[*id])
}

/// What a metered line below zero takes off, with tax.
fn rebate(line: &LineItem) -> Option<Decimal> {
    let amount = line.net.saturating_add(line.tax);
    (line.kind == Kind::Metered && amount < Decimal::ZERO).then_some(-amount)
}
