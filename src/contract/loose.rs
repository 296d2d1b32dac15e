//! Bodies as forgiving servers read them: `null` for what is left out, numbers as text and text as numbers.
//!
//! A request schema that says `"x-loose": true` is read so; what cannot be meant stays as it is, for the validator.

use serde_json::Value;

use super::coerce::Readings;
use super::library::{Library, Spot};
use super::shape::expand;

/// Turns a body into what its schema means, where there is no doubt.
pub(super) fn loosen(library: &Library, root: Spot<'_>, body: &mut Value) {
    tidy(library, &expand(library, vec![root]), body);
}

fn tidy<'a>(library: &'a Library, spots: &[Spot<'a>], value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            for (name, field) in fields.iter_mut() {
                tidy(library, &inner(library, spots, |schema| schema.get("properties")?.get(name)), field);
            }
        }
        Value::Array(items) => {
            let inner = inner(library, spots, |schema| schema.get("items"));
            for item in items {
                tidy(library, &inner, item);
            }
        }
        Value::String(text) => {
            let text = std::mem::take(text);
            *value = Readings::of(spots).read(text);
        }
        Value::Number(number) if Readings::of(spots).wants_text() => *value = Value::String(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What the schemas of a whole say of one of its parts.
fn inner<'a>(library: &'a Library, spots: &[Spot<'a>], part: impl Fn(&'a Value) -> Option<&'a Value>) -> Vec<Spot<'a>> {
    let found = spots.iter().filter_map(|spot| Some(Spot { noun: spot.noun, schema: part(spot.schema)? }));
    expand(library, found.collect())
}
