//! What a story looks at: events, webhooks, messages, and what was captured on the way.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Broken, EVENTS_MOST, PATIENCE, SHOWN, Teller, said};
use crate::client::Received;
use crate::story::format::{Assertion, Events, Order, Step, Webhook};
use crate::story::matching::{Difference, clipped, differences};
use crate::story::named;
use crate::story::report::{Edit, stacked};

/// How much is shown of one of several that came.
const LINE: usize = 200;

impl Teller<'_> {
    /// The events from a number on, and the number of the next one.
    pub(super) async fn events(&self, from: usize) -> Result<(Vec<Value>, usize), Broken> {
        // An offset far beyond the last one tells how many there are.
        let path = self.here(&format!("/events?limit={EVENTS_MOST}&offset={}", from.min(1_000_000_000)));
        let listed = self.control("GET", &path, None).await?;
        let total = listed["total"].as_u64().and_then(|total| usize::try_from(total).ok()).unwrap_or_default();
        Ok((listed["events"].as_array().cloned().unwrap_or_default(), total))
    }

    pub(super) async fn expect_events(
        &mut self,
        step: &Step,
        wanted: &Events,
        number: &str,
    ) -> Result<Vec<Difference>, Broken> {
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
        self.told.last = stacked(events.iter().map(line));
        vec![Difference {
            pointer: format!("/{first}"),
            expected: expected.get(first).map_or_else(|| format!("no event after {first}"), Value::to_string),
            found: events.get(first).map(brief),
        }]
    }

    pub(super) async fn expect_webhook(
        &mut self,
        step: &Step,
        wanted: &Webhook,
        number: &str,
    ) -> Result<Vec<Difference>, Broken> {
        let Some(inbox) = &self.inbox else { return Err("nobody listens".to_owned()) };
        let of_type = wanted.r#type.as_deref().map(|name| self.scope.text(name)).transpose()?;
        let body = wanted.body.as_ref().map(|body| self.scope.fill(body)).transpose()?;
        let headers = wanted.headers.as_ref().map(|headers| self.scope.fill(headers)).transpose()?;
        let is_wanted = |one: &Received| {
            of_type
                .as_deref()
                .is_none_or(|name| one.event_type().is_some_and(|found| crate::world::matches(name, found)))
                && body.as_ref().is_none_or(|body| differences(body, Some(&one.body)).is_empty())
                && headers.as_ref().is_none_or(|all| differences(all, Some(&named(&one.headers))).is_empty())
        };
        let found = inbox.find(wanted.count.unwrap_or(1), PATIENCE, is_wanted).await.map_err(said)?;
        let which = of_type.as_deref().unwrap_or("any");
        self.told.line(number, &format!("expect_webhook {which}: {}", found.len()));
        let is_right = wanted.count.map_or(!found.is_empty(), |count| count == found.len());
        if !is_right {
            let others = inbox.find(0, Duration::ZERO, |_| true).await.map_err(said)?;
            let others = others.iter().map(|one| clipped(&one.body.to_string(), LINE).into_owned());
            self.told.last = format!("besides came:\n{}", stacked(others));
            let expected = wanted.count.map_or_else(|| "at least one".to_owned(), |count| count.to_string());
            let expected = format!("{expected} like type {which}, body {}", json!(body));
            return Ok(vec![Difference { pointer: String::new(), expected, found: Some(json!(found.len())) }]);
        }
        if let Some(first) = found.first() {
            self.capture(step, &first.body, "")?;
        }
        Ok(Vec::new())
    }

    pub(super) async fn expect_message(
        &mut self,
        step: &Step,
        wanted: &Value,
        number: &str,
    ) -> Result<Vec<Difference>, Broken> {
        let wanted = self.scope.fill(wanted)?;
        let listed = self.control("GET", &self.here("/messages?limit=1000"), None).await?;
        let messages = listed["messages"].as_array().cloned().unwrap_or_default();
        let found = messages.iter().rev().find(|message| differences(&wanted, Some(message)).is_empty());
        self.told.line(number, &format!("expect_message {wanted}"));
        if let Some(message) = found {
            self.capture(step, message, "")?;
            return Ok(Vec::new());
        }
        self.told.last = stacked(messages.iter().map(|message| clipped(&message.to_string(), LINE).into_owned()));
        let pointer = String::new();
        Ok(vec![Difference { pointer, expected: wanted.to_string(), found: messages.last().cloned() }])
    }

    pub(super) fn assert(&mut self, all: &[Assertion], number: &str) -> Result<Vec<Difference>, Broken> {
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

    /// Compares what came with what the step expects, and captures from it.
    pub(super) fn found(&mut self, step: &Step, found: &Value, root: Option<&str>) -> Result<Vec<Difference>, Broken> {
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
            self.told.last = clipped(&found.to_string(), SHOWN).into_owned();
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
                let whole = found.pointer(root).unwrap_or(found).to_string();
                format!("capture {name}: there is nothing at {pointer} of {}", clipped(&whole, SHOWN))
            })?;
            self.scope.set(name, value.clone());
        }
        Ok(())
    }

    pub(super) fn captured(&self, step: &Step) -> String {
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
