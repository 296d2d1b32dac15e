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
        "entitlements",
        &[
            ("listEntitlements", Method::GET, "/v1/entitlements"),
            ("issueEntitlement", Method::POST, "/v1/entitlements"),
            ("getEntitlement", Method::GET, "/v1/entitlements/{entitlementId}"),
        ],
    ),
    (
        "external_references",
        &[
            ("createExternalReference", Method::POST, "/v0/externalReferences"),
            ("listExternalReferences", Method::GET, "/v0/externalReferences"),
            ("getExternalReference", Method::GET, "/v0/externalReferences/{id}"),
            ("updateExternalReference", Method::PATCH, "/v0/externalReferences/{id}"),
            ("deleteExternalReference", Method::DELETE, "/v0/externalReferences/{id}"),
        ],
    ),
    (
        "features",
        &[
            ("listFeatures", Method::GET, "/v0/features"),
            ("createFeature", Method::POST, "/v0/features"),
            ("getFeature", Method::GET, "/v0/features/{id}"),
            ("updateFeature", Method::PATCH, "/v0/features/{id}"),
            ("deleteFeature", Method::DELETE, "/v0/features/{id}"),
        ],
    ),
    (
        "grants",
        &[
            ("listEntitlementGrants", Method::GET, "/v1/entitlements/{entitlementId}/grants"),
            ("createEntitlementGrant", Method::POST, "/v1/entitlements/{entitlementId}/grants"),
            ("purchaseEntitlementGrant", Method::POST, "/v1/entitlements/{entitlementId}/grants/purchase"),
            ("getEntitlementGrant", Method::GET, "/v1/entitlements/{entitlementId}/grants/{grantId}"),
            ("voidEntitlementGrant", Method::DELETE, "/v1/entitlements/{entitlementId}/grants/{grantId}"),
        ],
    ),
    ("invoices", &[("createLineItem", Method::POST, "/v2/invoices/lineItems")]),
    (
        "items",
        &[
            ("createItem", Method::POST, "/v0/items"),
            ("listItems", Method::GET, "/v0/items"),
            ("getItem", Method::GET, "/v0/items/{id}"),
            ("updateItem", Method::PATCH, "/v0/items/{id}"),
        ],
    ),
    (
        "merchant_integrations",
        &[
            ("listMerchantIntegrations", Method::GET, "/v0/merchantIntegrations"),
            ("upsertMerchantIntegration", Method::PUT, "/v0/merchantIntegrations"),
            ("getMerchantIntegration", Method::GET, "/v0/merchantIntegrations/{id}"),
            ("disconnectMerchantIntegration", Method::PATCH, "/v0/merchantIntegrations/{id}/disconnect"),
        ],
    ),
    ("merchants", &[("resetMerchant", Method::POST, "/v0/merchants/{merchantId}/reset")]),
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
    (
        "plans",
        &[
            ("listPlanVersions", Method::GET, "/v0/plans/{id}/versions"),
            ("mintPlanVersion", Method::POST, "/v0/plans/{id}/versions"),
            ("getPlanVersion", Method::GET, "/v0/plans/{id}/versions/{versionNumber}"),
            ("transitionPlanVersion", Method::PATCH, "/v0/plans/{id}/versions/{versionNumber}"),
        ],
    ),
    ("salesforce", &[("listSalesforceAccounts", Method::GET, "/v0/integrations/salesforce/accounts")]),
    (
        "subscriptions",
        &[
            ("getSubscriptionIntervals", Method::GET, "/v0/subscriptions/{id}/intervals"),
            ("editSubscriptionIntervals", Method::POST, "/v0/subscriptions/{id}/intervals"),
            ("migrateSubscriptionVersion", Method::POST, "/v0/subscriptions/{id}/versionMigration"),
            ("listSubscriptionIntervalChanges", Method::GET, "/v0/subscriptions/{id}/intervalChanges"),
            ("listIntervalChanges", Method::GET, "/v0/intervalChanges"),
            ("reconcileSubscriptionFeatures", Method::POST, "/v0/subscriptions/{id}/reconciliations"),
            ("listSubscriptionAdjustments", Method::GET, "/v0/subscriptions/{id}/adjustments"),
            ("createSubscriptionAdjustment", Method::POST, "/v0/subscriptions/{id}/adjustments"),
            ("deleteSubscriptionAdjustment", Method::DELETE, "/v0/subscriptions/{id}/adjustments/{adjustmentId}"),
        ],
    ),
    ("users", &[("getUser", Method::GET, "/v0/users/{id}"), ("updateUser", Method::PATCH, "/v0/users/{id}")]),
];

pub fn nouns() -> Vec<Noun<Action<State>>> {
    let noun = |(name, rows): &(&'static str, Rows)| Noun {
        name,
        operations: rows.iter().map(|(id, method, path)| planned(id, method.clone(), path)).collect(),
    };
    PLANNED.iter().map(noun).collect()
}
