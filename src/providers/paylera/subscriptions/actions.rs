//! Pausing, cancelling and taking back, extending a trial.
//!
//! Facts: paylera §2.4 (moves), §3.3, §3.4, §3.6, §3.7. Bodies and the paths of resume and reactivate are ours. What
//! the table of moves does not have is refused.

use serde::Deserialize;

use super::commitment::EarlyCancel;
use super::{Status, Subscription, addressed, change, commitment, illegal, set, show, tell, updated};
use crate::api::{Call, Fault, Reply};
use crate::billing::period::Window;
use crate::providers::paylera::World;
use crate::providers::paylera::cycle;
use crate::providers::paylera::notices::subscription as event;
use crate::time::Timestamp;
use crate::world::{ClockId, Id};

#[derive(Deserialize)]
struct Pause {
    paused_until: Option<Timestamp>,
}

pub fn pause(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    let Pause { paused_until } = call.input()?;
    // What is past due is paused by dunning alone (§2.4).
    if world.state.subscriptions[id].status != Status::Active {
        return Err(illegal(&world.state, id, "paused"));
    }
    let now = world.now(ClockId::WORLD);
    if let Some(until) = paused_until.filter(|until| *until <= now) {
        return Err(Fault::field("/paused_until", "minimum", format!("{until} is not after now, {now}")));
    }
    pause_now(world, id, paused_until);
    Ok(show(world, id))
}

/// Nothing is billed until it is resumed.
pub fn pause_now(world: &mut World, id: Id<Subscription>, until: Option<Timestamp>) {
    let now = world.now(ClockId::WORLD);
    set(world, id, Status::Paused);
    change(world, id, |row| {
        row.paused_at = Some(now);
        row.paused_until = until;
    });
    tell(world, id, event::PAUSED);
    cycle::arm(world, id);
}

pub fn resume(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    if world.state.subscriptions[id].status != Status::Paused {
        return Err(illegal(&world.state, id, "resumed"));
    }
    resume_now(world, id);
    Ok(show(world, id))
}

/// A period that is paid for goes on; if it is over, a new one begins now.
pub fn resume_now(world: &mut World, id: Id<Subscription>) {
    let now = world.now(ClockId::WORLD);
    set(world, id, Status::Active);
    change(world, id, |row| {
        row.paused_at = None;
        row.paused_until = None;
    });
    tell(world, id, event::RESUMED);
    let row = &world.state.subscriptions[id];
    if row.ending(now).is_some() {
        return cycle::catch_up(world, id);
    }
    if row.period.is_none_or(|period| period.end <= now) {
        change(world, id, |row| row.anchor = now);
        commitment::ended(world, id, now);
        cycle::start_period(world, id);
    }
    cycle::arm(world, id);
}

#[derive(Deserialize)]
struct Cancel {
    #[serde(default)]
    at_period_end: bool,
    reason: Option<Box<str>>,
}

pub fn cancel(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    let Cancel { at_period_end, reason } = call.input()?;
    if at_period_end {
        schedule_cancel(world, id, reason)?;
    } else {
        cancel_now(world, id, reason)?;
    }
    Ok(show(world, id))
}

/// Cancels at once, or at the end of the commitment that it is bound to.
pub fn cancel_now(world: &mut World, id: Id<Subscription>, reason: Option<Box<str>>) -> Result<(), Fault> {
    let row = &world.state.subscriptions[id];
    // What is past due is canceled by dunning alone (§2.4).
    if row.status == Status::PastDue || !row.status.may_become(Status::Canceled) {
        return Err(illegal(&world.state, id, "canceled"));
    }
    if let Some(end) = bound_until(world, id)? {
        schedule(world, id, end, reason);
        return Ok(());
    }
    let now = world.now(ClockId::WORLD);
    let status = world.state.subscriptions[id].status;
    change(world, id, |row| {
        row.canceled_at = Some(now);
        row.cancel_at = None;
        row.cancellation_reason = reason;
    });
    match status {
        Status::Trialing => cycle::end(world, id, Status::Canceled),
        _ => cycle::close(world, id, Status::Canceled),
    }
    Ok(())
}

