//! Rate limits as vendors tell them: so many requests in any second, by group and tenant.
//!
//! They are counted and told always; a request beyond them is refused only if the user asks for that, since a test
//! suite is no attack. Real time counts here: a limit protects a server, and has nothing to do with billing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::time::Timestamp;

/// A group of operations and how many of them a tenant may call in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub group: &'static str,
    pub per_second: usize,
}

/// How a tenant stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub limit: usize,
    pub remaining: usize,
    /// When nothing is used up any more, in seconds since 1970, rounded up.
    pub reset: i64,
    /// Whether this request was one too many.
    pub exceeded: bool,
}

/// The requests of one tenant in the last second.
#[derive(Default)]
pub struct Meter(Mutex<HashMap<&'static str, VecDeque<Timestamp>>>);

impl Meter {
    const WINDOW_MS: i64 = 1_000;

    /// Counts a request.
    pub fn count(&self, limit: Limit, now: Timestamp) -> Standing {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = groups.entry(limit.group).or_default();
        while recent.front().is_some_and(|first| now.millis_since(*first) >= Self::WINDOW_MS) {
            recent.pop_front();
        }
        let exceeded = recent.len() >= limit.per_second;
        if !exceeded {
            recent.push_back(now);
        }
        let last = recent.back().copied().unwrap_or(now);
        let full = last.plus_millis(Self::WINDOW_MS).unwrap_or(last);
        let reset = full.second() + i64::from(full.plus_millis(999).is_some_and(|up| up.second() > full.second()));
        Standing { limit: limit.per_second, remaining: limit.per_second - recent.len(), reset, exceeded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let meter = Meter::default();
        let limit = Limit { group: "writes", per_second: 2 };
        let at = |millis: i64| Timestamp::UNIX_EPOCH.plus_millis(millis).expect("instant");
        let standing = |millis: i64| {
            let standing = meter.count(limit, at(millis));
            (standing.remaining, standing.reset, standing.exceeded)
        };
        assert_eq!(standing(0), (1, 1, false));
        assert_eq!(standing(600), (0, 2, false));
        assert_eq!(standing(900), (0, 2, true));
        assert_eq!(standing(1_000), (0, 2, false), "the first has left the window");
        assert_eq!(standing(1_599), (0, 2, true));
        assert_eq!(standing(3_000), (1, 4, false));
        let other = Limit { group: "reads", per_second: 2 };
        assert_eq!(meter.count(other, at(3_000)).remaining, 1);
    }
}
