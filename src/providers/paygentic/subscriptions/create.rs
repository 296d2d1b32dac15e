//! Making a subscription.
//!
//! Facts: paygentic-behaviour §2.7 (fields, activation, backdating), §1.3 (200 for one that exists), guide
//! "create a subscription" (older `items` and `prefundAmount`).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Elapsed, Item, Status, Subscription, VersionPolicy, body};
use crate::api::{Call, Fault, Reply, referred};
use crate::billing::money;
use crate::providers::paygentic::World;
use crate::providers::paygentic::customers::{self, ConsumerInput, Customer};
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::invoices::Invoice;
use crate::providers::paygentic::notices::Notice;
use crate::providers::paygentic::payment_sessions::{self, Opening, Purpose, Redirects};
use crate::providers::paygentic::plans::Plan;
use crate::providers::paygentic::prices::Charged;
use crate::providers::paygentic::schedule::{self, Cycle, Interval};
use crate::providers::paygentic::test_clocks::TestClock;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

/// A start that lies further back than this makes a backdated subscription (§2.7).
const BACKDATED_AFTER: Cadence = Cadence::days(1);
/// How far back a start may lie when elapsed periods are billed (§2.7).
const BACKDATED_MOST: Cadence = Cadence::months(12);
/// How many elapsed charges a start may bill at once: a year of them by the hour, not one by the second.
const ELAPSED_MOST: i64 = 10_000;
/// Documented default of `sessionExpiryMinutes`.
const SESSION_MINUTES: f64 = 240.0;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    name: Box<str>,
    plan_id: String,
    started_at: Timestamp,
    customer_id: Option<String>,
    customer: Option<ConsumerInput>,
    ending_at: Option<Timestamp>,
    test_clock_id: Option<String>,
    #[serde(default)]
    auto_charge: bool,
    #[serde(default)]
    tax_exempt: bool,
    #[serde(default)]
    elapsed_period_billing: Elapsed,
    #[serde(default)]
    payment_term_days: u32,
    renewal_reminder_enabled: Option<bool>,
    renewal_reminder_days: Option<u32>,
    #[serde(default)]
    version_policy: VersionPolicy,
    session_expiry_minutes: Option<f64>,
    redirect_urls: Option<Redirects>,
    metadata: Option<Map<String, Value>>,
    prefund_amount: Option<String>,
    #[serde(default)]
    items: Vec<ItemInput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemInput {
    billable_metric_id: Box<str>,
    quantity: Decimal,
}

impl Create {
    /// A start at `now` on the terms of a request that says nothing else.
    fn now(name: &str, now: Timestamp, redirect_urls: Option<Redirects>) -> Self {
        Self {
            name: name.into(),
            plan_id: String::new(),
            started_at: now,
            customer_id: None,
            customer: None,
            ending_at: None,
            test_clock_id: None,
            auto_charge: false,
            tax_exempt: false,
            elapsed_period_billing: Elapsed::default(),
            payment_term_days: 0,
            renewal_reminder_enabled: None,
            renewal_reminder_days: None,
            version_policy: VersionPolicy::default(),
            session_expiry_minutes: None,
            redirect_urls,
            metadata: None,
            prefund_amount: None,
            items: Vec::new(),
        }
    }
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let mut wanted: Create = call.input()?;
    let plan = referred(&world.state.plans, "/planId", &wanted.plan_id)?;
    let test_clock = test_clock(world, wanted.test_clock_id.as_deref())?;
    let clock = test_clock.map_or(ClockId::WORLD, |id| world.state.test_clocks[id].clock);
    let customer = customer(world, plan, &mut wanted)?;
    let (id, new) = ensure(world, &wanted, plan, customer, (clock, test_clock))?;
    let body = body(world, id, &world.state.subscriptions[id], call.site);
    Ok(if new { Reply::created(&body) } else { Reply::ok(&body) })
}

/// The subscription of somebody who signs up by themselves: it starts now, on the world's clock, under the name of
/// its plan. One that lives already is taken.
pub fn sign_up(
    world: &mut World,
    plan: Id<Plan>,
    customer: Id<Customer>,
    redirects: Option<Redirects>,
) -> Result<Id<Subscription>, Fault> {
    let row = &world.state.plans[plan];
    let wanted = Create::now(&row.name, world.now(ClockId::WORLD), redirects);
    ensure(world, &wanted, plan, customer, (ClockId::WORLD, None)).map(|(id, _)| id)
}

