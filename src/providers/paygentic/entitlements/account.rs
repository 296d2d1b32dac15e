//! The account of a metered entitlement: its grants, and the usage that draws on them.
//!
//! Facts: paygentic-behaviour §2.10, §2.4 (a metered price that carries a feature bills what goes beyond; one in credits
//! draws on a pool). Usage is that of the customer, as on invoices; up to and including the instant that is asked about.
//! A customer's credits of a pricing unit are one account, which all entitlements to them show.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Entitlement, Metered, Terms, of_customer};
use crate::billing::allowance::{Account, Grant as Units, Resets, Statement};
use crate::billing::period::Window;
use crate::billing::price::Rate;
use crate::providers::paygentic::billable_metrics::Metric;
use crate::providers::paygentic::events;
use crate::providers::paygentic::grants::Grant;
use crate::providers::paygentic::invoices::{Billed, LineItem};
use crate::providers::paygentic::prices::Charged;
use crate::providers::paygentic::pricing_units::PricingUnit;
use crate::providers::paygentic::schedule::Charge;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
use crate::time::{Grid, Timestamp};
use crate::world::Id;

/// How many resets one question may lead over: a century of days.
pub(super) const RESETS_MOST: i64 = 36_525;

/// What of a metered line an entitlement leaves uncharged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    pub entitlement: Id<Entitlement>,
    /// Covered by grants.
    pub covered: Decimal,
    /// Beyond a hard limit.
    pub beyond: Decimal,
}

/// What a meter takes from an account.
struct Draw {
    metric: Id<Metric>,
    /// How many of the account's units one of the metric's takes.
    rate: Decimal,
    life: Window,
    /// The interval that draws credits.
    interval: Option<(Id<Subscription>, u32)>,
}

/// How an entitlement stands at an instant.
pub(super) fn standing(state: &State, row: &Entitlement, metered: &Metered, at: Timestamp) -> Statement {
    let until = at.plus_millis(1).unwrap_or(Timestamp::MAX);
    statement(state, row, metered, until, Window { start: until, end: until })
}

/// What of the usage that a line charges the entitlements of its subscription take away.
pub fn allowed(state: &State, line: &LineItem, billed: &Billed) -> Vec<Allowed> {
    let Billed { terms, interval, .. } = billed;
    let (Charged::Metric(metric), subscription) = (terms.of, line.subscription) else { return Vec::new() };
    let feature = match terms.unit {
        Some(unit) => state.pricing_units[unit].feature,
        None => match &terms.feature {
            Some(attached) => attached.feature,
            None => return Vec::new(),
        },
    };
    let mut all = Vec::new();
    for (id, row) in of_customer(state, state.subscriptions[subscription].customer) {
        let Terms::Metered(metered) = &row.terms else { continue };
        let of_line = row.subscription == Some(subscription) && row.feature == feature && row.unit == terms.unit;
        if !of_line || row.life(state).overlap(line.window).is_none() {
            continue;
        }
        let rows = together(state, row);
        let draws = draws(state, row, &rows);
        let drawing = |draw: &Draw| match draw.interval {
            Some(drawing) => drawing == (subscription, *interval),
            None => draw.metric == metric,
        };
        let Some(place) = draws.iter().position(drawing) else { continue };
        let account = account(state, row, metered, &rows);
        let drawn = run(state, row, &account, &draws, line.window.end, line.window).drawn[place];
        // What costs no credits takes none.
        let units = |amount: Decimal| amount.checked_div(draws[place].rate).unwrap_or_default();
        let beyond = if metered.is_soft { Decimal::ZERO } else { units(drawn.overage) };
        all.push(Allowed { entitlement: id, covered: units(drawn.covered), beyond });
    }
    all
}

/// Whether too many resets lie between the start of an entitlement, or of one that it shares credits with, and an
/// instant.
pub(super) fn is_too_far(state: &State, row: &Entitlement, at: Timestamp) -> bool {
    together(state, row).into_iter().any(|row| {
        let Terms::Metered(metered) = &row.terms else { return false };
        let at = at.min(row.life(state).end);
        resets(state, row, metered)
            .is_some_and(|grid| grid.index_at(at).saturating_sub(grid.index_at(row.active_from)) > RESETS_MOST)
    })
}

/// The entitlements whose grants are one account: all of the customer to the same credits, else the one alone.
fn together<'a>(state: &'a State, row: &'a Entitlement) -> Vec<&'a Entitlement> {
    let Some(unit) = row.unit else { return vec![row] };
    of_customer(state, row.customer).map(|(_, row)| row).filter(|row| row.unit == Some(unit)).collect()
}

