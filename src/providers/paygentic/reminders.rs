//! Renewals are reminded of, so many days before.
//!
//! Facts: paygentic-behaviour §2.7.

use super::World;
use super::cycle::Due;
use super::letters;
use super::notices::Notice;
use super::subscriptions::Subscription;
use crate::time::Cadence;
use crate::world::Id;

/// Sets the timer of the next reminder: so many days before the next boundary of the subscription's grid.
pub fn set(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let plan = world.state.plans[row.plan].reminder;
    let enabled = row.reminder_enabled.unwrap_or(plan.enabled);
    let (clock, now, grid, place) = (row.clock, world.now(row.clock), row.grid(), row.cycle);
    let notice = Cadence::days(row.reminder_days.unwrap_or(plan.days));
    let due = |n: i64| grid.boundary(n).and_then(|renewal| Some((renewal, notice.after(renewal, -1)?)));
    let first = grid.index_at(row.started_at.max(now)) + 1;
    // The renewal ahead may be nearer than the notice: then its reminder is past and the next one counts.
    let next = [first, first + 1].into_iter().filter_map(due).find(|(_, remind)| *remind > now);
    let next = next.filter(|(renewal, _)| enabled && row.ending_at.is_none_or(|end| *renewal < end));
    let timer = next.map(|(_, remind)| world.set_timer(clock, remind, Due::Remind(id)));
    world.state.cycles.update(place, |cycle| cycle.timers.reminder = timer);
}

/// Sets the reminder anew after its settings changed.
pub fn reset(world: &mut World, id: Id<Subscription>) {
    if let Some(timer) = world.state.cycles[world.state.subscriptions[id].cycle].timers.reminder {
        world.cancel_timer(timer);
    }
    set(world, id);
}

pub fn remind(world: &mut World, id: Id<Subscription>) {
    let row = world.state.subscriptions[id].clone();
    if world.state.customers[row.customer].notifications.renewal_reminder {
        let days = row.reminder_days.unwrap_or(world.state.plans[row.plan].reminder.days);
        let renewal = Cadence::days(days).after(world.now(row.clock), 1);
        let event = world.emit(row.clock, Notice::SubscriptionRenewalReminder(id, row));
        if let Some(renewal) = renewal {
            letters::reminder(world, id, event, renewal);
        }
    }
    set(world, id);
}
