//! What time does to subscriptions, invoices and payment sessions.
//!
//! Facts: paygentic-behaviour §2.7–2.9, §3.2, §4. Each step is stamped with the clock, which stands at
//! the due instant while it runs.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::World;
use super::invoices::{self, Invoice, Kind, LineItem, Number, Status as InvoiceStatus, Totals};
use super::notices::Notice;
use super::payment_sessions::{self, Session};
use super::prices::{Charged, Term};
use super::schedule::{self, Charge, Moment};
use super::subscriptions::{Status, Subscription, Termination};
use crate::billing::period::Window;
use crate::billing::proration::prorate;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

/// How long an invoice with metered lines waits for late events after its moment. The length is not
/// published; the vendor's samples show a day (§2.8).
const GRACE: Cadence = Cadence::days(1);

/// All that time can do to this provider.
#[derive(Debug, Clone, Copy)]
pub enum Due {
    /// Charges of a subscription fall due.
    Moment(Id<Subscription>),
    /// The grace window of an invoice is over.
    Close(Id<Invoice>),
    /// A renewal is some days away.
    Remind(Id<Subscription>),
    /// `endingAt` is reached.
    End(Id<Subscription>),
    /// Nobody has paid in time.
    Expire(Id<Session>),
}

pub fn fire(world: &mut World, due: Due) {
    match due {
        Due::Moment(id) => moment(world, id),
        Due::Close(id) => close(world, id),
        Due::Remind(id) => remind(world, id),
        Due::End(id) => {
            let by = world.state.customers[world.state.subscriptions[id].customer].merchant.as_ref().into();
            end(world, id, by, "The subscription reached its endingAt".into(), None);
        }
        Due::Expire(id) => payment_sessions::expire(world, id),
    }
}

/// The first invoice of a subscription: what is due when it starts. `None` if nothing is.
pub fn first_invoice(world: &mut World, id: Id<Subscription>) -> Option<Id<Invoice>> {
    let clock = world.state.subscriptions[id].clock;
    let now = world.now(clock);
    let due = world.state.subscriptions.update(id, |row| {
        let until = row.started_at.max(now);
        schedule::take_due(row, until)
    });
    if due.is_empty() {
        return None;
    }
    let invoice = open(world, id, 0, now, &due);
    world.state.subscriptions.update(id, |row| row.first_invoice = Some(invoice));
    invoices::calculate(&mut world.state, invoice);
    issue(world, invoice);
    Some(invoice)
}

/// Starts the cycle of a subscription whose start is paid for.
pub fn activate(world: &mut World, id: Id<Subscription>) {
    let now = world.now(world.state.subscriptions[id].clock);
    world.state.subscriptions.update(id, |row| {
        row.status = Status::Active;
        row.updated_at = now;
    });
    let row = world.state.subscriptions[id].clone();
    world.emit(row.clock, Notice::SubscriptionActivated(id, row));
    open_next(world, id);
    set_reminder(world, id);
}

/// Opens the invoice that collects the charges of the next moment, and waits for it.
fn open_next(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let (clock, now) = (row.clock, world.now(row.clock));
    let Some(at) = schedule::next_due(row) else {
        world.state.subscriptions.update(id, |row| {
            row.open_invoice = None;
            row.timers.moment = None;
        });
        return;
    };
    let due = world.state.subscriptions.update(id, |row| schedule::take_due(row, at));
    let sequence = world.state.subscriptions.update(id, |row| {
        row.next_sequence += 1;
        row.next_sequence - 1
    });
    let invoice = open(world, id, sequence, at, &due);
    let timer = world.set_timer(clock, at.max(now), Due::Moment(id));
    world.state.subscriptions.update(id, |row| {
        row.open_invoice = Some(invoice);
        row.timers.moment = Some(timer);
    });
}

