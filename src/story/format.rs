//! A story file: read, checked against its schema, and typed. What is wrong says line and column.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::matching;
use super::yaml::{Document, Place};
use crate::contract::Registry;
use crate::time::{Cadence, Timestamp};

static SCHEMAS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas/story");
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::new(&SCHEMAS));

/// The JSON Schema of story files, for editors.
#[must_use]
pub fn schema() -> &'static str {
    SCHEMAS.get_file("story.json").and_then(|file| file.contents_utf8()).unwrap_or_default()
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.message)
    }
}

/// A story and the file that it stands in.
#[derive(Debug, Clone)]
pub struct Story {
    pub title: String,
    pub provider: String,
    pub world: String,
    pub start: Timestamp,
    pub steps: Vec<Step>,
    pub document: Document,
}

/// One step, and where it stands.
#[derive(Debug, Clone)]
pub struct Step {
    pub pointer: String,
    pub place: Place,
    pub name: Option<String>,
    pub action: Action,
    pub expect: Option<Value>,
    pub capture: BTreeMap<String, String>,
}

/// What a step does or looks at.
#[derive(Debug, Clone)]
pub enum Action {
    Call(Call),
    Advance(Turn),
    Preview(Turn),
    Step(Option<String>),
    Pay(Payment),
    SaveCard { customer: String, card: String },
    SetOutcome(Value),
    Fault(Value),
    Receiver(u16),
    Events(Events),
    Webhook(Webhook),
    Message(Value),
    Assert(Vec<Assertion>),
    Fork { name: String, steps: Vec<Step> },
    Snapshot(String),
    Restore(String),
}

#[derive(Debug, Clone)]
pub struct Call {
    /// Operation id, or method and path.
    pub operation: String,
    pub path: Map<String, Value>,
    pub query: Map<String, Value>,
    pub headers: Map<String, Value>,
    pub body: Option<Value>,
    /// Fields of a form on a page, instead of a body.
    pub form: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Turn {
    pub by: Option<String>,
    pub to: Option<String>,
    pub clock: Option<String>,
    pub deliver: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    pub session: String,
    pub card: Option<String>,
    pub fail: Option<String>,
    pub save: Option<bool>,
}

/// How events are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    Exact,
    Any,
    Contains,
}

