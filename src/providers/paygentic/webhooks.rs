//! Webhooks as the vendor's API has them: switched on once for a merchant, paused and resumed, and a link to the
//! portal where endpoints are kept.
//!
//! Facts: paygentic-behaviour §5. Endpoints stand in the world's outbox; the control API registers them too.
//! Nothing has to be switched on for those: only who pauses webhooks gets none.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::State;
use super::{Operation, World, keys};
use crate::api::{Action, Call, Fault, Kind, Noun, Reply, read, write};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, hash};

/// How long a link to the portal can be used (§5).
const PORTAL_LIFE: Cadence = Cadence::seconds(3_600);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("getWebhooks", "/v0/webhooks", get),
        write("createWebhooks", Method::POST, "/v0/webhooks", create),
        write("updateWebhooks", Method::PATCH, "/v0/webhooks", update),
        write("deleteWebhooks", Method::DELETE, "/v0/webhooks", delete),
        write("getWebhookPortal", Method::GET, "/v0/webhooks/portal", portal),
    ];
    Noun { name: "webhooks", operations }
}

/// The merchant's webhooks, once they were switched on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Webhooks {
    merchant: Arc<str>,
    /// At the service that delivers.
    application_id: Box<str>,
    pub enabled: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What a link to the portal opens.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PortalLink {
    pub expires_at: Timestamp,
    /// Whether endpoints may be changed there.
    pub may_write: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    application_id: &'a str,
    merchant_id: &'a str,
    enabled: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State) -> Result<Body<'_>, Fault> {
    let row = state.webhooks.as_ref().ok_or_else(never_enabled)?;
    Ok(Body {
        object: "webhooks",
        application_id: &row.application_id,
        merchant_id: &row.merchant,
        enabled: row.enabled,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn never_enabled() -> Fault {
    Fault::new(Kind::NotFound, "Webhooks were never enabled for this merchant: POST /v0/webhooks enables them")
}

fn get(world: &World, _: &Call) -> Result<Reply, Fault> {
    Ok(Reply::ok(&body(&world.state)?))
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    if let Some(row) = &world.state.webhooks {
        let how = if row.enabled { "" } else { " and paused: PATCH {\"enabled\": true} resumes them" };
        let message = format!("Webhooks are enabled for this merchant already{how}");
        return Err(Fault::bad_request(message).with_code("DUPLICATE_RESOURCE"));
    }
    let now = world.now(ClockId::WORLD);
    let merchant = match call.query.get("merchantId").and_then(Value::as_str) {
        Some(named) => world.state.merchant(&Arc::from(named)),
        None => world.state.default_merchant(),
    };
    let application_id = format!("app_{:016x}", hash(world.state.seed, b"webhooks")).into();
    world.state.webhooks = Some(Webhooks { merchant, application_id, enabled: true, created_at: now, updated_at: now });
    Ok(Reply::created(&body(&world.state)?))
}

#[derive(Deserialize)]
struct Update {
    enabled: bool,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Update { enabled } = call.input()?;
    switch(world, enabled)?;
    Ok(Reply::ok(&body(&world.state)?))
}

/// Pauses only: the endpoints are kept.
fn delete(world: &mut World, _: &Call) -> Result<Reply, Fault> {
    switch(world, false)?;
    Ok(Reply::none())
}

fn switch(world: &mut World, enabled: bool) -> Result<(), Fault> {
    let now = world.now(ClockId::WORLD);
    let row = world.state.webhooks.as_mut().ok_or_else(never_enabled)?;
    row.enabled = enabled;
    row.updated_at = now;
    Ok(())
}

/// A key that may not write gets a link that only shows.
fn portal(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    if !world.state.webhooks.as_ref().ok_or_else(never_enabled)?.enabled {
        let message = "Webhooks are paused for this merchant: PATCH /v0/webhooks {\"enabled\": true} resumes them";
        return Err(Fault::new(Kind::NotFound, message));
    }
    let expires_at = PORTAL_LIFE.after(world.now(ClockId::WORLD), 1).unwrap_or(Timestamp::MAX);
    let token = world.state.token("webhook portal", world.state.webhook_portals.len());
    let answer = json!({
        "object": "webhookPortal",
        "url": format!("{}/portal/webhooks/{token}", call.site),
        "expiresAt": expires_at,
    });
    world.state.webhook_portals.insert(token, PortalLink { expires_at, may_write: call.role != Some(keys::READONLY) });
    Ok(Reply::ok(&answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::paygentic::testing::{Bench, fails};
    use crate::world::State as _;

    #[test]
    fn webhooks_are_switched_on_once_then_paused_and_resumed() {
        let mut bench = Bench::new();
        for operation in ["getWebhooks", "deleteWebhooks", "getWebhookPortal"] {
            fails(bench.attempt(operation, "", json!(null)), "Webhooks were never enabled");
        }
        fails(bench.attempt("updateWebhooks", "", json!({ "enabled": true })), "Webhooks were never enabled");
        assert!(bench.world.state.delivers(), "who says nothing gets what the control API registers");
        let (status, made) = bench.call("createWebhooks", "", json!(null));
        assert_eq!((status, &made["enabled"]), (201, &json!(true)));
        fails(bench.attempt("createWebhooks", "", json!(null)), "Webhooks are enabled for this merchant already");
        assert_eq!(bench.call("deleteWebhooks", "", json!(null)).0, 204);
        let (_, paused) = bench.call("getWebhooks", "", json!(null));
        assert_eq!((&paused["enabled"], &paused["applicationId"]), (&json!(false), &made["applicationId"]));
        assert!(!bench.world.state.delivers());
        fails(bench.attempt("createWebhooks", "", json!(null)), "Webhooks are enabled for this merchant already and");
        fails(bench.attempt("getWebhookPortal", "", json!(null)), "Webhooks are paused");
        let (_, resumed) = bench.call("updateWebhooks", "", json!({ "enabled": true }));
        assert_eq!(resumed["enabled"], true);
        assert!(bench.world.state.delivers());
    }

    #[test]
    fn a_link_to_the_portal_lives_an_hour() {
        let mut bench = Bench::new();
        bench.call("createWebhooks", "", json!(null));
        let (_, link) = bench.call("getWebhookPortal", "", json!(null));
        let now = bench.world.now(ClockId::WORLD);
        assert_eq!(link["expiresAt"], json!(PORTAL_LIFE.after(now, 1)));
        let (_, other) = bench.call("getWebhookPortal", "", json!(null));
        assert_ne!(link["url"], other["url"]);
    }
}
