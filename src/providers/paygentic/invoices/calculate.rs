//! From lines to amounts.
//!
//! Facts: paygentic-behaviour §4. Lines keep full precision; the invoice rounds subtotal and tax, each
//! once, to the minor unit. A total never falls below zero.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Invoice, Kind, LineItem};
use crate::billing::money::{self, round_minor};
use crate::billing::price::Rated;
use crate::billing::tax::{Behaviour, tax};
use crate::providers::paygentic::billable_metrics::Metric;
use crate::providers::paygentic::entitlements::{Spared, spared};
use crate::providers::paygentic::events;
use crate::providers::paygentic::items::Item;
use crate::providers::paygentic::prices::{Charged, Price};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
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

/// Counts usage, prices and taxes every line of an invoice, and adds them up.
pub fn calculate(state: &mut State, invoice: Id<Invoice>, now: Timestamp) {
    let lines = state.invoices[invoice].lines.clone();
    let reckoned: Vec<Reckoned> = lines.iter().map(|line| reckon(state, &state.line_items[*line])).collect();
    let totals = total(state, invoice, &reckoned);
    for (id, line) in lines.iter().zip(reckoned) {
        let item = tag(state, &state.line_items[*id]);
        state.line_items.update(*id, |row| {
            row.item = item;
            row.quantity = Some(line.quantity);
            row.used = line.used;
            row.unit_price = line.unit_price;
            row.net = line.net;
            row.tax = line.tax;
            row.tax_rate = line.rate;
            row.calculated_at = Some(now);
        });
    }
    state.invoices.update(invoice, |row| row.totals = totals);
}

/// The item that a line stands for: that of its fee or metric, until the line is calculated and keeps it.
pub fn tag(state: &State, line: &LineItem) -> Option<Id<Item>> {
    if line.calculated_at.is_some() {
        return line.item;
    }
    match line.terms.of {
        Charged::Metric(id) => state.metrics[id].item,
        Charged::Fee(id) => state.fees[id].item,
    }
}

/// What an invoice that is still open would come to now.
pub fn estimate(state: &State, invoice: Id<Invoice>) -> Totals {
    let lines = &state.invoices[invoice].lines;
    let reckoned: Vec<Reckoned> = lines.iter().map(|line| reckon(state, &state.line_items[*line])).collect();
    total(state, invoice, &reckoned)
}

/// What one line that is not calculated yet comes to with the usage known now.
pub fn reckon(state: &State, line: &LineItem) -> Reckoned {
    let price = &line.terms;
    let subscription = &state.subscriptions[line.subscription];
    let (quantity, used, Rated { unit_price, amount }) = match (line.kind, price.of) {
        (Kind::Metered, Charged::Metric(metric)) => {
            let usage = usage(state, line, metric);
            let quantity = usage.used - usage.beyond - if price.grant_discount { Decimal::ZERO } else { usage.covered };
            (quantity, Some(usage.used), price.rate.of(quantity))
        }
        (Kind::Discount, Charged::Metric(metric)) => {
            let Usage { covered, .. } = usage(state, line, metric);
            let Rated { unit_price, amount } = price.rate.of(covered);
            (covered, None, Rated { unit_price: -unit_price, amount: -amount })
        }
        // Until it is calculated, `net` of a fee line is its price, tax contained or not.
        _ => (line.quantity.unwrap_or_default(), None, Rated { unit_price: line.unit_price, amount: line.net }),
    };
    let rate = if price.outside_tax_scope { Decimal::ZERO } else { tax_rate(state, subscription, Some(price)) };
    let taxed = tax(amount, rate, state.plans[subscription.plan].tax_behaviour);
    Reckoned { quantity, used, unit_price, net: taxed.net, tax: taxed.tax, rate }
}

/// The usage of a line, and what of it an allowance leaves uncharged.
struct Usage {
    used: Decimal,
    /// By grants: not charged, or taken away again by a discount line.
    covered: Decimal,
    /// Beyond a hard limit: not charged.
    beyond: Decimal,
}

fn usage(state: &State, line: &LineItem, metric: Id<Metric>) -> Usage {
    let used = events::quantity(state, metric, state.subscriptions[line.subscription].customer, line.window);
    let Spared { covered, beyond } = spared(state, line.subscription, &line.terms, line.window);
    // Usage that is no sum, such as a peak, may draw on more than one allowance.
    let most = used.max(Decimal::ZERO);
    let covered = covered.min(most);
    Usage { used, covered, beyond: beyond.min(most - covered) }
}

fn total(state: &State, invoice: Id<Invoice>, lines: &[Reckoned]) -> Totals {
    let plan = &state.plans[state.subscriptions[state.invoices[invoice].subscription].plan];
    add_up(lines, plan.tax_behaviour, &plan.currency)
}

/// Rounds subtotal and tax of some lines to the minor unit.
pub fn add_up(lines: &[Reckoned], behaviour: Behaviour, currency: &str) -> Totals {
    let net: Decimal = money::sum(lines.iter().map(|line| line.net));
    let tax: Decimal = money::sum(lines.iter().map(|line| line.tax));
    let rounded_tax = round_minor(tax, currency);
    let rounded_net = match behaviour {
        Behaviour::Exclusive => round_minor(net, currency),
        // Prices that contain tax are round as a whole: the subtotal is what the tax leaves.
        Behaviour::Inclusive => round_minor(net.saturating_add(tax), currency).saturating_sub(rounded_tax),
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
