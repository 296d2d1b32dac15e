//! From lines to amounts.
//!
//! Facts: paygentic-behaviour §4. Lines keep full precision; the invoice rounds subtotal and tax, each
//! once, to the minor unit. A total never falls below zero.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::provenance::{Applied, Bounds};
use super::{Billed, Invoice, Kind, LineItem, Lines};
use crate::billing::money::{self, minor_digits, round_to};
use crate::billing::price::Rated;
use crate::billing::tax::{Behaviour, tax};
use crate::providers::paygentic::billable_metrics::Metric;
use crate::providers::paygentic::entitlements::{Allowed, allowed};
use crate::providers::paygentic::events;
use crate::providers::paygentic::items::Item;
use crate::providers::paygentic::prices::{Charged, Price};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::{Adjustments, Subscription, Taken};
use crate::time::Timestamp;
use crate::world::Id;

/// What an invoice comes to, in major units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Without tax.
    pub net: Decimal,
    pub tax: Decimal,
}

impl Totals {
    pub fn gross(self) -> Decimal {
        self.net.saturating_add(self.tax)
    }
}

/// A line with usage counted, priced and taxed.
#[derive(Debug, Clone, Copy)]
pub struct Reckoned {
    pub quantity: Decimal,
    /// What was used, whether or not it is charged.
    pub used: Option<Decimal>,
    pub unit_price: Decimal,
    pub net: Decimal,
    pub tax: Decimal,
    pub rate: Decimal,
}

/// Counts usage, prices and taxes every line of an invoice, and adds them up. What was agreed to take away from a line
/// becomes a line behind it.
pub fn calculate(state: &mut State, invoice: Id<Invoice>, now: Timestamp) {
    let row = &state.invoices[invoice];
    let ids = row.lines.clone();
    let lines: Vec<&LineItem> = ids.iter().map(|line| &*state.line_items[*line]).collect();
    let adjustments = Adjustments::on(state, row.subscription, row);
    let reckoned = reckon_all(state, &adjustments, &ids, &lines);
    let totals = total(state, invoice, &reckoned);
    let applied = adjustments.applied(&lines);
    let mut lines = Lines::new();
    for (id, Adjusted { line, applied, discount }) in ids.iter().zip(reckoned) {
        settle(state, *id, line, applied, now);
        lines.push(*id);
        if let Some((discount, applied)) = discount.map(|discount| *discount) {
            let line = LineItem { kind: Kind::Adjustment, created_at: now, ..LineItem::clone(&state.line_items[*id]) };
            let id = state.line_items.insert(line);
            settle(state, id, discount, applied, now);
            lines.push(id);
        }
    }
    for (adjustment, until) in applied {
        state.adjustments.update(adjustment, |row| row.billed_until = row.billed_until.max(Some(until)));
    }
    state.invoices.update(invoice, |row| {
        row.totals = totals;
        row.lines = lines;
    });
}

/// Writes down what a line has come to.
fn settle(state: &mut State, id: Id<LineItem>, line: Reckoned, applied: Option<Arc<Applied>>, now: Timestamp) {
    let item = tag(state, &state.line_items[id]);
    state.line_items.update(id, |row| {
        row.item = item;
        row.quantity = Some(line.quantity);
        row.used = line.used;
        row.unit_price = line.unit_price;
        row.net = line.net;
        row.tax = line.tax;
        row.tax_rate = line.rate;
        row.calculated_at = Some(now);
        row.applied = applied;
    });
}

/// The item that a line stands for: that of its fee or metric, until the line is calculated and keeps it.
pub fn tag(state: &State, line: &LineItem) -> Option<Id<Item>> {
    if line.calculated_at.is_some() {
        return line.item;
    }
    match line.billed().map(|billed| billed.terms.of) {
        Some(Charged::Metric(id)) => state.metrics[id].item,
        Some(Charged::Fee(id)) => state.fees[id].item,
        None => line.item,
    }
}

/// What an invoice that is still open would come to now.
pub fn estimate(state: &State, invoice: Id<Invoice>) -> Totals {
    let row = &state.invoices[invoice];
    let lines: Vec<&LineItem> = row.lines.iter().map(|line| &*state.line_items[*line]).collect();
    let adjustments = Adjustments::on(state, row.subscription, row);
    total(state, invoice, &reckon_all(state, &adjustments, &row.lines, &lines))
}

