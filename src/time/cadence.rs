//! Cadences and the grid of billing boundaries.
//!
//! Purpose: say how often something recurs, and find the instants at which it does. Every boundary is `anchor + n ×
//! cadence`, computed from the anchor and never from the boundary before it: a month-end anchor clamps in a short
//! month and un-clamps in the next long one (31 Jan → 29 Feb → 31 Mar). Calendar arithmetic is UTC; where the zone
//! does not shift, a day is exactly 86,400 seconds.
//!
//! facts: paygentic-behaviour §4 (period grid, anchor, month end), §2.4 (`billingCadence`, `P0D` = once).

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Timestamp;

const DAY_SECONDS: i64 = 86_400;
/// A Gregorian cycle of 400 years has 146,097 days and 4,800 months; this quotient is exact.
const AVERAGE_MONTH_SECONDS: i64 = 146_097 * DAY_SECONDS / 4_800;

/// An ISO-8601 duration as calendar months (years fold in), days (weeks fold in) and seconds (hours and minutes
/// fold in).
///
/// The three never fold into each other: `P1D` and `PT24H` have the same length but are different cadences. The
/// ordering compares months, then days, then seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct Cadence {
    pub(super) months: u32,
    pub(super) days: u32,
    pub(super) seconds: u32,
}

/// Why a text is not a cadence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CadenceError {
    /// It does not begin with `P`.
    Start,
    /// Nothing follows `P` or `T`.
    Nothing,
    /// A part is not a whole, unsigned number followed by its unit.
    Part,
    /// A unit is unknown, repeated or out of order.
    Unit,
    /// A number is too large.
    Range,
}

impl fmt::Display for CadenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "a cadence begins with an upper-case P",
            Self::Nothing => "a cadence needs a part after P, and one after T where there is a T",
            Self::Part => "each part of a cadence is a whole number, unsigned, then its unit",
            Self::Unit => {
                "the units of a cadence are Y, M, W, D and, after a T, H, M, S: upper-case, in this \
                 order, each at most once"
            }
            Self::Range => "a cadence's months, days and seconds each stay below 2^32",
        })?;
        f.write_str("; for example P1M (a month), P3M, P1Y, P7D, PT4H, or P0D for once")
    }
}

impl std::error::Error for CadenceError {}

/// One unit letter: what it counts, and how many of them it is worth.
#[derive(Clone, Copy)]
enum Unit {
    Months(u32),
    Days(u32),
    Seconds(u32),
}

/// The units on either side of the `T`, in the order in which ISO 8601 wants them.
const DATE_UNITS: [(char, Unit); 4] =
    [('Y', Unit::Months(12)), ('M', Unit::Months(1)), ('W', Unit::Days(7)), ('D', Unit::Days(1))];
const TIME_UNITS: [(char, Unit); 3] = [('H', Unit::Seconds(3_600)), ('M', Unit::Seconds(60)), ('S', Unit::Seconds(1))];

impl Cadence {
    /// Every `n` calendar months.
    #[must_use]
    pub const fn months(n: u32) -> Self {
        Self { months: n, days: 0, seconds: 0 }
    }

    /// Every `n` days.
    #[must_use]
    pub const fn days(n: u32) -> Self {
        Self { months: 0, days: n, seconds: 0 }
    }

    /// Every `n` seconds.
    #[must_use]
    pub const fn seconds(n: u32) -> Self {
        Self { months: 0, days: 0, seconds: n }
    }

    /// Reads `P1Y2M3W4DT5H6M7S` and its shorter forms: upper case, whole numbers, no signs.
    ///
    /// # Errors
    /// [`CadenceError`] names the rule that the text breaks and shows what a right one looks like.
    pub fn parse(text: &str) -> Result<Self, CadenceError> {
        let body = text.strip_prefix('P').ok_or(CadenceError::Start)?;
        let (date, time) = match body.split_once('T') {
            Some((_, "")) => return Err(CadenceError::Nothing),
            Some((date, time)) => (date, time),
            None if body.is_empty() => return Err(CadenceError::Nothing),
            None => (body, ""),
        };
        let mut cadence = Self::months(0);
        cadence.add_parts(date, &DATE_UNITS)?;
        cadence.add_parts(time, &TIME_UNITS)?;
        Ok(cadence)
    }

