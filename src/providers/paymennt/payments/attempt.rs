//! Attempts to pay a checkout: by token, by stored card, on a page, by hand.
//!
//! Facts: paymennt §2.2 (what clients do with each status), §5 (test cards). Which cards ask for the cardholder and
//! which are declined is the house's table; this vendor's own two cards are read here.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{CARD, Payment, Status, charged_back, let_go, set};
use crate::api::Fault;
use crate::billing::cards::{self, Card, Outcome};
use crate::providers::paymennt::World;
use crate::providers::paymennt::cards::{StoredCard, find, kept, store};
use crate::providers::paymennt::checkouts::{self, Checkout, Status as CheckoutStatus};
use crate::providers::paymennt::customers::Customer;
use crate::providers::paymennt::state::State;
use crate::world::{ClockId, Id, IdText, Row as _};

/// The card that shows 3-D Secure in frames, and is paid without it elsewhere (§5).
const FRAMES_3DS: &str = "4242424242424242";

/// How a card comes to be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// With a token of the frames script; where the card is to be kept, under this customer id of the merchant.
    Token { keep: bool },
    /// A stored card, the customer being there or not.
    Stored { present: bool },
    /// On the hosted page.
    Page,
}

/// Charges a card for a checkout that waits to be paid. The payment says how it went.
pub fn charge(world: &mut World, checkout: Id<Checkout>, card: &Card, attempt: Attempt) -> Id<Payment> {
    let row = &world.state.checkouts[checkout];
    let reference = row.customer.as_ref().and_then(|seen| seen.details.reference.clone());
    let amount = row.amount;
    let keep_for = reference.filter(|_| attempt == Attempt::Token { keep: true });
    let created_at = world.now(ClockId::WORLD);
    // The holder of an earlier attempt has not answered, and is asked no more.
    let_go(world, checkout);
    let about = about(world, checkout, card);
    let scripted = world.scripts.take(&about);
    let (status, message) = outcome(card, attempt, scripted);
    let message = message.map(Cow::Borrowed);
    let card = Card { number: card.digits(), ..card.clone() };
    let payment =
        Payment { checkout, amount, status, message, card, keep_for, on_page: attempt == Attempt::Page, created_at };
    let id = world.state.payments.insert(payment);
    world.state.checkouts.update(checkout, |row| row.payment = Some(id));
    match status {
        Status::Captured => {
            keep(world, id);
            checkouts::paid(world, checkout, CARD);
        }
        Status::Redirect => {}
        _ => checkouts::change(world, checkout, CheckoutStatus::Failed, |_| {}),
    }
    id
}

/// What a charge is about, for those who have scripted its outcome.
fn about(world: &World, checkout: Id<Checkout>, card: &Card) -> Vec<IdText> {
    if world.scripts.is_empty() {
        return Vec::new();
    }
    let (state, row) = (&world.state, &world.state.checkouts[checkout]);
    let customer = row.customer.as_ref();
    let reference = customer.and_then(|seen| seen.details.reference.as_deref());
    let stored = reference.and_then(|reference| kept(state, reference, card));
    let customer = customer.map(|seen| state.customers.text(seen.id));
    [state.checkouts.text(checkout)].into_iter().chain(stored).chain(customer).collect()
}

/// The kind of a row whose charges a script may decide.
pub fn scriptable(state: &State, id: &str) -> Option<&'static str> {
    let kinds = [
        state.customers.find(id).map(|_| Customer::NOUN),
        find(state, id).map(|_| StoredCard::NOUN),
        state.checkouts.find(id).map(|_| Checkout::NOUN),
    ];
    kinds.into_iter().flatten().next()
}

fn outcome(card: &Card, attempt: Attempt, scripted: Option<Outcome>) -> (Status, Option<&'static str>) {
    let asks = match attempt {
        Attempt::Token { .. } => scripted.is_none() && card.digits() == FRAMES_3DS,
        Attempt::Stored { .. } | Attempt::Page => false,
    };
    match scripted.unwrap_or_else(|| card.outcome()) {
        Outcome::NeedsAuthentication if attempt == (Attempt::Stored { present: false }) => {
            (Status::Rejected, Some("Authentication required"))
        }
        Outcome::NeedsAuthentication => (Status::Redirect, None),
        Outcome::Declined(code) => (Status::Failed, Some(said(code))),
        Outcome::Succeeds if asks => (Status::Redirect, None),
        Outcome::Succeeds => (Status::Captured, None),
    }
}

