//! Usage that comes after its period was billed, where the component wants the old invoice made anew.
//!
//! Facts: paylera §2.9, §3.12 (the old invoice is voided through a credit note, a new one is issued). When exactly is not
//! documented: here whenever the old one is open or paid. Otherwise the usage counts in the open period.

use rust_decimal::Decimal;

use super::charges;
use super::credit_notes::{self, Reason};
use super::invoices::{self, Invoice, Item, Status};
use super::state::State;
use super::subscriptions::Subscription;
use super::{World, collection};
use crate::time::Timestamp;
use crate::world::Id;

/// The invoice that billed the usage of an instant, if it can be made anew.
pub fn invoice_of(state: &State, subscription: Id<Subscription>, at: Timestamp) -> Option<Id<Invoice>> {
    let closes =
        |row: &Invoice| row.subscription == Some(subscription) && row.closes.is_some_and(|window| window.contains(at));
    // A later one has taken the place of an earlier.
    let (id, row) = state.invoices.iter().rev().find(|(_, row)| closes(row))?;
    matches!(row.status, Status::Open | Status::Paid).then_some(id)
}

/// Takes an invoice back and issues another in its place, with the usage as it is known now.
pub fn rebill(world: &mut World, subscription: Id<Subscription>, old: Id<Invoice>) {
    let row = &world.state.invoices[old];
    let (closes, coupons, status) = (row.closes, row.coupons().to_vec(), row.status);
    let metered = |item: &Item| {
        item.source.is_some_and(|(plan, place)| {
            world.state.plans[plan].components.get(usize::from(place)).is_some_and(|known| known.pricing.is_usage())
        })
    };
    let mut items: Vec<Item> = row.lines.iter().map(|line| line.item.clone()).filter(|item| !metered(item)).collect();
    let plan = row
        .lines
        .iter()
        .find_map(|line| line.item.source)
        .map_or_else(|| world.state.subscriptions[subscription].plan, |(plan, _)| plan);
    if let Some(window) = closes {
        items.extend(charges::in_arrears(&world.state, subscription, plan, window));
    }
    if status == Status::Open {
        invoices::void(world, old);
    } else if world.state.invoices[old].total() > Decimal::ZERO {
        credit_notes::whole(world, old, Reason::Other);
    }
    let new = invoices::issue(world, subscription, items, coupons, closes);
    // What was paid for the old one lies in the wallet, which has paid for the new one as far as it goes.
    collection::collect(world, new);
}
