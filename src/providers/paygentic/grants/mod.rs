//! Grants: units of a metered entitlement.
//!
//! Facts: paygentic-behaviour §2.10, §1.3 (idempotency per entitlement). What a template issues at every reset is one
//! grant that recurs. Buying one stands in `purchase`; what grants come to in `billing::allowance`.

mod purchase;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

pub use self::purchase::{Purchase, Sold, bought, sold};
use super::body::{list, number};
use super::entitlements::{Entitlement, Metered, Status, Terms};
use super::state::State;
use super::subscriptions::{Status as SubscriptionStatus, Subscription};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::allowance::UNLIMITED;
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listEntitlementGrants", "/v1/entitlements/{entitlementId}/grants", index),
        write("createEntitlementGrant", Method::POST, "/v1/entitlements/{entitlementId}/grants", create),
        write(
            "purchaseEntitlementGrant",
            Method::POST,
            "/v1/entitlements/{entitlementId}/grants/purchase",
            purchase::create,
        ),
        read("getEntitlementGrant", "/v1/entitlements/{entitlementId}/grants/{grantId}", get),
        write("voidEntitlementGrant", Method::DELETE, "/v1/entitlements/{entitlementId}/grants/{grantId}", void),
    ];
    Noun { name: "grants", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Grant {
    pub entitlement: Id<Entitlement>,
    pub amount: Decimal,
    pub effective_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub voided_at: Option<Timestamp>,
    /// How often it is issued anew.
    pub recurrence: Option<Cadence>,
    pub priority: i32,
    /// What a reset leaves of it at least and at most.
    pub rollover_least: Decimal,
    pub rollover_most: Decimal,
    /// What was asked for, to know a repeat by; `None`: issued by the template.
    asked: Option<Arc<Asked>>,
    created_at: Timestamp,
}

impl Row for Grant {
    const PREFIX: &'static str = "grt_";
    const NOUN: &'static str = "grant";
}

/// The units that somebody asks for, as they were written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    idempotency_key: Box<str>,
    amount: Decimal,
    effective_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    reset_max_rollover: Option<Decimal>,
    reset_min_rollover: Option<Decimal>,
    priority: Option<i32>,
}

impl Asked {
    /// Checks what the schema cannot; without an instant of its own a grant takes effect `now`.
    fn check(&self, now: Timestamp) -> Result<(), Fault> {
        let mut wrong = Vec::new();
        if self.amount <= Decimal::ZERO {
            wrong.push(Violation::body("/amount", "exclusiveMinimum", "is too small to count: it comes to 0"));
        }
        let effective_at = self.effective_at.unwrap_or(now);
        if let Some(end) = self.expires_at.filter(|end| *end <= effective_at) {
            let message = format!("{end} is not after effectiveAt, {effective_at}");
            wrong.push(Violation::body("/expiresAt", "minimum", message));
        }
        let (least, most) = (self.rollover_least(), self.rollover_most());
        if least > most {
            let message = format!("{least} is more than resetMaxRollover, {most}");
            wrong.push(Violation::body("/resetMinRollover", "maximum", message));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
    }

    fn rollover_least(&self) -> Decimal {
        self.reset_min_rollover.unwrap_or_default()
    }

    fn rollover_most(&self) -> Decimal {
        self.reset_max_rollover.unwrap_or(UNLIMITED)
    }
}

/// The key was used for something else.
fn other_parameters(key: &str) -> Fault {
    let message = format!("The idempotencyKey {key:?} was used with other parameters: take a new key");
    Fault::conflict(message.clone()).with_violation(Violation::body("/idempotencyKey", "unique", message))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    entitlement_id: IdText,
    amount: Number,
    effective_at: Timestamp,
    expires_at: Option<Timestamp>,
    voided_at: Option<Timestamp>,
    recurrence_period: Option<Cadence>,
    reset_max_rollover: Number,
    reset_min_rollover: Number,
    priority: i32,
    idempotency_key: Option<&'a str>,
    created_at: Timestamp,
}

fn body(state: &State, id: Id<Grant>) -> Body<'_> {
    let row = &state.grants[id];
    Body {
        object: "grant",
        id: state.grants.text(id),
        entitlement_id: state.entitlements.text(row.entitlement),
        amount: number(row.amount),
        effective_at: row.effective_at,
        expires_at: row.expires_at,
        voided_at: row.voided_at,
        recurrence_period: row.recurrence,
        reset_max_rollover: number(row.rollover_most),
        reset_min_rollover: number(row.rollover_least),
        priority: row.priority,
        idempotency_key: row.asked.as_ref().map(|asked| &*asked.idempotency_key),
        created_at: row.created_at,
    }
}