/// What one line that is not calculated yet comes to with the usage known now, but for percentages.
pub fn reckon(state: &State, line: &LineItem) -> Reckoned {
    let adjustments = Adjustments::of(state, line.subscription);
    let mut charges = [charge(state, line, adjustments.units_off(line)).0];
    adjustments.bound(&[line], &mut charges);
    taxed(state, line, charges[0])
}

/// A line before tax.
#[derive(Debug, Clone, Copy)]
pub struct Charge {
    pub quantity: Decimal,
    pub used: Option<Decimal>,
    pub unit_price: Decimal,
    /// Tax contained or not, as the plan has it.
    pub amount: Decimal,
}

/// A line, and what was agreed to take away from it; and what made both so.
pub struct Adjusted {
    pub line: Reckoned,
    applied: Option<Arc<Applied>>,
    pub discount: Option<Box<(Reckoned, Option<Arc<Applied>>)>>,
}

/// What lines come to together: usage discounts, bounds of quantities, then percentages (§4, order of steps). Lines that
/// are only projected have no ids.
pub fn reckon_all(
    state: &State,
    adjustments: &Adjustments<'_>,
    ids: &[Id<LineItem>],
    lines: &[&LineItem],
) -> Vec<Adjusted> {
    let charged = lines.iter().map(|line| charge(state, line, adjustments.units_off(line)));
    let (mut charges, allowed): (Vec<Charge>, Vec<Vec<Allowed>>) = charged.unzip();
    let held = adjustments.bound(lines, &mut charges);
    let named = |parts: &[(usize, Decimal)]| -> Vec<(Id<LineItem>, Decimal)> {
        parts.iter().filter_map(|(n, value)| Some((*ids.get(*n)?, *value))).collect()
    };
    let adjusted = |(n, (line, allowed)): (usize, (&&LineItem, Vec<Allowed>))| {
        let bounds = held.iter().find(|held| held.parts.iter().any(|(part, _)| *part == n)).map(|held| Bounds {
            parts: named(&held.parts),
            binding: held.binding,
            idle: held.idle.clone(),
        });
        let units_off = adjustments.usage_discounts(line).map(|(id, _)| id).collect();
        let discount = adjustments.discount(line, lines, &charges).map(|Taken { charge, base, off }| {
            Box::new((taxed(state, line, charge), Applied { base: named(&base), off, ..Applied::default() }.kept()))
        });
        let applied = Applied { allowed, units_off, bounds, ..Applied::default() }.kept();
        Adjusted { line: taxed(state, line, charges[n]), applied, discount }
    };
    lines.iter().zip(allowed).enumerate().map(adjusted).collect()
}

/// A line before what concerns several, and what entitlements leave of it uncharged.
fn charge(state: &State, line: &LineItem, units_off: Decimal) -> (Charge, Vec<Allowed>) {
    let priced = |quantity: Decimal, used: Option<Decimal>, terms: &Price| {
        let Rated { unit_price, amount } = terms.rate.of(quantity);
        Charge { quantity, used, unit_price, amount }
    };
    match line.billed().map(|billed| (line.kind, billed.terms.of, billed)) {
        Some((Kind::Metered, Charged::Metric(metric), billed)) => {
            let usage = Usage::of(state, line, metric, billed);
            let billable = usage.billable(&billed.terms);
            let quantity = if units_off.is_zero() { billable } else { (billable - units_off).max(Decimal::ZERO) };
            (priced(quantity, Some(usage.used), &billed.terms), usage.allowed)
        }
        Some((Kind::Discount, Charged::Metric(metric), billed)) => {
            let usage = Usage::of(state, line, metric, billed);
            let Charge { unit_price, amount, quantity, .. } = priced(usage.covered(), None, &billed.terms);
            (Charge { quantity, used: None, unit_price: -unit_price, amount: -amount }, usage.allowed)
        }
        // Until it is calculated, `net` of such a line is its price, tax contained or not.
        _ => {
            let quantity = line.quantity.unwrap_or_default();
            (Charge { quantity, used: None, unit_price: line.unit_price, amount: line.net }, Vec::new())
        }
    }
}

