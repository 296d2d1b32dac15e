//! What a schedule bills, when, and how much: pure arithmetic on its grid.
//!
//! Facts: paygentic-behaviour §2.13 names the policies, §4 has the grid; what they do is ours. Every boundary is
//! anchor + n × cadence. An interval is charged once in each window of its own cadence, at the window's start or, in
//! arrears, at its end. The schedule's periods say which charges share an invoice. A window that an interval fills in
//! part is charged whole, or by the day; the parts of an amount always add up to it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::intervals::{Interval, Mode};
use crate::api::Fault;
use crate::billing::money::sum;
use crate::billing::period::{Window, window_from};
use crate::billing::split::split;
use crate::contract::Violation;
use crate::providers::paygentic::orders::Line;
use crate::time::{Cadence, Grid, Timestamp};
use crate::world::Id;

const DAY_SECONDS: i64 = 86_400;

/// How a schedule bills.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    pub span: Window,
    pub anchor: Timestamp,
    pub alignment: Alignment,
    pub proration: Proration,
    pub preset: Preset,
    /// Of the preset `custom`.
    pub periods: Vec<Period>,
}

/// Where the boundaries lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// Counted from the billing anchor.
    #[default]
    Anchor,
    /// Counted from New Year: on first days of months, quarters, half-years and years.
    Calendar,
    /// Counted back from the end, so that the last period is a whole one and a stub comes first.
    Coterm,
}

/// What a window costs that is not served whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proration {
    /// As much as a whole one.
    #[default]
    None,
    /// Its share of the whole window's days.
    Daily,
}

/// What one invoice covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Preset {
    /// All of the schedule.
    #[serde(rename = "single")]
    Single,
    #[default]
    P1M,
    P3M,
    P6M,
    P1Y,
    /// Periods that the caller lays out.
    #[serde(rename = "custom")]
    Custom,
}

/// A period that the caller lays out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Period {
    start_date: Timestamp,
    end_date: Timestamp,
}

impl Preset {
    /// The distance between periods that a grid has.
    fn cadence(self) -> Option<Cadence> {
        let months = match self {
            Self::Single | Self::Custom => return None,
            Self::P1M => 1,
            Self::P3M => 3,
            Self::P6M => 6,
            Self::P1Y => 12,
        };
        Some(Cadence::months(months))
    }
}

impl Terms {
    /// What terms must be whatever the order.
    pub fn check(&self) -> Result<(), Fault> {
        let Window { start, end } = self.span;
        if end <= start {
            return Err(Fault::field("/endDate", "minimum", format!("must lie behind startDate {start}")));
        }
        let refuse = |pointer: String, message: String| Err(Fault::field(&pointer, "tiling", message));
        match (self.preset, &*self.periods) {
            (Preset::Custom, []) => {
                let message = "periodPreset custom needs windows, each {startDate, endDate}, from startDate to endDate";
                Err(Fault::field("/customPeriodWindows", "required", message))
            }
            (Preset::Custom, periods) => {
                let mut reached = start;
                for (number, period) in periods.iter().enumerate() {
                    if period.start_date != reached {
                        let pointer = format!("/customPeriodWindows/{number}/startDate");
                        return refuse(pointer, format!("windows leave no gap: this one starts at {reached}"));
                    }
                    if period.end_date <= reached {
                        let pointer = format!("/customPeriodWindows/{number}/endDate");
                        return refuse(pointer, format!("must lie behind the window's startDate {reached}"));
                    }
                    reached = period.end_date;
                }
                if reached == end {
                    return Ok(());
                }
                let pointer = format!("/customPeriodWindows/{}/endDate", periods.len() - 1);
                refuse(pointer, format!("the last window ends with the schedule, at {end}"))
            }
            (_, []) => Ok(()),
            _ => Err(Fault::field("/customPeriodWindows", "exclusive", "go with periodPreset custom only")),
        }
    }

    fn grid(&self, cadence: Cadence) -> Grid {
        let anchor = match self.alignment {
            Alignment::Anchor => self.anchor,
            Alignment::Calendar => new_year(self.anchor),
            Alignment::Coterm => self.span.end,
        };
        Grid { anchor, cadence }
    }

