//! Subscriptions: a payment link that goes to a customer on a schedule.
//!
//! Facts: paymennt §3; the guide on subscriptions. No card is ever charged by itself: each cycle makes a payment whose
//! checkout is made when its link is first opened.

mod create;
mod cycle;

use std::sync::Arc;

use http::Method;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::cycle::{due, ended, open};
use super::body::{Address, Amount, Stamp, display_id, instant, listed, ok, page};
use super::checkouts::{self, Checkout, Status as CheckoutStatus, later};
use super::customers::{self, Seen};
use super::refusals::not_found;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Gist, Noun, Reply, Site, read, write};
use crate::contract::Violation;
use crate::time::{Grid, Timestamp};
use crate::world::{Id, IdText, Row, hash};

const NOT_FOUND: &str = "Subscription not found for API merchant";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createSubscription", Method::POST, "/mer/v2.0/subscription", create::create),
        read("searchSubscriptions", "/mer/v2.0/subscription", search),
        read("getSubscription", "/mer/v2.0/subscription/{id}", get),
        write("pauseSubscription", Method::POST, "/mer/v2.0/subscription/{id}/pause", pause),
        write("resumeSubscription", Method::POST, "/mer/v2.0/subscription/{id}/resume", resume),
        read("listSubscriptionPayments", "/mer/v2.0/subscription/{id}/payment", payments),
    ];
    Noun { name: "subscriptions", operations }
}

/// How far a subscription is. Only the vendor's dashboard archives one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Active,
    Inactive,
    Expired,
}

impl Status {
    /// Those of the contract, by which a search may ask.
    const WIRE: [&'static str; 4] = ["ACTIVE", "INACTIVE", "ARCHIVED", "EXPIRED"];

    fn wire(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Expired => "EXPIRED",
        }
    }
}

