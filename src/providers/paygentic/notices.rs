//! What can happen in a Paygentic world, and how an event says it.
//!
//! Facts: paygentic-behaviour §5 (envelope, published names). Names that are not published follow the
//! style of those that are; docs/fidelity.md lists them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::customers::{self, Customer};
use super::invoices::{self, Invoice};
use super::payments::{self, Payment};
use super::source_events::{self, SourceEvent};
use super::subscriptions::{self, Subscription};
use crate::api::{Gist, Site};
use crate::world::{Event, Id, IdText, Notice as _};

/// An event with the row as it was.
#[derive(Clone, Serialize, Deserialize)]
pub enum Notice {
    CustomerCreated(Id<Customer>),
    SubscriptionCreated(Id<Subscription>, Arc<Subscription>),
    SubscriptionActivated(Id<Subscription>, Arc<Subscription>),
    SubscriptionUpdated(Id<Subscription>, Arc<Subscription>),
    SubscriptionCancelled(Id<Subscription>, Arc<Subscription>),
    SubscriptionRenewalReminder(Id<Subscription>, Arc<Subscription>),
    InvoiceIssued(Id<Invoice>, Arc<Invoice>),
    InvoicePaid(Id<Invoice>, Arc<Invoice>),
    InvoicePaymentFailed(Id<Invoice>, Arc<Invoice>),
    InvoiceCancelled(Id<Invoice>, Arc<Invoice>),
    PaymentCompleted(Id<Payment>, Arc<Payment>),
    PaymentFailed(Id<Payment>, Arc<Payment>),
    PaymentExpired(Id<Payment>, Arc<Payment>),
    SourceEventPending(Id<SourceEvent>, Arc<SourceEvent>),
    /// One of the above whose rows have been wiped: it says what it said before.
    Told(Box<Notice>, Arc<Told>),
}

/// What an event said while its rows were there.
#[derive(Clone, Serialize, Deserialize)]
pub struct Told {
    data: Value,
    id: Arc<str>,
    amount: Option<String>,
    currency: Option<String>,
}

impl crate::world::Notice for Notice {
    fn name(&self) -> &'static str {
        match self {
            Self::CustomerCreated(_) => "customer.created.v0",
            Self::SubscriptionCreated(..) => "subscription.created.v0",
            Self::SubscriptionActivated(..) => "subscription.activated.v0",
            Self::SubscriptionUpdated(..) => "subscription.updated.v0",
            Self::SubscriptionCancelled(..) => "subscription.cancelled.v0",
            Self::SubscriptionRenewalReminder(..) => "subscription.renewal_reminder.v0",
            Self::InvoiceIssued(..) => "invoice.issued.v0",
            Self::InvoicePaid(..) => "invoice.paid.v0",
            Self::InvoicePaymentFailed(..) => "invoice.payment_failed.v0",
            Self::InvoiceCancelled(..) => "invoice.cancelled.v0",
            Self::PaymentCompleted(..) => "payment.completed.v0",
            Self::PaymentFailed(..) => "payment.failed.v0",
            Self::PaymentExpired(..) => "payment.expired.v0",
            Self::Told(was, _) => was.name(),
            Self::SourceEventPending(..) => "source_event.pending.v0",
        }
    }

    fn about(&self) -> (&'static str, u32) {
        match self {
            Self::CustomerCreated(id) => id.about(),
            Self::SubscriptionCreated(id, _)
            | Self::SubscriptionActivated(id, _)
            | Self::SubscriptionUpdated(id, _)
            | Self::SubscriptionCancelled(id, _)
            | Self::SubscriptionRenewalReminder(id, _) => id.about(),
            Self::InvoiceIssued(id, _)
            | Self::InvoicePaid(id, _)
            | Self::InvoicePaymentFailed(id, _)
            | Self::InvoiceCancelled(id, _) => id.about(),
            Self::PaymentCompleted(id, _) | Self::PaymentFailed(id, _) | Self::PaymentExpired(id, _) => id.about(),
            Self::Told(was, _) => was.about(),
            Self::SourceEventPending(id, _) => id.about(),
        }
    }
}

