//! Tells a story: does its steps one after another in a world of its own, and notes what came. Calls stand in `calls`,
//! what is looked at in `looks`.

mod calls;
mod looks;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::format::{Action, Payment, Step, Story, Turn};
use super::matching::Difference;
use super::report::{Failure, Told};
use super::scope::Scope;
use super::{Operations, Whom};
use crate::client::{Content, Error, Inbox, Wire, encoded, session_of};
use crate::contract::counted;

/// How long a webhook or a message is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many events one look shows: more than any story brings.
const EVENTS_MOST: usize = 1_000;
/// How much of an answer a failure shows.
const SHOWN: usize = 800;

/// A story that is being told.
pub struct Teller<'a> {
    wire: &'a Wire,
    whom: &'a Whom,
    operations: &'a Operations,
    /// What the key is made of.
    name: String,
    key: String,
    scope: Scope,
    inbox: Option<Inbox>,
    /// The number of the first event that no step has looked at.
    looked: usize,
    calls: usize,
    /// Takes what was seen for what is expected.
    accepts: bool,
    told: Told,
}

/// Why a step cannot go on.
type Broken = String;

impl<'a> Teller<'a> {
    #[must_use]
    pub fn new(wire: &'a Wire, whom: &'a Whom, operations: &'a Operations, name: String, accepts: bool) -> Self {
        let key = whom.key(&name);
        Self {
            wire,
            whom,
            operations,
            name,
            key,
            scope: Scope::default(),
            inbox: None,
            looked: 0,
            calls: 0,
            accepts,
            told: Told::default(),
        }
    }

    /// Tells the whole story, up to the first step that fails.
    pub async fn tell(mut self, story: &Story) -> Told {
        if let Err(why) = self.open(story).await {
            self.told.failures.push(Failure::of("the world cannot be opened", story.document.place("/world"), why));
            return self.told;
        }
        self.steps(&story.steps, "").await;
        // A world that failed stays, so that it can be looked at.
        if self.told.failures.is_empty() {
            let path = format!("/_leapday/worlds/{}?provider={}", encoded(&self.key), self.whom.provider);
            let _ = self.wire.send("DELETE", &path, &self.credentials(), None).await;
        }
        self.told
    }

    async fn open(&mut self, story: &Story) -> Result<(), Broken> {
        let (provider, key) = (self.whom.provider, encoded(&self.key));
        let old = format!("/_leapday/worlds/{key}?provider={provider}");
        self.wire.send("DELETE", &old, &self.credentials(), None).await.map_err(said)?;
        let world = json!({ "key": self.key, "world": story.world, "now": story.start });
        self.control("POST", &format!("/worlds?provider={provider}"), Some(&world)).await?;
        self.scope.set("start", json!(story.start));
        if story.listens() {
            let inbox = Inbox::open().await.map_err(said)?;
            let endpoint = json!({ "url": inbox.url });
            self.control("POST", &self.here("/webhook-endpoints"), Some(&endpoint)).await?;
            self.inbox = Some(inbox);
        }
        self.looked = self.events(usize::MAX).await?.1;
        Ok(())
    }

    async fn steps(&mut self, steps: &[Step], indent: &str) -> bool {
        for (number, step) in steps.iter().enumerate() {
            let number = format!("{indent}{}", number + 1);
            self.told.steps += 1;
            let differences = match Box::pin(self.step(step, &number)).await {
                Ok(differences) => differences,
                Err(why) => {
                    let title = title(step, &number);
                    self.told.failures.push(Failure::of(&title, step.place, why));
                    return false;
                }
            };
            if !self.told.failures.is_empty() {
                return false;
            }
            if !differences.is_empty() {
                let mut failure = Failure::of(&title(step, &number), step.place, String::new());
                failure.differences = differences;
                failure.answer = std::mem::take(&mut self.told.last);
                self.told.failures.push(failure);
                return false;
            }
        }
        true
    }

