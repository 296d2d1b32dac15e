//! The pages that a customer's browser opens: checkout, the bank's challenge, the portal, the files of invoices.
//!
//! Facts: paylera §6. Whoever has an address may open it; the token in it says whose world and which row is meant.

mod challenge;
mod checkout;
pub mod file;
mod portal;

use rust_decimal::Decimal;

use super::World;
use super::plans::Plan;
use super::state::State;
use crate::api::{Page, Reply, Visit};
use crate::billing::money::major;
use crate::pages::Message;
use crate::time::Timestamp;
use crate::world::{ClockId, Id};

pub fn pages() -> Vec<Page<State>> {
    let mut pages = checkout::pages();
    pages.extend(challenge::pages());
    pages.extend(portal::pages());
    pages.extend(file::pages());
    pages
}

/// A page that only says something.
fn message(visit: &Visit, status: u16, title: &'static str, text: impl Into<String>) -> Reply {
    Reply::page(status, Message::new(visit.frame(), title, text).html())
}

/// The instant that the world's clock shows.
fn now(world: &World, visit: &Visit) -> Timestamp {
    world.clock(ClockId::WORLD).reading(visit.wall)
}

/// An instant as a customer reads it.
fn minute(at: Timestamp) -> String {
    at.civil().strftime("%-d %B %Y, %H:%M UTC").to_string()
}

fn money(amount: Decimal, currency: &str) -> String {
    format!("{currency} {}", major(amount, currency))
}

/// What a plan is called: its product and how often it is billed.
fn plan_name(state: &State, id: Id<Plan>) -> String {
    format!("{}, every {}", product_name(state, id), state.plans[id].cadence().words())
}

fn product_name(state: &State, id: Id<Plan>) -> &str {
    let code = &state.plans[id].product_code;
    state.products_by_code.get(code).map_or(code, |id| state.products[*id].name())
}
