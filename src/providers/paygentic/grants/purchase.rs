//! Grants that a customer buys: an invoice of their own, paid on a page.
//!
//! Facts: paygentic-behaviour §2.10 (price, what payment and expiry do), §1.3 (idempotency), §1.5 (minor units). The
//! price is what is paid: no tax comes on top (inferred: one amount is named throughout).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};

use super::{Asked, Grant, grant, grantable, other_parameters};
use crate::api::{Call, Fault, Reply};
use crate::billing::money::{self, minor_digits, round_minor};
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::number;
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::entitlements::Entitlement;
use crate::providers::paygentic::features::Feature;
use crate::providers::paygentic::invoices::{self, Invoice, Page};
use crate::providers::paygentic::payment_sessions::{self, Redirects};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
use crate::time::{Cadence, Timestamp};
use crate::world::{Id, Row};

/// The least and the most that a grant may be sold for (§2.10).
const PRICE_LEAST: Decimal = Decimal::from_parts(50, 0, 0, false, 2);
const PRICE_MOST: Decimal = Decimal::from_parts(450_359_962, 0, 0, false, 2);
/// Most decimals of the units that are bought (§1.5).
const UNIT_DECIMALS: u32 = 8;
/// How long the page waits, if nobody says: as long as that of a subscription (§2.9).
const LIFE: Cadence = Cadence::seconds(240 * 60);

/// An order of units. Once its invoice is paid it has its grant.
#[derive(Clone, Serialize, Deserialize)]
pub struct Purchase {
    pub entitlement: Id<Entitlement>,
    order: Order,
    asked: Arc<Asked>,
    pub invoice: Id<Invoice>,
    pub grant: Option<Id<Grant>>,
}

impl Row for Purchase {
    const PREFIX: &'static str = "gp_";
    const NOUN: &'static str = "grant purchase";
}

/// What an order says beside the units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    price: Box<str>,
    success_url: Option<Box<str>>,
    cancel_url: Option<Box<str>>,
    payment_expires_at: Option<Timestamp>,
}

/// What stands on the invoice of a purchase.
pub struct Sold<'a> {
    pub units: Decimal,
    pub feature: Id<Feature>,
    pub name: &'a str,
    /// As it was asked for.
    pub price: &'a str,
}

/// What was bought, for those who print it.
pub fn sold(state: &State, id: Id<Purchase>) -> Sold<'_> {
    let purchase = &state.purchases[id];
    let feature = state.entitlements[purchase.entitlement].feature;
    Sold { units: purchase.asked.amount, feature, name: &state.features[feature].name, price: &purchase.order.price }
}

/// Whether a grant of an entitlement was bought.
pub(super) fn made(state: &State, row: &Entitlement, id: Id<Grant>) -> bool {
    row.purchases.iter().any(|purchase| state.purchases[*purchase].grant == Some(id))
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let (entitlement, subscription) = grantable(world, call)?;
    let (asked, order): (Asked, Order) = (call.input()?, call.input()?);
    let row = &world.state.entitlements[entitlement];
    let purchases = row.purchases.iter().map(|id| &world.state.purchases[*id]);
    if let Some(earlier) = purchases.clone().find(|it| it.asked.idempotency_key == asked.idempotency_key) {
        if *earlier.asked != asked || earlier.order != order {
            return Err(other_parameters(&asked.idempotency_key));
        }
        return Ok(answer(&world.state, earlier, call));
    }
    let now = world.now(row.clock);
    let price = price(&order.price)?;
    check(&asked, now)?;
    let page = Page {
        expires_at: page_expiry(order.payment_expires_at, now)?,
        redirects: Some(Redirects { on_success: order.success_url.clone(), on_failure: order.cancel_url.clone() }),
        save: false,
    };
    let id = world.state.purchases.next_id();
    let invoice = invoice(world, id, subscription, price);
    let purchase = Purchase { entitlement, order, asked: Arc::new(asked), invoice, grant: None };
    world.state.purchases.insert(purchase);
    world.state.entitlements.update(entitlement, |row| row.purchases.push(id));
    cycle::send_out(world, invoice);
    invoices::open_page(world, invoice, page);
    Ok(answer(&world.state, &world.state.purchases[id], call))
}