/// What a bank's decline is called in `responseMessage`.
fn said(code: &str) -> &'static str {
    match code {
        "insufficient_funds" => "Insufficient funds",
        "expired_card" => "Expired card",
        "incorrect_cvc" => "Incorrect security code",
        "processing_error" => "Processing error",
        "authentication_failed" => "Authentication failed",
        _ => "Card declined",
    }
}

/// The cardholder has answered. What frames began is authorised then, and waits for the merchant to capture it; what a
/// hosted page began is paid.
pub fn challenge(world: &mut World, id: Id<Payment>, approved: bool) {
    let Payment { checkout, on_page, .. } = *world.state.payments[id];
    if !approved {
        world.state.payments.update(id, |row| row.message = Some(said("authentication_failed").into()));
        set(world, id, Status::Failed);
        checkouts::change(world, checkout, CheckoutStatus::Failed, |_| {});
        return;
    }
    keep(world, id);
    if on_page {
        set(world, id, Status::Captured);
        checkouts::paid(world, checkout, CARD);
    } else {
        set(world, id, Status::Authorized);
        checkouts::change(world, checkout, CheckoutStatus::Authorized, |row| row.used = Some(CARD.into()));
    }
}

/// Keeps the card of a payment that worked, if that was wished for.
fn keep(world: &mut World, id: Id<Payment>) {
    let row = &world.state.payments[id];
    let Some(reference) = row.keep_for.clone() else { return };
    let card = row.card.clone();
    let customer = world.state.checkouts[row.checkout].customer.as_ref();
    let holder = customer.map(|seen| seen.details.name()).unwrap_or_default();
    store(world, &reference, &holder, &card);
}

/// Pays or fails a checkout through the control API. Codes beyond those of cards reach the statuses that no page of
/// ours leads to: `pending_confirmation` holds it, `chargeback` takes back what was paid.
pub fn by_hand(world: &mut World, text: &str, attempt: &cards::Attempt) -> Result<Value, Fault> {
    let id = checkouts::meant(&world.state, text).ok_or_else(|| Fault::no_such("checkout", text))?;
    let status = world.state.checkouts[id].status;
    let over = |wanted: &str| {
        Err(Fault::conflict(format!("The checkout is {}: it has to be {wanted} for that", status.wire())))
    };
    let waits = matches!(status, CheckoutStatus::Pending | CheckoutStatus::PendingConfirmation);
    match attempt {
        cards::Attempt::Fail { code } if code == "chargeback" => {
            if !matches!(status, CheckoutStatus::Paid | CheckoutStatus::PartiallyRefunded) {
                return over("PAID or PARTIALLY_REFUNDED");
            }
            charged_back(world, id);
        }
        cards::Attempt::Fail { code } if code == "pending_confirmation" => {
            if status != CheckoutStatus::Pending {
                return over("PENDING");
            }
            let_go(world, id);
            checkouts::change(world, id, CheckoutStatus::PendingConfirmation, |_| {});
        }
        cards::Attempt::Fail { .. } => {
            if !waits {
                return over("PENDING or PENDING_CONFIRMATION");
            }
            let_go(world, id);
            checkouts::change(world, id, CheckoutStatus::Failed, |_| {});
        }
        cards::Attempt::Pay { card, .. } => {
            if !waits {
                return over("PENDING or PENDING_CONFIRMATION");
            }
            let payment = charge(world, id, card, Attempt::Page);
            if world.state.payments[payment].status == Status::Redirect {
                challenge(world, payment, true);
            }
        }
    }
    let row = &world.state.checkouts[id];
    let said = row.payment.and_then(|payment| world.state.payments[payment].message.as_deref());
    Ok(json!({
        "session": world.state.checkouts.text(id),
        "paid": row.status == CheckoutStatus::Paid,
        "declineCode": said.filter(|_| row.status == CheckoutStatus::Failed),
        "status": row.status,
    }))
}
