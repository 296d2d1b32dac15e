//! Commitments: a term that a subscription is bound to, and in which steps it is billed.
//!
//! Facts: paylera §3.4. Defaults, renewal and what `early_cancel` knows beside `forbid` are ours.

use serde::{Deserialize, Serialize};

use super::{Subscription, change, tell};
use crate::api::Fault;
use crate::providers::paylera::World;
use crate::providers::paylera::notices::subscription as event;
use crate::providers::paylera::plans::Plan;
use crate::providers::paylera::state::Due;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

/// How long before its end a commitment is told of (§4.8), in days.
const NOTICE_DAYS: i64 = 30;
const QUARTER: u32 = 3;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Commitment {
    months: u32,
    billing: Billing,
    pub early_cancel: EarlyCancel,
    pub auto_renew: bool,
    starts_at: Timestamp,
    pub ends_at: Timestamp,
    /// Which term it is: ends are counted from the first start, so that a 31st stays one.
    term: i64,
    first_at: Timestamp,
}

/// What the API shows of it.
#[derive(Serialize)]
pub struct CommitmentBody {
    months: u32,
    billing: Billing,
    early_cancel: EarlyCancel,
    auto_renew: bool,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

impl Commitment {
    pub fn body(&self) -> CommitmentBody {
        let Self { months, billing, early_cancel, auto_renew, starts_at, ends_at, .. } = *self;
        CommitmentBody { months, billing, early_cancel, auto_renew, starts_at, ends_at }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Billing {
    #[default]
    Monthly,
    Upfront,
    Quarterly,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyCancel {
    Forbid,
    #[default]
    AtCommitmentEnd,
    Allow,
}

#[derive(Deserialize)]
pub struct Input {
    months: u32,
    #[serde(default)]
    billing: Billing,
    #[serde(default)]
    early_cancel: EarlyCancel,
    #[serde(default)]
    auto_renew: bool,
}

impl Input {
    /// Whether a plan can be billed so: in whole steps of its own interval, and a whole number of them in the term.
    ///
    /// # Errors
    /// Naming the field.
    pub fn fits(&self, plan: &Plan) -> Result<(), Fault> {
        let wrong =
            |field: &str, message: String| Err(Fault::field(&format!("/commitment/{field}"), "multipleOf", message));
        let Some(interval) = plan.months() else {
            return wrong("months", "a commitment has months, and the plan is billed by days or weeks".to_owned());
        };
        if !self.months.is_multiple_of(interval) {
            return wrong("months", format!("is no multiple of the plan's interval, {interval} months"));
        }
        if self.billing == Billing::Quarterly && !self.months.is_multiple_of(QUARTER) {
            return wrong("months", "is no whole number of quarters".to_owned());
        }
        if self.billing == Billing::Quarterly && !QUARTER.is_multiple_of(interval) {
            return wrong("billing", format!("quarters are shorter than the plan's interval, {interval} months"));
        }
        Ok(())
    }

    /// The commitment that begins when periods do.
    pub fn from(self, starts_at: Timestamp) -> Commitment {
        let Self { months, billing, early_cancel, auto_renew } = self;
        let ends_at = end(starts_at, months, 1);
        Commitment { months, billing, early_cancel, auto_renew, starts_at, ends_at, term: 1, first_at: starts_at }
    }
}

fn end(starts_at: Timestamp, months: u32, terms: i64) -> Timestamp {
    Cadence::months(months).after(starts_at, terms).unwrap_or(Timestamp::MAX)
}

impl Commitment {
    /// How many months one invoice is for, if that is not the plan's interval.
    pub fn step_months(&self) -> Option<u32> {
        match self.billing {
            Billing::Monthly => None,
            Billing::Upfront => Some(self.months),
            Billing::Quarterly => Some(QUARTER),
        }
    }

    pub fn cadence(&self) -> Option<Cadence> {
        self.step_months().map(Cadence::months)
    }

    pub fn is_running(&self, now: Timestamp) -> bool {
        now < self.ends_at
    }

    /// Moved with the start of the first period: that of a trial that was extended.
    pub fn moved_to(&self, starts_at: Timestamp) -> Self {
        Self { starts_at, ends_at: end(starts_at, self.months, 1), first_at: starts_at, ..self.clone() }
    }

    fn renewed(&self) -> Self {
        let term = self.term + 1;
        Self { starts_at: self.ends_at, ends_at: end(self.first_at, self.months, term), term, ..self.clone() }
    }
}

/// A commitment has begun: its end will be announced.
pub fn started(world: &mut World, id: Id<Subscription>) {
    if world.state.subscriptions[id].commitment.is_none() {
        return;
    }
    tell(world, id, event::COMMITMENT_STARTED);
    announce(world, id);
}

pub fn announce(world: &mut World, id: Id<Subscription>) {
    let Some(at) = notice_at(&world.state.subscriptions[id]) else { return };
    let now = world.now(ClockId::WORLD);
    world.set_timer(ClockId::WORLD, at.max(now), Due::CommitmentEnding(id));
}

fn notice_at(row: &Subscription) -> Option<Timestamp> {
    row.commitment.as_ref().and_then(|commitment| commitment.ends_at.plus_millis(-NOTICE_DAYS * 86_400_000))
}

/// Its end is near, unless the subscription is over or the term is another by now.
pub fn ending(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let is_now = notice_at(row).is_some_and(|at| at <= world.now(ClockId::WORLD));
    if is_now && !row.status.is_terminal() {
        tell(world, id, event::COMMITMENT_ENDING);
    }
}

/// A period ends: what that means to the commitment, whose end it may be.
pub fn ended(world: &mut World, id: Id<Subscription>, now: Timestamp) {
    let row = &world.state.subscriptions[id];
    let Some(commitment) = row.commitment.as_ref().filter(|commitment| commitment.ends_at <= now) else { return };
    if commitment.auto_renew && row.cancel_at.is_none_or(|at| at > now) {
        let renewed = commitment.renewed();
        change(world, id, |row| row.commitment = Some(renewed));
        tell(world, id, event::COMMITMENT_RENEWED);
        announce(world, id);
    } else {
        tell(world, id, event::COMMITMENT_ENDED);
    }
}
