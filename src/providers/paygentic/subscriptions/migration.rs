//! Moving a subscription to another version of its plan.
//!
//! Facts: paygentic-behaviour §2.5 (floating subscriptions follow the default), §2.7 (version migration). Nothing is
//! prorated: each line of the plan hands over at an end of its own periods. `next_period` is the end of the current
//! one; `immediate` moves entitlements now and what is charged in arrears for the whole current period, but what was
//! charged in advance stays until its period is over.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::intervals::{self, Note, Reason};
use super::{Status, Subscription, VersionPolicy, body};
use crate::api::{Call, Fault, Reply};
use crate::providers::paygentic::World;
use crate::providers::paygentic::cycle::{self, Due};
use crate::providers::paygentic::entitlements;
use crate::providers::paygentic::notices::Notice;
use crate::providers::paygentic::plans::{self, Plan, PlanLine, PlanVersion};
use crate::providers::paygentic::schedule::{self, Charge, Cycle, Interval, Pending};
use crate::providers::paygentic::state::State;
use crate::time::Timestamp;
use crate::world::{Id, Row};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Timing {
    #[default]
    NextPeriod,
    Immediate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Migrate {
    target_version_number: u32,
    #[serde(default)]
    timing: Timing,
}

pub(super) fn migrate(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let Migrate { target_version_number: number, timing } = call.input()?;
    let row = &world.state.subscriptions[id];
    let target = plans::numbered(&world.state, row.plan, number)
        .ok_or_else(|| Fault::no_such(PlanVersion::NOUN, &number.to_string()))?;
    if row.status != Status::Active {
        return Err(Fault::conflict("Only an active subscription moves to another version"));
    }
    let from = world.state.plan_versions[row.version].number;
    let (_, now) = cycle::clock_of(world, id);
    let end_of_period = period_end(row, now)?;
    let takes_effect = if timing == Timing::Immediate { now } else { end_of_period };
    if row.end().is_some_and(|end| end <= takes_effect) {
        let message = format!("The subscription ends before the version would take effect, at {takes_effect}");
        return Err(Fault::conflict(message));
    }
    let changed = row.version != target || world.state.cycles[row.cycle].pending.is_some();
    if changed {
        check(&world.state, row, target)?;
        start(world, id, target, timing)?;
    }
    world.state.subscriptions.update(id, |row| row.version_policy = VersionPolicy::Pinned);
    let row = world.state.subscriptions[id].clone();
    world.emit(row.clock, Notice::SubscriptionUpdated(id, row));
    cycle::catch_up(world, id);
    let at = changed.then_some(takes_effect);
    let subscription = body(world, id, &world.state.subscriptions[id], call.site);
    Ok(Reply::ok(&json!({
        "subscription": subscription,
        "migration": {
            "fromVersionNumber": from, "toVersionNumber": number, "effectiveAt": at, "entitlementsEffectiveAt": at,
            "changed": changed,
        },
        "lineItems": { "syncFailed": false },
    })))
}

/// Lets the subscriptions of a plan that float with its default follow it. One for which something was agreed that
/// the new version takes away stays where it is: its owner moves it.
pub fn follow(world: &mut World, plan: Id<Plan>) {
    let floats = |row: &Subscription| {
        row.plan == plan && row.status == Status::Active && row.version_policy == VersionPolicy::Floating
    };
    let rows = world.state.subscriptions.iter().filter(|(_, row)| floats(row));
    for id in rows.map(|(id, _)| id).collect::<Vec<_>>() {
        follow_default(world, id);
    }
}

/// Moves a subscription that floats to the default of its plan, if it is on another version.
pub fn follow_default(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let plan = &world.state.plans[row.plan];
    let target = plan.default_version;
    let pending = world.state.cycles[row.cycle].pending.map(|pending| pending.version);
    if row.version_policy != VersionPolicy::Floating || pending.unwrap_or(row.version) == target {
        return;
    }
    let immediate = plan.transition["effectiveDate"] == "immediate";
    let timing = if immediate { Timing::Immediate } else { Timing::NextPeriod };
    if check(&world.state, row, target).is_ok() && start(world, id, target, timing).is_ok() {
        if immediate {
            let row = world.state.subscriptions[id].clone();
            world.emit(row.clock, Notice::SubscriptionUpdated(id, row));
        }
        cycle::catch_up(world, id);
    }
}

fn period_end(row: &Subscription, now: Timestamp) -> Result<Timestamp, Fault> {
    let grid = row.grid();
    let end = grid.boundary(grid.index_at(now.max(row.started_at)) + 1);
    end.ok_or_else(|| Fault::conflict("The current period does not end within the calendar"))
}

/// What was agreed for this subscription must be able to stay.
fn check(state: &State, row: &Subscription, target: Id<PlanVersion>) -> Result<(), Fault> {
    let lines = &state.plan_versions[target].lines;
    for Charge { interval, .. } in &state.cycles[row.cycle].charges {
        let line = lines.iter().find(|line| line.key == interval.key);
        if !interval.is_of_plan() && line.is_some() {
            let message = format!(
                "{:?} is a line of the version and of this subscription alone: end the latter first",
                &*interval.key
            );
            return Err(Fault::conflict(message));
        }
        let stays = line.is_some_and(|line| line.price == interval.price);
        if interval.is_of_plan() && interval.until.is_none() && interval.is_agreed() && !stays {
            let message = format!(
                "The quantity or price that was agreed for {:?} does not go with the version, which has another price \
                 there, or none: take it back with an edit of the interval first",
                &*interval.key
            );
            return Err(Fault::conflict(message));
        }
    }
    Ok(())
}

/// Makes the lines of the version take over, and the subscription be on it when its time has come.
fn start(world: &mut World, id: Id<Subscription>, target: Id<PlanVersion>, timing: Timing) -> Result<(), Fault> {
    let row = world.state.subscriptions[id].clone();
    let now = world.now(row.clock);
    let end_of_period = period_end(&row, now)?;
    if let Some(earlier) = world.state.cycles[row.cycle].pending {
        world.cancel_timer(earlier.timer);
    }
    let pending = (timing == Timing::NextPeriod && target != row.version).then(|| {
        let timer = world.set_timer(row.clock, end_of_period, Due::Version(id));
        Pending { version: target, timer }
    });
    let lines = world.state.plan_versions[target].lines.clone();
    let before = Cycle::clone(&world.state.cycles[row.cycle]);
    let mut cycle = before.clone();
    cycle.pending = pending;
    let move_to = Move { row: &row, target, lines: &lines, now, end_of_period, timing };
    move_to.apply(&world.state, &mut cycle);
    world.state.cycles.update(row.cycle, |place| *place = cycle);
    intervals::log(world, id, &before.charges, Note { reason: Reason::Migration, ..Note::default() });
    if pending.is_none() {
        world.state.subscriptions.update(id, |row| {
            row.version = target;
            row.updated_at = now;
        });
        entitlements::align(world, id);
    }
    cycle::replan(world, id);
    Ok(())
}

/// The version's time has come: its lines have taken over already.
pub fn arrive(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let (clock, place) = (row.clock, row.cycle);
    let now = world.now(clock);
    let pending = world.state.cycles.update(place, |cycle| cycle.pending.take());
    let Some(Pending { version, .. }) = pending else { return };
    world.state.subscriptions.update(id, |row| {
        row.version = version;
        row.updated_at = now;
    });
    entitlements::align(world, id);
    let row = world.state.subscriptions[id].clone();
    world.emit(clock, Notice::SubscriptionUpdated(id, row));
}

/// A change of all lines of a plan at once.
struct Move<'a> {
    row: &'a Subscription,
    target: Id<PlanVersion>,
    lines: &'a [PlanLine],
    now: Timestamp,
    end_of_period: Timestamp,
    timing: Timing,
}