impl Notice {
    /// Every event type that this provider knows, for filters.
    pub const NAMES: &'static [&'static str] = &[
        "customer.created.v0",
        "subscription.created.v0",
        "subscription.activated.v0",
        "subscription.updated.v0",
        "subscription.cancelled.v0",
        "subscription.renewal_reminder.v0",
        "invoice.issued.v0",
        "invoice.paid.v0",
        "invoice.payment_failed.v0",
        "invoice.cancelled.v0",
        "payment.completed.v0",
        "payment.failed.v0",
        "payment.expired.v0",
        "source_event.pending.v0",
    ];

    /// What it is about, in a line.
    pub fn gist(&self, world: &World) -> Gist {
        let state = &world.state;
        match self {
            Self::CustomerCreated(id) => Gist::of(&state.customers, *id),
            Self::SubscriptionCreated(id, _)
            | Self::SubscriptionActivated(id, _)
            | Self::SubscriptionUpdated(id, _)
            | Self::SubscriptionCancelled(id, _)
            | Self::SubscriptionRenewalReminder(id, _) => Gist::of(&state.subscriptions, *id),
            Self::InvoiceIssued(id, row)
            | Self::InvoicePaid(id, row)
            | Self::InvoicePaymentFailed(id, row)
            | Self::InvoiceCancelled(id, row) => {
                let currency = &state.plans[state.subscriptions[row.subscription].plan].currency;
                Gist::of(&state.invoices, *id).with_amount(row.totals.gross(), currency)
            }
            Self::PaymentCompleted(id, row) | Self::PaymentFailed(id, row) | Self::PaymentExpired(id, row) => {
                Gist::of(&state.payments, *id).with_amount(row.amount, &row.currency)
            }
            Self::Told(was, told) => Gist {
                noun: was.about().0,
                id: IdText::named(Arc::clone(&told.id)),
                amount: told.amount.clone(),
                currency: told.currency.clone(),
            },
            Self::SourceEventPending(id, row) => {
                Gist::of(&state.source_events, *id).with_amount(row.revenue.amount, &row.revenue.currency)
            }
        }
    }

    fn data(&self, world: &World, site: Site<'_>) -> Value {
        let state = &world.state;
        match self {
            Self::CustomerCreated(id) => customers::created_data(state, *id),
            Self::SubscriptionCreated(id, row)
            | Self::SubscriptionActivated(id, row)
            | Self::SubscriptionUpdated(id, row)
            | Self::SubscriptionCancelled(id, row)
            | Self::SubscriptionRenewalReminder(id, row) => {
                let mut data = json!(subscriptions::body(world, *id, row, site));
                data["subscriptionId"] = data["id"].clone();
                data
            }
            Self::InvoiceIssued(id, row)
            | Self::InvoicePaid(id, row)
            | Self::InvoicePaymentFailed(id, row)
            | Self::InvoiceCancelled(id, row) => {
                let mut data = json!(invoices::body(world, *id, row, site));
                data["invoiceId"] = data["id"].clone();
                if let (Self::InvoicePaid(..), Some(purchase)) = (self, row.purchase) {
                    let grant = state.purchases[purchase].grant;
                    data["grantId"] = json!(grant.map(|grant| state.grants.text(grant)));
                }
                data
            }
            Self::PaymentCompleted(id, row) | Self::PaymentFailed(id, row) | Self::PaymentExpired(id, row) => {
                payments::event_data(state, *id, row)
            }
            Self::Told(_, told) => told.data.clone(),
            Self::SourceEventPending(id, row) => source_events::event_data(state, *id, row),
        }
    }

    /// The same without need of its rows, which are about to go.
    pub fn told(&self, world: &World, site: Site<'_>) -> Self {
        if let Self::Told(..) = self {
            return self.clone();
        }
        let Gist { id, amount, currency, .. } = self.gist(world);
        let told = Told { data: self.data(world, site), id: id.as_str().into(), amount, currency };
        Self::Told(Box::new(self.clone()), Arc::new(told))
    }
}

/// `{eventType, eventId, timestamp, data}`.
pub fn envelope(world: &World, number: usize, event: &Event<Notice>, site: Site<'_>) -> Value {
    json!({
        "eventType": event.notice.name(),
        "eventId": world.event_id("evt_", number),
        "timestamp": event.at,
        "data": event.notice.data(world, site),
    })
}
