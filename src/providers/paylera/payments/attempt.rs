//! How a payment goes: sent to the provider, answered by its method's token, by the cardholder, or by time.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{ACTION_LIFE, Decline, Payment, ReturnUrl, Status, illegal, set, tell};
use crate::api::Fault;
use crate::billing::cards::{Attempt, Outcome};
use crate::providers::paylera::body::Metadata;
use crate::providers::paylera::checkout_sessions::{self, Session};
use crate::providers::paylera::customers::Customer;
use crate::providers::paylera::invoices::{self, Invoice};
use crate::providers::paylera::notices::{invoice as invoice_event, payment as event};
use crate::providers::paylera::payment_methods::{self, Behaviour, PaymentMethod};
use crate::providers::paylera::refunds::Refund;
use crate::providers::paylera::state::{Due, State};
use crate::providers::paylera::wallets::{self, Wallet};
use crate::providers::paylera::{World, affiliates, collection, subscriptions};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

/// When a chargeback comes, and when its dispute is won (§5).
const CHARGEBACK_AFTER: Cadence = Cadence::seconds(60);
const DISPUTE_WON_AFTER: Cadence = Cadence::seconds(90);

/// Charges what is due of an invoice to a method.
pub fn charge(
    world: &mut World,
    invoice: Id<Invoice>,
    method: Id<PaymentMethod>,
    return_url: Option<ReturnUrl>,
) -> Id<Payment> {
    let row = &world.state.invoices[invoice];
    let (due, currency) = (row.amount_due(), Arc::clone(&row.currency));
    let customer = row.customer;
    let id = start(world, Some(invoice), customer, Some(method), due, currency, return_url);
    attempt(world, id, method);
    id
}

/// Charges an amount that no invoice asks for.
pub fn charge_amount(
    world: &mut World,
    customer: Id<Customer>,
    method: Id<PaymentMethod>,
    amount: Decimal,
    currency: Arc<str>,
) -> Id<Payment> {
    let id = start(world, None, customer, Some(method), amount, currency, None);
    attempt(world, id, method);
    id
}

/// Charges what a wallet is to be topped up by.
pub fn for_wallet(
    world: &mut World,
    wallet: Id<Wallet>,
    customer: Id<Customer>,
    method: Id<PaymentMethod>,
    amount: Decimal,
    currency: Arc<str>,
) -> Id<Payment> {
    let id = start(world, None, customer, Some(method), amount, currency, None);
    world.state.payments.update(id, |row| row.tops_up = Some(wallet));
    attempt(world, id, method);
    id
}

/// Notes that the wallet has paid so much of an invoice.
pub fn by_wallet(world: &mut World, invoice: Id<Invoice>, amount: Decimal) -> Id<Payment> {
    let row = &world.state.invoices[invoice];
    let (customer, currency) = (row.customer, Arc::clone(&row.currency));
    let id = start(world, Some(invoice), customer, None, amount, currency, None);
    set(world, id, Status::Processing);
    succeed(world, id);
    id
}

fn start(
    world: &mut World,
    invoice: Option<Id<Invoice>>,
    customer: Id<Customer>,
    method: Option<Id<PaymentMethod>>,
    amount: Decimal,
    currency: Arc<str>,
    return_url: Option<ReturnUrl>,
) -> Id<Payment> {
    let now = world.now(ClockId::WORLD);
    let id = world.state.payments.insert(Payment {
        invoice,
        customer,
        method,
        status: Status::Pending,
        amount,
        currency,
        return_url,
        error: None,
        captured_at: None,
        refunds: Vec::new(),
        refunded: Decimal::ZERO,
        tops_up: None,
        metadata: Metadata::default(),
        created_at: now,
        updated_at: now,
    });
    if let Some(invoice) = invoice {
        world.state.invoices.update(invoice, |row| row.payments.push(id));
    }
    tell(world, id, event::CREATED);
    id
}

