//! What time does to subscriptions, invoices and payment sessions.
//!
//! Facts: paygentic-behaviour §2.7–2.9, §3.2, §4. Each step is stamped with the clock, which stands at
//! the due instant while it runs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::World;
use super::customers::Customer;
use super::entitlements;
use super::grants;
use super::invoices::{self, Invoice, LineItem, Number, Status as InvoiceStatus, drafts};
use super::letters;
use super::notices::Notice;
use super::payment_sessions::{self, Session};
use super::reminders;
use super::schedule;
use super::state::State;
use super::subscriptions::{self, Status, Subscription, Termination};
use crate::api::Gist;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

/// All that time can do to this provider.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Due {
    /// Charges of a subscription fall due.
    Moment(Id<Subscription>),
    /// The grace window of an invoice is over.
    Close(Id<Invoice>),
    /// A renewal is some days away.
    Remind(Id<Subscription>),
    /// `endingAt` is reached.
    End(Id<Subscription>),
    /// A subscription comes to another version of its plan.
    Version(Id<Subscription>),
    /// Nobody has paid in time.
    Expire(Id<Session>),
}

impl Due {
    /// In a word, and what it is about.
    pub fn gist(self, state: &State) -> (&'static str, Gist) {
        match self {
            Self::Moment(id) => ("charges_due", Gist::of(&state.subscriptions, id)),
            Self::Close(id) => ("invoice_closes", Gist::of(&state.invoices, id)),
            Self::Remind(id) => ("renewal_reminder", Gist::of(&state.subscriptions, id)),
            Self::End(id) => ("subscription_ends", Gist::of(&state.subscriptions, id)),
            Self::Version(id) => ("version_change", Gist::of(&state.subscriptions, id)),
            Self::Expire(id) => ("session_expires", Gist::of(&state.sessions, id)),
        }
    }

    /// Whose subscription, invoice or payment it is about, if it is a customer's.
    pub fn customer(self, state: &State) -> Option<Id<Customer>> {
        let of = |id: Id<Subscription>| state.subscriptions[id].customer;
        match self {
            Self::Moment(id) | Self::Remind(id) | Self::End(id) | Self::Version(id) => Some(of(id)),
            Self::Close(id) => Some(of(state.invoices[id].subscription)),
            Self::Expire(id) => state.sessions[id].customer,
        }
    }
}

pub fn fire(world: &mut World, due: Due) {
    match due {
        Due::Moment(id) => moment(world, id),
        Due::Close(id) => close(world, id),
        Due::Remind(id) => reminders::remind(world, id),
        Due::End(id) => {
            let by = world.state.customers[world.state.subscriptions[id].customer].merchant.as_ref().into();
            end(world, id, by, "The subscription reached its endingAt".into(), None);
        }
        Due::Version(id) => subscriptions::arrive(world, id),
        Due::Expire(id) => payment_sessions::expire(world, id),
    }
}

/// The first invoice of a subscription: what is due when it starts. `None` if nothing is.
pub fn first_invoice(world: &mut World, id: Id<Subscription>) -> Option<Id<Invoice>> {
    let row = &world.state.subscriptions[id];
    let now = world.now(row.clock);
    let until = row.started_at.max(now);
    let due = schedule::due(row, &world.state.cycles[row.cycle], until);
    if due.is_empty() {
        return None;
    }
    let invoice = drafts::open(world, id, 0, now, &due);
    pass(world, id, until);
    world.state.subscriptions.update(id, |row| row.first_invoice = Some(invoice));
    // It goes out at once and waits for nobody's late events.
    world.state.invoices.update(invoice, |row| row.grace_end = now);
    issue(world, invoice);
    Some(invoice)
}

/// Goes past everything that is due until then: it is on an invoice.
fn pass(world: &mut World, id: Id<Subscription>, until: Timestamp) {
    let row = &world.state.subscriptions[id];
    let lines = &world.state.line_items;
    world.state.cycles.update(row.cycle, |cycle| {
        schedule::pass(row, cycle, until);
        cycle.waiting.retain(|line| lines[*line].invoice_at > until);
    });
}