/// How often a link is sent: so many of a unit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Every {
    period: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Unit {
    Days,
    Weeks,
    Months,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Policy {
    #[default]
    Default,
    Custom,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Subscription {
    description: Arc<str>,
    currency: Arc<str>,
    amount: Decimal,
    status: Status,
    customer: Seen,
    start: Date,
    end: Option<Date>,
    send_on_hour: i8,
    every: Every,
    policy: Policy,
    terms: Option<Box<str>>,
    billing: Option<Arc<Address>>,
    delivery: Option<Arc<Address>>,
    return_url: Option<Arc<str>>,
    /// Where its links fall: `startDate + n × period` at `sendOnHour`.
    grid: Grid,
    created_at: Timestamp,
}

impl Row for Subscription {
    const PREFIX: &'static str = "";
    const NOUN: &'static str = "subscription";
}

/// One link of a subscription.
#[derive(Clone, Serialize, Deserialize)]
pub struct SubscriptionPayment {
    pub subscription: Id<Subscription>,
    /// 48 digits of sixteen in the address of the link.
    key: Arc<str>,
    /// Made when the link is first opened.
    pub checkout: Option<Id<Checkout>>,
    created_at: Timestamp,
}

/// What each of its links asks for, in a line.
pub fn gist(state: &State, id: Id<Subscription>) -> Gist {
    let row = &state.subscriptions[id];
    Gist::of(&state.subscriptions, id).with_amount(row.amount, &row.currency)
}

impl Row for SubscriptionPayment {
    const PREFIX: &'static str = "";
    const NOUN: &'static str = "subscription payment";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    id: IdText,
    display_id: String,
    description: &'a str,
    currency: &'a str,
    amount: Amount,
    status: Status,
    customer: customers::Body<'a>,
    start_date: Date,
    end_date: Option<Date>,
    send_on_hour: i8,
    period: u32,
    period_unit: Unit,
    cancellation_policy_type: Policy,
    custom_cancellation_terms: Option<&'a str>,
}

pub fn body(state: &State, id: Id<Subscription>) -> Body<'_> {
    let row = &state.subscriptions[id];
    Body {
        id: state.subscriptions.text(id),
        display_id: display(state, id),
        description: &row.description,
        currency: &row.currency,
        amount: Amount(row.amount),
        status: row.status,
        customer: row.customer.body(state),
        start_date: row.start,
        end_date: row.end,
        send_on_hour: row.send_on_hour,
        period: row.every.period,
        period_unit: row.every.unit,
        cancellation_policy_type: row.policy,
        custom_cancellation_terms: row.terms.as_deref(),
    }
}

fn display(state: &State, id: Id<Subscription>) -> String {
    display_id(hash(state.seed, b"subscription"), id.number())
}

fn display_payment(state: &State, id: Id<SubscriptionPayment>) -> String {
    display_id(hash(state.seed, b"subscription payment"), id.number())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentBody<'a> {
    id: IdText,
    display_id: String,
    checkout: Option<checkouts::Body<'a>>,
    timestamp: Stamp,
    cancelled: bool,
}

pub fn payment_body<'a>(state: &'a State, id: Id<SubscriptionPayment>, site: Site<'_>) -> PaymentBody<'a> {
    let row = &state.subscription_payments[id];
    let checkout = row.checkout.map(|checkout| (checkout, &*state.checkouts[checkout]));
    PaymentBody {
        id: state.subscription_payments.text(id),
        display_id: display_payment(state, id),
        checkout: checkout.map(|(id, row)| checkouts::body(state, id, row, site)),
        timestamp: Stamp(row.created_at),
        cancelled: checkout.is_some_and(|(_, row)| row.status == CheckoutStatus::Cancelled),
    }
}

/// The id of the subscription that a payment belongs to.
pub fn of_payment(state: &State, id: Id<SubscriptionPayment>) -> IdText {
    state.subscriptions.text(state.subscription_payments[id].subscription)
}

/// Where the link of a payment leads, below the mount.
pub fn link(row: &SubscriptionPayment) -> String {
    format!("/link/{}", row.key)
}

fn show(world: &World, id: Id<Subscription>) -> Reply {
    ok(body(&world.state, id))
}

fn addressed(state: &State, call: &Call) -> Result<Id<Subscription>, Fault> {
    state.subscriptions.find(call.segment("id")).ok_or_else(|| not_found(NOT_FOUND, "id"))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, addressed(&world.state, call)?))
}

fn search(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let customer: customers::Wanted = call.filter()?;
    let statuses = listed(call, "status", &Status::WIRE)?;
    let after = instant(call, "afterTimestamp")?;
    let wanted = |row: &Subscription| {
        let is_one = |wanted: &Vec<&str>| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(row.status.wire()));
        statuses.as_ref().is_none_or(is_one)
            && after.is_none_or(|after| row.created_at > after)
            && customer.holds(Some(&row.customer))
    };
    let rows = later(&state.subscriptions, call).filter(|(_, row)| wanted(row));
    page(call, rows, |(id, _)| body(state, id))
}

fn payments(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let id = addressed(state, call)?;
    let rows = state.subscription_payments.iter().filter(|(_, row)| row.subscription == id);
    page(call, rows, |(id, _)| payment_body(state, id, call.site))
}

/// No link is sent while it is paused; what falls due meanwhile is skipped, and `endDate` stays (§3.5).
fn pause(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    turn(world, call, Status::Active, Status::Inactive, "paused")
}

/// It goes on where its grid is.
fn resume(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    turn(world, call, Status::Inactive, Status::Active, "resumed")
}

fn turn(world: &mut World, call: &Call, from: Status, to: Status, done: &str) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let status = world.state.subscriptions[id].status;
    if status != from {
        let (is, wanted) = (status.wire(), from.wire());
        let message = format!("Subscription is {is}: only one that is {wanted} can be {done}");
        let violation = Violation::path("id", "status", format!("is {is}, not {wanted}"));
        return Err(Fault::bad_request(message).with_violation(violation));
    }
    world.state.subscriptions.update(id, |row| row.status = to);
    Ok(show(world, id))
}
