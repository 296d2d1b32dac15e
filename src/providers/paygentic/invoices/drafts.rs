//! Drawing up an invoice: a line for each charge that falls due at its moment.
//!
//! Facts: paygentic-behaviour §2.4 ("frozen": an open period keeps the price it began with), §2.8. An end that is
//! set or moved makes an open invoice hold other windows; what stays keeps its line.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Billed, Invoice, Kind, LineItem, Lines, Source, Status, Totals};
use crate::billing::period::Window;
use crate::billing::proration::prorate;
use crate::providers::paygentic::World;
use crate::providers::paygentic::prices::{Charged, Price, Term};
use crate::providers::paygentic::schedule::{Charge, Moment};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
use crate::time::{Cadence, Timestamp};
use crate::world::Id;

/// How long an invoice with metered lines waits for late events after its moment. The length is not
/// published; the vendor's samples show a day (§2.8).
const GRACE: Cadence = Cadence::days(1);

/// An open invoice with a line for each charge that falls due at `moment`.
pub fn open(
    world: &mut World,
    id: Id<Subscription>,
    sequence: u32,
    moment: Timestamp,
    due: &[(Charge, Moment)],
) -> Id<Invoice> {
    let now = world.now(world.state.subscriptions[id].clock);
    let invoice = world.state.invoices.insert(Invoice {
        subscription: id,
        sequence,
        status: Status::Active,
        window: Window { start: moment, end: moment },
        moment,
        grace_end: moment,
        lines: Lines::new(),
        purchase: None,
        totals: Totals::default(),
        number: None,
        issued_at: None,
        due_at: None,
        paid_at: None,
        session: None,
        retried_at: None,
        created_at: now,
        updated_at: now,
    });
    redraw(world, invoice, moment, due);
    invoice
}

/// Makes an open invoice hold what falls due at `moment` and nothing else.
pub fn redraw(world: &mut World, invoice: Id<Invoice>, moment: Timestamp, due: &[(Charge, Moment)]) {
    let row = &world.state.invoices[invoice];
    let (subscription, earlier) = (row.subscription, row.lines.clone());
    let now = world.now(world.state.subscriptions[subscription].clock);
    let mut window: Option<Window> = None;
    let mut metered = false;
    let mut lines = Lines::new();
    for (charge, at) in due {
        let known = standing(&world.state, &earlier, charge, at, false);
        let terms = terms(&world.state, charge, known);
        let line = draft(subscription, invoice, charge, at, terms, now);
        let span = window.get_or_insert(line.window);
        *span = Window { start: span.start.min(line.window.start), end: span.end.max(line.window.end) };
        metered |= line.kind == Kind::Metered;
        let discount = discount(&line);
        lines.push(put(world, known, line));
        if let Some(line) = discount {
            let known = standing(&world.state, &earlier, charge, at, true);
            lines.push(put(world, known, line));
        }
    }
    for id in collected(world, subscription, moment) {
        world.state.line_items.update(id, |line| line.invoice = Some(invoice));
        let line = &world.state.line_items[id];
        let span = window.get_or_insert(line.window);
        *span = Window { start: span.start.min(line.window.start), end: span.end.max(line.window.end) };
        lines.push(id);
    }
    for gone in earlier.iter().filter(|line| !lines.contains(line)) {
        match world.state.line_items[*gone].source {
            // It waits for another invoice.
            Source::Manual(_) => world.state.line_items.update(*gone, |line| line.invoice = None),
            Source::Price(_) => drop(world.state.line_items.remove(*gone)),
        }
    }
    world.state.invoices.update(invoice, |row| {
        row.window = window.unwrap_or(Window { start: row.window.start.min(moment), end: moment });
        row.moment = moment;
        row.grace_end = if metered { GRACE.after(moment, 1).unwrap_or(moment) } else { moment };
        row.lines = lines;
        row.updated_at = now;
    });
}

