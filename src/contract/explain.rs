//! From what the validator found to what a reader can act on.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ErrorIterator, ValidationError};
use serde_json::{Map, Value};

use super::library::Library;
use super::rule::Rule;
use super::shape::{Fields, fields_at};
use super::violation::{Place, Violation, join, segments};
use super::wording::{counted, format_phrase, is_secret, listed, near, pattern_phrase, quoted, shown, type_phrase};

/// Violations that one value is given: all of them, but a list of ten thousand wrong items needs no ten thousand lines.
const MAX_VIOLATIONS: usize = 100;
/// Errors that are read to find them, before duplicates go.
const MAX_ERRORS: usize = 1_000;
/// Rules that a value of the wrong type breaks as a matter of course.
const FOLLOWS_TYPE: [&str; 5] = ["anyOf", "const", "enum", "not", "oneOf"];

/// All violations behind the errors of a value, ordered by pointer, without duplicates.
pub(super) fn explain(library: &Library, rule: &Rule, place: Place, errors: ErrorIterator<'_>) -> Vec<Violation> {
    let explainer = Explainer { library, rule, place };
    let mut violations = Vec::new();
    errors.take(MAX_ERRORS).for_each(|error| explainer.add(&error, &mut violations));
    tidy(violations)
}

fn tidy(mut violations: Vec<Violation>) -> Vec<Violation> {
    // A value of the wrong type is also none of an enum's and fits no branch: that is one mistake, not two.
    let follows = |v: &Violation| FOLLOWS_TYPE.contains(&v.rule);
    if violations.iter().any(follows) {
        let mistyped: BTreeSet<String> =
            violations.iter().filter(|v| v.rule == "type").map(|v| v.pointer.clone()).collect();
        violations.retain(|v| !(follows(v) && mistyped.contains(&v.pointer)));
    }
    violations.sort_by(|a, b| {
        by_pointer(&a.pointer, &b.pointer).then_with(|| (&a.rule, &a.message).cmp(&(&b.rule, &b.message)))
    });
    violations.dedup();
    violations.truncate(MAX_VIOLATIONS);
    violations
}

/// Item 2 before item 10.
fn by_pointer(a: &str, b: &str) -> Ordering {
    fn key(segment: Cow<'_, str>) -> (usize, Cow<'_, str>) {
        let is_number = segment.starts_with(|letter: char| letter.is_ascii_digit());
        (if is_number { segment.parse().unwrap_or(usize::MAX) } else { usize::MAX }, segment)
    }
    segments(a).map(key).cmp(segments(b).map(key))
}

/// What is needed to put an error in words: the rule that the value was held against, and where.
pub(super) struct Explainer<'a> {
    pub(super) library: &'a Library,
    rule: &'a Rule,
    place: Place,
}

