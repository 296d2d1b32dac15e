//! The bank's challenge, to which frames and the checkout page send a cardholder.
//!
//! Facts: paymennt §5 (address; from here the browser goes on to the shop with what it has to know).

use super::message;
use crate::api::{Page, Reply, Visit, show, submit};
use crate::pages::Bank;
use crate::providers::paymennt::checkouts;
use crate::providers::paymennt::payments::{self, Payment, Status, challenge_url};
use crate::providers::paymennt::state::State;
use crate::providers::paymennt::{MERCHANT, World};
use crate::world::Id;

pub fn pages() -> Vec<Page<State>> {
    vec![
        show("/frames/redirect/payment/{token}", is_payment, open),
        submit("/frames/redirect/payment/{token}", is_payment, answer),
    ]
}

fn is_payment(world: &World, token: &str) -> bool {
    world.state.payments.find(token).is_some()
}

/// The payment of the address, while it waits.
fn waiting(world: &World, visit: &Visit) -> Result<Id<Payment>, Reply> {
    let Some(id) = world.state.payments.find(&visit.token) else {
        return Err(message(visit, 404, "This link leads nowhere", "There is no such payment any more."));
    };
    if world.state.payments[id].status == Status::Redirect { Ok(id) } else { Err(onward(world, id, visit)) }
}

/// On to the end of the checkout, which leads back to the shop.
fn onward(world: &World, id: Id<Payment>, visit: &Visit) -> Reply {
    let checkout = world.state.payments[id].checkout;
    Reply::redirect(&format!("{}/complete/", checkouts::url(&world.state.checkouts[checkout], visit.site)))
}

fn open(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let id = waiting(world, visit)?;
    let row = &world.state.payments[id];
    let checkout = &world.state.checkouts[row.checkout];
    let bank = Bank {
        frame: visit.frame(),
        merchant: MERCHANT,
        amount: checkouts::price(checkout),
        last4: row.card.last4(),
        address: challenge_url(&world.state, id, visit.site),
    };
    Ok(Reply::page(200, bank.html()))
}

fn answer(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = waiting(world, visit)?;
    match visit.form.text("answer") {
        said @ ("approve" | "fail") => payments::challenge(world, id, said == "approve"),
        // Whoever leaves has not paid; the checkout waits until its time is up.
        "abandon" => {
            let text = "Nothing was charged. You can come back to this page until the checkout expires.";
            return Err(message(visit, 200, "Left without an answer", text));
        }
        _ => return Err(Reply::redirect(&challenge_url(&world.state, id, visit.site))),
    }
    Ok(onward(world, id, visit))
}
