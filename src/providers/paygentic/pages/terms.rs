//! What a plan costs, in words.

use rust_decimal::Decimal;

use crate::billing::money::{exact, plain};
use crate::billing::price::{Rate, Tier};
use crate::providers::paygentic::invoices::readable;
use crate::providers::paygentic::plans::{Plan, PlanLine};
use crate::providers::paygentic::prices::{Charged, Price};
use crate::providers::paygentic::schedule;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
use crate::time::Cadence;
use crate::world::Id;

/// One price: what it is for, when it is charged, what it comes to.
pub(super) struct Term {
    pub name: String,
    pub detail: String,
    /// Empty where a ladder says it.
    pub amount: String,
    /// The steps of a ladder.
    pub steps: Vec<String>,
    /// Whether something is due at the start.
    pub upfront: bool,
}

/// The prices of a plan, for somebody who may subscribe to it.
pub(super) fn of_plan(state: &State, plan: Id<Plan>) -> Vec<Term> {
    let row = &state.plans[plan];
    let lines = &state.plan_versions[row.default_version].lines;
    let term = |line: &PlanLine| {
        let price = &state.prices[line.price];
        term(state, &row.currency, price, schedule::terms(price, row.cadence, None), None)
    };
    lines.iter().map(term).collect()
}

/// The prices of a subscription, with the quantities that were agreed.
pub(super) fn of_subscription(state: &State, row: &Subscription) -> Vec<Term> {
    let currency = &state.plans[row.plan].currency;
    let charges = state.cycles[row.cycle].charges.iter().map(|charge| &charge.interval);
    let lasting = charges.filter(|interval| interval.until.is_none());
    lasting
        .map(|interval| {
            let price = &state.prices[interval.price];
            let price = interval.unit_price.map_or_else(|| Price::clone(price), |rate| price.at(rate));
            term(state, currency, &price, (interval.cadence, interval.in_advance), interval.quantity)
        })
        .collect()
}

/// A price that is charged every so often, in advance or not.
fn term(
    state: &State,
    currency: &str,
    price: &Price,
    (cadence, in_advance): (Cadence, bool),
    agreed: Option<Decimal>,
) -> Term {
    let when = match cadence.words() {
        often if often.is_empty() => "Once".to_owned(),
        often => format!("Every {often}"),
    };
    let when = if in_advance { format!("{when}, in advance") } else { when };
    let metric = match price.of {
        Charged::Metric(metric) if agreed.is_none() => Some(&state.metrics[metric]),
        _ => None,
    };
    let name = price.display_name.to_string();
    if let Some(metric) = metric {
        let mut steps = steps(price, currency);
        let detail = format!("{when}, by usage in {}", metric.unit);
        if steps.len() == 1 {
            return Term { name, detail, amount: steps.remove(0), steps, upfront: false };
        }
        let detail = detail + "; the step that is reached prices all of it";
        return Term { name, detail, amount: String::new(), steps, upfront: false };
    }
    let quantity = agreed.unwrap_or_else(|| Decimal::from(price.quantity));
    let rated = price.rate.of(quantity);
    let detail = if quantity == Decimal::ONE {
        when
    } else {
        format!("{when} · {} × {}", grouped(quantity), each(price, currency, rated.unit_price))
    };
    Term { name, detail, amount: format!("{currency} {}", plain(rated.amount)), steps: Vec::new(), upfront: in_advance }
}

/// What a unit of usage costs: at every quantity, or up to each step of a ladder.
fn steps(price: &Price, currency: &str) -> Vec<String> {
    let of = |rate: Decimal| {
        if rate.is_zero() {
            return "free".to_owned();
        }
        let each = each(price, currency, rate);
        if price.is_proportion() { each } else { each + " each" }
    };
    match &price.rate {
        Rate::Standard { unit_price } => vec![of(*unit_price)],
        Rate::Volume { tiers } => tiers
            .iter()
            .map(|Tier { up_to, unit_price }| match up_to {
                Some(bound) => format!("Up to {}: {}", grouped(*bound), of(*unit_price)),
                None if tiers.len() == 1 => of(*unit_price),
                None => format!("Beyond: {}", of(*unit_price)),
            })
            .collect(),
    }
}

fn each(price: &Price, currency: &str, rate: Decimal) -> String {
    if price.is_proportion() {
        return format!("{}%", exact(rate.saturating_mul(Decimal::ONE_HUNDRED)));
    }
    format!("{currency} {}", plain(rate))
}

/// A quantity with its thousands apart.
pub(super) fn grouped(quantity: Decimal) -> String {
    let text = readable(quantity);
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut out = sign.to_owned();
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in
            [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567.50", "-1,234,567.5"), ("0.1234567", "0.123457")]
        {
            assert_eq!(grouped(number.parse().expect("a number")), text);
        }
    }
}
