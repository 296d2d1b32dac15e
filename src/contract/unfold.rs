//! `anyOf` and `oneOf`: which alternative was meant, or else which there are.
//!
//! "Not valid under any of the given schemas" helps nobody. The branch that was meant is found by elimination: not
//! those of another JSON type, not those with another discriminator; of the rest, the one that fails deepest.

use std::collections::BTreeSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::explain::{Explainer, wanted_types};
use super::violation::{Violation, segments};
use super::wording::{format_phrase, listed, pattern_phrase, quoted, shown};

/// Alternatives that a message names.
const MAX_ALTERNATIVES: usize = 5;

/// The errors of one alternative.
type Branch = [ValidationError<'static>];

impl Explainer<'_> {
    /// Adds what is wrong with a value that fits no alternative.
    pub(super) fn unfold(
        &self,
        error: &ValidationError<'_>,
        branches: &[Vec<ValidationError<'static>>],
        out: &mut Vec<Violation>,
    ) {
        let at = error.instance_path().as_str();
        let all: Vec<&Branch> = branches.iter().map(Vec::as_slice).collect();
        let same_type = kept(&all, |branch| !branch.iter().any(|inner| is_type_of(inner, at)));
        if let Some(violation) = self.wrong_discriminator(at, error.instance(), &same_type) {
            out.push(violation);
            return;
        }
        let candidates = same_discriminator(at, &same_type);
        match intended(&candidates) {
            Some(branch) => branch.iter().for_each(|inner| self.add(inner, out)),
            None => self.alternatives(error, &candidates, out),
        }
    }

    /// All alternatives have a discriminator, and it is none of them: say which there are.
    fn wrong_discriminator(&self, at: &str, instance: &Value, branches: &[&Branch]) -> Option<Violation> {
        let name = discriminators(at, branches.first()?)
            .into_iter()
            .find(|name| branches.len() > 1 && branches.iter().all(|branch| expected(at, name, branch).is_some()))?;
        let mut options: Vec<Value> = Vec::new();
        for option in branches.iter().filter_map(|branch| expected(at, &name, branch)).flatten() {
            if !options.contains(&option) {
                options.push(option);
            }
        }
        let pointer = format!("{at}/{name}");
        let sent = segments(&format!("/{name}")).next().and_then(|name| instance.get(&*name));
        Some(self.not_among(&pointer, sent.unwrap_or(&Value::Null), "enum", &options))
    }

    /// No alternative stands out: what all of them lack is certain, for the rest name them.
    fn alternatives(&self, error: &ValidationError<'_>, branches: &[&Branch], out: &mut Vec<Violation>) {
        let at = error.instance_path().as_str();
        let rule = if matches!(error.kind(), Kind::AnyOf { .. }) { "anyOf" } else { "oneOf" };
        let mut lacking: Vec<BTreeSet<&str>> = branches.iter().map(|branch| lacking(at, branch)).collect();
        let common: BTreeSet<&str> = lacking.iter().cloned().reduce(|a, b| &a & &b).unwrap_or_default();
        out.extend(common.iter().map(|name| self.missing(error, name)));
        for names in &mut lacking {
            names.retain(|name| !common.contains(name));
        }
        let only_lacking = branches.iter().all(|branch| branch.iter().all(|inner| is_lacking(inner, at)));
        if only_lacking && lacking.iter().all(|names| !names.is_empty()) {
            out.push(self.needs_one(error, rule, &lacking));
        } else if common.is_empty() {
            let wanted: BTreeSet<String> = branches.iter().map(|branch| expectation(branch)).collect();
            let wanted: Vec<String> = wanted.into_iter().take(MAX_ALTERNATIVES).collect();
            let message = format!("{} fits none of: {}", shown(at, error.instance()), wanted.join("; "));
            out.push(self.at(error, rule, message));
        }
    }

    fn needs_one(&self, error: &ValidationError<'_>, rule: &'static str, lacking: &[BTreeSet<&str>]) -> Violation {
        let groups: Vec<String> = lacking.iter().map(joined).collect();
        let exactly = if rule == "oneOf" { "exactly " } else { "" };
        let mut message = format!("needs {exactly}one of: {}", listed(&groups));
        let at = error.instance_path().as_str();
        let mut names = lacking.iter().flatten();
        let slip = names.find_map(|name| Some((self.slip(at, error.instance(), name)?, (*name).to_owned())));
        if let Some((slip, name)) = &slip {
            message.extend(["; did ", &quoted(slip), " mean ", &quoted(name), "?"]);
        }
        Violation { suggestion: slip.map(|(_, name)| name), ..self.at(error, rule, message) }
    }

    /// A value that fits several alternatives of a `oneOf`. Where they are told apart by the fields they require,
    /// those are named; the validator does not carry them, so they are read from the schema.
    pub(super) fn too_many(&self, error: &ValidationError<'_>) -> Violation {
        let uri = error.absolute_keyword_location();
        let schema = uri.and_then(|uri| self.library.resolve("", uri.as_str()).ok()).map(|spot| spot.schema);
        let branches = schema.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let required: Vec<BTreeSet<&str>> = branches.iter().map(required).collect();
        let message = if required.is_empty() || required.iter().any(BTreeSet::is_empty) {
            format!(
                "{} fits more than one of the alternatives",
                shown(error.instance_path().as_str(), error.instance())
            )
        } else {
            let has = |names: &&BTreeSet<&str>| names.iter().all(|name| error.instance().get(name).is_some());
            let sent: Vec<String> = required.iter().filter(has).map(joined).collect();
            let groups: Vec<String> = required.iter().map(joined).collect();
            format!("needs exactly one of: {}; has {}", listed(&groups), sent.join(" and "))
        };
        self.at(error, "oneOf", message)
    }
}

fn required(branch: &Value) -> BTreeSet<&str> {
    branch.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn joined(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(" + ")
}

/// The branches that pass a test, or all of them if none does.
fn kept<'e>(branches: &[&'e Branch], test: impl Fn(&Branch) -> bool) -> Vec<&'e Branch> {
    let kept: Vec<&Branch> = branches.iter().copied().filter(|branch| test(branch)).collect();
    if kept.is_empty() { branches.to_vec() } else { kept }
}