/// An open invoice with a line for each charge that falls due at `moment`.
fn open(
    world: &mut World,
    id: Id<Subscription>,
    sequence: u32,
    moment: Timestamp,
    due: &[(Charge, Moment)],
) -> Id<Invoice> {
    let now = world.now(world.state.subscriptions[id].clock);
    let invoice = world.state.invoices.next_id();
    let mut window: Option<Window> = None;
    let mut metered = false;
    let lines: Box<[_]> = due
        .iter()
        .map(|(charge, at)| {
            let line = draft(world, id, invoice, charge, at, now);
            let span = window.get_or_insert(line.window);
            *span = Window { start: span.start.min(line.window.start), end: span.end.max(line.window.end) };
            metered |= line.kind == Kind::Metered;
            world.state.line_items.insert(line)
        })
        .collect();
    let grace_end = if metered { GRACE.after(moment, 1).unwrap_or(moment) } else { moment };
    world.state.invoices.insert(Invoice {
        subscription: id,
        sequence,
        status: InvoiceStatus::Active,
        window: window.unwrap_or(Window { start: moment, end: moment }),
        moment,
        grace_end,
        lines,
        totals: Totals::default(),
        number: None,
        issued_at: None,
        due_at: None,
        paid_at: None,
        session: None,
        retried_at: None,
        created_at: now,
        updated_at: now,
    })
}

/// The line of a charge for one window. It keeps the price as it is now, so that a later edit leaves the open
/// period as it was (§2.4 "frozen"); usage is counted when the invoice closes.
fn draft(
    world: &World,
    subscription: Id<Subscription>,
    invoice: Id<Invoice>,
    charge: &Charge,
    moment: &Moment,
    now: Timestamp,
) -> LineItem {
    let price = &world.state.prices[charge.price];
    let metered = matches!(price.of, Charged::Metric(_)) && charge.quantity.is_none();
    let quantity = if metered { None } else { Some(charge.quantity.unwrap_or_else(|| Decimal::from(price.quantity))) };
    let rated = price.rate.of(quantity.unwrap_or_default());
    LineItem {
        subscription,
        invoice,
        price: charge.price,
        terms: Arc::clone(price),
        kind: if metered { Kind::Metered } else { Kind::Fee },
        display_name: price.display_name.clone(),
        window: moment.window,
        invoice_at: moment.due,
        term: if charge.in_advance { Term::InAdvance } else { Term::InArrears },
        quantity,
        unit_price: rated.unit_price,
        net: if metered { Decimal::ZERO } else { prorate(rated.amount, moment.window, moment.full) },
        tax: Decimal::ZERO,
        tax_rate: Decimal::ZERO,
        calculated_at: None,
        created_at: now,
    }
}

/// A moment has come: the open invoice has its lines, and the next one is opened.
fn moment(world: &mut World, id: Id<Subscription>) {
    if let Some(invoice) = world.state.subscriptions[id].open_invoice {
        collect(world, invoice);
    }
    open_next(world, id);
}

/// Ends the open phase of an invoice: it waits for late events, or is issued where none can come.
fn collect(world: &mut World, invoice: Id<Invoice>) {
    let row = &world.state.invoices[invoice];
    let (subscription, grace_end) = (row.subscription, row.grace_end);
    let clock = world.state.subscriptions[subscription].clock;
    let now = world.now(clock);
    if grace_end <= now {
        invoices::calculate(&mut world.state, invoice);
        return issue(world, invoice);
    }
    world.set_timer(clock, grace_end, Due::Close(invoice));
    world.state.invoices.update(invoice, |row| {
        row.status = InvoiceStatus::Closing;
        row.updated_at = now;
    });
}

fn close(world: &mut World, invoice: Id<Invoice>) {
    if world.state.invoices[invoice].status == InvoiceStatus::Closing {
        invoices::calculate(&mut world.state, invoice);
        issue(world, invoice);
    }
}

/// Numbers and dates an invoice whose amounts are known, and collects it where that can be done now.
fn issue(world: &mut World, invoice: Id<Invoice>) {
    let row = &world.state.invoices[invoice];
    let subscription = &world.state.subscriptions[row.subscription];
    let (clock, auto_charge, term_days) =
        (subscription.clock, subscription.auto_charge, subscription.payment_term_days);
    let now = world.now(clock);
    let number = next_number(world, world.state.invoices[invoice].window.start);
    world.state.invoices.update(invoice, |row| {
        row.status = InvoiceStatus::Issued;
        row.number = Some(number);
        row.issued_at = Some(now);
        row.due_at = due_at(now, term_days);
        row.updated_at = now;
    });
    let row = world.state.invoices[invoice].clone();
    let owed = row.totals.gross();
    world.emit(clock, Notice::InvoiceIssued(invoice, row));
    if owed.is_zero() {
        settle(world, invoice);
    } else if auto_charge {
        payment_sessions::charge_off_session(world, invoice);
    }
}

