//! How an invoice ends: paid, void or written off.
//!
//! Facts: paylera §2.5 (moves), §2.10 (wallet only). Whoever pays, what a paid invoice means to its subscription
//! follows from here.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Invoice, Status, finalise, illegal, show, tell};
use crate::api::{Call, Fault, Reply};
use crate::providers::paylera::notices::invoice as event;
use crate::providers::paylera::payment_methods;
use crate::providers::paylera::payments::{self, ReturnUrl};
use crate::providers::paylera::{World, collection, dunning, wallets};
use crate::world::{ClockId, Id};

pub fn finalize(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let row = &world.state.invoices[id];
    if row.status != Status::Draft {
        return Err(illegal(&world.state, id, "finalised"));
    }
    if row.lines.is_empty() {
        return Err(Fault::unprocessable("An invoice without lines cannot be finalised").with_code("invoice.empty"));
    }
    finalise(world, id);
    Ok(show(world, call, id))
}

#[derive(Deserialize)]
struct Pay {
    payment_method_id: Option<Box<str>>,
    return_url: Option<ReturnUrl>,
    source: Option<Box<str>>,
}

/// Starts a payment, or another after one that failed. Whether it succeeds, the payment says: it is a 200 in any case.
pub fn pay(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let wanted: Pay = call.input()?;
    let row = &world.state.invoices[id];
    let (customer, subscription) = (row.customer, row.subscription);
    if !row.status.is_payable() {
        return Err(illegal(&world.state, id, "paid"));
    }
    if wanted.source.is_some() {
        if wanted.payment_method_id.is_some() {
            let message = "a payment is made with the wallet or with a method, not with both";
            return Err(Fault::field("/payment_method_id", "oneOf", message));
        }
        let payment = wallets::pay(world, id)?;
        return Ok(payments::show(world, call, payment));
    }
    let method = match &wanted.payment_method_id {
        Some(text) => payment_methods::owned(&world.state, customer, text).ok_or_else(|| {
            let message = format!("there is no payment method {text:?} of this customer");
            Fault::field("/payment_method_id", "reference", message)
        })?,
        None => collection::method(&world.state, customer, subscription).ok_or_else(|| {
            let message = "neither the subscription nor the customer has a default: name one, or pay with the wallet";
            Fault::field("/payment_method_id", "required", message)
        })?,
    };
    payments::abandon(world, id);
    let payment = payments::charge(world, id, method, wanted.return_url);
    Ok(payments::show(world, call, payment))
}

/// Something was paid or credited: whether the invoice is paid now, and what follows.
pub fn balance_changed(world: &mut World, id: Id<Invoice>) {
    let row = &world.state.invoices[id];
    let due = row.amount_due();
    if due > Decimal::ZERO {
        let part = row.status == Status::Open && row.amount_paid > Decimal::ZERO;
        if part {
            set(world, id, Status::PartiallyPaid);
        }
        return tell(world, id, event::UPDATED);
    }
    if !row.status.may_become(Status::Paid) {
        return tell(world, id, event::UPDATED);
    }
    if due < Decimal::ZERO {
        wallets::give_back(world, id, -due);
    }
    let now = world.now(ClockId::WORLD);
    set(world, id, Status::Paid);
    world.state.invoices.update(id, |row| row.paid_at = Some(now));
    dunning::stop(world, id);
    tell(world, id, event::PAID);
    collection::paid(world, id);
}

/// A payment for it has succeeded.
pub fn paid(world: &mut World, id: Id<Invoice>, amount: Decimal) {
    world.state.invoices.update(id, |row| row.amount_paid += amount);
    balance_changed(world, id);
}

/// A credit note lowers what is due.
pub fn credited(world: &mut World, id: Id<Invoice>, amount: Decimal) {
    world.state.invoices.update(id, |row| row.amount_credited += amount);
    balance_changed(world, id);
}

fn set(world: &mut World, id: Id<Invoice>, status: Status) {
    let now = world.now(ClockId::WORLD);
    world.state.invoices.update(id, |row| {
        row.status = status;
        row.updated_at = now;
    });
}

pub fn void_now(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    if !world.state.invoices[id].status.may_become(Status::Void) {
        return Err(illegal(&world.state, id, "voided"));
    }
    void(world, id);
    Ok(show(world, call, id))
}

/// Nothing is owed any more: collecting it ends well.
pub fn void(world: &mut World, id: Id<Invoice>) {
    payments::abandon(world, id);
    dunning::stop(world, id);
    set(world, id, Status::Void);
    tell(world, id, event::VOIDED);
    collection::forgiven(world, id);
}

pub fn write_off(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    if !world.state.invoices[id].status.may_become(Status::Uncollectible) {
        return Err(illegal(&world.state, id, "written off"));
    }
    uncollectible(world, id);
    Ok(show(world, call, id))
}

/// It is given up: nobody tries any more, and a subscription that is past due stays so.
pub fn uncollectible(world: &mut World, id: Id<Invoice>) {
    payments::abandon(world, id);
    dunning::stop(world, id);
    set(world, id, Status::Uncollectible);
    tell(world, id, event::MARKED_UNCOLLECTIBLE);
}
