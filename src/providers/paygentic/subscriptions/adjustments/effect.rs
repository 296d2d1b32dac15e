//! What adjustments make of the lines of an invoice.
//!
//! Facts: paygentic-behaviour §2.7, §4 (usage discount, bounds, price, percentages). A percentage counts for the days
//! that it shares with a charge's window; the others count in full for a period whose end lies in theirs.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Adjustment, Kind, of};
use crate::billing::period::{Window, WindowSize};
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

/// Which period of which interval a line is a part of.
type Period = (u32, i64);

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
    pub fn bound(&self, lines: &[&LineItem], charges: &mut [Charge]) {
        if !self.rows.iter().any(|(_, row)| row.is_bound()) {
            return;
        }
        for parts in self.periods(lines).values() {
            let (Some(price), Some(end)) =
                (lines[parts[0]].billed().map(|billed| billed.price), parts.iter().map(|n| lines[*n].window.end).max())
            else {
                continue;
            };
            let bounds = |kind| {
                let counts =
                    move |row: &Adjustment| row.kind == kind && row.target == Some(price) && row.holds_at_end(end);
                self.rows.iter().filter(move |(_, row)| counts(row)).map(|(_, row)| row.value)
            };
            let whole: Decimal = parts.iter().map(|n| charges[*n].quantity).sum();
            let least = bounds(Kind::MinimumQuantity).max();
            let most = bounds(Kind::MaximumQuantity).min();
            let bounded = least.map_or(whole, |least| whole.max(least));
            let bounded = most.map_or(bounded, |most| bounded.min(most));
            if bounded == whole {
                continue;
            }
            if whole.is_zero() {
                charges[parts[0]] = requantified(lines[parts[0]], charges[parts[0]], bounded);
                continue;
            }
            for n in parts {
                let quantity = charges[*n].quantity.saturating_mul(bounded) / whole;
                charges[*n] = requantified(lines[*n], charges[*n], quantity);
            }
        }
    }

    /// The lines of charges that recur, by the period that they are parts of.
    fn periods(&self, lines: &[&LineItem]) -> BTreeMap<Period, Vec<usize>> {
        let charges = &self.state.cycles[self.subscription.cycle].charges;
        let mut periods: BTreeMap<Period, Vec<usize>> = BTreeMap::new();
        for (n, line) in lines.iter().enumerate() {
            let Some(billed) = line.billed().filter(|_| matches!(line.kind, LineKind::Fee | LineKind::Metered)) else {
                continue;
            };
            let interval = charges.iter().map(|charge| &charge.interval).find(|one| one.serial == billed.interval);
            if let Some(interval) = interval.filter(|interval| !interval.cadence.is_zero()) {
                let index = interval.grid(self.subscription).index_at(line.window.start);
                periods.entry((billed.interval, index)).or_default().push(n);
            }
        }
        periods
    }

    /// What is taken off a charge in percent; several compound. What grants took away before is no longer there.
    pub fn discount(&self, line: &LineItem, lines: &[&LineItem], charges: &[Charge]) -> Option<Charge> {
        let billed = line.billed().filter(|billed| !billed.terms.outside_tax_scope)?;
        if !matches!(line.kind, LineKind::Fee | LineKind::Metered) {
            return None;
        }
        let left = self.percentages(line).fold(Decimal::ONE, |left, (_, off)| left.saturating_mul(Decimal::ONE - off));
        let same = |other: &LineItem| {
            other.window == line.window && other.billed().is_some_and(|other| other.interval == billed.interval)
        };
        let base = lines
            .iter()
            .zip(charges)
            .filter(|(other, _)| std::ptr::eq(**other, line) || (other.kind == LineKind::Discount && same(other)));
        let base: Decimal = base.map(|(_, charge)| charge.amount).sum();
        if left == Decimal::ONE || base <= Decimal::ZERO {
            return None;
        }
        let amount = -base.saturating_mul(Decimal::ONE - left);
        Some(Charge { quantity: Decimal::ONE, used: None, unit_price: amount, amount })
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
fn requantified(line: &LineItem, charge: Charge, quantity: Decimal) -> Charge {
    let Some(billed) = line.billed() else { return charge };
    if line.kind == LineKind::Fee && !charge.quantity.is_zero() {
        // Its amount may be a part of a period's.
        return Charge { quantity, amount: charge.amount.saturating_mul(quantity) / charge.quantity, ..charge };
    }
    let rated = billed.terms.rate.of(quantity);
    Charge { quantity, unit_price: rated.unit_price, amount: rated.amount, ..charge }
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