/// Starts the cycle of a subscription whose start is paid for.
pub fn activate(world: &mut World, id: Id<Subscription>) {
    let now = world.now(world.state.subscriptions[id].clock);
    world.state.subscriptions.update(id, |row| {
        row.status = Status::Active;
        row.updated_at = now;
    });
    entitlements::provision(world, id);
    let row = world.state.subscriptions[id].clone();
    world.emit(row.clock, Notice::SubscriptionActivated(id, row));
    replan(world, id);
    reminders::set(world, id);
    subscriptions::follow_default(world, id);
    catch_up(world, id);
}

/// Makes the open invoice hold what falls due at the next moment, and waits for it. Without anything left to bill
/// there is no open invoice.
pub fn replan(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let (clock, now, place) = (row.clock, world.now(row.clock), row.cycle);
    let next = next_moment(world, id);
    let cycle = &world.state.cycles[place];
    if let Some(timer) = cycle.timers.moment {
        world.cancel_timer(timer);
    }
    let invoice = bill(world, id, next.unwrap_or(now));
    let timer = next.map(|at| world.set_timer(clock, at.max(now), Due::Moment(id)));
    world.state.cycles.update(place, |cycle| {
        cycle.open_invoice = invoice;
        cycle.timers.moment = timer;
    });
}

/// When the next invoice collects its lines. A line that was added by hand waits for the invoice of others, unless it
/// names a later instant, or there are no others.
fn next_moment(world: &World, id: Id<Subscription>) -> Option<Timestamp> {
    let row = &world.state.subscriptions[id];
    let (now, cycle) = (world.now(row.clock), &world.state.cycles[row.cycle]);
    let named = cycle.waiting.iter().map(|line| world.state.line_items[*line].invoice_at).filter(|at| *at > now);
    let next = schedule::next_due(row, cycle).into_iter().chain(named).min();
    next.or_else(|| (!cycle.waiting.is_empty()).then_some(now))
}

/// Lets a line wait for the invoice that collects it.
pub fn wait(world: &mut World, id: Id<Subscription>, line: Id<LineItem>) {
    let row = &world.state.subscriptions[id];
    let is_active = row.status == Status::Active;
    world.state.cycles.update(row.cycle, |cycle| cycle.waiting.push(line));
    if is_active {
        replan(world, id);
        catch_up(world, id);
    }
}

/// Draws up the open invoice for everything that is due until `moment`. Where nothing is, there is none, and one
/// that was open is cancelled.
fn bill(world: &mut World, id: Id<Subscription>, moment: Timestamp) -> Option<Id<Invoice>> {
    let row = &world.state.subscriptions[id];
    let place = row.cycle;
    let cycle = &world.state.cycles[place];
    let due = schedule::due(row, cycle, moment);
    let is_empty = due.is_empty() && drafts::collected(world, id, moment).is_empty();
    if let Some(open) = cycle.open_invoice {
        drafts::redraw(world, open, moment, &due);
        if is_empty {
            cancel(world, open);
            return None;
        }
        return Some(open);
    }
    if is_empty {
        return None;
    }
    let sequence = next_sequence(world, id);
    Some(drafts::open(world, id, sequence, moment, &due))
}

/// The number of a subscription's next invoice, which it takes.
pub fn next_sequence(world: &mut World, id: Id<Subscription>) -> u32 {
    world.state.cycles.update(world.state.subscriptions[id].cycle, |cycle| {
        cycle.next_sequence += 1;
        cycle.next_sequence - 1
    })
}

/// What a sync made of the lines of the open invoice.
#[derive(Default)]
pub struct Synced {
    pub created: usize,
    pub removed: usize,
}

