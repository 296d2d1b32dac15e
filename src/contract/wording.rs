//! Words for values, types and patterns; and the nearest name to a misspelt one.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::fmt;

use serde_json::Value;

use super::violation::segments;

/// Characters of a sent value that a message repeats: enough to recognise it, short enough for one line.
const SHOWN_CHARS: usize = 60;
/// Values of an `enum` that a message lists before it counts the rest.
const LISTED: usize = 12;
/// Names longer than this are not compared: nobody misspells them by one letter, and comparing is quadratic.
const COMPARED_CHARS: usize = 200;
/// Card numbers have this many digits.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// Fields whose name ends so are never repeated in a message, which may end up in a log or a ticket.
const SECRET_ENDINGS: [&str; 12] = [
    "secret",
    "secrets",
    "password",
    "number",
    "cvc",
    "cvv",
    "cvn",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
];

/// The candidate that `name` most probably misspells, if any is near enough.
///
/// Case, `_` and `-` do not count (`customer_id` is `customerId`); beyond that about one wrong letter in three is
/// forgiven, three at most. The first of equally near candidates wins.
#[must_use]
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let sent = Outline::of(name);
    if sent.length == 0 || sent.length > COMPARED_CHARS {
        return None;
    }
    // Most names are near none of the candidates: only where one may be are letters compared one by one.
    let plain = LazyCell::new(|| plain(name).collect::<String>());
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        let forgiven = sent.forgiven(&Outline::of(candidate)).filter(|_| candidate != name);
        let Some(forgiven) = forgiven else { continue };
        let distance = strsim::osa_distance(&plain, &self::plain(candidate).collect::<String>());
        if distance <= forgiven && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// `1 event`, `2 events`, `2 stories`.
#[must_use]
pub fn counted(count: impl fmt::Display, thing: &str) -> String {
    let count = count.to_string();
    match thing.strip_suffix('y') {
        _ if count == "1" => format!("1 {thing}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {thing}s"),
    }
}

/// What can be said of a name at a glance. Most candidates are nothing like the sent name, and comparing costs
/// about a microsecond each: a look at length and letters spares nearly all of it.
struct Outline {
    length: usize,
    /// One bit for each letter (some share one), and in the upper half one for each that occurs again.
    letters: u64,
}

impl Outline {
    fn of(name: &str) -> Self {
        plain(name).fold(Self { length: 0, letters: 0 }, |Self { length, letters }, letter| {
            let bit = 1 << (u32::from(letter) % 32);
            let again = letters & bit != 0;
            Self { length: length + 1, letters: letters | if again { bit << 32 } else { bit } }
        })
    }

    /// How many slips are forgiven between two names, unless they certainly have more.
    fn forgiven(&self, other: &Self) -> Option<usize> {
        let forgiven = match self.length.max(other.length) {
            0..=2 => 0,
            3..=5 => 1,
            6..=8 => 2,
            _ => 3,
        };
        // Each letter that only one of the two has takes a slip.
        let strange = (self.letters & !other.letters).count_ones().max((other.letters & !self.letters).count_ones());
        let possible = other.length > 0 && self.length.abs_diff(other.length).max(strange as usize) <= forgiven;
        possible.then_some(forgiven)
    }
}

/// A name without what does not count.
fn plain(name: &str) -> impl Iterator<Item = char> + '_ {
    let lowercase = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
    let lowercase = move |letter: char| if letter.is_ascii() { letter.to_ascii_lowercase() } else { lowercase(letter) };
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(lowercase)
}

/// A sent value as a message repeats it: scalars in JSON, shortened and masked; containers by their kind only.
pub(super) fn shown(pointer: &str, value: &Value) -> Cow<'static, str> {
    match value {
        Value::Object(_) => "an object".into(),
        Value::Array(items) => format!("a list of {}", items.len()).into(),
        Value::Null => "null".into(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        _ if is_secret(pointer) => "[masked]".into(),
        Value::Number(number) => masked_digits(number.to_string()).into(),
        Value::String(text) => quoted(text).into(),
    }
}

