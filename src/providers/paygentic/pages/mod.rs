//! Hosted pages: what a customer's browser opens, without a key.
//!
//! Facts: paygentic-behaviour §2.9 (addresses, messages to the embedding page, redirects), guide "customer
//! lifecycle". What the pages look like and say is ours (docs/fidelity.md).

mod bill;
mod challenge;
mod checkout;
mod done;
mod invoice;
mod webhooks;

use super::payment_sessions::{self, Session, Status};
use super::state::{MERCHANT_NAME, State};
use super::{Page, World};
use crate::api::{Reply, Visit, enter, show, submit};
use crate::pages::Message;
use crate::time::Timestamp;
use crate::world::{Id, Row, Table};

pub fn pages() -> Vec<Page> {
    vec![
        show("/portal/pay/{token}", is_session, checkout::show),
        submit("/portal/pay/{token}", is_session, checkout::pay),
        submit("/portal/pay/{token}/cancel", is_session, checkout::cancel),
        show("/portal/pay/{token}/challenge", is_session, challenge::show),
        submit("/portal/pay/{token}/challenge", is_session, challenge::answer),
        show("/portal/pay/{token}/done", is_session, done::show),
        enter("/portal/invoice/{token}", is_invoice, invoice::enter),
        show("/portal/webhooks/{token}", webhooks::opens, webhooks::show),
        submit("/portal/webhooks/{token}", webhooks::opens, webhooks::add),
        submit("/portal/webhooks/{token}/remove", webhooks::opens, webhooks::remove),
        submit("/portal/webhooks/{token}/resend", webhooks::opens, webhooks::resend),
        show("/portal/access/{token}", |world, token| world.state.portals.contains_key(token), not_built),
        show("/authorize/{token}", |world, token| world.state.authorizations.contains_key(token), not_built),
    ]
}

fn is_session(world: &World, token: &str) -> bool {
    world.state.sessions.find(token).is_some()
}

fn is_invoice(world: &World, token: &str) -> bool {
    world.state.invoices.find(token).is_some()
}

fn not_built(_: &World, visit: &Visit) -> Result<Reply, Reply> {
    Err(message(visit, 501, "Not built yet", "This page is not built yet. The API behind it works."))
}

/// A page that only says something.
fn message(visit: &Visit, status: u16, title: &'static str, text: impl Into<String>) -> Reply {
    Reply::page(status, Message::new(visit.frame(), title, text).html())
}

/// The row that the address means. It may be gone since its world was found: a world can be reset.
fn row<T: Row>(table: &Table<T>, visit: &Visit) -> Result<Id<T>, Reply> {
    table.find(&visit.token).ok_or_else(|| {
        message(visit, 404, "This link leads nowhere", format!("There is no such {} any more.", T::NOUN))
    })
}

/// The session that the address means, if it can still be paid.
fn pending(world: &World, visit: &Visit) -> Result<Id<Session>, Reply> {
    let id = row(&world.state.sessions, visit)?;
    match world.state.sessions[id].status {
        Status::Pending => Ok(id),
        // Whoever sends a form twice ends where the first one led.
        Status::Completed => Err(Reply::redirect(&below(&world.state, id, visit, "/done"))),
        status => Err(over(world, id, visit, status)),
    }
}

/// Why nobody can pay any more.
fn over(world: &World, id: Id<Session>, visit: &Visit, status: Status) -> Reply {
    if status == Status::Expired {
        let until = world.state.sessions[id].expires_at.civil().strftime("%-d %B %Y, %H:%M UTC");
        let text = format!("It could be used until {until}. Ask {MERCHANT_NAME} for a new one.");
        return message(visit, 410, "This link has expired", text);
    }
    if status == Status::Failed {
        let text = format!("It was given up and cannot be tried again here. Ask {MERCHANT_NAME} for a new link.");
        return message(visit, 410, "This payment has failed", text);
    }
    message(visit, 410, "This link is no longer valid", "There is nothing left to pay here, or a newer link to pay it.")
}

/// An address at or below the page of a session.
fn below(state: &State, id: Id<Session>, visit: &Visit, rest: &str) -> String {
    payment_sessions::url(state, id, visit.site) + rest
}

/// The instant that a session's clock shows.
fn now(world: &World, id: Id<Session>, visit: &Visit) -> Timestamp {
    world.clock(world.state.sessions[id].clock).reading(visit.wall)
}
