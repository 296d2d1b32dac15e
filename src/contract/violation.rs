//! One thing that is wrong, said so that the reader can put it right.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::slice;

use serde::Serialize;

/// What one violation takes on a line, about.
const LINE_BYTES: usize = 80;

/// Which part of an exchange a [`Violation`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    Body,
    Query,
    Path,
    Header,
    Response,
}

impl Place {
    /// The word before the pointer; a body, being the usual place, goes without.
    fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
            Self::Path => "path",
            Self::Header => "header",
            Self::Response => "response",
        }
    }
}

/// One broken rule: where, which, and what would be right.
///
/// Its `Display` is one line: ``/startedAt format: "tomorrow" is not a date-time; try 2028-01-31T00:00:00Z``.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violation {
    pub place: Place,
    /// JSON pointer of the offending value; for `required`, of the field that is not there.
    pub pointer: String,
    /// The broken rule under its schema keyword (`format`, `required`, …), or a word of this room:
    /// `unknown` (a hint: accepted, but nobody reads it), `repeated`, `encoding`, `contract`.
    pub rule: &'static str,
    /// What was sent, shortened and with secrets masked, and what would be right. No full stop.
    pub message: Cow<'static, str>,
    /// The nearest known name, for a misspelt field or enum value.
    pub suggestion: Option<String>,
}

impl Violation {
    /// A violation without a suggestion.
    pub fn new(
        place: Place,
        pointer: impl Into<String>,
        rule: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { place, pointer: pointer.into(), rule, message: message.into(), suggestion: None }
    }

    /// A violation of the body.
    pub fn body(pointer: impl Into<String>, rule: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Place::Body, pointer, rule, message)
    }

    /// A violation of a path parameter; without a name, of the path itself.
    pub fn path(name: &str, rule: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Place::Path, named(name), rule, message)
    }

    /// A violation of a query parameter; without a name, of the query itself.
    pub fn query(name: &str, rule: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Place::Query, named(name), rule, message)
    }

    /// The offending field as vendors spell it in their errors: `items.0.quantity`. Empty for the whole value.
    #[must_use]
    pub fn field(&self) -> Cow<'_, str> {
        match self.pointer.strip_prefix('/') {
            // Most fields stand at the top, under a plain name.
            Some(name) if !name.contains(['/', '~']) => name.into(),
            _ => segments(&self.pointer).collect::<Vec<_>>().join(".").into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Body if self.pointer.is_empty() => out.write_str("body")?,
            Place::Body => out.write_str(&self.pointer)?,
            Place::Response => write!(out, "response {}", self.pointer)?,
            place => write!(out, "{} {}", place.word(), self.field())?,
        }
        let gap = if self.place != Place::Body && self.pointer.is_empty() { "" } else { " " };
        write!(out, "{gap}{}: {}", self.rule, self.message)
    }
}

/// The pointer of a parameter; there is none of no parameter.
fn named(name: &str) -> String {
    if name.is_empty() { String::new() } else { join("", name) }
}

/// The unescaped segments of a JSON pointer.
pub(super) fn segments(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|segment| {
        if segment.contains('~') { segment.replace("~1", "/").replace("~0", "~").into() } else { segment.into() }
    })
}

/// The pointer of `name` within the object at `pointer`.
pub(super) fn join(pointer: &str, name: &str) -> String {
    if name.contains(['~', '/']) {
        format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
    } else {
        [pointer, "/", name].concat()
    }
}

/// All violations on one line that any HTTP header carries: ASCII only (the rest escaped as `\u00e9`), joined with
/// `"; "`, at most `max_bytes` long. What does not fit is counted: `… ; and 3 more`.
#[must_use]
pub fn header_line(violations: &[Violation], max_bytes: usize) -> String {
    let mut whole = Ascii(String::with_capacity(LINE_BYTES * violations.len()));
    for (n, violation) in violations.iter().enumerate() {
        // A text takes whatever is written to it.
        let _ = write!(whole, "{}{violation}", if n == 0 { "" } else { "; " });
    }
    let Ascii(whole) = whole;
    if whole.len() <= max_bytes {
        return whole;
    }
    let lines: Vec<String> =
        violations.iter().map(|violation| header_line(slice::from_ref(violation), usize::MAX)).collect();
    let kept = (1..lines.len()).rev().map(|kept| with_rest(&lines, kept)).find(|line| line.len() <= max_bytes);
    kept.unwrap_or_else(|| cut(whole, max_bytes))
}

