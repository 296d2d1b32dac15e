//! What was told: the transcript, what failed, and what an update would change in the file.

use std::fmt::Write as _;

use serde_json::Value;

use super::matching::Difference;
use super::yaml::{Document, Place};
use crate::contract::counted;

/// How many differences a failure tells of, and how many lines of what there was instead.
const LINES: usize = 20;

/// A story as it went.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The transcript: the same for the same story and seed.
    pub lines: Vec<String>,
    pub steps: usize,
    pub failures: Vec<Failure>,
    pub edits: Vec<Edit>,
    /// What a failure would show of the last answer.
    pub(super) last: String,
}

impl Told {
    pub(super) fn line(&mut self, number: &str, text: &str) {
        self.lines.push(format!("  {number:>4}  {text}"));
    }

    pub(super) fn event(&mut self, event: &Value) {
        let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let mut line = format!("          {}  {}", word("/at"), word("/type"));
        for pointer in ["/about/id", "/about/amount", "/about/currency"] {
            let _ = write!(line, "  {}", word(pointer));
        }
        self.lines.push(line.trim_end().to_owned());
    }
}

/// A step that did not go as the story says.
#[derive(Debug, Clone)]
pub struct Failure {
    pub title: String,
    pub place: Place,
    /// Why it could not be done at all; empty: it was, and came out differently.
    pub reason: String,
    pub differences: Vec<Difference>,
    /// What was answered.
    pub answer: String,
}

impl Failure {
    pub(super) fn of(title: &str, place: Place, reason: impl Into<String>) -> Self {
        let (reason, answer) = (reason.into(), String::new());
        Self { title: title.to_owned(), place, reason, differences: Vec::new(), answer }
    }

    /// With line, pointers, and what was found.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        let mut text = format!("{file}:{}:{}: {}", self.place.line, self.place.column, self.title);
        if !self.reason.is_empty() {
            let _ = write!(text, "\n  {}", self.reason);
        }
        for difference in self.differences.iter().take(LINES) {
            let _ = write!(text, "\n  {difference}");
        }
        if let Some(more) = self.differences.len().checked_sub(LINES).filter(|more| *more > 0) {
            let _ = write!(text, "\n  and {}", counted(more, "more difference"));
        }
        if !self.answer.is_empty() {
            let _ = write!(text, "\n  answered: {}", self.answer.replace('\n', "\n            "));
        }
        text
    }
}

/// Lines, one under another; of many, the first.
pub(super) fn stacked(lines: impl ExactSizeIterator<Item = String>) -> String {
    let more = lines.len().saturating_sub(LINES);
    let more = (more > 0).then(|| format!("and {more} more"));
    lines.take(LINES).chain(more).collect::<Vec<_>>().join("\n")
}

/// A value of the file that is to be another.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    pub pointer: String,
    pub value: Value,
}

/// The text of a file with edits made, as far as what they change stands in it, and how many were.
#[must_use]
pub fn edited(text: &str, document: &Document, edits: &[Edit]) -> (String, usize) {
    let letters: Vec<char> = text.chars().collect();
    let mut changes: Vec<_> =
        edits.iter().filter_map(|edit| Some((document.range(&edit.pointer)?, &edit.pointer, &edit.value))).collect();
    changes.sort_by_key(|(range, ..)| std::cmp::Reverse(range.start));
    changes.dedup_by(|one, other| one.1 == other.1);
    let mut letters_left = letters;
    for (range, pointer, value) in &changes {
        let mut end = range.end;
        // A block ends behind the blank that follows it.
        while end > range.start && letters_left.get(end - 1).is_some_and(|letter| letter.is_whitespace()) {
            end -= 1;
        }
        let column = document.place(pointer).column;
        letters_left.splice(range.start..end, written(value, column).chars());
    }
    (letters_left.into_iter().collect(), changes.len())
}

/// A value as YAML: JSON is, and a list has an entry a line.
fn written(value: &Value, column: usize) -> String {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let between = format!("\n{}", " ".repeat(column.saturating_sub(1)));
            items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join(&between)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_update_changes_what_it_must() {
        let text = "steps:\n  - call: x\n    expect: {status: 201, body: {total: \"1.00\"}} # kept\n  - expect_events:\n      - {type: a}\n      - {type: b}\n  - call: y\n";
        let document = Document::read(text).unwrap();
        let edits = [
            Edit { pointer: "/steps/0/expect/body/total".to_owned(), value: json!("2.00") },
            Edit { pointer: "/steps/1/expect_events".to_owned(), value: json!([{ "type": "c" }, { "type": "d" }]) },
            Edit { pointer: "/steps/0/expect/nothing".to_owned(), value: json!(1) },
        ];
        let (changed, count) = edited(text, &document, &edits);
        assert_eq!(count, 2);
        let expected = text
            .replace("1.00", "2.00")
            .replace("{type: a}", "{\"type\":\"c\"}")
            .replace("{type: b}", "{\"type\":\"d\"}");
        assert_eq!(changed, expected);
    }
}
