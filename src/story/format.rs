//! A story file: read, checked against its schema, and typed. What is wrong says line and column. Its steps are read in
//! `steps`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::steps::Reader;
use super::yaml::{Document, Place};
use crate::contract::Registry;
use crate::time::Timestamp;

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

const START: &str = "2028-01-01T00:00:00Z";

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
        let mut reader = Reader::new(&document);
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
                    let message = if field.is_empty() {
                        violation.message.into_owned()
                    } else {
                        format!("{field} {}", violation.message)
                    };
                    reader.complain(&violation.pointer, message);
                }
            }
        }
        reader.sound()?;
        let head: Head = Head::deserialize(&document.value)
            .map_err(|error| vec![Problem { place: document.place(""), message: error.to_string() }])?;
        let mut reader = Reader::new(&document);
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
