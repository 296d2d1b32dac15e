//! Subscriptions: who pays for which plan, and how far that has come.
//!
//! Facts: paylera §2.4 (create, moves). The object is not published: it has what create takes and the states need.
//! `create.rs` starts one, `actions.rs` pauses, cancels and takes back, `change.rs` changes plan and quantities;
//! what time does stands in `cycle.rs`, what payments do in `collection.rs`.

mod actions;
mod change;
mod commitment;
pub mod create;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::actions::{pause_now, reactivate_now, resume_now, schedule_cancel};
pub use self::change::{Proration, change_plan_now};
pub use self::commitment::{Commitment, CommitmentBody, ended as commitment_over, ending as commitment_ending};
pub use self::status::Status;
use super::body::Metadata;
use super::coupons::{Coupon, Redemption};
use super::customers::Customer;
use super::invoices::{Invoice, Item, Source};
use super::listing::list;
use super::notices::{Notice, subscription as event};
use super::payment_methods::PaymentMethod;
use super::plans::Plan;
use super::refusals::STALE;
use super::state::State;
use super::{Operation, World, charges, entitlements, usage};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::time::{Cadence, Grid, Timestamp};
use crate::world::{ClockId, Id, IdText, Row, Timer};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listSubscriptions", "/v1/subscriptions", list_all),
        write("createSubscription", Method::POST, "/v1/subscriptions", create::create),
        read("getSubscription", "/v1/subscriptions/{id}", get),
        write("updateSubscription", Method::PATCH, "/v1/subscriptions/{id}", change::update),
        write("pauseSubscription", Method::POST, "/v1/subscriptions/{id}/pause", actions::pause),
        write("resumeSubscription", Method::POST, "/v1/subscriptions/{id}/resume", actions::resume),
        write("cancelSubscription", Method::POST, "/v1/subscriptions/{id}/cancel", actions::cancel),
        write("reactivateSubscription", Method::POST, "/v1/subscriptions/{id}/reactivate", actions::reactivate),
        write("changeSubscriptionPlan", Method::POST, "/v1/subscriptions/{id}/change-plan", change::change_plan),
        write("extendSubscriptionTrial", Method::POST, "/v1/subscriptions/{id}/extend-trial", actions::extend_trial),
        read("getSubscriptionUsage", "/v1/subscriptions/{id}/usage", usage::current),
        read("listSubscriptionEntitlements", "/v1/subscriptions/{id}/entitlements", entitlements::list_own),
    ];
    Noun { name: "subscriptions", operations }
}

/// The most units of one meter that the contract takes.
pub const MOST_UNITS: u64 = 1_000_000_000;

/// The meters of a plan that are paid in advance.
pub fn meters(state: &State, plan: Id<Plan>) -> impl Iterator<Item = Arc<str>> {
    let fixed = charges::components(state, plan).map(|(_, component)| &component.pricing);
    fixed.filter(|pricing| !pricing.is_usage()).filter_map(|pricing| pricing.meter().cloned())
}

/// Units by meter.
pub type Quantities = BTreeMap<Arc<str>, u64>;

#[derive(Clone, Serialize, Deserialize)]
pub struct Subscription {
    pub customer: Id<Customer>,
    pub plan: Id<Plan>,
    pub status: Status,
    pub quantities: Quantities,
    /// A price that a checkout has given it, until it changes its plan.
    pub own_price: Option<Decimal>,
    pub default_method: Option<Id<PaymentMethod>>,
    pub coupons: Vec<Redemption>,
    /// Periods begin here and a whole number of intervals from here.
    pub anchor: Timestamp,
    /// What is paid for at present.
    pub period: Option<Window>,
    pub trial: Option<Window>,
    /// When a cancellation takes effect.
    pub cancel_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
    cancellation_reason: Option<Box<str>>,
    pub ended_at: Option<Timestamp>,
    pub paused_at: Option<Timestamp>,
    pub paused_until: Option<Timestamp>,
    pub commitment: Option<Commitment>,
    pub latest_invoice: Option<Id<Invoice>>,
    /// Whether it has been told that it is active.
    pub is_activated: bool,
    /// What the present period's components were billed with: what a change of plan gives back.
    pub billed: Vec<Billed>,
    /// What the next invoice is to hold beside its own.
    pub pending: Vec<Item>,
    /// Invoices that are being collected after a failure.
    pub dunned: Vec<Id<Invoice>>,
    /// What time does next.
    pub next: Option<Timer>,
    version: u64,
    metadata: Metadata,
    pub created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Subscription {
    const PREFIX: &'static str = "sub_";
    const NOUN: &'static str = "subscription";
}

/// What a component of the present period has cost.
#[derive(Clone, Serialize, Deserialize)]
pub struct Billed {
    pub source: Source,
    /// After discounts, before tax.
    pub net: Decimal,
    pub window: Window,
}

impl Subscription {
    /// From one invoice to the next: the plan's, unless a commitment is billed in larger steps.
    pub fn cadence(&self, plan: &Plan) -> Cadence {
        self.commitment.as_ref().and_then(commitment::Commitment::cadence).unwrap_or_else(|| plan.cadence())
    }

    pub fn grid(&self, plan: &Plan) -> Grid {
        Grid { anchor: self.anchor, cadence: self.cadence(plan) }
    }

    /// How many of the plan's intervals one invoice is for.
    pub fn intervals(&self, plan: &Plan) -> Decimal {
        let steps = self.commitment.as_ref().and_then(commitment::Commitment::step_months);
        match (steps, plan.months()) {
            (Some(step), Some(months)) => Decimal::from(step).checked_div(months.into()).unwrap_or(Decimal::ONE),
            _ => Decimal::ONE,
        }
    }

