//! The customer portal.
//!
//! Facts: paylera §6.1, guide "customer portal". A link lets one browser in; then the address is the key, for the rest
//! of the link's hour. No site may frame it. `view` shows it, `acts` does what is asked there, `words` speaks.

mod acts;
mod view;
mod words;

use self::words::Words;
use super::{message, minute, now};
use crate::api::{Page, Reply, Visit, enter, show, submit};
use crate::providers::paylera::World;
use crate::providers::paylera::customers::{self, Customer};
use crate::providers::paylera::portal_sessions::{self, Modules, PortalSession};
use crate::providers::paylera::state::{MERCHANT, State};
use crate::world::Id;

pub fn pages() -> Vec<Page<State>> {
    vec![
        enter("/portal/p/{token}", is_link, let_in),
        show("/portal/s/{token}", is_open, view::show),
        show("/portal/s/{token}/brand.css", is_open, view::brand),
        show("/portal/s/{token}/methods/new", is_open, view::new_method),
        submit("/portal/s/{token}/methods/new", is_open, acts::add_method),
        submit("/portal/s/{token}/methods/{method}/remove", is_open, acts::remove_method),
        submit("/portal/s/{token}/methods/{method}/default", is_open, acts::prefer_method),
        submit("/portal/s/{token}/subscriptions/{subscription}/plan", is_open, acts::change_plan),
        submit("/portal/s/{token}/subscriptions/{subscription}/quantity", is_open, acts::change_quantity),
        submit("/portal/s/{token}/subscriptions/{subscription}/cancel", is_open, acts::cancel),
        submit("/portal/s/{token}/subscriptions/{subscription}/reactivate", is_open, acts::reactivate),
        submit("/portal/s/{token}/invoices/{invoice}/pay", is_open, acts::pay),
        submit("/portal/s/{token}/tax-ids", is_open, acts::add_tax_id),
        submit("/portal/s/{token}/tax-ids/{tax_id}/remove", is_open, acts::remove_tax_id),
        submit("/portal/s/{token}/address", is_open, acts::change_address),
        submit("/portal/s/{token}/leave", is_open, acts::leave),
    ]
}

fn is_link(world: &World, token: &str) -> bool {
    world.state.portal_sessions.find(token).is_some()
}

fn is_open(world: &World, token: &str) -> bool {
    portal_sessions::find(&world.state, token).is_some()
}

/// Spends the link.
fn let_in(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let Some(id) = world.state.portal_sessions.find(&visit.token) else { return Err(nowhere(visit)) };
    let row = &world.state.portal_sessions[id];
    if row.expires_at <= now(world, visit) {
        return Err(expired(visit, row));
    }
    if row.opened_at.is_some() {
        let text = format!("It opens the portal once. Ask {MERCHANT} for a new one.");
        return Err(message(visit, 410, "This link has been used", text).unframed());
    }
    portal_sessions::enter(world, id);
    Ok(Reply::redirect(&format!("{}/portal/s/{}", visit.site, portal_sessions::token(&world.state, id))))
}

fn nowhere(visit: &Visit) -> Reply {
    message(visit, 404, "This link leads nowhere", "There is no such portal any more.").unframed()
}

fn expired(visit: &Visit, row: &PortalSession) -> Reply {
    let text = format!("It could be used until {}. Ask {MERCHANT} for a new link.", minute(row.expires_at));
    message(visit, 410, "This link has expired", text).unframed()
}

/// Whose portal this is, and what of it is shown.
#[derive(Clone, Copy)]
struct Guest {
    session: Id<PortalSession>,
    customer: Id<Customer>,
    modules: Modules,
    words: &'static Words,
}

/// The guest of the session in the address, while it lasts.
fn guest(world: &World, visit: &Visit) -> Result<Guest, Reply> {
    let session = portal_sessions::find(&world.state, &visit.token).ok_or_else(|| nowhere(visit))?;
    let row = &world.state.portal_sessions[session];
    if row.expires_at <= now(world, visit) || row.completed_at.is_some() {
        return Err(expired(visit, row));
    }
    if !customers::is_live(&world.state, row.customer) {
        let text = format!("{MERCHANT} has deleted it.");
        return Err(message(visit, 410, "This account is closed", text).unframed());
    }
    let words = Words::choose(row.locale.as_deref(), visit.languages);
    Ok(Guest { session, customer: row.customer, modules: row.modules(&world.state), words })
}

fn home(visit: &Visit) -> String {
    format!("{}/portal/s/{}", visit.site, visit.token)
}
