//! Lines that are added by hand: a charge, or with a negative price a credit.
//!
//! Facts: paygentic-behaviour §2.8 (manual line), §1.3 (idempotency). A line of a subscription waits for the invoice of
//! the next moment, or for the instant that it names; one of an invoice needs that to be open, or to wait for late
//! events.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::lines::entry;
use super::{Invoice, Kind, LineItem, Source, Status};
use crate::api::{Call, Fault, Reply, referred};
use crate::billing::money;
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::items;
use crate::providers::paygentic::subscriptions::{Status as SubscriptionStatus, Subscription};
use crate::time::Timestamp;
use crate::world::Id;

/// What a line says that no price says for it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Manual {
    pub name: Box<str>,
    pub description: Option<Box<str>>,
    /// What was asked for, to know a repeat by.
    asked: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    subscription_id: Option<String>,
    invoice_id: Option<String>,
    display_name: Box<str>,
    description: Option<Box<str>>,
    currency: String,
    quantity: Number,
    unit_price: Number,
    invoice_at: Option<Timestamp>,
    period_start: Option<Timestamp>,
    period_end: Option<Timestamp>,
    item_id: Option<String>,
    idempotency_key: Option<Arc<str>>,
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let mut asked: Value = call.input()?;
    let header = call.idempotency_key.map(Arc::from);
    let key = header.or_else(|| wanted.idempotency_key.clone());
    if let Some(fields) = asked.as_object_mut() {
        fields.remove("idempotencyKey");
    }
    if let Some(id) = key.as_ref().and_then(|key| world.state.line_keys.get(key)).copied() {
        let row = &world.state.line_items[id];
        return match &row.source {
            Source::Manual(manual) if manual.asked == asked => Ok(Reply::ok(&entry(&world.state, id, row))),
            _ => Err(Fault::conflict("This idempotency key has made another line already: take a new one")),
        };
    }
    let (subscription, invoice) = target(world, &wanted)?;
    let line = draft(world, &wanted, asked, subscription, invoice)?;
    let id = world.state.line_items.insert(line);
    if let Some(key) = key {
        world.state.line_keys.insert(key, id);
    }
    match invoice {
        // Its period is over: it takes the line as it is, and is issued with it.
        Some(invoice) if world.state.invoices[invoice].status == Status::Closing => {
            let (_, now) = cycle::clock_of(world, subscription);
            world.state.invoices.update(invoice, |row| {
                row.lines = row.lines.iter().copied().chain([id]).collect();
                row.updated_at = now;
            });
        }
        _ => cycle::wait(world, subscription, id),
    }
    Ok(Reply::created(&entry(&world.state, id, &world.state.line_items[id])))
}

/// What the line is for: a subscription, or an invoice that can still take it.
fn target(world: &World, wanted: &Create) -> Result<(Id<Subscription>, Option<Id<Invoice>>), Fault> {
    let state = &world.state;
    if let Some(text) = &wanted.invoice_id {
        let id = referred(&state.invoices, "/invoiceId", text)?;
        let row = &state.invoices[id];
        if !matches!(row.status, Status::Active | Status::Closing) {
            let message = format!("Invoice {text} takes no more lines: it is {:?}, not ACTIVE or CLOSING", row.status);
            return Err(Fault::conflict(message));
        }
        return Ok((row.subscription, Some(id)));
    }
    let id = referred(&state.subscriptions, "/subscriptionId", wanted.subscription_id.as_deref().unwrap_or_default())?;
    if state.subscriptions[id].status == SubscriptionStatus::Terminated {
        return Err(Fault::conflict("The subscription is terminated: no invoice of it is to come"));
    }
    Ok((id, None))
}

fn draft(
    world: &World,
    wanted: &Create,
    asked: Value,
    subscription: Id<Subscription>,
    invoice: Option<Id<Invoice>>,
) -> Result<LineItem, Fault> {
    let state = &world.state;
    let (_, now) = cycle::clock_of(world, subscription);
    let currency = &state.plans[state.subscriptions[subscription].plan].currency;
    if **currency != *wanted.currency {
        let message = format!("is not {currency}, the currency of the subscription's plan");
        let violation = Violation::body("/currency", "const", message.clone());
        return Err(Fault::unprocessable(format!("{} {message}", wanted.currency)).with_violation(violation));
    }
    let start = wanted.period_start.unwrap_or(now);
    let end = wanted.period_end.unwrap_or(start);
    if end < start {
        return Err(Fault::field("/periodEnd", "minimum", format!("{end} is before periodStart, {start}")));
    }
    let amount = |number: &Number, pointer: &str| {
        money::parse(&plain(number)).map_err(|error| Fault::field(pointer, "format", error.to_string()))
    };
    let quantity = amount(&wanted.quantity, "/quantity")?;
    let unit_price = amount(&wanted.unit_price, "/unitPrice")?;
    let Some(net) = quantity.checked_mul(unit_price) else {
        return Err(Fault::field("/quantity", "maximum", "times unitPrice is more than an amount can hold"));
    };
    let item = wanted.item_id.as_deref().map(|text| items::referred(state, "/itemId", text)).transpose()?;
    let (name, description) = (wanted.display_name.clone(), wanted.description.clone());
    Ok(LineItem {
        subscription,
        invoice,
        source: Source::Manual(Arc::new(Manual { name, description, asked })),
        item,
        kind: Kind::Manual,
        window: Window { start, end },
        // An open invoice takes it at its moment, whenever that is.
        invoice_at: if invoice.is_some() { now } else { wanted.invoice_at.unwrap_or(now) },
        term: None,
        quantity: Some(quantity),
        used: None,
        unit_price,
        net,
        tax: Decimal::ZERO,
        tax_rate: Decimal::ZERO,
        calculated_at: None,
        applied: None,
        created_at: now,
    })
}

/// A number as people write it, without an exponent.
fn plain(number: &Number) -> String {
    let text = number.to_string();
    Decimal::from_scientific(&text).map_or(text, |value| value.to_string())
}