fn is_type_of(error: &ValidationError<'_>, at: &str) -> bool {
    matches!(error.kind(), Kind::Type { .. }) && error.instance_path().as_str() == at
}

fn is_lacking(error: &ValidationError<'_>, at: &str) -> bool {
    matches!(error.kind(), Kind::Required { .. }) && error.instance_path().as_str() == at
}

/// The fields that a branch misses at this very place.
fn lacking<'e>(at: &str, branch: &'e Branch) -> BTreeSet<&'e str> {
    let missing = branch.iter().filter(|error| is_lacking(error, at));
    let names = missing.filter_map(|error| match error.kind() {
        Kind::Required { property } => property.as_str(),
        _ => None,
    });
    names.collect()
}

/// Escaped names of direct members whose fixed value is not the one sent.
fn discriminators(at: &str, branch: &Branch) -> BTreeSet<String> {
    let fixed = branch.iter().filter(|error| matches!(error.kind(), Kind::Constant { .. } | Kind::Enum { .. }));
    let names = fixed.filter_map(|error| error.instance_path().as_str().strip_prefix(at)?.strip_prefix('/'));
    names.filter(|name| !name.contains('/')).map(str::to_owned).collect()
}

/// The values that a branch wants for a discriminator that has another.
fn expected(at: &str, name: &str, branch: &Branch) -> Option<Vec<Value>> {
    let error = branch.iter().find(|error| {
        let place = error.instance_path().as_str().strip_prefix(at).and_then(|rest| rest.strip_prefix('/'));
        place == Some(name)
    })?;
    match error.kind() {
        Kind::Constant { expected_value } => Some(vec![Value::clone(expected_value)]),
        Kind::Enum { options } => options.as_array().cloned(),
        _ => None,
    }
}

