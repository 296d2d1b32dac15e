//! The account of a metered entitlement: its grants, and the usage that draws on them.
//!
//! Facts: paygentic-behaviour §2.10, §2.4 (a metered price that carries a feature bills what goes beyond). Usage is
//! that of the customer, as on invoices; up to and including the instant that is asked about.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{Entitlement, Metered, Terms, of_customer};
use crate::billing::allowance::{Account, Grant as Units, Statement};
use crate::billing::period::Window;
use crate::providers::paygentic::billable_metrics::Metric;
use crate::providers::paygentic::events;
use crate::providers::paygentic::prices::{Charged, Price};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
use crate::time::{Grid, Timestamp};
use crate::world::Id;

/// How many resets one question may lead over: a century of days.
pub(super) const RESETS_MOST: i64 = 36_525;

/// What of a metered line is not charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spared {
    /// Covered by grants.
    pub covered: Decimal,
    /// Beyond a hard limit.
    pub beyond: Decimal,
}

/// How an entitlement stands at an instant.
pub(super) fn standing(state: &State, row: &Entitlement, metered: &Metered, at: Timestamp) -> Statement {
    let until = at.plus_millis(1).unwrap_or(Timestamp::MAX);
    statement(state, row, metered, until, Window { start: until, end: until })
}

/// What of the usage that a price charges in a window the subscription's entitlements to its feature take away.
pub fn spared(state: &State, subscription: Id<Subscription>, price: &Price, window: Window) -> Spared {
    let mut spared = Spared::default();
    let (Some(attached), Charged::Metric(metric)) = (&price.feature, price.of) else { return spared };
    for (_, row) in of_customer(state, state.subscriptions[subscription].customer) {
        let Terms::Metered(metered) = &row.terms else { continue };
        let life = row.life(state);
        if row.subscription != Some(subscription) || row.feature != attached.feature || life.overlap(window).is_none() {
            continue;
        }
        let Some(place) = metrics(state, row).iter().position(|drawing| *drawing == metric) else { continue };
        let drawn = statement(state, row, metered, window.end, window).drawn[place];
        spared.covered = spared.covered.saturating_add(drawn.covered);
        if !metered.is_soft {
            spared.beyond = spared.beyond.saturating_add(drawn.overage);
        }
    }
    spared
}

/// Whether too many resets lie between the start of an entitlement and an instant.
pub(super) fn is_too_far(state: &State, row: &Entitlement, at: Timestamp) -> bool {
    let Terms::Metered(metered) = &row.terms else { return false };
    let at = at.min(row.life(state).end);
    resets(state, row, metered)
        .is_some_and(|grid| grid.index_at(at).saturating_sub(grid.index_at(row.active_from)) > RESETS_MOST)
}

fn statement(state: &State, row: &Entitlement, metered: &Metered, until: Timestamp, window: Window) -> Statement {
    let grants = row.grants.iter().map(|id| {
        let grant = &state.grants[*id];
        let end = grant.expires_at.into_iter().chain(grant.voided_at).min().unwrap_or(Timestamp::MAX);
        Units {
            amount: grant.amount,
            life: Window { start: grant.effective_at, end },
            recurring: grant.recurrence.is_some(),
            priority: grant.priority,
            expires_at: grant.expires_at,
            rollover: (grant.rollover_least, grant.rollover_most),
        }
    });
    let resets = resets(state, row, metered);
    let account = Account::new(row.life(state), resets, metered.keeps_overage, grants.collect());
    let metrics = metrics(state, row);
    account.statement(&metrics, until, window, |metric, window| events::quantity(state, *metric, row.customer, window))
}

/// When usage is reset: on the grid of the subscription, unless the template has an anchor of its own.
fn resets(state: &State, row: &Entitlement, metered: &Metered) -> Option<Grid> {
    let period = metered.period?;
    let own = row.subscription.map_or(row.active_from, |id| state.subscriptions[id].anchor);
    Some(Grid { anchor: period.anchor.unwrap_or(own), cadence: period.interval })
}

/// What draws on an entitlement: of several metrics the first one is covered first.
fn metrics<'a>(state: &State, row: &'a Entitlement) -> Cow<'a, [Id<Metric>]> {
    if !row.metrics.is_empty() {
        return Cow::Borrowed(&row.metrics);
    }
    let mut found = Vec::new();
    for (_, price) in state.prices.iter() {
        if let (Some(attached), Charged::Metric(metric)) = (&price.feature, price.of)
            && attached.feature == row.feature
            && !found.contains(&metric)
        {
            found.push(metric);
        }
    }
    Cow::Owned(found)
}
