//! Commissions: what a payment earns for whoever sent the customer.
//!
//! Facts: paylera §2.14, §2.6. One is pending from the payment on, while its hold runs, then eligible; payouts are no part
//! of the API, so none is ever paid.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Affiliate, AppliesTo, Duration, Kind};
use crate::api::{Call, Fault, Reply};
use crate::billing::money::round_minor;
use crate::providers::paylera::World;
use crate::providers::paylera::body::amount;
use crate::providers::paylera::customers::Customer;
use crate::providers::paylera::invoices::Invoice;
use crate::providers::paylera::listing::list;
use crate::providers::paylera::payments::Payment;
use crate::providers::paylera::state::{Due, State};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, Row};

#[derive(Clone, Serialize, Deserialize)]
pub struct Commission {
    affiliate: Id<Affiliate>,
    customer: Id<Customer>,
    payment: Id<Payment>,
    amount: Decimal,
    status: Status,
    eligible_at: Timestamp,
    reversed_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Commission {
    const PREFIX: &'static str = "com_";
    const NOUN: &'static str = "commission";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    Eligible,
    Reversed,
}

pub fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let body = |id: Id<Commission>, row: &Commission| {
        let programme = &state.programmes[state.affiliates[row.affiliate].programme];
        json!({
            "id": state.commissions.text(id),
            "object": "affiliate_commission",
            "affiliate_id": state.affiliates.text(row.affiliate),
            "customer_id": state.customers.text(row.customer),
            "programme_code": programme.code,
            "payment_id": state.payments.text(row.payment),
            "amount": amount(row.amount, &programme.currency),
            "currency": programme.currency,
            "status": row.status,
            "eligible_at": (row.status != Status::Reversed).then_some(row.eligible_at),
            "paid_at": null,
            "reversed_at": row.reversed_at,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        })
    };
    list(call, state.commissions.iter().map(|(id, row)| (id.number(), body(id, row))))
}

/// A payment by card or account has succeeded: whoever sent the customer may have earned something.
pub fn earned(world: &mut World, payment: Id<Payment>) {
    let state = &world.state;
    let row = &state.payments[payment];
    let Some(attribution) = state.customers[row.customer].attribution else { return };
    let programme = &state.programmes[state.affiliates[attribution.affiliate].programme];
    let now = world.now(ClockId::WORLD);
    let counts = match programme.rule.duration {
        Duration::FirstPayment => !state.commissions.iter().any(|(_, known)| known.customer == row.customer),
        Duration::FirstYear => Cadence::months(12).after(attribution.at, 1).is_none_or(|end| now < end),
        Duration::Lifetime => true,
    };
    if !counts || programme.currency != row.currency {
        return;
    }
    let base = base(state, row, programme.rule.applies_to.as_ref());
    let earned = match programme.rule.r#type {
        Kind::Percent => round_minor(base * programme.rule.rate / Decimal::ONE_HUNDRED, &row.currency),
        Kind::Fixed if base > Decimal::ZERO => programme.rule.rate,
        Kind::Fixed => Decimal::ZERO,
    };
    if earned <= Decimal::ZERO {
        return;
    }
    let (customer, affiliate) = (row.customer, attribution.affiliate);
    let eligible_at = Cadence::days(programme.hold_period_days).after(now, 1).unwrap_or(Timestamp::MAX);
    let id = world.state.commissions.insert(Commission {
        affiliate,
        customer,
        payment,
        amount: earned,
        status: Status::Pending,
        eligible_at,
        reversed_at: None,
        created_at: now,
        updated_at: now,
    });
    world.set_timer(ClockId::WORLD, eligible_at, Due::CommissionEligible(id));
}

/// What of a payment counts: the part of it that is for these products, before tax.
fn base(state: &State, payment: &Payment, applies: Option<&AppliesTo>) -> Decimal {
    let Some(invoice) = payment.invoice else {
        return if applies.is_none() { payment.amount } else { Decimal::ZERO };
    };
    let invoice: &Invoice = &state.invoices[invoice];
    let counted = invoice.lines.iter().filter(|line| {
        applies.is_none_or(|applies| {
            line.item.product(state).is_some_and(|product| applies.product_codes.contains(product))
        })
    });
    let net: Decimal = counted.map(|line| line.net).sum();
    net * payment.amount.checked_div(invoice.total()).unwrap_or_default()
}

/// The hold of a commission is over.
pub fn eligible(world: &mut World, id: Id<Commission>) {
    let now = world.now(ClockId::WORLD);
    world.state.commissions.update(id, |row| {
        if row.status == Status::Pending {
            row.status = Status::Eligible;
            row.updated_at = now;
        }
    });
}

/// A payment was given back, or taken: what it has earned is taken back while the hold runs.
pub fn reversed(world: &mut World, payment: Id<Payment>) {
    let now = world.now(ClockId::WORLD);
    let held = |row: &Commission| row.payment == payment && row.status == Status::Pending;
    let found = world.state.commissions.iter().find(|(_, row)| held(row)).map(|(id, _)| id);
    if let Some(id) = found {
        world.state.commissions.update(id, |row| {
            row.status = Status::Reversed;
            row.reversed_at = Some(now);
            row.updated_at = now;
        });
    }
}
