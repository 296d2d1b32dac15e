//! When the charges of a subscription fall due: pure arithmetic on its grid.
//!
//! Facts: paygentic-behaviour §4. Every boundary is anchor + n × cadence. A charge in advance is due at the
//! start of its window, one in arrears at the end; a charge is billed only if it falls due at or after
//! `billingStartsAt`. A start between two boundaries makes a first stub: fees are prorated by seconds over
//! it, obligations skip it. The end of a subscription cuts the windows in arrears that it falls into.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use super::invoices::{Invoice, LineItem};
use super::plans::{PlanLine, PlanVersion};
use super::prices::{Charged, Price, Term};
use super::subscriptions::Subscription;
use crate::billing::period::{Window, first_window, window_from};
use crate::time::{Cadence, Grid, Timestamp};
use crate::world::{Id, Row, Timer};

/// One price as a subscription owes it, for a part of its life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Tells it from the others of its subscription.
    pub serial: u32,
    /// The plan's line that it bills, or a name of its own.
    pub key: Arc<str>,
    pub price: Id<Price>,
    pub version: Id<PlanVersion>,
    pub origin: Origin,
    pub cadence: Cadence,
    pub in_advance: bool,
    pub obligation: bool,
    /// In place of the price's rate.
    pub unit_price: Option<Decimal>,
    /// Units fixed for this subscription, in place of usage or the price's quantity.
    pub quantity: Option<Decimal>,
    /// Other quantities from certain instants on, in order.
    pub transitions: Vec<Transition>,
    /// When a one-off is due, where that is not its start.
    pub bill_date: Option<Timestamp>,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    /// Ended by a change of the plan, which a later one may take back.
    pub handed_over: bool,
}

/// Whose an interval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    PlanLine,
    /// Made for this subscription alone: changes of the plan leave it.
    SubscriptionOwned,
}

/// A quantity from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub at: Timestamp,
    pub quantity: Decimal,
}

/// An interval and how far it is billed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charge {
    pub interval: Arc<Interval>,
    /// The first window that is not billed yet; `None` when nothing is left to bill. The open invoice of a
    /// subscription shows what is next and goes past it only when its moment has come.
    next: Option<Next>,
}

/// A whole window by its number on the grid, with the answer of the calendar, which is asked once for each. A one-off
/// has window 0, and no grid.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Next {
    n: i64,
    window: Window,
}

/// Where the billing of a subscription stands. Apart from what was agreed, which events keep as it was: this
/// changes at every moment, that hardly ever.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cycle {
    /// Mostly one, which a cycle holds itself.
    pub charges: SmallVec<[Charge; 1]>,
    /// How many intervals there have been.
    pub serials: u32,
    /// Manual lines that wait for the moment at which they are invoiced.
    pub waiting: Vec<Id<LineItem>>,
    /// The version that is moved to, when its time comes.
    pub pending: Option<Pending>,
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

/// A version of the plan that a subscription moves to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Pending {
    pub version: Id<PlanVersion>,
    pub timer: Timer,
}

impl Row for Cycle {
    const PREFIX: &'static str = "cycle_";
    const NOUN: &'static str = "cycle";
}

/// A window of a charge and the instant when it falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub window: Window,
    /// The whole window that `window` is a part of; the same where it is none.
    pub full: Window,
    pub due: Timestamp,
    /// The units that were fixed for this part.
    pub quantity: Option<Decimal>,
}

impl Moment {
    /// Whether none of the windows behind it is due by then: no window is before it begins. Saves looking at the next.
    fn is_last_until(&self, until: Timestamp) -> bool {
        self.full.end > until
    }
}

/// When a price is charged by a subscription of some cadence: how often, and whether in advance. Usage is known when
/// its window ends, whatever the price says (§4: always stamped in arrears).
pub fn terms(price: &Price, cadence: Cadence, quantity: Option<Decimal>) -> (Cadence, bool) {
    let metered = matches!(price.of, Charged::Metric(_)) && quantity.is_none();
    let in_advance = (price.term == Term::InAdvance || quantity.is_some()) && !metered;
    (price.cadence.unwrap_or(cadence), in_advance)
}

impl Interval {
    /// A line of a plan as a subscription owes it from an instant on.
    pub fn of_line(line: &PlanLine, version: Id<PlanVersion>, price: &Price, terms: (Cadence, bool)) -> Self {
        let (cadence, in_advance) = terms;
        Self {
            serial: 0,
            key: Arc::clone(&line.key),
            price: line.price,
            version,
            origin: Origin::PlanLine,
            cadence,
            in_advance,
            obligation: price.obligation,
            unit_price: None,
            quantity: None,
            transitions: Vec::new(),
            bill_date: None,
            from: Timestamp::MIN,
            until: None,
            handed_over: false,
        }
    }

