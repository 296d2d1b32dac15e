//! What a schema says of the fields at one place, read from the schema itself: names to compare misspelt ones with,
//! and defaults. Consulted when a contract is first used and when a value fails, never on the way of a value that passes.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::library::{Library, Spot};
use super::violation::segments;

/// Applicators whose branches describe the same value.
const BRANCHES: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const CONDITIONALS: [&str; 3] = ["if", "then", "else"];

/// The fields an object may have.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fields<'a> {
    pub(super) names: BTreeSet<&'a str>,
    /// Any name goes (a map such as `metadata`), so that an unknown one is no slip.
    pub(super) any: bool,
}

/// The fields that a schema knows for the object at `pointer` of an instance.
pub(super) fn fields_at<'a>(library: &'a Library, root: Spot<'a>, pointer: &str) -> Fields<'a> {
    let mut spots = expand(library, vec![root]);
    for segment in segments(pointer) {
        let children = spots.iter().flat_map(|spot| children(*spot, &segment)).collect();
        spots = expand(library, children);
    }
    let mut fields = Fields::default();
    for spot in spots {
        fields.names.extend(properties(spot).into_iter().flat_map(Map::keys).map(String::as_str));
        fields.any |= spot.schema.get("patternProperties").is_some()
            || spot.schema.get("additionalProperties").is_some_and(|rule| rule.is_object() || rule == true);
    }
    fields
}

/// The schema itself and all that describe the same value: what it refers to, its branches and conditions.
pub(super) fn expand<'a>(library: &'a Library, mut open: Vec<Spot<'a>>) -> Vec<Spot<'a>> {
    let mut found: Vec<Spot<'a>> = Vec::new();
    open.reverse();
    while let Some(spot) = open.pop() {
        if found.iter().any(|seen| std::ptr::eq(seen.schema, spot.schema)) {
            continue;
        }
        let branches = BRANCHES.iter().filter_map(|keyword| spot.schema.get(keyword)?.as_array()).flatten();
        let conditionals = CONDITIONALS.iter().filter_map(|keyword| spot.schema.get(keyword));
        let inner = branches.chain(conditionals).map(|schema| Spot { noun: spot.noun, schema });
        let mut next: Vec<Spot<'a>> = referred(library, spot).into_iter().chain(inner).collect();
        // In the order of writing, so that what is found first is what a reader would find first.
        next.reverse();
        open.append(&mut next);
        found.push(spot);
    }
    found
}

/// Values for top-level fields that are left out. Only what holds for every instance counts: a default within a
/// branch of an `anyOf` is not known to apply.
pub(super) fn defaults<'a>(library: &'a Library, root: Spot<'a>) -> Vec<(&'a str, &'a Value)> {
    let mut found = Vec::new();
    let mut seen: Vec<&Value> = Vec::new();
    let mut open = vec![root];
    while let Some(spot) = open.pop() {
        if seen.iter().any(|schema| std::ptr::eq(*schema, spot.schema)) {
            continue;
        }
        seen.push(spot.schema);
        for (name, property) in properties(spot).into_iter().flatten() {
            let property = Spot { noun: spot.noun, schema: property };
            found.extend(default(library, property).map(|value| (name.as_str(), value)));
        }
        let all = spot.schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        open.extend(all.map(|schema| Spot { noun: spot.noun, schema }));
        open.extend(referred(library, spot));
    }
    found
}

/// The default of a property, its own before that of the shape it refers to.
fn default<'a>(library: &'a Library, property: Spot<'a>) -> Option<&'a Value> {
    let own = property.schema.get("default");
    own.or_else(|| referred(library, property)?.schema.get("default"))
}

/// The statuses of success that the schema of an answer names: those of `x-status`, else 200, or 204 for nothing.
pub(super) fn successes(schema: &Value) -> Vec<u64> {
    match &schema["x-status"] {
        Value::Array(named) => named.iter().filter_map(Value::as_u64).collect(),
        _ if schema["type"] == "null" && file(schema).is_none() => vec![204],
        _ => vec![200],
    }
}

/// The content type of an answer that is a file.
pub(super) fn file(schema: &Value) -> Option<&str> {
    schema["x-content"].as_str()
}

pub(super) fn properties(spot: Spot<'_>) -> Option<&Map<String, Value>> {
    spot.schema.get("properties")?.as_object()
}

fn referred<'a>(library: &'a Library, spot: Spot<'a>) -> Option<Spot<'a>> {
    library.resolve(spot.noun, spot.schema.get("$ref")?.as_str()?).ok()
}

/// The schemas of one member: a property by its name, an item by its number, else what is said of all others.
fn children<'a>(spot: Spot<'a>, segment: &str) -> Vec<Spot<'a>> {
    let property = properties(spot).and_then(|properties| properties.get(segment));
    let index = segment.parse::<usize>().ok();
    let prefixed = index.and_then(|index| spot.schema.get("prefixItems")?.get(index));
    let item = index.and_then(|_| spot.schema.get("items"));
    let other = || spot.schema.get("additionalProperties").filter(|rule| rule.is_object());
    let schema = property.or(prefixed).or(item).or_else(other);
    schema.map(|schema| Spot { noun: spot.noun, schema }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::fixture;

    #[test]
    fn fields_are_found_through_references_branches_and_items() {
        let library = Library::new(&fixture::GOOD);
        let root = library.definition("subscriptions", "createSubscription.request").expect("is there");
        let names = |pointer: &str| fields_at(&library, root, pointer).names.into_iter().collect::<Vec<_>>();
        assert_eq!(names("/items/3"), ["price", "quantity"]);
        assert_eq!(names("/payment"), ["iban", "number", "type"]);
        assert!(names("").contains(&"customerId") && names("").contains(&"customer"));
        assert!(fields_at(&library, root, "/metadata").any);
        assert!(!fields_at(&library, root, "").any);
        assert_eq!(names("/nowhere"), Vec::<&str>::new());
    }

    #[test]
    fn cycles_end() {
        let library = Library::new(&fixture::GOOD);
        let root = library.definition("plans", "Plan").expect("is there");
        assert!(fields_at(&library, root, "/parent/parent/parent").names.contains("name"));
    }
}
