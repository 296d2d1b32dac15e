//! What time does to a subscription: activation, the end of a trial, renewals, pauses that run out.
//!
//! Facts: paylera §2.4, §3.1 to §3.7. One timer at a time says what is next (`arm`); whoever changes a subscription sets
//! it anew.

use super::charges::{self, Span};
use super::invoices::{self, Invoice, Item};
use super::notices::subscription as event;
use super::payments;
use super::state::{Due, State};
use super::subscriptions::{self, Billed, Status, Subscription};
use super::{World, collection};
use crate::billing::period::{Window, first_window};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

/// How long a first payment may wait for the cardholder; the vendor does not say.
const ACTIVATION_DEADLINE: Cadence = payments::ACTION_LIFE;
/// How long before its end a trial is told of (§3.3): three days.
const TRIAL_NOTICE_MS: i64 = 3 * 86_400_000;

/// Starts a subscription that has just been made: with its trial, or with its first period.
pub fn begin(world: &mut World, id: Id<Subscription>) {
    if world.state.subscriptions[id].trial.is_some() {
        subscriptions::set(world, id, Status::Trialing);
        subscriptions::tell(world, id, event::TRIAL_STARTED);
        announce_trial_end(world, id);
    } else {
        start_period(world, id);
    }
    arm(world, id);
}

/// Three days before the end of a trial, or at once if it is shorter.
pub fn announce_trial_end(world: &mut World, id: Id<Subscription>) {
    let Some(trial) = world.state.subscriptions[id].trial else { return };
    let now = world.now(ClockId::WORLD);
    let at = trial.end.plus_millis(-TRIAL_NOTICE_MS).unwrap_or(now).max(now);
    if at == now {
        subscriptions::tell(world, id, event::TRIAL_WILL_END);
    } else {
        world.set_timer(ClockId::WORLD, at, Due::TrialWillEnd(id));
    }
}

/// The time of the notice has come, unless the trial was moved or is over.
pub fn trial_will_end(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let is_now = row.trial.and_then(|trial| trial.end.plus_millis(-TRIAL_NOTICE_MS)) == Some(world.now(ClockId::WORLD));
    if is_now && row.status == Status::Trialing {
        subscriptions::tell(world, id, event::TRIAL_WILL_END);
    }
}

/// Sets the timer of what is next for a subscription, in place of the one that it had.
pub fn arm(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let now = world.now(ClockId::WORLD);
    let sooner = |end: Timestamp| row.cancel_at.map_or(end, |at| at.min(end));
    let due = match row.status {
        Status::PendingActivation => ACTIVATION_DEADLINE.after(row.created_at, 1),
        Status::Trialing => row.trial.map(|trial| sooner(trial.end)),
        Status::Active => row.period.map(|period| sooner(period.end)),
        // It goes on while it is collected; but where its end has come, only collecting ends it.
        Status::PastDue => row.period.map(|period| sooner(period.end)).filter(|due| *due > now),
        Status::Paused => row.paused_until,
        Status::Canceled | Status::Ended | Status::IncompleteExpired => None,
    };
    let before = world.state.subscriptions.update(id, |row| row.next.take());
    if let Some(timer) = before {
        world.cancel_timer(timer);
    }
    let timer = due.map(|due| world.set_timer(ClockId::WORLD, due.max(now), Due::Cycle(id)));
    world.state.subscriptions.update(id, |row| row.next = timer);
}

/// What was next has come.
pub fn due(world: &mut World, id: Id<Subscription>) {
    world.state.subscriptions.update(id, |row| row.next = None);
    match world.state.subscriptions[id].status {
        Status::PendingActivation => return expire(world, id),
        Status::Trialing => trial_over(world, id),
        Status::Active | Status::PastDue => period_over(world, id),
        Status::Paused => subscriptions::resume_now(world, id),
        Status::Canceled | Status::Ended | Status::IncompleteExpired => {}
    }
    arm(world, id);
}

/// Nobody has confirmed the first payment in time.
fn expire(world: &mut World, id: Id<Subscription>) {
    let now = world.now(ClockId::WORLD);
    subscriptions::set(world, id, Status::IncompleteExpired);
    subscriptions::change(world, id, |row| row.ended_at = Some(now));
    subscriptions::tell(world, id, event::UPDATED);
    if let Some(invoice) = world.state.subscriptions[id].latest_invoice
        && world.state.invoices[invoice].status.may_become(invoices::Status::Void)
    {
        invoices::void(world, invoice);
    }
}

fn trial_over(world: &mut World, id: Id<Subscription>) {
    let now = world.now(ClockId::WORLD);
    if world.state.subscriptions[id].cancel_at.is_some_and(|at| at <= now) {
        return end(world, id, Status::Canceled);
    }
    subscriptions::set(world, id, Status::Active);
    subscriptions::tell(world, id, event::TRIAL_ENDED);
    start_period(world, id);
}

fn period_over(world: &mut World, id: Id<Subscription>) {
    let now = world.now(ClockId::WORLD);
    subscriptions::commitment_over(world, id, now);
    let row = &world.state.subscriptions[id];
    match (row.ending(now), row.status) {
        (Some(status), Status::Active) => close(world, id, status),
        // The table ends what is past due by dunning alone: whatever comes of that ends it.
        (Some(_), _) => {}
        (None, _) => start_period(world, id),
    }
}

