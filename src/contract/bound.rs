//! The contract of one operation.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::coerce::{self, Parameters};
use super::loose::loosen;
use super::registry::Shared;
use super::rule::{MAX_HINTS, Rule};
use super::shape::successes;
use super::violation::{Place, Violation};

/// Whether a request must carry a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    Required,
    Optional,
}

/// A query that passed: all values, sent or by default, and hints at parameters that the operation does not have.
pub type Query = (Map<String, Value>, Vec<Violation>);

/// What one operation accepts and answers. A cheap handle; its parts are read and compiled when first used.
#[derive(Clone)]
pub struct Contract(Arc<Bound>);

/// Boxes, because an API has hundreds of operations and most runs use a few.
pub(super) struct Bound {
    shared: Arc<Shared>,
    noun: &'static str,
    operation: &'static str,
    request: OnceLock<Option<Box<Body>>>,
    query: OnceLock<Box<Picked>>,
    headers: OnceLock<Box<Picked>>,
    path: OnceLock<Box<Picked>>,
    answers: OnceLock<Box<Answers>>,
}

/// Parameters of one place, and the rule that they keep together.
type Picked = (Parameters, Option<Rule>);

struct Body {
    presence: BodyRule,
    /// Read as a forgiving server does.
    loose: bool,
    rule: Rule,
}

/// The rules of answers: by status, and for every 2xx without one.
struct Answers {
    by_status: BTreeMap<u16, Rule>,
    success: Option<Rule>,
    /// The statuses of success that the contract names.
    statuses: Vec<u64>,
}

impl Contract {
    pub(super) fn new(bound: Bound) -> Self {
        Self(Arc::new(bound))
    }

    /// Whether the operation reads a body: `None` if it does not.
    #[must_use]
    pub fn takes_body(&self) -> Option<BodyRule> {
        self.0.body().map(|body| body.presence)
    }

    /// Reads a raw query string (`a=1&b=x&b=y`): types the parameters by the contract, fills in defaults, validates.
    ///
    /// Parameters that the operation does not have are accepted, as vendors do, and hinted at, as nobody reads them.
    ///
    /// # Errors
    ///
    /// All that is wrong with the parameters.
    pub fn query(&self, raw: &str) -> Result<Query, Vec<Violation>> {
        let (parameters, rule) = &**self.0.query.get_or_init(|| self.0.read_parameters("query"));
        let mut values = parameters.coerce(raw)?;
        let unknown = values.keys().filter(|name| !parameters.knows(name)).take(MAX_HINTS);
        let hints = unknown.map(|name| parameters.unknown(name)).collect();
        let Some(rule) = rule else { return Ok((values, hints)) };
        rule.fill(&mut values);
        // The validator wants a whole value; the map is lent to it and taken back.
        let mut whole = Value::Object(values);
        rule.validate(&self.0.shared.library, Place::Query, &whole)?;
        let values = whole.as_object_mut().map(std::mem::take).unwrap_or_default();
        Ok((values, hints))
    }

