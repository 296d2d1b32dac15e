//! How an invoice comes to be: its items become lines, discounts and tax are settled, it gets its number.
//!
//! Facts: paylera §3.8, §3.10 (tax at finalisation).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::totals::{Part, settle};
use super::{Invoice, Line, Source, Status, Totals, balance_changed, tell};
use crate::billing::money::round_minor;
use crate::billing::period::Window;
use crate::providers::paylera::body::Metadata;
use crate::providers::paylera::coupons::{self, Coupon};
use crate::providers::paylera::customers::Customer;
use crate::providers::paylera::notices::invoice as event;
use crate::providers::paylera::state::State;
use crate::providers::paylera::subscriptions::Subscription;
use crate::providers::paylera::{World, wallets};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

/// From issued to due: the sample has seven days (§3.8).
const NET: Cadence = Cadence::days(7);

/// What a line is for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
    pub code: Option<Arc<str>>,
    pub description: Arc<str>,
    pub quantity: Decimal,
    pub unit_amount: Decimal,
    /// Rounded to the minor unit (§1.8).
    pub amount: Decimal,
    pub period: Option<Window>,
    /// The component that it is the price of.
    pub source: Option<Source>,
    /// Where it is not that of its component or product.
    pub tax_code: Option<Box<str>>,
    /// Whether coupons take something off it: credits are of what was paid net.
    pub discountable: bool,
    pub metadata: Metadata,
}

impl Item {
    /// The product that it belongs to.
    pub fn product<'a>(&self, state: &'a State) -> Option<&'a Arc<str>> {
        self.source.map(|(plan, _)| &state.plans[plan].product_code)
    }

    /// A component's own tax code beats that of its product (§3.10).
    pub fn tax_code<'a>(&'a self, state: &'a State) -> Option<&'a str> {
        let (plan, place) = match (&self.tax_code, self.source) {
            (Some(code), _) => return Some(code),
            (None, None) => return None,
            (None, Some(source)) => source,
        };
        let plan = &state.plans[plan];
        let component = plan.components.get(usize::from(place));
        component.and_then(|component| component.tax_code.as_deref()).or_else(|| {
            let product = state.products_by_code.get(&plan.product_code)?;
            state.products[*product].tax_code.as_deref()
        })
    }
}

/// A draft without lines.
pub fn draft(
    state: &mut State,
    customer: Id<Customer>,
    subscription: Option<Id<Subscription>>,
    currency: Arc<str>,
    coupons: Vec<Id<Coupon>>,
    now: Timestamp,
) -> Id<Invoice> {
    state.invoices.insert(Invoice {
        customer,
        subscription,
        currency,
        status: Status::Draft,
        number: None,
        issued_at: None,
        due_at: None,
        lines: Vec::new(),
        coupons,
        totals: Totals::default(),
        amount_paid: Decimal::ZERO,
        amount_credited: Decimal::ZERO,
        payments: Vec::new(),
        credit_notes: Vec::new(),
        dunning: None,
        metadata: Metadata::default(),
        created_at: now,
        updated_at: now,
        closes: None,
        paid_at: None,
    })
}

/// Puts items on a draft. Its totals are settled with them, so that a draft shows what it will come to.
pub fn put(state: &mut State, id: Id<Invoice>, items: Vec<Item>) {
    let first = state.invoice_lines;
    state.invoice_lines += items.len() as u64;
    state.invoices.update(id, |row| {
        let lines = (first..).zip(items).map(|(number, mut item)| {
            item.amount = round_minor(item.amount, &row.currency);
            let net = item.amount;
            Line {
                number,
                item,
                discount_amount: Decimal::ZERO,
                net,
                tax_amount: Decimal::ZERO,
                tax_rate: Decimal::ZERO,
            }
        });
        row.lines.extend(lines);
    });
    recompute(state, id);
}

/// Settles discounts and tax anew.
pub fn recompute(state: &mut State, id: Id<Invoice>) {
    let row = &state.invoices[id];
    let reductions: Vec<_> = row.coupons.iter().map(|coupon| coupons::reduction(state, *coupon)).collect();
    let part = |line: &Line| Part {
        amount: line.item.amount,
        discountable: line.item.discountable,
        product: line.item.product(state).cloned(),
    };
    let parts: Vec<Part> = row.lines.iter().map(part).collect();
    let (shares, totals) = settle(&parts, &reductions, &row.currency);
    state.invoices.update(id, |row| {
        for (line, share) in row.lines.iter_mut().zip(shares) {
            line.discount_amount = share.own_discount;
            line.net = share.net;
            line.tax_amount = share.tax;
            line.tax_rate = share.tax_rate;
        }
        row.totals = totals;
    });
}

/// Makes and finalises an invoice of a subscription.
pub fn issue(
    world: &mut World,
    subscription: Id<Subscription>,
    items: Vec<Item>,
    coupons: Vec<Id<Coupon>>,
    closes: Option<Window>,
) -> Id<Invoice> {
    let now = world.now(ClockId::WORLD);
    let row = &world.state.subscriptions[subscription];
    let (customer, currency) = (row.customer, Arc::clone(&world.state.plans[row.plan].currency));
    let id = draft(&mut world.state, customer, Some(subscription), currency, coupons, now);
    world.state.invoices.update(id, |row| row.closes = closes);
    put(&mut world.state, id, items);
    tell(world, id, event::CREATED);
    world.state.subscriptions.update(subscription, |row| row.latest_invoice = Some(id));
    finalise(world, id);
    id
}

/// Gives a draft its number and opens it. What the customer has in the wallet goes first (§2.10); one that owes nothing
/// is paid at once, and what it owes to the customer goes to the wallet.
pub fn finalise(world: &mut World, id: Id<Invoice>) {
    let now = world.now(ClockId::WORLD);
    let year = now.civil().year();
    let last = world.state.invoice_numbers.get(&year).copied().unwrap_or_default();
    world.state.invoice_numbers.insert(year, last + 1);
    recompute(&mut world.state, id);
    world.state.invoices.update(id, |row| {
        row.status = Status::Open;
        row.number = Some((year, last + 1));
        row.issued_at = Some(now);
        row.due_at = row.due_at.or_else(|| NET.after(now, 1));
        row.updated_at = now;
    });
    tell(world, id, event::FINALIZED);
    if world.state.invoices[id].amount_due() > Decimal::ZERO {
        wallets::draw(world, id);
    } else {
        balance_changed(world, id);
    }
}
