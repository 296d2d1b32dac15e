//! What has been used in the windows that are open now, and what it would cost if they closed.

use rust_decimal::Decimal;

use crate::billing::money::major;
use crate::billing::price::Rate;
use crate::billing::tax::Behaviour;
use crate::providers::paygentic::invoices::{Billed, Kind, pending, period, reckon};
use crate::providers::paygentic::pages::terms::grouped;
use crate::providers::paygentic::prices::Charged;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
use crate::time::Timestamp;
use crate::world::Id;

/// One metered price.
pub(super) struct Usage {
    pub name: String,
    pub quantity: String,
    pub unit: String,
    pub period: String,
    pub cost: String,
    pub allowance: Option<Allowance>,
}

/// What costs nothing: the first step of a ladder, where that is free.
pub(super) struct Allowance {
    pub most: String,
    /// At most `most`: the mark on the bar.
    pub used: String,
    pub text: String,
}

/// The same lines as the open invoice has, and those of longer windows, which later invoices will show.
pub(super) fn current(state: &State, id: Id<Subscription>, now: Timestamp) -> Vec<Usage> {
    let row = &state.subscriptions[id];
    let plan = &state.plans[row.plan];
    let mut found = Vec::new();
    for charge in &state.cycles[row.cycle].charges {
        let Some(moment) = charge.moment(row).filter(|moment| moment.window.start <= now) else { continue };
        let line = pending(state, id, charge, &moment);
        let Some(Billed { terms, .. }) = line.billed() else { continue };
        let Charged::Metric(metric) = terms.of else { continue };
        if line.kind != Kind::Metered {
            continue;
        }
        let reckoned = reckon(state, &line);
        let tax = if plan.tax_behaviour == Behaviour::Inclusive { reckoned.tax } else { Decimal::ZERO };
        let unit = &state.metrics[metric].unit;
        found.push(Usage {
            name: line.name().to_owned(),
            quantity: grouped(reckoned.quantity),
            unit: unit.to_string(),
            period: period(line.window),
            cost: format!("{} {}", plan.currency, major(reckoned.net.saturating_add(tax), &plan.currency)),
            allowance: allowance(&terms.rate, reckoned.quantity, unit),
        });
    }
    found
}

fn allowance(rate: &Rate, quantity: Decimal, unit: &str) -> Option<Allowance> {
    let Rate::Volume { tiers } = rate else { return None };
    let most = tiers.first().filter(|tier| tier.unit_price.is_zero())?.up_to?;
    let text = if quantity <= most {
        format!("{} of {} {unit} that are free", grouped(quantity), grouped(most))
    } else {
        format!("More than the {} {unit} that are free: all are charged", grouped(most))
    };
    let used = quantity.clamp(Decimal::ZERO, most);
    Some(Allowance { most: most.normalize().to_string(), used: used.normalize().to_string(), text })
}
