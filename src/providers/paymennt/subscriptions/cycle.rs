//! What time does to a subscription: a link each cycle, and the end.
//!
//! Facts: paymennt §3.6 (`startDate + n × period` at `sendOnHour` UTC, month ends from the original date, `endDate`
//! inclusive), §3.5 (paused cycles are skipped), §3.8 (the checkout is made when the link is first opened).

use std::sync::Arc;

use super::{Status, Subscription, SubscriptionPayment, display, display_payment, link};
use crate::api::Fault;
use crate::billing::money::major;
use crate::providers::paymennt::World;
use crate::providers::paymennt::body::{KEY_WORDS, hex};
use crate::providers::paymennt::checkouts::{self, Checkout, Kind, Wanted};
use crate::providers::paymennt::notices::Notice;
use crate::providers::paymennt::state::Due;
use crate::time::Timestamp;
use crate::world::{Channel, ClockId, Id, Message, Written, hash};

/// Sets the timer of the first point of the grid that lies ahead.
pub fn await_next(world: &mut World, id: Id<Subscription>) {
    let now = world.now(ClockId::WORLD);
    let row = &world.state.subscriptions[id];
    let ahead = row.grid.boundary((row.grid.index_at(now) + 1).max(0));
    let is_in_time = |at: &Timestamp| row.end.is_none_or(|end| at.civil().date() <= end);
    if let Some(at) = ahead.filter(is_in_time) {
        world.set_timer(ClockId::WORLD, at, Due::Link(id));
    }
}

/// It ends when the day of its `endDate` is over. One whose day has passed when it is made ends at once.
pub fn await_end(world: &mut World, id: Id<Subscription>) {
    let end = world.state.subscriptions[id].end.and_then(|end| end.tomorrow().ok()).and_then(Timestamp::midnight);
    if let Some(at) = end {
        let at = at.max(world.now(ClockId::WORLD));
        world.set_timer(ClockId::WORLD, at, Due::SubscriptionEnded(id));
    }
}

/// A point of the grid is reached.
pub fn due(world: &mut World, id: Id<Subscription>) {
    match world.state.subscriptions[id].status {
        Status::Active => send(world, id),
        Status::Inactive => {}
        Status::Expired => return,
    }
    await_next(world, id);
}

pub fn ended(world: &mut World, id: Id<Subscription>) {
    world.state.subscriptions.update(id, |row| row.status = Status::Expired);
    world.emit(ClockId::WORLD, Notice::SubscriptionExpired(id));
}

/// Sends the link of a cycle by e-mail.
pub fn send(world: &mut World, id: Id<Subscription>) {
    let now = world.now(ClockId::WORLD);
    let number = world.state.subscription_payments.next_id().number().to_le_bytes();
    let own = hash(hash(world.state.seed, b"subscription link"), &number);
    let payment =
        SubscriptionPayment { subscription: id, key: Arc::from(hex(own, KEY_WORDS)), checkout: None, created_at: now };
    let (key, link) = (Arc::clone(&payment.key), link(&payment));
    let payment = world.state.subscription_payments.insert(payment);
    world.state.links.insert(key, payment);
    let row = &world.state.subscriptions[id];
    let subject =
        format!("Payment request: {} {} for {}", row.currency, major(row.amount, &row.currency), row.description);
    let to = Arc::from(&*row.customer.details.email);
    let letter = Written { to, subject, link: Some(link) };
    world.send(Message { at: now, channel: Channel::Email, letter });
    world.emit(ClockId::WORLD, Notice::SubscriptionPayment(payment));
}

/// Opens the link of a cycle: its checkout, which the first opening makes.
pub fn open(world: &mut World, payment: Id<SubscriptionPayment>) -> Result<Id<Checkout>, Fault> {
    let cycle = &world.state.subscription_payments[payment];
    if let Some(checkout) = cycle.checkout {
        return Ok(checkout);
    }
    let subscription = cycle.subscription;
    let row = Arc::clone(&world.state.subscriptions[subscription]);
    let (request, order) = (display_payment(&world.state, payment), display(&world.state, subscription));
    let wanted = Wanted {
        description: Some(Arc::clone(&row.description)),
        return_url: row.return_url.clone(),
        billing_address: row.billing.as_deref().cloned(),
        delivery_address: row.delivery.as_deref().cloned(),
        seen: Some(row.customer.clone()),
        ..Wanted::plain(&request, &order, &row.currency, row.amount)
    };
    let checkout = checkouts::make(world, wanted, Kind::Link(Some(payment)), "")?;
    world.state.subscription_payments.update(payment, |cycle| cycle.checkout = Some(checkout));
    Ok(checkout)
}