/// Finds or makes the subscription of a customer to a plan; says whether it is new.
fn ensure(
    world: &mut World,
    wanted: &Create,
    plan: Id<Plan>,
    customer: Id<Customer>,
    (clock, test_clock): (ClockId, Option<Id<TestClock>>),
) -> Result<(Id<Subscription>, bool), Fault> {
    if let Some(existing) = existing(world, customer, plan) {
        return Ok((existing, false));
    }
    let row = draft(world, wanted, plan, customer, (clock, test_clock))?;
    let cycle = cycle(world, &row)?;
    world.state.cycles.insert(cycle);
    let id = world.state.subscriptions.insert(row);
    world.state.subscriptions_by_customer.entry(customer).or_default().push_back(id);
    let row = world.state.subscriptions[id].clone();
    world.emit(clock, Notice::SubscriptionCreated(id, row));
    if wanted.ending_at.is_some() {
        cycle::set_end(world, id);
    }
    start(world, id, wanted)?;
    Ok((id, true))
}

fn test_clock(world: &World, id: Option<&str>) -> Result<Option<Id<TestClock>>, Fault> {
    let Some(text) = id else { return Ok(None) };
    let id = referred(&world.state.test_clocks, "/testClockId", text)?;
    if world.state.test_clocks[id].deleted_at.is_some() {
        return Err(Fault::no_such("test clock", text));
    }
    Ok(Some(id))
}

/// The customer that is named, or the one of the consumer that is described. A request that does both, as
/// the older guide's sample, means the one that is named.
fn customer(world: &mut World, plan: Id<Plan>, wanted: &mut Create) -> Result<Id<Customer>, Fault> {
    if let Some(id) = &wanted.customer_id {
        return customers::referred(&world.state, "/customerId", id);
    }
    let Some(consumer) = wanted.customer.take() else {
        return Err(Fault::field("/customerId", "required", "is needed, or `customer` with name, email and address"));
    };
    let merchant = Arc::clone(&world.state.plans[plan].merchant);
    let merchant =
        if *merchant == *super::super::state::HOUSE_MERCHANT { world.state.default_merchant() } else { merchant };
    customers::ensure(world, &merchant, consumer, None)
}

/// A live subscription of the same customer to the same plan is answered instead of a second one (§1.3; the
/// exact rule is not published).
fn existing(world: &World, customer: Id<Customer>, plan: Id<Plan>) -> Option<Id<Subscription>> {
    let mut owned = world.state.subscriptions_by_customer.get(&customer)?.iter().copied();
    owned.find(|id| {
        let row = &world.state.subscriptions[*id];
        row.plan == plan && row.is_live()
    })
}

pub(super) fn no_bank_transfer() -> Fault {
    let message = "must be 0: payment terms need bank transfer only, which this API does not offer";
    Fault::field("/paymentTermDays", "maximum", message)
}

fn draft(
    world: &World,
    wanted: &Create,
    plan: Id<Plan>,
    customer: Id<Customer>,
    (clock, test_clock): (ClockId, Option<Id<TestClock>>),
) -> Result<Subscription, Fault> {
    let now = world.now(clock);
    let terms = &world.state.plans[plan];
    let started_at = wanted.started_at;
    if wanted.payment_term_days > 0 {
        return Err(no_bank_transfer());
    }
    if let Some(end) = wanted.ending_at.filter(|end| *end <= started_at || *end <= now) {
        let message = format!("{end} is not after startedAt ({started_at}) and the present ({now})");
        return Err(Fault::field("/endingAt", "minimum", message));
    }
    let items = items(world, plan, &wanted.items)?;
    Ok(Subscription {
        name: wanted.name.clone(),
        customer,
        plan,
        version: terms.default_version,
        made_on: terms.default_version,
        status: Status::PendingPayment,
        clock,
        test_clock,
        started_at,
        ending_at: wanted.ending_at,
        anchor: terms.anchor.unwrap_or(started_at),
        cadence: terms.cadence,
        billing_starts_at: billing_start(wanted, now)?,
        elapsed: wanted.elapsed_period_billing,
        auto_charge: wanted.auto_charge,
        tax_exempt: wanted.tax_exempt,
        payment_term_days: wanted.payment_term_days,
        reminder_enabled: wanted.renewal_reminder_enabled,
        reminder_days: wanted.renewal_reminder_days,
        version_policy: wanted.version_policy,
        metadata: wanted.metadata.clone().map(Arc::new),
        prefund: prefund(wanted)?,
        items,
        first_invoice: None,
        session: None,
        cycle: world.state.cycles.next_id(),
        termination: None,
        created_at: world.now(ClockId::WORLD),
        updated_at: world.now(ClockId::WORLD),
    })
}

/// Where billing stands at the start: each charge at its first window.
fn cycle(world: &World, row: &Subscription) -> Result<Cycle, Fault> {
    let state = &world.state;
    let mut cycle = Cycle::new();
    for line in &state.plan_versions[row.version].lines {
        let quantity = row.items.iter().find(|item| item.price == line.price).map(|item| item.quantity);
        let price = &state.prices[line.price];
        let terms = schedule::terms(price, row.cadence, quantity);
        let interval = Interval::of_line(line, row.version, price, terms);
        cycle.add(Interval { quantity, from: row.started_at, ..interval }, row);
    }
    let elapsed = schedule::backlog(row, &cycle, row.started_at.max(world.now(row.clock)));
    if elapsed > ELAPSED_MOST {
        let message =
            format!("{elapsed} charges have fallen due since {}: at most {ELAPSED_MOST} are billed", row.started_at);
        return Err(Fault::field("/startedAt", "minimum", message));
    }
    Ok(cycle)
}