/// The lines that were added by hand and are invoiced by then.
pub fn collected(world: &World, id: Id<Subscription>, moment: Timestamp) -> Vec<Id<LineItem>> {
    let waiting = world.state.cycles[world.state.subscriptions[id].cycle].waiting.iter().copied();
    waiting.filter(|line| world.state.line_items[*line].invoice_at <= moment).collect()
}

/// Takes lines off an open invoice, so that they are drawn up anew.
pub fn forget(world: &mut World, invoice: Id<Invoice>, stale: &[Id<LineItem>]) {
    for line in stale {
        world.state.line_items.remove(*line);
    }
    world
        .state
        .invoices
        .update(invoice, |row| row.lines = row.lines.iter().copied().filter(|line| !stale.contains(line)).collect());
}

/// Puts a line in the place of the one that stands for the same thing.
fn put(world: &mut World, standing: Option<Id<LineItem>>, mut line: LineItem) -> Id<LineItem> {
    let Some(id) = standing else { return world.state.line_items.insert(line) };
    line.created_at = world.state.line_items[id].created_at;
    world.state.line_items.update(id, |row| *row = line);
    id
}

/// The line that takes away what grants cover, where the price wants it shown (§2.4).
fn discount(line: &LineItem) -> Option<LineItem> {
    let terms = &line.billed()?.terms;
    let shown = line.kind == Kind::Metered && terms.grant_discount && terms.feature.is_some();
    shown.then(|| LineItem { kind: Kind::Discount, ..line.clone() })
}

/// The line that a charge has on an open invoice already, for a window that begins where this one does. A one-off
/// has one line only, wherever an end has moved it.
pub(super) fn standing(
    state: &State,
    lines: &[Id<LineItem>],
    charge: &Charge,
    moment: &Moment,
    discount: bool,
) -> Option<Id<LineItem>> {
    lines.iter().copied().find(|line| {
        let line = &state.line_items[*line];
        let once = charge.interval.cadence.is_zero();
        line.billed().is_some_and(|billed| billed.interval == charge.interval.serial)
            && (line.kind == Kind::Discount) == discount
            && (once || line.window.start == moment.window.start)
    })
}

/// The price that a line is drawn up by: the one that it has, else the catalogue's with what was agreed.
pub(super) fn terms(state: &State, charge: &Charge, standing: Option<Id<LineItem>>) -> Arc<Price> {
    if let Some(billed) = standing.and_then(|line| state.line_items[line].billed()) {
        return Arc::clone(&billed.terms);
    }
    let price = &state.prices[charge.interval.price];
    match charge.interval.unit_price {
        Some(unit_price) => Arc::new(price.at(unit_price)),
        None => Arc::clone(price),
    }
}

/// The line of a charge for one window, by the terms of its price; usage is counted when the invoice closes.
pub(super) fn draft(
    subscription: Id<Subscription>,
    invoice: Id<Invoice>,
    charge: &Charge,
    moment: &Moment,
    terms: Arc<Price>,
    now: Timestamp,
) -> LineItem {
    let metered = matches!(terms.of, Charged::Metric(_)) && moment.quantity.is_none();
    let quantity = if metered { None } else { Some(moment.quantity.unwrap_or_else(|| Decimal::from(terms.quantity))) };
    let rated = terms.rate.of(quantity.unwrap_or_default());
    LineItem {
        subscription,
        invoice: Some(invoice),
        source: Source::Price(Billed { price: charge.interval.price, interval: charge.interval.serial, terms }),
        item: None,
        kind: if metered { Kind::Metered } else { Kind::Fee },
        window: moment.window,
        invoice_at: moment.due,
        term: Some(if charge.interval.in_advance { Term::InAdvance } else { Term::InArrears }),
        quantity,
        used: None,
        unit_price: rated.unit_price,
        net: if metered { Decimal::ZERO } else { prorate(rated.amount, moment.window, moment.full) },
        tax: Decimal::ZERO,
        tax_rate: Decimal::ZERO,
        calculated_at: None,
        applied: None,
        created_at: now,
    }
}
