//! What can happen in a Paymennt world, and how it is told.
//!
//! Facts: paymennt §4. Only checkouts are told to webhooks: a flat body in an older spelling than the API's, without the
//! name of an event. What happens to subscriptions stands in the control API's list and is sent to nobody.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::body::{Amount, Stamp};
use super::checkouts::{self, Checkout, Status};
use super::subscriptions::{self, Subscription, SubscriptionPayment};
use crate::api::{Gist, Site};
use crate::world::{Endpoint, Event, Id, IdText, Row as _};

/// An event with the row as it was.
#[derive(Clone, Serialize, Deserialize)]
pub enum Notice {
    /// A checkout has got to its status.
    Checkout(Id<Checkout>, Arc<Checkout>),
    /// Somebody wants to see whether an address hears.
    WebhookTest(Id<Endpoint>),
    SubscriptionPayment(Id<SubscriptionPayment>),
    SubscriptionExpired(Id<Subscription>),
}

const TEST: &str = "webhook.test";
const SENT: &str = "subscription.payment_sent";
const EXPIRED: &str = "subscription.expired";

impl crate::world::Notice for Notice {
    fn name(&self) -> &'static str {
        match self {
            Self::Checkout(_, row) => row.status.event(),
            Self::WebhookTest(_) => TEST,
            Self::SubscriptionPayment(_) => SENT,
            Self::SubscriptionExpired(_) => EXPIRED,
        }
    }

    fn about(&self) -> (&'static str, u32) {
        match self {
            Self::Checkout(id, _) => id.about(),
            Self::WebhookTest(id) => id.about(),
            Self::SubscriptionPayment(id) => id.about(),
            Self::SubscriptionExpired(id) => id.about(),
        }
    }

    fn is_told_to(&self, endpoint: Id<Endpoint>) -> bool {
        match self {
            Self::Checkout(..) => true,
            Self::WebhookTest(id) => *id == endpoint,
            Self::SubscriptionPayment(_) | Self::SubscriptionExpired(_) => false,
        }
    }
}

impl Notice {
    /// Every event type, for filters.
    pub const NAMES: &'static [&'static str] = &[
        "checkout.pending",
        "checkout.authorized",
        "checkout.pending_confirmation",
        "checkout.paid",
        "checkout.failed",
        "checkout.cancelled",
        "checkout.expired",
        "checkout.refunded",
        "checkout.partially_refunded",
        "checkout.chargeback",
        TEST,
        SENT,
        EXPIRED,
    ];

    /// What it is about, in a line.
    pub fn gist(&self, world: &World) -> Gist {
        let state = &world.state;
        match self {
            Self::Checkout(id, row) => checkouts::gist(state, *id, row),
            Self::WebhookTest(id) => Gist::of(world.outbox.endpoints(), *id),
            Self::SubscriptionPayment(id) => {
                let subscription = subscriptions::gist(state, state.subscription_payments[*id].subscription);
                Gist { id: state.subscription_payments.text(*id), noun: SubscriptionPayment::NOUN, ..subscription }
            }
            Self::SubscriptionExpired(id) => Gist::of(&state.subscriptions, *id),
        }
    }
}

/// A checkout as webhooks tell of it (§4).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    id: IdText,
    display_id: String,
    /// The request's id.
    reference_id: &'a str,
    order_id: &'a str,
    merchant_id: &'static str,
    merchant_name: &'static str,
    currency: &'a str,
    grandtotal: Amount,
    cash: Amount,
    status: Status,
    payment_method: Option<&'a str>,
    branch_id: IdText,
    branch_name: &'a str,
    customer_email: Option<&'a str>,
    customer_first_name: Option<&'a str>,
    customer_last_name: Option<&'a str>,
    customer_phone: Option<&'a str>,
    device_reference: Option<&'a str>,
    firebase_collection: &'static str,
    firebase_database: &'static str,
    firebase_document: &'a str,
    redirect_url: String,
    timestamp: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_on: Option<Stamp>,
}

pub fn told(world: &World, event: &Event<Notice>, site: Site<'_>) -> Value {
    let state = &world.state;
    match &event.notice {
        Notice::Checkout(id, row) => {
            let details = row.customer.as_ref().map(|seen| &*seen.details);
            json!(Told {
                id: state.checkouts.text(*id),
                display_id: checkouts::display(state, *id),
                reference_id: &row.request_id,
                order_id: &row.order_id,
                merchant_id: super::MERCHANT_ID,
                merchant_name: super::MERCHANT,
                currency: &row.currency,
                grandtotal: Amount(row.amount),
                cash: Amount::default(),
                status: row.status,
                payment_method: row.used.as_deref(),
                branch_id: state.branches.text(row.branch),
                branch_name: &state.branches[row.branch].name,
                customer_email: details.map(|details| &*details.email),
                customer_first_name: details.map(|details| &*details.first_name),
                customer_last_name: details.map(|details| &*details.last_name),
                customer_phone: details.and_then(|details| details.phone.as_deref()),
                device_reference: row.device.as_deref(),
                firebase_collection: checkouts::FIREBASE.0,
                firebase_database: checkouts::FIREBASE.1,
                firebase_document: &row.key,
                redirect_url: checkouts::url(row, site),
                timestamp: Stamp(event.at),
                paid_on: row.paid_at.map(Stamp),
            })
        }
        // The shape of a real one, so that a handler can be tried; of no checkout that there is.
        Notice::WebhookTest(_) => json!({
            "id": state.checkouts.unlisted(0),
            "displayId": "TEST00",
            "referenceId": "webhook-test",
            "orderId": "webhook-test",
            "currency": "AED",
            "grandtotal": 1,
            "cash": 0,
            "status": Status::Pending,
            "timestamp": Stamp(event.at),
        }),
        Notice::SubscriptionPayment(id) => json!({
            "event": SENT,
            "subscriptionId": subscriptions::of_payment(state, *id),
            "paymentId": state.subscription_payments.text(*id),
            "link": format!("{site}{}", subscriptions::link(&state.subscription_payments[*id])),
            "timestamp": Stamp(event.at),
        }),
        Notice::SubscriptionExpired(id) => json!({
            "event": EXPIRED,
            "subscriptionId": state.subscriptions.text(*id),
            "timestamp": Stamp(event.at),
        }),
    }
}