    /// The period that holds an instant of the schedule.
    fn period(&self, t: Timestamp) -> Window {
        if let Some(cadence) = self.preset.cadence() {
            let grid = self.grid(cadence);
            let whole = window_from(grid, grid.index_at(t));
            return whole.and_then(|whole| whole.overlap(self.span)).unwrap_or(self.span);
        }
        let after = self.periods.partition_point(|period| period.start_date <= t);
        let period = after.checked_sub(1).and_then(|n| self.periods.get(n));
        period.map_or(self.span, |period| Window { start: period.start_date, end: period.end_date })
    }

    /// How many windows an interval has, found without walking them.
    pub fn windows(&self, interval: &Interval) -> i64 {
        interval.cadence.map_or(1, |cadence| {
            let grid = self.grid(cadence);
            grid.index_at(interval.span.end) - grid.index_at(interval.span.start) + 1
        })
    }
}

fn new_year(t: Timestamp) -> Timestamp {
    Timestamp::midnight(t.civil().date().first_of_year()).unwrap_or(t)
}

/// Days as a calendar counts them, from date to date: those of adjoining windows add up.
fn days(window: Window) -> i64 {
    let day = |t: Timestamp| t.second().div_euclid(DAY_SECONDS);
    day(window.end) - day(window.start)
}

/// An interval with what it costs.
pub struct Priced<'a> {
    pub interval: &'a Interval,
    pub basis: Basis,
    pub unit_price: Decimal,
    pub description: &'a str,
    pub key: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Basis {
    /// Its unit price, in every window.
    Rate,
    /// The total of its order line, spread over all intervals of the line that have no price of their own.
    Share { line: Id<Line>, total: Decimal },
}

/// A line of a staged invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub description: String,
    pub quantity: Decimal,
    pub unit_price: Decimal,
    pub subtotal: Decimal,
    pub line_key: String,
}

/// What is billed together: a period, and the instant when it is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    pub start: Timestamp,
    pub end: Timestamp,
    pub issue: Timestamp,
}

/// One quantity over part of a window.
struct Part {
    /// Of which interval.
    of: usize,
    slot: Slot,
    lot: Lot,
    quantity: Decimal,
    days: i64,
    full_days: i64,
}

/// Parts whose amounts add up to one that is rounded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lot {
    Window(usize, Timestamp),
    Line(Id<Line>),
}