impl Move<'_> {
    fn apply(&self, state: &State, cycle: &mut Cycle) {
        let keys: Vec<_> =
            cycle.charges.iter().map(|charge| &charge.interval).filter(|interval| interval.is_of_plan()).collect();
        let gone = keys.iter().filter(|interval| !self.lines.iter().any(|line| line.key == interval.key));
        let mut gone: Vec<_> = gone.map(|interval| Arc::clone(&interval.key)).collect();
        gone.dedup();
        for key in gone {
            self.end(cycle, &key, None);
        }
        for line in self.lines {
            let price = &state.prices[line.price];
            let terms = schedule::terms(price, self.row.cadence, None);
            let next = Interval::of_line(line, self.target, price, terms);
            if let Some(from) = self.end(cycle, &line.key, Some(&next)) {
                cycle.add(Interval { from, ..next }, self.row);
            }
        }
    }

    /// Ends what a line has been charged by, from where the version takes over; answers that instant, unless nothing
    /// is to begin there. An earlier change that has not taken effect is taken back.
    fn end(&self, cycle: &mut Cycle, key: &str, next: Option<&Interval>) -> Option<Timestamp> {
        let own = |charge: &Charge| charge.interval.is_of_plan() && *charge.interval.key == *key;
        let current = cycle.charges.iter().filter(|charge| own(charge) && charge.interval.from <= self.now);
        let handover = match current.max_by_key(|charge| charge.interval.from) {
            Some(charge) => self.handover(&charge.interval),
            None => next.map_or(self.end_of_period, |next| self.beginning(next)),
        };
        cycle.charges.retain(|charge| !own(charge) || charge.interval.from < handover);
        let last = cycle.charges.iter_mut().filter(|charge| own(charge)).max_by_key(|charge| charge.interval.from);
        // A one-off is owed by those who begin with it (§2.3): by whoever is here already only if it is not billed yet.
        let recurs = |next: &&Interval| !next.cadence.is_zero();
        let Some(last) = last else { return next.filter(recurs).map(|_| handover) };
        // Ended by hand: nobody asked for its return.
        if last.interval.until.is_some() && !last.interval.handed_over {
            return None;
        }
        let stays = next.is_some_and(|next| next.price == last.interval.price);
        let is_owed = last.interval.cadence.is_zero() && last.billed_until(self.row).is_none();
        let interval = Arc::make_mut(&mut last.interval);
        if stays {
            interval.version = self.target;
        }
        interval.until = (!stays).then_some(handover);
        interval.handed_over = !stays;
        next.filter(|next| !stays && (is_owed || recurs(next))).map(|_| handover)
    }

    /// Where a line that is charged now ends: with a period of its own.
    fn handover(&self, interval: &Interval) -> Timestamp {
        if interval.cadence.is_zero() {
            return self.end_of_period;
        }
        let grid = interval.grid(self.row);
        if self.timing == Timing::Immediate && !interval.in_advance {
            return grid.boundary(grid.index_at(self.now)).map_or(interval.from, |start| start.max(interval.from));
        }
        let n = grid.index_at(self.end_of_period);
        let at = [n, n + 1].into_iter().filter_map(|n| grid.boundary(n)).find(|at| *at >= self.end_of_period);
        at.unwrap_or(self.end_of_period)
    }

    /// Where a line that was not charged begins.
    fn beginning(&self, next: &Interval) -> Timestamp {
        if self.timing == Timing::NextPeriod || next.in_advance {
            return self.end_of_period;
        }
        let grid = self.row.grid();
        let start = grid.boundary(grid.index_at(self.now)).unwrap_or(self.row.started_at);
        start.max(self.row.started_at)
    }
}
