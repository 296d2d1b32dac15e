//! Webhooks of a world: endpoints, the log of deliveries, rules that misbehave.

mod deliveries;
mod endpoints;
mod rules;

use http::Method;

use super::{Handler, later, row};
use crate::api::{Door, Fault, Noun};
use crate::contract::{Violation, near};
use crate::world::{Id, Row, Table, matches};

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "webhooks",
        operations: vec![
            row("listWebhookEndpoints", Method::GET, "/webhook-endpoints", endpoints::list),
            row("createWebhookEndpoint", Method::POST, "/webhook-endpoints", endpoints::create),
            row("getWebhookEndpoint", Method::GET, "/webhook-endpoints/{id}", endpoints::get),
            row("updateWebhookEndpoint", Method::PATCH, "/webhook-endpoints/{id}", endpoints::update),
            row("deleteWebhookEndpoint", Method::DELETE, "/webhook-endpoints/{id}", endpoints::delete),
            row("listWebhookRules", Method::GET, "/webhook-rules", rules::list),
            row("createWebhookRule", Method::POST, "/webhook-rules", rules::create),
            row("deleteWebhookRule", Method::DELETE, "/webhook-rules/{id}", rules::delete),
            row("listDeliveries", Method::GET, "/deliveries", deliveries::list),
            row("getDelivery", Method::GET, "/deliveries/{id}", deliveries::get),
            later("redeliver", Method::POST, "/deliveries/{id}/redeliver", |control, asked| {
                Box::pin(deliveries::redeliver(control, asked))
            }),
        ],
    }
}

/// An event type that the provider knows, or a beginning that fits one.
///
/// # Errors
/// What would be right.
pub(super) fn known_event_type(door: &dyn Door, wanted: &str) -> Result<(), String> {
    let types = door.event_types();
    if types.iter().any(|name| matches(wanted, name)) {
        return Ok(());
    }
    let meant = near(wanted, types.iter().copied()).map(|meant| format!("; did you mean {meant}?"));
    let meant = meant.unwrap_or_else(|| format!("; there are {}", types.join(", ")));
    Err(format!("{wanted:?} is no event type{meant} (`invoice.*` means all that begin so)"))
}

/// The row that a query parameter means.
fn queried<T: Row>(table: &Table<T>, name: &str, text: &str) -> Result<Id<T>, Fault> {
    let missing = || Violation::query(name, "reference", format!("there is no {} {text:?} in this world", T::NOUN));
    table.find(text).ok_or_else(|| Fault::no_such(T::NOUN, text).with_violation(missing()))
}

/// The event types of a body, each known.
fn check_events(door: &dyn Door, pointer: &str, events: &[Box<str>]) -> Result<(), Fault> {
    let mut violations = Vec::new();
    for (number, wanted) in events.iter().enumerate() {
        if let Err(why) = known_event_type(door, wanted) {
            violations.push(Violation::body(format!("{pointer}/{number}"), "enum", why));
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Fault::violations(violations)) }
}
