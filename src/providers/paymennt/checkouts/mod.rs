//! Checkouts: one thing to pay, by page, link, QR code or terminal.
//!
//! Facts: paymennt §2.1 (object, statuses and their moves), §1.9 (`requestId` once, `orderId` often).

mod create;
mod refund;
mod search;

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::create::{Wanted, for_payment, make};
pub use self::search::later;
use super::body::{Address, Amount, Item, Stamp, Totals, display_id, ok};
use super::branches::Branch;
use super::customers::{self, Seen};
use super::notices::Notice;
use super::payments::{self, Payment};
use super::refusals::not_found;
use super::state::{Due, State};
use super::subscriptions::SubscriptionPayment;
use super::terminals::Terminal;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Gist, Noun, Reply, Site, read, write};
use crate::billing::money::major;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{Channel, ClockId, Id, IdText, Message, Row, Written};

const NOT_FOUND: &str = "Checkout not found for API merchant";
/// Collection and database in which real-time listeners would look (§2.1).
pub const FIREBASE: (&str, &str) = ("checkouts", "pc-test-734bc");

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createWebCheckout", Method::POST, "/mer/v2.0/checkout/web", create::web),
        write("createMobileCheckout", Method::POST, "/mer/v2.0/checkout/mobile", create::mobile),
        write("createLinkCheckout", Method::POST, "/mer/v2.0/checkout/link", create::link),
        write("createQrCheckout", Method::POST, "/mer/v2.0/checkout/qr", create::qr),
        write("createTerminalCheckout", Method::POST, "/mer/v2.0/checkout/terminal", create::terminal),
        read("searchCheckouts", "/mer/v2.0/checkout", search::search),
        read("getCheckout", "/mer/v2.0/checkout/{id}", get),
        write("cancelCheckout", Method::POST, "/mer/v2.0/checkout/{id}/cancel", cancel),
        write("refundCheckout", Method::POST, "/mer/v2.0/checkout/{id}/refund", refund::refund),
        write("resendToTerminal", Method::POST, "/mer/v2.0/checkout/{id}/resend-to-terminal", resend),
    ];
    Noun { name: "checkouts", operations }
}

/// How far a checkout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Pending,
    Authorized,
    PendingConfirmation,
    Paid,
    Failed,
    Cancelled,
    Expired,
    Refunded,
    PartiallyRefunded,
    Chargeback,
}

impl Status {
    /// All of them as the wire has them, and the name of the event that a checkout has got there.
    pub const ALL: [(Self, &'static str, &'static str); 10] = [
        (Self::Pending, "PENDING", "checkout.pending"),
        (Self::Authorized, "AUTHORIZED", "checkout.authorized"),
        (Self::PendingConfirmation, "PENDING_CONFIRMATION", "checkout.pending_confirmation"),
        (Self::Paid, "PAID", "checkout.paid"),
        (Self::Failed, "FAILED", "checkout.failed"),
        (Self::Cancelled, "CANCELLED", "checkout.cancelled"),
        (Self::Expired, "EXPIRED", "checkout.expired"),
        (Self::Refunded, "REFUNDED", "checkout.refunded"),
        (Self::PartiallyRefunded, "PARTIALLY_REFUNDED", "checkout.partially_refunded"),
        (Self::Chargeback, "CHARGEBACK", "checkout.chargeback"),
    ];

    fn row(self) -> (Self, &'static str, &'static str) {
        Self::ALL.into_iter().find(|(status, ..)| *status == self).unwrap_or(Self::ALL[0])
    }

    pub fn wire(self) -> &'static str {
        self.row().1
    }

    pub fn event(self) -> &'static str {
        self.row().2
    }
}

/// How it is to be paid, and what only that way has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Web,
    Mobile,
    /// Some are the links of subscriptions.
    Link(Option<Id<SubscriptionPayment>>),
    /// With the width of its image.
    Qr(u32),
    Terminal(Id<Terminal>),
}

