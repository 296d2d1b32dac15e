//! A query string is all text; a contract says which text is a number.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use super::library::{Library, Spot};
use super::shape::{expand, properties};
use super::violation::{Place, Violation, join};
use super::wording::{near, quoted};

/// What the query contract of an operation says of each parameter, reduced to what reading needs.
#[derive(Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, Parameter>);

#[derive(Debug, Default)]
struct Parameter {
    one: Option<Readings>,
    /// The readings of the items, where the parameter may be repeated.
    many: Option<Readings>,
}

/// The types that a text may be read as. Where a string is as good, it stays a string: `anyOf` an id or a number
/// must not turn the id `12` into a number.
#[derive(Debug, Default)]
pub(super) struct Readings(Vec<Reading>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    Text,
    Whole,
    Number,
    Truth,
}

/// Reads the types of the parameters out of a query schema.
pub(super) fn parameters(library: &Library, schema: Option<Spot<'_>>) -> Parameters {
    let mut found: BTreeMap<String, Parameter> = BTreeMap::new();
    for spot in schema.into_iter().flat_map(|spot| expand(library, vec![spot])) {
        for (name, property) in properties(spot).into_iter().flatten() {
            let property = Spot { noun: spot.noun, schema: property };
            found.entry(name.clone()).or_default().learn(library, property);
        }
    }
    Parameters(found)
}

impl Parameters {
    pub(super) fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The hint for a parameter that the operation does not have.
    pub(super) fn unknown(&self, name: &str) -> Violation {
        let meant = near(name, self.0.keys().map(String::as_str));
        let message = match meant {
            Some(meant) => format!("is not a parameter of this operation; did you mean {meant:?}?"),
            None => "is not a parameter of this operation".to_owned(),
        };
        let hint = Violation::new(Place::Query, join("", name), "unknown", message);
        Violation { suggestion: meant.map(str::to_owned), ..hint }
    }

    /// The values of those parameters that a look-up finds: for headers and segments of a path, which come
    /// decoded and one by one.
    pub(super) fn pick<'v>(&self, sent: impl Fn(&str) -> Option<&'v str>) -> Map<String, Value> {
        let found = self.0.iter().filter_map(|(name, parameter)| {
            let value = typed(Some(parameter), vec![sent(name)?.to_owned()]).ok()?;
            Some((name.clone(), value))
        });
        found.collect()
    }

    /// Splits and decodes a raw query and types its values. What cannot be read as the wanted type stays text, for
    /// the validator to refuse.
    pub(super) fn coerce(&self, raw: &str) -> Result<Map<String, Value>, Vec<Violation>> {
        let (mut sent, mut violations) = decode(raw);
        let mut values = Map::new();
        while let Some((name, texts)) = sent.pop_first() {
            let parameter = self.0.get(&name);
            match typed(parameter, texts) {
                Ok(value) => {
                    values.insert(name, value);
                }
                Err(times) => {
                    let message = format!("is given {times} times; send it once");
                    violations.push(Violation::new(Place::Query, join("", &name), "repeated", message));
                }
            }
        }
        if violations.is_empty() { Ok(values) } else { Err(violations) }
    }
}

/// All values by name, and what could not be decoded.
fn decode(raw: &str) -> (BTreeMap<String, Vec<String>>, Vec<Violation>) {
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut violations = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decoded(name), decoded(value)) {
            (Some(name), Some(value)) => sent.entry(name).or_default().push(value),
            (name, _) => {
                let pointer = name.map(|name| join("", &name)).unwrap_or_default();
                let message = format!("{} does not decode to UTF-8", quoted(pair));
                violations.push(Violation::new(Place::Query, pointer, "encoding", message));
            }
        }
    }
    (sent, violations)
}

/// Form encoding: `+` is a space, the rest is percent-encoded UTF-8.
fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

/// The value of one parameter, or how often a scalar was given. What no contract knows stays text.
fn typed(parameter: Option<&Parameter>, mut texts: Vec<String>) -> Result<Value, usize> {
    let list = |readings: &Readings, texts: Vec<String>| texts.into_iter().map(|text| readings.read(text)).collect();
    let single = if texts.len() == 1 { texts.pop() } else { None };
    match (parameter, single) {
        (Some(Parameter { one: Some(one), .. }), Some(text)) => Ok(one.read(text)),
        (Some(Parameter { many: Some(many), .. }), Some(text)) => Ok(list(many, vec![text])),
        (_, Some(text)) => Ok(Value::String(text)),
        (Some(Parameter { many: Some(many), .. }), None) => Ok(list(many, texts)),
        (Some(_), None) => Err(texts.len()),
        (None, None) => Ok(texts.into()),
    }
}

