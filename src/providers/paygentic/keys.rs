//! Bearer keys: any token opens its own world.
//!
//! Facts: paygentic-behaviour §1.1 (prefixes, permissions), §1.2 (403 with reason and permissions).

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::json;

use crate::api::{Fault, KeyPolicy, Kind, Visitor, WorldKey};
use crate::contract::{Place, Violation};

const SCHEME: &str = "Bearer ";
/// Behind a dot at the end of a key: the role as which it acts.
const READONLY: &str = "readonly";

pub fn key(headers: &HeaderMap, policy: KeyPolicy) -> Result<WorldKey<'_>, Fault> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    let scheme = header.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
    let token = scheme.map_or("", |scheme| header[scheme.len()..].trim());
    if token.is_empty() {
        let advice = "send \"Authorization: Bearer sk_test_anything\"; every token opens a world of its own";
        return Err(refused("Missing or malformed API key", advice));
    }
    if token.starts_with("sk_live_") && !policy.allow_live {
        let advice =
            "this is a sandbox: a live key has no business here; use sk_test_…, or start with --allow-live-keys";
        return Err(refused("A live key was sent to a sandbox", advice));
    }
    let reader = token.strip_suffix(READONLY).and_then(|name| name.strip_suffix('.')).filter(|name| !name.is_empty());
    let (name, role) = reader.map_or((token, None), |name| (name, Some(READONLY)));
    Ok(WorldKey { name: name.into(), role })
}

fn refused(message: &str, advice: &str) -> Fault {
    Fault::new(Kind::Unauthorized, message).with_violation(Violation::new(
        Place::Header,
        "/authorization",
        "key",
        advice,
    ))
}

/// A read-only key may change nothing.
pub fn may(role: &str, visitor: &Visitor<'_>) -> Result<(), Fault> {
    if role != READONLY || visitor.reads {
        return Ok(());
    }
    let operation = visitor.operation;
    let message = format!("This key acts as {role:?} and may not call {operation}");
    Err(Fault::forbidden(message)
        .with_details(json!({ "reason": "no_permission", "requiredPermissions": [operation] })))
}
