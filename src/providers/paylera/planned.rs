//! Operations of the contract whose behaviour is not built yet: routed, validated, answered with 501
//! and counted by `leapday operations`. A row leaves this file when its noun gets behaviour.

use http::Method;

use super::state::State;
use crate::api::{Action, Noun, planned};

/// Noun, then its operations: id, method, path.
type Rows = &'static [(&'static str, Method, &'static str)];

const PLANNED: &[(&str, Rows)] = &[
    (
        "affiliates",
        &[
            ("createAffiliateProgramme", Method::POST, "/v1/affiliates/programmes"),
            ("listAffiliateProgrammes", Method::GET, "/v1/affiliates/programmes"),
            ("getAffiliateProgramme", Method::GET, "/v1/affiliates/programmes/{code}"),
            ("createAffiliate", Method::POST, "/v1/affiliates"),
            ("listAffiliates", Method::GET, "/v1/affiliates"),
            ("getAffiliate", Method::GET, "/v1/affiliates/{id}"),
            ("attributeAffiliate", Method::POST, "/v1/affiliates/attribute"),
            ("listAffiliateCommissions", Method::GET, "/v1/affiliates/commissions"),
        ],
    ),
    (
        "checkout_sessions",
        &[
            ("listCheckoutSessions", Method::GET, "/v1/checkout/sessions"),
            ("createCheckoutSession", Method::POST, "/v1/checkout/sessions"),
            ("getCheckoutSession", Method::GET, "/v1/checkout/sessions/{id}"),
            ("expireCheckoutSession", Method::POST, "/v1/checkout/sessions/{id}/expire"),
        ],
    ),
    (
        "credit_notes",
        &[
            ("createCreditNote", Method::POST, "/v1/invoices/{id}/credit-notes"),
            ("listCreditNotes", Method::GET, "/v1/credit-notes"),
            ("getCreditNote", Method::GET, "/v1/credit-notes/{id}"),
        ],
    ),
    (
        "customers",
        &[
            ("listCustomerInvoices", Method::GET, "/v1/customers/{id}/invoices"),
            ("createBillingPortalSession", Method::POST, "/v1/customers/{id}/billing-portal-sessions"),
        ],
    ),
    (
        "dunning",
        &[
            ("getDunningPolicy", Method::GET, "/v1/admin/dunning/policy"),
            ("updateDunningPolicy", Method::PATCH, "/v1/admin/dunning/policy"),
            ("listDunningPolicies", Method::GET, "/v1/admin/dunning/policies"),
        ],
    ),
    (
        "entitlements",
        &[
            ("attach", Method::POST, "/v1/attach"),
            ("check", Method::POST, "/v1/check"),
            ("track", Method::POST, "/v1/track"),
        ],
    ),
    (
        "invoices",
        &[
            ("listInvoices", Method::GET, "/v1/invoices"),
            ("createInvoice", Method::POST, "/v1/invoices"),
            ("getInvoice", Method::GET, "/v1/invoices/{id}"),
            ("updateInvoice", Method::PATCH, "/v1/invoices/{id}"),
            ("deleteInvoice", Method::DELETE, "/v1/invoices/{id}"),
            ("addInvoiceLine", Method::POST, "/v1/invoices/{id}/lines"),
            ("removeInvoiceLine", Method::DELETE, "/v1/invoices/{id}/lines/{line_id}"),
            ("finalizeInvoice", Method::POST, "/v1/invoices/{id}/finalize"),
            ("recomputeInvoiceTax", Method::POST, "/v1/invoices/{id}/recompute-tax"),
            ("payInvoice", Method::POST, "/v1/invoices/{id}/pay"),
            ("voidInvoice", Method::POST, "/v1/invoices/{id}/void"),
            ("markInvoiceUncollectible", Method::POST, "/v1/invoices/{id}/mark-uncollectible"),
            ("getInvoicePdf", Method::GET, "/v1/invoices/{id}/pdf"),
            ("getInvoiceRecognitionSchedule", Method::GET, "/v1/invoices/{id}/recognition-schedule"),
        ],
    ),
    ("payment_providers", &[("verifyPaymentProvider", Method::POST, "/v1/admin/payment-providers/{id}/verify")]),
    (
        "payments",
        &[
            ("listPayments", Method::GET, "/v1/payments"),
            ("getPayment", Method::GET, "/v1/payments/{id}"),
            ("cancelPayment", Method::POST, "/v1/payments/{id}/cancel"),
            ("getPaymentActionUrl", Method::GET, "/v1/payments/{id}/action-url"),
        ],
    ),
    ("portal_sessions", &[("createPortalSession", Method::POST, "/v1/portal/sessions")]),
    (
        "refunds",
        &[
            ("createRefund", Method::POST, "/v1/payments/{id}/refunds"),
            ("listPaymentRefunds", Method::GET, "/v1/payments/{id}/refunds"),
            ("listRefunds", Method::GET, "/v1/refunds"),
            ("getRefund", Method::GET, "/v1/refunds/{id}"),
        ],
    ),
    (
        "revrec",
        &[
            ("closeRevrecPeriod", Method::POST, "/v1/revrec/periods/close"),
            ("listRevrecPeriods", Method::GET, "/v1/revrec/periods"),
        ],
    ),
    (
        "subscriptions",
        &[
            ("listSubscriptions", Method::GET, "/v1/subscriptions"),
            ("createSubscription", Method::POST, "/v1/subscriptions"),
            ("getSubscription", Method::GET, "/v1/subscriptions/{id}"),
            ("updateSubscription", Method::PATCH, "/v1/subscriptions/{id}"),
            ("pauseSubscription", Method::POST, "/v1/subscriptions/{id}/pause"),
            ("resumeSubscription", Method::POST, "/v1/subscriptions/{id}/resume"),
            ("cancelSubscription", Method::POST, "/v1/subscriptions/{id}/cancel"),
            ("reactivateSubscription", Method::POST, "/v1/subscriptions/{id}/reactivate"),
            ("changeSubscriptionPlan", Method::POST, "/v1/subscriptions/{id}/change-plan"),
            ("extendSubscriptionTrial", Method::POST, "/v1/subscriptions/{id}/extend-trial"),
            ("getSubscriptionUsage", Method::GET, "/v1/subscriptions/{id}/usage"),
            ("listSubscriptionEntitlements", Method::GET, "/v1/subscriptions/{id}/entitlements"),
        ],
    ),
    (
        "tax",
        &[
            ("getTaxConfig", Method::GET, "/v1/admin/tax/config"),
            ("setTaxConfig", Method::POST, "/v1/admin/tax/config"),
        ],
    ),
    (
        "usage",
        &[
            ("reportUsage", Method::POST, "/v1/usage"),
            ("reportUsageBatch", Method::POST, "/v1/usage/batch"),
            ("listUsage", Method::GET, "/v1/usage"),
        ],
    ),
    (
        "webhook_endpoints",
        &[
            ("listWebhookEndpoints", Method::GET, "/v1/admin/webhook-endpoints"),
            ("createWebhookEndpoint", Method::POST, "/v1/admin/webhook-endpoints"),
            ("getWebhookEndpoint", Method::GET, "/v1/admin/webhook-endpoints/{id}"),
            ("updateWebhookEndpoint", Method::PATCH, "/v1/admin/webhook-endpoints/{id}"),
            ("deleteWebhookEndpoint", Method::DELETE, "/v1/admin/webhook-endpoints/{id}"),
            ("rotateWebhookEndpointSecret", Method::POST, "/v1/admin/webhook-endpoints/{id}/rotate-secret"),
            ("listWebhookDeliveries", Method::GET, "/v1/admin/webhook-endpoints/{id}/deliveries"),
            ("retryWebhookDelivery", Method::POST, "/v1/admin/webhook-endpoints/{id}/deliveries/{delivery_id}/retry"),
            ("replayWebhookEvents", Method::POST, "/v1/admin/webhook-endpoints/{id}/replay"),
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