fn taxed(state: &State, line: &LineItem, charge: Charge) -> Reckoned {
    let Charge { quantity, used, unit_price, amount } = charge;
    let subscription = &state.subscriptions[line.subscription];
    let price = line.billed().map(|billed| &*billed.terms);
    let outside = price.is_some_and(|price| price.outside_tax_scope);
    let rate = if outside { Decimal::ZERO } else { tax_rate(state, subscription, price) };
    let taxed = tax(amount, rate, state.plans[subscription.plan].tax_behaviour);
    Reckoned { quantity, used, unit_price, net: taxed.net, tax: taxed.tax, rate }
}

/// The usage of a line, and what of it is not charged, entitlement by entitlement.
struct Usage {
    used: Decimal,
    allowed: Vec<Allowed>,
}

impl Usage {
    fn of(state: &State, line: &LineItem, metric: Id<Metric>, billed: &Billed) -> Self {
        let used = events::quantity(state, metric, state.subscriptions[line.subscription].customer, line.window);
        // Usage that is no sum, such as a peak, may draw on more than one allowance.
        let mut left = used.max(Decimal::ZERO);
        let mut take = |units: &mut Decimal| {
            *units = left.min(*units);
            left -= *units;
        };
        let mut allowed = allowed(state, line, billed);
        for allowed in &mut allowed {
            take(&mut allowed.covered);
        }
        for allowed in &mut allowed {
            take(&mut allowed.beyond);
        }
        Self { used, allowed }
    }

    /// By grants: not charged, or taken away again by a discount line.
    fn covered(&self) -> Decimal {
        self.allowed.iter().map(|allowed| allowed.covered).sum()
    }

    /// What is charged in money. Nothing is, of what is paid in credits: what they are worth is nowhere said, so that
    /// there is nothing to charge beyond them either.
    fn billable(&self, terms: &Price) -> Decimal {
        if terms.unit.is_some() {
            return Decimal::ZERO;
        }
        let beyond: Decimal = self.allowed.iter().map(|allowed| allowed.beyond).sum();
        let covered = if terms.grant_discount { Decimal::ZERO } else { self.covered() };
        self.used - beyond - covered
    }
}

fn total(state: &State, invoice: Id<Invoice>, lines: &[Adjusted]) -> Totals {
    let plan = &state.plans[state.subscriptions[state.invoices[invoice].subscription].plan];
    add_up(lines, plan.tax_behaviour, &plan.currency)
}

/// Rounds subtotal and tax of some lines to the minor unit.
pub fn add_up(lines: &[Adjusted], behaviour: Behaviour, currency: &str) -> Totals {
    let all = || {
        lines
            .iter()
            .flat_map(|Adjusted { line, discount, .. }| [Some(*line), discount.as_ref().map(|discount| discount.0)])
            .flatten()
    };
    let net: Decimal = money::sum(all().map(|line| line.net));
    let tax: Decimal = money::sum(all().map(|line| line.tax));
    let digits = minor_digits(currency);
    let rounded_tax = round_to(tax, digits);
    let rounded_net = match behaviour {
        Behaviour::Exclusive => round_to(net, digits),
        // Prices that contain tax are round as a whole: the subtotal is what the tax leaves.
        Behaviour::Inclusive => round_to(net.saturating_add(tax), digits).saturating_sub(rounded_tax),
    };
    if rounded_net.saturating_add(rounded_tax) < Decimal::ZERO {
        return Totals::default();
    }
    Totals { net: rounded_net, tax: rounded_tax }
}

/// The tax of a subscription's charge in percent: exempt, else the customer's own rate (for the metric, the
/// plan, `default`), else the plan's (§4; the order of the last three is inferred).
pub fn tax_rate(state: &State, subscription: &Subscription, price: Option<&Price>) -> Decimal {
    if subscription.tax_exempt {
        return Decimal::ZERO;
    }
    let rates = &state.customers[subscription.customer].tax_rates;
    if !rates.is_empty() {
        let metric = match price.map(|price| price.of) {
            Some(Charged::Metric(metric)) => rates.get(state.metrics.text(metric).as_str()),
            _ => None,
        };
        let own =
            metric.or_else(|| rates.get(state.plans.text(subscription.plan).as_str())).or_else(|| rates.get("default"));
        if let Some(rate) = own {
            return *rate;
        }
    }
    state.plans[subscription.plan].tax_rate
}
