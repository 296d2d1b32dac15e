//! Changes while it runs: quantities, plan, method, coupons.
//!
//! Facts: paylera §3.5 (what `create_prorations` and `always_invoice` mean; the formula is ours: the seconds that are
//! left). What was paid for the rest of the period is given back net, the new price for the rest is charged.

use std::sync::Arc;

use serde::Deserialize;

use super::actions::{reactivate_now, schedule_cancel};
use super::create::{check_quantities, own_method};
use super::{Quantities, Status, Subscription, addressed, change, illegal, show, tell, updated};
use crate::api::{Call, Fault, Patch, Reply};
use crate::billing::period::Window;
use crate::providers::paylera::body::MetadataPatch;
use crate::providers::paylera::charges::{self, Span};
use crate::providers::paylera::coupons::{self, Redemption};
use crate::providers::paylera::invoices::Item;
use crate::providers::paylera::notices::subscription as event;
use crate::providers::paylera::plans::{self, Plan};
use crate::providers::paylera::subscriptions::Billed;
use crate::providers::paylera::{World, collection, cycle};
use crate::world::{ClockId, Id};

/// When the difference of a change is billed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proration {
    /// With the next invoice.
    #[default]
    CreateProrations,
    /// At once.
    AlwaysInvoice,
    /// Not at all.
    None,
}

#[derive(Deserialize)]
struct Update {
    quantities: Option<Quantities>,
    #[serde(default)]
    default_payment_method_id: Patch<Box<str>>,
    coupons: Option<Vec<Box<str>>>,
    cancel_at_period_end: Option<bool>,
    #[serde(default)]
    proration_behavior: Proration,
    #[serde(default)]
    metadata: MetadataPatch,
}

pub fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    let wanted: Update = call.input()?;
    let row = &world.state.subscriptions[id];
    if row.status.is_terminal() {
        return Err(illegal(&world.state, id, "changed"));
    }
    let method = match &wanted.default_payment_method_id {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Value(text) => Patch::Value(own_method(&world.state, row.customer, text)?),
    };
    let coupons = wanted.coupons.as_deref().map(|codes| held_after(world, id, codes)).transpose()?;
    let plan = row.plan;
    let merged = |asked: Quantities| -> Result<Quantities, Fault> {
        check_quantities(&world.state, plan, &asked)?;
        must_be_changeable(world, id)?;
        Ok(row.quantities.iter().map(|(meter, units)| (Arc::clone(meter), *units)).chain(asked).collect())
    };
    let quantities = wanted.quantities.map(merged).transpose()?;
    if let Some((held, new)) = coupons {
        for coupon in new {
            coupons::redeem(&mut world.state, coupon);
        }
        world.state.subscriptions.update(id, |row| row.coupons = held);
    }
    let metadata = wanted.metadata;
    updated(world, id, |row| {
        method.apply(&mut row.default_method);
        row.metadata.merge(metadata)
    })?;
    if let Some(quantities) = quantities {
        switch(world, id, plan, quantities, wanted.proration_behavior);
    }
    match wanted.cancel_at_period_end {
        Some(true) if world.state.subscriptions[id].cancel_at.is_none() => schedule_cancel(world, id, None)?,
        Some(false) if world.state.subscriptions[id].cancel_at.is_some() => reactivate_now(world, id)?,
        _ => {}
    }
    Ok(show(world, id))
}

/// What a subscription holds once its coupons are these, and which of them are new.
fn held_after(
    world: &World,
    id: Id<Subscription>,
    codes: &[Box<str>],
) -> Result<(Vec<Redemption>, Vec<Id<coupons::Coupon>>), Fault> {
    let state = &world.state;
    let row = &state.subscriptions[id];
    let currency = &state.plans[row.plan].currency;
    let (mut held, mut new) = (Vec::new(), Vec::new());
    for (place, code) in codes.iter().enumerate() {
        if let Some(known) = row.coupons.iter().find(|held| coupons::code(state, held.coupon) == &**code) {
            held.push(known.clone());
            continue;
        }
        let coupon = coupons::redeemable_at(state, place, code, currency, world.now(ClockId::WORLD))?;
        held.push(Redemption::new(coupon));
        new.push(coupon);
    }
    Ok((held, new))
}

fn must_be_changeable(world: &World, id: Id<Subscription>) -> Result<(), Fault> {
    match world.state.subscriptions[id].status {
        Status::Trialing | Status::Active | Status::PastDue => Ok(()),
        _ => Err(illegal(&world.state, id, "given another plan or quantity")),
    }
}

#[derive(Deserialize)]
struct ChangePlan {
    plan_code: Box<str>,
    quantities: Option<Quantities>,
    #[serde(default)]
    proration_behavior: Proration,
}

pub fn change_plan(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    let wanted: ChangePlan = call.input()?;
    change_plan_now(world, id, &wanted.plan_code, wanted.quantities, wanted.proration_behavior)?;
    Ok(show(world, id))
}

