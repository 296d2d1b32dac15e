//! Payments: one attempt each to collect an invoice, or what a checkout asks for.
//!
//! Facts: paylera §2.6 (object, statuses), §5 (what the magic tokens do). A method's token decides; a payment that
//! needs the cardholder waits a day for the answer on its page.

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::{Metadata, amount};
use super::checkout_sessions::{self, Session};
use super::customers::Customer;
use super::invoices::{self, Invoice};
use super::listing::list;
use super::notices::{Notice, invoice as invoice_event, payment as event};
use super::payment_methods::{self, Behaviour, PaymentMethod};
use super::refunds::Refund;
use super::state::{Due, State};
use super::wallets::{self, Wallet};
use super::{Operation, World, affiliates, collection, subscriptions};
use crate::api::{Action, Call, Fault, Noun, Reply, Site, read, write};

use crate::billing::cards::Attempt;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row, hash};

/// How long a cardholder may take; the vendor does not say.
pub const ACTION_LIFE: Cadence = Cadence::days(1);
/// When a chargeback comes, and when its dispute is won (§5).
const CHARGEBACK_AFTER: Cadence = Cadence::seconds(60);
const DISPUTE_WON_AFTER: Cadence = Cadence::seconds(90);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listPayments", "/v1/payments", list_all),
        read("getPayment", "/v1/payments/{id}", get),
        write("cancelPayment", Method::POST, "/v1/payments/{id}/cancel", cancel),
        read("getPaymentActionUrl", "/v1/payments/{id}/action-url", action_url),
    ];
    Noun { name: "payments", operations }
}

#[derive(Clone)]
pub struct Payment {
    pub invoice: Option<Id<Invoice>>,
    pub customer: Id<Customer>,
    /// `None`: the wallet.
    pub method: Option<Id<PaymentMethod>>,
    pub status: Status,
    pub amount: Decimal,
    pub currency: Arc<str>,
    /// Where the browser goes after the challenge.
    pub return_url: Option<ReturnUrl>,
    error: Option<Decline>,
    pub captured_at: Option<Timestamp>,
    pub refunds: Vec<Id<Refund>>,
    pub refunded: Decimal,
    /// The wallet that it fills.
    tops_up: Option<Id<Wallet>>,
    metadata: Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Payment {
    const PREFIX: &'static str = "pay_";
    const NOUN: &'static str = "payment";
}

/// An address in which `{PAYMENT_ID}` stands for the payment (§2.5).
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct ReturnUrl(Arc<str>);

impl ReturnUrl {
    pub fn to(url: &str) -> Self {
        Self(url.into())
    }

    pub fn of(&self, payment: &str) -> String {
        self.0.replace("{PAYMENT_ID}", payment)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    Processing,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
    Refunded,
    PartiallyRefunded,
    ChargedBack,
}

impl Status {
    /// The documented moves (§2.6). A dispute that is won gives a payment back what it was: that one is ours.
    const MOVES: &[(Self, Self)] = &[
        (Self::Pending, Self::Processing),
        (Self::Pending, Self::Canceled),
        (Self::Processing, Self::RequiresAction),
        (Self::Processing, Self::Failed),
        (Self::Processing, Self::Succeeded),
        (Self::RequiresAction, Self::Succeeded),
        (Self::RequiresAction, Self::Failed),
        (Self::RequiresAction, Self::Canceled),
        (Self::Succeeded, Self::Refunded),
        (Self::Succeeded, Self::PartiallyRefunded),
        (Self::Succeeded, Self::ChargedBack),
        (Self::PartiallyRefunded, Self::Refunded),
        (Self::ChargedBack, Self::Succeeded),
    ];

    pub fn may_become(self, to: Self) -> bool {
        Self::MOVES.contains(&(self, to))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::RequiresAction => "waiting for the customer",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Refunded => "refunded",
            Self::PartiallyRefunded => "partially refunded",
            Self::ChargedBack => "charged back",
        }
    }
}

/// Why a payment failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decline {
    /// The issuer said no, with this code.
    Card(&'static str),
    /// The cardholder did not confirm.
    NotAuthenticated,
}

#[derive(Serialize)]
struct ErrorBody {
    code: &'static str,
    decline_code: Option<&'static str>,
    provider_message: &'static str,
    user_message: &'static str,
    is_retriable: bool,
    retriable_after: Option<Timestamp>,
}

impl Decline {
    /// Dunning tries all of them again: a card that is declined today may have money in three days.
    fn body(self) -> ErrorBody {
        let (code, decline_code, provider_message, user_message) = match self {
            Self::Card("insufficient_funds") => (
                "card_declined",
                Some("insufficient_funds"),
                "The card has insufficient funds.",
                "There is not enough money on this card.",
            ),
            Self::Card(code) => {
                ("card_declined", Some(code), "The card was declined.", "This card was declined. Try another one.")
            }
            Self::NotAuthenticated => (
                "authentication_failed",
                None,
                "The cardholder did not authenticate the payment.",
                "The payment was not confirmed. Try again.",
            ),
        };
        ErrorBody { code, decline_code, provider_message, user_message, is_retriable: true, retriable_after: None }
    }

    /// In a sentence for whoever stands before a page.
    pub fn message(self) -> &'static str {
        self.body().user_message
    }
}

impl Payment {
    pub fn error(&self) -> Option<Decline> {
        self.error
    }

