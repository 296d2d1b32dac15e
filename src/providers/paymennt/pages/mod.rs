//! The pages that a customer's browser opens: checkout, the links of subscriptions, the frames that take a card.
//!
//! Facts: paymennt §5. Whoever has an address may open it; the key in it says whose world and which row is meant.

mod challenge;
mod checkout;
mod frames;

use super::World;
use super::state::State;
use crate::api::{Page, Reply, Visit};
use crate::pages::Message;
use crate::time::Timestamp;
use crate::world::ClockId;

pub fn pages() -> Vec<Page<State>> {
    let mut pages = checkout::pages();
    pages.extend(challenge::pages());
    pages.extend(frames::pages());
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