#[derive(Debug, Clone)]
pub struct Events {
    pub only: Vec<String>,
    pub order: Order,
    pub events: Vec<Value>,
    /// Where the list stands in the file.
    pub pointer: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Webhook {
    pub r#type: Option<String>,
    pub body: Option<Value>,
    pub headers: Option<Value>,
    pub count: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Assertion {
    pub value: Value,
    pub is: Value,
}

/// A step as the file has it.
#[derive(Deserialize)]
struct Written {
    name: Option<String>,
    call: Option<String>,
    #[serde(default)]
    path: Map<String, Value>,
    #[serde(default)]
    query: Map<String, Value>,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
    form: Option<Map<String, Value>>,
    expect: Option<Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    advance: Option<Value>,
    preview: Option<Value>,
    step: Option<Clock>,
    pay: Option<Value>,
    save_card: Option<SaveCard>,
    set_outcome: Option<Value>,
    fault: Option<Value>,
    receiver: Option<Receiver>,
    expect_events: Option<Value>,
    expect_webhook: Option<Webhook>,
    expect_message: Option<Value>,
    assert: Option<Value>,
    fork: Option<String>,
    #[serde(default)]
    steps: Vec<Value>,
    snapshot: Option<String>,
    restore: Option<String>,
}

#[derive(Deserialize)]
struct Clock {
    clock: Option<String>,
}

#[derive(Deserialize)]
struct SaveCard {
    customer: String,
    card: Option<String>,
}

#[derive(Deserialize)]
struct Receiver {
    answer: u16,
}

/// What a step may be, in the order in which the documents tell of it.
const VERBS: [&str; 16] = [
    "call",
    "advance",
    "preview",
    "step",
    "pay",
    "save_card",
    "set_outcome",
    "fault",
    "receiver",
    "expect_events",
    "expect_webhook",
    "expect_message",
    "assert",
    "fork",
    "snapshot",
    "restore",
];
/// The fields beside a verb, and the verbs that they are for.
const COMPANIONS: [(&str, &[&str]); 8] = [
    ("path", &["call"]),
    ("query", &["call"]),
    ("headers", &["call"]),
    ("body", &["call"]),
    ("form", &["call"]),
    ("steps", &["fork"]),
    ("expect", &["call", "advance", "preview", "step", "pay", "save_card"]),
    (
        "capture",
        &[
            "call",
            "advance",
            "preview",
            "step",
            "pay",
            "save_card",
            "expect_events",
            "expect_webhook",
            "expect_message",
        ],
    ),
];

const START: &str = "2028-01-01T00:00:00Z";
const GOOD_CARD: &str = "4242424242424242";

/// What a whole file says beside its steps.
#[derive(Deserialize)]
struct Head {
    story: String,
    provider: String,
    #[serde(default = "empty")]
    world: String,
    start: Option<Timestamp>,
    steps: Vec<Value>,
}

fn empty() -> String {
    "empty".to_owned()
}

impl Story {
    /// # Errors
    /// All that is wrong with the file.
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let document = Document::read(text).map_err(|(place, message)| vec![Problem { place, message }])?;
        let mut value = document.value.clone();
        let mut reader = Reader { document: &document, problems: Vec::new() };
        if value.is_null() {
            value = Value::Object(Map::new());
        }
        match REGISTRY.contract("story", "story").request(&mut value) {
            Ok(hints) => {
                for hint in hints {
                    reader.complain(&hint.pointer, hint.message);
                }
            }
            Err(violations) => {
                for violation in violations {
                    let field = violation.pointer.trim_start_matches('/').replace('/', ".");
                    let message =
                        if field.is_empty() { violation.message } else { format!("{field} {}", violation.message) };
                    reader.complain(&violation.pointer, message);
                }
            }
        }
        reader.sound()?;
        let head: Head = serde_json::from_value(document.value.clone())
            .map_err(|error| vec![Problem { place: document.place(""), message: error.to_string() }])?;
        let mut reader = Reader { document: &document, problems: Vec::new() };
        let steps = reader.steps(&head.steps, "/steps");
        reader.sound()?;
        let start = head.start.or_else(|| START.parse().ok()).unwrap_or(Timestamp::MAX);
        Ok(Self { title: head.story, provider: head.provider, world: head.world, start, steps, document })
    }

    /// Whether the story needs somebody who receives webhooks.
    #[must_use]
    pub fn listens(&self) -> bool {
        fn listens(steps: &[Step]) -> bool {
            steps.iter().any(|step| match &step.action {
                Action::Webhook(_) | Action::Receiver(_) => true,
                Action::Fork { steps, .. } => listens(steps),
                _ => false,
            })
        }
        listens(&self.steps)
    }
}

struct Reader<'d> {
    document: &'d Document,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn complain(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem { place: self.document.place(pointer), message: message.into() });
    }

    fn sound(&mut self) -> Result<(), Vec<Problem>> {
        self.problems.sort_by_key(|problem| (problem.place.line, problem.place.column));
        if self.problems.is_empty() { Ok(()) } else { Err(std::mem::take(&mut self.problems)) }
    }

    fn steps(&mut self, written: &[Value], pointer: &str) -> Vec<Step> {
        let steps = written.iter().enumerate();
        steps.filter_map(|(number, step)| self.step(step, format!("{pointer}/{number}"))).collect()
    }

    fn step(&mut self, step: &Value, pointer: String) -> Option<Step> {
        let fields = step.as_object()?;
        let verbs: Vec<&str> = VERBS.into_iter().filter(|verb| fields.contains_key(*verb)).collect();
        let [verb] = verbs.as_slice() else {
            let why = match verbs.as_slice() {
                [] => format!("this step does nothing: it wants one of {}", VERBS.join(", ")),
                several => format!("this step is several: {}; make each a step of its own", several.join(", ")),
            };
            self.complain(&pointer, why);
            return None;
        };
        for (field, of) in COMPANIONS {
            if fields.contains_key(field) && !of.contains(verb) {
                self.complain(
                    &format!("{pointer}/{field}"),
                    format!("{field} goes with {}, not with {verb}", of.join(", ")),
                );
            }
        }
        for field in ["expect", "expect_events", "expect_webhook", "expect_message", "assert"] {
            for (at, why) in fields
                .get(field)
                .map(|value| matching::problems(value, &format!("{pointer}/{field}")))
                .into_iter()
                .flatten()
            {
                self.complain(&at, why);
            }
        }
        let written: Written = match serde_json::from_value(step.clone()) {
            Ok(written) => written,
            Err(error) => {
                self.complain(&pointer, error.to_string());
                return None;
            }
        };
        let (name, expect, capture) = (written.name.clone(), written.expect.clone(), written.capture.clone());
        let action = self.action(verb, written, &pointer)?;
        Some(Step { place: self.document.place(&pointer), pointer, name, action, expect, capture })
    }

    fn action(&mut self, verb: &str, step: Written, pointer: &str) -> Option<Action> {
        let Written { path, query, headers, body, form, .. } = step;
        Some(match verb {
            "call" => Action::Call(Call { operation: step.call?, path, query, headers, body, form }),
            "advance" => Action::Advance(self.turn(step.advance?, &format!("{pointer}/advance"))?),
            "preview" => Action::Preview(self.turn(step.preview?, &format!("{pointer}/preview"))?),
            "step" => Action::Step(step.step?.clock),
            "pay" => Action::Pay(match step.pay? {
                Value::String(session) => Payment { session, card: None, fail: None, save: None },
                more => serde_json::from_value(more).ok()?,
            }),
            "save_card" => {
                let SaveCard { customer, card } = step.save_card?;
                Action::SaveCard { customer, card: card.unwrap_or_else(|| GOOD_CARD.to_owned()) }
            }
            "set_outcome" => Action::SetOutcome(step.set_outcome?),
            "fault" => Action::Fault(step.fault?),
            "receiver" => Action::Receiver(step.receiver?.answer),
            "expect_events" => Action::Events(events(step.expect_events?, &format!("{pointer}/expect_events"))?),
            "expect_webhook" => Action::Webhook(step.expect_webhook?),
            "expect_message" => Action::Message(step.expect_message?),
            "assert" => Action::Assert(match step.assert? {
                Value::Array(all) => all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect(),
                one => vec![serde_json::from_value(one).ok()?],
            }),
            "fork" => {
                if step.steps.is_empty() {
                    self.complain(pointer, "a fork wants steps: what happens in it");
                }
                Action::Fork { name: step.fork?, steps: self.steps(&step.steps, &format!("{pointer}/steps")) }
            }
            "snapshot" => Action::Snapshot(step.snapshot?),
            _ => Action::Restore(step.restore?),
        })
    }

    fn turn(&mut self, written: Value, pointer: &str) -> Option<Turn> {
        let turn: Turn = match written {
            Value::String(text) if Cadence::parse(&text).is_ok() => {
                Turn { by: Some(text), to: None, clock: None, deliver: None }
            }
            Value::String(text) => Turn { by: None, to: Some(text), clock: None, deliver: None },
            more => serde_json::from_value(more).ok()?,
        };
        if turn.by.is_some() == turn.to.is_some() {
            self.complain(pointer, "wants either by, how far, or to, where to");
        }
        let is_named = |text: &str| text.contains("${");
        if let Some(by) = turn.by.as_deref().filter(|by| !is_named(by))
            && let Err(why) = Cadence::parse(by)
        {
            self.complain(pointer, format!("{by:?} is no duration such as P1M, P7D or PT2H: {why}"));
        }
        if let Some(to) = turn.to.as_deref().filter(|to| !is_named(to))
            && to.parse::<Timestamp>().is_err()
        {
            self.complain(
                pointer,
                format!("{to:?} is neither a duration (P1M, P7D, PT2H) nor an instant (2028-01-31T00:00:00Z)"),
            );
        }
        Some(turn)
    }
}

