//! Bearer keys: any token opens its own world.
//!
//! Facts: paygentic-behaviour §1.1 (prefixes, permissions), §1.2 (403 with reason and permissions).

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::json;

use crate::api::{Fault, KeyPolicy, Kind, Visitor, WorldKey};
use crate::contract::{Place, Violation};

const SCHEME: &str = "Bearer ";
/// Behind a dot at the end of a key: the role that may only look.
pub const READONLY: &str = "readonly";
/// Whose a key is that names nobody: the user that every world has.
const HOLDER: &str = "leapday";

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
    let named = token.rsplit_once('.').filter(|(name, role)| !name.is_empty() && is_role(role));
    let (name, role) = named.map_or((token, None), |(name, role)| (name, Some(role)));
    Ok(WorldKey { name: name.into(), role })
}

/// `readonly`, or the name of a user: what can stand in a `usr_` id, in lower case, so that tokens which happen to have
/// dots in them are hardly ever split.
fn is_role(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The user whose key it is (§1.1: a key belongs to one).
pub fn user(role: Option<&str>) -> String {
    format!("usr_{}", role.unwrap_or(HOLDER))
}

fn refused(message: &'static str, advice: &'static str) -> Fault {
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
