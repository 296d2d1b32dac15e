//! Lists by limit and offset.

use serde::Serialize;
use serde_json::{Map, Value};

/// What part of a list was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Paging {
    pub limit: usize,
    pub offset: usize,
}

/// `limit` and `offset` of a coerced query.
#[must_use]
pub fn paging(query: &Map<String, Value>) -> Paging {
    let number = |name: &str, default: u64| query.get(name).and_then(Value::as_u64).unwrap_or(default);
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    Paging { limit: size(number("limit", 10)), offset: size(number("offset", 0)) }
}

impl Paging {
    /// The rows of this page and how many there are in all.
    pub fn cut<T>(self, rows: impl Iterator<Item = T>) -> (Vec<T>, usize) {
        let mut total = 0;
        let mut kept = Vec::new();
        for row in rows {
            if total >= self.offset && kept.len() < self.limit {
                kept.push(row);
            }
            total += 1;
        }
        (kept, total)
    }
}
