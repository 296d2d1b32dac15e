//! How a session is paid, and what that will come to: found by doing it in a copy of the world, so that the page shows
//! what will happen.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Mode, Session, Status, set, tell};
use crate::api::Fault;
use crate::billing::cards::{Card, Outcome};
use crate::contract::Violation;
use crate::providers::paylera::payment_methods::{self, PaymentMethod};
use crate::providers::paylera::payments::{self, Decline};
use crate::providers::paylera::plans::Plan;
use crate::providers::paylera::subscriptions::create::{Start, start};
use crate::providers::paylera::{World, coupons};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Scripts};

/// Takes or gives back a promotion code.
///
/// # Errors
/// Why it does not count.
pub fn add_code(world: &mut World, id: Id<Session>, code: &str) -> Result<(), Fault> {
    let row = &world.state.checkout_sessions[id];
    let currency = row.currency.as_deref().unwrap_or_default();
    let coupon = coupons::redeemable_at(&world.state, 0, code, currency, world.now(ClockId::WORLD))?;
    if row.coupons.contains(&coupon) {
        return Err(Fault::violations(vec![Violation::body("/code", "unique", "This code counts already")]));
    }
    set(world, id, |row| row.coupons.push(coupon));
    Ok(())
}

pub fn remove_code(world: &mut World, id: Id<Session>, code: &str) {
    let Some(coupon) = world.state.coupons_by_code.get(code).copied() else { return };
    set(world, id, |row| row.coupons.retain(|held| *held != coupon));
}

/// Completes a session with a card that the bank has no more questions about.
///
/// # Errors
/// Why the card was declined. Nothing has happened then, but that a scripted outcome is spent.
pub fn complete(world: &mut World, id: Id<Session>, card: &Card) -> Result<(), Decline> {
    let before = world.clone();
    let about = about(world, id);
    // On a page the cardholder has been asked already.
    world.scripts.confirm(&about);
    let done = charge(world, id, card);
    if done.is_err() {
        let scripts = std::mem::take(&mut world.scripts);
        *world = before;
        world.scripts = scripts;
    }
    done
}

/// Whether the bank wants the cardholder's word before this card is charged.
pub fn asks(world: &World, id: Id<Session>, card: &Card) -> bool {
    world.scripts.next(&about(world, id)).unwrap_or_else(|| card.outcome()) == Outcome::NeedsAuthentication
}

/// Whose charges may be scripted: there is no invoice yet.
fn about(world: &World, id: Id<Session>) -> [IdText; 1] {
    [world.state.customers.text(world.state.checkout_sessions[id].customer)]
}

fn charge(world: &mut World, id: Id<Session>, card: &Card) -> Result<(), Decline> {
    let row = Session::clone(&world.state.checkout_sessions[id]);
    let now = world.now(ClockId::WORLD);
    let method = payment_methods::add_card(world, row.customer, card);
    payment_methods::use_once(&mut world.state, method);
    match row.mode {
        Mode::Setup => {}
        Mode::Payment => {
            let (sum, currency) = (row.amount.unwrap_or_default(), row.currency.clone().unwrap_or_default());
            let payment = payments::charge_amount(world, row.customer, method, sum, currency);
            if let Some(why) = world.state.payments[payment].error() {
                return Err(why);
            }
            set(world, id, |row| row.payment = Some(payment));
        }
        Mode::Subscription => {
            let Some(plan) = row.plan else { return Err(Decline::NotAuthenticated) };
            let subscription = start(world, of(&row, plan, method));
            let invoice = world.state.subscriptions[subscription].latest_invoice;
            let payment = invoice.and_then(|invoice| world.state.invoices[invoice].payments.last().copied());
            if let Some(why) = payment.and_then(|payment| world.state.payments[payment].error()) {
                return Err(why);
            }
            set(world, id, |row| {
                row.subscription = Some(subscription);
                row.invoice = invoice;
                row.payment = payment;
            });
        }
    }
    set(world, id, |row| {
        row.status = Status::Complete;
        row.completed_at = Some(now);
        row.method = Some(method);
        row.challenge = None;
    });
    tell(world, id, "checkout.session.completed");
    Ok(())
}

pub fn of(row: &Session, plan: Id<Plan>, method: Id<PaymentMethod>) -> Start {
    Start {
        customer: row.customer,
        plan,
        method: Some(method),
        trial_days: row.trial_days,
        anchor: None,
        quantities: row.quantities.clone(),
        coupons: row.coupons.clone(),
        commitment: None,
        own_price: row.item.as_ref().and_then(|item| item.unit_amount),
        metadata: row.metadata.clone(),
    }
}

/// What is paid today, and what for.
pub struct Quote {
    pub currency: Arc<str>,
    /// Name and amount.
    pub lines: Vec<(String, Decimal)>,
    pub discount: Decimal,
    pub tax: Decimal,
    pub total: Decimal,
    pub trial_end: Option<Timestamp>,
}

/// Does it in a copy of the world, with a card that works.
pub fn quote(world: &World, id: Id<Session>) -> Option<Quote> {
    let row = &world.state.checkout_sessions[id];
    let currency = row.currency.clone()?;
    if row.mode == Mode::Payment {
        let total = row.amount.unwrap_or_default();
        let name = row.description.as_deref().unwrap_or("Payment").to_owned();
        let (discount, tax) = (Decimal::ZERO, Decimal::ZERO);
        return Some(Quote { currency, lines: vec![(name, total)], discount, tax, total, trial_end: None });
    }
    let mut copy = World::clone(world);
    copy.scripts = Scripts::default();
    complete(&mut copy, id, &Card::default()).ok()?;
    let subscription = copy.state.checkout_sessions[id].subscription?;
    let trial_end = copy.state.subscriptions[subscription].trial.map(|trial| trial.end);
    let mut quote = Quote {
        currency,
        lines: Vec::new(),
        discount: Decimal::ZERO,
        tax: Decimal::ZERO,
        total: Decimal::ZERO,
        trial_end,
    };
    if let Some(invoice) = copy.state.subscriptions[subscription].latest_invoice {
        let invoice = &copy.state.invoices[invoice];
        quote.lines = invoice.lines.iter().map(|line| (line.item.description.to_string(), line.item.amount)).collect();
        quote.discount = invoice.totals.discount;
        quote.tax = invoice.totals.tax;
        quote.total = invoice.totals.total;
    }
    Some(quote)
}
