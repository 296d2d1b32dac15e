//! Tells a story: does its steps one after another in a world of its own, and notes what came.

use std::fmt::Write as _;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::client::{Answer, Client, Content, Receiver};
use super::format::{Action, Assertion, Call, Events, Order, Payment, Step, Story, Turn, Webhook};
use super::matching::{Difference, differences};
use super::report::{Edit, Failure, Told};
use super::scope::Scope;
use super::{Operations, Whom, event_type};

/// How long a webhook or a message is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many events one look shows: more than any story brings.
const EVENTS_MOST: usize = 1_000;
/// How much of an answer a failure shows.
const SHOWN: usize = 800;

/// A story that is being told.
pub struct Teller<'a> {
    client: &'a Client,
    whom: &'a Whom,
    operations: &'a Operations,
    /// What the key is made of.
    name: String,
    key: String,
    scope: Scope,
    receiver: Option<Receiver>,
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
    pub fn new(client: &'a Client, whom: &'a Whom, operations: &'a Operations, name: String, accepts: bool) -> Self {
        let key = whom.key(&name);
        Self {
            client,
            whom,
            operations,
            name,
            key,
            scope: Scope::default(),
            receiver: None,
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
            let _ = self.client.send("DELETE", &path, &[], None).await;
        }
        self.told
    }

    async fn open(&mut self, story: &Story) -> Result<(), Broken> {
        let (provider, key) = (self.whom.provider, encoded(&self.key));
        let old = format!("/_leapday/worlds/{key}?provider={provider}");
        self.client.send("DELETE", &old, &[], None).await.map_err(|lost| lost.0)?;
        let world = json!({ "key": self.key, "world": story.world });
        self.control("POST", &format!("/worlds?provider={provider}"), Some(&world)).await?;
        self.turn("", &json!({ "now": story.start })).await?;
        self.scope.set("start", json!(story.start));
        if story.listens() {
            let receiver = Receiver::listen().await.map_err(|error| format!("no receiver of webhooks: {error}"))?;
            let endpoint = json!({ "url": receiver.url });
            self.control("POST", &self.here("/webhook-endpoints"), Some(&endpoint)).await?;
            self.receiver = Some(receiver);
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
                if let Some(receiver) = &self.receiver {
                    receiver.answer(*status);
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

    /// What the control API answers, which a story takes for granted.
    async fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Broken> {
        let path = format!("/_leapday{path}");
        let body = body.cloned().map(Content::Json);
        let answer = self.client.send(method, &path, &[], body).await.map_err(|lost| lost.0)?;
        if answer.status < 300 {
            return Ok(answer.body);
        }
        let violations = answer.body["violations"].as_array().into_iter().flatten();
        let details: Vec<&str> = violations.filter_map(|violation| violation["message"].as_str()).collect();
        let message = answer.body["message"].as_str().unwrap_or("refused");
        Err(if details.is_empty() { message.to_owned() } else { format!("{message}: {}", details.join("; ")) })
    }

    async fn turn(&self, path: &str, body: &Value) -> Result<Value, Broken> {
        let limited = if path.is_empty() { path.to_owned() } else { format!("{path}?limit={EVENTS_MOST}") };
        self.control("POST", &self.here(&format!("/clock{limited}")), Some(body)).await
    }

    async fn call(&mut self, step: &Step, call: &Call, number: &str) -> Result<Vec<Difference>, Broken> {
        let (method, path, label) = self.address(call)?;
        let mut query = String::new();
        for (name, value) in &call.query {
            let between = if query.is_empty() && !path.contains('?') { '?' } else { '&' };
            let value = self.scope.fill(value)?;
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(query, "{between}{}={}", encoded(name), encoded(&value));
        }
        self.calls += 1;
        let mut headers = self.whom.credentials(&self.key);
        for (name, value) in &call.headers {
            let value = self.scope.fill(value)?;
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        // Vendors that want such a key want it everywhere; to the others it is a header like any other.
        if method != "GET" && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("idempotency-key")) {
            headers.push(("idempotency-key".to_owned(), format!("{}-{}", self.key.replace(':', "-"), self.calls)));
        }
        let body = match (&call.form, &call.body) {
            (Some(form), _) => Some(Content::Form(self.form(form)?)),
            (None, Some(body)) => Some(Content::Json(self.scope.fill(body)?)),
            (None, None) => None,
        };
        // A whole address, such as that of a page, leads to this sandbox as well.
        let path = match path.split_once("://").and_then(|(_, rest)| rest.find('/').map(|start| &rest[start..])) {
            Some(path) => format!("{path}{query}"),
            None => format!("/{}{path}{query}", self.whom.provider),
        };
        let answer = self.client.send(&method, &path, &headers, body).await;
        let expect = step.expect.as_ref().map(|expect| self.scope.fill(expect)).transpose()?;
        let is_lost = expect.as_ref().is_some_and(|expect| expect["lost"] == true);
        let answer = match answer {
            Err(_) if is_lost => {
                self.told.line(number, &format!("{label} lost"));
                return Ok(Vec::new());
            }
            Err(lost) => return Err(format!("no answer: {}", lost.0)),
            Ok(answer) if is_lost => {
                return Err(format!("an answer came, {}, which should have been lost", answer.status));
            }
            Ok(answer) => answer,
        };
        let status = answer.status;
        let found = json!({ "status": status, "headers": answer.headers, "body": answer.body });
        self.told.last = shown(&answer);
        let mut differences = self.found(step, &found, Some("/body"))?;
        let says_status = expect.as_ref().is_some_and(|expect| expect.get("status").is_some());
        if !says_status && !(200..300).contains(&status) {
            let expected = "a status from 200 to 299".to_owned();
            differences.insert(0, Difference { pointer: "/status".to_owned(), expected, found: Some(json!(status)) });
        }
        self.told.line(number, &format!("{label} {status}{}", self.captured(step)));
        Ok(differences)
    }

    fn form(&self, fields: &Map<String, Value>) -> Result<String, Broken> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            let value = self.scope.fill(value)?;
            form.append_pair(name, value.as_str().unwrap_or(&value.to_string()));
        }
        Ok(form.finish())
    }

    /// Method and path of a call, and what it is called in the transcript.
    fn address(&self, call: &Call) -> Result<(String, String, String), Broken> {
        if let Some((method, path)) = call.operation.split_once(' ') {
            let path = self.scope.text(path.trim())?;
            let shown = if path.contains("://") { "a page" } else { &path };
            let shown = format!("{method} {shown}");
            return Ok((method.to_owned(), path, shown));
        }
        let (method, template) = self.operations.find(self.whom.provider, &call.operation)?;
        let mut path = String::new();
        for segment in template.split('/').skip(1) {
            path.push('/');
            let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                path.push_str(segment);
                continue;
            };
            let value =
                call.path.get(name).ok_or_else(|| format!("{} is at {template}: path wants {name}", call.operation))?;
            let value = self.scope.fill(value)?;
            path.push_str(&encoded(value.as_str().unwrap_or(&value.to_string())));
        }
        Ok((method.to_owned(), path, call.operation.clone()))
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
        let line = format!("{what} {} -> {}  {} events{due}", word("from"), word("now"), told["eventCount"]);
        self.told.line(number, &line);
        for event in told["events"].as_array().into_iter().flatten() {
            self.told.event(event);
        }
    }

    async fn pay(&mut self, step: &Step, payment: &Payment, number: &str) -> Result<Vec<Difference>, Broken> {
        let session = self.scope.text(&payment.session)?;
        // What leads to a page leads to its session.
        let session = session.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let session = session.rsplit('/').next().unwrap_or_default().to_owned();
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
        let path = format!("/payments/{}/{how}", encoded(&session));
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

    /// The events from a number on, and the number of the next one.
    async fn events(&self, from: usize) -> Result<(Vec<Value>, usize), Broken> {
        // An offset far beyond the last one tells how many there are.
        let path = self.here(&format!("/events?limit={EVENTS_MOST}&offset={}", from.min(1_000_000_000)));
        let listed = self.control("GET", &path, None).await?;
        let total = listed["total"].as_u64().and_then(|total| usize::try_from(total).ok()).unwrap_or_default();
        Ok((listed["events"].as_array().cloned().unwrap_or_default(), total))
    }

    async fn expect_events(&mut self, step: &Step, wanted: &Events, number: &str) -> Result<Vec<Difference>, Broken> {
        let (mut events, next) = self.events(self.looked).await?;
        self.looked = next;
        let is_like = |only: &String, name: &str| crate::world::matches(only, name);
        if !wanted.only.is_empty() {
            events.retain(|event| {
                let name = event["type"].as_str().unwrap_or_default();
                wanted.only.iter().any(|only| is_like(only, name))
            });
        }
        let expected: Vec<Value> =
            wanted.events.iter().map(|event| self.scope.fill(event)).collect::<Result<_, _>>()?;
        self.told.line(number, &format!("expect_events: {} of {}", expected.len(), events.len()));
        let differences = match wanted.order {
            Order::Exact => self.in_order(&expected, &events),
            Order::Any => in_any_order(&expected, &events),
            Order::Contains => among(&expected, &events),
        };
        if !differences.is_empty() && self.accepts && wanted.order == Order::Exact {
            let seen: Vec<Value> = events.iter().map(brief).collect();
            self.told.edits.push(Edit { pointer: wanted.pointer.clone(), value: json!(seen) });
            return Ok(Vec::new());
        }
        self.capture(step, &json!(events), "")?;
        Ok(differences)
    }

    /// Fails with all that happened, one line an event, when their number is another.
    fn in_order(&mut self, expected: &[Value], events: &[Value]) -> Vec<Difference> {
        if expected.len() == events.len() {
            return differences(&json!(expected), Some(&json!(events)));
        }
        let name = |event: &Value| event["type"].as_str().unwrap_or("any event").to_owned();
        let line = |event: &Value| {
            let amount = event["about"]["amount"].as_str().unwrap_or_default();
            format!("{} {} {amount}", event["at"].as_str().unwrap_or("?"), name(event)).trim_end().to_owned()
        };
        let first =
            expected.iter().zip(events).position(|(wanted, event)| !differences(wanted, Some(event)).is_empty());
        let first = first.unwrap_or(expected.len().min(events.len()));
        self.told.last = events.iter().map(line).collect::<Vec<_>>().join("\n");
        vec![Difference {
            pointer: format!("/{first}"),
            expected: expected.get(first).map_or_else(|| format!("no event after {first}"), Value::to_string),
            found: events.get(first).map(brief),
        }]
    }

    async fn expect_webhook(&mut self, step: &Step, wanted: &Webhook, number: &str) -> Result<Vec<Difference>, Broken> {
        let Some(receiver) = &self.receiver else { return Err("nobody listens".to_owned()) };
        let of_type = wanted.r#type.as_deref().map(|name| self.scope.text(name)).transpose()?;
        let body = wanted.body.as_ref().map(|body| self.scope.fill(body)).transpose()?;
        let headers = wanted.headers.as_ref().map(|headers| self.scope.fill(headers)).transpose()?;
        let is_wanted = |one: &super::client::Received| {
            of_type
                .as_deref()
                .is_none_or(|name| event_type(one).is_some_and(|found| crate::world::matches(name, found)))
                && body.as_ref().is_none_or(|body| differences(body, Some(&one.body)).is_empty())
                && headers
                    .as_ref()
                    .is_none_or(|all| differences(all, Some(&Value::Object(one.headers.clone()))).is_empty())
        };
        let found = receiver.find(wanted.count.unwrap_or(1), PATIENCE, is_wanted).await;
        let said = of_type.as_deref().unwrap_or("any");
        self.told.line(number, &format!("expect_webhook {said}: {}", found.len()));
        let is_right = wanted.count.map_or(!found.is_empty(), |count| count == found.len());
        if !is_right {
            let others = receiver.find(0, Duration::ZERO, |_| true).await;
            let others: Vec<String> =
                others.iter().map(|one| one.body.to_string().chars().take(200).collect()).collect();
            self.told.last = format!("besides came:\n{}", others.join("\n"));
            let expected = wanted.count.map_or_else(|| "at least one".to_owned(), |count| count.to_string());
            let expected = format!("{expected} like type {said}, body {}", json!(body));
            return Ok(vec![Difference { pointer: String::new(), expected, found: Some(json!(found.len())) }]);
        }
        if let Some(first) = found.first() {
            self.capture(step, &first.body, "")?;
        }
        Ok(Vec::new())
    }

    async fn expect_message(&mut self, step: &Step, wanted: &Value, number: &str) -> Result<Vec<Difference>, Broken> {
        let wanted = self.scope.fill(wanted)?;
        let listed = self.control("GET", &self.here("/messages?limit=1000"), None).await?;
        let messages = listed["messages"].as_array().cloned().unwrap_or_default();
        let found = messages.iter().rev().find(|message| differences(&wanted, Some(message)).is_empty());
        self.told.line(number, &format!("expect_message {wanted}"));
        if let Some(message) = found {
            self.capture(step, message, "")?;
            return Ok(Vec::new());
        }
        self.told.last = messages.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let pointer = String::new();
        Ok(vec![Difference { pointer, expected: wanted.to_string(), found: messages.last().cloned() }])
    }

    fn assert(&mut self, all: &[Assertion], number: &str) -> Result<Vec<Difference>, Broken> {
        let mut found = Vec::new();
        for Assertion { value, is } in all {
            let (filled, is) = (self.scope.fill(value)?, self.scope.fill(is)?);
            let said = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let differences = differences(&is, Some(&filled)).into_iter();
            found.extend(differences.map(|one| Difference { pointer: format!("{said}{}", one.pointer), ..one }));
            self.told.line(number, &format!("assert {said} is {is}"));
        }
        Ok(found)
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

    /// Compares what came with what the step expects, and captures from it.
    fn found(&mut self, step: &Step, found: &Value, root: Option<&str>) -> Result<Vec<Difference>, Broken> {
        let mut differing = Vec::new();
        if let Some(expect) = &step.expect {
            differing = differences(&self.scope.fill(expect)?, Some(found));
        }
        if self.accepts {
            let base = format!("{}/expect", step.pointer);
            for difference in std::mem::take(&mut differing) {
                let value = difference.found.clone().unwrap_or_default();
                self.told.edits.push(Edit { pointer: format!("{base}{}", difference.pointer), value });
            }
        }
        if differing.is_empty() {
            self.capture(step, found, root.unwrap_or_default())?;
        } else if self.told.last.is_empty() {
            self.told.last = found.to_string().chars().take(SHOWN).collect();
        }
        Ok(differing)
    }

    fn capture(&mut self, step: &Step, found: &Value, root: &str) -> Result<(), Broken> {
        for (name, pointer) in &step.capture {
            let whole = match pointer.strip_prefix("header:") {
                Some(header) => format!("/headers/{}", header.to_ascii_lowercase()),
                None => format!("{root}{pointer}"),
            };
            let value = found.pointer(&whole).ok_or_else(|| {
                let shown: String = found.pointer(root).unwrap_or(found).to_string().chars().take(SHOWN).collect();
                format!("capture {name}: there is nothing at {pointer} of {shown}")
            })?;
            self.scope.set(name, value.clone());
        }
        Ok(())
    }

    fn captured(&self, step: &Step) -> String {
        let mut line = String::new();
        for name in step.capture.keys() {
            let value = self.scope.text(&format!("${{{name}}}")).unwrap_or_default();
            let value: String = value.chars().take(60).collect();
            // Addresses have a port in them, which is another every time.
            if !value.starts_with("http") {
                let _ = write!(line, "  {name}={value}");
            }
        }
        line
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

fn encoded(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, &KEPT).to_string()
}

/// An answer, as a failure shows it.
fn shown(answer: &Answer) -> String {
    let violation = answer.headers.get("leapday-violation").and_then(Value::as_str);
    let mut text: String = answer.body.to_string().chars().take(SHOWN).collect();
    if let Some(violation) = violation {
        let _ = write!(text, "\nleapday-violation: {violation}");
    }
    text
}

/// What is worth accepting of an event.
fn brief(event: &Value) -> Value {
    let mut brief = json!({ "type": event["type"], "at": event["at"] });
    if event["about"]["amount"].is_string() {
        brief["about"] = json!({ "amount": event["about"]["amount"] });
    }
    brief
}

/// Each expected event has one of its own, and none is left over.
fn in_any_order(expected: &[Value], events: &[Value]) -> Vec<Difference> {
    let mut left: Vec<&Value> = events.iter().collect();
    let mut missing = Vec::new();
    for (number, wanted) in expected.iter().enumerate() {
        if let Some(place) = left.iter().position(|event| differences(wanted, Some(event)).is_empty()) {
            left.remove(place);
        } else {
            let pointer = format!("/{number}");
            missing.push(Difference { pointer, expected: wanted.to_string(), found: None });
        }
    }
    let over = left.into_iter().map(|event| Difference {
        pointer: "/-".to_owned(),
        expected: "no further event".to_owned(),
        found: Some(brief(event)),
    });
    missing.extend(over);
    missing
}

/// The expected events happened in this order, with whatever between them.
fn among(expected: &[Value], events: &[Value]) -> Vec<Difference> {
    let mut rest = events.iter();
    for (number, wanted) in expected.iter().enumerate() {
        if !rest.any(|event| differences(wanted, Some(event)).is_empty()) {
            let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
            let pointer = format!("/{number}");
            return vec![Difference { pointer, expected: wanted.to_string(), found: Some(json!(types)) }];
        }
    }
    Vec::new()
}
