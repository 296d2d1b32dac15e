//! The invoices of a portal: a document of each, and a way to pay what is owed.

use super::{Owner, checkout, home, owner};
use crate::api::{Reply, Visit};
use crate::billing::money::major;
use crate::providers::paygentic::World;
use crate::providers::paygentic::invoices::{self, Invoice, Status, date};
use crate::providers::paygentic::pages::{invoice, nowhere};
use crate::providers::paygentic::state::State;
use crate::world::{Id, Row};

/// How many invoices a page lists: some years of months. A subscription by the minute has thousands.
const LISTED_MOST: usize = 60;

/// One row.
pub(super) struct Listed {
    pub number: String,
    pub date: String,
    pub status: &'static str,
    /// How the status is marked.
    pub mark: &'static str,
    pub total: String,
    pub pdf: String,
    pub pay: Option<String>,
}

/// The newest invoices that have gone out, and how many older ones there are.
pub(super) fn listed(state: &State, owner: Owner, visit: &Visit) -> (Vec<Listed>, usize) {
    let own = |row: &Invoice| row.subscription == owner.subscription && row.is_issued();
    let mut own: Vec<Id<Invoice>> = state.invoices.iter().filter(|(_, row)| own(row)).map(|(id, _)| id).collect();
    own.sort_by_key(|id| std::cmp::Reverse(state.invoices[*id].sequence));
    let older = own.len().saturating_sub(LISTED_MOST);
    own.truncate(LISTED_MOST);
    (own.into_iter().map(|id| list(state, id, visit)).collect(), older)
}

fn list(state: &State, id: Id<Invoice>, visit: &Visit) -> Listed {
    let row = &state.invoices[id];
    let currency = &state.plans[state.subscriptions[row.subscription].plan].currency;
    let (status, mark) = match row.status {
        Status::Paid => ("Paid", "good"),
        Status::Issued => ("Due", "asks"),
        Status::PaymentFailed => ("Payment failed", "bad"),
        Status::Cancelled => ("Cancelled", "plain"),
        _ => ("Closed", "plain"),
    };
    let page = format!("{}/invoices/{}", home(visit), state.invoices.text(id));
    Listed {
        number: row.number.map_or_else(|| "Invoice".to_owned(), |number| number.to_string()),
        date: row.issued_at.map(date).unwrap_or_default(),
        status,
        mark,
        total: format!("{currency} {}", major(row.totals.gross(), currency)),
        pay: row.is_owed().then(|| format!("{page}/pay")),
        pdf: format!("{page}/pdf"),
    }
}

/// The invoice in the address, of the portal's own customer.
fn addressed(world: &World, visit: &Visit) -> Result<Id<Invoice>, Reply> {
    let owner = owner(world, visit)?;
    let state = &world.state;
    let found = state.invoices.find(visit.segment("invoice"));
    let own = found.filter(|id| state.subscriptions[state.invoices[*id].subscription].customer == owner.customer);
    own.ok_or_else(|| nowhere(visit, Invoice::NOUN))
}

/// The document. A browser has no key, so that it has an address of its own here.
pub(super) fn pdf(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let id = addressed(world, visit)?;
    let row = &world.state.invoices[id];
    let Some(number) = row.number.filter(|_| row.is_issued()) else {
        return Err(nowhere(visit, "document"));
    };
    let reply = invoices::document(&world.state, id);
    let reply = reply.with_header("content-disposition", format!("inline; filename=\"{number}.pdf\""));
    Ok(reply.with_header("cache-control", "no-store").with_header("x-content-type-options", "nosniff"))
}

/// Leads to the checkout, below this portal. What is no longer owed stands in the portal as it is.
pub(super) fn pay(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = addressed(world, visit)?;
    if !world.state.invoices[id].is_owed() {
        return Err(Reply::redirect(&home(visit)));
    }
    let session = invoice::session(world, id, visit)?;
    Ok(Reply::redirect(&checkout(&world.state, session, &home(visit))))
}
