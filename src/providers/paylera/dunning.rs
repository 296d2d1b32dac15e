//! Dunning: when a payment that failed is tried again, and what happens when all is in vain.
//!
//! Facts: paylera §3.9. The first attempt is the charge that failed; each later one so many days after the one before
//! it, and the whole ends when so many days have gone by. A plan may name a policy of its own.

use std::sync::Arc;

use http::Method;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::invoices::{self, Invoice};
use super::listing::list;
use super::notices::subscription as event;
use super::state::{Due, State};
use super::subscriptions::{self, Status, Subscription};
use super::{Operation, World, collection};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, Timer};

const DEFAULT: &str = "default";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("getDunningPolicy", "/v1/admin/dunning/policy", get),
        write("updateDunningPolicy", Method::PATCH, "/v1/admin/dunning/policy", update),
        read("listDunningPolicies", "/v1/admin/dunning/policies", list_all),
    ];
    Noun { name: "dunning", operations }
}

/// The policies of a tenant by name. There is always a default one.
pub type Policies = OrdMap<Arc<str>, Arc<Policy>>;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Policy {
    name: Arc<str>,
    schedule: Vec<Step>,
    on_exhaustion: OnExhaustion,
    max_total_days: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Step {
    attempt: u32,
    after_days: u32,
    #[serde(default = "yes")]
    send_email: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnExhaustion {
    CancelSubscription,
    PauseSubscription,
    MarkUncollectibleOnly,
    NotifyOnly,
}

impl Policy {
    /// The documented default: days 0, 3, 8 and 15, and the end on day 21.
    fn standard() -> Self {
        let step = |attempt, after_days, send_email| Step { attempt, after_days, send_email };
        Self {
            name: DEFAULT.into(),
            schedule: vec![step(2, 3, true), step(3, 5, true), step(4, 7, false)],
            on_exhaustion: OnExhaustion::CancelSubscription,
            max_total_days: 21,
            // It has been there before the world began.
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }
}

/// What every tenant starts with.
pub fn standard() -> Policies {
    OrdMap::unit(DEFAULT.into(), Arc::new(Policy::standard()))
}

#[derive(Serialize)]
struct Body<'a> {
    object: &'static str,
    name: &'a str,
    schedule: &'a [Step],
    on_exhaustion: OnExhaustion,
    max_total_days: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(policy: &Policy) -> Body<'_> {
    Body {
        object: "dunning_policy",
        name: &policy.name,
        schedule: &policy.schedule,
        on_exhaustion: policy.on_exhaustion,
        max_total_days: policy.max_total_days,
        created_at: policy.created_at,
        updated_at: policy.updated_at,
    }
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let name = call.query.get("name").and_then(|name| name.as_str()).unwrap_or(DEFAULT);
    let policy = world.state.dunning_policies.get(name).ok_or_else(|| Fault::no_such("dunning policy", name))?;
    Ok(Reply::ok(&body(policy)))
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let numbered = (0..).zip(world.state.dunning_policies.values());
    list(call, numbered.map(|(number, policy)| (number, json!(body(policy)))))
}

#[derive(Deserialize)]
struct Update {
    name: Option<Arc<str>>,
    schedule: Option<Vec<Step>>,
    on_exhaustion: Option<OnExhaustion>,
    max_total_days: Option<u32>,
}

/// What is under way goes on as it began.
fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Update = call.input()?;
    let now = world.now(ClockId::WORLD);
    let name = wanted.name.unwrap_or_else(|| DEFAULT.into());
    let mut policy = match world.state.dunning_policies.get(&name) {
        Some(known) => Policy::clone(known),
        None => Policy { name: Arc::clone(&name), created_at: now, ..Policy::standard() },
    };
    policy.schedule = wanted.schedule.unwrap_or(policy.schedule);
    policy.on_exhaustion = wanted.on_exhaustion.unwrap_or(policy.on_exhaustion);
    policy.max_total_days = wanted.max_total_days.unwrap_or(policy.max_total_days);
    policy.updated_at = now;
    check(&policy.schedule)?;
    let reply = Reply::ok(&body(&policy));
    world.state.dunning_policies.insert(name, Arc::new(policy));
    Ok(reply)
}

/// Attempts count up from 2.
fn check(schedule: &[Step]) -> Result<(), Fault> {
    let wrong = (2..).zip(schedule).enumerate().filter(|(_, (expected, step))| step.attempt != *expected);
    let violation = |(place, (expected, step)): (usize, (u32, &Step))| {
        let message = format!("is {}: attempts count up from 2, so this one is {expected}", step.attempt);
        Violation::body(format!("/schedule/{place}/attempt"), "order", message)
    };
    let violations: Vec<Violation> = wrong.map(violation).collect();
    if violations.is_empty() { Ok(()) } else { Err(Fault::violations(violations)) }
}

/// How far collecting an invoice has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dunning {
    policy: Arc<Policy>,
    /// The attempts made; the first is the charge that failed.
    attempts: u32,
    started_at: Timestamp,
    timer: Option<Timer>,
}

