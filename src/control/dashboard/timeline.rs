//! What has happened in a world, in order: requests with the events that each caused, events that time brought, and the
//! webhooks that told of them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::world::{DeliveryStatus, Outbox};

/// One line of the timeline, newest first.
pub(super) enum Item {
    Request(Request),
    Event(Event),
}

pub(super) struct Request {
    pub(super) number: u64,
    pub(super) at: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) operation: String,
    pub(super) status: u64,
    pub(super) fault: String,
    /// What was wrong with it.
    pub(super) violations: Vec<String>,
    /// Which row it is about, and what that is now.
    pub(super) change: String,
    pub(super) events: Vec<Event>,
}

impl Request {
    /// How it went, as a style.
    pub(super) fn tone(&self) -> &'static str {
        match self.status {
            _ if !self.fault.is_empty() => "asks",
            ..=399 => "good",
            _ => "bad",
        }
    }

    pub(super) fn is_read(&self) -> bool {
        self.method == "GET"
    }
}

pub(super) struct Event {
    pub(super) number: u64,
    pub(super) at: String,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) amount: String,
    pub(super) change: String,
    /// Whether it happened at the instant of its request, which says when.
    pub(super) is_then: bool,
    pub(super) deliveries: Vec<Delivery>,
}

pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) event: String,
    pub(super) url: String,
    pub(super) status: &'static str,
    pub(super) attempts: usize,
    pub(super) next: String,
    pub(super) at: String,
}

impl Delivery {
    pub(super) fn tone(&self) -> &'static str {
        match self.status {
            "succeeded" | "delivered" => "good",
            "failed" | "exhausted" => "bad",
            _ => "asks",
        }
    }
}

/// The deliveries of a world, newest first, from an event on.
pub(super) fn deliveries(outbox: &Outbox) -> Vec<(usize, Delivery)> {
    let row = |(id, row): (_, &Arc<crate::world::Delivery>)| {
        let url = outbox.endpoints().get(row.endpoint).map(|endpoint| endpoint.url.to_string());
        let status = DeliveryStatus::ALL.iter().find(|(_, status)| *status == row.status);
        let delivery = Delivery {
            id: outbox.deliveries().text(id).to_string(),
            event: row.event_type.to_owned(),
            url: url.unwrap_or_else(|| "an endpoint that is gone".to_owned()),
            status: status.map_or("?", |(name, _)| name),
            attempts: row.attempts.len(),
            next: row.next.map(|timer| timer.due().to_string()).unwrap_or_default(),
            at: row.created_at.to_string(),
        };
        (row.event, delivery)
    };
    let mut all: Vec<_> = outbox.deliveries().iter().map(row).collect();
    all.reverse();
    all
}

/// Requests and events in one order, newest first. Both come oldest first; the events are all from one number on.
pub(super) fn merged(requests: &[Value], events: &[Value], deliveries: Vec<(usize, Delivery)>) -> Vec<Item> {
    let mut told: HashMap<u64, Vec<Delivery>> = HashMap::new();
    for (event, delivery) in deliveries {
        told.entry(u64::try_from(event).unwrap_or_default()).or_default().push(delivery);
    }
    let first = events.first().map_or(u64::MAX, |event| number(event, "number"));
    let mut coming = events.iter().map(|event| shown(event, &mut told)).collect::<Vec<_>>().into_iter().peekable();
    let mut items = Vec::new();
    for request in requests {
        let Some(count) = request["eventCount"].as_u64() else { continue };
        if count < first && first != u64::MAX {
            continue;
        }
        while let Some(event) = coming.next_if(|event| event.number < count) {
            items.push(Item::Event(event));
        }
        let caused = request["events"].as_array().map_or(0, Vec::len);
        let end = count + u64::try_from(caused).unwrap_or_default();
        let mut own = Vec::new();
        while let Some(event) = coming.next_if(|event| event.number < end) {
            let is_then = request["at"] == event.at;
            own.push(Event { is_then, ..event });
        }
        items.push(Item::Request(asked(request, own)));
    }
    items.extend(coming.map(Item::Event));
    items.reverse();
    items
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn shown(event: &Value, told: &mut HashMap<u64, Vec<Delivery>>) -> Event {
    let number = number(event, "number");
    let amount = [&event["about"]["amount"], &event["about"]["currency"]].map(text).join(" ");
    Event {
        number,
        at: text(&event["at"]),
        name: text(&event["type"]),
        id: text(&event["about"]["id"]),
        amount: amount.trim().to_owned(),
        change: status(&event["body"]).unwrap_or_default(),
        is_then: false,
        deliveries: told.remove(&number).unwrap_or_default(),
    }
}

fn asked(request: &Value, events: Vec<Event>) -> Request {
    let violations = request["violations"].as_array().into_iter().flatten();
    let violation = |violation: &Value| format!("{} {}", text(&violation["pointer"]), text(&violation["message"]));
    let answer: Value = serde_json::from_str(request["answer"].as_str().unwrap_or_default()).unwrap_or_default();
    let change = row(&answer).map(|(id, status)| format!("{id} {status}").trim().to_owned());
    Request {
        number: number(request, "number"),
        at: text(&request["at"]),
        method: text(&request["method"]),
        path: text(&request["path"]),
        operation: text(&request["operation"]),
        status: number(request, "status"),
        fault: text(&request["fault"]),
        violations: violations.map(violation).collect(),
        change: if request["method"] == "GET" { String::new() } else { change.unwrap_or_default() },
        events,
    }
}

/// The row that an answer shows: its id and its status, wherever the vendor puts them.
fn row(answer: &Value) -> Option<(String, String)> {
    let places = [answer, &answer["result"], &answer["data"]];
    let place = places.into_iter().find(|place| place["id"].is_string())?;
    Some((text(&place["id"]), text(&place["status"])))
}

/// The status in an event's body.
fn status(body: &Value) -> Option<String> {
    let places = [body, &body["data"], &body["data"]["object"]];
    places.into_iter().find_map(|place| place["status"].as_str()).map(str::to_owned)
}
