//! Changing and ending subscriptions.
//!
//! Facts: paygentic-behaviour §2.7 (PATCH, termination).

use serde::Deserialize;

use super::{Status, Subscription, VersionPolicy, body};
use crate::api::{Call, Fault, Patch, Reply};
use crate::providers::paygentic::World;
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::notices::Notice;
use crate::providers::paygentic::reminders;
use crate::time::Timestamp;
use crate::world::Id;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    ending_at: Option<Timestamp>,
    status: Option<Status>,
    terminated_at: Option<Timestamp>,
    terminated_by: Option<Box<str>>,
    termination_reason: Option<Box<str>>,
    auto_charge: Option<bool>,
    tax_exempt: Option<bool>,
    #[serde(default)]
    renewal_reminder_enabled: Patch<bool>,
    #[serde(default)]
    renewal_reminder_days: Patch<u32>,
    payment_term_days: Option<u32>,
    version_policy: Option<VersionPolicy>,
}

pub(super) fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let wanted: Update = call.input()?;
    check(world, id, &wanted)?;
    let (clock, now) = cycle::clock_of(world, id);
    let ending_at = wanted.ending_at;
    let reminders = wanted.renewal_reminder_enabled != Patch::Absent || wanted.renewal_reminder_days != Patch::Absent;
    let (end, terminated_by, reason) = (wanted.ends(), wanted.terminated_by.clone(), wanted.termination_reason.clone());
    world.state.subscriptions.update(id, |row| wanted.apply(row, now));
    if ending_at.is_some() {
        cycle::set_end(world, id);
    }
    if reminders && world.state.subscriptions[id].status == Status::Active {
        reminders::reset(world, id);
    }
    if end {
        let merchant = &world.state.customers[world.state.subscriptions[id].customer].merchant;
        let by = terminated_by.unwrap_or_else(|| merchant.as_ref().into());
        cycle::end(world, id, by, reason.unwrap_or_else(|| "Terminated through the API".into()), None);
    } else {
        let row = world.state.subscriptions[id].clone();
        world.emit(clock, Notice::SubscriptionUpdated(id, row));
        cycle::catch_up(world, id);
    }
    Ok(Reply::ok(&body(world, id, &world.state.subscriptions[id], call.site)))
}

impl Update {
    fn ends(&self) -> bool {
        self.status == Some(Status::Terminated) || self.terminated_at.is_some()
    }

    fn apply(self, row: &mut Subscription, now: Timestamp) {
        row.ending_at = self.ending_at.or(row.ending_at);
        row.auto_charge = self.auto_charge.unwrap_or(row.auto_charge);
        row.tax_exempt = self.tax_exempt.unwrap_or(row.tax_exempt);
        row.payment_term_days = self.payment_term_days.unwrap_or(row.payment_term_days);
        row.version_policy = self.version_policy.unwrap_or(row.version_policy);
        self.renewal_reminder_enabled.apply(&mut row.reminder_enabled);
        self.renewal_reminder_days.apply(&mut row.reminder_days);
        row.updated_at = now;
    }
}

fn check(world: &World, id: Id<Subscription>, wanted: &Update) -> Result<(), Fault> {
    let row = &world.state.subscriptions[id];
    let (_, now) = cycle::clock_of(world, id);
    if row.status == Status::Terminated {
        return Err(Fault::bad_request("A terminated subscription cannot be changed"));
    }
    if wanted.status == Some(Status::Active) && row.status == Status::PendingPayment {
        let message = "becomes active when its first invoice is paid, not by a request";
        return Err(Fault::field("/status", "transition", message));
    }
    if let Some(at) = wanted.terminated_at.filter(|at| *at <= row.started_at) {
        let message = format!("{at} is not after startedAt, {}", row.started_at);
        return Err(Fault::field("/terminatedAt", "minimum", message));
    }
    if let Some(end) = wanted.ending_at.filter(|end| *end <= row.started_at || *end < now) {
        let message =
            format!("{end} has passed: the subscription's clock shows {now}, it started at {}", row.started_at);
        return Err(Fault::field("/endingAt", "minimum", message));
    }
    if wanted.payment_term_days.is_some_and(|days| days > 0) {
        return Err(super::create::no_bank_transfer());
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminate {
    reason: Box<str>,
    change_reason: Option<Box<str>>,
}

pub(super) fn terminate(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let Terminate { reason, change_reason } = call.input()?;
    let row = &world.state.subscriptions[id];
    if row.status == Status::Terminated {
        return Err(Fault::conflict("The subscription is terminated already"));
    }
    let by = world.state.customers[row.customer].merchant.as_ref().into();
    cycle::end(world, id, by, reason, change_reason);
    Ok(Reply::ok(&body(world, id, &world.state.subscriptions[id], call.site)))
}
