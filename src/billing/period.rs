//! Billing windows: half-open spans of time between the boundaries of a grid.
//!
//! Purpose: say which window is billed, and how much of a full one it is.
//!
//! facts: paygentic-behaviour §4 (half-open windows: start inclusive, end exclusive, one-off: start = end; first
//! partial period: a start before the anchor's next recurrence makes a stub).

use serde::{Deserialize, Serialize};

use crate::time::{Grid, Timestamp};

/// The half-open span `[start, end)`. A one-off has `start == end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Window {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
}

impl Window {
    /// Length in whole seconds, never negative.
    ///
    /// Both ends are floored to the second, so that the lengths of adjoining windows add up to that of their union.
    #[must_use]
    pub fn seconds(self) -> i64 {
        (self.end.second() - self.start.second()).max(0)
    }

    /// Whether `t` lies inside: at or after the start and before the end.
    #[must_use]
    pub fn contains(self, t: Timestamp) -> bool {
        self.start <= t && t < self.end
    }

    /// The time that both windows hold; `None` if they share none (windows that only touch share none).
    #[must_use]
    pub fn overlap(self, other: Self) -> Option<Self> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Self { start, end })
    }
}

/// The first window of something that starts at `start`, and the full window of the grid that holds it.
///
/// The first runs from `start` to the next boundary after it. Both are equal when `start` is a boundary; otherwise
/// the first is a stub. With a zero cadence both are the one-off `[start, start)`. A full window that reaches out
/// of the calendar is cut at the calendar's first or last instant.
#[must_use]
pub fn first_window(grid: Grid, start: Timestamp) -> (Window, Window) {
    if grid.cadence.is_zero() {
        let once = Window { start, end: start };
        return (once, once);
    }
    let n = grid.index_at(start);
    let full = Window {
        start: grid.boundary(n).unwrap_or(Timestamp::MIN),
        end: grid.boundary(n + 1).unwrap_or(Timestamp::MAX),
    };
    (Window { start, end: full.end }, full)
}

/// The full window from boundary `n` to boundary `n + 1`; `None` if either lies outside the calendar.
///
/// With a zero cadence, window 0 is the one-off at the anchor and there is no other.
#[must_use]
pub fn window_from(grid: Grid, n: i64) -> Option<Window> {
    let start = grid.boundary(n)?;
    let end = if grid.cadence.is_zero() { start } else { grid.boundary(n.checked_add(1)?)? };
    Some(Window { start, end })
}

/// The calendar window of a meter query, in UTC. On the wire in upper case: `"MINUTE"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WindowSize {
    /// From second 0 to second 0.
    Minute,
    /// From minute 0 to minute 0.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From the first to the first.
    Month,
}

impl WindowSize {
    /// Start of the window that holds `t`; the calendar's first instant, if the window begins before it.
    #[must_use]
    pub fn start_of(self, t: Timestamp) -> Timestamp {
        let start = match self.fixed_seconds() {
            Some(length) => Timestamp::from_second(t.second().div_euclid(length) * length),
            None => Timestamp::midnight(t.civil().date().first_of_month()),
        };
        start.unwrap_or(Timestamp::MIN)
    }

    /// Start of the window after the one that holds `start`; the calendar's last instant, if there is none.
    #[must_use]
    pub fn next(self, start: Timestamp) -> Timestamp {
        let next = match self.fixed_seconds() {
            Some(length) => Timestamp::from_second((start.second().div_euclid(length) + 1) * length),
            None => start.civil().date().last_of_month().tomorrow().ok().and_then(Timestamp::midnight),
        };
        next.unwrap_or(Timestamp::MAX)
    }