    pub fn is_of_plan(&self) -> bool {
        self.origin == Origin::PlanLine
    }

    /// Whether something was agreed that the plan does not say.
    pub fn is_agreed(&self) -> bool {
        self.unit_price.is_some() || self.quantity.is_some() || !self.transitions.is_empty()
    }

    /// The units that are fixed at an instant.
    fn quantity_at(&self, at: Timestamp) -> Option<Decimal> {
        let reached = self.transitions.iter().rev().find(|transition| transition.at <= at);
        reached.map(|transition| transition.quantity).or(self.quantity)
    }

    /// The whole window that one of its windows is a part of.
    pub fn full(&self, subscription: &Subscription, window: Window) -> Window {
        let grid = self.grid(subscription);
        let full = (!self.cadence.is_zero()).then(|| window_from(grid, grid.index_at(window.start)));
        full.flatten().unwrap_or(window)
    }

    /// The periods in which it is billed.
    pub fn grid(&self, subscription: &Subscription) -> Grid {
        Grid { anchor: subscription.anchor, cadence: self.cadence }
    }
}

impl Cycle {
    /// Where billing stands at the beginning.
    pub fn new() -> Self {
        Self {
            charges: SmallVec::new(),
            serials: 0,
            waiting: Vec::new(),
            pending: None,
            open_invoice: None,
            next_sequence: 1,
            timers: Timers::default(),
        }
    }

    /// The interval of a serial, unless it was taken away before anything of it was billed.
    pub fn interval(&self, serial: u32) -> Option<&Interval> {
        self.charges.iter().map(|charge| &*charge.interval).find(|interval| interval.serial == serial)
    }

    /// Owes another interval, from its first window that is to be billed.
    pub fn add(&mut self, interval: Interval, subscription: &Subscription) -> u32 {
        self.serials += 1;
        let interval = Arc::new(Interval { serial: self.serials, ..interval });
        let mut charge = Charge { interval, next: None };
        charge.begin(subscription);
        self.charges.push(charge);
        self.serials
    }
}

impl Charge {
    /// Puts the charge at its first window that is to be billed.
    fn begin(&mut self, subscription: &Subscription) {
        if self.interval.cadence.is_zero() {
            let once = self.once(subscription);
            let is_billed = once.due >= subscription.billing_starts_at;
            self.next = is_billed.then_some(Next { n: 0, window: once.full });
            return;
        }
        let grid = self.interval.grid(subscription);
        let from = grid.index_at(self.interval.from);
        let billing = grid.index_at(subscription.billing_starts_at).saturating_sub(1);
        let first = from.max(billing);
        self.next = window_from(grid, first).map(|window| Next { n: first, window });
        while let Some(moment) = self.moment(subscription) {
            let stub = moment.window != moment.full;
            if moment.due >= subscription.billing_starts_at && !(stub && self.interval.obligation) {
                break;
            }
            self.step(subscription);
        }
    }

    /// Goes on to the next window.
    fn step(&mut self, subscription: &Subscription) {
        let following = |Next { n, window }: Next| {
            let end = self.interval.grid(subscription).boundary(n + 2)?;
            Some(Next { n: n + 1, window: Window { start: window.end, end } })
        };
        self.next = self.next.filter(|_| !self.interval.cadence.is_zero()).and_then(following);
    }

    /// Until when it is billed: nothing before that is rewritten. `None`: nothing has been billed yet.
    pub fn billed_until(&self, subscription: &Subscription) -> Option<Timestamp> {
        let Interval { cadence, from, .. } = *self.interval;
        if cadence.is_zero() {
            return self.next.is_none().then(|| self.once(subscription).due);
        }
        let until = self.next?.window.start;
        (until > from).then_some(until)
    }

    /// The window that is billed next, as far as the ends of interval and subscription leave of it.
    pub fn moment(&self, subscription: &Subscription) -> Option<Moment> {
        let Next { window, .. } = self.next?;
        let is_once = self.interval.cadence.is_zero();
        let mut moment = if is_once { self.once(subscription) } else { self.recurring(window) };
        if let Some(end) = self.interval.until {
            moment = self.within(end, moment)?;
        }
        match subscription.end() {
            Some(end) => self.until(end, moment, subscription),
            None => Some(moment),
        }
    }

