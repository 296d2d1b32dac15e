//! What a subscription is billed for: the components of its plan, as items of an invoice.
//!
//! Facts: paylera §2.3, §3.2 (fixed components in advance, usage when its period has closed). Nothing here changes the
//! world.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::body::Metadata;
use super::invoices::{Item, Source};
use super::plans::{Component, Plan};
use super::state::State;
use super::subscriptions::{Quantities, Subscription};
use super::usage;
use crate::billing::period::Window;
use crate::billing::proration::prorate;
use crate::world::Id;

/// A period to be billed, and the full one that it is a part of.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub served: Window,
    pub full: Window,
    /// How many of the plan's intervals a full one has.
    pub intervals: Decimal,
}

/// The components that are paid in advance.
pub fn in_advance(
    state: &State,
    plan: Id<Plan>,
    quantities: &Quantities,
    own_price: Option<Decimal>,
    span: Span,
) -> Vec<Item> {
    let fixed = components(state, plan).filter(|(_, component)| !component.pricing.is_usage());
    let items = fixed.map(|(source, component)| {
        let quantity = component.pricing.meter().and_then(|meter| quantities.get(meter)).copied().unwrap_or_default();
        let whole = component.pricing.at(own_price).price(Decimal::from(quantity));
        let share = |amount: Decimal| prorate(amount.saturating_mul(span.intervals), span.served, span.full);
        Item {
            code: Some(Arc::clone(&component.code)),
            description: title(state, source, component),
            quantity: whole.quantity,
            unit_amount: share(whole.unit_amount),
            amount: share(whole.amount),
            period: Some(span.served),
            source: Some(source),
            tax_code: None,
            discountable: true,
            metadata: Metadata::default(),
        }
    });
    // No unit of it: nothing to say.
    items.filter(|item| !item.quantity.is_zero()).collect()
}

/// What was used in a period that has closed.
pub fn in_arrears(state: &State, id: Id<Subscription>, plan: Id<Plan>, window: Window) -> Vec<Item> {
    let metered = components(state, plan).filter(|(_, component)| component.pricing.is_usage());
    let items = metered.map(|(source, component)| {
        let used = usage::of(state, id, component, window).quantity;
        let priced = component.pricing.price(used);
        Item {
            code: Some(Arc::clone(&component.code)),
            description: title(state, source, component),
            quantity: priced.quantity,
            unit_amount: priced.unit_amount,
            amount: priced.amount,
            period: Some(window),
            source: Some(source),
            tax_code: None,
            discountable: true,
            metadata: Metadata::default(),
        }
    });
    items.filter(|item| !item.quantity.is_zero()).collect()
}

/// What has been paid for the rest of the present period, given back.
pub fn unused(state: &State, row: &Subscription, rest: Window) -> Vec<Item> {
    let credit = |billed: &super::subscriptions::Billed| {
        let left = billed.window.overlap(rest)?;
        let amount = -prorate(billed.net, left, billed.window);
        let (plan, place) = billed.source;
        let component = state.plans[plan].components.get(usize::from(place))?;
        Some(Item {
            code: None,
            description: format!("Unused time: {}", title(state, billed.source, component)).into(),
            quantity: Decimal::ONE,
            unit_amount: amount,
            amount,
            period: Some(left),
            source: Some(billed.source),
            tax_code: None,
            discountable: false,
            metadata: Metadata::default(),
        })
    };
    row.billed.iter().filter_map(credit).filter(|item| !item.amount.is_zero()).collect()
}

pub fn components(state: &State, plan: Id<Plan>) -> impl Iterator<Item = (Source, &Component)> {
    (0..).map(move |place| (plan, place)).zip(state.plans[plan].components.iter())
}

/// `Pro: seats`.
fn title(state: &State, (plan, _): Source, component: &Component) -> Arc<str> {
    let code = &state.plans[plan].product_code;
    let name = state.products_by_code.get(code).map_or(&**code, |id| state.products[*id].name());
    format!("{name}: {}", component.code).into()
}
