//! The start of a subscription.
//!
//! Facts: paylera §2.4 (body, answer), §3.3 (trial: the call's own beats the plan's).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use super::{Quantities, Status, Subscription, body, commitment, tell};
use crate::api::{Call, Fault, Reply};
use crate::billing::money;
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::providers::paylera::body::Metadata;
use crate::providers::paylera::charges;
use crate::providers::paylera::coupons::{self, Redemption};
use crate::providers::paylera::customers::{self, Customer};
use crate::providers::paylera::notices::subscription as event;
use crate::providers::paylera::payment_methods::{self, PaymentMethod};
use crate::providers::paylera::plans::{self, Plan};
use crate::providers::paylera::state::State;
use crate::providers::paylera::{World, cycle};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

#[derive(Deserialize)]
struct Create {
    customer_id: Box<str>,
    plan_code: Box<str>,
    default_payment_method_id: Option<Box<str>>,
    trial_days: Option<u32>,
    billing_cycle_anchor: Option<Timestamp>,
    #[serde(default)]
    quantities: Quantities,
    #[serde(default)]
    coupons: Vec<Box<str>>,
    commitment: Option<commitment::Input>,
    #[serde(default)]
    metadata: Metadata,
}

/// What a period stays below: an amount has 12 digits before the point (§1.8), and tax comes on top.
const CEILING: u64 = 100_000_000_000;

/// What a subscription starts with, all of it checked.
pub struct Start {
    pub customer: Id<Customer>,
    pub plan: Id<Plan>,
    pub method: Option<Id<PaymentMethod>>,
    pub trial_days: Option<u32>,
    pub anchor: Option<Timestamp>,
    pub quantities: Quantities,
    pub coupons: Vec<Id<coupons::Coupon>>,
    pub commitment: Option<commitment::Input>,
    /// In place of the price of the plan's one component that is paid in advance.
    pub own_price: Option<Decimal>,
    pub metadata: Metadata,
}

/// The answer says how things stand before money moves, as the vendor's does: a first charge that is declined shows
/// when the subscription is read again. One that waits for the cardholder has not been activated, and says so.
pub fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let state = &world.state;
    let now = world.now(ClockId::WORLD);
    let customer = customers::referred(state, &wanted.customer_id)?;
    let plan = plans::offered(state, "/plan_code", &wanted.plan_code)?;
    let method =
        wanted.default_payment_method_id.as_deref().map(|text| own_method(state, customer, text)).transpose()?;
    check_quantities(state, plan, &wanted.quantities)?;
    let coupons = coupons::redeemable(state, &wanted.coupons, &state.plans[plan].currency, now)?;
    if let Some(commitment) = &wanted.commitment {
        commitment.fits(&state.plans[plan])?;
    }
    let metadata = wanted.metadata.checked()?;
    let id = start(
        world,
        Start {
            customer,
            plan,
            method,
            trial_days: wanted.trial_days,
            anchor: wanted.billing_cycle_anchor,
            quantities: wanted.quantities,
            coupons,
            commitment: wanted.commitment,
            own_price: None,
            metadata,
        },
    );
    let row = &world.state.subscriptions[id];
    let mut answer = json!(body(&world.state, id, row));
    if row.status == Status::PastDue {
        answer["status"] = json!(Status::Active);
    }
    Ok(Reply::created(&answer))
}

/// The method of this customer that a subscription is to be charged to.
pub fn own_method(state: &State, customer: Id<Customer>, text: &str) -> Result<Id<PaymentMethod>, Fault> {
    payment_methods::owned(state, customer, text).ok_or_else(|| {
        let message = format!("there is no payment method {text:?} of this customer");
        Fault::field("/default_payment_method_id", "reference", message)
    })
}

/// Every meter of `quantities` is one that the plan has in advance.
///
/// # Errors
/// Naming each that is not, or that they come to more than an invoice can hold.
pub fn check_quantities(state: &State, plan: Id<Plan>, quantities: &Quantities) -> Result<(), Fault> {
    let fixed = charges::components(state, plan).map(|(_, component)| &component.pricing);
    let meters: Vec<&Arc<str>> =
        fixed.filter(|pricing| !pricing.is_usage()).filter_map(|pricing| pricing.meter()).collect();
    let wrong = |meter: &Arc<str>| {
        let known: Vec<&str> = meters.iter().map(|meter| &***meter).collect();
        let known = if known.is_empty() { "has none".to_owned() } else { format!("has {}", known.join(", ")) };
        let message = format!("is the meter of no component of this plan that is paid in advance: it {known}");
        Violation::body(format!("/quantities/{meter}"), "reference", message)
    };
    let mut violations: Vec<Violation> = quantities.keys().filter(|meter| !meters.contains(meter)).map(wrong).collect();
    let units = |meter: Option<&Arc<str>>| meter.and_then(|meter| quantities.get(meter)).copied().unwrap_or_default();
    let fixed = charges::components(state, plan).map(|(_, component)| &component.pricing);
    let price = money::sum(fixed.map(|pricing| pricing.price(units(pricing.meter()).into()).amount));
    if price >= Decimal::from(CEILING) {
        let message = format!("come to {price} a period, which is more than an invoice can hold");
        violations.push(Violation::body("/quantities", "maximum", message));
    }
    if violations.is_empty() { Ok(()) } else { Err(Fault::violations(violations)) }
}

/// Makes a subscription and starts it: its first invoice, and the first charge, are part of this.
pub fn start(world: &mut World, start: Start) -> Id<Subscription> {
    let now = world.now(ClockId::WORLD);
    let days = start.trial_days.unwrap_or(world.state.plans[start.plan].trial_days);
    let trial =
        (days > 0).then(|| Window { start: now, end: Cadence::days(days).after(now, 1).unwrap_or(Timestamp::MAX) });
    let first = trial.map_or(now, |trial| trial.end);
    for coupon in &start.coupons {
        coupons::redeem(&mut world.state, *coupon);
    }
    let id = world.state.subscriptions.insert(Subscription {
        customer: start.customer,
        plan: start.plan,
        status: Status::PendingActivation,
        quantities: start.quantities,
        own_price: start.own_price,
        default_method: start.method,
        coupons: start.coupons.into_iter().map(Redemption::new).collect(),
        anchor: start.anchor.unwrap_or(first),
        period: None,
        trial,
        cancel_at: None,
        canceled_at: None,
        cancellation_reason: None,
        ended_at: None,
        paused_at: None,
        paused_until: None,
        commitment: start.commitment.map(|input| input.from(first)),
        latest_invoice: None,
        is_activated: false,
        billed: Vec::new(),
        pending: Vec::new(),
        dunned: Vec::new(),
        next: None,
        version: 1,
        metadata: start.metadata,
        created_at: now,
        updated_at: now,
    });
    tell(world, id, event::CREATED);
    commitment::started(world, id);
    cycle::begin(world, id);
    id
}