/// The grant of a metered template: once, or at every reset.
pub fn issue(world: &mut World, entitlement: Id<Entitlement>, terms: &Metered, effective_at: Timestamp) {
    let created_at = world.now(world.state.entitlements[entitlement].clock);
    add(
        &mut world.state,
        Grant {
            entitlement,
            amount: terms.issue,
            effective_at,
            expires_at: None,
            voided_at: None,
            recurrence: terms.period.map(|period| period.interval),
            priority: terms.priority,
            rollover_least: terms.rollover_least,
            rollover_most: terms.rollover_most,
            asked: None,
            created_at,
        },
    );
}

/// What somebody asked for, or has paid for.
fn grant(world: &mut World, entitlement: Id<Entitlement>, asked: Arc<Asked>) -> Id<Grant> {
    let now = world.now(world.state.entitlements[entitlement].clock);
    add(
        &mut world.state,
        Grant {
            entitlement,
            amount: asked.amount,
            effective_at: asked.effective_at.unwrap_or(now),
            expires_at: asked.expires_at,
            voided_at: None,
            recurrence: None,
            priority: asked.priority.unwrap_or_default(),
            rollover_least: asked.rollover_least(),
            rollover_most: asked.rollover_most(),
            asked: Some(asked),
            created_at: now,
        },
    )
}

fn add(state: &mut State, grant: Grant) -> Id<Grant> {
    let entitlement = grant.entitlement;
    let id = state.grants.insert(grant);
    state.entitlements.update(entitlement, |row| row.grants.push(id));
    id
}

/// The entitlement of the path and its subscription, if more of it can be granted now.
fn grantable(world: &World, call: &Call) -> Result<(Id<Entitlement>, Id<Subscription>), Fault> {
    let state = &world.state;
    let id = call.row("entitlementId", &state.entitlements)?;
    let row = &state.entitlements[id];
    if !matches!(row.terms, Terms::Metered(_)) {
        return Err(Fault::bad_request("Units are granted to metered entitlements only; this one gives access"));
    }
    let Some(subscription) = row.subscription else {
        let message = "Units are granted to entitlements of a subscription; this one was issued without one";
        return Err(Fault::bad_request(message));
    };
    let active = state.subscriptions[subscription].status == SubscriptionStatus::Active;
    match row.status(state, world.now(row.clock)) {
        Status::Active if active => Ok((id, subscription)),
        status => {
            Err(Fault::bad_request(format!("Units are granted while an entitlement is active; now it is {status:?}")))
        }
    }
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let (entitlement, _) = grantable(world, call)?;
    let asked: Asked = call.input()?;
    let state = &world.state;
    let row = &state.entitlements[entitlement];
    let earlier = row.grants.iter().copied().find_map(|id| {
        // A purchase has a key of its own.
        let grant = &state.grants[id];
        let known = grant.asked.as_deref().filter(|known| known.idempotency_key == asked.idempotency_key)?;
        (!purchase::made(state, row, id)).then_some((id, known))
    });
    match earlier {
        Some((id, known)) if *known == asked => return Ok(Reply::created(&body(state, id))),
        Some(_) => return Err(other_parameters(&asked.idempotency_key)),
        None => asked.check(world.now(row.clock))?,
    }
    let id = grant(world, entitlement, Arc::new(asked));
    Ok(Reply::created(&body(&world.state, id)))
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let entitlement = call.row("entitlementId", &state.entitlements)?;
    let voided = call.query.get("includeVoided").and_then(Value::as_bool).unwrap_or(false);
    let ids = state.entitlements[entitlement].grants.iter().copied();
    let shown = ids.filter(|id| voided || state.grants[*id].voided_at.is_none());
    Ok(Reply::ok(&list(call.paging(), shown).map(|id| body(state, id))))
}

/// The grant of the path, which must be one of the path's entitlement.
fn addressed(state: &State, call: &Call) -> Result<Id<Grant>, Fault> {
    let entitlement = call.row("entitlementId", &state.entitlements)?;
    let id = call.row("grantId", &state.grants)?;
    if state.grants[id].entitlement != entitlement {
        let message = format!("is a grant of {}", state.entitlements.text(state.grants[id].entitlement));
        let fault = Fault::no_such(Grant::NOUN, call.segment("grantId"));
        return Err(fault.with_violation(Violation::path("grantId", "reference", message)));
    }
    Ok(id)
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

/// Takes back what is left of a grant; what was used of it stays covered. A second time changes nothing.
fn void(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    take_back(world, id);
    Ok(Reply::ok(&body(&world.state, id)))
}

fn take_back(world: &mut World, id: Id<Grant>) {
    let now = world.now(world.state.entitlements[world.state.grants[id].entitlement].clock);
    world.state.grants.update(id, |row| {
        row.voided_at.get_or_insert(now);
    });
}

/// Takes back all grants of an entitlement that is no more.
pub fn void_all(world: &mut World, entitlement: Id<Entitlement>) {
    for id in world.state.entitlements[entitlement].grants.clone() {
        take_back(world, id);
    }
}
