//! What can happen in a Paylera world, and how an event says it.
//!
//! Facts: paylera §4.1 (envelope, kinds of aggregate), §4.8 (types). Payment methods are no aggregate of their own:
//! their events belong to the customer, and show the method.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::World;
use super::checkout_sessions::{self, Session};
use super::customers::{self, Customer};
use super::invoices::{self, Invoice};
use super::payment_methods::Seen;
use super::payments::{self, Payment};
use super::portal_sessions::{self, PortalSession};
use super::subscriptions::{self, Subscription};
use super::wallets::{self, Wallet};
use super::webhook_endpoints;
use crate::api::{Gist, Site};
use crate::world::{Endpoint, Event, Id, Notice as _, Word, hash, word};

/// An event with the row as it was.
#[derive(Clone, Serialize, Deserialize)]
pub enum Notice {
    CustomerUpdated(Id<Customer>, Arc<Customer>),
    CustomerTaxIdInvalidated(Id<Customer>, Arc<Customer>),
    PaymentMethodAttached(Seen),
    PaymentMethodDetached(Seen),
    PaymentMethodVerified(Seen),
    WalletAutoTopupFailed(Id<Wallet>, Arc<Wallet>),
    /// One of [`webhook_endpoint`]; not told to the endpoint itself.
    WebhookEndpoint(#[serde(deserialize_with = "known")] Word, Id<Endpoint>, Arc<Endpoint>),
    CheckoutSession(#[serde(deserialize_with = "known")] Word, Id<Session>, Arc<Session>),
    PortalSessionCompleted(Id<PortalSession>, Arc<PortalSession>),
    /// One of [`subscription`].
    Subscription(#[serde(deserialize_with = "known")] Word, Id<Subscription>, Arc<Subscription>),
    /// One of [`invoice`].
    Invoice(#[serde(deserialize_with = "known")] Word, Id<Invoice>, Arc<Invoice>),
    /// One of [`payment`].
    Payment(#[serde(deserialize_with = "known")] Word, Id<Payment>, Arc<Payment>),
}

fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    word(deserializer, Notice::NAMES)
}

impl crate::world::Notice for Notice {
    fn name(&self) -> &'static str {
        match self {
            Self::CustomerUpdated(..) => "customer.updated",
            Self::CustomerTaxIdInvalidated(..) => "customer.tax_id_invalidated",
            Self::PaymentMethodAttached(_) => "customer.payment_method_attached",
            Self::PaymentMethodDetached(_) => "customer.payment_method_detached",
            Self::PaymentMethodVerified(_) => "payment_method.verified",
            Self::PortalSessionCompleted(..) => "portal.session.completed",
            Self::WalletAutoTopupFailed(..) => "wallet.auto_topup_failed",
            Self::Subscription(name, ..)
            | Self::Invoice(name, ..)
            | Self::Payment(name, ..)
            | Self::CheckoutSession(name, ..)
            | Self::WebhookEndpoint(name, ..) => name,
        }
    }

    fn about(&self) -> (&'static str, u32) {
        match self {
            Self::CustomerUpdated(id, _) | Self::CustomerTaxIdInvalidated(id, _) => id.about(),
            Self::PaymentMethodAttached(seen)
            | Self::PaymentMethodDetached(seen)
            | Self::PaymentMethodVerified(seen) => seen.row.customer.about(),
            Self::WalletAutoTopupFailed(id, _) => id.about(),
            Self::WebhookEndpoint(_, id, _) => id.about(),
            Self::PortalSessionCompleted(_, row) => row.customer.about(),
            Self::CheckoutSession(_, id, _) => id.about(),
            Self::Subscription(_, id, _) => id.about(),
            Self::Invoice(_, id, _) => id.about(),
            Self::Payment(_, id, _) => id.about(),
        }
    }

    fn is_told_to(&self, endpoint: Id<Endpoint>) -> bool {
        !matches!(self, Self::WebhookEndpoint(_, id, _) if *id == endpoint)
    }
}

impl Notice {
    /// Every event type that this provider knows, for filters.
    pub const NAMES: &'static [&'static str] = &[
        "customer.updated",
        "customer.tax_id_invalidated",
        "customer.payment_method_attached",
        "customer.payment_method_detached",
        "payment_method.verified",
        "wallet.auto_topup_failed",
        "portal.session.completed",
        "checkout.session.completed",
        "checkout.session.expired",
        webhook_endpoint::CREATED,
        webhook_endpoint::UPDATED,
        webhook_endpoint::DISABLED,
        webhook_endpoint::DELIVERY_FAILED,
        subscription::CREATED,
        subscription::ACTIVATED,
        subscription::TRIAL_STARTED,
        subscription::TRIAL_WILL_END,
        subscription::TRIAL_ENDED,
        subscription::TRIAL_EXTENDED,
        subscription::UPDATED,
        subscription::PAUSED,
        subscription::RESUMED,
        subscription::PAST_DUE,
        subscription::DUNNING_ATTEMPT,
        subscription::DUNNING_RECOVERED,
        subscription::DUNNING_EXHAUSTED,
        subscription::CANCELED,
        subscription::REACTIVATED,
        subscription::COMMITMENT_STARTED,
        subscription::COMMITMENT_RENEWED,
        subscription::COMMITMENT_ENDING,
        subscription::COMMITMENT_ENDED,
        subscription::REFUND_PROCESSED,
        invoice::CREATED,
        invoice::UPDATED,
        invoice::FINALIZED,
        invoice::PAID,
        invoice::PAYMENT_FAILED,
        invoice::VOIDED,
        invoice::MARKED_UNCOLLECTIBLE,
        payment::CREATED,
        payment::REQUIRES_ACTION,
        payment::ACTION_COMPLETED,
        payment::SUCCEEDED,
        payment::FAILED,
        payment::CANCELED,
        payment::REFUNDED,
        payment::PARTIALLY_REFUNDED,
        payment::CHARGED_BACK,
        payment::DISPUTE_WON,
    ];

    /// What it is about, in a line.
    pub fn gist(&self, world: &World) -> Gist {
        let state = &world.state;
        match self {
            Self::CustomerUpdated(id, _) | Self::CustomerTaxIdInvalidated(id, _) => Gist::of(&state.customers, *id),
            Self::PaymentMethodAttached(seen)
            | Self::PaymentMethodDetached(seen)
            | Self::PaymentMethodVerified(seen) => Gist::of(&state.customers, seen.row.customer),
            Self::WalletAutoTopupFailed(id, _) => Gist::of(&state.wallets, *id),
            Self::WebhookEndpoint(_, id, _) => Gist::of(world.outbox.endpoints(), *id),
            Self::CheckoutSession(_, id, _) => Gist::of(&state.checkout_sessions, *id),
            Self::PortalSessionCompleted(id, _) => Gist::of(&state.portal_sessions, *id),
            Self::Subscription(_, id, _) => Gist::of(&state.subscriptions, *id),
            Self::Invoice(_, id, row) => Gist::of(&state.invoices, *id).with_amount(row.totals.total, &row.currency),
            Self::Payment(_, id, row) => Gist::of(&state.payments, *id).with_amount(row.amount, &row.currency),
        }
    }

    /// Kind, id and full payload of what the event is about.
    fn aggregate(&self, world: &World, site: Site<'_>) -> (&'static str, String, Value) {
        match self {
            Self::CustomerUpdated(id, row) | Self::CustomerTaxIdInvalidated(id, row) => {
                let id_text = world.state.customers.text(*id).to_string();
                ("customer", id_text, json!(customers::body(&world.state, *id, row)))
            }
            Self::PaymentMethodAttached(seen)
            | Self::PaymentMethodDetached(seen)
            | Self::PaymentMethodVerified(seen) => {
                let id_text = world.state.customers.text(seen.row.customer).to_string();
                ("customer", id_text, json!(seen.body(&world.state)))
            }
            Self::WalletAutoTopupFailed(id, row) => {
                let id_text = world.state.wallets.text(*id).to_string();
                ("wallet", id_text, json!(wallets::body(&world.state, *id, row)))
            }
            Self::WebhookEndpoint(_, id, row) => {
                let id_text = world.outbox.endpoints().text(*id).to_string();
                ("webhook_endpoint", id_text, json!(webhook_endpoints::body(world, *id, row)))
            }
            Self::CheckoutSession(_, id, row) => {
                let id_text = world.state.checkout_sessions.text(*id).to_string();
                ("checkout_session", id_text, json!(checkout_sessions::body(&world.state, *id, row, site)))
            }
            // Portals are no aggregate: what was done there belongs to the customer.
            Self::PortalSessionCompleted(id, row) => {
                let id_text = world.state.customers.text(row.customer).to_string();
                ("customer", id_text, json!(portal_sessions::body(&world.state, *id, row, site)))
            }
            Self::Subscription(_, id, row) => {
                let id_text = world.state.subscriptions.text(*id).to_string();
                ("subscription", id_text, json!(subscriptions::body(&world.state, *id, row)))
            }
            Self::Invoice(_, id, row) => {
                let id_text = world.state.invoices.text(*id).to_string();
                ("invoice", id_text, json!(invoices::body(&world.state, *id, row, site)))
            }
            Self::Payment(_, id, row) => {
                let id_text = world.state.payments.text(*id).to_string();
                ("payment", id_text, json!(payments::body(&world.state, *id, row, site)))
            }
        }
    }
}

/// What can happen to a webhook endpoint (§4.8).
pub mod webhook_endpoint {
    pub const CREATED: &str = "webhook_endpoint.created";
    pub const UPDATED: &str = "webhook_endpoint.updated";
    pub const DISABLED: &str = "webhook_endpoint.disabled";
    pub const DELIVERY_FAILED: &str = "webhook_endpoint.delivery_failed";
}

/// What can happen to a subscription (§4.8).
pub mod subscription {
    pub const CREATED: &str = "subscription.created";
    pub const ACTIVATED: &str = "subscription.activated";
    pub const TRIAL_STARTED: &str = "subscription.trial_started";
    pub const TRIAL_WILL_END: &str = "subscription.trial_will_end";
    pub const TRIAL_ENDED: &str = "subscription.trial_ended";
    pub const TRIAL_EXTENDED: &str = "subscription.trial_extended";
    pub const UPDATED: &str = "subscription.updated";
    pub const PAUSED: &str = "subscription.paused";
    pub const RESUMED: &str = "subscription.resumed";
    pub const PAST_DUE: &str = "subscription.past_due";
    pub const DUNNING_ATTEMPT: &str = "subscription.dunning_attempt";
    pub const DUNNING_RECOVERED: &str = "subscription.dunning_recovered";
    pub const DUNNING_EXHAUSTED: &str = "subscription.dunning_exhausted";
    pub const CANCELED: &str = "subscription.canceled";
    pub const REACTIVATED: &str = "subscription.reactivated";
    pub const COMMITMENT_STARTED: &str = "subscription.commitment_started";
    pub const COMMITMENT_RENEWED: &str = "subscription.commitment_renewed";
    pub const COMMITMENT_ENDING: &str = "subscription.commitment_ending";
    pub const COMMITMENT_ENDED: &str = "subscription.commitment_ended";
    pub const REFUND_PROCESSED: &str = "subscription.refund_processed";
}

/// What can happen to an invoice (§4.8).
pub mod invoice {
    pub const CREATED: &str = "invoice.created";
    pub const UPDATED: &str = "invoice.updated";
    pub const FINALIZED: &str = "invoice.finalized";
    pub const PAID: &str = "invoice.paid";
    pub const PAYMENT_FAILED: &str = "invoice.payment_failed";
    pub const VOIDED: &str = "invoice.voided";
    pub const MARKED_UNCOLLECTIBLE: &str = "invoice.marked_uncollectible";
}

/// What can happen to a payment (§4.8).
pub mod payment {
    pub const CREATED: &str = "payment.created";
    pub const REQUIRES_ACTION: &str = "payment.requires_action";
    pub const ACTION_COMPLETED: &str = "payment.action_completed";
    pub const SUCCEEDED: &str = "payment.succeeded";
    pub const FAILED: &str = "payment.failed";
    pub const CANCELED: &str = "payment.canceled";
    pub const REFUNDED: &str = "payment.refunded";
    pub const PARTIALLY_REFUNDED: &str = "payment.partially_refunded";
    pub const CHARGED_BACK: &str = "payment.charged_back";
    pub const DISPUTE_WON: &str = "payment.dispute_won";
}

/// `{id, type, occurred_at, schema_version, tenant_id, aggregate_type, aggregate_id, data}`.
pub fn envelope(world: &World, number: usize, event: &Event<Notice>, site: Site<'_>) -> Value {
    let (aggregate_type, aggregate_id, data) = event.notice.aggregate(world, site);
    json!({
        "id": world.event_id("evt_", number),
        "type": event.notice.name(),
        "occurred_at": event.at,
        "schema_version": 1,
        "tenant_id": format!("ten_{:016x}", hash(world.state.seed, b"tenant")),
        "aggregate_type": aggregate_type,
        "aggregate_id": aggregate_id,
        "data": data,
    })
}
