//! Problems: RFC 7807 with a stable `problem` that clients branch on.
//!
//! Facts: paylera §1.6 (idempotency), §1.7 (fields, statuses, values). What has no published value follows the style.

use std::borrow::Cow;

use serde::Serialize;

use crate::api::{Fault, Kind, Reply};
use crate::contract::{Place, Violation};
use crate::world::hash;

/// Somebody else has changed a row since the caller read it.
pub const STALE: &str = "resource.version_mismatch";

pub fn key_missing() -> Fault {
    let advice = "send a string of your own, up to 255 characters; the same one when you repeat the request";
    Fault::bad_request("Idempotency-Key required").with_code("idempotency.required").with_violation(Violation::new(
        Place::Header,
        "/idempotency-key",
        "required",
        advice,
    ))
}

pub fn key_mismatch() -> Fault {
    Fault::unprocessable("This Idempotency-Key was used with another body").with_code("idempotency.body_mismatch")
}

pub fn key_running() -> Fault {
    Fault::conflict("The first request with this Idempotency-Key is not answered yet")
        .with_code("idempotency.in_progress")
}

pub fn reply(fault: &Fault, path: &str) -> Reply {
    let (status, problem) = match fault.kind {
        Kind::Invalid => (422, "validation.failed"),
        Kind::BadRequest => (400, "request.malformed"),
        Kind::Unauthorized => (401, "auth.unauthenticated"),
        Kind::Forbidden => (403, "auth.forbidden"),
        Kind::NotFound => (404, "resource.not_found"),
        Kind::MethodNotAllowed => (405, "request.method_not_allowed"),
        // The SDK pages' optimistic lock has a status of its own (§10).
        Kind::Conflict if fault.code == Some(STALE) => (412, STALE),
        Kind::Conflict => (409, "resource.conflict"),
        Kind::TooLarge => (413, "request.too_large"),
        Kind::UnsupportedMediaType => (415, "request.unsupported_media_type"),
        Kind::Unprocessable => (422, "request.unprocessable"),
        Kind::TooManyRequests => (429, "rate_limit.exceeded"),
        Kind::NotBuilt => (501, "request.not_implemented"),
        Kind::Unavailable => (503, "service.unavailable"),
        Kind::Internal => (500, "service.internal"),
    };
    let problem = fault.code.unwrap_or(problem);
    let body = Problem {
        kind: format!("https://errors.paylera.io/{}", slug(problem)),
        title: title(problem),
        status,
        detail: &fault.message,
        instance: path,
        problem,
        trace_id: trace_id(path, problem, &fault.message),
        errors: (fault.kind == Kind::Invalid).then(|| fault.violations.iter().map(Wrong::of).collect()),
    };
    Reply::json(status, &body).with_header("content-type", "application/problem+json")
}

/// `idempotency.body_mismatch` is `idempotency/body_mismatch`; the area of limits is spelt with a dash (§1.4).
fn slug(problem: &str) -> String {
    let (area, name) = problem.split_once('.').unwrap_or(("request", problem));
    format!("{}/{name}", area.replace('_', "-"))
}

fn title(problem: &str) -> String {
    if problem == "idempotency.required" {
        return "Idempotency-Key required".to_owned();
    }
    let words = problem.replace(['.', '_'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    problem: &'a str,
    trace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<Wrong<'a>>>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    field: Cow<'a, str>,
    pointer: &'a str,
    code: &'a str,
    message: &'a str,
}

impl<'a> Wrong<'a> {
    fn of(violation: &'a Violation) -> Self {
        let Violation { pointer, rule, message, .. } = violation;
        Self { field: violation.field(), pointer, code: rule, message }
    }
}

/// Looks like a ULID. The same refusal has the same one: nothing here is left to chance.
fn trace_id(path: &str, problem: &str, detail: &str) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let first = hash(hash(0, path.as_bytes()), problem.as_bytes());
    let halves = [first, hash(first, detail.as_bytes())];
    let letters = halves.into_iter().flat_map(|half| (0..12).map(move |n| half >> (n * 5)));
    let tail: String = letters.map(|bits| char::from(ALPHABET[(bits & 31) as usize])).collect();
    format!("01{tail}")
}
