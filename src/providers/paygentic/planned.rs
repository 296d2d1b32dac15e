//! Operations of the contract whose behaviour is not built yet: routed, validated, answered with 501
//! and counted by `leapday operations`. A row leaves this file when its noun gets behaviour.

use http::Method;

use super::state::State;
use crate::api::{Action, Noun, planned};

/// Noun, then its operations: id, method, path.
type Rows = &'static [(&'static str, Method, &'static str)];

const PLANNED: &[(&str, Rows)] = &[
    (
        "costs",
        &[
            ("createCost", Method::POST, "/v0/costs"),
            ("listCosts", Method::GET, "/v0/costs"),
            ("getCost", Method::GET, "/v0/costs/{id}"),
            ("updateCost", Method::PATCH, "/v0/costs/{id}"),
            ("deleteCost", Method::DELETE, "/v0/costs/{id}"),
            ("getCostSummary", Method::GET, "/v0/costs/{id}/summary"),
            ("getCostReport", Method::GET, "/v0/costs/report"),
        ],
    ),
    ("profitability", &[("getProfitability", Method::GET, "/v0/profitability")]),
    (
        "revenue",
        &[("getRevenue", Method::GET, "/v0/revenue"), ("getRevenueAccounts", Method::GET, "/v0/revenue/accounts")],
    ),
];

pub fn nouns() -> Vec<Noun<Action<State>>> {
    let noun = |(name, rows): &(&'static str, Rows)| Noun {
        name,
        operations: rows.iter().map(|(id, method, path)| planned(id, method.clone(), path)).collect(),
    };
    PLANNED.iter().map(noun).collect()
}