/// Midnight UTC of the issue date plus the payment term (§2.8).
fn due_at(issued: Timestamp, term_days: u32) -> Option<Timestamp> {
    let midnight = crate::billing::usage::WindowSize::Day.start_of(issued);
    Cadence::days(term_days).after(midnight, 1)
}

fn next_number(world: &mut World, period_start: Timestamp) -> Number {
    let date = jiff::tz::Offset::UTC.to_datetime(period_start);
    let (year, month) = (date.year(), date.month());
    let count = world.state.invoice_numbers.entry(i32::from(year) * 12 + i32::from(month)).or_insert(0);
    *count += 1;
    Number { year, month, count: *count }
}

/// An invoice is paid. The first one of a waiting subscription starts it.
pub fn settle(world: &mut World, invoice: Id<Invoice>) {
    payment_sessions::withdraw_of(world, invoice);
    let subscription = world.state.invoices[invoice].subscription;
    let clock = world.state.subscriptions[subscription].clock;
    let now = world.now(clock);
    world.state.invoices.update(invoice, |row| {
        row.status = InvoiceStatus::Paid;
        row.paid_at = Some(now);
        row.updated_at = now;
    });
    let row = world.state.invoices[invoice].clone();
    world.emit(clock, Notice::InvoicePaid(invoice, row));
    let owner = &world.state.subscriptions[subscription];
    if owner.status == Status::PendingPayment && owner.first_invoice == Some(invoice) && owner.session.is_some() {
        payment_sessions::close_activation(world, subscription);
        activate(world, subscription);
    }
}

/// Collecting an invoice has ended without money.
pub fn fail(world: &mut World, invoice: Id<Invoice>) {
    let clock = world.state.subscriptions[world.state.invoices[invoice].subscription].clock;
    let now = world.now(clock);
    world.state.invoices.update(invoice, |row| {
        row.status = InvoiceStatus::PaymentFailed;
        row.updated_at = now;
    });
    let row = world.state.invoices[invoice].clone();
    world.emit(clock, Notice::InvoicePaymentFailed(invoice, row));
}

fn cancel(world: &mut World, invoice: Id<Invoice>) {
    payment_sessions::withdraw_of(world, invoice);
    let clock = world.state.subscriptions[world.state.invoices[invoice].subscription].clock;
    let now = world.now(clock);
    world.state.invoices.update(invoice, |row| {
        row.status = InvoiceStatus::Cancelled;
        row.updated_at = now;
    });
    let row = world.state.invoices[invoice].clone();
    world.emit(clock, Notice::InvoiceCancelled(invoice, row));
}

/// Sets the timer of the next reminder: so many days before the next boundary of the subscription's grid.
fn set_reminder(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let plan = world.state.plans[row.plan].reminder;
    let enabled = row.reminder_enabled.unwrap_or(plan.enabled);
    let (clock, now, grid) = (row.clock, world.now(row.clock), row.grid());
    let notice = Cadence::days(row.reminder_days.unwrap_or(plan.days));
    let due = |n: i64| grid.boundary(n).and_then(|renewal| Some((renewal, notice.after(renewal, -1)?)));
    let first = grid.index_at(row.started_at.max(now)) + 1;
    // The renewal ahead may be nearer than the notice: then its reminder is past and the next one counts.
    let next = [first, first + 1].into_iter().filter_map(due).find(|(_, remind)| *remind > now);
    let next = next.filter(|(renewal, _)| enabled && row.ending_at.is_none_or(|end| *renewal < end));
    let timer = next.map(|(_, remind)| world.set_timer(clock, remind, Due::Remind(id)));
    world.state.subscriptions.update(id, |row| row.timers.reminder = timer);
}