fn events(written: Value, pointer: &str) -> Option<Events> {
    #[derive(Deserialize)]
    struct More {
        only: Option<Value>,
        #[serde(default)]
        order: Order,
        events: Vec<Value>,
    }
    Some(match written {
        Value::Array(events) => Events { only: Vec::new(), order: Order::Exact, events, pointer: pointer.to_owned() },
        more => {
            let More { only, order, events } = serde_json::from_value(more).ok()?;
            let only = match only {
                Some(Value::String(one)) => vec![one],
                Some(several) => serde_json::from_value(several).ok()?,
                None => Vec::new(),
            };
            Events { only, order, events, pointer: format!("{pointer}/events") }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        Story::read(text).expect_err("wrong").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_wrong_file_says_where_and_why() {
        let said = wrong("story: X\nprovider: paygentic\nsteps:\n  - call: createPlan\n    expct: {status: 201}\n");
        assert!(said[0].starts_with("5:12: ") && said[0].contains("expect"), "{said:?}");
        let said = wrong("story: X\nprovider: paygentic\nsteps:\n  - advance: P1Q\n  - {}\n  - call: a\n    pay: b\n");
        assert!(said[0].starts_with("4:14: ") && said[0].contains("P1M"), "{said:?}");
        assert!(said[1].starts_with("5:5: ") && said[1].contains("call, advance"), "{said:?}");
        assert!(said[2].starts_with("6:5: ") && said[2].contains("call, pay"), "{said:?}");
        let said = wrong("story: X\nsteps: []\n");
        assert!(said.iter().any(|line| line.contains("provider")), "{said:?}");
        let said = wrong(
            "story: X\nprovider: p\nsteps:\n  - snapshot: a\n    body: 1\n  - call: a\n    expect: {body: {x: {$gth: 1}}}\n",
        );
        assert!(said[0].starts_with("5:11: ") && said[0].contains("goes with call"), "{said:?}");
        assert!(said[1].starts_with("7:") && said[1].contains("$gte"), "{said:?}");
        assert!(wrong("story: [")[0].contains(':'));
        assert!(!wrong("").is_empty());
    }
}
