//! Webhook endpoints and what they were sent.
//!
//! Facts: paylera §2.11, §4. Endpoints and deliveries are those of the world's outbox, so that the control API sees the
//! same. What happens to one endpoint is told to the others.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::listing::list;
use super::notices::{self, Notice, webhook_endpoint as event};
use super::signing::PAYLERA;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::time::{Cadence, Timestamp};
use crate::webhooks::check_url;
use crate::world::{Answer, ClockId, Delivery, DeliveryStatus, Endpoint, Id, IdText, matches};

/// How long a secret that was replaced goes on signing (§4.3).
const OVERLAP: Cadence = Cadence::seconds(24 * 3_600);
/// The only version there is: bodies of an endpoint never differ by it.
const VERSION: &str = "2026-04-01";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listWebhookEndpoints", "/v1/admin/webhook-endpoints", list_all),
        write("createWebhookEndpoint", Method::POST, "/v1/admin/webhook-endpoints", create),
        read("getWebhookEndpoint", "/v1/admin/webhook-endpoints/{id}", get),
        write("updateWebhookEndpoint", Method::PATCH, "/v1/admin/webhook-endpoints/{id}", update),
        write("deleteWebhookEndpoint", Method::DELETE, "/v1/admin/webhook-endpoints/{id}", delete),
        write("rotateWebhookEndpointSecret", Method::POST, "/v1/admin/webhook-endpoints/{id}/rotate-secret", rotate),
        read("listWebhookDeliveries", "/v1/admin/webhook-endpoints/{id}/deliveries", list_deliveries),
        write(
            "retryWebhookDelivery",
            Method::POST,
            "/v1/admin/webhook-endpoints/{id}/deliveries/{delivery_id}/retry",
            retry,
        ),
        write("replayWebhookEvents", Method::POST, "/v1/admin/webhook-endpoints/{id}/replay", replay),
    ];
    Noun { name: "webhook_endpoints", operations }
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    url: &'a str,
    events: Vec<&'a str>,
    description: Option<&'a str>,
    status: &'static str,
    api_version: &'static str,
    secret_last4: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Shown when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

pub fn body<'a>(world: &World, id: Id<Endpoint>, row: &'a Endpoint) -> Body<'a> {
    let secret = &*row.secret;
    // One that the control API made may listen to everything.
    let events = if row.events.is_empty() { vec!["*"] } else { row.events.iter().map(|event| &**event).collect() };
    let status = match (row.enabled, row.gave_out) {
        (true, _) => "enabled",
        (false, true) => "auto_disabled",
        (false, false) => "disabled",
    };
    Body {
        id: world.outbox.endpoints().text(id),
        object: "webhook_endpoint",
        url: &row.url,
        events,
        description: row.description.as_deref(),
        status,
        api_version: VERSION,
        secret_last4: secret.get(secret.len().saturating_sub(4)..).unwrap_or(secret),
        created_at: row.created_at,
        updated_at: row.updated_at,
        secret: None,
    }
}

fn show(world: &World, id: Id<Endpoint>) -> Reply {
    Reply::ok(&body(world, id, &world.outbox.endpoints()[id]))
}