/// Sends it to the provider, who answers at once.
fn attempt(world: &mut World, id: Id<Payment>, method: Id<PaymentMethod>) {
    set(world, id, Status::Processing);
    match behaviour(world, id, method) {
        Behaviour::Succeeds => succeed(world, id),
        Behaviour::RequiresActionOnce => {
            set(world, id, Status::RequiresAction);
            later(world, ACTION_LIFE, Due::ActionExpired(id));
            tell(world, id, event::REQUIRES_ACTION);
        }
        Behaviour::Declined(code) => fail(world, id, Decline::Card(code)),
        Behaviour::ChargedBack => {
            later(world, CHARGEBACK_AFTER, Due::ChargedBack(id));
            succeed(world, id);
        }
        Behaviour::DisputeWon => {
            later(world, CHARGEBACK_AFTER, Due::ChargedBack(id));
            later(world, DISPUTE_WON_AFTER, Due::DisputeWon(id));
            succeed(world, id);
        }
    }
}

/// What this charge does: as it is scripted, else as its method does.
fn behaviour(world: &mut World, id: Id<Payment>, method: Id<PaymentMethod>) -> Behaviour {
    let about = about(world, id, method);
    match world.scripts.take(&about) {
        None => payment_methods::use_once(&mut world.state, method),
        Some(Outcome::Succeeds) => Behaviour::Succeeds,
        Some(Outcome::Declined(code)) => Behaviour::Declined(code),
        Some(Outcome::NeedsAuthentication) => Behaviour::RequiresActionOnce,
    }
}

fn about(world: &World, id: Id<Payment>, method: Id<PaymentMethod>) -> Vec<IdText> {
    if world.scripts.is_empty() {
        return Vec::new();
    }
    let (state, row) = (&world.state, &world.state.payments[id]);
    let invoice = row.invoice.map(|invoice| state.invoices.text(invoice));
    let others = [state.payment_methods.text(method), state.customers.text(row.customer)];
    invoice.into_iter().chain(others).collect()
}

/// The kind of a row whose charges a script may decide.
pub fn scriptable(state: &State, id: &str) -> Option<&'static str> {
    let kinds = [
        state.customers.find(id).map(|_| Customer::NOUN),
        state.payment_methods.find(id).map(|_| PaymentMethod::NOUN),
        state.invoices.find(id).map(|_| Invoice::NOUN),
    ];
    kinds.into_iter().flatten().next()
}

fn later(world: &mut World, wait: Cadence, due: Due) {
    let at = wait.after(world.now(ClockId::WORLD), 1).unwrap_or(Timestamp::MAX);
    world.set_timer(ClockId::WORLD, at, due);
}

fn succeed(world: &mut World, id: Id<Payment>) {
    let now = world.now(ClockId::WORLD);
    set(world, id, Status::Succeeded);
    let (invoice, amount, wallet) = world.state.payments.update(id, |row| {
        row.captured_at = Some(now);
        row.error = None;
        (row.invoice, row.amount, row.tops_up)
    });
    tell(world, id, event::SUCCEEDED);
    if wallet.is_none() && world.state.payments[id].method.is_some() {
        affiliates::earned(world, id);
    }
    if let Some(invoice) = invoice {
        invoices::paid(world, invoice, amount);
    }
    if let Some(wallet) = wallet {
        wallets::topped_up(world, wallet, amount);
    }
}

fn fail(world: &mut World, id: Id<Payment>, why: Decline) {
    set(world, id, Status::Failed);
    let (invoice, wallet) = world.state.payments.update(id, |row| {
        row.error = Some(why);
        (row.invoice, row.tops_up)
    });
    tell(world, id, event::FAILED);
    if let Some(invoice) = invoice {
        invoices::tell(world, invoice, invoice_event::PAYMENT_FAILED);
        collection::failed(world, invoice);
    }
    if let Some(wallet) = wallet {
        wallets::top_up_failed(world, wallet);
    }
}

