//! Deleting a customer that nothing is going on with.
//!
//! Facts: paygentic-behaviour §1.2 (blockers), §2.6.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::{Customer, addressed};
use crate::api::{Call, Fault, Reply};
use crate::providers::paygentic::World;
use crate::providers::paygentic::entitlements::{self, Entitlement, Status as EntitlementStatus};
use crate::providers::paygentic::external_references::Entity;
use crate::providers::paygentic::invoices::Status as InvoiceStatus;
use crate::providers::paygentic::payment_sessions::{self, Purpose, Session};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Status;
use crate::world::{ClockId, Id, IdText};

/// What stands in the way of a deletion, of one kind.
#[derive(Serialize)]
struct Blocker<S> {
    r#type: &'static str,
    count: usize,
    items: Vec<Item<S>>,
}

#[derive(Serialize)]
struct Item<S> {
    id: IdText,
    status: S,
}

impl<S> Blocker<S> {
    fn new(r#type: &'static str, items: Vec<Item<S>>) -> Self {
        Self { r#type, count: items.len(), items }
    }
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    refuse_blocked(world, id)?;
    withdraw_set_ups(world, id);
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    state.customers.update(id, |row| {
        row.deleted_at = Some(now);
        row.updated_at = now;
    });
    state.references.retain(|_, row| row.of != Entity::Customer(id));
    // The consumer stays: if it comes back, it gets a new customer.
    let row = Arc::clone(&state.customers[id]);
    state.customers_by_consumer.remove(&(row.consumer, Arc::clone(&row.merchant)));
    if let Some(external) = &row.external_id {
        state.customers_by_external_id.remove(&(Arc::clone(&row.merchant), Arc::clone(external)));
    }
    Ok(Reply::none())
}

fn refuse_blocked(world: &World, id: Id<Customer>) -> Result<(), Fault> {
    let state = &world.state;
    let subscriptions = Blocker::new("subscriptions", live_subscriptions(state, id));
    let invoices = Blocker::new("invoices", unsettled_invoices(state, id));
    let entitlements = Blocker::new("entitlements", active_entitlements(world, id));
    let mut blockers = Vec::new();
    let mut reasons = Vec::new();
    if subscriptions.count > 0 {
        reasons.push(format!("live subscriptions: {}", subscriptions.count));
        blockers.push(json!(subscriptions));
    }
    if invoices.count > 0 {
        reasons.push(format!("unsettled invoices: {}", invoices.count));
        blockers.push(json!(invoices));
    }
    if entitlements.count > 0 {
        reasons.push(format!("active entitlements: {}", entitlements.count));
        blockers.push(json!(entitlements));
    }
    if blockers.is_empty() {
        return Ok(());
    }
    let message = format!("The customer cannot be deleted yet ({}): end and settle these first", reasons.join(", "));
    Err(Fault::conflict(message).with_details(json!({ "blockers": blockers })))
}

fn live_subscriptions(state: &State, id: Id<Customer>) -> Vec<Item<Status>> {
    let owned = state.subscriptions_by_customer.get(&id).into_iter().flatten();
    let live = owned.filter(|id| state.subscriptions[**id].is_live());
    live.map(|id| Item { id: state.subscriptions.text(*id), status: state.subscriptions[*id].status }).collect()
}

/// What the customer still has access to.
fn active_entitlements(world: &World, id: Id<Customer>) -> Vec<Item<EntitlementStatus>> {
    let state = &world.state;
    let status = |row: &Entitlement| row.status(state, world.now(row.clock));
    let owned = entitlements::of_customer(state, id).map(|(id, row)| (id, status(row)));
    let active = owned.filter(|(_, status)| *status == EntitlementStatus::Active);
    active.map(|(id, status)| Item { id: state.entitlements.text(id), status }).collect()
}

/// Invoices that are being collected, or will be.
fn unsettled_invoices(state: &State, id: Id<Customer>) -> Vec<Item<InvoiceStatus>> {
    let unsettled = |status| {
        use InvoiceStatus::{Active, Calculating, Closed, Closing, Draft, Issued, PaymentFailed};
        matches!(status, Active | Closing | Closed | Calculating | Draft | Issued | PaymentFailed)
    };
    let owned = state.invoices.iter().filter(|(_, row)| state.subscriptions[row.subscription].customer == id);
    let unsettled = owned.filter(|(_, row)| unsettled(row.status));
    unsettled.map(|(id, row)| Item { id: state.invoices.text(id), status: row.status }).collect()
}

/// Nobody can save a card any more on a customer that is gone.
fn withdraw_set_ups(world: &mut World, id: Id<Customer>) {
    let set_ups = world.state.sessions.iter().filter(|(_, row)| row.purpose == Purpose::Setup(id));
    let set_ups: Vec<Id<Session>> = set_ups.map(|(id, _)| id).collect();
    for session in set_ups {
        payment_sessions::withdraw(world, session);
    }
}