    fn add_parts(&mut self, mut text: &str, units: &[(char, Unit)]) -> Result<(), CadenceError> {
        let mut units = units.iter();
        while !text.is_empty() {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = text.split_at(digits);
            let mut rest = rest.chars();
            let letter = rest.next().filter(char::is_ascii_alphabetic).ok_or(CadenceError::Part)?;
            if number.is_empty() {
                return Err(CadenceError::Part);
            }
            let number: u32 = number.parse().map_err(|_| CadenceError::Range)?;
            // The search goes on behind the last unit found: that refuses repetition and disorder at once.
            let (_, unit) = units.find(|(known, _)| *known == letter).ok_or(CadenceError::Unit)?;
            self.add(number, *unit).ok_or(CadenceError::Range)?;
            text = rest.as_str();
        }
        Ok(())
    }

    fn add(&mut self, number: u32, unit: Unit) -> Option<()> {
        let (total, worth) = match unit {
            Unit::Months(worth) => (&mut self.months, worth),
            Unit::Days(worth) => (&mut self.days, worth),
            Unit::Seconds(worth) => (&mut self.seconds, worth),
        };
        *total = total.checked_add(number.checked_mul(worth)?)?;
        Some(())
    }

    /// Whether it is `P0D`: it happens once and never recurs.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.months == 0 && self.days == 0 && self.seconds == 0
    }

    /// `anchor + n × cadence` in UTC: months first, clamped to the end of a shorter month, then days, then seconds.
    ///
    /// `n` may be negative. `None` outside the calendar (years −9999 to 9999).
    #[must_use]
    pub fn after(self, anchor: Timestamp, n: i64) -> Option<Timestamp> {
        self.from(anchor, anchor.split(), n)
    }

    /// `anchor + n × cadence`, where the calendar has been asked for the anchor's date already.
    fn from(self, anchor: Timestamp, split: (Date, i64), n: i64) -> Option<Timestamp> {
        let months = i64::from(self.months).checked_mul(n)?;
        let shifted = if months == 0 { anchor } else { plus_months(split, months)? };
        let each = i64::from(self.days) * DAY_SECONDS + i64::from(self.seconds);
        let seconds = each.checked_mul(n)?;
        if seconds == 0 { Some(shifted) } else { shifted.plus_millis(seconds.checked_mul(1_000)?) }
    }

    /// Seconds from one recurrence to the next, on average over a Gregorian cycle.
    fn average_seconds(self) -> i64 {
        // Three 32-bit counts times at most 22 bits: cannot overflow 64 bits.
        i64::from(self.months) * AVERAGE_MONTH_SECONDS + i64::from(self.days) * DAY_SECONDS + i64::from(self.seconds)
    }
}

fn plus_months((from, time_of_day): (Date, i64), months: i64) -> Option<Timestamp> {
    let total = (i64::from(from.year()) * 12 + i64::from(from.month()) - 1).checked_add(months)?;
    let year = i16::try_from(total.div_euclid(12)).ok()?;
    let month = i8::try_from(total.rem_euclid(12) + 1).ok()?;
    let first = Date::new(year, month, 1).ok()?;
    let date = Date::new(year, month, from.day().min(first.days_in_month())).ok()?;
    Timestamp::midnight(date)?.plus_millis(time_of_day)
}

