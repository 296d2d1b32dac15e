//! E-mails to customers. None leaves the machine: `GET /_leapday/messages` shows them.
//!
//! Facts: paygentic-behaviour §2.6 (`notificationSettings`), §2.7 (renewal reminders), §2.8 (a hosted link is e-mailed).
//! What they say is our own.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::World;
use super::customers::Notifications;
use super::invoices::{Invoice, Number, date};
use super::notices::Notice;
use super::payment_sessions::Session;
use super::subscriptions::Subscription;
use crate::billing::money::major;
use crate::time::Timestamp;
use crate::world::{Channel, Id, Message, Written};

/// What an e-mail is about. As many are sent as there are invoices, so it holds little.
#[derive(Clone, Serialize, Deserialize)]
pub enum Letter {
    Invoice {
        id: Id<Invoice>,
        number: Option<Number>,
        gross: Decimal,
        news: News,
    },
    /// The event that tells of it keeps the row as it was.
    Renewal {
        event: usize,
        at: Timestamp,
    },
    /// One of the above whose rows have been wiped.
    Written(Arc<Written>),
}

/// What there is to say of an invoice.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum News {
    Due,
    Paid,
    /// Here is a page that takes the payment.
    Payable(Id<Session>),
}

/// An invoice has gone out; its page takes the payment. Nothing is asked for where nothing is due.
pub fn issued(world: &mut World, id: Id<Invoice>) {
    if settings(world, id).invoice_issued && !world.state.invoices[id].totals.gross().is_zero() {
        about(world, id, News::Due);
    }
}

/// An invoice is paid.
pub fn paid(world: &mut World, id: Id<Invoice>) {
    if settings(world, id).invoice_paid {
        about(world, id, News::Paid);
    }
}

/// A merchant has asked for a payment by link.
pub fn link(world: &mut World, id: Id<Invoice>, session: Id<Session>) {
    about(world, id, News::Payable(session));
}

fn settings(world: &World, id: Id<Invoice>) -> Notifications {
    let state = &world.state;
    state.customers[state.subscriptions[state.invoices[id].subscription].customer].notifications
}

fn about(world: &mut World, id: Id<Invoice>, news: News) {
    let row = &world.state.invoices[id];
    let (subscription, number, gross) = (row.subscription, row.number, row.totals.gross());
    send(world, subscription, Letter::Invoice { id, number, gross, news });
}

/// A renewal is some days away, as an event tells.
pub fn reminder(world: &mut World, id: Id<Subscription>, event: usize, at: Timestamp) {
    send(world, id, Letter::Renewal { event, at });
}

fn send(world: &mut World, id: Id<Subscription>, letter: Letter) {
    let at = world.now(world.state.subscriptions[id].clock);
    world.send(Message { at, channel: Channel::Email, letter });
}

/// What a letter says. The address of a consumer never changes, nor the currency of a plan.
pub fn read(world: &World, letter: &Letter) -> Written {
    let state = &world.state;
    let to = |row: &Subscription| Arc::clone(&state.consumers[state.customers[row.customer].consumer].email);
    match letter {
        Letter::Invoice { id, number, gross, news } => {
            let (what, link) = match news {
                News::Due => ("is due", Some(format!("/portal/invoice/{}", state.invoices.text(*id)))),
                News::Paid => ("is paid", None),
                News::Payable(session) => {
                    ("can be paid here", Some(format!("/portal/pay/{}", state.sessions.text(*session))))
                }
            };
            let subscription = &state.subscriptions[state.invoices[*id].subscription];
            let currency = &state.plans[subscription.plan].currency;
            let number = number.map(|number| number.to_string()).unwrap_or_default();
            let amount = major(*gross, currency);
            Written { to: to(subscription), subject: format!("Invoice {number} of {currency} {amount} {what}"), link }
        }
        Letter::Renewal { event, at } => match world.event(*event).map(|event| &event.notice) {
            Some(Notice::SubscriptionRenewalReminder(_, row)) => {
                Written { to: to(row), subject: format!("{} renews on {}", row.name, date(*at)), link: None }
            }
            _ => panic!("event {event} is no reminder of a renewal"),
        },
        Letter::Written(written) => Written::clone(written),
    }
}
