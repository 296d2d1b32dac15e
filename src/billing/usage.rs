//! Usage: how the events of a meter become one quantity.
//!
//! Purpose: aggregate event data over a billing window, or over calendar windows for a meter query. Which events
//! belong (subject, event type, window) is the caller's choice; they arrive in time order, ties in order of
//! ingestion.
//!
//! facts: paygentic-behaviour §2.2 (aggregations, `valueProperty`, `windowSize`), §4 (usage window). That an event
//! without a usable value is passed over, and that calendar windows are UTC, is inferred.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Number, Value};

use super::money;
use super::period::Window;
pub use super::period::WindowSize;
use crate::time::Timestamp;

/// What is made of the values. On the wire in upper case: `"SUM"`, `"UNIQUE_COUNT"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Aggregation {
    /// All values added up.
    Sum,
    /// The number of events, whatever they hold.
    Count,
    /// The mean of the values, to 28 digits.
    Avg,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The number of distinct values; of events, if no property is named.
    UniqueCount,
    /// The last value in time.
    Latest,
}

/// Where the value stands in an event's data: `$.tokens` or `$.usage.tokens`.
#[derive(Clone, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct Path {
    /// The names, joined by points, without the leading `$.`.
    names: Box<str>,
}

/// The text is not a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathError {
    /// It does not begin with `$.`.
    Root,
    /// A name is empty or holds something else than letters, digits and underscores.
    Name,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "a path begins with \"$.\", the event's data",
            Self::Name => "the names of a path are letters, digits and underscores, single points between",
        })?;
        f.write_str("; for example $.tokens or $.usage.tokens")
    }
}

impl std::error::Error for PathError {}

impl Path {
    /// Reads `$.a.b`.
    ///
    /// # Errors
    /// [`PathError`] if it is not `$` followed by names of letters, digits and underscores.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let names = text.strip_prefix("$.").ok_or(PathError::Root)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let sound = names.split('.').all(|name| !name.is_empty() && name.bytes().all(allowed));
        if sound { Ok(Self { names: names.into() }) } else { Err(PathError::Name) }
    }

    /// The value at this path; `None` if a name is missing or something on the way is no object.
    #[must_use]
    pub fn find<'v>(&self, data: &'v Value) -> Option<&'v Value> {
        self.names.split('.').try_fold(data, |value, name| value.as_object()?.get(name))
    }

    /// Writes a value at this path; what is no object on the way there becomes one.
    pub fn put(&self, data: &mut Value, value: Value) {
        let place = self.names.split('.').fold(data, |place, name| {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            &mut place[name]
        });
        *place = value;
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$.{}", self.names)
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// One event as the meter sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// What it says.
    pub data: &'a Value,
}

/// The quantity that `samples` (in time order) make; 0 without any.
///
/// A value is a JSON number or a string that holds a plain decimal. Events whose value is missing or is neither are
/// passed over, but for `COUNT`, which counts every event. `UNIQUE_COUNT` takes any value but null, and tells the
/// number 1 from the text "1". Without a path every other aggregation than those two is 0.
pub fn aggregate<'a>(
    aggregation: Aggregation,
    path: Option<&Path>,
    samples: impl IntoIterator<Item = Sample<'a>>,
) -> Decimal {
    let mut tally = Tally::new(aggregation);
    for sample in samples {
        tally.add(path, sample.data);
    }
    tally.total()
}

/// What an aggregation remembers of the values that it has seen.
struct Tally {
    aggregation: Aggregation,
    count: u64,
    value: Decimal,
    distinct: BTreeSet<String>,
}

impl Tally {
    const fn new(aggregation: Aggregation) -> Self {
        Self { aggregation, count: 0, value: Decimal::ZERO, distinct: BTreeSet::new() }
    }

    fn add(&mut self, path: Option<&Path>, data: &Value) {
        match (self.aggregation, path) {
            (Aggregation::Count, _) | (Aggregation::UniqueCount, None) => self.count += 1,
            (Aggregation::UniqueCount, Some(path)) => {
                if let Some(value) = path.find(data).filter(|value| !value.is_null()) {
                    self.distinct.insert(canonical(value));
                }
            }
            (_, path) => {
                if let Some(number) = path.and_then(|path| path.find(data)).and_then(number) {
                    self.add_number(number);
                }
            }
        }
    }

    fn add_number(&mut self, number: Decimal) {
        let first = self.count == 0;
        self.count += 1;
        self.value = match self.aggregation {
            Aggregation::Sum | Aggregation::Avg => self.value.saturating_add(number),
            Aggregation::Min if !first => self.value.min(number),
            Aggregation::Max if !first => self.value.max(number),
            Aggregation::Min | Aggregation::Max | Aggregation::Latest => number,
            // These two count events and distinct values, never numbers.
            Aggregation::Count | Aggregation::UniqueCount => self.value,
        };
    }

