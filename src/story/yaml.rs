//! YAML as JSON, with the place of each value, so that an error can say its line and column.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

/// How many values a file holds at most, those of aliases counted each time: a story has hundreds, and a few lines of
/// aliases of aliases would be billions.
const VALUES_MOST: usize = 100_000;
/// How deep they nest: deeper than any body that an API takes, forks in forks included.
const DEPTH_MOST: usize = 64;

/// Where something stands in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    fn of(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// A document and where its values stand.
#[derive(Debug, Clone, Default)]
pub struct Document {
    pub value: Value,
    /// By JSON pointer: the place, and the letters from the first to behind the last.
    spots: HashMap<String, (Place, Range<usize>)>,
}

impl Document {
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(text: &str) -> Result<Self, (Place, String)> {
        let mut reader = Reader::default();
        // Event by event: the parser's own way to a document goes as deep as the document does.
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| (Place::of(*error.marker()), error.info().to_owned()))?;
            reader.take(event, span);
            if let Some(problem) = reader.problem {
                return Err(problem);
            }
        }
        Ok(Self { value: reader.root.unwrap_or_default(), spots: reader.spots })
    }

    /// Where the value at a pointer stands; of one that is not there, where it should stand.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Place {
        let mut pointer = pointer;
        loop {
            if let Some((place, _)) = self.spots.get(pointer) {
                return *place;
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return Place { line: 1, column: 1 },
            }
        }
    }

    /// The letters of a value, as numbers of characters.
    #[must_use]
    pub fn range(&self, pointer: &str) -> Option<Range<usize>> {
        self.spots.get(pointer).map(|(_, range)| range.clone())
    }
}

/// What is being read: a list, or a mapping with the key whose value comes next.
enum Open {
    List(Vec<Value>),
    Mapping(Map<String, Value>, Option<String>),
}

#[derive(Default)]
struct Reader {
    open: Vec<(Open, String, Marker, usize)>,
    root: Option<Value>,
    spots: HashMap<String, (Place, Range<usize>)>,
    anchors: HashMap<usize, Anchored>,
    /// How many there are already.
    values: usize,
    problem: Option<(Place, String)>,
}

/// A value that aliases stand for.
struct Anchored {
    value: Value,
    count: usize,
    depth: usize,
}

impl Anchored {
    fn new(value: Value) -> Self {
        let (count, depth) = measured(&value);
        Self { value, count, depth }
    }
}

/// How many values something is, and how deep they nest.
fn measured(value: &Value) -> (usize, usize) {
    let sum = |(count, depth), inner| {
        let (more, below) = measured(inner);
        (count + more, std::cmp::max(depth, below + 1))
    };
    match value {
        Value::Array(items) => items.iter().fold((1, 1), sum),
        Value::Object(fields) => fields.values().fold((1, 1), sum),
        _ => (1, 0),
    }
}

impl Reader {
    /// The pointer of the value that comes next.
    fn pointer(&self) -> String {
        match self.open.last() {
            None => String::new(),
            Some((Open::List(items), pointer, ..)) => format!("{pointer}/{}", items.len()),
            Some((Open::Mapping(_, key), pointer, ..)) => {
                let key = key.as_deref().unwrap_or_default();
                format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
            }
        }
    }

    fn is_key_next(&self) -> bool {
        matches!(self.open.last(), Some((Open::Mapping(_, None), ..)))
    }

    fn fail(&mut self, at: Marker, why: impl Into<String>) {
        self.problem.get_or_insert((Place::of(at), why.into()));
    }

