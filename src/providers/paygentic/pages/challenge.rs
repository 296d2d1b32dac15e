//! 3-D Secure: the page of a bank that is none, where the cardholder approves, fails or turns away.

use super::bill::Bill;
use super::{below, pending};
use crate::api::{Reply, Visit};
use crate::pages::Bank;
use crate::providers::paygentic::World;
use crate::providers::paygentic::payment_sessions;

pub(super) fn show(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let row = &world.state.sessions[id];
    let Some(challenge) = &row.challenge else {
        return Err(Reply::redirect(&below(&world.state, id, visit, "")));
    };
    let bill = Bill::of(&world.state, row);
    let page = Bank {
        frame: visit.frame(),
        merchant: bill.merchant,
        amount: bill.amount,
        last4: challenge.card.last4(),
        address: below(&world.state, id, visit, "/challenge"),
    };
    Ok(Reply::page(200, page.html()))
}

pub(super) fn answer(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = pending(world, visit)?;
    let to = |world: &World, rest: &str| Reply::redirect(&below(&world.state, id, visit, rest));
    if world.state.sessions[id].challenge.is_none() {
        return Err(to(world, ""));
    }
    let rest = match visit.form.text("answer") {
        "approve" => {
            payment_sessions::approve(world, id);
            "/done"
        }
        "fail" => {
            payment_sessions::reject(world, id);
            "?told=authentication_failed"
        }
        "abandon" => {
            payment_sessions::put_off(world, id);
            "?told=abandoned"
        }
        _ => return Err(to(world, "/challenge")),
    };
    Ok(to(world, rest))
}