impl Kind {
    pub const NAMES: [&'static str; 5] = ["QR", "WEB", "MOBILE", "LINK", "TERMINAL"];

    fn name(self) -> &'static str {
        match self {
            Self::Qr(_) => "QR",
            Self::Web => "WEB",
            Self::Mobile => "MOBILE",
            Self::Link(_) => "LINK",
            Self::Terminal(_) => "TERMINAL",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Checkout {
    pub kind: Kind,
    /// 48 digits of sixteen: who has it may pay.
    pub key: Arc<str>,
    pub request_id: Arc<str>,
    pub order_id: Arc<str>,
    pub currency: Arc<str>,
    pub amount: Decimal,
    pub status: Status,
    pub refunded: Decimal,
    /// What it was paid by.
    pub used: Option<Cow<'static, str>>,
    pub customer: Option<Seen>,
    pub billing: Option<Arc<Address>>,
    pub delivery: Option<Arc<Address>>,
    pub branch: Id<Branch>,
    pub description: Option<Arc<str>>,
    /// What shows a QR code.
    pub device: Option<Box<str>>,
    pub items: Arc<[Item]>,
    pub totals: Option<Arc<Totals>>,
    pub return_url: Option<Arc<str>>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub paid_at: Option<Timestamp>,
    /// The last attempt to pay it.
    pub payment: Option<Id<Payment>>,
}

impl Row for Checkout {
    const PREFIX: &'static str = "";
    const NOUN: &'static str = "checkout";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    id: IdText,
    display_id: String,
    checkout_key: &'a str,
    request_id: &'a str,
    order_id: &'a str,
    currency: &'a str,
    amount: Amount,
    cash_amount: Amount,
    status: Status,
    total_refunded: Amount,
    redirect_url: String,
    used_payment_method: Option<&'a str>,
    customer: Option<customers::Body<'a>>,
    billing_address: Option<&'a Address>,
    delivery_address: Option<&'a Address>,
    firebase_collection: &'static str,
    firebase_database: &'static str,
    firebase_document: String,
    timestamp: Stamp,
    branch_id: IdText,
    branch_name: &'a str,
    #[serde(rename = "base64QR", skip_serializing_if = "Option::is_none")]
    base64_qr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<IdText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminal_id: Option<IdText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminal_alias: Option<&'a str>,
}

/// Every key is there, `null` where nothing is known; what only one kind has stands with that kind.
pub fn body<'a>(state: &'a State, id: Id<Checkout>, row: &'a Checkout, site: Site<'_>) -> Body<'a> {
    let redirect_url = url(row, site);
    let terminal = match row.kind {
        Kind::Terminal(terminal) => Some(terminal),
        _ => None,
    };
    Body {
        id: state.checkouts.text(id),
        display_id: display(state, id),
        checkout_key: &row.key,
        request_id: &row.request_id,
        order_id: &row.order_id,
        currency: &row.currency,
        amount: Amount(row.amount),
        cash_amount: Amount(Decimal::ZERO),
        status: row.status,
        total_refunded: Amount(row.refunded),
        used_payment_method: row.used.as_deref(),
        customer: row.customer.as_ref().map(|seen| seen.body(state)),
        billing_address: row.billing.as_deref(),
        delivery_address: row.delivery.as_deref(),
        firebase_collection: FIREBASE.0,
        firebase_database: FIREBASE.1,
        firebase_document: row.key.to_string(),
        timestamp: Stamp(row.created_at),
        branch_id: state.branches.text(row.branch),
        branch_name: &state.branches[row.branch].name,
        base64_qr: match row.kind {
            Kind::Qr(size) => Some(super::qr::base64(&redirect_url, size)),
            _ => None,
        },
        subscription_id: match row.kind {
            Kind::Link(Some(payment)) => Some(super::subscriptions::of_payment(state, payment)),
            _ => None,
        },
        terminal_id: terminal.map(|terminal| state.terminals.text(terminal)),
        terminal_alias: terminal.map(|terminal| &*state.terminals[terminal].alias),
        redirect_url,
    }
}

pub fn display(state: &State, id: Id<Checkout>) -> String {
    display_id(state.seed, id.number())
}

/// Where it is paid, below the mount.
pub fn path(row: &Checkout) -> String {
    format!("/checkout/{}", row.key)
}

pub fn url(row: &Checkout, site: Site<'_>) -> String {
    format!("{site}{}", path(row))
}

/// Where the browser goes on when all is over: the shop's address with its query kept, and what was asked and answered
/// behind it (§5).
pub fn return_url(state: &State, id: Id<Checkout>) -> Option<String> {
    let row = &state.checkouts[id];
    let url = row.return_url.as_deref()?;
    let (url, fragment) = url.split_once('#').map_or((url, None), |(url, fragment)| (url, Some(fragment)));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("reference", &row.request_id).append_pair("checkout", state.checkouts.text(id).as_str());
    let between = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    Some(format!("{url}{between}{}{fragment}", query.finish()))
}

pub fn show(world: &World, id: Id<Checkout>, site: Site<'_>) -> Reply {
    ok(body(&world.state, id, &world.state.checkouts[id], site))
}

pub fn addressed(state: &State, call: &Call) -> Result<Id<Checkout>, Fault> {
    state.checkouts.find(call.segment("id")).ok_or_else(|| not_found(NOT_FOUND, "id"))
}

/// The checkout that a request's `checkoutId` means.
pub fn referred(state: &State, pointer: &str, id: &str) -> Result<Id<Checkout>, Fault> {
    state.checkouts.find(id).ok_or_else(|| {
        let advice = "there is no checkout with this id in this world";
        Fault::bad_request(NOT_FOUND).with_violation(Violation::body(pointer, "reference", advice))
    })
}

/// The checkout of a page's key, or of an id: what the control API is given.
pub fn meant(state: &State, text: &str) -> Option<Id<Checkout>> {
    state.checkouts.find(text).or_else(|| state.checkouts_by_key.get(text).copied())
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, addressed(&world.state, call)?, call.site))
}

