//! What an edit of a price does to those who are charged by it.
//!
//! Facts: paygentic-behaviour §2.4 (editing a price). Amounts, model, names and metric are frozen for the period that is
//! open, since its lines keep the price that they were drafted with; how often somebody is charged was captured when
//! they subscribed. The payment term turns at once. A price that a subscription bills directly, as an interval of its
//! own, keeps its structure; one in credits keeps its rate, since what was drawn on a pool follows from it.

use std::sync::Arc;

use serde_json::json;

use super::Price;
use crate::api::Fault;
use crate::providers::paygentic::World;
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::invoices::{LineItem, drafts};
use crate::providers::paygentic::schedule;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::{Status, Subscription};
use crate::world::Id;

/// Refuses to restructure what subscriptions bill directly, or draw credits by.
pub(super) fn check(state: &State, id: Id<Price>, before: &Price, after: &Price) -> Result<(), Fault> {
    check_credits(state, id, before, after)?;
    let fields = [
        ("billableMetricId", before.of != after.of),
        ("model", before.model() != after.model()),
        ("paymentTerm", before.term != after.term),
        ("billingCadence", before.cadence != after.cadence),
    ];
    let fields: Vec<&str> = fields.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect();
    if fields.is_empty() {
        return Ok(());
    }
    let direct = |row: &Subscription| {
        let mut charges = state.cycles[row.cycle].charges.iter().map(|charge| &charge.interval);
        row.is_live() && charges.any(|one| !one.is_of_plan() && one.price == id && one.until.is_none())
    };
    let count = state.subscriptions.iter().filter(|(_, row)| direct(row)).count();
    if count == 0 {
        return Ok(());
    }
    let message = format!(
        "{count} subscriptions are charged by this price directly: end those intervals first, or make another price \
         ({} cannot change)",
        fields.join(", ")
    );
    let details = json!({ "priceId": state.prices.text(id), "fields": fields, "subscriptionCount": count });
    Err(Fault::conflict(message).with_code("PRICE_BILLED_DIRECTLY").with_details(details))
}

/// Whether a subscription is charged in money or draws credits, and how many, is settled when it is charged for the
/// first time.
fn check_credits(state: &State, id: Id<Price>, before: &Price, after: &Price) -> Result<(), Fault> {
    let in_credits = before.unit.is_some();
    let fields = [
        ("pricingUnitId", before.unit != after.unit),
        ("billableMetricId", in_credits && before.of != after.of),
        ("properties", in_credits && before.rate != after.rate),
    ];
    let fields: Vec<&str> = fields.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect();
    let count = super::charged(state, id);
    if fields.is_empty() || count == 0 {
        return Ok(());
    }
    let message = format!(
        "{count} subscriptions are, or were, charged by this price: mint a version of the plan with another price ({} \
         cannot change)",
        fields.join(", ")
    );
    let details = json!({ "priceId": state.prices.text(id), "fields": fields, "subscriptionCount": count });
    Err(Fault::conflict(message).with_code("PRICE_IN_USE").with_details(details))
}

/// Turns the charges of a price to its payment term: what waits for the end of its period is due at once, and what
/// would be due in advance waits.
pub(super) fn turn(world: &mut World, id: Id<Price>) {
    let price = Arc::clone(&world.state.prices[id]);
    let turned = |row: &Subscription| {
        let charges = &world.state.cycles[row.cycle].charges;
        let owes = charges.iter().filter(|charge| charge.interval.is_of_plan() && charge.interval.price == id);
        let serials = owes.filter(|charge| {
            let (_, in_advance) = schedule::terms(&price, row.cadence, charge.interval.quantity);
            charge.interval.in_advance != in_advance
        });
        serials.map(|charge| charge.interval.serial).collect::<Vec<u32>>()
    };
    let live = world.state.subscriptions.iter().filter(|(_, row)| row.is_live());
    let owing: Vec<(Id<Subscription>, Vec<u32>)> =
        live.map(|(id, row)| (id, turned(row))).filter(|(_, serials)| !serials.is_empty()).collect();
    for (subscription, serials) in owing {
        turn_charges(world, subscription, &serials);
    }
}

fn turn_charges(world: &mut World, id: Id<Subscription>, serials: &[u32]) {
    let row = Arc::clone(&world.state.subscriptions[id]);
    let open = world.state.cycles.update(row.cycle, |cycle| {
        for charge in cycle.charges.iter_mut().filter(|charge| serials.contains(&charge.interval.serial)) {
            let interval = Arc::make_mut(&mut charge.interval);
            interval.in_advance = !interval.in_advance;
        }
        cycle.open_invoice
    });
    if row.status != Status::Active {
        return;
    }
    if let Some(invoice) = open {
        let is_turned = |line: &LineItem| line.billed().is_some_and(|billed| serials.contains(&billed.interval));
        let lines = world.state.invoices[invoice].lines.iter().copied();
        let stale: Vec<Id<LineItem>> = lines.filter(|line| is_turned(&world.state.line_items[*line])).collect();
        drafts::forget(world, invoice, &stale);
    }
    cycle::replan(world, id);
    cycle::catch_up(world, id);
}
