//! Attempts to pay a session: on its page, or through the control API.
//!
//! Facts: paygentic-behaviour §2.9. A page stays open after a decline; the control API can also give up for the
//! customer.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Purpose, Session, Status, finish, status_name};
use crate::api::Fault;
use crate::billing::cards::{Attempt, Card, Outcome};
use crate::providers::paygentic::World;
use crate::providers::paygentic::customers::{self, Customer, PaymentMethod};
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::invoices::Invoice;
use crate::providers::paygentic::payments::{self, Payment};
use crate::providers::paygentic::state::State;
use crate::world::{Id, IdText, Row};

/// A card whose bank wants the cardholder's word first, and what the customer said about keeping it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Challenge {
    pub card: Card,
    pub save: Option<bool>,
}

/// Pays a session, or fails to, as the control API asks: nobody is there to be asked by a bank.
pub fn pay(world: &mut World, session: &str, attempt: &Attempt) -> Result<Value, Fault> {
    let id = world.state.sessions.find(session).ok_or_else(|| Fault::no_such(Session::NOUN, session))?;
    let row = &world.state.sessions[id];
    if row.status != Status::Pending {
        let fault = Fault::conflict(format!(
            "Payment session {session} is {}: it can be paid no more",
            status_name(row.status)
        ));
        let expired = row.status == Status::Expired;
        return Err(if expired { fault.with_code("PAYMENT_SESSION_EXPIRED") } else { fault });
    }
    match attempt {
        Attempt::Fail { code } => give_up(world, id, code),
        // The page stays after a decline, and the answer says so.
        Attempt::Pay { card, save } => drop(charge(world, id, card, *save)),
    }
    let row = &world.state.sessions[id];
    let paid = row.status == Status::Completed;
    Ok(json!({
        "session": world.state.sessions.text(id),
        "status": row.status,
        "paid": paid,
        // The session remembers what was tried before.
        "declineCode": row.decline.as_deref().filter(|_| !paid),
    }))
}

/// Charges a card for a pending session. A bank that wants the cardholder's word has it.
///
/// # Errors
/// The code of the decline, which the session remembers: the customer may try another card.
pub fn charge(world: &mut World, id: Id<Session>, card: &Card, save: Option<bool>) -> Result<(), &'static str> {
    let about = about(world, id);
    match world.scripts.take(&about).unwrap_or_else(|| card.outcome()) {
        Outcome::Succeeds | Outcome::NeedsAuthentication => {
            complete(world, id, card, save);
            Ok(())
        }
        Outcome::Declined(code) => {
            note_decline(world, id, code);
            Err(code)
        }
    }
}

/// Whether the bank wants the cardholder's word before this card is charged.
pub fn asks(world: &World, id: Id<Session>, card: &Card) -> bool {
    world.scripts.next(&about(world, id)).unwrap_or_else(|| card.outcome()) == Outcome::NeedsAuthentication
}

/// What a charge is about, for those who have scripted its outcome. A card that is only saved is not charged.
fn about(world: &World, id: Id<Session>) -> Vec<IdText> {
    if world.scripts.is_empty() {
        return Vec::new();
    }
    let (state, row) = (&world.state, &world.state.sessions[id]);
    let owed = match row.purpose {
        Purpose::Setup(_) => return Vec::new(),
        Purpose::Payment(payment) => Some(state.payments.text(payment)),
        Purpose::Invoice(invoice) => Some(state.invoices.text(invoice)),
        Purpose::Activation(subscription) => {
            state.subscriptions[subscription].first_invoice.map(|invoice| state.invoices.text(invoice))
        }
    };
    owed.into_iter().chain(row.customer.map(|customer| state.customers.text(customer))).collect()
}

/// The kind of a row whose charges a script may decide.
pub fn scriptable(state: &State, id: &str) -> Option<&'static str> {
    let kinds = [
        state.customers.find(id).map(|_| Customer::NOUN),
        state.payment_methods.find(id).map(|_| PaymentMethod::NOUN),
        state.invoices.find(id).map(|_| Invoice::NOUN),
        state.payments.find(id).map(|_| Payment::NOUN),
    ];
    kinds.into_iter().flatten().next()
}

/// Leaves a card with its bank until the cardholder has answered.
pub fn ask(world: &mut World, id: Id<Session>, challenge: Challenge) {
    world.state.sessions.update(id, |row| row.challenge = Some(Box::new(challenge)));
}

/// The cardholder has said yes: the card that waited pays, if one did.
pub fn approve(world: &mut World, id: Id<Session>) {
    if let Some(waiting) = world.state.sessions.update(id, |row| row.challenge.take()) {
        let about = about(world, id);
        world.scripts.take(&about);
        complete(world, id, &waiting.card, waiting.save);
    }
}

/// The bank does not believe that it is the cardholder.
pub fn reject(world: &mut World, id: Id<Session>) {
    let about = about(world, id);
    world.scripts.take(&about);
    note_decline(world, id, "authentication_failed");
}

/// The customer has turned away from the bank: as if nothing had been tried.
pub fn put_off(world: &mut World, id: Id<Session>) {
    world.state.sessions.update(id, |row| row.challenge = None);
}

fn note_decline(world: &mut World, id: Id<Session>, code: &str) {
    let now = world.now(world.state.sessions[id].clock);
    world.state.sessions.update(id, |row| {
        row.challenge = None;
        row.decline = Some(code.into());
        row.updated_at = now;
    });
}

fn complete(world: &mut World, id: Id<Session>, card: &Card, save: Option<bool>) {
    finish(world, id, Status::Completed);
    let row = world.state.sessions[id].clone();
    if let Some(customer) = row.customer
        && keeps(&world.state, &row, save)
    {
        customers::keep_card(world, customer, card);
    }
    match row.purpose {
        Purpose::Setup(_) => {}
        Purpose::Payment(payment) => payments::completed(world, payment),
        Purpose::Invoice(invoice) => cycle::settle(world, invoice),
        Purpose::Activation(subscription) => match world.state.subscriptions[subscription].first_invoice {
            Some(invoice) if world.state.invoices[invoice].is_owed() => cycle::settle(world, invoice),
            _ => cycle::activate(world, subscription),
        },
    }
}

/// Whether the card that pays is kept. A set-up page does nothing else. Elsewhere the customer says so, or it is
/// kept where the session asks for it or automatic charges could not go on without.
pub fn keeps(state: &State, session: &Session, save: Option<bool>) -> bool {
    let auto_charge = match session.purpose {
        Purpose::Setup(_) => return true,
        Purpose::Activation(subscription) => state.subscriptions[subscription].auto_charge,
        Purpose::Invoice(invoice) => state.subscriptions[state.invoices[invoice].subscription].auto_charge,
        Purpose::Payment(_) => false,
    };
    save.unwrap_or(session.save || auto_charge)
}

fn give_up(world: &mut World, id: Id<Session>, code: &str) {
    note_decline(world, id, code);
    finish(world, id, Status::Failed);
    match world.state.sessions[id].purpose {
        Purpose::Setup(_) => {}
        Purpose::Payment(payment) => payments::failed(world, payment),
        Purpose::Invoice(invoice) => fail_owed(world, invoice),
        Purpose::Activation(subscription) => {
            if let Some(invoice) = world.state.subscriptions[subscription].first_invoice {
                fail_owed(world, invoice);
            }
        }
    }
}

fn fail_owed(world: &mut World, invoice: Id<Invoice>) {
    if world.state.invoices[invoice].is_owed() {
        cycle::fail(world, invoice);
    }
}
