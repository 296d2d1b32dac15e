//! One definition of a contract, ready for use.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::explain::explain;
use super::library::{Library, Spot};
use super::shape;
use super::violation::{Place, Violation, join};
use super::wording::near;

/// Hints that one request is given. A body may have thousands of unknown fields; comparing them all would make
/// nonsense the most expensive request.
pub(super) const MAX_HINTS: usize = 20;

/// One definition with all that is worth knowing of it beforehand.
pub(super) struct Rule {
    noun: &'static str,
    key: String,
    /// Compiled when a value first meets it: an operation has several rules and most runs use few of them.
    validator: OnceLock<Result<Validator, String>>,
    defaults: Vec<(String, Value)>,
    fields: Vec<String>,
    any_field: bool,
}

impl Rule {
    pub(super) fn read(library: &Library, noun: &'static str, key: String) -> Option<Self> {
        // A file that cannot be read must not make its operations accept everything: the rule stands, and says so.
        if library.document(noun).is_err() {
            return Some(Self::bare(noun, key));
        }
        let spot = library.definition(noun, &key)?;
        let fields = shape::fields_at(library, spot, "");
        let defaults = shape::defaults(library, spot).into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
        Some(Self {
            defaults: defaults.collect(),
            fields: fields.names.into_iter().map(str::to_owned).collect(),
            any_field: fields.any,
            ..Self::bare(noun, key)
        })
    }

    fn bare(noun: &'static str, key: String) -> Self {
        Self { noun, key, validator: OnceLock::new(), defaults: Vec::new(), fields: Vec::new(), any_field: true }
    }

    pub(super) fn spot<'a>(&self, library: &'a Library) -> Option<Spot<'a>> {
        library.definition(self.noun, &self.key)
    }

    pub(super) fn fill(&self, fields: &mut Map<String, Value>) {
        for (name, value) in &self.defaults {
            if !fields.contains_key(name) {
                fields.insert(name.clone(), value.clone());
            }
        }
    }

    pub(super) fn validate(&self, library: &Library, place: Place, value: &Value) -> Result<(), Vec<Violation>> {
        match self.validator.get_or_init(|| library.compile(self.noun, &self.key)) {
            Ok(validator) if validator.is_valid(value) => Ok(()),
            Ok(validator) => Err(explain(library, self, place, validator.iter_errors(value))),
            Err(flaw) => Err(vec![Violation::new(place, "", "contract", flaw.clone())]),
        }
    }

    /// Unknown top-level fields that are nearly a known one.
    pub(super) fn hints(&self, body: &Value) -> Vec<Violation> {
        let Some(fields) = body.as_object().filter(|_| !self.any_field) else { return Vec::new() };
        let known = |name: &String| self.fields.binary_search(name).is_ok();
        let unknown = fields.keys().filter(|name| !known(name)).take(MAX_HINTS);
        let free = || self.fields.iter().filter(|name| !fields.contains_key(*name)).map(String::as_str);
        let hints = unknown.filter_map(|name| {
            let meant = near(name, free())?;
            let message = format!("is not a known field; did you mean {meant:?}?");
            let hint = Violation::new(Place::Body, join("", name), "unknown", message);
            Some(Violation { suggestion: Some(meant.to_owned()), ..hint })
        });
        hints.collect()
    }
}
