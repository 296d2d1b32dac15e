//! Payments: one attempt each to collect an invoice, or what a checkout asks for.
//!
//! Facts: paylera §2.6 (object, statuses), §5 (what the magic tokens do). A method's token decides; a payment that
//! needs the cardholder waits a day for the answer on its page. `attempt.rs` has what happens to one.

mod attempt;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::attempt::{
    abandon, action_expired, answer, answer_by_hand, by_wallet, charge, charge_amount, charged_back, dispute_won,
    for_wallet, refunded, scriptable,
};
use super::body::{Metadata, amount};
use super::customers::Customer;
use super::invoices::Invoice;
use super::listing::list;
use super::notices::{Notice, payment as event};
use super::payment_methods::PaymentMethod;
use super::refunds::Refund;
use super::state::State;
use super::wallets::{self, Wallet};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, Site, read, write};
use crate::billing::cards::code;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row, Word, hash};

/// How long a cardholder may take; the vendor does not say.
pub const ACTION_LIFE: Cadence = Cadence::days(1);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listPayments", "/v1/payments", list_all),
        read("getPayment", "/v1/payments/{id}", get),
        write("cancelPayment", Method::POST, "/v1/payments/{id}/cancel", cancel),
        read("getPaymentActionUrl", "/v1/payments/{id}/action-url", action_url),
    ];
    Noun { name: "payments", operations }
}

#[derive(Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Deserialize, Serialize)]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decline {
    /// The issuer said no, with this code.
    Card(#[serde(deserialize_with = "code")] Word),
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
