//! What an edit of a price does to those who are charged by it.
//!
//! Facts: paygentic-behaviour §2.4 (editing a price). Amounts, model, names and metric are frozen for the period that is
//! open, since its lines keep the price that they were drafted with; how often somebody is charged was captured when
//! they subscribed. The payment term turns at once. A price that a subscription bills directly, as an interval of its
//! own, keeps its structure.

use std::sync::Arc;

use serde_json::json;

use super::{Price, charged};
use crate::api::Fault;
use crate::providers::paygentic::World;
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::invoices::{LineItem, drafts};
use crate::providers::paygentic::schedule;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::{Status, Subscription};
use crate::world::Id;

/// Refuses what would change under those who are charged: whether something is charged in credits, and for how many;
/// and the structure of what subscriptions bill directly.
pub(super) fn check(state: &State, id: Id<Price>, before: &Price, after: &Price) -> Result<(), Fault> {
    let in_credits = before.unit.is_some();
    let credits = [
        ("pricingUnitId", before.unit != after.unit),
        ("billableMetricId", in_credits && before.of != after.of),
        ("properties", in_credits && before.rate != after.rate),
    ];
    let advice = "make another price and mint a version of the plan with it";
    refuse(state, id, &credits, charged(state, id), ("PRICE_IN_USE", advice))?;
    let structure = [
        ("billableMetricId", before.of != after.of),
        ("model", before.model() != after.model()),
        ("paymentTerm", before.term != after.term),
        ("billingCadence", before.cadence != after.cadence),
    ];
    let direct = |row: &Subscription| {
        let mut charges = state.cycles[row.cycle].charges.iter().map(|charge| &charge.interval);
        row.is_live() && charges.any(|one| !one.is_of_plan() && one.price == id && one.until.is_none())
    };
    let count = state.subscriptions.iter().filter(|(_, row)| direct(row)).count();
    refuse(state, id, &structure, count, ("PRICE_BILLED_DIRECTLY", "end those intervals first, or make another price"))
}

/// The conflict of an update (§1.2), if a field changes that so many subscriptions rely on.
fn refuse(
    state: &State,
    id: Id<Price>,
    changes: &[(&str, bool)],
    count: usize,
    (code, advice): (&'static str, &str),
) -> Result<(), Fault> {
    let fields: Vec<&str> = changes.iter().filter(|(_, changes)| *changes).map(|(field, _)| *field).collect();
    if fields.is_empty() || count == 0 {
        return Ok(());
    }
    let message = format!("{count} subscriptions are charged by this price, so {} stays: {advice}", fields.join(", "));
    let details = json!({ "priceId": state.prices.text(id), "fields": fields, "subscriptionCount": count });
    Err(Fault::conflict(message).with_code(code).with_details(details))
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