impl<'a> Explainer<'a> {
    /// Adds the violations that one error stands for.
    pub(super) fn add(&self, error: &ValidationError<'_>, out: &mut Vec<Violation>) {
        match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => self.unfold(error, context, out),
            Kind::OneOfMultipleValid { .. } => out.push(self.too_many(error)),
            Kind::Required { property } => out.push(self.missing(error, property.as_str().unwrap_or_default())),
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                out.extend(unexpected.iter().map(|name| self.unexpected(error, name)));
            }
            Kind::Enum { options } => {
                let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
                out.push(self.not_among(error.instance_path().as_str(), error.instance(), "enum", options));
            }
            Kind::Constant { expected_value } => {
                let options = std::slice::from_ref(&**expected_value);
                out.push(self.not_among(error.instance_path().as_str(), error.instance(), "const", options));
            }
            kind => out.push(self.at(error, keyword(kind), self.plain(error))),
        }
    }

    /// A violation at the place of an error.
    pub(super) fn at(
        &self,
        error: &ValidationError<'_>,
        rule: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Violation {
        Violation::new(self.place, error.instance_path().as_str(), rule, message)
    }

    pub(super) fn missing(&self, error: &ValidationError<'_>, name: &str) -> Violation {
        let at = error.instance_path().as_str();
        let slip = self.slip(at, error.instance(), name);
        let message = match &slip {
            Some(slip) => format!("is missing; did {slip:?} mean {name:?}?").into(),
            None => Cow::Borrowed("is missing"),
        };
        let violation = Violation::new(self.place, join(at, name), "required", message);
        Violation { suggestion: slip.map(|_| name.to_owned()), ..violation }
    }

    /// The field that was probably meant to be `name`: one that the schema does not know.
    pub(super) fn slip(&self, at: &str, object: &Value, name: &str) -> Option<String> {
        let sent = || object.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
        // Mostly nothing is like it, and nobody need know what the schema knows.
        near(name, sent())?;
        let known = self.fields(at);
        let strangers = sent().filter(|sent| !known.names.contains(sent));
        near(name, strangers).map(str::to_owned)
    }

    fn unexpected(&self, error: &ValidationError<'_>, name: &str) -> Violation {
        let at = error.instance_path().as_str();
        let known = self.fields(at);
        let names = || known.names.iter().copied();
        let free = names().filter(|known| error.instance().get(known).is_none());
        // One that is not free may stand there by default.
        let meant = near(name, free).or_else(|| near(name, names()));
        let message = match meant {
            Some(meant) => format!("is not a known field; did you mean {meant:?}?"),
            None => "is not a known field".to_owned(),
        };
        let violation = Violation::new(self.place, join(at, name), keyword(error.kind()), message);
        Violation { suggestion: meant.map(str::to_owned), ..violation }
    }

    fn fields(&self, at: &str) -> Fields<'a> {
        self.rule.spot(self.library).map(|root| fields_at(self.library, root, at)).unwrap_or_default()
    }

    /// A value that is none of those allowed.
    pub(super) fn not_among(&self, at: &str, sent: &Value, rule: &'static str, options: &[Value]) -> Violation {
        let names = options.iter().filter_map(Value::as_str);
        let meant = sent.as_str().filter(|_| !is_secret(at)).and_then(|sent| near(sent, names));
        let allowed: Vec<String> = options.iter().map(choice).collect();
        let one_of = if allowed.len() == 1 { "" } else { "one of " };
        let mut message = format!("{} is not {one_of}{}", shown(at, sent), listed(&allowed));
        if let Some(meant) = meant.filter(|_| allowed.len() > 1) {
            message.extend(["; did you mean ", &quoted(meant), "?"]);
        }
        let violation = Violation::new(self.place, at, rule, message);
        Violation { suggestion: meant.map(str::to_owned), ..violation }
    }

    /// The sentence for an error that stands for itself.
    fn plain(&self, error: &ValidationError<'_>) -> Cow<'static, str> {
        let at = error.instance_path().as_str();
        let sent = || shown(at, error.instance());
        let sentence = match error.kind() {
            Kind::Type { kind } => self.mistyped(at, error.instance(), kind),
            Kind::Format { format } => match format_phrase(format) {
                (phrase, Some(example)) => [&sent(), " is not ", &phrase, "; try ", example].concat(),
                (phrase, None) => [&sent(), " is not ", &*phrase].concat(),
            },
            Kind::Pattern { pattern } => [&sent(), " is not ", &*pattern_phrase(pattern)].concat(),
            Kind::PropertyNames { error } => format!("has a field whose name does not do: {}", self.plain(error)),
            Kind::UnevaluatedItems { .. } => return "has items that are not allowed".into(),
            Kind::Not { schema } => not_allowed(schema),
            Kind::FalseSchema => return "is not allowed here".into(),
            Kind::UniqueItems => return "has the same item twice".into(),
            Kind::Contains => return "has none of the items it needs".into(),
            kind => {
                limit_phrase(kind, &sent(), error.instance()).unwrap_or_else(|| error.masked_with(sent()).to_string())
            }
        };
        sentence.into()
    }

    fn mistyped(&self, at: &str, sent: &Value, wanted: &TypeKind) -> String {
        let wanted = wanted_types(wanted);
        let kind = match sent {
            // In a URL everything is text: to say so would explain nothing.
            Value::String(text) if text.is_empty() => return format!("is empty where {wanted} is wanted"),
            Value::String(_) if matches!(self.place, Place::Path | Place::Query) => "",
            Value::String(_) => " is a string",
            Value::Number(_) => " is a number",
            _ => "",
        };
        [&shown(at, sent), kind, " where ", &wanted, " is wanted"].concat()
    }
}