    fn total(&self) -> Decimal {
        match self.aggregation {
            Aggregation::Count => Decimal::from(self.count),
            // One of the two stays empty: which, depends on there being a path.
            Aggregation::UniqueCount => Decimal::from(self.count) + Decimal::from(self.distinct.len()),
            Aggregation::Avg => self.value.checked_div(Decimal::from(self.count)).unwrap_or_default(),
            Aggregation::Sum | Aggregation::Min | Aggregation::Max | Aggregation::Latest => self.value,
        }
    }
}

/// The number that a JSON value holds as such or as text.
#[must_use]
pub fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => decimal(number),
        Value::String(text) => money::parse(text).ok(),
        _ => None,
    }
}

/// The decimal as it was written: 0.1 is a tenth, not the binary fraction next to it.
fn decimal(number: &Number) -> Option<Decimal> {
    let text = number.to_string();
    if text.contains(['e', 'E']) {
        Decimal::from_scientific_lossy(&text).ok()
    } else {
        Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific_lossy(&text)).ok()
    }
}

/// One spelling for equal values: members in order of their names, 1.0 and 1 alike.
fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(&mut text, value);
    text
}

fn write_canonical(text: &mut String, value: &Value) {
    match value {
        Value::Object(members) => {
            // serde_json may keep members as written, if any crate asks it to.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, member) in members {
                put(text, &Value::from(name.as_str()));
                text.push(':');
                write_canonical(text, member);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(text, item);
                text.push(',');
            }
            text.push(']');
        }
        Value::Number(number) => match decimal(number) {
            Some(decimal) => put(text, &decimal.normalize()),
            None => put(text, number),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => put(text, value),
    }
}

fn put(text: &mut String, part: &impl fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{part}");
}