/// The answer in which the secret stands.
fn reveal(world: &World, id: Id<Endpoint>, status: u16) -> Reply {
    let row = &world.outbox.endpoints()[id];
    Reply::json(status, &Body { secret: Some(&row.secret), ..body(world, id, row) })
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let rows = world.outbox.endpoints().iter();
    list(call, rows.map(|(id, row)| (id.number(), json!(body(world, id, row)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, call.id(world.outbox.endpoints())?))
}

#[derive(Deserialize)]
struct Create {
    url: Box<str>,
    events: Vec<Box<str>>,
    description: Option<Box<str>>,
    api_version: Option<Box<str>>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    check_url(&wanted.url).map_err(|why| Fault::field("/url", "format", why))?;
    check_events(&wanted.events)?;
    if let Some(version) = wanted.api_version.filter(|version| &**version != VERSION) {
        return Err(Fault::field("/api_version", "enum", format!("{version:?} is not known; {VERSION} is")));
    }
    let secret = (PAYLERA.new_secret)(world.outbox.next_secret_seed());
    let now = world.now(ClockId::WORLD);
    let Create { url, events, description, .. } = wanted;
    let id = world.outbox.register(Endpoint { events, description, ..Endpoint::new(&url, &secret, now) });
    tell(world, id, event::CREATED);
    Ok(reveal(world, id, 201))
}

/// Each is an event type, or a part of one before `.*`, that something can match.
fn check_events(events: &[Box<str>]) -> Result<(), Fault> {
    let unknown = |wanted: &str| !Notice::NAMES.iter().any(|name| matches(wanted, name)) && !is_documented(wanted);
    match events.iter().position(|wanted| unknown(wanted)) {
        None => Ok(()),
        Some(place) => {
            let message = format!("{:?} is no event type of this API, nor the beginning of one", events[place]);
            Err(Fault::field(&format!("/events/{place}"), "enum", message))
        }
    }
}

/// Documented events that nothing here gives rise to.
fn is_documented(wanted: &str) -> bool {
    ["subscription.usage_threshold_crossed", "invoice.fx_rate_locked"].iter().any(|name| matches(wanted, name))
}

#[derive(Deserialize)]
struct Update {
    url: Option<Box<str>>,
    events: Option<Vec<Box<str>>>,
    status: Option<Box<str>>,
    #[serde(default)]
    description: Patch<Box<str>>,
}

/// Enabled again, it hears of what happens from then on: what was dropped needs a replay (§4.6).
fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(world.outbox.endpoints())?;
    let wanted: Update = call.input()?;
    if let Some(url) = wanted.url.as_deref() {
        check_url(url).map_err(|why| Fault::field("/url", "format", why))?;
    }
    check_events(wanted.events.as_deref().unwrap_or_default())?;
    let now = world.now(ClockId::WORLD);
    world.outbox.change_endpoint(id, |row| {
        if let Some(url) = wanted.url.as_deref() {
            row.url = url.into();
            row.responsive = true;
        }
        if let Some(events) = wanted.events {
            row.events = events;
        }
        wanted.description.apply(&mut row.description);
        match wanted.status.as_deref() {
            Some("enabled") if !row.enabled => row.enable(true),
            Some("disabled") => row.enable(false),
            _ => {}
        }
        row.updated_at = now;
    });
    tell(world, id, event::UPDATED);
    Ok(show(world, id))
}

fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(world.outbox.endpoints())?;
    world.outbox.remove_endpoint(id);
    Ok(Reply::none())
}

fn rotate(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(world.outbox.endpoints())?;
    let now = world.now(ClockId::WORLD);
    let before = &world.outbox.endpoints()[id].secret;
    let secret = (PAYLERA.new_secret)(world.outbox.secret_seed_after(before));
    let until = OVERLAP.after(now, 1).unwrap_or(Timestamp::MAX);
    world.outbox.change_endpoint(id, |row| {
        row.rotate(&secret, until);
        row.updated_at = now;
    });
    tell(world, id, event::UPDATED);
    Ok(reveal(world, id, 200))
}

fn delivery_body(world: &World, id: Id<Delivery>, row: &Delivery) -> Value {
    let last = row.attempts.last();
    let (status, error) = match last.map(|attempt| &attempt.answer) {
        Some(Answer::Status(status, _)) => (Some(*status), None),
        Some(Answer::Broken(why)) => (None, Some(why.to_string())),
        Some(Answer::Silent) => (None, Some("no answer in time".to_owned())),
        None => (None, None),
    };
    let delivered = last.filter(|attempt| row.status == DeliveryStatus::Succeeded && attempt.answer.is_success());
    json!({
        "id": world.outbox.deliveries().text(id),
        "object": "webhook_delivery",
        "webhook_endpoint_id": world.outbox.endpoints().text(row.endpoint),
        "event_id": world.event_id(PAYLERA.message_prefix, row.event),
        "event_type": row.event_type,
        "status": match row.status {
            DeliveryStatus::Pending => "pending",
            DeliveryStatus::Succeeded => "succeeded",
            DeliveryStatus::Failed => "failed",
            DeliveryStatus::Dropped | DeliveryStatus::Cancelled => "dropped",
        },
        "attempts": row.attempts.len(),
        "next_attempt_at": row.next.map(|timer| timer.due()),
        "last_response_status": status,
        "last_error": error,
        "delivered_at": delivered.map(|attempt| attempt.at),
        "created_at": row.created_at,
    })
}