/// Sets the reminder anew after its settings changed.
pub fn reset_reminder(world: &mut World, id: Id<Subscription>) {
    if let Some(timer) = world.state.subscriptions[id].timers.reminder {
        world.cancel_timer(timer);
    }
    set_reminder(world, id);
}

fn remind(world: &mut World, id: Id<Subscription>) {
    let row = world.state.subscriptions[id].clone();
    if world.state.customers[row.customer].notifications.renewal_reminder {
        world.emit(row.clock, Notice::SubscriptionRenewalReminder(id, row));
    }
    set_reminder(world, id);
}

/// Sets the timer of `endingAt`, in place of an earlier one.
pub fn set_end(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let (clock, ending_at, now) = (row.clock, row.ending_at, world.now(row.clock));
    if let Some(timer) = row.timers.end {
        world.cancel_timer(timer);
    }
    let timer = ending_at.map(|at| world.set_timer(clock, at.max(now), Due::End(id)));
    world.state.subscriptions.update(id, |row| row.timers.end = timer);
}

/// Ends a subscription now. What has been used and not billed goes on a last invoice; what was paid in
/// advance is not given back (§4: no refund is documented).
pub fn end(world: &mut World, id: Id<Subscription>, by: Box<str>, reason: Box<str>, change_reason: Option<Box<str>>) {
    let row = world.state.subscriptions[id].clone();
    if row.status == Status::Terminated {
        return;
    }
    let now = world.now(row.clock);
    for timer in [row.timers.moment, row.timers.reminder, row.timers.end].into_iter().flatten() {
        world.cancel_timer(timer);
    }
    let termination = Termination { at: now, by, reason, change_reason };
    world.state.subscriptions.update(id, |row| {
        row.status = Status::Terminated;
        row.termination = Some(termination.into());
        row.open_invoice = None;
        row.timers = super::subscriptions::Timers::default();
        row.updated_at = now;
    });
    if row.status == Status::PendingPayment {
        payment_sessions::close_activation(world, id);
        if let Some(invoice) = row.first_invoice.filter(|invoice| world.state.invoices[*invoice].is_owed()) {
            cancel(world, invoice);
        }
    }
    if let Some(invoice) = row.open_invoice {
        finish(world, invoice, now);
    }
    let row = world.state.subscriptions[id].clone();
    world.emit(row.clock, Notice::SubscriptionCancelled(id, row));
}

/// Cuts the open invoice of an ended subscription down to what was used until `now`.
fn finish(world: &mut World, invoice: Id<Invoice>, now: Timestamp) {
    let lines = world.state.invoices[invoice].lines.clone();
    let (kept, dropped): (Vec<_>, Vec<_>) = lines.iter().copied().partition(|line| {
        let line = &world.state.line_items[*line];
        line.term == Term::InArrears && line.window.start < now
    });
    for line in dropped {
        world.state.line_items.remove(line);
    }
    let mut window: Option<Window> = None;
    let mut metered = false;
    for line in &kept {
        let obligation = world.state.line_items[*line].terms.obligation;
        let used = world.state.line_items.update(*line, |line| {
            if now < line.window.end && !obligation {
                let used = Window { start: line.window.start, end: now };
                line.net = prorate(line.net, used, line.window);
                line.window = used;
            }
            line.invoice_at = line.invoice_at.min(now);
            metered |= line.kind == Kind::Metered;
            line.window
        });
        let span = window.get_or_insert(used);
        *span = Window { start: span.start.min(used.start), end: span.end.max(used.end) };
    }
    let grace_end = if metered { GRACE.after(now, 1).unwrap_or(now) } else { now };
    world.state.invoices.update(invoice, |row| {
        row.lines = kept.into();
        row.moment = now;
        row.grace_end = grace_end;
        row.window = window.unwrap_or(Window { start: row.window.start.min(now), end: now });
    });
    if window.is_none() { cancel(world, invoice) } else { collect(world, invoice) }
}

/// The clock that a subscription lives on and what it shows.
pub fn clock_of(world: &World, id: Id<Subscription>) -> (ClockId, Timestamp) {
    let clock = world.state.subscriptions[id].clock;
    (clock, world.now(clock))
}
