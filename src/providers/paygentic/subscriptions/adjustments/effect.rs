//! What adjustments make of the lines of an invoice.
//!
//! Facts: paygentic-behaviour §2.7, §4 (usage discount, bounds, price, percentages). A percentage counts for the days
//! that it shares with a charge's window; the others count in full for a period whose end lies in theirs.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Adjustment, Kind, of};
use crate::billing::period::{Window, WindowSize};
use crate::billing::proration::prorate;
use crate::providers::paygentic::invoices::{Charge, Invoice, Kind as LineKind, LineItem};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Subscription;
use crate::time::Timestamp;
use crate::world::Id;

/// The adjustments that count for some lines of a subscription.
pub struct Adjustments<'a> {
    state: &'a State,
    subscription: &'a Subscription,
    rows: Vec<(Id<Adjustment>, &'a Adjustment)>,
}

/// Which period of which interval a line is a part of: by its start.
type Period = (u32, Timestamp);

/// The bounds of one period's quantity, and what came of them.
pub struct Held {
    /// The lines of the period, and their quantities before.
    pub parts: Vec<(usize, Decimal)>,
    /// The bound that was kept to.
    pub binding: Option<Id<Adjustment>>,
    pub idle: Vec<Id<Adjustment>>,
}

/// What is taken off a charge in percent.
pub struct Taken {
    pub charge: Charge,
    /// The lines whose amounts add up to what it is taken off.
    pub base: Vec<(usize, Decimal)>,
    /// The fractions, each for its share of the window.
    pub off: Vec<(Id<Adjustment>, Decimal)>,
}

impl<'a> Adjustments<'a> {
    /// All of a subscription.
    pub fn of(state: &'a State, id: Id<Subscription>) -> Self {
        Self {
            state,
            subscription: &state.subscriptions[id],
            rows: of(state, id).map(|(id, row)| (id, &**row)).collect(),
        }
    }

    /// Those that an invoice knows of: they were made before its period was over.
    pub fn on(state: &'a State, id: Id<Subscription>, invoice: &Invoice) -> Self {
        let mut all = Self::of(state, id);
        all.rows.retain(|(_, row)| row.created_at <= invoice.moment);
        all
    }

    /// The units that are taken off a metered line.
    pub fn units_off(&self, line: &LineItem) -> Decimal {
        self.usage_discounts(line).map(|(_, row)| row.value).sum()
    }

    /// The usage discounts that count for a line.
    pub fn usage_discounts(&self, line: &LineItem) -> impl Iterator<Item = (Id<Adjustment>, &'a Adjustment)> {
        let is_metered = line.kind == LineKind::Metered;
        let (end, price) = (line.window.end, line.billed().map(|billed| billed.price));
        self.rows.iter().copied().filter(move |(_, row)| {
            is_metered && row.kind == Kind::UsageDiscount && row.target == price && row.holds_at_end(end)
        })
    }

    /// Keeps the quantity of each period within its bounds: the parts of a period by a common factor.
    pub fn bound(&self, lines: &[&LineItem], charges: &mut [Charge]) -> Vec<Held> {
        if !self.rows.iter().any(|(_, row)| row.is_bound()) {
            return Vec::new();
        }
        let periods = self.periods(lines).into_values();
        periods.filter_map(|(full, parts)| self.hold(lines, charges, full, &parts)).collect()
    }

    /// Keeps one period within the bounds that hold at its end, if any do: the greatest minimum, then the least maximum.
    fn hold(&self, lines: &[&LineItem], charges: &mut [Charge], full: Window, parts: &[usize]) -> Option<Held> {
        let end = parts.iter().map(|n| lines[*n].window.end).max()?;
        let target = lines[parts[0]].billed().map(|billed| billed.price);
        let counts = |row: &Adjustment| row.is_bound() && row.target == target && row.holds_at_end(end);
        let bounds: Vec<_> = self.rows.iter().filter(|(_, row)| counts(row)).collect();
        let of = |kind| bounds.iter().filter(move |(_, row)| row.kind == kind).map(|(id, row)| (row.value, *id));
        let before: Vec<(usize, Decimal)> = parts.iter().map(|n| (*n, charges[*n].quantity)).collect();
        let whole: Decimal = before.iter().map(|(_, quantity)| *quantity).sum();
        let raised = of(Kind::MinimumQuantity).max_by_key(|(least, _)| *least).filter(|(least, _)| *least > whole);
        let capped = of(Kind::MaximumQuantity).min_by_key(|(most, _)| *most);
        let capped = capped.filter(|(most, _)| *most < raised.map_or(whole, |(least, _)| least));
        let binding = capped.or(raised);
        if let Some((bound, _)) = binding {
            let scaled: &[_] = if whole.is_zero() { &before[..1] } else { &before };
            for (n, quantity) in scaled {
                let quantity = if whole.is_zero() { bound } else { quantity.saturating_mul(bound) / whole };
                charges[*n] = requantified(lines[*n], charges[*n], quantity, full);
            }
        }
        let binding = binding.map(|(_, id)| id);
        let idle = bounds.iter().map(|(id, _)| *id).filter(|id| Some(*id) != binding).collect();
        (!bounds.is_empty()).then_some(Held { parts: before, binding, idle })
    }

