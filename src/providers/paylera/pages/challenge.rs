//! The bank's challenge: where a cardholder confirms a payment, or does not.
//!
//! Facts: paylera §6.3: from here the browser goes on to the `return_url` of the pay call, with `{PAYMENT_ID}` filled in.

use super::{message, money};
use crate::api::{Page, Reply, Visit, show, submit};
use crate::pages::{Bank, Message};
use crate::providers::paylera::World;
use crate::providers::paylera::payment_methods;
use crate::providers::paylera::payments::{self, Payment, Status, challenge_url, challenged};
use crate::providers::paylera::state::{MERCHANT, State};
use crate::world::Id;

pub fn pages() -> Vec<Page<State>> {
    vec![show("/3ds/{token}", is_payment, open), submit("/3ds/{token}", is_payment, answer)]
}

fn is_payment(world: &World, token: &str) -> bool {
    challenged(&world.state, token).is_some()
}

/// The payment of the address, while it waits.
fn waiting(world: &World, visit: &Visit) -> Result<Id<Payment>, Reply> {
    let Some(id) = challenged(&world.state, &visit.token) else {
        return Err(message(visit, 404, "This link leads nowhere", "There is no such payment any more."));
    };
    if world.state.payments[id].status == Status::RequiresAction {
        return Ok(id);
    }
    Err(over(world, id, visit))
}

fn open(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let id = waiting(world, visit)?;
    let row = &world.state.payments[id];
    let bank = Bank {
        frame: visit.frame(),
        merchant: MERCHANT,
        amount: money(row.amount, &row.currency),
        last4: row.method.map(|method| payment_methods::last4(&world.state, method).to_owned()).unwrap_or_default(),
        address: challenge_url(&world.state, id, visit.site),
    };
    Ok(Reply::page(200, bank.html()))
}

fn answer(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = waiting(world, visit)?;
    match visit.form.text("answer") {
        said @ ("approve" | "fail") => {
            if payments::answer(world, id, said == "approve").is_err() {
                return Err(over(world, id, visit));
            }
        }
        // The payment waits on.
        "abandon" => {}
        _ => return Err(Reply::redirect(&challenge_url(&world.state, id, visit.site))),
    }
    let row = &world.state.payments[id];
    Ok(match &row.return_url {
        Some(url) => Reply::redirect(&url.of(world.state.payments.text(id).as_str())),
        None => ended(world, id, visit, 200),
    })
}

/// The page where a payment without an address to go to ends.
fn ended(world: &World, id: Id<Payment>, visit: &Visit, status: u16) -> Reply {
    let row = &world.state.payments[id];
    let (good, title, text) = match row.status {
        Status::Succeeded => {
            (true, "Payment confirmed", format!("{MERCHANT} has received {}.", money(row.amount, &row.currency)))
        }
        Status::RequiresAction => {
            (false, "Not confirmed yet", "The payment waits. Open the link again to confirm it.".to_owned())
        }
        _ => (false, "Payment not confirmed", "Nothing was charged.".to_owned()),
    };
    Reply::page(status, Message { good, ..Message::new(visit.frame(), title, text) }.html())
}

/// There is nothing to confirm any more.
fn over(world: &World, id: Id<Payment>, visit: &Visit) -> Reply {
    ended(world, id, visit, 410)
}