    fn put(&mut self, value: Value, span: Span, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored::new(value.clone()));
        }
        let pointer = self.pointer();
        self.spots.insert(pointer, (Place::of(span.start), span.start.index()..span.end.index()));
        match self.open.last_mut() {
            None if self.root.is_some() => self.fail(span.start, "a second document: a file holds one story"),
            None => self.root = Some(value),
            Some((Open::List(items), ..)) => items.push(value),
            Some((Open::Mapping(fields, key), ..)) => {
                if let Some(key) = key.take() {
                    fields.insert(key, value);
                }
            }
        }
    }

    /// Whether there is room for so many values that nest so deep.
    fn has_room(&mut self, count: usize, depth: usize, at: Marker) -> bool {
        self.values += count;
        if self.values > VALUES_MOST {
            self.fail(at, format!("holds more than {VALUES_MOST} values"));
        } else if self.open.len() + depth > DEPTH_MOST {
            self.fail(at, format!("nests deeper than {DEPTH_MOST} levels"));
        }
        self.problem.is_none()
    }

    fn alias(&mut self, anchor: usize, span: Span) {
        let Some(&Anchored { count, depth, .. }) = self.anchors.get(&anchor) else {
            return self.fail(span.start, "stands for what it is a part of");
        };
        if self.has_room(count, depth, span.start) {
            let value = self.anchors.get(&anchor).map(|anchored| anchored.value.clone());
            self.put(value.unwrap_or_default(), span, 0);
        }
    }

    fn enter(&mut self, open: Open, span: Span, anchor: usize) {
        let pointer = self.pointer();
        if self.has_room(1, 1, span.start) {
            self.open.push((open, pointer, span.start, anchor));
        }
    }

    fn key(&mut self, text: String, at: Marker) {
        if let Some((Open::Mapping(fields, key), ..)) = self.open.last_mut() {
            if fields.contains_key(&text) {
                self.fail(at, format!("{text:?} stands here a second time"));
            } else {
                *key = Some(text);
            }
        }
    }
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) {
        match event {
            Event::Scalar(text, ..) if self.is_key_next() => self.key(text.into_owned(), span.start),
            Event::Scalar(text, style, anchor, _) => {
                let value = if style == ScalarStyle::Plain { plain(&text) } else { Value::String(text.into_owned()) };
                if self.has_room(1, 0, span.start) {
                    self.put(value, span, anchor);
                }
            }
            Event::Alias(_) | Event::SequenceStart(..) | Event::MappingStart(..) if self.is_key_next() => {
                self.fail(span.start, "a key is a text");
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::SequenceStart(anchor, _) => self.enter(Open::List(Vec::new()), span, anchor),
            Event::MappingStart(anchor, _) => self.enter(Open::Mapping(Map::new(), None), span, anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((open, _, start, anchor)) = self.open.pop() else { return };
                let value = match open {
                    Open::List(items) => Value::Array(items),
                    Open::Mapping(fields, _) => Value::Object(fields),
                };
                self.put(value, Span::new(start, span.end), anchor);
            }
            _ => {}
        }
    }
}

/// What a word without quotes means (the core schema of YAML 1.2).
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let is_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    let number = is_number.then(|| serde_json::from_str::<serde_json::Number>(text.trim_start_matches('+')).ok());
    number.flatten().map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_places() {
        let text =
            "story: Ünï\nsteps:\n  - call: x\n    body: {a: [1, \"2\", 2028-01-31], b: null}\n  - advance: P1M # now\n";
        let document = Document::read(text).unwrap();
        let steps = json!([{ "call": "x", "body": { "a": [1, "2", "2028-01-31"], "b": null } }, { "advance": "P1M" }]);
        assert_eq!(document.value, json!({ "story": "Ünï", "steps": steps }));
        assert_eq!(document.place("/steps/1/advance"), Place { line: 5, column: 14 });
        assert_eq!(document.place("/steps/0/body/a/1"), Place { line: 4, column: 19 });
        assert_eq!(document.place("/steps/0/expect"), document.place("/steps/0"));
        let letters: Vec<char> = text.chars().collect();
        let of = |pointer| letters[document.range(pointer).unwrap()].iter().collect::<String>();
        assert_eq!(of("/steps/1/advance"), "P1M");
        assert_eq!(of("/steps/0/body"), "{a: [1, \"2\", 2028-01-31], b: null}");
    }

    /// Lists of ten of the list before: ten to the power of their number.
    fn laughs(lines: usize) -> String {
        let line = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
        (1..=lines).fold("a0: &a0 x\n".to_owned(), |text, n| text + &line(n))
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        for (text, line) in [("a: 1\na: 2\n", 2), ("a: [1\nb: 2\n", 2), ("a: 1\n---\nb: 2\n", 3), ("a: 'x\n", 2)] {
            let (place, why) = Document::read(text).unwrap_err();
            assert!(place.line >= line - 1 && !why.is_empty(), "{text:?}: {place:?} {why}");
        }
        for (text, why) in [
            ("a: &a [*a]\n".to_owned(), "part of"),
            ("[".repeat(100_000), "deep"),
            (format!("a: {}1{}", "[".repeat(70), "]".repeat(70)), "64 levels"),
            (laughs(20), "100000 values"),
        ] {
            let (_, said) = Document::read(&text).unwrap_err();
            assert!(said.contains(why) || text.starts_with('['), "{said}");
        }
        assert_eq!(Document::read(&laughs(4)).unwrap().value["a4"].as_array().map(Vec::len), Some(10));
        let anchored = Document::read("base: &b {x: 1}\nother: *b\n").unwrap();
        assert_eq!(anchored.value["other"], json!({ "x": 1 }));
    }
}