    /// What becomes of it when nothing more is due: its own end, or that of its commitment.
    pub fn ending(&self, now: Timestamp) -> Option<Status> {
        if self.cancel_at.is_some_and(|at| at <= now) {
            return Some(Status::Canceled);
        }
        let commitment = self.commitment.as_ref()?;
        (!commitment.auto_renew && commitment.ends_at <= now).then_some(Status::Ended)
    }
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    customer_id: IdText,
    plan_code: &'a str,
    status: Status,
    currency: &'a str,
    quantities: &'a Quantities,
    default_payment_method_id: Option<IdText>,
    coupons: Vec<&'a str>,
    billing_cycle_anchor: Timestamp,
    current_period_start: Option<Timestamp>,
    current_period_end: Option<Timestamp>,
    trial_start: Option<Timestamp>,
    trial_end: Option<Timestamp>,
    cancel_at_period_end: bool,
    cancel_at: Option<Timestamp>,
    canceled_at: Option<Timestamp>,
    cancellation_reason: Option<&'a str>,
    ended_at: Option<Timestamp>,
    paused_at: Option<Timestamp>,
    paused_until: Option<Timestamp>,
    commitment: Option<CommitmentBody>,
    latest_invoice_id: Option<IdText>,
    version: u64,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub fn body<'a>(state: &'a State, id: Id<Subscription>, row: &'a Subscription) -> Body<'a> {
    let plan = &state.plans[row.plan];
    // While a trial runs, it is the present period.
    let period = if row.status == Status::Trialing { row.trial } else { row.period };
    Body {
        id: state.subscriptions.text(id),
        object: "subscription",
        customer_id: state.customers.text(row.customer),
        plan_code: &plan.code,
        status: row.status,
        currency: &plan.currency,
        quantities: &row.quantities,
        default_payment_method_id: row.default_method.map(|id| state.payment_methods.text(id)),
        coupons: row.coupons.iter().map(|held| super::coupons::code(state, held.coupon)).collect(),
        billing_cycle_anchor: row.anchor,
        current_period_start: period.map(|period| period.start),
        current_period_end: period.map(|period| period.end),
        trial_start: row.trial.map(|trial| trial.start),
        trial_end: row.trial.map(|trial| trial.end),
        cancel_at_period_end: row.cancel_at.is_some() && !row.status.is_terminal(),
        cancel_at: row.cancel_at,
        canceled_at: row.canceled_at,
        cancellation_reason: row.cancellation_reason.as_deref(),
        ended_at: row.ended_at,
        paused_at: row.paused_at,
        paused_until: row.paused_until,
        commitment: row.commitment.as_ref().map(Commitment::body),
        latest_invoice_id: row.latest_invoice.map(|id| state.invoices.text(id)),
        version: row.version,
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.subscriptions.iter().map(|(id, row)| (id.number(), json!(body(state, id, row)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, call.id(&world.state.subscriptions)?))
}

pub fn show(world: &World, id: Id<Subscription>) -> Reply {
    Reply::ok(&body(&world.state, id, &world.state.subscriptions[id]))
}

/// The subscription that the path means. A `version` in the query that is not its current one is refused: somebody
/// else has changed it meanwhile.
fn addressed(world: &World, call: &Call) -> Result<Id<Subscription>, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let current = world.state.subscriptions[id].version;
    match call.query.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version != current => {
            let message = format!("is not the current version of this subscription, {current}: read it again");
            let fault = Fault::conflict("The subscription has changed since it was read");
            Err(fault.with_code(STALE).with_violation(Violation::query("version", "const", message)))
        }
        _ => Ok(id),
    }
}

/// The refusal of a move that the table does not have: 422, and nothing has changed.
fn illegal(state: &State, id: Id<Subscription>, action: &str) -> Fault {
    let status = state.subscriptions[id].status;
    let message =
        format!("The subscription {} is {}: it cannot be {action}", state.subscriptions.text(id), status.name());
    Fault::unprocessable(message).with_code("subscription.invalid_transition")
}

/// Changes a row, and notes when.
pub fn change<R>(world: &mut World, id: Id<Subscription>, change: impl FnOnce(&mut Subscription) -> R) -> R {
    let now = world.now(ClockId::WORLD);
    world.state.subscriptions.update(id, |row| {
        row.version += 1;
        row.updated_at = now;
        change(row)
    })
}

/// Moves it to a state that the table allows.
pub fn set(world: &mut World, id: Id<Subscription>, status: Status) {
    let before = world.state.subscriptions[id].status;
    debug_assert!(before.may_become(status), "{} to {}", before.name(), status.name());
    change(world, id, |row| row.status = status);
}

/// Says what has just happened to a subscription.
pub fn tell(world: &mut World, id: Id<Subscription>, event: &'static str) {
    let row = Arc::clone(&world.state.subscriptions[id]);
    world.emit(ClockId::WORLD, Notice::Subscription(event, id, row));
}

/// Changes it and says so.
fn updated<R>(world: &mut World, id: Id<Subscription>, how: impl FnOnce(&mut Subscription) -> R) -> R {
    let result = change(world, id, how);
    tell(world, id, event::UPDATED);
    result
}

/// The coupons that take something off an invoice that is made now.
pub fn reducing(state: &State, id: Id<Subscription>, now: Timestamp) -> Vec<Id<Coupon>> {
    let held = state.subscriptions[id].coupons.iter();
    held.filter(|held| held.applies(state, now)).map(|held| held.coupon).collect()
}
