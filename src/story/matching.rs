//! What a story expects beside what it found.
//!
//! An expected object says something of some fields; an expected list is the whole list; anything else is equal. An
//! object whose only key begins with `$` says what a value is like instead of what it is.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr as _;

use regex::Regex;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::contract::counted;

/// How much of a value a difference shows.
const SHOWN: usize = 300;

/// The words of matchers.
pub const MATCHERS: [&str; 11] =
    ["$any", "$absent", "$type", "$match", "$contains", "$length", "$gt", "$gte", "$lt", "$lte", "$not"];

/// A place where the two differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// JSON pointer in what was found.
    pub pointer: String,
    /// What was expected, in words.
    pub expected: String,
    /// `None`: it is not there.
    pub found: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "the whole" } else { &self.pointer };
        let expected = clipped(&self.expected, SHOWN);
        let found = self.found.as_ref().map_or_else(|| "nothing".to_owned(), shown);
        write!(f, "{pointer}\n    expected {expected}\n    found    {found}")
    }
}

/// A value; of a long list how long it is, and its beginning.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let short = clipped(&text, SHOWN);
    match value {
        Value::Array(items) if short.len() < text.len() => format!("{}: {short}", counted(items.len(), "entry")),
        _ => short.into_owned(),
    }
}

/// The beginning of a text, where it is longer than so many letters.
pub fn clipped(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
    }
}

/// Where what was found is not as expected.
#[must_use]
pub fn differences(expected: &Value, found: Option<&Value>) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(expected, found, &mut String::new(), &mut differences);
    differences
}

fn compare(expected: &Value, found: Option<&Value>, pointer: &mut String, differences: &mut Vec<Difference>) {
    let mut differ = |expected: String| {
        differences.push(Difference { pointer: pointer.clone(), expected, found: found.cloned() });
    };
    match (expected, found) {
        (Value::Object(wanted), _) if matcher(wanted).is_some() => {
            let Some((word, argument)) = matcher(wanted) else { return };
            if !is_like(word, argument, found) {
                differ(said(word, argument));
            }
        }
        (Value::Object(wanted), Some(Value::Object(fields))) => {
            for (name, wanted) in wanted {
                let end = pointer.len();
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                compare(wanted, fields.get(name), pointer, differences);
                pointer.truncate(end);
            }
        }
        (Value::Array(wanted), Some(Value::Array(items))) if wanted.len() == items.len() => {
            for (number, (wanted, item)) in wanted.iter().zip(items).enumerate() {
                let end = pointer.len();
                let _ = write!(pointer, "/{number}");
                compare(wanted, Some(item), pointer, differences);
                pointer.truncate(end);
            }
        }
        (Value::Array(wanted), Some(Value::Array(items))) => {
            differ(format!("{} entries, not {}: {expected}", wanted.len(), items.len()));
        }
        (wanted, Some(found)) if is_equal(wanted, found) => {}
        (wanted, _) => differ(wanted.to_string()),
    }
}

/// 1 and 1.0 are one number.
fn is_equal(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Number(wanted), Value::Number(found)) => wanted == found || wanted.as_f64() == found.as_f64(),
        _ => wanted == found,
    }
}

fn matcher(wanted: &serde_json::Map<String, Value>) -> Option<(&str, &Value)> {
    match wanted.iter().next() {
        Some((word, argument)) if wanted.len() == 1 && word.starts_with('$') => Some((word, argument)),
        _ => None,
    }
}

fn said(word: &str, argument: &Value) -> String {
    match word {
        "$any" => "anything".to_owned(),
        "$absent" => "nothing here".to_owned(),
        "$type" => format!("a value of type {argument}"),
        "$match" => format!("a text like {argument}"),
        "$contains" => format!("something that contains {argument}"),
        "$length" => format!("{argument} entries or letters"),
        "$gt" => format!("more than {argument}"),
        "$gte" => format!("{argument} or more"),
        "$lt" => format!("less than {argument}"),
        "$lte" => format!("{argument} or less"),
        "$not" => format!("anything but {argument}"),
        _ => format!("{word}: there are {}", MATCHERS.join(", ")),
    }
}

fn is_like(word: &str, argument: &Value, found: Option<&Value>) -> bool {
    let Some(found) = found else { return word == "$absent" };
    let text = found.as_str();
    match word {
        "$any" => true,
        "$type" => argument.as_str() == Some(kind(found)),
        "$match" => {
            let pattern = argument.as_str().and_then(|pattern| Regex::new(pattern).ok());
            text.zip(pattern).is_some_and(|(text, pattern)| pattern.is_match(text))
        }
        "$contains" => match found {
            Value::Array(items) => {
                let wanted = argument.as_array().map_or(std::slice::from_ref(argument), Vec::as_slice);
                wanted.iter().all(|wanted| items.iter().any(|item| differences(wanted, Some(item)).is_empty()))
            }
            _ => text.zip(argument.as_str()).is_some_and(|(text, part)| text.contains(part)),
        },
        "$length" => {
            let length = match found {
                Value::Array(items) => Some(items.len()),
                Value::String(text) => Some(text.chars().count()),
                Value::Object(fields) => Some(fields.len()),
                _ => None,
            };
            length.is_some_and(|length| argument.as_u64() == u64::try_from(length).ok())
        }
        "$gt" | "$gte" | "$lt" | "$lte" => order(found, argument).is_some_and(|order| match word {
            "$gt" => order.is_gt(),
            "$gte" => order.is_ge(),
            "$lt" => order.is_lt(),
            _ => order.is_le(),
        }),
        "$not" => !differences(argument, Some(found)).is_empty(),
        _ => false,
    }
}

