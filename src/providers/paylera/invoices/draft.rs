//! Drafts: one-off invoices while they can still be edited.
//!
//! Facts: paylera §2.5. Amounts of a line are its quantity times its unit amount, rounded to the minor unit.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::issue::{Item, draft, put, recompute};
use super::{Invoice, Status, illegal, line_body, line_id, show, tell};
use crate::api::{Call, Fault, Patch, Reply};
use crate::billing::money;
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::providers::paylera::body::{Metadata, MetadataPatch};
use crate::providers::paylera::notices::invoice as event;
use crate::providers::paylera::{World, coupons, customers};
use crate::time::Timestamp;
use crate::world::{ClockId, Id};

/// What an invoice stays below: an amount has 12 digits before the point (§1.8).
const CEILING: u64 = 1_000_000_000_000;

#[derive(Deserialize)]
struct LineInput {
    code: Option<Arc<str>>,
    description: Arc<str>,
    quantity: Option<Decimal>,
    unit_amount: Decimal,
    period_start: Option<Timestamp>,
    period_end: Option<Timestamp>,
    tax_code: Option<Box<str>>,
    #[serde(default)]
    metadata: Metadata,
}

impl LineInput {
    fn item(self, pointer: &str) -> Result<Item, Fault> {
        let period = match (self.period_start, self.period_end) {
            (None, None) => None,
            (Some(start), Some(end)) if start <= end => Some(Window { start, end }),
            (Some(_), Some(_)) => {
                return Err(Fault::field(&format!("{pointer}/period_end"), "minimum", "lies before period_start"));
            }
            (start, _) => {
                let missing = if start.is_some() { "period_end" } else { "period_start" };
                let message = "a period has both a start and an end";
                return Err(Fault::field(&format!("{pointer}/{missing}"), "required", message));
            }
        };
        let quantity = self.quantity.unwrap_or(Decimal::ONE);
        let amount = quantity.saturating_mul(self.unit_amount);
        if amount.abs() >= Decimal::from(CEILING) {
            let message = format!("times the quantity is {amount}, which has more than 12 digits");
            return Err(Fault::field(&format!("{pointer}/unit_amount"), "maximum", message));
        }
        Ok(Item {
            code: self.code,
            description: self.description,
            quantity,
            unit_amount: self.unit_amount,
            amount,
            period,
            source: None,
            tax_code: self.tax_code,
            discountable: true,
            metadata: self.metadata.checked()?,
        })
    }
}

#[derive(Deserialize)]
struct Create {
    customer_id: Box<str>,
    currency: Arc<str>,
    due_at: Option<Timestamp>,
    #[serde(default)]
    lines: Vec<LineInput>,
    #[serde(default)]
    coupons: Vec<Box<str>>,
    #[serde(default)]
    metadata: Metadata,
}

pub fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let customer = customers::referred(&world.state, &wanted.customer_id)?;
    if !money::is_currency(&wanted.currency) {
        let message = format!("{:?} is no ISO 4217 currency", wanted.currency);
        return Err(Fault::field("/currency", "enum", message));
    }
    let now = world.now(ClockId::WORLD);
    let coupons = coupons::redeemable(&world.state, &wanted.coupons, &wanted.currency, now)?;
    let items = wanted.lines.into_iter().enumerate();
    let items: Vec<Item> = items.map(|(n, line)| line.item(&format!("/lines/{n}"))).collect::<Result<_, _>>()?;
    let metadata = wanted.metadata.checked()?;
    must_fit(Decimal::ZERO, &items)?;
    for coupon in &coupons {
        coupons::redeem(&mut world.state, *coupon);
    }
    let id = draft(&mut world.state, customer, None, wanted.currency, coupons, now);
    put(&mut world.state, id, items);
    world.state.invoices.update(id, |row| {
        row.due_at = wanted.due_at;
        row.metadata = metadata;
    });
    tell(world, id, event::CREATED);
    Ok(Reply { status: 201, ..show(world, call, id) })
}

fn must_fit(before: Decimal, items: &[Item]) -> Result<(), Fault> {
    let sum = money::sum(items.iter().map(|item| item.amount).chain([before]));
    if sum.abs() < Decimal::from(CEILING) {
        return Ok(());
    }
    let message = format!("the lines come to {sum}, which has more than 12 digits");
    Err(Fault::violations(vec![Violation::body("/lines", "maximum", message)]))
}

/// The invoice that the path means, if it is a draft.
fn drafted(world: &World, call: &Call, action: &str) -> Result<Id<Invoice>, Fault> {
    let id = call.id(&world.state.invoices)?;
    match world.state.invoices[id].status {
        Status::Draft => Ok(id),
        _ => Err(illegal(&world.state, id, action)),
    }
}

/// Writes down that a draft has changed.
fn updated(world: &mut World, id: Id<Invoice>) {
    let now = world.now(ClockId::WORLD);
    world.state.invoices.update(id, |row| row.updated_at = now);
    tell(world, id, event::UPDATED);
}

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    due_at: Patch<Timestamp>,
    coupons: Option<Vec<Box<str>>>,
    #[serde(default)]
    metadata: MetadataPatch,
}

pub fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = drafted(world, call, "changed")?;
    let wanted: Update = call.input()?;
    let now = world.now(ClockId::WORLD);
    if let Some(codes) = &wanted.coupons {
        let row = &world.state.invoices[id];
        let (before, currency) = (row.coupons.clone(), Arc::clone(&row.currency));
        // What it has already needs no second look.
        let kept = |code: &str| before.iter().copied().find(|coupon| coupons::code(&world.state, *coupon) == code);
        let mut after = Vec::new();
        for (place, code) in codes.iter().enumerate() {
            after.push(match kept(code) {
                Some(coupon) => coupon,
                None => coupons::redeemable_at(&world.state, place, code, &currency, now)?,
            });
        }
        for coupon in after.iter().filter(|coupon| !before.contains(coupon)) {
            coupons::redeem(&mut world.state, *coupon);
        }
        world.state.invoices.update(id, |row| row.coupons = after);
        recompute(&mut world.state, id);
    }
    world.state.invoices.update(id, |row| {
        wanted.due_at.apply(&mut row.due_at);
        row.metadata.merge(wanted.metadata)
    })?;
    updated(world, id);
    Ok(show(world, call, id))
}

pub fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = drafted(world, call, "deleted")?;
    world.state.invoices.remove(id);
    Ok(Reply::none())
}

pub fn add_line(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = drafted(world, call, "given another line")?;
    let item = call.input::<LineInput>()?.item("")?;
    let items = vec![item];
    must_fit(world.state.invoices[id].totals.subtotal, &items)?;
    put(&mut world.state, id, items);
    updated(world, id);
    let row = &world.state.invoices[id];
    let line = row.lines.last().map(|line| line_body(&world.state, line, &row.currency));
    Ok(Reply::created(&line))
}

pub fn remove_line(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = drafted(world, call, "relieved of a line")?;
    let wanted = call.segment("line_id");
    let state = &world.state;
    let place = state.invoices[id].lines.iter().position(|line| line_id(state, line).as_str() == wanted);
    let place = place.ok_or_else(|| Fault::no_such("invoice line", wanted))?;
    world.state.invoices.update(id, |row| drop(row.lines.remove(place)));
    recompute(&mut world.state, id);
    updated(world, id);
    Ok(Reply::none())
}

/// The sandbox's rate never changes, so this comes to the same; it is told as a change all the same.
pub fn recompute_tax(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = drafted(world, call, "taxed anew")?;
    recompute(&mut world.state, id);
    updated(world, id);
    Ok(show(world, call, id))
}