/// Cancels when the present period, the trial, or the commitment ends.
pub fn schedule_cancel(world: &mut World, id: Id<Subscription>, reason: Option<Box<str>>) -> Result<(), Fault> {
    let row = &world.state.subscriptions[id];
    let end = match row.status {
        Status::Trialing => row.trial.map(|trial| trial.end),
        Status::Active => row.period.map(|period| period.end),
        _ => None,
    };
    let Some(end) = end else { return Err(illegal(&world.state, id, "canceled at the end of its period")) };
    let end = bound_until(world, id)?.unwrap_or(end);
    schedule(world, id, end, reason);
    Ok(())
}

/// The end of a commitment that holds it, if any.
///
/// # Errors
/// If the commitment forbids to cancel.
fn bound_until(world: &World, id: Id<Subscription>) -> Result<Option<Timestamp>, Fault> {
    let now = world.now(ClockId::WORLD);
    let running = world.state.subscriptions[id].commitment.as_ref().filter(|commitment| commitment.is_running(now));
    let Some(commitment) = running else { return Ok(None) };
    match commitment.early_cancel {
        EarlyCancel::Allow => Ok(None),
        EarlyCancel::AtCommitmentEnd => Ok(Some(commitment.ends_at)),
        EarlyCancel::Forbid => {
            let message = format!("The commitment runs until {} and forbids to cancel before", commitment.ends_at);
            Err(Fault::unprocessable(message).with_code("subscription.commitment_active"))
        }
    }
}

fn schedule(world: &mut World, id: Id<Subscription>, at: Timestamp, reason: Option<Box<str>>) {
    let now = world.now(ClockId::WORLD);
    updated(world, id, |row| {
        row.cancel_at = Some(at);
        row.canceled_at = Some(now);
        row.cancellation_reason = reason;
    });
    cycle::arm(world, id);
}

pub fn reactivate(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    reactivate_now(world, id)?;
    Ok(show(world, id))
}

/// Takes back a cancellation that has not taken effect.
pub fn reactivate_now(world: &mut World, id: Id<Subscription>) -> Result<(), Fault> {
    let row = &world.state.subscriptions[id];
    let now = world.now(ClockId::WORLD);
    if row.status.is_terminal() || row.cancel_at.is_none_or(|at| at <= now) {
        let message = format!("The subscription {} is not about to be canceled", world.state.subscriptions.text(id));
        return Err(Fault::unprocessable(message).with_code("subscription.invalid_transition"));
    }
    change(world, id, |row| {
        row.cancel_at = None;
        row.canceled_at = None;
        row.cancellation_reason = None;
    });
    tell(world, id, event::REACTIVATED);
    cycle::arm(world, id);
    Ok(())
}

#[derive(Deserialize)]
struct ExtendTrial {
    trial_end: Timestamp,
}

/// Periods begin with the new end, unless somebody has set their anchor.
pub fn extend_trial(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    let ExtendTrial { trial_end } = call.input()?;
    let row = &world.state.subscriptions[id];
    let Some(trial) = row.trial.filter(|_| row.status == Status::Trialing) else {
        return Err(illegal(&world.state, id, "given a longer trial"));
    };
    if trial_end <= trial.end {
        let message = format!("{trial_end} is not after the end that the trial has, {}", trial.end);
        return Err(Fault::field("/trial_end", "minimum", message));
    }
    let moved = row.commitment.as_ref().map(|commitment| commitment.moved_to(trial_end));
    let follows = row.anchor == trial.end;
    change(world, id, |row| {
        row.trial = Some(Window { end: trial_end, ..trial });
        row.cancel_at = row.cancel_at.map(|at| if at == trial.end { trial_end } else { at });
        row.commitment = moved;
        if follows {
            row.anchor = trial_end;
        }
    });
    tell(world, id, event::TRIAL_EXTENDED);
    cycle::announce_trial_end(world, id);
    commitment::announce(world, id);
    cycle::arm(world, id);
    Ok(show(world, id))
}