/// The keyword of an error that stands for itself, one of JSON Schema's own.
fn keyword(kind: &Kind) -> &'static str {
    const WORDS: [&str; 26] = [
        "type",
        "pattern",
        "format",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "contains",
        "minProperties",
        "maxProperties",
        "propertyNames",
        "additionalProperties",
        "unevaluatedProperties",
        "additionalItems",
        "unevaluatedItems",
        "not",
        "falseSchema",
        "contentEncoding",
        "contentMediaType",
        "$ref",
    ];
    WORDS.into_iter().find(|word| *word == kind.keyword()).unwrap_or("custom")
}

/// One allowed value.
fn choice(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        value => shown("", value).into_owned(),
    }
}

pub(super) fn wanted_types(kind: &TypeKind) -> Cow<'static, str> {
    match kind {
        TypeKind::Single(one) => type_phrase(one.as_str()).into(),
        TypeKind::Multiple(several) => {
            let phrases: Vec<&str> = several.iter().map(|one| type_phrase(one.as_str())).collect();
            phrases.join(" or ").into()
        }
    }
}

fn not_allowed(schema: &Value) -> String {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => "is just what is not allowed here".to_owned(),
        [one] => format!("must not have {one}"),
        several => format!("must not have {} together", several.join(" and ")),
    }
}

