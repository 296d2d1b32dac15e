//! When the charges of a subscription fall due: pure arithmetic on its grid.
//!
//! Facts: paygentic-behaviour §4. Every boundary is anchor + n × cadence. A charge in advance is due at the
//! start of its window, one in arrears at the end; a charge is billed only if it falls due at or after
//! `billingStartsAt`. A start between two boundaries makes a first stub: fees are prorated by seconds over
//! it, obligations skip it. The end of a subscription cuts the windows in arrears that it falls into.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::invoices::Invoice;
use super::prices::{Charged, Price, Term};
use super::subscriptions::Subscription;
use crate::billing::period::{Window, first_window};
use crate::time::{Cadence, Grid, Timestamp};
use crate::world::{Id, Row, Timer};

/// One price as a subscription owes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charge {
    pub price: Id<Price>,
    pub cadence: Cadence,
    pub in_advance: bool,
    pub obligation: bool,
    /// Units fixed at subscription time (the older `items`), in place of usage or the price's quantity.
    pub quantity: Option<Decimal>,
    /// The grid index of the first window that is not billed yet; `None` when nothing is left to bill. The open
    /// invoice of a subscription shows what is next and goes past it only when its moment has come.
    next: Option<i64>,
}

/// Where the billing of a subscription stands. Apart from what was agreed, which events keep as it was: this
/// changes at every moment, that hardly ever.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cycle {
    pub charges: Vec<Charge>,
    /// Collects what falls due at the next moment.
    pub open_invoice: Option<Id<Invoice>>,
    pub next_sequence: u32,
    pub timers: Timers,
}

/// The timers that a subscription has set, to be cancelled when it ends.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Timers {
    pub moment: Option<Timer>,
    pub reminder: Option<Timer>,
    pub end: Option<Timer>,
}

impl Row for Cycle {
    const PREFIX: &'static str = "cycle_";
    const NOUN: &'static str = "cycle";
}

/// A window of a charge and the instant when it falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub window: Window,
    /// The whole window that `window` is a stub of; the same where it is none.
    pub full: Window,
    pub due: Timestamp,
}

impl Charge {
    /// How a subscription of `cadence` owes `price`.
    pub fn new(id: Id<Price>, price: &Price, cadence: Cadence, quantity: Option<Decimal>) -> Self {
        let metered = matches!(price.of, Charged::Metric(_)) && quantity.is_none();
        Self {
            price: id,
            cadence: price.cadence.unwrap_or(cadence),
            // Usage is known when its window ends, whatever the price says (§4: always stamped in arrears).
            in_advance: (price.term == Term::InAdvance || quantity.is_some()) && !metered,
            obligation: price.obligation,
            quantity,
            next: None,
        }
    }

    /// Puts the charge at its first window that is to be billed.
    pub fn begin(&mut self, subscription: &Subscription) {
        if self.cadence.is_zero() {
            self.next = (self.once(subscription).due >= subscription.billing_starts_at).then_some(0);
            return;
        }
        let grid = self.grid(subscription);
        let from = grid.index_at(subscription.started_at);
        let billing = grid.index_at(subscription.billing_starts_at).saturating_sub(1);
        self.next = Some(from.max(billing));
        while let Some(moment) = self.moment(subscription) {
            let stub = moment.window != moment.full;
            if moment.due >= subscription.billing_starts_at && !(stub && self.obligation) {
                break;
            }
            self.step();
        }
    }

    /// Goes on to the next window.
    pub fn step(&mut self) {
        self.next = if self.cadence.is_zero() { None } else { self.next.map(|n| n + 1) };
    }

    /// The window that is billed next, as far as the subscription's end leaves of it.
    pub fn moment(&self, subscription: &Subscription) -> Option<Moment> {
        let n = self.next?;
        let moment = if self.cadence.is_zero() { self.once(subscription) } else { self.recurring(subscription, n)? };
        match subscription.end() {
            Some(end) => self.until(end, moment, subscription),
            None => Some(moment),
        }
    }

    /// A window that begins at the end or later is not billed. One in arrears that the end cuts is due there, for
    /// what was served until then; obligations and one-offs are owed whole. One in advance has been due already.
    fn until(&self, end: Timestamp, moment: Moment, subscription: &Subscription) -> Option<Moment> {
        let owed_from = if self.cadence.is_zero() { subscription.started_at } else { moment.window.start };
        if owed_from >= end {
            return None;
        }
        if self.in_advance || moment.due <= end {
            return Some(moment);
        }
        if self.cadence.is_zero() {
            let once = Window { start: end, end };
            return Some(Moment { window: once, full: once, due: end });
        }
        let window = if self.obligation { moment.window } else { Window { end, ..moment.window } };
        Some(Moment { window, due: end, ..moment })
    }

    fn recurring(&self, subscription: &Subscription, n: i64) -> Option<Moment> {
        let grid = self.grid(subscription);
        let full = Window { start: grid.boundary(n)?, end: grid.boundary(n + 1)? };
        let window = Window { start: full.start.max(subscription.started_at), end: full.end };
        Some(Moment { window, full, due: if self.in_advance { window.start } else { window.end } })
    }

    /// A one-off: a window without length at the start, due there or with the first period's arrears.
    fn once(&self, subscription: &Subscription) -> Moment {
        let start = subscription.started_at;
        let at = if self.in_advance { start } else { first_window(subscription.grid(), start).0.end };
        let window = Window { start: at, end: at };
        Moment { window, full: window, due: at }
    }

    fn grid(&self, subscription: &Subscription) -> Grid {
        Grid { anchor: subscription.anchor, cadence: self.cadence }
    }
}

/// The next instant at which any charge falls due.
pub fn next_due(subscription: &Subscription, cycle: &Cycle) -> Option<Timestamp> {
    cycle.charges.iter().filter_map(|charge| charge.moment(subscription)).map(|moment| moment.due).min()
}

/// How many windows of all charges fall due up to `until`, at most: found without walking them.
pub fn backlog(subscription: &Subscription, cycle: &Cycle, until: Timestamp) -> i64 {
    let windows = |charge: &Charge| match charge.next {
        None => 0,
        Some(_) if charge.cadence.is_zero() => 1,
        Some(n) => (charge.grid(subscription).index_at(until) - n + 1).max(0),
    };
    cycle.charges.iter().map(windows).fold(0, i64::saturating_add)
}

/// Everything that is due up to and including `until`: charge by charge in plan order, each oldest first.
pub fn due(subscription: &Subscription, cycle: &Cycle, until: Timestamp) -> Vec<(Charge, Moment)> {
    let mut due = Vec::new();
    for charge in &cycle.charges {
        let mut charge = charge.clone();
        while let Some(moment) = charge.moment(subscription).filter(|moment| moment.due <= until) {
            due.push((charge.clone(), moment));
            charge.step();
        }
    }
    due
}

/// Goes past everything that is due up to and including `until`: it is billed.
pub fn pass(subscription: &Subscription, cycle: &mut Cycle, until: Timestamp) {
    for charge in &mut cycle.charges {
        while charge.moment(subscription).is_some_and(|moment| moment.due <= until) {
            charge.step();
        }
    }
}