/// The cardholder has answered the challenge.
///
/// # Errors
/// If nothing waits for an answer (any more).
pub fn answer(world: &mut World, id: Id<Payment>, confirmed: bool) -> Result<(), Fault> {
    if world.state.payments[id].status != Status::RequiresAction {
        return Err(illegal(&world.state, id, "confirmed"));
    }
    tell(world, id, event::ACTION_COMPLETED);
    if confirmed {
        succeed(world, id);
    } else {
        fail(world, id, Decline::NotAuthenticated);
    }
    Ok(())
}

/// What the control API is asked to do with a payment that waits for its customer: to confirm it, or not.
///
/// # Errors
/// If there is no such payment, or nothing to confirm.
pub fn answer_by_hand(world: &mut World, payment: &str, attempt: &Attempt) -> Result<Value, Fault> {
    if let Some(session) = world.state.checkout_sessions.find(payment) {
        return pay_session(world, session, payment, attempt);
    }
    let id = world.state.payments.find(payment).ok_or_else(|| Fault::no_such(Payment::NOUN, payment))?;
    answer(world, id, matches!(attempt, Attempt::Pay { .. }))?;
    let row = &world.state.payments[id];
    let decline_code = row.error.map(|why| why.body().code);
    Ok(json!({
        "session": payment, "status": row.status, "paid": row.status == Status::Succeeded, "declineCode": decline_code,
    }))
}

/// Pays a checkout session without its page.
fn pay_session(world: &mut World, id: Id<Session>, text: &str, attempt: &Attempt) -> Result<Value, Fault> {
    if world.state.checkout_sessions[id].status != checkout_sessions::Status::Open {
        return Err(Fault::conflict(format!("The checkout session {text} is over already")));
    }
    let declined = match attempt {
        Attempt::Pay { card, .. } => checkout_sessions::complete(world, id, card).err(),
        Attempt::Fail { .. } => Some(Decline::Card("card_declined")),
    };
    let status = world.state.checkout_sessions[id].status;
    let code = declined.map(|why| why.body().code);
    Ok(json!({ "session": text, "status": status, "paid": declined.is_none(), "declineCode": code }))
}

/// Nobody has answered the challenge in time. A subscription that waits for its first payment ends by its own deadline.
pub fn action_expired(world: &mut World, id: Id<Payment>) {
    let row = &world.state.payments[id];
    let subscription = row.invoice.and_then(|invoice| world.state.invoices[invoice].subscription);
    let is_first =
        subscription.is_some_and(|id| world.state.subscriptions[id].status == subscriptions::Status::PendingActivation);
    if row.status == Status::RequiresAction && !is_first {
        fail(world, id, Decline::NotAuthenticated);
    }
}

/// Gives up the payments of an invoice that wait for the customer.
pub fn abandon(world: &mut World, invoice: Id<Invoice>) {
    for id in world.state.invoices[invoice].payments.clone() {
        if world.state.payments[id].status.may_become(Status::Canceled) {
            set(world, id, Status::Canceled);
            tell(world, id, event::CANCELED);
        }
    }
}

/// The bank takes the money back. The invoice stays paid, as the documents say nothing else. What was refunded
/// meanwhile cannot be taken back twice.
pub fn charged_back(world: &mut World, id: Id<Payment>) {
    if world.state.payments[id].status.may_become(Status::ChargedBack) {
        set(world, id, Status::ChargedBack);
        tell(world, id, event::CHARGED_BACK);
        affiliates::reversed(world, id);
    }
}

/// The bank gives it back again.
pub fn dispute_won(world: &mut World, id: Id<Payment>) {
    if world.state.payments[id].status == Status::ChargedBack {
        set(world, id, Status::Succeeded);
        tell(world, id, event::DISPUTE_WON);
    }
}

/// So much of it has been given back.
pub fn refunded(world: &mut World, id: Id<Payment>, refund: Id<Refund>, amount: Decimal) {
    let whole = world.state.payments.update(id, |row| {
        row.refunds.push(refund);
        row.refunded += amount;
        row.refunded >= row.amount
    });
    set(world, id, if whole { Status::Refunded } else { Status::PartiallyRefunded });
    tell(world, id, if whole { event::REFUNDED } else { event::PARTIALLY_REFUNDED });
    affiliates::reversed(world, id);
}