/// Draws the open invoice of an active subscription up again.
pub fn sync(world: &mut World, id: Id<Subscription>) -> Synced {
    let lines = |world: &World| {
        let open = world.state.cycles[world.state.subscriptions[id].cycle].open_invoice;
        open.map(|open| world.state.invoices[open].lines.clone()).unwrap_or_default()
    };
    let before = lines(world);
    replan(world, id);
    let after = lines(world);
    let missing = |here: &[Id<LineItem>], there: &[Id<LineItem>]| here.iter().filter(|it| !there.contains(it)).count();
    Synced { created: missing(&after, &before), removed: missing(&before, &after) }
}

/// A moment has come: the open invoice has its lines, and the next one is opened.
fn moment(world: &mut World, id: Id<Subscription>) {
    let open = world.state.cycles.update(world.state.subscriptions[id].cycle, |cycle| {
        cycle.timers.moment = None;
        cycle.open_invoice.take()
    });
    if let Some(invoice) = open {
        let at = world.state.invoices[invoice].moment;
        pass(world, id, at);
        collect(world, invoice);
    }
    replan(world, id);
}

/// Ends the open phase of an invoice: it waits for late events, or is issued where none can come.
fn collect(world: &mut World, invoice: Id<Invoice>) {
    let row = &world.state.invoices[invoice];
    let (subscription, grace_end) = (row.subscription, row.grace_end);
    let clock = world.state.subscriptions[subscription].clock;
    let now = world.now(clock);
    if grace_end <= now {
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
        issue(world, invoice);
    }
}

/// Calculates an invoice and sends it out, and collects it where that can be done now.
fn issue(world: &mut World, invoice: Id<Invoice>) {
    let subscription = world.state.invoices[invoice].subscription;
    let (_, now) = clock_of(world, subscription);
    invoices::calculate(&mut world.state, invoice, now);
    send_out(world, invoice);
    if world.state.invoices[invoice].totals.gross().is_zero() {
        settle(world, invoice);
    } else if world.state.subscriptions[subscription].auto_charge {
        payment_sessions::charge_off_session(world, invoice);
    }
}

/// Numbers and dates an invoice whose amounts stand.
pub fn send_out(world: &mut World, invoice: Id<Invoice>) {
    let subscription = world.state.invoices[invoice].subscription;
    let term_days = world.state.subscriptions[subscription].payment_term_days;
    let (clock, now) = clock_of(world, subscription);
    let number = next_number(world, world.state.invoices[invoice].window.start);
    world.state.invoices.update(invoice, |row| {
        row.status = InvoiceStatus::Issued;
        row.number = Some(number);
        row.issued_at = Some(now);
        row.due_at = due_at(now, term_days);
        row.updated_at = now;
    });
    let row = world.state.invoices[invoice].clone();
    world.emit(clock, Notice::InvoiceIssued(invoice, row));
    letters::issued(world, invoice);
}

/// Midnight UTC of the issue date plus the payment term (§2.8).
fn due_at(issued: Timestamp, term_days: u32) -> Option<Timestamp> {
    let midnight = crate::billing::usage::WindowSize::Day.start_of(issued);
    Cadence::days(term_days).after(midnight, 1)
}

fn next_number(world: &mut World, period_start: Timestamp) -> Number {
    let date = period_start.civil();
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
    if let Some(purchase) = world.state.invoices[invoice].purchase {
        grants::bought(world, purchase);
    }
    let row = world.state.invoices[invoice].clone();
    world.emit(clock, Notice::InvoicePaid(invoice, row));
    letters::paid(world, invoice);
    let owner = &world.state.subscriptions[subscription];
    if owner.status == Status::PendingPayment && owner.first_invoice == Some(invoice) && owner.session.is_some() {
        payment_sessions::close_activation(world, subscription);
        activate(world, subscription);
    }
}

/// Collecting an invoice has ended without money.
pub fn fail(world: &mut World, invoice: Id<Invoice>) {
    end_with(world, invoice, InvoiceStatus::PaymentFailed, Notice::InvoicePaymentFailed);
}

/// Nobody has paid an invoice's page in time. What nobody pays is not sold; what was used stays owed.
pub fn lapse(world: &mut World, invoice: Id<Invoice>) {
    let row = &world.state.invoices[invoice];
    if row.purchase.is_some() && row.is_owed() {
        cancel(world, invoice);
    }
}