    /// A window that the end of the interval cuts is charged in part, when its time comes: that end was agreed.
    fn within(&self, end: Timestamp, moment: Moment) -> Option<Moment> {
        if moment.window.start >= end {
            return None;
        }
        if moment.window.end <= end || self.interval.obligation {
            return Some(moment);
        }
        let window = Window { end, ..moment.window };
        Some(Moment { window, due: if self.interval.in_advance { moment.due } else { end }, ..moment })
    }

    /// A window that begins at the end or later is not billed. One in arrears that the end cuts is due there, for
    /// what was served until then; obligations and one-offs are owed whole. One in advance has been due already.
    fn until(&self, end: Timestamp, moment: Moment, subscription: &Subscription) -> Option<Moment> {
        let is_once = self.interval.cadence.is_zero();
        let owed_from = if is_once { self.interval.from.max(subscription.started_at) } else { moment.window.start };
        if owed_from >= end {
            return None;
        }
        if self.interval.in_advance || moment.due <= end {
            return Some(moment);
        }
        if is_once {
            let once = Window { start: end, end };
            return Some(Moment { window: once, full: once, due: end, ..moment });
        }
        let window = if self.interval.obligation { moment.window } else { Window { end, ..moment.window } };
        Some(Moment { window, due: end, ..moment })
    }

    fn recurring(&self, full: Window) -> Moment {
        let window = Window { start: full.start.max(self.interval.from), end: full.end };
        let due = if self.interval.in_advance { window.start } else { window.end };
        Moment { window, full, due, quantity: self.interval.quantity_at(window.start) }
    }

    /// A one-off: a window without length on its day, at the start, or with the first period's arrears.
    fn once(&self, subscription: &Subscription) -> Moment {
        let start = self.interval.from;
        let first = || if self.interval.in_advance { start } else { first_window(subscription.grid(), start).0.end };
        let at = self.interval.bill_date.unwrap_or_else(first);
        let window = Window { start: at, end: at };
        Moment { window, full: window, due: at, quantity: self.interval.quantity_at(at) }
    }

    /// The parts of a window in which quantities differ, in order.
    fn parts(&self, moment: Moment) -> SmallVec<[Moment; 1]> {
        let inside =
            |transition: &&Transition| moment.window.start < transition.at && transition.at < moment.window.end;
        let mut parts = smallvec![moment];
        for Transition { at, quantity } in self.interval.transitions.iter().filter(inside) {
            if let Some(Moment { window, .. }) = parts.last_mut() {
                window.end = *at;
            }
            let window = Window { start: *at, end: moment.window.end };
            parts.push(Moment { window, quantity: Some(*quantity), ..moment });
        }
        parts
    }
}

/// The next instant at which any charge falls due. One whose time had come before it was agreed is due at once.
pub fn next_due(subscription: &Subscription, cycle: &Cycle) -> Option<Timestamp> {
    cycle.charges.iter().filter_map(|charge| charge.moment(subscription)).map(|moment| moment.due).min()
}

/// How many windows of all charges fall due up to `until`, at most: found without walking them.
pub fn backlog(subscription: &Subscription, cycle: &Cycle, until: Timestamp) -> i64 {
    let windows = |charge: &Charge| match charge.next {
        None => 0,
        Some(_) if charge.interval.cadence.is_zero() => 1,
        Some(Next { n, .. }) => {
            let until = charge.interval.until.map_or(until, |end| end.min(until));
            (charge.interval.grid(subscription).index_at(until) - n + 1).max(0)
        }
    };
    cycle.charges.iter().map(windows).fold(0, i64::saturating_add)
}

/// Everything that is due up to and including `until`: charge by charge in plan order, each oldest first.
pub fn due(subscription: &Subscription, cycle: &Cycle, until: Timestamp) -> Vec<(Charge, Moment)> {
    let mut due = Vec::new();
    for charge in &cycle.charges {
        let mut charge = charge.clone();
        while let Some(moment) = charge.moment(subscription).filter(|moment| moment.due <= until) {
            due.extend(charge.parts(moment).into_iter().map(|part| (charge.clone(), part)));
            if moment.is_last_until(until) {
                break;
            }
            charge.step(subscription);
        }
    }
    due
}

/// Goes past everything that is due up to and including `until`: it is billed.
pub fn pass(subscription: &Subscription, cycle: &mut Cycle, until: Timestamp) {
    for charge in &mut cycle.charges {
        while let Some(moment) = charge.moment(subscription).filter(|moment| moment.due <= until) {
            charge.step(subscription);
            if moment.is_last_until(until) {
                break;
            }
        }
    }
}