/// A text in quotation marks, shortened and masked.
pub(super) fn quoted(text: &str) -> String {
    let json = |text: &str| serde_json::to_string(text).unwrap_or_default();
    if text.len() <= SHOWN_CHARS && !may_hold_card(text) {
        return json(text);
    }
    // Masked before it is cut, so that a cut never shortens a card number below recognition.
    let beginning: String = text.chars().take(SHOWN_CHARS * 2).collect();
    let cut = beginning.len() < text.len();
    let masked = masked_digits(beginning);
    let mut kept: String = masked.chars().take(SHOWN_CHARS).collect();
    if cut || kept.len() < masked.len() {
        kept.push('…');
    }
    json(&kept)
}

/// Whether the value at this pointer must not be repeated.
pub(super) fn is_secret(pointer: &str) -> bool {
    segments(pointer).any(|segment| {
        let letters = || segment.bytes().filter(u8::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
        let ends = |ending: &&str| ending.bytes().rev().eq(letters().rev().take(ending.len()));
        letters().eq(*b"pan") || SECRET_ENDINGS.iter().any(ends)
    })
}

/// Whether there are digits enough for a card number.
fn may_hold_card(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= *CARD_DIGITS.start()
}

/// Replaces runs of digits that could be a card number, grouped by spaces or dashes or not.
fn masked_digits(text: String) -> String {
    if !may_hold_card(&text) {
        return text;
    }
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let (digits, end) = digit_run(&characters, at);
        if CARD_DIGITS.contains(&digits) {
            out.push_str("[digits]");
            at = end;
        } else if digits > 0 {
            out.extend(characters.get(at..end).unwrap_or_default());
            at = end;
        } else {
            out.push(character);
            at += 1;
        }
    }
    out
}

/// How many digits start at `start`, single separators between them allowed, and where they end.
fn digit_run(characters: &[char], start: usize) -> (usize, usize) {
    let (mut digits, mut end) = (0, start);
    let is_digit = |at: usize| characters.get(at).is_some_and(char::is_ascii_digit);
    loop {
        if is_digit(end) {
            digits += 1;
            end += 1;
        } else if digits > 0 && matches!(characters.get(end), Some(' ' | '-')) && is_digit(end + 1) {
            end += 1;
        } else {
            return (digits, end);
        }
    }
}

/// `"a", "b", "c" (4 more)`.
pub(super) fn listed(items: &[String]) -> String {
    let shown: Vec<&str> = items.iter().take(LISTED).map(String::as_str).collect();
    match items.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        rest => format!("{} ({rest} more)", shown.join(", ")),
    }
}

/// What a JSON type is called in a sentence.
pub(super) fn type_phrase(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object",
        _ => "null",
    }
}

/// What a format is called, and a value that has it.
pub(super) fn format_phrase(format: &str) -> (Cow<'static, str>, Option<&'static str>) {
    let (phrase, example) = match format {
        "date-time" => ("a date-time", "2028-01-31T00:00:00Z"),
        "date" => ("a date", "2028-01-31"),
        "time" => ("a time", "09:30:00Z"),
        "duration" => ("an ISO 8601 duration", "P1M"),
        "email" | "idn-email" => ("an e-mail address", "ada@example.com"),
        "uri" | "iri" => ("a URI", "https://example.com/hook"),
        "uri-reference" | "iri-reference" => ("a URI reference", "/hook"),
        "hostname" | "idn-hostname" => ("a host name", "example.com"),
        "ipv4" => ("an IPv4 address", "192.0.2.1"),
        "ipv6" => ("an IPv6 address", "2001:db8::1"),
        "uuid" => ("a UUID", "0190f2d6-6f5a-7c1e-9d3b-2a4c6e8f0a1b"),
        other => return (format!("of the format {other}").into(), None),
    };
    (phrase.into(), Some(example))
}