    async fn step(&mut self, step: &Step, number: &str) -> Result<Vec<Difference>, Broken> {
        self.told.last.clear();
        if let Some(name) = &step.name {
            self.told.line(number, &format!("# {name}"));
        }
        match &step.action {
            Action::Call(call) => self.call(step, call, number).await,
            Action::Advance(turn) => self.advance(step, turn, false, number).await,
            Action::Preview(turn) => self.advance(step, turn, true, number).await,
            Action::Step(clock) => {
                let body = self.scope.fill(&json!({ "clock": clock }))?;
                let body = if clock.is_some() { body } else { json!({}) };
                let told = self.turn("/step", &body).await?;
                self.told_turn(number, "step", &told);
                self.found(step, &told, None)
            }
            Action::Pay(payment) => self.pay(step, payment, number).await,
            Action::SaveCard { customer, card } => {
                let path = format!("/customers/{}/payment-methods", encoded(&self.scope.text(customer)?));
                let body = json!({ "card": { "number": self.scope.text(card)? } });
                let saved = self.control("POST", &self.here(&path), Some(&body)).await?;
                let differences = self.found(step, &saved, None)?;
                self.told.line(number, &format!("save_card{}", self.captured(step)));
                Ok(differences)
            }
            Action::SetOutcome(script) => {
                let script = self.scope.fill(script)?;
                self.control("POST", &self.here("/outcomes"), Some(&script)).await?;
                self.told.line(number, &format!("set_outcome {} {}", script["of"], script["outcomes"]));
                Ok(Vec::new())
            }
            Action::Fault(rule) => {
                let rule = self.scope.fill(rule)?;
                self.control("POST", &self.here("/faults"), Some(&rule)).await?;
                self.told.line(number, &format!("fault {rule}"));
                Ok(Vec::new())
            }
            Action::Receiver(status) => {
                if let Some(inbox) = &self.inbox {
                    inbox.answer(*status);
                }
                self.told.line(number, &format!("receiver answers {status}"));
                Ok(Vec::new())
            }
            Action::Events(events) => self.expect_events(step, events, number).await,
            Action::Webhook(webhook) => self.expect_webhook(step, webhook, number).await,
            Action::Message(wanted) => self.expect_message(step, wanted, number).await,
            Action::Assert(all) => self.assert(all, number),
            Action::Fork { name, steps } => self.fork(name, steps, number).await,
            Action::Snapshot(name) => {
                self.control("POST", &self.here("/world/snapshots"), Some(&json!({ "name": name }))).await?;
                self.told.line(number, &format!("snapshot {name}"));
                Ok(Vec::new())
            }
            Action::Restore(name) => {
                let path = format!("/world/snapshots/{}/restore", encoded(name));
                self.control("POST", &self.here(&path), None).await?;
                self.looked = self.events(usize::MAX).await?.1;
                self.told.line(number, &format!("restore {name}"));
                Ok(Vec::new())
            }
        }
    }

    /// A path of the control API with the world in it.
    fn here(&self, path: &str) -> String {
        let between = if path.contains('?') { '&' } else { '?' };
        format!("{path}{between}provider={}&world={}", self.whom.provider, encoded(&self.key))
    }

    /// Whose world a call on the control API is about.
    fn credentials(&self) -> Vec<(String, String)> {
        self.whom.credentials(&self.key)
    }

    /// What the control API answers, which a story takes for granted.
    async fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Broken> {
        let path = format!("/_leapday{path}");
        let body = body.cloned().map(Content::Json);
        let answer = self.wire.send(method, &path, &self.credentials(), body).await.map_err(said)?;
        if answer.status < 300 {
            return Ok(answer.body);
        }
        Err(said(Error::refused(path, answer)))
    }

    async fn turn(&self, path: &str, body: &Value) -> Result<Value, Broken> {
        self.control("POST", &self.here(&format!("/clock{path}?limit={EVENTS_MOST}")), Some(body)).await
    }

