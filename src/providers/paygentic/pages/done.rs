//! Where a payment ends: back at the merchant's page, or word to the page that frames this one.

use super::{below, pending, portal, session};
use crate::api::{Reply, Visit};
use crate::pages::{Frame, Message};
use crate::providers::paygentic::World;
use crate::providers::paygentic::payment_sessions::{Purpose, Session, Status};
use crate::providers::paygentic::state::MERCHANT_NAME;
use crate::world::Id;

/// What the embedding page is told (§2.9).
const SUCCEEDED: &str = "payment_success";
/// Also told when the customer cancels.
pub(super) const FAILED: &str = "payment_error";

pub(super) fn show(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let id = session(world, visit)?;
    if world.state.sessions[id].status == Status::Completed {
        return Ok(paid(world, id, visit));
    }
    let id = pending(world, visit)?;
    if visit.query.text("outcome") == "cancelled" {
        return Ok(leave(world, id, visit));
    }
    Err(Reply::redirect(&below(&world.state, id, visit, "")))
}

/// Paid just now: the customer goes on to the merchant, or back to the portal.
fn paid(world: &World, id: Id<Session>, visit: &Visit) -> Reply {
    if let Some(portal) = portal::of_payment(visit) {
        let told = if matches!(world.state.sessions[id].purpose, Purpose::Setup(_)) { "saved" } else { "paid" };
        return Reply::redirect(&format!("{portal}?told={told}"));
    }
    let url = redirects(world, id).0;
    if let (Some(url), Some(false)) = (url, visit.framed) {
        return Reply::redirect(url);
    }
    let (title, text) = thanks(world, id);
    let page = Message { good: true, ..Message::new(frame(visit, SUCCEEDED, url), title, text) };
    Reply::page(200, onward(page, visit, url).html())
}

/// Opened again after it was paid: nothing happens, nobody is told.
pub(super) fn paid_already(world: &World, id: Id<Session>, visit: &Visit) -> Reply {
    if let Some(portal) = portal::of_payment(visit) {
        return Reply::redirect(&portal);
    }
    let (title, text) = thanks(world, id);
    let title = if title == "Paid" { "Already paid" } else { title };
    let page = Message { good: true, ..Message::new(visit.frame(), title, text) };
    Reply::page(200, onward(page, visit, redirects(world, id).0).html())
}

/// The customer has cancelled: back to the portal, standalone to where the merchant wants them, in a frame with word to its parent.
pub(super) fn leave(world: &World, id: Id<Session>, visit: &Visit) -> Reply {
    if let Some(portal) = portal::of_payment(visit) {
        return Reply::redirect(&format!("{portal}?told=cancelled"));
    }
    let url = redirects(world, id).1;
    match (visit.framed, url) {
        (Some(false), Some(url)) => Reply::redirect(url),
        (Some(false), None) => Reply::redirect(&below(&world.state, id, visit, "?told=cancelled")),
        _ => {
            let text = "Nothing was charged. The link stays open until it expires.";
            let page = Message::new(frame(visit, FAILED, url), "Cancelled", text);
            let page = page.with_link("Try again", below(&world.state, id, visit, ""), false);
            Reply::page(200, onward(page, visit, url).html())
        }
    }
}

/// What the page does by itself. A framed one never leaves; where nobody has said, its script finds out.
fn frame(visit: &Visit, post: &'static str, go: Option<&str>) -> Frame {
    let go = go.filter(|_| visit.framed != Some(true)).map(str::to_owned);
    Frame { post: Some(post), go, ..visit.frame() }
}

/// A way to the merchant's page that needs no script. A refresh by itself would need none either, but would also
/// turn a frame whose page has scripts switched off.
fn onward(page: Message, visit: &Visit, url: Option<&str>) -> Message {
    match url {
        Some(url) if visit.framed != Some(true) => page.with_link("Continue", url, true),
        _ => page,
    }
}

fn redirects(world: &World, id: Id<Session>) -> (Option<&str>, Option<&str>) {
    let urls = world.state.sessions[id].redirects.as_deref();
    let success = urls.and_then(|urls| urls.on_success.as_deref());
    (success, urls.and_then(|urls| urls.on_failure.as_deref()))
}

fn thanks(world: &World, id: Id<Session>) -> (&'static str, String) {
    let row = &world.state.sessions[id];
    if matches!(row.purpose, Purpose::Setup(_)) {
        return ("Card saved", format!("{MERCHANT_NAME} can charge it from now on."));
    }
    let amount = crate::billing::money::major(row.amount, &row.currency);
    ("Paid", format!("{MERCHANT_NAME} has received {} {amount}.", row.currency))
}
