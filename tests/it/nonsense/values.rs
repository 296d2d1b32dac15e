//! What to put in the place of what is right.

use serde_json::{Value, json};

/// Stands for the value that is put in as text, since a JSON library refuses to write some of them.
const MARK: &str = "\"@@\"";

/// JSON texts that are wrong for most fields.
const ANYTHING: [&str; 13] = [
    "null",
    "true",
    "\"\"",
    "\"text\"",
    "0",
    "-1",
    "1e308",
    "99999999999999999999",
    "0.1",
    "[]",
    "{}",
    "[null]",
    "{\"a\":[]}",
];
const INSTANTS: &[&str] = &[
    "9999-12-31T23:59:59Z",
    "9999-12-30T22:00:00Z",
    "0001-01-01T00:00:00Z",
    "2028-02-30T00:00:00Z",
    "-009999-01-02T00:00:00Z",
    "-009999",
    "2028-02-29",
    "2028-02-29T24:00:00Z",
    "2028-06-30T23:59:60Z",
    "2028-02-29T00:00:00+99:00",
    "1700000000",
    "2028-02-29T00:00:00.123456789123Z",
];
const CADENCES: &[&str] = &[
    "P9999Y",
    "P4294967295M",
    "P99999999999Y",
    "PT1S",
    "P0D",
    "-P1M",
    "P",
    "PT",
    "P1.5M",
    "P1M1D",
    "P1W",
    "PT4294967295S",
    "p1m",
];
const NUMBERS: &[&str] = &[
    "79228162514264337593543950335",
    "79228162514264337593543950336",
    "-79228162514264337593543950335",
    "0.0000000000000000000000000001",
    "9999999999999999999999999999",
    "1e5",
    "NaN",
    "-1",
    "+1",
    "1,000",
    "0",
    "00",
    " 1",
    "1.",
];

/// The next number of a fixed sequence.
pub struct Lcg(pub u64);

impl Lcg {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

pub fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.replace('/', "~1"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().take(1).map(|(n, value)| (n.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let pointer = format!("{here}/{name}");
        pointers(child, &pointer, found);
        found.push(pointer);
    }
}

/// What to put in the place of a value.
pub fn replacements(value: &Value, huge: &str) -> Vec<String> {
    let nested = format!("{}{}", "[".repeat(25), "]".repeat(25));
    let mut all: Vec<String> = ANYTHING.map(str::to_owned).to_vec();
    all.push(nested);
    if value.is_string() {
        all.push(format!("\"{huge}\""));
    }
    let word = value.as_str().unwrap_or("");
    let more: &[&str] = if word.parse::<leapday::time::Timestamp>().is_ok() {
        INSTANTS
    } else if leapday::time::Cadence::parse(word).is_ok() {
        CADENCES
    } else if word.parse::<f64>().is_ok() {
        NUMBERS
    } else if word.is_empty() {
        &[]
    } else {
        &["\u{1f600}", "a\\u0000b", " ", "../..", "<script>", "javascript:alert(1)", "sub_aaaaaaaaaaaaaaaa", "XXX"]
    };
    all.extend(more.iter().map(|text| format!("\"{text}\"")));
    if value.is_number() {
        all.extend(
            ["1", "79228162514264337593543950335", "1e28", "-1e308", "1e-308", "2147483648", "4294967296"]
                .map(str::to_owned),
        );
    }
    all
}

/// The example with the field behind a pointer replaced by raw JSON text.
pub fn replaced(example: &Value, pointer: &str, with: &str) -> String {
    let mut body = example.clone();
    *body.pointer_mut(pointer).unwrap() = json!("@@");
    body.to_string().replacen(MARK, with, 1)
}

/// The example without a field, or with the field under another name.
pub fn renamed(example: &Value, pointer: &str, name: Option<&str>) -> Option<Value> {
    let (parent, field) = pointer.rsplit_once('/')?;
    let mut body = example.clone();
    let fields = body.pointer_mut(parent)?.as_object_mut()?;
    let value = fields.remove(&field.replace("~1", "/"))?;
    if let Some(name) = name {
        fields.insert(name.to_owned(), value);
    }
    Some(body)
}