    /// Validates the headers that the contract names, given a way to look one up. Others are nobody's business.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub fn headers<'v>(&self, sent: impl Fn(&str) -> Option<&'v str>) -> Result<(), Vec<Violation>> {
        self.0.picked(self.0.headers.get_or_init(|| self.0.read_parameters("header")), Place::Header, sent)
    }

    /// Validates what stands in the path, given a way to look a segment up. Where no contract speaks of it, whoever
    /// looks for the row finds none.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn path<'v>(&self, segment: impl Fn(&str) -> Option<&'v str>) -> Result<(), Vec<Violation>> {
        self.0.picked(self.0.path.get_or_init(|| self.0.read_parameters("path")), Place::Path, segment)
    }

    /// Fills in the defaults of top-level fields and validates. An absent body is `Value::Null`; where the body is
    /// optional it becomes an object of the defaults. Without a body contract everything passes, unread.
    ///
    /// `Ok` carries hints: top-level fields that nobody reads but whose name is nearly a known one.
    ///
    /// # Errors
    ///
    /// All that is wrong with the body.
    pub fn request(&self, body: &mut Value) -> Result<Vec<Violation>, Vec<Violation>> {
        let Some(Body { presence, rule, .. }) = self.0.body() else { return Ok(Vec::new()) };
        if body.is_null() && *presence == BodyRule::Required {
            let message = "is missing; a JSON body is wanted";
            return Err(vec![Violation::new(Place::Body, "", "required", message)]);
        }
        let absent = body.is_null();
        self.complete(body);
        if absent {
            return Ok(Vec::new());
        }
        rule.validate(&self.0.shared.library, Place::Body, body)?;
        Ok(rule.hints(body))
    }

    /// Fills in the defaults of top-level fields and looks at nothing else: for bodies that are known to pass.
    pub fn complete(&self, body: &mut Value) {
        let Some(Body { loose, rule, .. }) = self.0.body() else { return };
        if body.is_null() {
            *body = Value::Object(Map::new());
        }
        if *loose && let Some(spot) = rule.spot(&self.0.shared.library) {
            loosen(&self.0.shared.library, spot, body);
        }
        body.as_object_mut().into_iter().for_each(|fields| rule.fill(fields));
    }

    /// Validates an answer. A `204` or any other answer without a body is `Value::Null`.
    ///
    /// # Errors
    ///
    /// All that is wrong with the answer; also that no contract speaks of its status.
    pub fn response(&self, status: u16, body: &Value) -> Result<(), Vec<Violation>> {
        self.0.status(status)?;
        match self.0.answer(status) {
            Some(rule) => rule.validate(&self.0.shared.library, Place::Response, body),
            None if body.is_null() => Ok(()),
            None => {
                let message = format!("{} has none for an answer {status} with a body", self.0.operation);
                Err(vec![Violation::new(Place::Response, "", "contract", message)])
            }
        }
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Contract({}.json {})", self.0.noun, self.0.operation)
    }
}

impl Bound {
    pub(super) fn new(shared: Arc<Shared>, noun: &'static str, operation: &'static str) -> Self {
        let (request, query, headers, path, answers) = Default::default();
        Self { shared, noun, operation, request, query, headers, path, answers }
    }

    fn rule(&self, suffix: &str) -> Option<Rule> {
        Rule::read(&self.shared.library, self.noun, format!("{}.{suffix}", self.operation))
    }

    fn body(&self) -> Option<&Body> {
        let read = || {
            let rule = self.rule("request")?;
            let schema = rule.spot(&self.shared.library).map(|spot| spot.schema);
            let says = |mark| schema.and_then(|schema| schema.get(mark)) == Some(&Value::Bool(true));
            let presence = if says("x-optional") { BodyRule::Optional } else { BodyRule::Required };
            Some(Box::new(Body { presence, loose: says("x-loose"), rule }))
        };
        self.request.get_or_init(read).as_deref()
    }

    fn read_parameters(&self, suffix: &str) -> Box<Picked> {
        let rule = self.rule(suffix);
        let spot = rule.as_ref().and_then(|rule| rule.spot(&self.shared.library));
        Box::new((coerce::parameters(&self.shared.library, spot), rule))
    }

    /// Validates those parameters that a look-up finds.
    fn picked<'v>(
        &self,
        (parameters, rule): &Picked,
        place: Place,
        sent: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<(), Vec<Violation>> {
        let Some(rule) = rule else { return Ok(()) };
        rule.validate(&self.shared.library, place, &Value::Object(parameters.pick(sent)))
    }

    /// The rule of a status: its own, else the common one of its class.
    fn answer(&self, status: u16) -> Option<&Rule> {
        let answers = self.answers();
        answers.by_status.get(&status).or_else(|| match status {
            200..=299 => answers.success.as_ref(),
            400..=599 => self.shared_error(),
            _ => None,
        })
    }

    /// Whether a success has one of the statuses that the contract names.
    fn status(&self, status: u16) -> Result<(), Vec<Violation>> {
        let answers = self.answers();
        let named = answers.by_status.contains_key(&status) || answers.statuses.contains(&u64::from(status));
        if named || !(200..300).contains(&status) || answers.success.is_none() {
            return Ok(());
        }
        let message = format!("{} answers {status} where its contract names {:?}", self.operation, answers.statuses);
        Err(vec![Violation::new(Place::Response, "", "status", message)])
    }

    fn answers(&self) -> &Answers {
        self.answers.get_or_init(|| Box::new(self.read_answers()))
    }

    fn read_answers(&self) -> Answers {
        let prefix = format!("{}.response.", self.operation);
        let document = self.shared.library.document(self.noun).ok();
        let keys = document.into_iter().flat_map(|document| document.definitions.keys());
        let by_status = keys.filter_map(|key| {
            let status = key.strip_prefix(&prefix)?.parse().ok()?;
            Some((status, Rule::read(&self.shared.library, self.noun, key.clone())?))
        });
        let success = self.rule("response");
        let spot = success.as_ref().and_then(|rule| rule.spot(&self.shared.library));
        let statuses = spot.map(|spot| successes(spot.schema)).unwrap_or_default();
        Answers { by_status: by_status.collect(), success, statuses }
    }