    /// Length in seconds, of those that have one.
    const fn fixed_seconds(self) -> Option<i64> {
        match self {
            Self::Minute => Some(60),
            Self::Hour => Some(3_600),
            Self::Day => Some(86_400),
            Self::Month => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Cadence;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(start: &str, end: &str) -> Window {
        Window { start: at(start), end: at(end) }
    }

    fn monthly(anchor: &str) -> Grid {
        Grid { anchor: at(anchor), cadence: Cadence::months(1) }
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        let january = window("2028-01-01T00:00:00Z", "2028-02-01T00:00:00Z");
        assert!(january.contains(january.start) && !january.contains(january.end));
        assert!(january.contains(at("2028-01-31T23:59:59.999999999Z")));
        assert_eq!(january.seconds(), 31 * 86_400);
        let once = Window { start: january.start, end: january.start };
        assert!(!once.contains(once.start));
        assert_eq!(once.seconds(), 0);
        assert_eq!(Window { start: january.end, end: january.start }.seconds(), 0);
    }

    #[test]
    fn adjoining_lengths_add_up() {
        for middle in
            ["1969-12-31T23:59:58.4Z", "1969-12-31T23:59:59.9Z", "1970-01-01T00:00:00.4Z", "1970-01-01T00:00:01Z"]
        {
            let whole = window("1969-12-31T23:59:50.5Z", "1970-01-01T00:00:10.25Z");
            let left = Window { end: at(middle), ..whole };
            let right = Window { start: at(middle), ..whole };
            assert_eq!(left.seconds() + right.seconds(), whole.seconds(), "{middle}");
        }
    }

    #[test]
    fn overlap_is_what_both_hold() {
        let january = window("2028-01-01T00:00:00Z", "2028-02-01T00:00:00Z");
        let february = window("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
        let middle = window("2028-01-15T00:00:00Z", "2028-02-15T00:00:00Z");
        assert_eq!(january.overlap(february), None);
        assert_eq!(january.overlap(middle), Some(window("2028-01-15T00:00:00Z", "2028-02-01T00:00:00Z")));
        assert_eq!(middle.overlap(january), january.overlap(middle));
        assert_eq!(january.overlap(january), Some(january));
    }

    #[test]
    fn a_start_off_the_grid_makes_a_stub() {
        let (first, full) = first_window(monthly("2028-01-01T00:00:00Z"), at("2028-02-20T00:00:00Z"));
        assert_eq!(first, window("2028-02-20T00:00:00Z", "2028-03-01T00:00:00Z"));
        assert_eq!(full, window("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"));
        // The anchor may lie in the future.
        let (first, full) = first_window(monthly("2028-03-31T00:00:00Z"), at("2028-02-10T00:00:00Z"));
        assert_eq!(first, window("2028-02-10T00:00:00Z", "2028-02-29T00:00:00Z"));
        assert_eq!(full, window("2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z"));
    }

    #[test]
    fn a_start_on_the_grid_makes_a_full_window() {
        let grid = monthly("2028-01-31T00:00:00Z");
        for n in -30..30 {
            let expected = window_from(grid, n).unwrap();
            assert_eq!(first_window(grid, expected.start), (expected, expected));
            assert_eq!(Some(expected.end), grid.boundary(n + 1));
        }
    }

    #[test]
    fn a_one_off_is_an_instant() {
        let grid = Grid { anchor: at("2028-01-31T00:00:00Z"), cadence: Cadence::days(0) };
        let start = at("2028-02-10T00:00:00Z");
        let once = Window { start, end: start };
        assert_eq!(first_window(grid, start), (once, once));
        assert_eq!(window_from(grid, 0), Some(Window { start: grid.anchor, end: grid.anchor }));
        assert_eq!(window_from(grid, 1), None);
    }

    #[test]
    fn the_calendar_cuts_the_last_window() {
        let grid = monthly("2028-01-01T00:00:00Z");
        let (first, _) = first_window(grid, at("9999-12-15T00:00:00Z"));
        assert_eq!(first.end, Timestamp::MAX);
        let (_, full) = first_window(grid, Timestamp::MIN);
        assert_eq!(full.start, Timestamp::MIN);
        assert_eq!(window_from(grid, i64::MAX), None);
    }

    #[test]
    fn sizes_stand_on_the_utc_calendar() {
        let (t, march) = (at("2028-02-29T23:59:59.5Z"), at("2028-03-01T00:00:00Z"));
        for (size, wire, start) in [
            (WindowSize::Minute, "\"MINUTE\"", "2028-02-29T23:59:00Z"),
            (WindowSize::Hour, "\"HOUR\"", "2028-02-29T23:00:00Z"),
            (WindowSize::Day, "\"DAY\"", "2028-02-29T00:00:00Z"),
            (WindowSize::Month, "\"MONTH\"", "2028-02-01T00:00:00Z"),
        ] {
            assert_eq!(serde_json::to_string(&size).unwrap(), wire);
            assert_eq!((size.start_of(t), size.next(size.start_of(t))), (at(start), march));
            assert_eq!(size.start_of(march), march);
            assert_eq!(size.next(at("1969-12-31T23:59:59.5Z")), Timestamp::UNIX_EPOCH);
            assert_eq!(size.start_of(Timestamp::MIN), Timestamp::MIN);
            assert_eq!(size.next(Timestamp::MAX), Timestamp::MAX);
        }
    }
}