/// Sentences of the rules with a bound.
fn limit_phrase(kind: &Kind, sent: &str, instance: &Value) -> Option<String> {
    let phrase = match kind {
        Kind::Minimum { limit } => format!("{sent} is below {limit}"),
        Kind::Maximum { limit } => format!("{sent} is above {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("{sent} is not above {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("{sent} is not below {limit}"),
        Kind::MultipleOf { multiple_of } => format!("{sent} is not a multiple of {multiple_of}"),
        Kind::MinLength { .. } if instance.as_str().is_some_and(str::is_empty) => "is empty".to_owned(),
        Kind::MinLength { limit } => format!("{sent} is shorter than {}", counted(limit, "character")),
        Kind::MaxLength { limit } => {
            let length = instance.as_str().map(|text| text.chars().count()).unwrap_or_default();
            format!("{sent} is {length} characters long, at most {limit} are allowed")
        }
        Kind::MinItems { limit } => format!("{sent}, needs at least {limit}"),
        Kind::MaxItems { limit } => format!("{sent}, at most {limit} are allowed"),
        Kind::AdditionalItems { limit } => format!("{sent}, at most {limit} are allowed"),
        Kind::MinProperties { limit } => format!("needs at least {}", counted(limit, "field")),
        Kind::MaxProperties { limit } => format!("has more than {}", counted(limit, "field")),
        _ => return None,
    };
    Some(phrase)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::fixture::told;

    #[test]
    fn every_rule_has_its_sentence() {
        for (changes, expected) in [
            (
                json!({"startedAt": "tomorrow"}),
                r#"/startedAt format: "tomorrow" is not a date-time; try 2028-01-31T00:00:00Z"#,
            ),
            (json!({"trialEnd": "2028-02-30"}), r#"/trialEnd format: "2028-02-30" is not a date; try 2028-01-31"#),
            (
                json!({"noticePeriod": "a month"}),
                r#"/noticePeriod format: "a month" is not an ISO 8601 duration; try P1M"#,
            ),
            (json!({"callback": "here"}), r#"/callback format: "here" is not a URI; try https://example.com/hook"#),
            (
                json!({"customer": {"email": "ada"}}),
                r#"/customer/email format: "ada" is not an e-mail address; try ada@example.com"#,
            ),
            (json!({"planId": "abc"}), r#"/planId pattern: "abc" is not of the form plan_…"#),
            (json!({"currency": "eur"}), r#"/currency pattern: "eur" is not 3 capital letters"#),
            (json!({"planId": 12}), "/planId type: 12 is a number where a string is wanted"),
            (json!({"trialEnd": [1]}), "/trialEnd type: a list of 1 where null or a string is wanted"),
            (json!({"autoCharge": "yes"}), r#"/autoCharge type: "yes" is a string where true or false is wanted"#),
            (
                json!({"items": [{"price": "p", "quantity": "3"}]}),
                r#"/items/0/quantity type: "3" is a string where a whole number is wanted"#,
            ),
            (
                json!({"interval": "montly"}),
                r#"/interval enum: "montly" is not one of "daily", "weekly", "monthly", "yearly"; did you mean "monthly"?"#,
            ),
            (json!({"kind": "once"}), r#"/kind const: "once" is not "recurring""#),
            (json!({"secret": "hush-hush"}), "/secret maxLength: [masked] is 9 characters long, at most 3 are allowed"),
            (json!({"token": "alpha-onf"}), r#"/token enum: [masked] is not one of "alpha-one", "beta-two""#),
            (json!({"items": []}), "/items minItems: a list of 0, needs at least 1"),
            (json!({"items": [{"price": "p", "quantity": 0}]}), "/items/0/quantity minimum: 0 is below 1"),
            (json!({"metadata": {"a": "1", "b": "2", "c": "3"}}), "/metadata maxProperties: has more than 2 fields"),
            (
                json!({"customer": {"email": "a@b.cd", "nmae": "x"}}),
                r#"/customer/nmae additionalProperties: is not a known field; did you mean "name"?"#,
            ),
            (json!({"customer": {"email": "a@b.cd", "name": ""}}), "/customer/name minLength: is empty"),
            (json!({"discount": 1}), "/currency required: is missing"),
            (
                json!({"trialEnd": "2028-01-31", "endsAt": "2028-01-31T00:00:00Z"}),
                "body not: must not have trialEnd and endsAt together",
            ),
            (
                json!({"planId": null, "plandId": "plan_1"}),
                r#"/planId required: is missing; did "plandId" mean "planId"?"#,
            ),
        ] {
            assert_eq!(told(&changes), [expected], "{changes}");
        }
    }

    #[test]
    fn numbers_have_all_their_bounds() {
        let currency = |discount: f64| told(&json!({"discount": discount, "currency": "EUR"}));
        assert_eq!(currency(0.0), ["/discount exclusiveMinimum: 0.0 is not above 0"]);
        assert_eq!(currency(0.75), ["/discount multipleOf: 0.75 is not a multiple of 0.5"]);
        assert_eq!(currency(100.5), ["/discount maximum: 100.5 is above 100"]);
    }

    #[test]
    fn all_violations_come_at_once_in_order() {
        let items: Vec<Value> =
            (0..12).map(|n| json!({"price": n.to_string(), "quantity": i32::from(n % 9 != 2)})).collect();
        assert_eq!(
            told(&json!({"planId": null, "startedAt": "tomorrow", "items": items, "interval": 3})),
            [
                "/interval type: 3 is a number where a string is wanted",
                "/items/2/quantity minimum: 0 is below 1",
                "/items/11/quantity minimum: 0 is below 1",
                "/planId required: is missing",
                r#"/startedAt format: "tomorrow" is not a date-time; try 2028-01-31T00:00:00Z"#,
            ]
        );
    }

    #[test]
    fn the_same_item_twice_and_too_many() {
        let items = vec![json!({"price": "p", "quantity": 1}); 21];
        assert_eq!(
            told(&json!({"items": items})),
            ["/items maxItems: a list of 21, at most 20 are allowed", "/items uniqueItems: has the same item twice"]
        );
    }

    #[test]
    fn violations_are_bounded() {
        let items: Vec<Value> = (0..5_000).map(|n| json!({"price": n, "quantity": 0})).collect();
        assert_eq!(told(&json!({"items": items})).len(), MAX_VIOLATIONS);
    }
}