fn with_rest(lines: &[String], kept: usize) -> String {
    let shown: Vec<&str> = lines.iter().take(kept).map(String::as_str).collect();
    format!("{}; and {} more", shown.join("; "), lines.len() - kept)
}

fn cut(mut line: String, max_bytes: usize) -> String {
    const MARK: &str = "...";
    line.truncate(max_bytes.saturating_sub(MARK.len()));
    if max_bytes >= MARK.len() {
        line.push_str(MARK);
    }
    line
}

/// A text that any header carries: it escapes what is written to it.
struct Ascii(String);

impl fmt::Write for Ascii {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        // The first byte that is none of these begins a character.
        while let Some(end) = text.bytes().position(|byte| !matches!(byte, b' '..=b'~')) {
            let (plain, rest) = text.split_at(end);
            self.0.push_str(plain);
            let mut characters = rest.chars();
            characters.by_ref().take(1).for_each(|character| self.escape(character));
            text = characters.as_str();
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl Ascii {
    fn escape(&mut self, character: char) {
        if character == '…' {
            return self.0.push_str("...");
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // As above.
            let _ = write!(self.0, "\\u{unit:04x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(place: Place, pointer: &str) -> Violation {
        Violation::new(place, pointer, "minimum", "0 is below 1")
    }

    #[test]
    fn one_line_says_where_and_what() {
        assert_eq!(violation(Place::Body, "/items/0/quantity").to_string(), "/items/0/quantity minimum: 0 is below 1");
        assert_eq!(violation(Place::Body, "").to_string(), "body minimum: 0 is below 1");
        assert_eq!(violation(Place::Query, "/limit").to_string(), "query limit minimum: 0 is below 1");
        assert_eq!(Violation::path("id", "minimum", "0 is below 1").to_string(), "path id minimum: 0 is below 1");
        assert_eq!(Violation::path("", "route", "is none").to_string(), "path route: is none");
        assert_eq!(violation(Place::Response, "/a/b").to_string(), "response /a/b minimum: 0 is below 1");
        assert_eq!(violation(Place::Response, "").to_string(), "response minimum: 0 is below 1");
    }

    #[test]
    fn field_is_dotted_and_unescaped() {
        assert_eq!(violation(Place::Body, "/items/0/quantity").field(), "items.0.quantity");
        assert_eq!(violation(Place::Body, "/a~1b/c~0d").field(), "a/b.c~d");
        assert_eq!(violation(Place::Body, "").field(), "");
        assert_eq!(join("/a", "b/c~"), "/a/b~1c~0");
    }

    #[test]
    fn header_is_ascii_and_bounded() {
        let three = [violation(Place::Body, "/é\n"), violation(Place::Body, "/b"), violation(Place::Body, "/😀…")];
        let whole = header_line(&three, 500);
        assert_eq!(
            whole,
            "/\\u00e9\\u000a minimum: 0 is below 1; /b minimum: 0 is below 1; /\\ud83d\\ude00... minimum: 0 is below 1"
        );
        assert_eq!(header_line(&three, 50), "/\\u00e9\\u000a minimum: 0 is below 1; and 2 more");
        for bound in 0..120 {
            let line = header_line(&three, bound);
            assert!(line.len() <= bound && line.is_ascii(), "{bound}: {line}");
        }
        assert_eq!(header_line(&[], 10), "");
    }

    #[test]
    fn serialises_with_lowercase_places() {
        let json = serde_json::to_value(violation(Place::Query, "/limit")).expect("serialises");
        assert_eq!(json["place"], "query");
        assert_eq!(json["suggestion"], serde_json::Value::Null);
    }
}