fn price(text: &str) -> Result<Decimal, Fault> {
    let price = money::parse(text).map_err(|error| Fault::field("/price", "format", error.to_string()))?;
    let bound = |rule, message: String| Err(Fault::field("/price", rule, message));
    if price < PRICE_LEAST {
        return bound("minimum", format!("{text} is less than {PRICE_LEAST}"));
    }
    if price > PRICE_MOST {
        return bound("maximum", format!("{text} is more than {PRICE_MOST}"));
    }
    Ok(price)
}

fn check(asked: &Asked, now: Timestamp) -> Result<(), Fault> {
    if asked.amount.normalize().scale() > UNIT_DECIMALS {
        let message = format!("{} has more than {UNIT_DECIMALS} decimals", asked.amount);
        return Err(Fault::field("/amount", "multipleOf", message));
    }
    asked.check(now)
}

fn page_expiry(wanted: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Fault> {
    let most = invoices::LINK_LIFE.after(now, 1).unwrap_or(Timestamp::MAX);
    match wanted {
        Some(at) if at <= now => {
            Err(Fault::field("/paymentExpiresAt", "minimum", format!("{at} has passed: the clock shows {now}")))
        }
        Some(at) if at > most => {
            let message = format!("{at} is more than {} away: a page waits until {most}", invoices::LINK_LIFE);
            Err(Fault::field("/paymentExpiresAt", "maximum", message))
        }
        Some(at) => Ok(at),
        None => Ok(LIFE.after(now, 1).unwrap_or(Timestamp::MAX)),
    }
}

/// The invoice of a purchase. Its id is made of hexadecimal digits only, as the contract has it (§1.5).
fn invoice(world: &mut World, id: Id<Purchase>, subscription: Id<Subscription>, price: Decimal) -> Id<Invoice> {
    let now = cycle::clock_of(world, subscription).1;
    let sequence = cycle::next_sequence(world, subscription);
    let state = &mut world.state;
    let currency = &state.plans[state.subscriptions[subscription].plan].currency;
    let totals = invoices::Totals { net: round_minor(price, currency), tax: Decimal::ZERO };
    let invoice = state.invoices.insert(Invoice::of_purchase(id, subscription, sequence, totals, now));
    let (made, token) = (state.invoices.text(invoice), state.token("grant purchase", id.number() as usize));
    // No other row has the name: tokens do not repeat.
    state.invoices.rename(made.as_str(), &format!("{}{token}", Invoice::PREFIX));
    invoice
}

fn answer(state: &State, purchase: &Purchase, call: &Call) -> Reply {
    let invoice = &state.invoices[purchase.invoice];
    let currency = &state.plans[state.subscriptions[invoice.subscription].plan].currency;
    let sessions = invoice.session.map(|id| {
        let session = &state.sessions[id];
        json!({
            "url": payment_sessions::url(state, id, call.site),
            "expiresAt": session.expires_at,
            "amount": minor(session.amount, currency),
        })
    });
    Reply::created(&json!({
        "object": "grant_purchase",
        "invoiceId": state.invoices.text(purchase.invoice),
        "entitlementId": state.entitlements.text(purchase.entitlement),
        "grantAmount": number(purchase.asked.amount),
        "price": purchase.order.price,
        "currency": currency.to_lowercase(),
        "paymentSessions": sessions.into_iter().collect::<Vec<_>>(),
    }))
}

/// An amount in cents, or whatever the least coin is.
fn minor(amount: Decimal, currency: &str) -> Number {
    number(amount.saturating_mul(Decimal::from(10_u64.pow(minor_digits(currency)))))
}

/// The invoice of a purchase is paid: its units are there.
pub fn bought(world: &mut World, id: Id<Purchase>) {
    let Purchase { entitlement, ref asked, grant: None, .. } = *world.state.purchases[id] else { return };
    let asked = Arc::clone(asked);
    let grant = grant(world, entitlement, asked);
    world.state.purchases.update(id, |row| row.grant = Some(grant));
}