/// Changes a checkout and tells of it.
pub fn change(world: &mut World, id: Id<Checkout>, to: Status, change: impl FnOnce(&mut Checkout)) {
    world.state.checkouts.update(id, |row| {
        row.status = to;
        change(row);
    });
    tell(world, id);
}

/// What is to be paid, in a line.
pub fn gist(state: &State, id: Id<Checkout>, row: &Checkout) -> Gist {
    Gist::of(&state.checkouts, id).with_amount(row.amount, &row.currency)
}

/// Tells of the status that a checkout has now.
fn tell(world: &mut World, id: Id<Checkout>) {
    let row = Arc::clone(&world.state.checkouts[id]);
    world.emit(ClockId::WORLD, Notice::Checkout(id, row));
}

/// It is paid. Whoever pays is told by e-mail.
pub fn paid(world: &mut World, id: Id<Checkout>, used: &'static str) {
    let now = world.now(ClockId::WORLD);
    change(world, id, Status::Paid, |row| {
        row.used = Some(used.into());
        row.paid_at = Some(now);
    });
    let row = Arc::clone(&world.state.checkouts[id]);
    if let Some(seen) = &row.customer {
        world.send(Message {
            at: now,
            channel: Channel::Email,
            letter: Written {
                to: Arc::from(&*seen.details.email),
                subject: format!("Payment received: {} for {}", price(&row), row.order_id),
                link: None,
            },
        });
    }
}

/// What it costs, as a customer reads it.
pub fn price(row: &Checkout) -> String {
    format!("{} {}", row.currency, major(row.amount, &row.currency))
}

fn cancel(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    give_up(world, id).map_err(|status| {
        let wire = status.wire();
        refused(wire, "cancelled", "PENDING or AUTHORIZED")
    })?;
    Ok(show(world, id, call.site))
}

/// Cancels what is not paid yet, and gives back what was only authorised.
pub fn give_up(world: &mut World, id: Id<Checkout>) -> Result<(), Status> {
    let status = world.state.checkouts[id].status;
    if !matches!(status, Status::Pending | Status::Authorized) {
        return Err(status);
    }
    payments::let_go(world, id);
    change(world, id, Status::Cancelled, |_| {});
    Ok(())
}

pub fn refused(status: &str, done: &str, wanted: &str) -> Fault {
    let message = format!("Checkout is {status}: only one that is {wanted} can be {done}");
    Fault::bad_request(message).with_violation(Violation::path("id", "status", format!("is {status}, not {wanted}")))
}

/// Its time is up.
pub fn expired(world: &mut World, id: Id<Checkout>) {
    if matches!(world.state.checkouts[id].status, Status::Pending | Status::Authorized) {
        payments::let_go(world, id);
        change(world, id, Status::Expired, |_| {});
    }
}

/// The device shows it once more.
fn resend(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let row = &world.state.checkouts[id];
    if !matches!(row.kind, Kind::Terminal(_)) {
        let kind = row.kind.name();
        let advice = format!("this one is of type {kind}, not TERMINAL");
        let fault = Fault::bad_request(format!("Checkout of type {kind} was not sent to a terminal"));
        return Err(fault.with_violation(Violation::path("id", "type", advice)));
    }
    if row.status != Status::Pending {
        return Err(refused(row.status.wire(), "sent to its terminal again", "PENDING"));
    }
    Ok(show(world, id, call.site))
}

/// When a new one is given up.
fn set_expiry(world: &mut World, id: Id<Checkout>) {
    if let Some(at) = world.state.checkouts[id].expires_at {
        world.set_timer(ClockId::WORLD, at, Due::CheckoutExpired(id));
    }
}