    fn shared_error(&self) -> Option<&Rule> {
        let read = || Rule::read(&self.shared.library, "shared", "error".to_owned());
        self.shared.error.get_or_init(read).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::{Registry, fixture};

    fn contract(operation: &'static str) -> Contract {
        Registry::new(&fixture::GOOD).contract("subscriptions", operation)
    }

    fn lines(violations: &[Violation]) -> Vec<String> {
        violations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_same_contract_is_handed_out_twice() {
        fn sendable<T: Send + Sync + Clone>(_: &T) {}
        let registry = Registry::new(&fixture::GOOD);
        let first = registry.contract("subscriptions", "createSubscription");
        sendable(&first);
        assert!(Arc::ptr_eq(&first.0, &registry.contract("subscriptions", "createSubscription").0));
    }

    #[test]
    fn bodies_are_required_optional_or_not_taken() {
        assert_eq!(contract("createSubscription").takes_body(), Some(BodyRule::Required));
        assert_eq!(contract("cancelSubscription").takes_body(), Some(BodyRule::Optional));
        assert_eq!(contract("getSubscription").takes_body(), None);
        let refused = contract("createSubscription").request(&mut Value::Null).expect_err("a body is required");
        assert_eq!(lines(&refused), ["body required: is missing; a JSON body is wanted"]);
        let mut absent = Value::Null;
        assert_eq!(contract("cancelSubscription").request(&mut absent), Ok(Vec::new()));
        assert_eq!(absent, json!({"atPeriodEnd": true}));
        let refused = contract("createSubscription").request(&mut json!([])).expect_err("not an object");
        assert_eq!(lines(&refused), ["body type: a list of 0 where an object is wanted"]);
    }

    #[test]
    fn defaults_are_filled_in_through_references() {
        let mut body = json!({"planId": "plan_1", "customerId": "cus_1", "interval": "weekly"});
        assert_eq!(contract("createSubscription").request(&mut body), Ok(Vec::new()));
        assert_eq!(body["autoCharge"], true);
        assert_eq!(body["interval"], "weekly");
        let mut body = json!({"planId": "plan_1", "customerId": "cus_1", "autoCharge": false});
        assert_eq!(contract("createSubscription").request(&mut body), Ok(Vec::new()));
        assert_eq!((&body["autoCharge"], &body["interval"]), (&json!(false), &json!("monthly")));
    }

    #[test]
    fn slips_in_accepted_bodies_are_hinted_at() {
        let mut body = json!({"planId": "plan_1", "customerId": "cus_1", "started_at": "now", "note": "mine"});
        let hints = contract("createSubscription").request(&mut body).expect("passes");
        assert_eq!(lines(&hints), [r#"/started_at unknown: is not a known field; did you mean "startedAt"?"#]);
        assert_eq!(hints[0].suggestion.as_deref(), Some("startedAt"));
    }

    #[test]
    fn queries_are_typed_filled_and_validated() {
        let list = contract("listSubscriptions");
        let (values, hints) = list.query("").expect("passes");
        assert_eq!((Value::Object(values), hints), (json!({"limit": 20}), Vec::new()));
        let (values, hints) = list.query("limt=5&status=active&zzz=1").expect("passes");
        assert_eq!(Value::Object(values), json!({"limit": 20, "limt": "5", "status": ["active"], "zzz": "1"}));
        assert_eq!(
            lines(&hints),
            [
                r#"query limt unknown: is not a parameter of this operation; did you mean "limit"?"#,
                "query zzz unknown: is not a parameter of this operation",
            ]
        );
        let refused = list.query("limit=abc&status=activ&ids=1&ids=x&active=1&size=11").expect_err("all wrong");
        assert_eq!(
            lines(&refused),
            [
                r#"query active type: "1" where true or false is wanted"#,
                r#"query ids.1 type: "x" where a whole number is wanted"#,
                r#"query limit type: "abc" where a whole number is wanted"#,
                "query size enum: 11 is not one of 10, 25",
                r#"query status.0 enum: "activ" is not one of "active", "paused"; did you mean "active"?"#,
            ]
        );
        let over = list.query("limit=1000").expect_err("too many");
        assert_eq!(lines(&over), ["query limit maximum: 1000 is above 100"]);
        let empty = list.query("limit=").expect_err("empty");
        assert_eq!(lines(&empty), ["query limit type: is empty where a whole number is wanted"]);
    }

    #[test]
    fn hints_are_bounded() {
        let raw: Vec<String> = (0..100).map(|n| format!("limit{n}=1")).collect();
        let (_, hints) = contract("listSubscriptions").query(&raw.join("&")).expect("passes");
        assert_eq!(hints.len(), MAX_HINTS);
        let mut body: Value = (0..100).map(|n| (format!("endsAt_{n}"), json!(1))).collect();
        body["planId"] = json!("plan_1");
        body["customerId"] = json!("cus_1");
        let hints = contract("createSubscription").request(&mut body).expect("passes");
        assert_eq!(hints.len(), MAX_HINTS);
    }

    #[test]
    fn an_operation_without_parameters_hints_at_all() {
        let (_, hints) = contract("getSubscription").query("expand=plan").expect("passes");
        assert_eq!(lines(&hints), ["query expand unknown: is not a parameter of this operation"]);
    }

    #[test]
    fn named_headers_are_validated() {
        let cancel = contract("cancelSubscription");
        assert_eq!(cancel.headers(|_| None), Ok(()));
        assert_eq!(cancel.headers(|name| (name == "Idempotency-Key").then_some("12345")), Ok(()));
        let wrong = cancel.headers(|_| Some("far too long")).expect_err("too long");
        assert_eq!(
            lines(&wrong),
            [r#"header Idempotency-Key maxLength: "far too long" is 12 characters long, at most 5 are allowed"#]
        );
        assert_eq!(contract("getSubscription").headers(|_| Some("anything")), Ok(()));
    }

    #[test]
    fn what_stands_in_the_path_is_validated_where_a_contract_speaks_of_it() {
        let of = |operation, text| contract(operation).path(|name| (name == "version").then_some(text));
        assert_eq!(of("cancelSubscription", "2"), Ok(()));
        let wrong = of("cancelSubscription", "0").expect_err("too small");
        assert_eq!(lines(&wrong), ["path version minimum: 0 is below 1"]);
        let wrong = of("cancelSubscription", "two").expect_err("not a number");
        assert_eq!(lines(&wrong), [r#"path version type: "two" where a whole number is wanted"#]);
        assert_eq!(of("getSubscription", "two"), Ok(()));
    }

    #[test]
    fn answers_are_held_against_their_status() {
        let create = contract("createSubscription");
        assert_eq!(create.response(201, &json!({"id": "sub_1", "plan": {"name": "Pro"}})), Ok(()));
        let wrong = create.response(200, &json!({"id": "sub_1", "plan": {}})).expect_err("no name");
        assert_eq!(lines(&wrong), ["response /plan/name required: is missing"]);
        let wrong = create.response(202, &json!({"id": "sub_1", "plan": {"name": "Pro"}})).expect_err("not promised");
        assert_eq!(
            lines(&wrong),
            ["response status: createSubscription answers 202 where its contract names [200, 201]"]
        );
        assert_eq!(create.response(404, &json!({"error": "not_found"})), Ok(()));
        assert_eq!(create.response(409, &json!({"conflict": true})), Ok(()));
        let wrong = create.response(409, &json!({"error": "conflict"})).expect_err("has a shape of its own");
        assert_eq!(lines(&wrong), ["response /conflict required: is missing"]);
        assert_eq!(contract("cancelSubscription").response(204, &Value::Null), Ok(()));
        let wrong = contract("cancelSubscription").response(204, &json!({})).expect_err("no body is promised");
        assert_eq!(lines(&wrong), ["response type: an object where null is wanted"]);
        let wrong = contract("nobody").response(200, &json!({})).expect_err("nothing is promised");
        assert_eq!(lines(&wrong), ["response contract: nobody has none for an answer 200 with a body"]);
    }

    #[test]
    fn a_broken_file_refuses_and_says_so() {
        let broken = Registry::new(&fixture::BAD).contract("torn", "makePlan");
        let refused = broken.request(&mut json!({})).expect_err("cannot be known");
        assert!(lines(&refused)[0].starts_with("body contract: torn.json: EOF"), "{refused:?}");
        assert!(broken.query("").is_err() && broken.response(200, &json!({})).is_err());
    }
}
