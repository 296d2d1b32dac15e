//! The `paymentUrl` of an invoice: leads to the page of its session, and opens one if none waits.

use super::{message, row};
use crate::api::{Reply, Visit};
use crate::providers::paygentic::World;
use crate::providers::paygentic::invoices::{self, Invoice, Status};
use crate::providers::paygentic::payment_sessions::{self, Session, Status as SessionStatus};
use crate::providers::paygentic::state::State;
use crate::world::Id;

pub(super) fn enter(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let id = row(&world.state.invoices, visit)?;
    let invoice = &world.state.invoices[id];
    if !invoice.is_owed() {
        return Err(not_payable(invoice, visit));
    }
    let session = session(world, id, visit)?;
    Ok(Reply::redirect(&payment_sessions::url(&world.state, session, visit.site)))
}

/// The session that an owed invoice is paid in: one that waits, or a new one.
pub(super) fn session(world: &mut World, id: Id<Invoice>, visit: &Visit) -> Result<Id<Session>, Reply> {
    if let Some(session) = waiting(&world.state, id) {
        return Ok(session);
    }
    let opened = invoices::link(world, id, None, false);
    opened.map_err(|fault| message(visit, 409, "This invoice cannot be paid", fault.message))
}

/// The session that collects the invoice: its own, or that of the subscription which it starts.
fn waiting(state: &State, id: Id<Invoice>) -> Option<Id<Session>> {
    let row = &state.invoices[id];
    let subscription = &state.subscriptions[row.subscription];
    let start = subscription.session.filter(|_| subscription.first_invoice == Some(id));
    row.session.into_iter().chain(start).find(|session| state.sessions[*session].status == SessionStatus::Pending)
}

fn not_payable(invoice: &Invoice, visit: &Visit) -> Reply {
    let number = invoice.number.map(|number| number.to_string()).unwrap_or_default();
    match invoice.status {
        Status::Paid => message(visit, 200, "Already paid", format!("Invoice {number} is paid. Thank you.")),
        Status::Cancelled => message(visit, 410, "Cancelled", "This invoice was cancelled: there is nothing to pay."),
        _ => message(visit, 409, "Not due yet", "This invoice is not issued yet: there is nothing to pay so far."),
    }
}
