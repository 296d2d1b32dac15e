//! Profitability: what each customer brings in, less what it costs.
//!
//! Facts: paygentic-behaviour §2.14. Revenue is that of `revenue` by issue date, cost that of `costs`; both in one
//! currency. Deleted customers share a row behind all others.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::billable_metrics::span;
use super::costs::{self, Bounds, Cost};
use super::customers::Customer;
use super::revenue::{self, Basis, Entry};
use super::state::{State, mine, primary_currency};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read};
use crate::billing::money;
use crate::billing::period::Window;
use crate::time::Timestamp;
use crate::world::Id;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![read("getProfitability", "/v0/profitability", get)];
    Noun { name: "profitability", operations }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    merchant_id: String,
    from: Timestamp,
    to: Timestamp,
    #[serde(rename = "topN")]
    top: usize,
    currency: Option<Arc<str>>,
    exclude_empty: bool,
    include_empty: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    object: &'static str,
    currency: Arc<str>,
    rows: Vec<Body>,
    customer_count: usize,
    empty_customer_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_customers: Option<Vec<Body>>,
    warnings: [&'static str; 0],
    /// Only where the span holds no revenue: where there is some, or `null`. The same for costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    revenue_range: Option<Bounds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_range: Option<Bounds>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    customer_id: String,
    customer_name: String,
    net_revenue: String,
    total_cost: String,
    profit: String,
    margin_pct: Option<String>,
    cost_data: CostData,
}

/// Whether usage was recorded against a cost, for all, some or none of those whom a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum CostData {
    Recorded,
    Partial,
    None,
}

/// A row's figures.
#[derive(Debug, Clone, Copy)]
struct Figures {
    revenue: Decimal,
    cost: Decimal,
    data: CostData,
}

type Rows = Vec<(Id<Customer>, Figures)>;

impl Figures {
    fn profit(self) -> Decimal {
        self.revenue.saturating_sub(self.cost)
    }

    fn is_empty(self) -> bool {
        self.revenue.is_zero() && self.cost.is_zero()
    }

    /// Several rows as one.
    fn sum(rows: &[Self]) -> Self {
        let recorded = rows.iter().filter(|row| row.data == CostData::Recorded).count();
        let data = match recorded {
            0 => CostData::None,
            all if all == rows.len() => CostData::Recorded,
            _ => CostData::Partial,
        };
        Self {
            revenue: money::sum(rows.iter().map(|row| row.revenue)),
            cost: money::sum(rows.iter().map(|row| row.cost)),
            data,
        }
    }

    fn body(self, id: String, name: String, currency: &str) -> Body {
        // A margin over a cost that nobody recorded would be a made-up one.
        let known = self.data == CostData::Recorded && self.revenue > Decimal::ZERO;
        Body {
            customer_id: id,
            customer_name: name,
            net_revenue: money::major(self.revenue, currency),
            total_cost: money::major(self.cost, currency),
            profit: money::major(self.profit(), currency),
            margin_pct: money::percent(self.profit(), self.revenue)
                .filter(|_| known)
                .map(|margin| format!("{margin:.2}")),
            cost_data: self.data,
        }
    }
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let query: Query = call.filter()?;
    let window = span(query.from, query.to)?;
    let merchant = Some(&*query.merchant_id);
    let currency = query.currency.clone().unwrap_or_else(|| primary_currency(state, merchant));
    let costs = costs::in_currency(state, merchant, &currency);
    let entries = revenue::entries(state, Basis::Issued, |id| {
        *revenue::currency(state, id) == *currency
            && mine(merchant, &state.customers[revenue::customer(state, id)].merchant)
    });
    let (mut live, deleted) = customers(state, merchant, &entries, &costs, window);
    let revenue_range = live.iter().chain(&deleted).all(|(_, row)| row.revenue.is_zero());
    let cost_range = live.iter().chain(&deleted).all(|(_, row)| row.cost.is_zero());

    let customer_count = live.len();
    let empty_customer_count = live.iter().filter(|(_, row)| row.is_empty()).count();
    // Stable: equals stay in the order in which they came.
    live.sort_by_key(|(_, row)| Reverse(row.profit()));
    let (mut left_out, ranked): (Vec<_>, Vec<_>) =
        live.into_iter().partition(|(_, row)| query.exclude_empty && row.is_empty());
    let (top, rest) = ranked.split_at(query.top.min(ranked.len()));
    left_out.extend(rest.iter().filter(|(_, row)| row.is_empty()));
    let body = |(id, row): &(Id<Customer>, Figures)| {
        let name = state.consumers[state.customers[*id].consumer].name.to_string();
        row.body(state.customers.text(*id).to_string(), name, &currency)
    };
    let together = |rows: &[(Id<Customer>, Figures)], id: &str, name: &str| {
        let figures: Vec<Figures> = rows.iter().map(|(_, row)| *row).collect();
        (!figures.is_empty()).then(|| Figures::sum(&figures).body(id.to_owned(), name.to_owned(), &currency))
    };
    let other = together(rest, "other", "Other");
    let deleted = together(&deleted, "deleted", "Deleted customers");
    Ok(Reply::ok(&Summary {
        object: "profitability_summary",
        rows: top.iter().map(body).chain(other).chain(deleted).collect(),
        customer_count,
        empty_customer_count,
        empty_customers: query.include_empty.then(|| left_out.iter().map(body).collect()),
        warnings: [],
        revenue_range: revenue_range.then(|| revenue::bounds(state, &entries, None)),
        cost_range: cost_range.then(|| costs::bounds(state, &costs, None)),
        currency,
    }))
}

/// What the merchant's customers brought in and cost in a window; apart from them, the deleted ones who did either.
fn customers(
    state: &State,
    merchant: Option<&str>,
    entries: &[Entry],
    costs: &[Id<Cost>],
    window: Window,
) -> (Rows, Rows) {
    let mut revenue: BTreeMap<Id<Customer>, Decimal> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| window.contains(entry.at)) {
        let sum = revenue.entry(revenue::customer(state, entry.invoice)).or_default();
        *sum = sum.saturating_add(entry.revenue());
    }
    let figures = |id: Id<Customer>| {
        let cost = costs::of_customer(state, costs, id, window);
        let data = if cost.is_some() { CostData::Recorded } else { CostData::None };
        Figures { revenue: revenue.get(&id).copied().unwrap_or_default(), cost: cost.unwrap_or_default(), data }
    };
    let owned = state.customers.iter().filter(|(_, row)| mine(merchant, &row.merchant));
    let rows = owned.map(|(id, row)| (row.deleted_at.is_some(), (id, figures(id))));
    let (deleted, live): (Vec<_>, Vec<_>) = rows.partition(|(deleted, _)| *deleted);
    let deleted = deleted.into_iter().map(|(_, row)| row).filter(|(_, row)| !row.is_empty());
    (live.into_iter().map(|(_, row)| row).collect(), deleted.collect())
}