/// Charges that fall due earlier are never billed. A backdated start counts from now, unless the caller wants
/// elapsed periods billed (§2.7).
fn billing_start(wanted: &Create, now: Timestamp) -> Result<Timestamp, Fault> {
    let started_at = wanted.started_at;
    let backdated = BACKDATED_AFTER.after(started_at, 1).is_some_and(|limit| limit < now);
    if !backdated {
        return Ok(started_at);
    }
    if wanted.elapsed_period_billing == Elapsed::None {
        return Ok(now);
    }
    if BACKDATED_MOST.after(started_at, 1).is_some_and(|limit| limit < now) {
        let message = format!("{started_at} lies more than 12 months before {now}: too far back for per_period");
        return Err(Fault::field("/startedAt", "minimum", message));
    }
    Ok(started_at)
}

fn prefund(wanted: &Create) -> Result<Option<Decimal>, Fault> {
    let Some(text) = &wanted.prefund_amount else { return Ok(None) };
    let amount = money::parse(text).map_err(|error| Fault::field("/prefundAmount", "format", error.to_string()))?;
    if amount < Decimal::ZERO {
        return Err(Fault::field("/prefundAmount", "minimum", "is a deposit: it cannot be below 0"));
    }
    Ok(Some(amount).filter(|amount| !amount.is_zero()))
}

/// The older up-front quantities: each turns its metric into a fixed quantity that is charged in advance, every
/// period.
fn items(world: &World, plan: Id<Plan>, wanted: &[ItemInput]) -> Result<Vec<Item>, Fault> {
    let state = &world.state;
    let lines = &state.plan_versions[state.plans[plan].default_version].lines;
    let mut items = Vec::new();
    for (n, item) in wanted.iter().enumerate() {
        let line = lines.iter().find(|line| match state.prices[line.price].of {
            Charged::Metric(metric) => state.metrics.text(metric).as_str() == &*item.billable_metric_id,
            Charged::Fee(fee) => state.fees.text(fee).as_str() == &*item.billable_metric_id,
        });
        let Some(line) = line else {
            let message = format!("{} has no price in this plan", item.billable_metric_id);
            return Err(Fault::field(&format!("/items/{n}/billableMetricId"), "reference", message));
        };
        if state.prices[line.price].unit.is_some() {
            let message = "is paid for in credits as it is used: a quantity of it cannot be charged up front";
            return Err(Fault::field(&format!("/items/{n}/billableMetricId"), "const", message));
        }
        items.push(Item { price: line.price, metric: item.billable_metric_id.clone(), quantity: item.quantity });
    }
    Ok(items)
}

/// Bills what is due at the start. The subscription waits until that is paid, or starts at once where
/// nothing is to be paid.
fn start(world: &mut World, id: Id<Subscription>, wanted: &Create) -> Result<(), Fault> {
    let (clock, now) = cycle::clock_of(world, id);
    // Invoice 0 exists even if nothing else does: the count of the following ones begins at 1.
    let invoice = cycle::first_invoice(world, id);
    if world.state.subscriptions[id].status != Status::PendingPayment {
        return Ok(());
    }
    let owed = invoice.map(|invoice| owed(world, invoice)).unwrap_or_default();
    let row = &world.state.subscriptions[id];
    let amount = owed.saturating_add(row.prefund.unwrap_or_default());
    if amount.is_zero() {
        cycle::activate(world, id);
        return Ok(());
    }
    let minutes = wanted.session_expiry_minutes.unwrap_or(SESSION_MINUTES);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1 by the schema; saturates")]
    let life = Cadence::seconds((minutes * 60.0).round() as u32);
    let expires_at = life
        .after(now, 1)
        .ok_or_else(|| Fault::field("/sessionExpiryMinutes", "maximum", "leads beyond the calendar"))?;
    let opening = Opening {
        purpose: Purpose::Activation(id),
        customer: Some(row.customer),
        amount,
        currency: Arc::clone(&world.state.plans[row.plan].currency),
        clock,
        expires_at,
        redirects: wanted.redirect_urls.clone(),
        save: false,
        metadata: None,
    };
    let session = payment_sessions::open(world, opening);
    world.state.subscriptions.update(id, |row| row.session = Some(session));
    Ok(())
}

fn owed(world: &World, invoice: Id<Invoice>) -> Decimal {
    let row = &world.state.invoices[invoice];
    if row.is_owed() { row.totals.gross() } else { Decimal::ZERO }
}
