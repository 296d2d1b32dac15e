//! Tokens, environments, roles, versions.
//!
//! Facts: paylera §1.1 (prefixes), §1.2 (audiences, 401 `auth.wrong_environment`), §1.3 (versions).

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::api::{Fault, KeyPolicy, Kind, Reply, Visitor, WorldKey};
use crate::contract::{Place, Violation, near};

const SCHEME: &str = "Bearer ";
pub const SANDBOX: &str = "sk_sandbox_";
const LIVE: &str = "sk_live_";
const VERSION: &str = "paylera-version";
/// The versions that are known, oldest first; the last one counts where a request names none.
const VERSIONS: &[&str] = &["2026-04-01"];
/// Behind a dot at the end of a token: the audience as which it acts. Without one it may do everything.
const ROLES: &[&str] = &["service", "customer", "admin"];
const ADMIN: &str = "/v1/admin/";

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
    let suffix =
        token.rsplit_once('.').and_then(|(name, role)| Some((name, *ROLES.iter().find(|known| **known == role)?)));
    let (name, role) = suffix.map_or((token, None), |(name, role)| (name, Some(role)));
    Ok(WorldKey { name, role })
}

fn refused(message: &str, advice: &str) -> Fault {
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

/// Customers look only, and nobody but administrators has business under `/v1/admin`.
pub fn may(role: &str, visitor: &Visitor<'_>) -> Result<(), Fault> {
    let wrong = match role {
        "customer" if !visitor.reads => "may only read",
        "customer" | "service" if visitor.path.starts_with(ADMIN) => "has no access to /v1/admin",
        _ => return Ok(()),
    };
    Err(Fault::forbidden(format!("A token for the audience {role:?} {wrong}")).with_code("auth.forbidden"))
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
