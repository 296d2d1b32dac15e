//! Plans: an interval, a currency, and components that are priced each in its own way.
//!
//! Facts: paylera §2.3. A plan is addressed by its code. Its prices never change; archived plans keep their
//! subscriptions and get no new ones.

mod pricing;

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::pricing::Tier;
pub use self::pricing::{Aggregation, Component, LateEvents, Pricing, Rule};
use super::body::{Metadata, MetadataPatch};
use super::listing::list;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::billing::money;
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listPlans", "/v1/plans", list_all),
        write("createPlan", Method::POST, "/v1/plans", create),
        read("getPlan", "/v1/plans/{code}", get),
        write("updatePlan", Method::PATCH, "/v1/plans/{code}", update),
        write("archivePlan", Method::POST, "/v1/plans/{code}/archive", archive),
    ];
    Noun { name: "plans", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Plan {
    pub product_code: Arc<str>,
    pub code: Arc<str>,
    pub currency: Arc<str>,
    pub interval: Interval,
    pub interval_count: u32,
    pub trial_days: u32,
    pub components: Arc<[Component]>,
    pub dunning_policy: Option<Box<str>>,
    pub status: Status,
    metadata: Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Plan {
    const PREFIX: &'static str = "plan_";
    const NOUN: &'static str = "plan";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    Day,
    Week,
    Month,
    Year,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Archived,
}

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    code: &'a str,
    product_code: &'a str,
    currency: &'a str,
    interval: Interval,
    interval_count: u32,
    trial_days: u32,
    components: &'a [Component],
    dunning_policy: Option<&'a str>,
    status: Status,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Plan>) -> Body<'_> {
    let row = &state.plans[id];
    Body {
        id: state.plans.text(id),
        object: "plan",
        code: &row.code,
        product_code: &row.product_code,
        currency: &row.currency,
        interval: row.interval,
        interval_count: row.interval_count,
        trial_days: row.trial_days,
        components: &row.components,
        dunning_policy: row.dunning_policy.as_deref(),
        status: row.status,
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The plan that the path's code means; an id does as well.
fn addressed(state: &State, call: &Call) -> Result<Id<Plan>, Fault> {
    let text = call.segment("code");
    let found = state.plans_by_code.get(text).copied().or_else(|| state.plans.find(text));
    found.ok_or_else(|| Fault::no_such(Plan::NOUN, text))
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.plans.iter().map(|(id, _)| (id.number(), json!(body(state, id)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(Reply::ok(&body(&world.state, addressed(&world.state, call)?)))
}

#[derive(Deserialize)]
struct Create {
    product_code: Arc<str>,
    code: Arc<str>,
    currency: Arc<str>,
    interval: Interval,
    #[serde(default = "one")]
    interval_count: u32,
    #[serde(default)]
    trial_days: u32,
    components: Vec<Component>,
    dunning_policy: Option<Box<str>>,
    #[serde(default)]
    metadata: Metadata,
}

fn one() -> u32 {
    1
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let mut wanted: Create = call.input()?;
    let code = Arc::clone(&wanted.code);
    if world.state.plans_by_code.contains_key(&code) {
        let message = format!("There is a plan with the code {code:?} already");
        return Err(Fault::conflict(message).with_code("plan.code_taken"));
    }
    check(&wanted, &world.state)?;
    wanted.components.iter_mut().for_each(Component::settle);
    let now = world.now(ClockId::WORLD);
    let id = world.state.plans.insert(Plan {
        product_code: wanted.product_code,
        code: wanted.code,
        currency: wanted.currency,
        interval: wanted.interval,
        interval_count: wanted.interval_count,
        trial_days: wanted.trial_days,
        components: wanted.components.into(),
        dunning_policy: wanted.dunning_policy,
        status: Status::Active,
        metadata: wanted.metadata.checked()?,
        created_at: now,
        updated_at: now,
    });
    world.state.plans_by_code.insert(code, id);
    Ok(Reply::created(&body(&world.state, id)))
}

/// What a schema cannot say: that the product exists, the currency too, and that bands rise to one without end.
fn check(wanted: &Create, state: &State) -> Result<(), Fault> {
    let mut violations = Vec::new();
    let mut wrong = |pointer: String, rule: &'static str, message: String| {
        violations.push(Violation::body(pointer, rule, message));
    };
    if !state.products_by_code.contains_key(&wanted.product_code) {
        let code = &wanted.product_code;
        wrong("/product_code".to_owned(), "reference", format!("there is no product with the code {code:?}"));
    }
    if !money::is_currency(&wanted.currency) {
        wrong("/currency".to_owned(), "enum", format!("{:?} is no ISO 4217 currency", wanted.currency));
    }
    for (number, component) in wanted.components.iter().enumerate() {
        if wanted.components[..number].iter().any(|earlier| earlier.code == component.code) {
            let message = format!("{:?} is the code of an earlier component", component.code);
            wrong(format!("/components/{number}/code"), "unique", message);
        }
        if let Some(why) = component.pricing.tiers().and_then(misplaced) {
            wrong(format!("/components/{number}/pricing/tiers"), "order", why);
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Fault::violations(violations)) }
}

/// Why bands are none.
fn misplaced(tiers: &[Tier]) -> Option<String> {
    let (last, rest) = tiers.split_last()?;
    if last.up_to.is_some() {
        return Some("the last band has no end: its up_to is null".to_owned());
    }
    if rest.iter().any(|tier| tier.up_to.is_none()) {
        return Some("only the last band has no end".to_owned());
    }
    let rises = rest.windows(2).all(|pair| pair[0].up_to < pair[1].up_to);
    (!rises).then(|| "each band ends later than the one before".to_owned())
}

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    dunning_policy: Patch<Box<str>>,
    trial_days: Option<u32>,
    #[serde(default)]
    metadata: MetadataPatch,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let wanted: Update = call.input()?;
    let now = world.now(ClockId::WORLD);
    world.state.plans.update(id, |row| {
        wanted.dunning_policy.apply(&mut row.dunning_policy);
        row.trial_days = wanted.trial_days.unwrap_or(row.trial_days);
        row.updated_at = now;
        row.metadata.merge(wanted.metadata)
    })?;
    Ok(Reply::ok(&body(&world.state, id)))
}

/// Twice is once.
fn archive(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let now = world.now(ClockId::WORLD);
    world.state.plans.update(id, |row| {
        row.status = Status::Archived;
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}

impl Plan {
    /// From one period to the next.
    pub fn cadence(&self) -> Cadence {
        let n = self.interval_count;
        match self.interval {
            Interval::Day => Cadence::days(n),
            Interval::Week => Cadence::days(n.saturating_mul(7)),
            Interval::Month => Cadence::months(n),
            Interval::Year => Cadence::months(n.saturating_mul(12)),
        }
    }

    /// How many months a period has; `None` for days and weeks.
    pub fn months(&self) -> Option<u32> {
        match self.interval {
            Interval::Day | Interval::Week => None,
            Interval::Month => Some(self.interval_count),
            Interval::Year => Some(self.interval_count.saturating_mul(12)),
        }
    }
}

/// The plan that a field of a body names, if it is given to new subscriptions.
///
/// # Errors
/// Naming the field.
pub fn offered(state: &State, pointer: &str, text: &str) -> Result<Id<Plan>, Fault> {
    let wrong = |message: String| Err(Fault::field(pointer, "reference", message));
    let Some(id) = state.plans_by_code.get(text).copied().or_else(|| state.plans.find(text)) else {
        return wrong(format!("there is no plan with the code {text:?}"));
    };
    match state.plans[id].status {
        Status::Active => Ok(id),
        Status::Archived => {
            wrong(format!("the plan {text:?} is archived: it keeps its subscriptions and gets no new ones"))
        }
    }
}