/// Puts a subscription on another plan of the same currency. Quantities of meters that the new plan has are kept.
///
/// # Errors
/// If its state, its commitment or the plan do not allow that.
pub fn change_plan_now(
    world: &mut World,
    id: Id<Subscription>,
    plan_code: &str,
    asked: Option<Quantities>,
    proration: Proration,
) -> Result<(), Fault> {
    must_be_changeable(world, id)?;
    let state = &world.state;
    let row = &state.subscriptions[id];
    let to = if state.plans[row.plan].code.as_ref() == plan_code {
        row.plan
    } else {
        plans::offered(state, "/plan_code", plan_code)?
    };
    let (from, new) = (&state.plans[row.plan], &state.plans[to]);
    if from.currency != new.currency {
        let message = format!("is priced in {}, and the subscription in {}", new.currency, from.currency);
        return Err(Fault::field("/plan_code", "reference", message));
    }
    let now = world.now(ClockId::WORLD);
    let is_bound = row.commitment.as_ref().is_some_and(|commitment| commitment.is_running(now));
    if is_bound && from.cadence() != new.cadence() {
        let message = "A commitment runs: until its end only plans of the same interval can follow";
        return Err(Fault::unprocessable(message).with_code("subscription.commitment_active"));
    }
    let asked = asked.unwrap_or_default();
    check_quantities(state, to, &asked)?;
    let fixed = |meter: &Arc<str>| {
        let mut known = charges::components(state, to).filter_map(|(_, component)| component.pricing.meter());
        known.any(|own| own == meter)
    };
    let mut quantities: Quantities = row.quantities.clone().into_iter().filter(|(meter, _)| fixed(meter)).collect();
    quantities.extend(asked);
    switch(world, id, to, quantities, proration);
    Ok(())
}

/// Changes plan and quantities. Where the interval changes a new period begins now; else the rest of the present one is
/// prorated.
fn switch(world: &mut World, id: Id<Subscription>, plan: Id<Plan>, quantities: Quantities, proration: Proration) {
    let now = world.now(ClockId::WORLD);
    let row = &world.state.subscriptions[id];
    if row.plan == plan && row.quantities == quantities {
        return;
    }
    let was = &world.state.plans[row.plan];
    let own_price = row.own_price.filter(|_| row.plan == plan);
    let restarts = was.cadence() != world.state.plans[plan].cadence();
    let running = row.period.filter(|period| row.status != Status::Trialing && period.contains(now));
    let mut items: Vec<Item> = Vec::new();
    let mut billed: Vec<Billed> = Vec::new();
    if let Some(period) = running {
        let rest = Window { start: now, end: period.end };
        if proration != Proration::None {
            items.extend(charges::unused(&world.state, row, rest));
        }
        if !restarts {
            let full = full_window(world, id, period);
            let span = Span { served: rest, full, intervals: row.intervals(&world.state.plans[plan]) };
            let mut charged = charges::in_advance(&world.state, plan, &quantities, own_price, span);
            for item in &mut charged {
                item.description = format!("Remaining time: {}", item.description).into();
            }
            // What is not charged is not given back either: then the old price stays what was paid.
            if proration != Proration::None {
                billed = charged.iter().filter_map(Billed::of).collect();
                items.extend(charged);
            }
        }
    }
    // What closes with the old interval is priced by the old plan.
    let closing = running.filter(|_| restarts);
    if closing.is_some() {
        items.extend(cycle::used(&world.state, id, cycle::elapsed(&world.state, id, now)));
    }
    change(world, id, |row| {
        row.plan = plan;
        row.quantities = quantities;
        row.own_price = own_price;
        if proration != Proration::None || restarts {
            row.billed = billed;
        }
        if restarts && row.status != Status::Trialing {
            row.anchor = now;
        }
    });
    tell(world, id, event::UPDATED);
    if running.is_none() {
        return;
    }
    if restarts {
        world.state.subscriptions.update(id, |row| {
            row.pending.extend(items);
            // Its usage is among these items.
            row.period = None;
        });
        cycle::start_period(world, id);
        cycle::arm(world, id);
    } else if proration == Proration::AlwaysInvoice && !items.is_empty() {
        let invoice = cycle::bill(world, id, items, None);
        let billed = cycle::billed_since(&world.state, invoice, 0);
        world.state.subscriptions.update(id, |row| row.billed = billed.into_iter().filter(Billed::is_charge).collect());
        collection::collect(world, invoice);
    } else {
        world.state.subscriptions.update(id, |row| row.pending.extend(items));
    }
}

/// The full period of the grid that the present one is, or is the end of.
fn full_window(world: &World, id: Id<Subscription>, period: Window) -> Window {
    let row = &world.state.subscriptions[id];
    let grid = row.grid(&world.state.plans[row.plan]);
    crate::billing::period::first_window(grid, period.start).1
}

impl Billed {
    /// What an item costs before discounts.
    fn of(item: &Item) -> Option<Self> {
        let (source, window) = item.source.zip(item.period)?;
        Some(Self { source, net: item.amount, window })
    }

    fn is_charge(&self) -> bool {
        !self.net.is_sign_negative()
    }
}