/// Without the branches that are ruled out by a fixed value that others accept.
fn same_discriminator<'e>(at: &str, branches: &[&'e Branch]) -> Vec<&'e Branch> {
    let failing: Vec<BTreeSet<String>> = branches.iter().map(|branch| discriminators(at, branch)).collect();
    let shared = failing.iter().cloned().reduce(|a, b| &a & &b).unwrap_or_default();
    kept(branches, |branch| discriminators(at, branch).is_subset(&shared))
}

/// The one branch that was clearly meant: the only one left, or the only one that fails deepest.
fn intended<'e>(branches: &[&'e Branch]) -> Option<&'e Branch> {
    let depth = |branch: &Branch| {
        branch.iter().map(|error| segments(error.instance_path().as_str()).count()).min().unwrap_or_default()
    };
    let deepest = branches.iter().map(|branch| depth(branch)).max()?;
    let mut best = branches.iter().copied().filter(|branch| depth(branch) == deepest);
    let first = best.next()?;
    best.next().is_none().then_some(first)
}

/// What an alternative wants, in a few words.
fn expectation(branch: &Branch) -> String {
    let Some(error) = branch.first() else { return "anything".to_owned() };
    match error.kind() {
        Kind::Type { kind } => wanted_types(kind).into_owned(),
        Kind::Format { format } => format_phrase(format).0.into_owned(),
        Kind::Pattern { pattern } => format!("a string {}", pattern_phrase(pattern)),
        Kind::Constant { expected_value } => shown("", expected_value).into_owned(),
        Kind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            listed(&options.iter().map(|value| shown("", value).into_owned()).collect::<Vec<_>>())
        }
        Kind::Required { .. } => {
            format!("an object with {}", joined(&lacking(error.instance_path().as_str(), branch)))
        }
        Kind::AdditionalProperties { unexpected } => format!("an object without {}", unexpected.join(", ")),
        kind => format!("one that passes its {}", kind.keyword()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::contract::fixture::told;

    #[test]
    fn required_lists_become_one_sentence() {
        assert_eq!(told(&json!({"customerId": null})), ["body anyOf: needs one of: customerId, customer"]);
        assert_eq!(
            told(&json!({"customerId": null, "custmerId": "cus_1"})),
            [r#"body anyOf: needs one of: customerId, customer; did "custmerId" mean "customerId"?"#]
        );
        assert_eq!(told(&json!({"coupon": {}})), ["/coupon oneOf: needs exactly one of: amount, percent"]);
        assert_eq!(
            told(&json!({"coupon": {"amount": 1, "percent": 2}})),
            ["/coupon oneOf: needs exactly one of: amount, percent; has amount and percent"]
        );
    }

    #[test]
    fn the_branch_of_the_right_type_is_meant() {
        assert_eq!(
            told(&json!({"endsAt": "soon"})),
            [r#"/endsAt format: "soon" is not a date-time; try 2028-01-31T00:00:00Z"#]
        );
        assert_eq!(told(&json!({"endsAt": 3})), ["/endsAt anyOf: 3 fits none of: a string; null"]);
    }

    #[test]
    fn the_branch_of_the_right_discriminator_is_meant() {
        assert_eq!(
            told(&json!({"payment": {"type": "card", "number": "42"}})),
            ["/payment/number pattern: [masked] is not of the pattern ^[0-9]{16}$"]
        );
        assert_eq!(told(&json!({"payment": {"type": "debit"}})), ["/payment/iban required: is missing"]);
        assert_eq!(
            told(&json!({"payment": {"type": "crad", "number": "42"}})),
            [r#"/payment/type enum: "crad" is not one of "card", "debit"; did you mean "card"?"#]
        );
    }

    #[test]
    fn without_a_discriminator_what_all_lack_is_certain() {
        assert_eq!(
            told(&json!({"payment": {}})),
            ["/payment oneOf: needs exactly one of: number, iban", "/payment/type required: is missing"]
        );
    }

    #[test]
    fn else_the_alternatives_are_named() {
        assert_eq!(
            told(&json!({"reference": "x"})),
            [r#"/reference anyOf: "x" fits none of: a string of the form inv_…; a string of the form ord_…"#]
        );
        let told = told(&json!({"handle": "x"}));
        assert!(told[0].ends_with("of the form d_…; a string of the form e_…"), "the first five: {told:?}");
    }
}
