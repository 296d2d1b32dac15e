//! Revenue by plan or by customer: the largest groups, and the rest as one.
//!
//! Facts: paygentic-behaviour §2.14 (5 plans, 25 customers).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{Amount, Entry, amount, billed, customer, is_paid, is_written_off, revenue};
use crate::billing::money;
use crate::providers::paygentic::invoices::Invoice;
use crate::providers::paygentic::state::State;
use crate::world::Id;

/// The key and the label of the groups that are not shown one by one.
const OTHER: (&str, &str) = ("other", "Other");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Plan,
    Customer,
}

impl By {
    /// How many groups there are at most, that of the rest included.
    fn most(self) -> usize {
        match self {
            Self::Plan => 5,
            Self::Customer => 25,
        }
    }

    /// The key of an invoice's group, and what it is called.
    fn group(self, state: &State, invoice: Id<Invoice>) -> (String, String) {
        match self {
            Self::Plan => {
                let plan = state.subscriptions[state.invoices[invoice].subscription].plan;
                (state.plans.text(plan).to_string(), state.plans[plan].name.to_string())
            }
            Self::Customer => {
                let customer = customer(state, invoice);
                let name = &state.consumers[state.customers[customer].consumer].name;
                (state.customers.text(customer).to_string(), name.to_string())
            }
        }
    }
}

/// Which groups are shown.
pub struct Groups<'a> {
    state: &'a State,
    by: By,
    /// Keys and labels, largest revenue first.
    shown: Vec<(String, String)>,
    rest: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    group_key: String,
    group_label: String,
    outstanding: Amount,
    paid: Amount,
    written_off: Amount,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trend {
    group_key: String,
    group_label: String,
    revenue: String,
    issued_invoices: String,
}

impl<'a> Groups<'a> {
    pub fn new(state: &'a State, by: By, entries: &[&Entry]) -> Self {
        let mut sums: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        for entry in entries {
            let sum = sums.entry(by.group(state, entry.invoice)).or_default();
            *sum = sum.saturating_add(entry.revenue());
        }
        let mut ranked: Vec<_> = sums.into_iter().collect();
        // Stable: equals stay in the order of their keys.
        ranked.sort_by_key(|(_, sum)| Reverse(*sum));
        let rest = ranked.len() > by.most();
        if rest {
            ranked.truncate(by.most() - 1);
        }
        Self { state, by, shown: ranked.into_iter().map(|(group, _)| group).collect(), rest }
    }

    /// Entries by the groups that are shown, in their order, the rest last.
    fn split<'e>(&self, entries: &[&'e Entry]) -> Vec<(String, String, Vec<&'e Entry>)> {
        let rest = self.rest.then(|| (OTHER.0.to_owned(), OTHER.1.to_owned()));
        let names = self.shown.iter().cloned().chain(rest);
        let mut groups: Vec<_> = names.map(|(key, label)| (key, label, Vec::new())).collect();
        for entry in entries {
            let (key, _) = self.by.group(self.state, entry.invoice);
            let place = self.shown.iter().position(|(shown, _)| *shown == key).unwrap_or(self.shown.len());
            if let Some((_, _, held)) = groups.get_mut(place) {
                held.push(*entry);
            }
        }
        groups
    }

    pub fn bodies(&self, entries: &[&Entry], currency: &str) -> Vec<Body> {
        let groups = self.split(entries).into_iter();
        let body = |(group_key, group_label, entries): (_, _, Vec<&Entry>)| Body {
            group_key,
            group_label,
            outstanding: amount(self.state, &entries, currency, Invoice::is_owed),
            paid: amount(self.state, &entries, currency, is_paid),
            written_off: amount(self.state, &entries, currency, is_written_off),
        };
        groups.map(body).collect()
    }

    /// The groups that have anything among the entries of a bucket.
    pub fn trend(&self, entries: &[&Entry], currency: &str) -> Vec<Trend> {
        let groups = self.split(entries).into_iter().filter(|(_, _, entries)| !entries.is_empty());
        let trend = |(group_key, group_label, entries): (_, _, Vec<&Entry>)| Trend {
            group_key,
            group_label,
            revenue: money::major(revenue(entries.iter().copied()), currency),
            issued_invoices: money::major(billed(entries.iter().copied()), currency),
        };
        groups.map(trend).collect()
    }
}