/// Numbers, amounts that are written as texts, and instants, which sort as they read.
fn order(found: &Value, bound: &Value) -> Option<std::cmp::Ordering> {
    let decimal = |value: &Value| match value {
        Value::Number(number) => Decimal::from_str(&number.to_string()).ok(),
        Value::String(text) => Decimal::from_str(text).ok(),
        _ => None,
    };
    match (decimal(found), decimal(bound)) {
        (Some(found), Some(bound)) => Some(found.cmp(&bound)),
        _ => Some(found.as_str()?.cmp(bound.as_str()?)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What is wrong with the matchers in something expected, by pointer.
#[must_use]
pub fn problems(expected: &Value, pointer: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    match expected {
        Value::Object(fields) => {
            for (name, value) in fields {
                let here = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                if name.starts_with('$') {
                    if !MATCHERS.contains(&name.as_str()) {
                        found.push((here.clone(), said(name, value)));
                    } else if fields.len() > 1 {
                        found.push((here.clone(), format!("{name} stands alone: it says all of a value")));
                    } else if name == "$match"
                        && let Some(Err(error)) = value.as_str().map(Regex::new)
                    {
                        found.push((here.clone(), format!("no regular expression: {error}")));
                    }
                }
                found.extend(problems(value, &here));
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                found.extend(problems(item, &format!("{pointer}/{number}")));
            }
        }
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_say_something_and_lists_all() {
        let found = json!({ "id": "in_1", "total": "49.00", "lines": [{ "n": 1 }, { "n": 2 }], "paid": true });
        let differs = |expected: Value| {
            let all = differences(&expected, Some(&found));
            all.into_iter().map(|difference| difference.pointer).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(differs(json!({ "total": "49.00", "lines": [{ "n": 1.0 }, {}] })), none);
        assert_eq!(
            differs(json!({ "total": "50.00", "lines": [{ "n": 3 }, {}], "x": 1 })),
            ["/lines/0/n", "/total", "/x"]
        );
        assert_eq!(differs(json!({ "lines": [{}] })), ["/lines"]);
        let like = json!({
            "id": { "$match": "^in_" }, "total": { "$gt": "9.5" }, "lines": { "$contains": { "n": 2 } },
            "gone": { "$absent": true }, "paid": { "$type": "boolean" },
        });
        assert_eq!(differs(like), none);
        let unlike = json!({
            "id": { "$match": "^cus_" }, "total": { "$lte": 48 }, "lines": { "$length": 3 }, "paid": { "$absent": true },
        });
        assert_eq!(differs(unlike), ["/id", "/lines", "/paid", "/total"]);
        assert_eq!(differs(json!({ "id": { "$not": "in_1" } })), ["/id"]);
        assert_eq!(differs(json!({ "x": { "$any": true } })), ["/x"]);
    }

    #[test]
    fn a_long_value_is_shown_by_its_beginning() {
        let told = |expected: Value, found: &Value| differences(&expected, Some(found))[0].to_string();
        let short = json!([1, 2, 3]);
        assert_eq!(
            told(json!({ "$length": 2 }), &short),
            "the whole\n    expected 2 entries or letters\n    found    [1,2,3]"
        );
        let long = told(json!({ "$length": 2 }), &json!(vec!["é"; 1_000]));
        assert!(long.contains("found    1000 entries: [\"é\",\"é\"") && long.ends_with("..."), "{long}");
        assert_eq!(
            long.chars().count(),
            "the whole\n    expected 2 entries or letters\n    found    1000 entries: ...".len() + SHOWN
        );
        let long = told(json!("x".repeat(1_000)), &json!("y".repeat(1_000)));
        assert_eq!(long.len(), "the whole\n    expected ...\n    found    ...".len() + 2 * SHOWN);
    }

    #[test]
    fn matchers_are_checked_beforehand() {
        let wrong = json!({ "a": { "$mach": "x" }, "b": [{ "$match": "(" }], "c": { "$gt": 1, "$lt": 2 } });
        let at: Vec<String> = problems(&wrong, "/expect").into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(at, ["/expect/a/$mach", "/expect/b/0/$match", "/expect/c/$gt", "/expect/c/$lt"]);
    }
}
