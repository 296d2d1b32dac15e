//! Paygentic's error shapes.
//!
//! Facts: paygentic-behaviour §1.2: `Error` everywhere, `ValidationError` for a 400 that names fields.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::{Fault, Kind, Reply};
use crate::contract::Violation;

pub fn reply(fault: &Fault) -> Reply {
    let (status, error) = match fault.kind {
        Kind::Invalid => return validation(fault),
        Kind::BadRequest => (400, "bad_request"),
        Kind::Unauthorized => (401, "unauthorized"),
        Kind::Forbidden => (403, "forbidden"),
        Kind::NotFound => (404, "not_found"),
        Kind::MethodNotAllowed => (405, "method_not_allowed"),
        Kind::Conflict => (409, "conflict"),
        Kind::TooLarge => (413, "payload_too_large"),
        Kind::UnsupportedMediaType => (415, "unsupported_media_type"),
        Kind::Unprocessable => (422, "unprocessable_entity"),
        Kind::TooManyRequests => (429, "too_many_requests"),
        Kind::NotBuilt => (501, "not_implemented"),
        Kind::Unavailable => (503, "service_unavailable"),
        Kind::Internal => (500, "internal_server_error"),
    };
    let mut body = Map::new();
    body.insert("error".to_owned(), error.into());
    body.insert("message".to_owned(), fault.message.clone().into());
    if let Some(code) = fault.code {
        body.insert("code".to_owned(), code.into());
    }
    match &fault.details {
        // The permission check puts its reasons beside the message, not into `details`.
        Some(Value::Object(reasons)) if fault.kind == Kind::Forbidden => body.extend(reasons.clone()),
        Some(details) => drop(body.insert("details".to_owned(), details.clone())),
        None => {}
    }
    Reply::json(status, &body)
}

/// `ValidationError`.
#[derive(Serialize)]
struct Refused<'a> {
    error: &'static str,
    message: &'a str,
    errors: Vec<Wrong<'a>>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    field: Cow<'a, str>,
    message: &'a str,
    code: Cow<'static, str>,
}

impl<'a> Wrong<'a> {
    fn of(violation: &'a Violation) -> Self {
        let field = violation.field();
        let field = if field.is_empty() { "body".into() } else { field };
        Self { field, message: &violation.message, code: code(violation.rule) }
    }
}

fn validation(fault: &Fault) -> Reply {
    let errors = fault.violations.iter().map(Wrong::of).collect();
    Reply::json(400, &Refused { error: "validation_error", message: &fault.message, errors })
}

/// The vendor's only documented code of a field is `invalid_format`; the others follow its style.
fn code(rule: &'static str) -> Cow<'static, str> {
    match rule {
        "format" | "pattern" => "invalid_format".into(),
        "required" => "required".into(),
        "type" => "invalid_type".into(),
        "enum" | "const" => "invalid_value".into(),
        other => format!("invalid_{}", snake(other)).into(),
    }
}

fn snake(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 4);
    for letter in word.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
