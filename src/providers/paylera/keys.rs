//! Tokens, environments, roles, versions.
//!
//! Facts: paylera §1.1 (prefixes), §1.2 (audiences, scopes, AAL2, 401 `auth.wrong_environment`), §1.3 (versions). What a
//! token may do stands behind it, in the suffix of its role (`roles.rs`).

use std::borrow::Cow;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::roles;
use crate::api::{Fault, KeyPolicy, Kind, Reply, WorldKey};
use crate::contract::{Place, Violation, near};

const SCHEME: &str = "Bearer ";
pub const SANDBOX: &str = "sk_sandbox_";
const LIVE: &str = "sk_live_";
const VERSION: &str = "paylera-version";
/// The versions that are known, oldest first; the last one counts where a request names none.
const VERSIONS: &[&str] = &["2026-04-01"];
pub fn key(headers: &HeaderMap, policy: KeyPolicy) -> Result<WorldKey<'_>, Fault> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    let scheme = header.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
    let token = scheme.map_or("", |scheme| header[scheme.len()..].trim());
    if token.starts_with(LIVE) && !policy.allow_live {
        let advice = "this is a sandbox: use sk_sandbox_anything, or start with --allow-live-keys";
        return Err(refused("A live token was sent to the sandbox", advice).with_code("auth.wrong_environment"));
    }
    if !token.starts_with(SANDBOX) && !token.starts_with(LIVE) {
        let advice = "send \"Authorization: Bearer sk_sandbox_anything\"; every token opens a world of its own";
        return Err(refused("Missing or malformed token", advice));
    }
    check_version(headers)?;
    let (name, role) = roles::split(token).map_err(|why| refused("This token names a role that there is not", why))?;
    Ok(WorldKey { name: name.into(), role })
}

fn refused(message: &'static str, advice: impl Into<Cow<'static, str>>) -> Fault {
    let violation = Violation::new(Place::Header, "/authorization", "key", advice);
    Fault::new(Kind::Unauthorized, message).with_violation(violation)
}

fn check_version(headers: &HeaderMap) -> Result<(), Fault> {
    let Some(asked) = headers.get(VERSION) else { return Ok(()) };
    let asked = asked.to_str().unwrap_or("?");
    if VERSIONS.contains(&asked) {
        return Ok(());
    }
    let meant =
        near(asked, VERSIONS.iter().copied()).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    let advice = format!("{asked:?} is none of {}{meant}", VERSIONS.join(", "));
    let violation = Violation::new(Place::Header, format!("/{VERSION}"), "enum", advice);
    Err(Fault::bad_request("Unknown API version").with_code("version.unknown").with_violation(violation))
}

/// Every answer says by which version it was made.
pub fn echo_version(reply: Reply, asked: &HeaderMap) -> Reply {
    let known = asked.get(VERSION).and_then(|asked| asked.to_str().ok());
    let used = VERSIONS.iter().find(|version| known == Some(version)).or(VERSIONS.last());
    match used {
        Some(version) => reply.with_header(VERSION, *version),
        None => reply,
    }
}