/// The quantity of each calendar window that has events, in time order; empty windows are left out.
///
/// `samples` are those of the query's span, in time order; the windows are whole ones, not cut to that span.
pub fn windowed<'a>(
    aggregation: Aggregation,
    path: Option<&Path>,
    size: WindowSize,
    samples: impl IntoIterator<Item = Sample<'a>>,
) -> Vec<(Window, Decimal)> {
    let mut open: Option<(Window, Tally)> = None;
    let mut closed = Vec::new();
    for sample in samples {
        let (window, mut tally) = match open.take() {
            Some((window, tally)) if window.contains(sample.at) => (window, tally),
            earlier => {
                closed.extend(earlier.map(|(window, tally)| (window, tally.total())));
                let window = Window { start: size.start_of(sample.at), end: size.next(sample.at) };
                (window, Tally::new(aggregation))
            }
        };
        tally.add(path, sample.data);
        open = Some((window, tally));
    }
    closed.extend(open.map(|(window, tally)| (window, tally.total())));
    closed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn dec(text: &str) -> Decimal {
        money::parse(text).unwrap()
    }

    /// Aggregates the values of `$.n` in a list of event data.
    fn over(aggregation: Aggregation, data: &Value) -> Decimal {
        over_path(aggregation, Some("$.n"), data)
    }

    fn over_path(aggregation: Aggregation, path: Option<&str>, data: &Value) -> Decimal {
        let path = path.map(|path| Path::parse(path).unwrap());
        let samples = data.as_array().unwrap().iter();
        aggregate(aggregation, path.as_ref(), samples.map(|data| Sample { at: Timestamp::UNIX_EPOCH, data }))
    }

    /// All aggregations, by their names on the wire.
    fn all() -> Vec<Aggregation> {
        let names = json!(["SUM", "COUNT", "AVG", "MIN", "MAX", "UNIQUE_COUNT", "LATEST"]);
        let all: Vec<Aggregation> = serde_json::from_value(names.clone()).unwrap();
        assert_eq!(serde_json::to_value(&all).unwrap(), names);
        all
    }

    #[test]
    fn every_aggregation_of_mixed_values() {
        let data = json!([
            {"n": 3}, {"n": "1.5"}, {"n": 1.5}, {"m": 9}, {"n": null}, {"n": "many"}, {"n": true}, {"n": 0.1}
        ]);
        let expected = ["6.1", "8", "1.525", "0.1", "3", "6", "0.1"];
        for (aggregation, total) in all().into_iter().zip(expected) {
            assert_eq!(over(aggregation, &data), dec(total), "{aggregation:?}");
        }
    }

    #[test]
    fn nothing_makes_zero() {
        for aggregation in all() {
            assert_eq!(over(aggregation, &json!([])), Decimal::ZERO);
            let counts = matches!(aggregation, Aggregation::Count | Aggregation::UniqueCount);
            let expected = if counts { dec("2") } else { Decimal::ZERO };
            assert_eq!(over_path(aggregation, None, &json!([{"n": 1}, 2])), expected, "{aggregation:?}");
        }
    }

    #[test]
    fn extremes_do_not_start_from_zero() {
        assert_eq!(over(Aggregation::Max, &json!([{"n": -5}, {"n": -2}])), dec("-2"));
        assert_eq!(over(Aggregation::Min, &json!([{"n": 4}, {"n": 7}])), dec("4"));
        let third = over(Aggregation::Avg, &json!([{"n": 1}, {"n": 0}, {"n": 0}]));
        assert_eq!(third.to_string(), "0.3333333333333333333333333333");
    }

    #[test]
    fn numbers_are_read_as_written() {
        let tenths = Value::from(vec![json!({"n": 0.1}); 10]);
        assert_eq!(over(Aggregation::Sum, &tenths), Decimal::ONE);
        let values = json!([1e3, 1.5e-7, 1e21, u64::MAX, 1e-40, 1e300, "1e3"]);
        let numbers = ["1000", "0.00000015", "1000000000000000000000", "18446744073709551615", "0", "0", "0"];
        for (value, number) in values.as_array().unwrap().iter().zip(numbers) {
            assert_eq!(over(Aggregation::Sum, &json!([{"n": value}])), dec(number), "{value}");
        }
        let huge = json!({"n": "79228162514264337593543950335"});
        assert_eq!(over(Aggregation::Sum, &json!([huge, huge])), Decimal::MAX);
    }

    #[test]
    fn distinct_values_are_canonical() {
        let data = json!([
            {"n": 1}, {"n": 1.0}, {"n": "1"}, {"n": null}, {}, {"n": false},
            {"n": {"a": 1, "b": [2]}}, {"n": {"b": [2.0], "a": 1}}
        ]);
        assert_eq!(over(Aggregation::UniqueCount, &data), dec("4"));
    }

    #[test]
    fn paths_lead_through_objects() {
        let data = json!({"a": {"b": {"c_1": 7}}, "l": [1]});
        let find = |path: &str| Path::parse(path).unwrap().find(&data).cloned();
        assert_eq!(find("$.a.b.c_1"), Some(json!(7)));
        assert_eq!(find("$.a.b"), Some(json!({"c_1": 7})));
        assert_eq!((find("$.a.x"), find("$.a.b.c_1.d"), find("$.l.0")), (None, None, None));
        let mut written = json!({"a": 1});
        for path in ["$.a.b", "$.a.c.d", "$.e"] {
            Path::parse(path).unwrap().put(&mut written, json!(path));
        }
        assert_eq!(written, json!({"a": {"b": "$.a.b", "c": {"d": "$.a.c.d"}}, "e": "$.e"}));
        for text in ["", "$", "a.b", "$a", " $.a"] {
            assert_eq!(Path::parse(text), Err(PathError::Root), "{text}");
        }
        for text in ["$.", "$.a.", "$..a", "$.a-b", "$.a[0]", "$.é", "$.a "] {
            assert_eq!(Path::parse(text), Err(PathError::Name), "{text}");
        }
        assert!(PathError::Name.to_string().contains("$.usage.tokens"));
        let path: Path = serde_json::from_value(json!("$.a.b")).unwrap();
        assert_eq!(serde_json::to_value(&path).unwrap(), json!("$.a.b"));
        assert!(serde_json::from_value::<Path>(json!("a")).is_err());
    }

    #[test]
    fn windowed_leaves_empty_windows_out() {
        let events = [
            ("2028-01-31T23:59:59Z", json!({"n": 1})),
            ("2028-02-01T00:00:00Z", json!({"n": 2})),
            ("2028-02-29T12:00:00Z", json!({"n": 3})),
            ("2028-04-01T00:00:00Z", json!({"m": 4})),
        ];
        let samples = || events.iter().map(|(time, data)| Sample { at: at(time), data });
        let path = Path::parse("$.n").unwrap();
        let totals = windowed(Aggregation::Sum, Some(&path), WindowSize::Month, samples());
        let midnight = |day: &str| at(&format!("2028-{day}T00:00:00Z"));
        let month = |start, end| Window { start: midnight(start), end: midnight(end) };
        let expected = [
            (month("01-01", "02-01"), dec("1")),
            (month("02-01", "03-01"), dec("5")),
            (month("04-01", "05-01"), dec("0")),
        ];
        assert_eq!(totals, expected);
        assert_eq!(windowed(Aggregation::Count, None, WindowSize::Day, samples()).len(), 4);
        assert_eq!(windowed(Aggregation::Count, None, WindowSize::Day, []), []);
    }
}