/// Everything that intervals are charged, by what is billed together.
pub fn stage(terms: &Terms, intervals: &[Priced<'_>], currency: &str) -> BTreeMap<Slot, Vec<Item>> {
    let parts: Vec<Part> = intervals.iter().enumerate().flat_map(|(n, priced)| parts(terms, n, priced)).collect();
    let mut lots: BTreeMap<Lot, Vec<usize>> = BTreeMap::new();
    for (n, part) in parts.iter().enumerate() {
        lots.entry(part.lot).or_default().push(n);
    }
    let mut subtotals = vec![Decimal::ZERO; parts.len()];
    for members in lots.values() {
        let parts: Vec<&Part> = members.iter().map(|n| &parts[*n]).collect();
        let priced = &intervals[parts[0].of];
        for (n, share) in members.iter().zip(shares(priced, &parts, currency)) {
            subtotals[*n] = share;
        }
    }
    let mut staged: BTreeMap<Slot, Vec<Item>> = BTreeMap::new();
    for (part, subtotal) in parts.iter().zip(subtotals) {
        staged.entry(part.slot).or_default().push(item(part, &intervals[part.of], subtotal));
    }
    staged
}

/// What each part of a lot comes to. A rate divides last, so that no digit is lost before the amount is rounded.
fn shares(priced: &Priced<'_>, parts: &[&Part], currency: &str) -> Vec<Decimal> {
    let unit_days = |part: &Part| part.quantity.saturating_mul(part.days.into());
    match priced.basis {
        Basis::Rate => {
            let weights: Vec<Decimal> = parts.iter().map(|part| unit_days(part)).collect();
            let whole = priced.unit_price.saturating_mul(sum(weights.iter().copied()));
            split(whole / Decimal::from(parts[0].full_days), &weights, currency)
        }
        Basis::Share { total, .. } => {
            let weights: Vec<Decimal> =
                parts.iter().map(|part| unit_days(part) / Decimal::from(part.full_days)).collect();
            split(total, &weights, currency)
        }
    }
}

fn item(part: &Part, priced: &Priced<'_>, subtotal: Decimal) -> Item {
    let Part { days, full_days, .. } = part;
    let description = priced.description;
    Item {
        description: match days {
            days if days == full_days => description.to_owned(),
            days => format!("{description} ({days} of {full_days} days)"),
        },
        quantity: part.quantity,
        unit_price: priced.unit_price,
        subtotal,
        line_key: priced.key.clone(),
    }
}

/// The charges of an interval, oldest first.
fn parts(terms: &Terms, of: usize, priced: &Priced<'_>) -> Vec<Part> {
    let interval = priced.interval;
    let lot = |start: Timestamp| match priced.basis {
        Basis::Rate => Lot::Window(of, start),
        Basis::Share { line, .. } => Lot::Line(line),
    };
    let Some(cadence) = interval.cadence else {
        let at = interval.bill_date.unwrap_or(interval.span.start);
        let Window { start, end } = terms.period(at);
        let quantity = interval.quantity_at(at);
        let slot = Slot { start, end, issue: at };
        return vec![Part { of, slot, lot: lot(at), quantity, days: 1, full_days: 1 }];
    };
    let grid = terms.grid(cadence);
    let windows = (grid.index_at(interval.span.start)..).map_while(|n| {
        let full = window_from(grid, n)?;
        Some((full.overlap(interval.span)?, full))
    });
    let of_window = |(served, full): (Window, Window)| {
        let slot = slot(terms, interval, served);
        let (full_days, stretches) = match terms.proration {
            Proration::None => (1, vec![(interval.quantity_at(served.start), 1)]),
            Proration::Daily => (days(full), by_quantity(interval, served)),
        };
        let lot = lot(served.start);
        stretches.into_iter().map(move |(quantity, days)| Part { of, slot, lot, quantity, days, full_days })
    };
    windows.flat_map(of_window).collect()
}

/// Charges in advance are billed as their period begins, or later the interval; those in arrears as the period ends
/// that they end in.
fn slot(terms: &Terms, interval: &Interval, served: Window) -> Slot {
    match interval.mode {
        Mode::Advance => {
            let Window { start, end } = terms.period(served.start);
            Slot { start, end, issue: start.max(interval.span.start) }
        }
        Mode::Arrears => {
            let Window { start, end } = terms.period(served.end.plus_millis(-1).unwrap_or(served.start));
            Slot { start, end, issue: end }
        }
    }
}

/// The quantities of a window and the days of each.
fn by_quantity(interval: &Interval, served: Window) -> Vec<(Decimal, i64)> {
    let changes = interval.transitions.iter().map(|transition| transition.effective_date);
    let mut cuts = vec![served.start];
    cuts.extend(changes.filter(|at| served.start < *at && *at < served.end));
    let ends = cuts.iter().skip(1).copied().chain([served.end]);
    let stretches = cuts.iter().zip(ends);
    stretches.map(|(start, end)| (interval.quantity_at(*start), days(Window { start: *start, end }))).collect()
}

/// The rules of an interval that need no other row, and those of its place in the schedule.
pub fn check_interval(interval: &Interval, span: Window, pointer: &str) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let mut note = |field: &str, rule: &'static str, message: String| {
        wrong.push(Violation::body(format!("{pointer}/{field}"), rule, message));
    };
    let Window { start, end } = interval.span;
    let once = interval.cadence.is_none();
    if end < start || (end == start && !once) {
        note("endDate", "minimum", format!("must lie behind startDate {start}"));
    }
    if start < span.start {
        note("startDate", "minimum", format!("lies before the schedule, which starts at {}", span.start));
    }
    if end > span.end {
        note("endDate", "maximum", format!("lies behind the schedule, which ends at {}", span.end));
    }
    match interval.bill_date {
        None if once => note("billDate", "required", "says when a one_off is billed".to_owned()),
        Some(_) if !once => note("billDate", "exclusive", "goes with billingCadence one_off only".to_owned()),
        Some(at) if !span.contains(at) => {
            let message = format!("{at} is not within the schedule, from {} until before {}", span.start, span.end);
            note("billDate", "range", message);
        }
        _ => {}
    }
    let mut reached = start;
    for (number, transition) in interval.transitions.iter().enumerate() {
        let at = transition.effective_date;
        if at <= reached || at >= end {
            let message = format!("{at} is not between {reached} and the interval's end {end}: transitions rise");
            note(&format!("quantityTransitions/{number}/effectiveDate"), "range", message);
        }
        reached = reached.max(at);
    }
    wrong
}
