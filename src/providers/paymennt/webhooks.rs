//! Webhooks: where news of checkouts is sent.
//!
//! Facts: paymennt §2.6, §4. The rows are the world's own endpoints, so that the control API sees the same; here their
//! ids are numbers, as all of this vendor's.

use http::Method;
use serde::{Deserialize, Serialize};

use super::body::{array, done, ok};
use super::notices::Notice;
use super::refusals::not_found;
use super::signing::PAYMENNT;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::contract::Violation;
use crate::webhooks::check_url;
use crate::world::{ClockId, DeliveryStatus, Endpoint, Id, IdText};

const NOT_FOUND: &str = "Webhook not found for API merchant";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listWebhooks", "/mer/v2.0/webhooks", list),
        write("createWebhook", Method::POST, "/mer/v2.0/webhooks", create),
        read("getWebhook", "/mer/v2.0/webhooks/{id}", get),
        write("testWebhook", Method::POST, "/mer/v2.0/webhooks/{id}/test", test),
        write("enableWebhook", Method::POST, "/mer/v2.0/webhooks/{id}/enable", |world, call| switch(world, call, true)),
        write("disableWebhook", Method::POST, "/mer/v2.0/webhooks/{id}/disable", |world, call| {
            switch(world, call, false)
        }),
        write("deleteWebhook", Method::POST, "/mer/v2.0/webhooks/{id}/delete", delete),
    ];
    Noun { name: "webhooks", operations }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    hmac_key: &'a str,
    address: &'a str,
    failed: bool,
    enabled: bool,
}

fn body<'a>(world: &'a World, id: Id<Endpoint>, row: &'a Endpoint) -> Body<'a> {
    Body {
        id: world.state.webhook_ids.text("", id.number()),
        hmac_key: &row.secret,
        address: &row.url,
        failed: has_failed(world, id),
        enabled: row.enabled,
    }
}

/// Whether the last message that it was owed never arrived.
fn has_failed(world: &World, id: Id<Endpoint>) -> bool {
    let of = world.outbox.deliveries().iter().rev().filter(|(_, row)| row.endpoint == id);
    let mut ended = of
        .map(|(_, row)| row.status)
        .filter(|status| matches!(status, DeliveryStatus::Succeeded | DeliveryStatus::Failed));
    ended.next() == Some(DeliveryStatus::Failed)
}

fn addressed(world: &World, call: &Call) -> Result<Id<Endpoint>, Fault> {
    let number = world.state.webhook_ids.row("", call.segment("id"));
    let found = number.and_then(|number| world.outbox.endpoints().numbered(number));
    found.ok_or_else(|| not_found(NOT_FOUND, "id"))
}

fn show(world: &World, id: Id<Endpoint>) -> Reply {
    ok(body(world, id, &world.outbox.endpoints()[id]))
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    array(call, world.outbox.endpoints().iter(), |(id, row)| body(world, id, row))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, addressed(world, call)?))
}

#[derive(Deserialize)]
struct Create {
    address: Box<str>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { address } = call.input()?;
    check_url(&address).map_err(|why| Fault::field("/address", "format", why))?;
    let key = (PAYMENNT.new_secret)(world.outbox.next_secret_seed());
    let now = world.now(ClockId::WORLD);
    let id = world.outbox.register(Endpoint::new(&address, &key, now));
    Ok(show(world, id))
}

/// Calls the address with an example, and no other address.
fn test(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    if !world.outbox.endpoints()[id].enabled {
        let advice = "this webhook is disabled: enable it first";
        let fault = Fault::bad_request("Webhook is disabled");
        return Err(fault.with_violation(Violation::path("id", "status", advice)));
    }
    world.emit(ClockId::WORLD, Notice::WebhookTest(id));
    Ok(done())
}

fn switch(world: &mut World, call: &Call, enabled: bool) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    let now = world.now(ClockId::WORLD);
    world.outbox.change_endpoint(id, |row| {
        row.enable(enabled);
        row.updated_at = now;
    });
    Ok(show(world, id))
}

fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(world, call)?;
    world.outbox.remove_endpoint(id);
    Ok(done())
}
