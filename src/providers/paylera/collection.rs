//! What a payment means for the subscription that it is for.
//!
//! Facts: paylera §2.4 (after a first payment, a failure, a recovery), §3.9.

use rust_decimal::Decimal;

use super::customers::Customer;
use super::invoices::{self, Invoice};
use super::notices::{invoice as invoice_event, subscription as event};
use super::payment_methods::{self, PaymentMethod};
use super::state::State;
use super::subscriptions::{self, Status, Subscription};
use super::{World, cycle, dunning, payments};
use crate::world::Id;

/// What the invoices of a customer, and of a subscription, are charged to: the subscription's own method goes first
/// (§2.7). Methods that were detached are none.
pub fn method(
    state: &State,
    customer: Id<Customer>,
    subscription: Option<Id<Subscription>>,
) -> Option<Id<PaymentMethod>> {
    let own = subscription.and_then(|id| state.subscriptions[id].default_method);
    let usable = |id: &Id<PaymentMethod>| payment_methods::is_usable(state, *id);
    own.filter(usable).or(state.customers[customer].default_method.filter(usable))
}

/// Charges what is due of a subscription's invoice. Without a method that is a failure of its own.
pub fn collect(world: &mut World, invoice: Id<Invoice>) {
    let row = &world.state.invoices[invoice];
    if !row.status.is_payable() || row.amount_due() <= Decimal::ZERO {
        return;
    }
    if let Some(method) = method(&world.state, row.customer, row.subscription) {
        payments::abandon(world, invoice);
        payments::charge(world, invoice, method, None);
    } else {
        invoices::tell(world, invoice, invoice_event::PAYMENT_FAILED);
        failed(world, invoice);
    }
}

/// A payment has failed: collecting begins, unless it is under way.
pub fn failed(world: &mut World, invoice: Id<Invoice>) {
    let row = &world.state.invoices[invoice];
    let (Some(subscription), None) = (row.subscription, &row.dunning) else { return };
    if !row.status.is_payable() {
        return;
    }
    let status = world.state.subscriptions[subscription].status;
    if status == Status::PendingActivation {
        subscriptions::set(world, subscription, Status::Active);
        cycle::arm(world, subscription);
    }
    if matches!(status, Status::PendingActivation | Status::Active) {
        subscriptions::set(world, subscription, Status::PastDue);
        subscriptions::tell(world, subscription, event::PAST_DUE);
    }
    // What has ended is not collected any more.
    if world.state.subscriptions[subscription].status == Status::PastDue {
        dunning::start(world, invoice, subscription);
    }
}

/// An invoice is paid.
pub fn paid(world: &mut World, invoice: Id<Invoice>) {
    let Some(id) = world.state.invoices[invoice].subscription else { return };
    if world.state.subscriptions[id].status == Status::PendingActivation {
        subscriptions::set(world, id, Status::Active);
        cycle::arm(world, id);
    }
    recovered(world, id);
    cycle::activated(world, id);
}

/// An invoice is void: nothing is owed for it any more.
pub fn forgiven(world: &mut World, invoice: Id<Invoice>) {
    if let Some(id) = world.state.invoices[invoice].subscription {
        recovered(world, id);
    }
}

/// One that was past due and owes nothing any more is active again.
fn recovered(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    if row.status != Status::PastDue || !row.dunned.is_empty() {
        return;
    }
    subscriptions::set(world, id, Status::Active);
    subscriptions::tell(world, id, event::DUNNING_RECOVERED);
    cycle::catch_up(world, id);
}

/// Dunning has been in vain: the subscription ends, and so does all that it still owes.
pub fn give_up(world: &mut World, id: Id<Subscription>) {
    for invoice in world.state.subscriptions[id].dunned.clone() {
        invoices::uncollectible(world, invoice);
    }
    cycle::end(world, id, Status::Canceled);
}
