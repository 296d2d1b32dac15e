//! The payment methods of a portal: adding, removing, choosing the one that is charged.

use super::{Owner, checkout, home, owner};
use crate::api::{Reply, Visit};
use crate::providers::paygentic::World;
use crate::providers::paygentic::customers::{self, PaymentMethod};
use crate::providers::paygentic::pages::nowhere;
use crate::providers::paygentic::state::State;
use crate::world::{Id, Row};

/// One row.
pub(super) struct Saved {
    pub brand: &'static str,
    pub last4: String,
    pub expiry: String,
    /// Whether it is the one that is charged.
    pub default: bool,
    /// Its actions are below this.
    pub address: String,
}

/// The customer's cards: the one that is charged first, the others from the newest to the oldest.
pub(super) fn saved(state: &State, owner: Owner, visit: &Visit) -> Vec<Saved> {
    let methods = state.customers[owner.customer].payment_methods.iter().rev().enumerate();
    methods.map(|(n, id)| save(state, *id, n == 0, visit)).collect()
}

fn save(state: &State, id: Id<PaymentMethod>, default: bool, visit: &Visit) -> Saved {
    let card = &state.payment_methods[id].card;
    Saved {
        brand: match card.brand() {
            "visa" => "Visa",
            "mastercard" => "Mastercard",
            "amex" => "American Express",
            _ => "Card",
        },
        last4: card.last4(),
        expiry: format!("{:02} / {}", card.exp_month, card.exp_year),
        default,
        address: format!("{}/payment-methods/{}", home(visit), state.payment_methods.text(id)),
    }
}

/// Opens the page that saves a card. It lives as long as the portal that it leads back to.
pub(super) fn add(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let Owner { customer, until, .. } = owner(world, visit)?;
    let session = customers::open_set_up(world, customer, until, None, None);
    Ok(Reply::redirect(&checkout(&world.state, session, &home(visit))))
}

pub(super) fn remove(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let (owner, method) = addressed(world, visit)?;
    customers::remove_method(world, owner.customer, method);
    Ok(Reply::redirect(&format!("{}?told=removed", home(visit))))
}

pub(super) fn prefer(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let (owner, method) = addressed(world, visit)?;
    customers::prefer_method(world, owner.customer, method);
    Ok(Reply::redirect(&format!("{}?told=preferred", home(visit))))
}

/// The card in the address, if it is of the portal's own customer.
fn addressed(world: &World, visit: &Visit) -> Result<(Owner, Id<PaymentMethod>), Reply> {
    let owner = owner(world, visit)?;
    let found = world.state.payment_methods.find(visit.segment("method"));
    let own = found.filter(|id| world.state.customers[owner.customer].payment_methods.contains(id));
    own.map(|id| (owner, id)).ok_or_else(|| nowhere(visit, PaymentMethod::NOUN))
}