/// The policy of a subscription's plan, else the tenant's.
fn policy(state: &State, subscription: Id<Subscription>) -> Arc<Policy> {
    let plan = &state.plans[state.subscriptions[subscription].plan];
    let own = plan.dunning_policy.as_deref().and_then(|name| state.dunning_policies.get(name));
    let found = own.or_else(|| state.dunning_policies.get(DEFAULT));
    found.cloned().unwrap_or_else(|| Arc::new(Policy::standard()))
}

/// The first charge of a subscription's invoice has failed.
pub fn start(world: &mut World, invoice: Id<Invoice>, subscription: Id<Subscription>) {
    let policy = policy(&world.state, subscription);
    let started_at = world.now(ClockId::WORLD);
    let dunning = Dunning { policy, attempts: 1, started_at, timer: None };
    world.state.invoices.update(invoice, |row| row.dunning = Some(dunning));
    world.state.subscriptions.update(subscription, |row| row.dunned.push(invoice));
    wait(world, invoice, started_at);
}

/// Sets the timer of the next attempt, `last` being when the one before it was made, or of the end.
fn wait(world: &mut World, invoice: Id<Invoice>, last: Timestamp) {
    let Some(dunning) = &world.state.invoices[invoice].dunning else { return };
    let days = |from: Timestamp, days: u32| Cadence::days(days).after(from, 1).unwrap_or(Timestamp::MAX);
    let end = days(dunning.started_at, dunning.policy.max_total_days);
    // The steps are in order, and the first of them is attempt 2.
    let next = dunning.policy.schedule.get(dunning.attempts as usize - 1).map(|step| days(last, step.after_days));
    let due = next.map_or(end, |next| next.min(end));
    let timer = world.set_timer(ClockId::WORLD, due, Due::Dunning(invoice));
    world.state.invoices.update(invoice, |row| {
        if let Some(dunning) = &mut row.dunning {
            dunning.timer = Some(timer);
        }
    });
}

/// The next attempt is due, or the end. An attempt that would fall on the end is not made: the cap is hard.
pub fn due(world: &mut World, invoice: Id<Invoice>) {
    let row = &world.state.invoices[invoice];
    let (Some(dunning), Some(subscription)) = (&row.dunning, row.subscription) else { return };
    let now = world.now(ClockId::WORLD);
    let end = Cadence::days(dunning.policy.max_total_days).after(dunning.started_at, 1);
    if end.is_none_or(|end| now >= end) {
        return exhausted(world, invoice, subscription);
    }
    world.state.invoices.update(invoice, |row| {
        if let Some(dunning) = &mut row.dunning {
            dunning.attempts += 1;
            dunning.timer = None;
        }
    });
    subscriptions::tell(world, subscription, event::DUNNING_ATTEMPT);
    collection::collect(world, invoice);
    // It may have been paid, or wait for the customer: then a failure there goes on with the schedule.
    if world.state.invoices[invoice].dunning.is_some() {
        wait(world, invoice, now);
    }
}

fn exhausted(world: &mut World, invoice: Id<Invoice>, subscription: Id<Subscription>) {
    let on_exhaustion = world.state.invoices[invoice].dunning.as_ref().map(|dunning| dunning.policy.on_exhaustion);
    subscriptions::tell(world, subscription, event::DUNNING_EXHAUSTED);
    let is_past_due = world.state.subscriptions[subscription].status == Status::PastDue;
    match on_exhaustion {
        Some(OnExhaustion::CancelSubscription) => {
            invoices::uncollectible(world, invoice);
            if is_past_due {
                collection::give_up(world, subscription);
            }
        }
        Some(OnExhaustion::PauseSubscription) => {
            stop(world, invoice);
            if is_past_due {
                subscriptions::pause_now(world, subscription, None);
            }
        }
        Some(OnExhaustion::MarkUncollectibleOnly) => invoices::uncollectible(world, invoice),
        Some(OnExhaustion::NotifyOnly) | None => stop(world, invoice),
    }
}

/// Nothing more is tried.
pub fn stop(world: &mut World, invoice: Id<Invoice>) {
    let (dunning, subscription) = world.state.invoices.update(invoice, |row| (row.dunning.take(), row.subscription));
    let Some(dunning) = dunning else { return };
    if let Some(timer) = dunning.timer {
        world.cancel_timer(timer);
    }
    if let Some(subscription) = subscription {
        world.state.subscriptions.update(subscription, |row| row.dunned.retain(|other| *other != invoice));
    }
}