fn statement(state: &State, row: &Entitlement, metered: &Metered, until: Timestamp, window: Window) -> Statement {
    let rows = together(state, row);
    run(state, row, &account(state, row, metered, &rows), &draws(state, row, &rows), until, window)
}

fn run(
    state: &State,
    row: &Entitlement,
    account: &Account,
    draws: &[Draw],
    until: Timestamp,
    window: Window,
) -> Statement {
    account.statement(draws, until, window, |draw, window| match draw.life.overlap(window) {
        Some(window) => events::quantity(state, draw.metric, row.customer, window).saturating_mul(draw.rate),
        None => Decimal::ZERO,
    })
}

/// The account of an entitlement and those that share it: each grant lives and is reset with its own.
fn account(state: &State, row: &Entitlement, metered: &Metered, rows: &[&Entitlement]) -> Account {
    let resets_here = resets(state, row, metered);
    let mut grants = Vec::new();
    let mut life: Option<Window> = None;
    for owner in rows {
        let Terms::Metered(terms) = &owner.terms else { continue };
        let own = owner.life(state);
        let all = life.get_or_insert(own);
        *all = Window { start: all.start.min(own.start), end: all.end.max(own.end) };
        let resets = match resets(state, owner, terms) {
            there if there == resets_here => Resets::Shared,
            Some(grid) => Resets::Own(grid),
            None => Resets::Never,
        };
        grants.extend(owner.grants.iter().map(|id| units(&state.grants[*id], own, resets)));
    }
    let keeps_overage = metered.keeps_overage && row.unit.is_none();
    Account::new(life.unwrap_or_else(|| row.life(state)), resets_here, keeps_overage, grants)
}

fn units(grant: &Grant, life: Window, resets: Resets) -> Units {
    let ends = grant.expires_at.into_iter().chain(grant.voided_at);
    Units {
        amount: grant.amount,
        life: Window { start: grant.effective_at.max(life.start), end: ends.fold(life.end, Timestamp::min) },
        recurring: grant.recurrence.is_some(),
        resets,
        priority: grant.priority,
        expires_at: grant.expires_at,
        rollover: (grant.rollover_least, grant.rollover_most),
    }
}

/// When usage is reset: on the grid of the subscription, unless the template has an anchor of its own.
fn resets(state: &State, row: &Entitlement, metered: &Metered) -> Option<Grid> {
    let period = metered.period?;
    let own = row.subscription.map_or(row.active_from, |id| state.subscriptions[id].anchor);
    Some(Grid { anchor: period.anchor.unwrap_or(own), cadence: period.interval })
}

/// What draws on an account: of several meters the first one is covered first.
fn draws(state: &State, row: &Entitlement, rows: &[&Entitlement]) -> Vec<Draw> {
    if let Some(unit) = row.unit {
        return intervals(state, unit, rows);
    }
    let always = Window { start: Timestamp::MIN, end: Timestamp::MAX };
    let native = |metric| Draw { metric, rate: Decimal::ONE, life: always, interval: None };
    if !row.metrics.is_empty() {
        return row.metrics.iter().copied().map(native).collect();
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
    found.into_iter().map(native).collect()
}

/// The intervals that draw on credits: of all subscriptions that brought an entitlement to them, for as long as each is
/// charged. A price in credits that somebody is charged by keeps its rate, so that what was drawn stays so.
fn intervals(state: &State, unit: Id<PricingUnit>, rows: &[&Entitlement]) -> Vec<Draw> {
    let mut subscriptions: Vec<Id<Subscription>> = rows.iter().filter_map(|row| row.subscription).collect();
    subscriptions.sort_unstable();
    subscriptions.dedup();
    let mut draws = Vec::new();
    for id in subscriptions {
        let row = &state.subscriptions[id];
        for Charge { interval, .. } in &state.cycles[row.cycle].charges {
            let price = &state.prices[interval.price];
            let (Charged::Metric(metric), Rate::Standard { unit_price }, true) =
                (price.of, &price.rate, price.unit == Some(unit))
            else {
                continue;
            };
            let end = interval.until.into_iter().chain(row.end()).min().unwrap_or(Timestamp::MAX);
            draws.push(Draw {
                metric,
                rate: interval.unit_price.unwrap_or(*unit_price),
                life: Window { start: interval.from, end },
                interval: Some((id, interval.serial)),
            });
        }
    }
    draws
}
