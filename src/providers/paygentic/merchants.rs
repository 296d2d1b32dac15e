//! Merchant reset: back to an empty account, or to one without a certain customer.
//!
//! Facts: paygentic-behaviour §2.14, §3.1 (test clocks). What is wiped is gone from lists, look-ups, timers and
//! scripts. Events have happened: the log keeps what they said, and deliveries that are under way arrive.

use std::collections::HashSet;

use http::Method;
use serde::Deserialize;

use super::approvals::Resource;
use super::customers::Customer;
use super::events::{MeterEvent, Subject};
use super::external_references::Entity;
use super::letters::{self, Letter};
use super::payment_sessions;
use super::state::State;
use super::subscriptions::Subscription;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, Site, referred, write};
use crate::contract::Violation;
use crate::world::Id;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> =
        vec![write("resetMerchant", Method::POST, "/v0/merchants/{merchantId}/reset", reset)];
    Noun { name: "merchants", operations }
}

#[derive(Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Reset {
    Merchant { keep_catalog: bool },
    Customer { customer_id: String },
}

fn reset(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let merchant = call.segment("merchantId");
    if !merchant.starts_with("org_") {
        let violation = Violation::path("merchantId", "pattern", "is not the id of a merchant: those begin with org_");
        return Err(Fault::no_such("merchant", merchant).with_violation(violation));
    }
    let site = call.site;
    match call.input()? {
        Reset::Merchant { keep_catalog } => {
            keep_word(world, site);
            world.retain_timers(|_, _| false);
            world.state = world.state.clone().wiped(keep_catalog);
        }
        Reset::Customer { customer_id } => {
            let customer = referred(&world.state.customers, "/customerId", &customer_id)?;
            keep_word(world, site);
            world.retain_timers(|state, due| due.customer(state) != Some(customer));
            wipe(&mut world.state, customer);
        }
    }
    let state = &world.state;
    world.scripts.retain(|of| payment_sessions::scriptable(state, of).is_some());
    Ok(Reply::none())
}

/// What has been said stays said, whatever becomes of the rows.
fn keep_word(world: &mut World, site: Site<'_>) {
    world.rewrite(|world, letter| Letter::Written(letters::read(world, letter).into()));
    world.retell(|world, notice| notice.told(world, site));
}

/// Takes out a customer and all that is the customer's.
///
/// Every field of the state is named, so that a new table does not compile before somebody has said here whose its
/// rows are. Links to pages stay and lead nowhere: their number is what the next one's token is made of.
fn wipe(state: &mut State, id: Id<Customer>) {
    #[rustfmt::skip]
    let State {
        products: _, costs: _, sources: _, source_rules: _, items: _, features: _, metrics: _, fees: _, prices: _,
        pricing_units: _, plans: _, plan_versions: _, test_clocks: _,
        users: _, integrations: _, salesforce_accounts: _, webhooks: _, webhook_portals: _,
        portals: _, portal_sessions: _, authorizations: _, invoice_numbers: _, merchant: _, seed: _,
        consumers, customers, payment_methods, references, subscriptions, cycles, meter_events, invoices, line_items,
        refunds, sessions, payments, consumers_by_email, customers_by_consumer, customers_by_external_id,
        subscriptions_by_customer, usage, event_keys, payment_keys, interval_changes, entitlements, grants, purchases,
        entitlements_by_customer, source_events, source_event_keys, orders, order_lines, approvals, schedules,
        schedule_intervals, staged_invoices, reviews, adjustments, line_keys,
        adjustments_by_subscription,
    } = state;
    let Some(customer) = customers.remove(id) else { return };
    if customers.iter().all(|(_, other)| other.consumer != customer.consumer) {
        consumers.remove(customer.consumer);
        consumers_by_email.retain(|_, consumer| *consumer != customer.consumer);
    }
    customers_by_consumer.retain(|_, owner| *owner != id);
    customers_by_external_id.retain(|_, owner| *owner != id);
    for method in &customer.payment_methods {
        payment_methods.remove(*method);
    }
    references.retain(|_, row| row.of != Entity::Customer(id));

    let owned: HashSet<Id<Subscription>> = subscriptions_by_customer.remove(&id).into_iter().flatten().collect();
    for subscription in &owned {
        if let Some(row) = subscriptions.remove(*subscription) {
            cycles.remove(row.cycle);
        }
    }
    invoices.retain(|_, row| !owned.contains(&row.subscription));
    line_items.retain(|_, row| !owned.contains(&row.subscription));
    source_events.retain(|_, row| row.customer != Some(id));
    source_event_keys.retain(|_, event| source_events.get(*event).is_some());
    orders.retain(|_, row| row.customer != id);
    order_lines.retain(|_, row| orders.get(row.order).is_some());
    schedules.retain(|_, row| orders.get(row.order).is_some());
    schedule_intervals.retain(|_, row| schedules.get(row.schedule).is_some());
    staged_invoices.retain(|_, row| schedules.get(row.schedule).is_some());
    approvals.retain(|_, row| match row.resource {
        Resource::Order(order) => orders.get(order).is_some(),
        Resource::Invoice(invoice) => invoices.get(invoice).is_some(),
    });
    reviews.retain(|_, approval| approvals.get(*approval).is_some());
    interval_changes.retain(|_, row| !owned.contains(&row.subscription));
    for entitlement in entitlements_by_customer.remove(&id).into_iter().flatten() {
        entitlements.remove(entitlement);
    }
    grants.retain(|_, row| entitlements.get(row.entitlement).is_some());
    purchases.retain(|_, row| entitlements.get(row.entitlement).is_some());
    refunds.retain(|_, row| invoices.get(row.invoice).is_some());
    sessions.retain(|_, row| row.customer != Some(id));
    line_keys.retain(|_, line| line_items.get(*line).is_some());
    adjustments_by_subscription.retain(|subscription, _| !owned.contains(subscription));
    adjustments.retain(|_, row| !owned.contains(&row.subscription));
    payments.retain(|_, row| row.customer != Some(id));
    payment_keys.retain(|_, payment| payments.get(*payment).is_some());

    let external = customer.external_id.clone().map(Subject::External);
    let is_own = |about: &Subject| *about == Subject::Customer(id) || Some(about) == external.as_ref();
    let used = usage.iter().filter(|(key, _)| is_own(&key.about));
    let used: Vec<Id<MeterEvent>> = used.flat_map(|(_, events)| events.0.values().copied()).collect();
    usage.retain(|key, _| !is_own(&key.about));
    for event in used {
        meter_events.remove(event);
    }
    event_keys.retain(|_, event| meter_events.get(*event).is_some());
}
