//! Hosted pages: what a customer's browser opens, without a key.
//!
//! Facts: paygentic-behaviour §2.9 (addresses, messages to the embedding page, redirects), guide "customer
//! lifecycle". What the pages look like and say is ours (docs/fidelity.md).

mod authorize;
mod bill;
mod challenge;
mod checkout;
mod done;
mod invoice;
mod portal;
mod terms;

use super::payment_sessions::{self, Session, Status};
use super::state::{MERCHANT_NAME, State};
use super::{Page, World};
use crate::api::{Reply, Visit, enter, show, submit};
use crate::pages::Message;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, Row, Table};

pub fn pages() -> Vec<Page> {
    let mut pages = vec![
        show("/portal/pay/{token}", is_session, checkout::show),
        submit("/portal/pay/{token}", is_session, checkout::pay),
        submit("/portal/pay/{token}/cancel", is_session, checkout::cancel),
        show("/portal/pay/{token}/challenge", is_session, challenge::show),
        submit("/portal/pay/{token}/challenge", is_session, challenge::answer),
        show("/portal/pay/{token}/done", is_session, done::show),
        enter("/portal/invoice/{token}", is_invoice, invoice::enter),
        show("/authorize/{token}", is_authorization, authorize::show),
        submit("/authorize/{token}", is_authorization, authorize::sign_up),
        submit("/authorize/{token}/decline", is_authorization, authorize::decline),
        show("/authorize/{token}/declined", is_authorization, authorize::declined),
        show("/authorize/{token}/done", is_authorization, authorize::done),
    ];
    pages.extend(portal::pages());
    pages
}

fn is_session(world: &World, token: &str) -> bool {
    world.state.sessions.find(token).is_some()
}

fn is_invoice(world: &World, token: &str) -> bool {
    world.state.invoices.find(token).is_some()
}

fn is_authorization(world: &World, token: &str) -> bool {
    world.state.authorizations.contains_key(token)
}

/// A page that only says something.
fn message(visit: &Visit, status: u16, title: &'static str, text: impl Into<String>) -> Reply {
    Reply::page(status, Message::new(visit.frame(), title, text).html())
}

/// The row that the address means. It may be gone since its world was found: a world can be reset.
fn row<T: Row>(table: &Table<T>, visit: &Visit) -> Result<Id<T>, Reply> {
    table.find(&visit.token).ok_or_else(|| nowhere(visit, T::NOUN))
}

fn nowhere(visit: &Visit, noun: &str) -> Reply {
    message(visit, 404, "This link leads nowhere", format!("There is no such {noun} any more."))
}

/// The session that is to be paid: the address names it, alone or below the portal that the customer comes from.
fn session(world: &World, visit: &Visit) -> Result<Id<Session>, Reply> {
    if visit.segment(portal::PAYMENT).is_empty() {
        return row(&world.state.sessions, visit);
    }
    portal::payment(world, visit)
}

/// The session that the address means, if it can still be paid.
fn pending(world: &World, visit: &Visit) -> Result<Id<Session>, Reply> {
    let id = session(world, visit)?;
    match world.state.sessions[id].status {
        Status::Pending => Ok(id),
        // Whoever sends a form twice ends where the first one led.
        Status::Completed => Err(Reply::redirect(&below(&world.state, id, visit, "/done"))),
        status => Err(over(world, id, visit, status)),
    }
}

/// Why nobody can pay any more.
fn over(world: &World, id: Id<Session>, visit: &Visit, status: Status) -> Reply {
    let (title, text) = match status {
        Status::Expired => {
            let until = minute(world.state.sessions[id].expires_at);
            let text = format!("It could be used until {until}. Ask {MERCHANT_NAME} for a new one.");
            ("This link has expired", text)
        }
        Status::Failed => {
            let text = format!("It was given up and cannot be tried again here. Ask {MERCHANT_NAME} for a new link.");
            ("This payment has failed", text)
        }
        _ => {
            let text = "There is nothing left to pay here, or a newer link to pay it.";
            ("This link is no longer valid", text.to_owned())
        }
    };
    let page = Message::new(visit.frame(), title, text);
    let page = match portal::of_payment(visit) {
        Some(portal) => page.with_link("Back to the portal", portal, false),
        None => page,
    };
    Reply::page(410, page.html())
}

/// An instant as a customer reads it.
fn minute(at: Timestamp) -> String {
    at.civil().strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// An address at or below the page of a session, which stays below the portal that it was opened from.
fn below(state: &State, id: Id<Session>, visit: &Visit, rest: &str) -> String {
    let page = match portal::of_payment(visit) {
        Some(portal) => portal::checkout(state, id, &portal),
        None => payment_sessions::url(state, id, visit.site),
    };
    page + rest
}

/// What the page that frames this one is told (§2.9): the portal, which a payment in it leads back to, is no checkout.
fn word(visit: &Visit, said: &'static str) -> Option<&'static str> {
    portal::of_payment(visit).is_none().then_some(said)
}

/// The instant that the world's clock shows.
fn today(world: &World, visit: &Visit) -> Timestamp {
    world.clock(ClockId::WORLD).reading(visit.wall)
}

/// The instant that a session's clock shows.
fn now(world: &World, id: Id<Session>, visit: &Visit) -> Timestamp {
    world.clock(world.state.sessions[id].clock).reading(visit.wall)
}
