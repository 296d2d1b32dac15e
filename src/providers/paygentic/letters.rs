//! E-mails to customers. None leaves the machine: `GET /_leapday/messages` shows them.
//!
//! Facts: paygentic-behaviour §2.6 (`notificationSettings`), §2.7 (renewal reminders), §2.8 (a hosted link is e-mailed).
//! What they say is our own.

use std::sync::Arc;

use super::World;
use super::customers::Notifications;
use super::invoices::{Invoice, date};
use super::payment_sessions::Session;
use super::subscriptions::Subscription;
use crate::billing::money::major;
use crate::time::Timestamp;
use crate::world::{Channel, Id, Message};

/// An invoice has gone out; its page takes the payment. Nothing is asked for where nothing is due.
pub fn issued(world: &mut World, id: Id<Invoice>) {
    if settings(world, id).invoice_issued && !world.state.invoices[id].totals.gross().is_zero() {
        let link = format!("/portal/invoice/{}", world.state.invoices.text(id));
        about(world, id, "is due", Some(link));
    }
}

/// An invoice is paid.
pub fn paid(world: &mut World, id: Id<Invoice>) {
    if settings(world, id).invoice_paid {
        about(world, id, "is paid", None);
    }
}

/// A merchant has asked for a payment by link.
pub fn link(world: &mut World, id: Id<Invoice>, session: Id<Session>) {
    let link = format!("/portal/pay/{}", world.state.sessions.text(session));
    about(world, id, "can be paid here", Some(link));
}

fn settings(world: &World, id: Id<Invoice>) -> Notifications {
    let state = &world.state;
    state.customers[state.subscriptions[state.invoices[id].subscription].customer].notifications
}

fn about(world: &mut World, id: Id<Invoice>, what: &str, link: Option<String>) {
    let row = &world.state.invoices[id];
    let currency = &world.state.plans[world.state.subscriptions[row.subscription].plan].currency;
    let number = row.number.map(|number| number.to_string()).unwrap_or_default();
    let subject = format!("Invoice {number} of {currency} {} {what}", major(row.totals.gross(), currency));
    send(world, row.subscription, subject, link);
}

/// A renewal is some days away.
pub fn reminder(world: &mut World, id: Id<Subscription>, renewal: Timestamp) {
    let subject = format!("{} renews on {}", world.state.subscriptions[id].name, date(renewal));
    send(world, id, subject, None);
}

fn send(world: &mut World, id: Id<Subscription>, subject: String, link: Option<String>) {
    let row = &world.state.subscriptions[id];
    let at = world.now(row.clock);
    let to = Arc::clone(&world.state.consumers[world.state.customers[row.customer].consumer].email);
    world.send(Message { at, channel: Channel::Email, to, subject: subject.into(), link: link.map(Into::into) });
}