/// Bills what is still open and ends it.
pub fn close(world: &mut World, id: Id<Subscription>, status: Status) {
    let now = world.now(ClockId::WORLD);
    let mut items = world.state.subscriptions.update(id, |row| std::mem::take(&mut row.pending));
    let closes = elapsed(&world.state, id, now);
    items.extend(used(&world.state, id, closes));
    end(world, id, status);
    if !items.is_empty() {
        let invoice = bill(world, id, items, closes);
        collection::collect(world, invoice);
    }
}

/// Ends it, whatever is still open.
pub fn end(world: &mut World, id: Id<Subscription>, status: Status) {
    let now = world.now(ClockId::WORLD);
    subscriptions::set(world, id, status);
    subscriptions::change(world, id, |row| {
        row.ended_at = Some(now);
        row.paused_until = None;
        if status == Status::Canceled {
            row.canceled_at = row.canceled_at.or(Some(now));
        }
    });
    arm(world, id);
    match status {
        Status::Canceled => subscriptions::tell(world, id, event::CANCELED),
        // The end of the commitment has been told.
        _ => subscriptions::tell(world, id, event::UPDATED),
    }
}

/// It is active again: what should have happened to it meanwhile happens now.
pub fn catch_up(world: &mut World, id: Id<Subscription>) {
    let now = world.now(ClockId::WORLD);
    if let Some(status) = world.state.subscriptions[id].ending(now) {
        close(world, id, status);
    }
    arm(world, id);
}

/// The first payment has been made, or none was needed: told once.
pub fn activated(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    if !row.is_activated && row.status == Status::Active {
        subscriptions::change(world, id, |row| row.is_activated = true);
        subscriptions::tell(world, id, event::ACTIVATED);
    }
}

/// The period that begins now: what is paid in advance for it, and what was used in the one that has closed.
pub fn start_period(world: &mut World, id: Id<Subscription>) {
    let now = world.now(ClockId::WORLD);
    let mut items = world.state.subscriptions.update(id, |row| std::mem::take(&mut row.pending));
    let closes = elapsed(&world.state, id, now);
    items.extend(used(&world.state, id, closes));
    let row = &world.state.subscriptions[id];
    let plan = &world.state.plans[row.plan];
    let (served, full) = first_window(row.grid(plan), now);
    let served = cut(row, served);
    let span = Span { served, full, intervals: row.intervals(plan) };
    let fixed = charges::in_advance(&world.state, row.plan, &row.quantities, row.own_price, span);
    let first = items.len();
    items.extend(fixed);
    subscriptions::change(world, id, |row| {
        row.period = Some(served);
        row.billed.clear();
    });
    if items.is_empty() {
        // Nothing is paid in advance: nothing stands in the way.
        if world.state.subscriptions[id].status == Status::PendingActivation {
            subscriptions::set(world, id, Status::Active);
        }
        return activated(world, id);
    }
    let invoice = bill(world, id, items, closes);
    let billed = billed_since(&world.state, invoice, first);
    world.state.subscriptions.update(id, |row| row.billed = billed);
    collection::collect(world, invoice);
}

/// A commitment's last period ends with it.
fn cut(row: &Subscription, period: Window) -> Window {
    match &row.commitment {
        Some(commitment) if commitment.is_running(period.start) => {
            Window { end: period.end.min(commitment.ends_at), ..period }
        }
        _ => period,
    }
}

/// What an invoice has charged for components, from a line on.
pub fn billed_since(state: &State, invoice: Id<Invoice>, first: usize) -> Vec<Billed> {
    let lines = state.invoices[invoice].lines.iter().skip(first);
    let billed = lines.filter_map(|line| {
        let (source, window) = line.item.source.zip(line.item.period)?;
        Some(Billed { source, net: line.net, window })
    });
    billed.collect()
}

/// The present period, as far as it has come.
pub fn elapsed(state: &State, id: Id<Subscription>, now: Timestamp) -> Option<Window> {
    state.subscriptions[id].period.map(|period| Window { end: period.end.min(now), ..period })
}

/// What was used in a period that closes.
pub fn used(state: &State, id: Id<Subscription>, closes: Option<Window>) -> Vec<Item> {
    closes.map(|window| charges::in_arrears(state, id, state.subscriptions[id].plan, window)).unwrap_or_default()
}

/// Makes and finalises an invoice of these items, less what its coupons take off.
pub fn bill(world: &mut World, id: Id<Subscription>, items: Vec<Item>, closes: Option<Window>) -> Id<Invoice> {
    let now = world.now(ClockId::WORLD);
    let coupons = subscriptions::reducing(&world.state, id, now);
    world.state.subscriptions.update(id, |row| {
        for held in row.coupons.iter_mut().filter(|held| coupons.contains(&held.coupon)) {
            held.first_used_at.get_or_insert(now);
        }
    });
    invoices::issue(world, id, items, coupons, closes)
}
