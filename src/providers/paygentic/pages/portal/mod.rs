//! The customer portal: a subscription, its usage, invoices and payment methods.
//!
//! Facts: paygentic-behaviour §2.7, guide "customer lifecycle" (single use, embedding, what is shown). A link lets one
//! browser in. From then on the address is the key: a cookie would not survive in the frame of another site, where
//! most browsers keep third-party cookies away, and the portal is made to be framed.
//!
//! A checkout that is opened here stands below the portal's own address. So it knows where to lead back, framed or
//! not, and the session that is paid keeps the redirects that the merchant gave it.

mod invoices;
mod methods;
mod usage;
mod view;

use super::{challenge, checkout as payment_page, done, message, minute, nowhere, today};
use crate::api::{Reply, Visit, enter, show, submit};
use crate::providers::paygentic::customers::Customer;
use crate::providers::paygentic::payment_sessions::Session;
use crate::providers::paygentic::state::{MERCHANT_NAME, State};
use crate::providers::paygentic::subscriptions::{self, Closed, Subscription};
use crate::providers::paygentic::{Page, World};
use crate::time::Timestamp;
use crate::world::{Id, Row};

/// The segment that names the session which is paid.
pub(super) const PAYMENT: &str = "payment";

pub(super) fn pages() -> Vec<Page> {
    vec![
        enter("/portal/access/{token}", is_link, let_in),
        show("/portal/session/{token}", is_open, view::show),
        show("/portal/session/{token}/invoices/{invoice}/pdf", is_open, invoices::pdf),
        enter("/portal/session/{token}/invoices/{invoice}/pay", is_open, invoices::pay),
        submit("/portal/session/{token}/payment-methods", is_open, methods::add),
        submit("/portal/session/{token}/payment-methods/{method}/remove", is_open, methods::remove),
        submit("/portal/session/{token}/payment-methods/{method}/default", is_open, methods::prefer),
        show("/portal/session/{token}/pay/{payment}", is_open, payment_page::show),
        submit("/portal/session/{token}/pay/{payment}", is_open, payment_page::pay),
        submit("/portal/session/{token}/pay/{payment}/cancel", is_open, payment_page::cancel),
        show("/portal/session/{token}/pay/{payment}/challenge", is_open, challenge::show),
        submit("/portal/session/{token}/pay/{payment}/challenge", is_open, challenge::answer),
        show("/portal/session/{token}/pay/{payment}/done", is_open, done::show),
    ]
}

fn is_link(world: &World, token: &str) -> bool {
    world.state.portals.contains_key(token)
}

fn is_open(world: &World, token: &str) -> bool {
    world.state.portal_sessions.contains_key(token)
}

/// Spends the link.
fn let_in(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    match subscriptions::enter(world, &visit.token) {
        Ok(session) => Ok(Reply::redirect(&format!("{}/portal/session/{session}", visit.site))),
        Err(Closed::Unknown) => Err(nowhere(visit, "link")),
        Err(Closed::Spent) => {
            let text = format!("It opens the portal once. Ask {MERCHANT_NAME} for a new one.");
            Err(message(visit, 410, "This link has been used", text))
        }
        Err(Closed::Expired(at)) => Err(expired(visit, "This link has expired", at)),
    }
}

fn expired(visit: &Visit, title: &'static str, at: Timestamp) -> Reply {
    let text = format!("It could be used until {}. Ask {MERCHANT_NAME} for a new link.", minute(at));
    message(visit, 410, title, text)
}

/// Whose portal this is.
#[derive(Clone, Copy)]
struct Owner {
    subscription: Id<Subscription>,
    customer: Id<Customer>,
    /// Until when the browser may stay.
    until: Timestamp,
}

/// The owner of the session in the address, while it lasts.
fn owner(world: &World, visit: &Visit) -> Result<Owner, Reply> {
    let session = world.state.portal_sessions.get(&*visit.token).ok_or_else(|| nowhere(visit, "session"))?;
    if session.expires_at <= today(world, visit) {
        return Err(expired(visit, "This session has ended", session.expires_at));
    }
    // A link outlives what it leads to when a merchant's account is reset.
    let customer = world.state.subscriptions.get(session.subscription).map(|row| row.customer);
    let Some(customer) = customer.filter(|id| world.state.customers[*id].deleted_at.is_none()) else {
        return Err(message(visit, 410, "This account is closed", format!("{MERCHANT_NAME} has deleted it.")));
    };
    Ok(Owner { subscription: session.subscription, customer, until: session.expires_at })
}

/// The portal of a session.
fn home(visit: &Visit) -> String {
    format!("{}/portal/session/{}", visit.site, visit.token)
}

/// The portal that a payment was opened from: its address says so.
pub(super) fn of_payment(visit: &Visit) -> Option<String> {
    (!visit.segment(PAYMENT).is_empty()).then(|| home(visit))
}

/// The page of a payment session below a portal.
pub(super) fn checkout(state: &State, id: Id<Session>, portal: &str) -> String {
    format!("{portal}/pay/{}", state.sessions.text(id))
}

/// The payment session that the address means. A portal pays for its own customer only.
pub(super) fn payment(world: &World, visit: &Visit) -> Result<Id<Session>, Reply> {
    let owner = owner(world, visit)?;
    let found = world.state.sessions.find(visit.segment(PAYMENT));
    let own = found.filter(|id| world.state.sessions[*id].customer == Some(owner.customer));
    own.ok_or_else(|| nowhere(visit, Session::NOUN))
}
