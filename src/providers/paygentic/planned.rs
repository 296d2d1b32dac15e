//! Operations of the contract whose behaviour is not built yet: routed, validated, answered with 501
//! and counted by `leapday operations`. A row leaves this file when its noun gets behaviour.

use http::Method;

use super::state::State;
use crate::api::{Action, Noun, planned};

/// Noun, then its operations: id, method, path.
type Rows = &'static [(&'static str, Method, &'static str)];

const PLANNED: &[(&str, Rows)] = &[
    (
        "approvals",
        &[
            ("createApproval", Method::POST, "/v0/approvals"),
            ("listApprovals", Method::GET, "/v0/approvals"),
            ("getApproval", Method::GET, "/v0/approvals/{id}"),
            ("updateApproval", Method::PATCH, "/v0/approvals/{id}"),
        ],
    ),
    (
        "billing_schedules",
        &[
            ("listBillingSchedules", Method::GET, "/v0/billingSchedules"),
            ("createBillingSchedule", Method::POST, "/v0/billingSchedules"),
            ("getBillingSchedule", Method::GET, "/v0/billingSchedules/{id}"),
            ("updateBillingSchedule", Method::PATCH, "/v0/billingSchedules/{id}"),
            ("deleteBillingSchedule", Method::DELETE, "/v0/billingSchedules/{id}"),
            ("listScheduleIntervals", Method::GET, "/v0/billingSchedules/{id}/intervals"),
            ("replaceScheduleIntervals", Method::PUT, "/v0/billingSchedules/{id}/intervals"),
            ("listScheduleInvoices", Method::GET, "/v0/billingSchedules/{id}/invoices"),
            ("generateScheduleInvoices", Method::POST, "/v0/billingSchedules/{id}/invoices"),
        ],
    ),
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
    ("invoices", &[("createLineItem", Method::POST, "/v2/invoices/lineItems")]),
    (
        "orders",
        &[
            ("createOrder", Method::POST, "/v0/orders"),
            ("listOrders", Method::GET, "/v0/orders"),
            ("getOrder", Method::GET, "/v0/orders/{id}"),
            ("updateOrder", Method::PATCH, "/v0/orders/{id}"),
            ("deleteOrder", Method::DELETE, "/v0/orders/{id}"),
            ("createOrderLineItem", Method::POST, "/v0/orders/{orderId}/lineItems"),
            ("updateOrderLineItem", Method::PATCH, "/v0/orders/{orderId}/lineItems/{id}"),
            ("deleteOrderLineItem", Method::DELETE, "/v0/orders/{orderId}/lineItems/{id}"),
            ("createOrderApproval", Method::POST, "/v0/orders/{orderId}/approvals"),
        ],
    ),
    ("profitability", &[("getProfitability", Method::GET, "/v0/profitability")]),
    (
        "revenue",
        &[("getRevenue", Method::GET, "/v0/revenue"), ("getRevenueAccounts", Method::GET, "/v0/revenue/accounts")],
    ),
    (
        "subscriptions",
        &[
            ("listSubscriptionAdjustments", Method::GET, "/v0/subscriptions/{id}/adjustments"),
            ("createSubscriptionAdjustment", Method::POST, "/v0/subscriptions/{id}/adjustments"),
            ("deleteSubscriptionAdjustment", Method::DELETE, "/v0/subscriptions/{id}/adjustments/{adjustmentId}"),
        ],
    ),
];

pub fn nouns() -> Vec<Noun<Action<State>>> {
    let noun = |(name, rows): &(&'static str, Rows)| Noun {
        name,
        operations: rows.iter().map(|(id, method, path)| planned(id, method.clone(), path)).collect(),
    };
    PLANNED.iter().map(noun).collect()
}