fn list_deliveries(world: &World, call: &Call) -> Result<Reply, Fault> {
    let endpoint = call.id(world.outbox.endpoints())?;
    let own = world.outbox.deliveries().iter().filter(|(_, row)| row.endpoint == endpoint);
    list(call, own.map(|(id, row)| (id.number(), delivery_body(world, id, row))))
}

/// Sends one once more, whatever has become of it. The answer says how it stands before that.
fn retry(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let endpoint = enabled(world, call)?;
    let id = call.row("delivery_id", world.outbox.deliveries())?;
    if world.outbox.deliveries()[id].endpoint != endpoint {
        return Err(Fault::no_such("delivery of this endpoint", call.segment("delivery_id")));
    }
    world.outbox.redeliver(id);
    Ok(Reply::ok(&delivery_body(world, id, &world.outbox.deliveries()[id])))
}

fn enabled(world: &World, call: &Call) -> Result<Id<Endpoint>, Fault> {
    let id = call.id(world.outbox.endpoints())?;
    if world.outbox.endpoints()[id].enabled {
        return Ok(id);
    }
    let message = format!("The webhook endpoint {} is disabled: enable it first", call.segment("id"));
    Err(Fault::unprocessable(message).with_code("webhook_endpoint.disabled"))
}

#[derive(Deserialize)]
struct Replay {
    from: Timestamp,
    to: Option<Timestamp>,
    events: Option<Vec<Box<str>>>,
}

/// New deliveries of what happened in `[from, to)`; the ids of the events stay, so that receivers know them.
fn replay(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let endpoint = enabled(world, call)?;
    let Replay { from, to, events } = call.input()?;
    let now = world.now(ClockId::WORLD);
    // Until now, what happens at this very instant included.
    let to = to.or_else(|| now.plus_millis(1)).unwrap_or(Timestamp::MAX);
    if from >= to {
        return Err(Fault::field("/to", "minimum", format!("{to} is not after from, {from}")));
    }
    check_events(events.as_deref().unwrap_or_default())?;
    let row = &world.outbox.endpoints()[endpoint];
    let wanted: Vec<Box<str>> = events.unwrap_or_else(|| row.events.clone());
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| matches(wanted, name));
    let site = call.site;
    let write = |world: &World, number: usize| -> Arc<[u8]> {
        let event = world.event(number).map(|event| notices::envelope(world, number, event, site).to_string());
        event.unwrap_or_default().into_bytes().into()
    };
    let deliveries = world.replay(endpoint, (from, to), wants, write);
    Ok(Reply::ok(&json!({
        "object": "webhook_replay",
        "webhook_endpoint_id": world.outbox.endpoints().text(endpoint),
        "from": from,
        "to": to,
        "deliveries": deliveries,
    })))
}

fn tell(world: &mut World, id: Id<Endpoint>, event: &'static str) {
    let row = Arc::clone(&world.outbox.endpoints()[id]);
    world.emit(ClockId::WORLD, Notice::WebhookEndpoint(event, id, row));
}

/// A delivery has run out of attempts: the others hear of it. That such news could not be delivered is no news, or two
/// endpoints that are both down would write to each other forever.
pub fn gave_up(world: &mut World, id: Id<Delivery>) {
    let row = &world.outbox.deliveries()[id];
    let endpoint = row.endpoint;
    if row.event_type != event::DELIVERY_FAILED && world.outbox.endpoints().get(endpoint).is_some() {
        tell(world, endpoint, event::DELIVERY_FAILED);
    }
}

/// It has refused too often (§4.6).
pub fn gave_out(world: &mut World, id: Id<Endpoint>) {
    tell(world, id, event::DISABLED);
}