    async fn advance(&mut self, step: &Step, turn: &Turn, dry: bool, number: &str) -> Result<Vec<Difference>, Broken> {
        let mut body = Map::new();
        let fields = [("by", &turn.by), ("to", &turn.to), ("clock", &turn.clock), ("deliver", &turn.deliver)];
        for (name, value) in fields {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(self.scope.text(value)?));
            }
        }
        body.insert("dry_run".to_owned(), json!(dry));
        let told = self.turn("/advance", &Value::Object(body)).await?;
        if let Some(reason) = told["stopped"]["reason"].as_str() {
            return Err(format!("the clock did not arrive: {reason}"));
        }
        self.told_turn(number, if dry { "preview" } else { "advance" }, &told);
        self.found(step, &told, None)
    }

    fn told_turn(&mut self, number: &str, what: &str, told: &Value) {
        let word = |name: &str| told[name].as_str().unwrap_or("?").to_owned();
        let due = told["due"]["what"].as_str().map(|due| format!("  {due}")).unwrap_or_default();
        let count = counted(&told["eventCount"], "event");
        let line = format!("{what} {} -> {}  {count}{due}", word("from"), word("now"));
        self.told.line(number, &line);
        for event in told["events"].as_array().into_iter().flatten() {
            self.told.event(event);
        }
    }

    async fn pay(&mut self, step: &Step, payment: &Payment, number: &str) -> Result<Vec<Difference>, Broken> {
        let session = self.scope.text(&payment.session)?;
        let (how, body) = if let Some(code) = &payment.fail {
            ("fail", json!({ "code": self.scope.text(code)? }))
        } else {
            let mut body = json!({});
            if let Some(card) = &payment.card {
                body["card"] = json!({ "number": self.scope.text(card)? });
            }
            if let Some(save) = payment.save {
                body["savePaymentMethod"] = json!(save);
            }
            ("complete", body)
        };
        let path = format!("/payments/{}/{how}", encoded(session_of(&session)));
        let paid = self.control("POST", &self.here(&path), Some(&body)).await?;
        let outcome =
            if paid["paid"] == true { "paid".to_owned() } else { format!("not paid: {}", paid["declineCode"]) };
        let mut differences = self.found(step, &paid, None)?;
        if step.expect.is_none() && payment.fail.is_none() && paid["paid"] != true {
            differences.push(Difference {
                pointer: "/paid".to_owned(),
                expected: "true".to_owned(),
                found: Some(paid["paid"].clone()),
            });
            self.told.last = paid.to_string();
        }
        self.told.line(number, &format!("pay {outcome}{}", self.captured(step)));
        Ok(differences)
    }

    async fn fork(&mut self, name: &str, steps: &[Step], number: &str) -> Result<Vec<Difference>, Broken> {
        let key = self.whom.key(&format!("{}_{name}", self.name));
        let body = json!({ "key": key, "replace": true });
        self.control("POST", &self.here("/world/fork"), Some(&body)).await?;
        self.told.line(number, &format!("fork {name}"));
        let parent = (std::mem::replace(&mut self.key, key), self.scope.clone(), self.looked);
        let went_well = self.steps(steps, &format!("{number}.")).await;
        let fork = std::mem::replace(&mut self.key, parent.0);
        (self.scope, self.looked) = (parent.1, parent.2);
        if went_well {
            let path = format!("/worlds/{}?provider={}", encoded(&fork), self.whom.provider);
            self.control("DELETE", &path, None).await?;
        }
        Ok(Vec::new())
    }
}

fn title(step: &Step, number: &str) -> String {
    let what = match &step.action {
        Action::Call(call) => call.operation.as_str(),
        Action::Advance(_) => "advance",
        Action::Preview(_) => "preview",
        Action::Step(_) => "step",
        Action::Pay(_) => "pay",
        Action::SaveCard { .. } => "save_card",
        Action::SetOutcome(_) => "set_outcome",
        Action::Fault(_) => "fault",
        Action::Receiver(_) => "receiver",
        Action::Events(_) => "expect_events",
        Action::Webhook(_) => "expect_webhook",
        Action::Message(_) => "expect_message",
        Action::Assert(_) => "assert",
        Action::Fork { .. } => "fork",
        Action::Snapshot(_) => "snapshot",
        Action::Restore(_) => "restore",
    };
    let name = step.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("step {number}: {what}{name}")
}

fn said(error: Error) -> Broken {
    match error {
        Error::Refused(refusal) => refusal.message,
        other => other.to_string(),
    }
}