    /// What can still be given back.
    pub fn refundable(&self) -> Decimal {
        match self.status {
            Status::Succeeded | Status::PartiallyRefunded => self.amount - self.refunded,
            _ => Decimal::ZERO,
        }
    }
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    invoice_id: Option<IdText>,
    customer_id: IdText,
    payment_method_id: Option<IdText>,
    provider: &'static str,
    provider_id: Option<String>,
    status: Status,
    amount: String,
    currency: &'a str,
    amount_settled: Option<String>,
    settlement_currency: Option<&'a str>,
    fx_rate: Option<&'static str>,
    captured_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    next_action: Option<NextAction>,
    last_error: Option<ErrorBody>,
    refunds: Vec<IdText>,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct NextAction {
    r#type: &'static str,
    url: String,
}

pub fn body<'a>(state: &'a State, id: Id<Payment>, row: &'a Payment, site: Site<'_>) -> Body<'a> {
    let id_text = state.payments.text(id);
    let settled = row.captured_at.is_some();
    let by_wallet = row.method.is_none();
    let next_action = (row.status == Status::RequiresAction)
        .then(|| NextAction { r#type: "redirect_to_url", url: challenge_url(state, id, site) });
    Body {
        object: "payment",
        invoice_id: row.invoice.map(|id| state.invoices.text(id)),
        customer_id: state.customers.text(row.customer),
        payment_method_id: row.method.map(|id| state.payment_methods.text(id)),
        provider: if by_wallet { "wallet" } else { "stripe" },
        provider_id: (!by_wallet).then(|| format!("pi_{:016x}", hash(state.seed, id_text.as_str().as_bytes()))),
        status: row.status,
        amount: amount(row.amount, &row.currency),
        currency: &row.currency,
        amount_settled: settled.then(|| amount(row.amount, &row.currency)),
        settlement_currency: settled.then_some(&*row.currency),
        fx_rate: None,
        captured_at: row.captured_at,
        settled_at: row.captured_at,
        next_action,
        last_error: row.error.map(Decline::body),
        refunds: row.refunds.iter().map(|id| state.refunds.text(*id)).collect(),
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
        id: id_text,
    }
}

/// Where the cardholder confirms a payment. Whoever has the address may do so, as with the vendor's.
pub fn challenge_url(state: &State, id: Id<Payment>, site: Site<'_>) -> String {
    format!("{site}/3ds/{}", challenge_token(state, id))
}

/// What the address of the challenge ends with: nobody finds it from the payment's id.
pub fn challenge_token(state: &State, id: Id<Payment>) -> String {
    let id_text = state.payments.text(id);
    format!("{id_text}-{:016x}", hash(hash(state.seed, b"challenge"), id_text.as_str().as_bytes()))
}

/// The payment whose challenge has this address.
pub fn challenged(state: &State, token: &str) -> Option<Id<Payment>> {
    let (id_text, _) = token.rsplit_once('-')?;
    state.payments.find(id_text).filter(|id| challenge_token(state, *id) == token)
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.payments.iter().map(|(id, row)| (id.number(), json!(body(state, id, row, call.site)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.payments)?;
    Ok(show(world, call, id))
}

pub fn show(world: &World, call: &Call, id: Id<Payment>) -> Reply {
    Reply::ok(&body(&world.state, id, &world.state.payments[id], call.site))
}

fn illegal(state: &State, id: Id<Payment>, action: &str) -> Fault {
    let status = state.payments[id].status.name();
    let message = format!("The payment {} is {status}: it cannot be {action}", state.payments.text(id));
    Fault::unprocessable(message).with_code("payment.invalid_transition")
}

fn cancel(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.payments)?;
    if !world.state.payments[id].status.may_become(Status::Canceled) {
        return Err(illegal(&world.state, id, "canceled"));
    }
    set(world, id, Status::Canceled);
    tell(world, id, event::CANCELED);
    if let Some(wallet) = world.state.payments[id].tops_up {
        wallets::top_up_failed(world, wallet);
    }
    Ok(show(world, call, id))
}

fn action_url(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let id = call.id(&state.payments)?;
    let row = &state.payments[id];
    if row.status != Status::RequiresAction {
        let message =
            format!("The payment {} is {}: there is nothing to confirm", state.payments.text(id), row.status.name());
        return Err(Fault::unprocessable(message).with_code("payment.no_action_required"));
    }
    Ok(Reply::ok(&json!({
        "object": "payment_action_url",
        "payment_id": state.payments.text(id),
        "url": challenge_url(state, id, call.site),
        "expires_at": ACTION_LIFE.after(row.created_at, 1),
    })))
}

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
    match payment_methods::use_once(&mut world.state, method) {
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
    let declined = |why: Decline| Fault::unprocessable(why.message()).with_code("payment.declined");
    match attempt {
        Attempt::Pay { card, .. } => checkout_sessions::complete(world, id, card).map_err(declined)?,
        Attempt::Fail { .. } => return Err(declined(Decline::Card("card_declined"))),
    }
    let status = world.state.checkout_sessions[id].status;
    Ok(json!({ "session": text, "status": status, "paid": true, "declineCode": null }))
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

fn set(world: &mut World, id: Id<Payment>, status: Status) {
    let now = world.now(ClockId::WORLD);
    world.state.payments.update(id, |row| {
        row.status = status;
        row.updated_at = now;
    });
}

fn tell(world: &mut World, id: Id<Payment>, event: &'static str) {
    let row = Arc::clone(&world.state.payments[id]);
    world.emit(ClockId::WORLD, Notice::Payment(event, id, row));
}
