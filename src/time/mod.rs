//! Time: the only reader of the wall clock, the clocks of a world, and calendar steps.
//!
//! Everything above takes time as a value (rule 2). A [`Clock`] either flows with the wall at an
//! offset or stands still where somebody put it; [`Cadence`] and [`Grid`] answer where the n-th
//! boundary of a billing period lies.

mod cadence;
mod timestamp;
mod words;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cadence::{Cadence, CadenceError, Grid};
pub use timestamp::Timestamp;

/// The wall clock, in whole milliseconds: what vendors' APIs print.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn wall() -> Timestamp {
    Timestamp::of(jiff::Timestamp::now())
}

/// A length of real time as people write it: `10s`, `1m 30s`, `PT10S`. `None` if it is none, or less than nothing.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let length: jiff::SignedDuration = text.parse().ok()?;
    length.try_into().ok()
}

/// Measures how long something took, for logs. Never a source of sandbox time.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock of a world: the instant up to which everything has happened, and whether it flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    at: Timestamp,
    /// How far the clock runs ahead of the wall; `None` while it is frozen.
    ahead_ms: Option<i64>,
}

impl Clock {
    /// A clock that shows wall time.
    #[must_use]
    pub fn flowing(wall: Timestamp) -> Self {
        Self { at: wall, ahead_ms: Some(0) }
    }

    /// A clock that stands at `at` until it is moved.
    #[must_use]
    pub fn frozen(at: Timestamp) -> Self {
        Self { at, ahead_ms: None }
    }

    /// The instant that this clock has reached: everything due until then has happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    #[must_use]
    pub fn is_flowing(&self) -> bool {
        self.ahead_ms.is_some()
    }

    /// `flowing` or `frozen`, as the control API says it.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        if self.is_flowing() { "flowing" } else { "frozen" }
    }

    /// What the clock shows while the wall shows `wall`. Never earlier than [`Clock::at`].
    #[must_use]
    pub fn reading(&self, wall: Timestamp) -> Timestamp {
        match self.ahead_ms {
            Some(ahead) => wall.plus_millis(ahead).unwrap_or(Timestamp::MAX).max(self.at),
            None => self.at,
        }
    }

    pub(crate) fn reach(&mut self, at: Timestamp) {
        self.at = self.at.max(at);
    }

    /// Lets the clock run on from where it stands.
    pub(crate) fn flow(&mut self, wall: Timestamp) {
        self.ahead_ms = Some(self.at.millis_since(wall));
    }

    /// Stops the clock where it stands.
    pub(crate) fn freeze(&mut self) {
        self.ahead_ms = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_ignores_the_wall_and_a_flowing_one_keeps_its_lead() {
        let wall: Timestamp = "2026-01-01T00:00:00Z".parse().expect("date");
        let later: Timestamp = "2026-01-01T00:10:00Z".parse().expect("date");
        let mut clock = Clock::frozen("2028-01-31T00:00:00Z".parse().expect("date"));
        assert_eq!(clock.reading(later).to_string(), "2028-01-31T00:00:00Z");
        clock.flow(wall);
        assert_eq!(clock.reading(later).to_string(), "2028-01-31T00:10:00Z");
    }
}