fn cancel(world: &mut World, invoice: Id<Invoice>) {
    payment_sessions::withdraw_of(world, invoice);
    end_with(world, invoice, InvoiceStatus::Cancelled, Notice::InvoiceCancelled);
}

fn end_with(
    world: &mut World,
    invoice: Id<Invoice>,
    status: InvoiceStatus,
    notice: fn(Id<Invoice>, Arc<Invoice>) -> Notice,
) {
    let clock = world.state.subscriptions[world.state.invoices[invoice].subscription].clock;
    let now = world.now(clock);
    world.state.invoices.update(invoice, |row| {
        row.status = status;
        row.updated_at = now;
    });
    let row = world.state.invoices[invoice].clone();
    world.emit(clock, notice(invoice, row));
}

/// Sets the timer of `endingAt`, in place of an earlier one. What is billed and reminded of until then changes too.
pub fn set_end(world: &mut World, id: Id<Subscription>) {
    let row = &world.state.subscriptions[id];
    let (clock, ending_at, now, place) = (row.clock, row.ending_at, world.now(row.clock), row.cycle);
    if let Some(timer) = world.state.cycles[place].timers.end {
        world.cancel_timer(timer);
    }
    let timer = ending_at.map(|at| world.set_timer(clock, at.max(now), Due::End(id)));
    world.state.cycles.update(place, |cycle| cycle.timers.end = timer);
    if world.state.subscriptions[id].status == Status::Active {
        replan(world, id);
        reminders::reset(world, id);
    }
}

/// Runs what is due on a subscription's clock by now: an end that is set to the present, what fell due while a
/// payment was waited for.
pub fn catch_up(world: &mut World, id: Id<Subscription>) {
    let (clock, now) = clock_of(world, id);
    world.advance(clock, now);
}

/// Ends a subscription now. What has been used and not billed goes on a last invoice; what was paid in
/// advance is not given back (§4: no refund is documented).
pub fn end(world: &mut World, id: Id<Subscription>, by: Box<str>, reason: Box<str>, change_reason: Option<Box<str>>) {
    let row = world.state.subscriptions[id].clone();
    if row.status == Status::Terminated {
        return;
    }
    let now = world.now(row.clock);
    let (timers, pending) =
        world.state.cycles.update(row.cycle, |cycle| (std::mem::take(&mut cycle.timers), cycle.pending.take()));
    let version = pending.map(|pending| pending.timer);
    for timer in [timers.moment, timers.reminder, timers.end, version].into_iter().flatten() {
        world.cancel_timer(timer);
    }
    let termination = Termination { at: now, by, reason, change_reason };
    world.state.subscriptions.update(id, |row| {
        row.status = Status::Terminated;
        row.termination = Some(termination.into());
        row.updated_at = now;
    });
    if row.status == Status::PendingPayment {
        payment_sessions::close_activation(world, id);
        if let Some(invoice) = row.first_invoice.filter(|invoice| world.state.invoices[*invoice].is_owed()) {
            cancel(world, invoice);
        }
    }
    // What waits goes on the last invoice, or on none.
    for line in world.state.cycles.update(row.cycle, |cycle| cycle.waiting.clone()) {
        world.state.line_items.update(line, |line| line.invoice_at = line.invoice_at.min(now));
    }
    if row.status == Status::Active {
        if let Some(invoice) = bill(world, id, now) {
            collect(world, invoice);
        }
        world.state.cycles.update(row.cycle, |cycle| {
            cycle.open_invoice = None;
            cycle.waiting.clear();
        });
    }
    let row = world.state.subscriptions[id].clone();
    world.emit(row.clock, Notice::SubscriptionCancelled(id, row));
}

/// The clock that a subscription lives on and what it shows.
pub fn clock_of(world: &World, id: Id<Subscription>) -> (ClockId, Timestamp) {
    let clock = world.state.subscriptions[id].clock;
    (clock, world.now(clock))
}
