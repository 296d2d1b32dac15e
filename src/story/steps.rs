//! The steps of a story file: which of the verbs each has, what may stand beside it, and what it means.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::format::{Action, Assertion, Call, Events, Order, Payment, Problem, Step, Turn, Webhook};
use super::matching;
use super::yaml::Document;
use crate::time::{Cadence, Timestamp};

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

const GOOD_CARD: &str = "4242424242424242";

/// Reads steps, and notes what is wrong with them.
pub(super) struct Reader<'d> {
    document: &'d Document,
    problems: Vec<Problem>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        Self { document, problems: Vec::new() }
    }

    pub(super) fn complain(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem { place: self.document.place(pointer), message: message.into() });
    }

    /// # Errors
    /// All that was noted.
    pub(super) fn sound(&mut self) -> Result<(), Vec<Problem>> {
        self.problems.sort_by_key(|problem| (problem.place.line, problem.place.column));
        if self.problems.is_empty() { Ok(()) } else { Err(std::mem::take(&mut self.problems)) }
    }

    pub(super) fn steps(&mut self, written: &[Value], pointer: &str) -> Vec<Step> {
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
        let written: Written = match Written::deserialize(step) {
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
                more => Payment::deserialize(&more).ok()?,
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
                Value::Array(all) => all.iter().filter_map(|one| Assertion::deserialize(one).ok()).collect(),
                one => vec![Assertion::deserialize(&one).ok()?],
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
            more => Turn::deserialize(&more).ok()?,
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
            let More { only, order, events } = More::deserialize(&more).ok()?;
            let only = match only {
                Some(Value::String(one)) => vec![one],
                Some(several) => Vec::deserialize(&several).ok()?,
                None => Vec::new(),
            };
            Events { only, order, events, pointer: format!("{pointer}/events") }
        }
    })
}