/// What a pattern asks for: `of the form cus_…` where it is a prefix and a tail, words for a few common ones,
/// else the pattern itself.
pub(super) fn pattern_phrase(pattern: &str) -> String {
    if let Some(prefix) = literal_prefix(pattern) {
        return ["of the form ", prefix, "…"].concat();
    }
    let bounded = |start: &str, end: &str| {
        let count = pattern.strip_prefix(start)?.strip_suffix(end)?;
        (!count.is_empty() && count.bytes().all(|b| b.is_ascii_digit())).then_some(count)
    };
    if let Some(count) = bounded("^[A-Z]{", "}$") {
        return format!("{count} capital letters");
    }
    if let Some(places) = bounded(r"^\d+(\.\d{1,", "})?$") {
        return format!("a decimal number with at most {places} places");
    }
    format!("of the pattern {}", quoted(pattern).trim_matches('"').replace(r"\\", r"\"))
}

/// The fixed beginning that a pattern demands, if it has one and no alternatives.
fn literal_prefix(pattern: &str) -> Option<&str> {
    let rest = pattern.strip_prefix('^').filter(|rest| !rest.contains('|'))?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | ':')))?;
    let (prefix, tail) = rest.split_at(end);
    // A quantifier makes the last letter optional, `$` leaves no tail to stand for with an ellipsis.
    (!prefix.is_empty() && !tail.starts_with(['?', '*', '+', '{', '$'])).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn near_forgives_small_slips_only() {
        let names = ["customerId", "planId", "autoCharge", "metadata", "limit"];
        for (sent, meant) in [
            ("custmerId", Some("customerId")),
            ("customer_id", Some("customerId")),
            ("plandId", Some("planId")),
            ("plan", Some("planId")),
            ("autoCharg", Some("autoCharge")),
            ("limt", Some("limit")),
            ("limti", Some("limit")),
            ("x", None),
            ("", None),
            ("reference", None),
            ("limit", None),
        ] {
            assert_eq!(near(sent, names), meant, "{sent}");
        }
        assert_eq!(near(&"a".repeat(5_000), ["aaaa"]), None);
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(counted(1, "event") + ", " + &counted(0, "event"), "1 event, 0 events");
        assert_eq!(counted(1, "story") + ", " + &counted(21, "story"), "1 story, 21 stories");
    }

    #[test]
    fn values_are_shortened_and_masked() {
        assert_eq!(shown("/name", &json!("a\nb")), r#""a\nb""#);
        assert_eq!(shown("/name", &json!("x".repeat(100))), format!("\"{}…\"", "x".repeat(60)));
        assert_eq!(shown("/note", &json!("card 4242 4242 4242 4242!")), r#""card [digits]!""#);
        assert_eq!(shown("/note", &json!("5555-5555-5555-4444")), r#""[digits]""#);
        assert_eq!(shown("/note", &json!(4_242_424_242_424_242_u64)), "[digits]");
        assert_eq!(shown("/note", &json!("2028-01-31T00:00:00Z")), r#""2028-01-31T00:00:00Z""#);
        for pointer in ["/card/number", "/cvc", "/webhook/signing_secret", "/apiKey", "/secrets/0"] {
            assert_eq!(shown(pointer, &json!("hush")), "[masked]", "{pointer}");
        }
        assert_eq!(shown("/tokens", &json!(12)), "12");
        assert_eq!(shown("/secret", &json!({"a": 1})), "an object");
        let cut_card = format!("{}4242424242424242", "x".repeat(50));
        assert_eq!(shown("/note", &json!(cut_card)), format!("\"{}[digits]\"", "x".repeat(50)));
    }

    #[test]
    fn patterns_are_put_in_words() {
        for (pattern, phrase) in [
            ("^cus_[a-zA-Z0-9]+$", "of the form cus_…"),
            ("^https://.+$", "of the form https://…"),
            ("^https?://.+$", "of the pattern ^https?://.+$"),
            ("^(a|b)$", "of the pattern ^(a|b)$"),
            ("^[A-Z]{3}$", "3 capital letters"),
            (r"^\d+(\.\d{1,2})?$", "a decimal number with at most 2 places"),
            (r"^\d+$", r"of the pattern ^\d+$"),
        ] {
            assert_eq!(pattern_phrase(pattern), phrase);
        }
    }

    #[test]
    fn lists_are_bounded() {
        let items: Vec<String> = (0..15).map(|n| n.to_string()).collect();
        assert_eq!(listed(&items), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 (3 more)");
    }
}