    /// The lines of charges that recur, by the period that they are parts of, and the whole of that.
    fn periods(&self, lines: &[&LineItem]) -> BTreeMap<Period, (Window, Vec<usize>)> {
        let cycle = &self.state.cycles[self.subscription.cycle];
        let mut periods: BTreeMap<Period, (Window, Vec<usize>)> = BTreeMap::new();
        for (n, line) in lines.iter().enumerate() {
            let Some(billed) = line.billed().filter(|_| matches!(line.kind, LineKind::Fee | LineKind::Metered)) else {
                continue;
            };
            let interval = cycle.interval(billed.interval).filter(|interval| !interval.cadence.is_zero());
            if let Some(interval) = interval {
                let full = interval.full(self.subscription, line.window);
                periods.entry((billed.interval, full.start)).or_insert((full, Vec::new())).1.push(n);
            }
        }
        periods
    }

    /// What is taken off a charge in percent; several compound. What grants took away before is no longer there.
    pub fn discount(&self, line: &LineItem, lines: &[&LineItem], charges: &[Charge]) -> Option<Taken> {
        let billed = line.billed().filter(|billed| !billed.terms.outside_tax_scope)?;
        if !matches!(line.kind, LineKind::Fee | LineKind::Metered) {
            return None;
        }
        let off: Vec<(Id<Adjustment>, Decimal)> = self.percentages(line).collect();
        let left = off.iter().fold(Decimal::ONE, |left, (_, off)| left.saturating_mul(Decimal::ONE - off));
        let same = |other: &LineItem| {
            other.window == line.window && other.billed().is_some_and(|other| other.interval == billed.interval)
        };
        let counts = |other: &LineItem| std::ptr::eq(other, line) || (other.kind == LineKind::Discount && same(other));
        let base = (0..lines.len()).filter(|n| counts(lines[*n]));
        let base: Vec<(usize, Decimal)> = base.map(|n| (n, charges[n].amount)).collect();
        let sum: Decimal = base.iter().map(|(_, amount)| *amount).sum();
        if left == Decimal::ONE || sum <= Decimal::ZERO {
            return None;
        }
        let amount = -sum.saturating_mul(Decimal::ONE - left);
        let charge = Charge { quantity: Decimal::ONE, used: None, unit_price: amount, amount };
        Some(Taken { charge, base, off })
    }

    /// The percentages that count for a line, each for its share of the window.
    fn percentages(&self, line: &LineItem) -> impl Iterator<Item = (Id<Adjustment>, Decimal)> {
        let rows = self.rows.iter().filter(|(_, row)| row.kind == Kind::PercentageDiscount);
        let off = rows.map(move |(id, row)| (*id, row.value.saturating_mul(row.share(line.window))));
        off.filter(|(_, off)| !off.is_zero())
    }

    /// Which of them have had an effect on lines, and until when.
    pub fn applied(&self, lines: &[&LineItem]) -> Vec<(Id<Adjustment>, Timestamp)> {
        let mut until: BTreeMap<Id<Adjustment>, Timestamp> = BTreeMap::new();
        for line in lines {
            let Some(billed) = line.billed() else { continue };
            let end = line.window.end;
            let bounds = self
                .rows
                .iter()
                .filter(|(_, row)| row.is_bound() && row.target == Some(billed.price) && row.holds_at_end(end));
            let percentages = self.percentages(line).map(|(id, _)| id);
            let ids = self.usage_discounts(line).map(|(id, _)| id).chain(percentages).chain(bounds.map(|(id, _)| *id));
            for id in ids.collect::<Vec<_>>() {
                let last = until.entry(id).or_insert(end);
                *last = end.max(*last);
            }
        }
        until.into_iter().collect()
    }
}

/// A charge for another quantity.
fn requantified(line: &LineItem, charge: Charge, quantity: Decimal, full: Window) -> Charge {
    let Some(billed) = line.billed() else { return charge };
    let rated = billed.terms.rate.of(quantity);
    let is_fee = line.kind == LineKind::Fee;
    let amount = if is_fee { prorate(rated.amount, line.window, full) } else { rated.amount };
    Charge { quantity, unit_price: rated.unit_price, amount, ..charge }
}

impl Adjustment {
    fn is_bound(&self) -> bool {
        matches!(self.kind, Kind::MinimumQuantity | Kind::MaximumQuantity)
    }

    /// Whether a period that ends then counts: `from < end ≤ to`.
    fn holds_at_end(&self, end: Timestamp) -> bool {
        self.from < end && self.to.is_none_or(|to| end <= to)
    }

    /// Which part of a window's days lies in `[from, to)`.
    fn share(&self, window: Window) -> Decimal {
        let own = Window { start: self.from, end: self.to.unwrap_or(Timestamp::MAX) };
        if window.start == window.end {
            return if own.contains(window.start) { Decimal::ONE } else { Decimal::ZERO };
        }
        let Some(overlap) = own.overlap(window) else { return Decimal::ZERO };
        match (days(overlap), days(window)) {
            // Shorter than a day: there are no days to count.
            (_, 0) => Decimal::from(overlap.seconds()) / Decimal::from(window.seconds().max(1)),
            (part, whole) => Decimal::from(part) / Decimal::from(whole),
        }
    }
}

/// The days between the midnights of both ends.
fn days(window: Window) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    WindowSize::Day.start_of(window.end).millis_since(WindowSize::Day.start_of(window.start)) / DAY_MS
}