impl Parameter {
    /// Adds what one property schema allows, its references and branches included.
    fn learn(&mut self, library: &Library, property: Spot<'_>) {
        for spot in expand(library, vec![property]) {
            for kind in kinds(spot.schema) {
                match kind {
                    "array" => self.many.get_or_insert_default().learn(library, spot),
                    kind => self.one.get_or_insert_default().allow(kind),
                }
            }
        }
    }
}

impl Readings {
    /// What the value may be that all these schemas describe.
    pub(super) fn of(spots: &[Spot<'_>]) -> Self {
        let mut readings = Self::default();
        for kind in spots.iter().flat_map(|spot| kinds(spot.schema)) {
            readings.allow(kind);
        }
        readings
    }

    /// Whether nothing but text will do.
    pub(super) fn wants_text(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|reading| *reading == Reading::Text)
    }

    /// Adds what the items of an array schema may be.
    fn learn(&mut self, library: &Library, array: Spot<'_>) {
        let items = array.schema.get("items").map(|schema| Spot { noun: array.noun, schema });
        for spot in expand(library, items.into_iter().collect()) {
            for kind in kinds(spot.schema) {
                self.allow(kind);
            }
        }
    }

    fn allow(&mut self, kind: &str) {
        match kind {
            "string" => self.0.push(Reading::Text),
            "integer" => self.0.push(Reading::Whole),
            "number" => self.0.push(Reading::Number),
            "boolean" => self.0.push(Reading::Truth),
            _ => {}
        }
    }

    pub(super) fn read(&self, text: String) -> Value {
        let allows = |reading| self.0.contains(&reading);
        let truth = || text.parse().ok().filter(|_| allows(Reading::Truth)).map(Value::Bool);
        let fits = |number: &Number| allows(Reading::Number) || (allows(Reading::Whole) && !number.is_f64());
        let number = || number(&text).filter(fits).map(Value::Number);
        let read = if allows(Reading::Text) { None } else { truth().or_else(number) };
        read.unwrap_or(Value::String(text))
    }
}

/// A number by JSON's own grammar, which knows neither `+5` nor `007` nor `inf`; and, unlike JSON, no space around it.
fn number(text: &str) -> Option<Number> {
    let bare = !text.contains(|c: char| c.is_ascii_whitespace());
    bare.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The types that a schema names, or that its listed values have.
fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => {
            let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            listed.chain(schema.get("const")).map(kind_of).collect()
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if !number.is_f64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(raw: &str) -> Value {
        let library = Library::new(&crate::contract::fixture::GOOD);
        let schema = library.definition("subscriptions", "listSubscriptions.query");
        match parameters(&library, schema).coerce(raw) {
            Ok(values) => Value::Object(values),
            Err(wrong) => wrong.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn text_is_read_as_the_type_of_its_parameter() {
        assert_eq!(values(""), json!({}));
        assert_eq!(
            values("&&limit=10&ratio=2.5&active=true&q=5"),
            json!({"limit": 10, "ratio": 2.5, "active": true, "q": "5"})
        );
        assert_eq!(values("ratio=2&limit=-1&active=false"), json!({"ratio": 2, "limit": -1, "active": false}));
        assert_eq!(values("size=25"), json!({"size": 25}), "by the values of an enum without a type");
        assert_eq!(values("idOrNumber=12"), json!({"idOrNumber": "12"}), "text where text is as good");
    }

    #[test]
    fn what_is_no_number_stays_text() {
        for text in ["abc", "", "1.5", "1e3", "007", "%2B7", "+7", "7+", "99999999999999999999", "True"] {
            assert!(values(&format!("limit={text}"))["limit"].is_string(), "{text}");
        }
        assert_eq!(values("ratio=inf&active=TRUE&limit"), json!({"ratio": "inf", "active": "TRUE", "limit": ""}));
    }

    #[test]
    fn repeated_keys_make_a_list_or_are_refused() {
        assert_eq!(values("status=active&status=paused"), json!({"status": ["active", "paused"]}));
        assert_eq!(values("status=active"), json!({"status": ["active"]}));
        assert_eq!(values("ids=1&ids=2"), json!({"ids": [1, 2]}));
        assert_eq!(values("either=1"), json!({"either": 1}));
        assert_eq!(values("either=1&either=2"), json!({"either": [1, 2]}));
        assert_eq!(values("limit=1&limit=2"), json!(["query limit repeated: is given 2 times; send it once"]));
        assert_eq!(values("what=1&what=2"), json!({"what": ["1", "2"]}), "nobody knows what an unknown one is");
    }

    #[test]
    fn decodes_forms() {
        assert_eq!(values("q=a%20b+c%2Bd%26e=f"), json!({"q": "a b c+d&e=f"}));
        assert_eq!(values("%71=%C3%A9%zz"), json!({"q": "é%zz"}));
        assert_eq!(values("q=%ff"), json!([r#"query q encoding: "q=%ff" does not decode to UTF-8"#]));
    }
}