/// Prints the shortest ISO form: `P1M`, `P3M`, `P1Y`, `P1Y2M`, `P7D`, `PT4H`; zero is `P0D`.
impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("P0D");
        }
        let Self { months, days, seconds } = *self;
        write_parts(f, "P", [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')])?;
        if seconds == 0 {
            return Ok(());
        }
        write_parts(f, "T", [(seconds / 3_600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')])
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, letter: &str, parts: [(u32, char); 3]) -> fmt::Result {
    f.write_str(letter)?;
    let mut there = parts.into_iter().filter(|(number, _)| *number > 0);
    there.try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
}

impl Serialize for Cadence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cadence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// The boundaries `anchor + n × cadence` for every whole `n`, before the anchor too.
///
/// A zero cadence has the one boundary 0, the anchor itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grid {
    /// Boundary 0.
    pub anchor: Timestamp,
    /// The distance from one boundary to the next.
    pub cadence: Cadence,
}

impl Grid {
    /// Boundary `n`; `None` outside the calendar, and for every `n` but 0 when the cadence is zero.
    #[must_use]
    pub fn boundary(self, n: i64) -> Option<Timestamp> {
        if self.cadence.is_zero() && n != 0 {
            return None;
        }
        self.cadence.after(self.anchor, n)
    }

    /// The largest `n` with `boundary(n) <= t`: the index of the half-open window that holds `t`.
    ///
    /// With a zero cadence it is 0 whatever `t`. Within one cadence of the calendar's first instant the answer can
    /// be an index whose boundary lies before the calendar, so that `boundary` gives `None` for it.
    #[must_use]
    pub fn index_at(self, t: Timestamp) -> i64 {
        let length = self.cadence.average_seconds();
        if length == 0 {
            return 0;
        }
        // Months differ from their average by days only, over any distance: the estimate is off by a step or two.
        let mut n = (t.second() - self.anchor.second()).div_euclid(length);
        let split = self.anchor.split();
        // Boundaries rise with `n`, so one outside the calendar lies on the side of its sign.
        let reached = |n| self.cadence.from(self.anchor, split, n).map_or(n < 0, |boundary| boundary <= t);
        while !reached(n) {
            n -= 1;
        }
        while reached(n + 1) {
            n += 1;
        }
        n
    }

    /// Whether `t` is a boundary.
    #[must_use]
    pub fn is_boundary(self, t: Timestamp) -> bool {
        self.boundary(self.index_at(t)) == Some(t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn cadence(text: &str) -> Cadence {
        Cadence::parse(text).unwrap()
    }

    #[test]
    fn parses_and_prints_the_shortest_form() {
        let shortest = ["P1M", "P3M", "P1Y", "P1Y2M", "P2Y", "P7D", "P0D", "PT4H", "PT1H30M", "PT5S"];
        for text in shortest {
            assert_eq!(cadence(text).to_string(), text);
        }
        let longer = ["P12M", "P14M", "P1W", "PT0S", "PT90M", "PT86400S", "P1Y2M3W4DT5H6M7S"];
        let printed = ["P1Y", "P1Y2M", "P7D", "P0D", "PT1H30M", "PT24H", "P1Y2M25DT5H6M7S"];
        for (text, shortest) in longer.into_iter().zip(printed) {
            assert_eq!(cadence(text).to_string(), shortest);
            assert_eq!(cadence(text), cadence(shortest));
        }
        assert_eq!(cadence("P1Y"), Cadence::months(12));
        assert_eq!(cadence("P1W"), Cadence::days(7));
        assert_eq!(cadence("PT4H"), Cadence::seconds(14_400));
        assert!(cadence("P0D").is_zero() && !cadence("PT1S").is_zero());
    }

    #[test]
    fn refuses_what_is_not_a_cadence() {
        use CadenceError::{Nothing, Part, Range, Start, Unit};
        let start = ["", "1M", "p1m", "-P1M", "+P1M", " P1M", "monthly"];
        let nothing = ["P", "PT", "P1DT"];
        let part = ["P1", "P-1M", "P+1M", "P1.5M", "P1,5M", "PM", "P1é", "P1M ", "PT1HT1M"];
        let unit = ["P1m", "P1H", "PT1D", "PT1Y", "P1M1Y", "P1M1M", "P1D1W", "PT1M1H", "P1X"];
        let range = ["P4294967296D", "P400000000Y", "P357913941Y9M", "PT1193047H"];
        let refused = [(Start, &start[..]), (Nothing, &nothing), (Part, &part), (Unit, &unit), (Range, &range)];
        for (error, texts) in refused {
            for text in texts {
                assert_eq!(Cadence::parse(text), Err(error), "{text}");
            }
            assert!(error.to_string().contains("P1M (a month)"), "{error}");
        }
    }

    #[test]
    fn travels_through_json_as_its_text() {
        assert_eq!(serde_json::to_string(&Cadence::months(3)).unwrap(), r#""P3M""#);
        assert_eq!(serde_json::from_str::<Cadence>(r#""P12M""#).unwrap(), Cadence::months(12));
        let error = serde_json::from_str::<Cadence>(r#""monthly""#).unwrap_err().to_string();
        assert!(error.contains("begins with an upper-case P"), "{error}");
    }

    #[test]
    fn a_month_end_anchor_clamps_and_unclamps() {
        let anchor = at("2028-01-31T09:00:00Z");
        let days = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let after = |months, n| Cadence::months(months).after(anchor, n);
        for (n, day) in (0..).zip(days) {
            let month = n + 1;
            assert_eq!(after(1, n), Some(at(&format!("2028-{month:02}-{day}T09:00:00Z"))));
        }
        assert_eq!(after(1, 13), Some(at("2029-02-28T09:00:00Z")));
        assert_eq!(after(1, -2), Some(at("2027-11-30T09:00:00Z")));
        assert_eq!(after(3, 1), Some(at("2028-04-30T09:00:00Z")));
    }

    #[test]
    fn a_leap_day_returns_every_fourth_year() {
        let anchor = at("2028-02-29T00:00:00Z");
        let years = [(2029, 28), (2030, 28), (2031, 28), (2032, 29), (2096, 29), (2100, 28)];
        for (year, day) in years {
            let expected = at(&format!("{year}-02-{day}T00:00:00Z"));
            assert_eq!(Cadence::months(12).after(anchor, year - 2028), Some(expected));
        }
    }

    #[test]
    fn months_come_before_days_before_seconds() {
        let after = |anchor, text, n| cadence(text).after(at(anchor), n);
        let anchor = "2028-01-31T23:30:00.25Z";
        assert_eq!(after(anchor, "P1M1DT1H", 1), Some(at("2028-03-02T00:30:00.25Z")));
        assert_eq!(after(anchor, "P7D", -1), Some(at("2028-01-24T23:30:00.25Z")));
        let expected = Some(at("1970-02-28T23:59:59.75Z"));
        assert_eq!(after("1969-12-31T23:59:59.75Z", "P1M", 2), expected);
    }

    #[test]
    fn the_calendar_ends() {
        let anchor = at("2028-01-31T00:00:00Z");
        for cadence in [Cadence::months(u32::MAX), Cadence::days(u32::MAX), cadence("P1M1DT1S")] {
            assert_eq!(cadence.after(anchor, i64::MAX), None);
            assert_eq!(cadence.after(anchor, i64::MIN), None);
            assert_eq!(cadence.after(anchor, 0), Some(anchor));
        }
        let grid = Grid { anchor, cadence: Cadence::months(1) };
        let (first, last) = (grid.index_at(Timestamp::MIN), grid.index_at(Timestamp::MAX));
        // 31 December 9999 lies past the last instant that jiff has.
        assert_eq!(grid.boundary(last), Some(at("9999-11-30T00:00:00Z")));
        assert_eq!(grid.boundary(last + 1), None);
        assert_eq!(grid.boundary(first), None);
        assert!(grid.boundary(first + 1).is_some());
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            let far = Grid { anchor: extreme, cadence: Cadence::seconds(1) };
            assert_eq!(far.index_at(extreme), 0);
            let near = far.boundary(far.index_at(anchor)).unwrap();
            assert!(near <= anchor && anchor.millis_since(near) < 1_000);
        }
    }

    #[test]
    fn index_is_exact_on_and_just_before_every_boundary() {
        let before = |boundary: Timestamp, millis: i64| boundary.plus_millis(-millis).unwrap();
        let cadences = ["P1M", "P3M", "P1Y", "P7D", "PT4H", "PT1S", "P1M15DT1H", "P5M", "P1Y1D"];
        for anchor in ["2028-01-31T00:00:00Z", "2028-02-29T10:00:00Z", "1969-12-30T23:59:59.5Z"] {
            for text in cadences {
                let grid = Grid { anchor: at(anchor), cadence: cadence(text) };
                for n in -2_000..=2_000 {
                    let boundary = grid.boundary(n).unwrap();
                    assert_eq!(grid.index_at(boundary), n, "{text} from {anchor}");
                    assert_eq!(grid.index_at(before(boundary, 1_000)), n - 1, "{text} from {anchor}");
                    assert_eq!(grid.index_at(before(boundary, 1)), n - 1, "{text} from {anchor}");
                    assert!(grid.is_boundary(boundary) && !grid.is_boundary(before(boundary, 1)));
                }
            }
        }
    }

    #[test]
    fn index_is_exact_centuries_away() {
        let grid = Grid { anchor: at("2028-01-31T00:00:00Z"), cadence: Cadence::months(1) };
        for n in (-140_000..=95_000).step_by(97) {
            let boundary = grid.boundary(n).unwrap();
            assert_eq!(grid.index_at(boundary), n);
            assert_eq!(grid.index_at(boundary.plus_millis(-1_000).unwrap()), n - 1);
        }
    }

    #[test]
    fn a_zero_cadence_has_one_boundary() {
        let anchor = at("2028-01-31T00:00:00Z");
        let grid = Grid { anchor, cadence: cadence("P0D") };
        assert_eq!(grid.boundary(0), Some(anchor));
        assert_eq!((grid.boundary(1), grid.boundary(-1)), (None, None));
        assert_eq!((grid.index_at(Timestamp::MIN), grid.index_at(Timestamp::MAX)), (0, 0));
        assert!(grid.is_boundary(anchor) && !grid.is_boundary(Timestamp::MAX));
    }
}
