//! Refusals: `{success: false, elapsed, error}`, one text for all that is wrong.
//!
//! Facts: paymennt §1.4 (envelope, 400 for everything that a request can do wrong), §1.5 (texts). What has no published
//! text says what is wrong in words of ours.

use super::body::refused;
use crate::api::{Fault, Kind, Reply};
use crate::contract::{Place, Violation};

/// The documented text of a page size that is none.
const SIZE: &str = "page size parameter must be a positive integer";

pub fn reply(fault: &Fault) -> Reply {
    let status = match fault.kind {
        Kind::Unauthorized => 401,
        Kind::Forbidden => 403,
        // A path that is none; a row that is none is a 400, as documented.
        Kind::NotFound => 404,
        Kind::MethodNotAllowed => 405,
        Kind::TooLarge => 413,
        Kind::UnsupportedMediaType => 415,
        Kind::TooManyRequests => 429,
        Kind::Internal => 500,
        Kind::NotBuilt => 501,
        Kind::Unavailable => 503,
        Kind::Invalid | Kind::BadRequest | Kind::Conflict | Kind::Unprocessable => 400,
    };
    refused(status, text(fault))
}

fn text(fault: &Fault) -> String {
    if fault.kind != Kind::Invalid {
        return fault.message.clone().into_owned();
    }
    let is_size = |violation: &Violation| violation.place == Place::Query && violation.pointer == "/size";
    if fault.violations.iter().any(is_size) {
        return SIZE.to_owned();
    }
    // What is wrong with the body as a whole has no field.
    let line = |violation: &Violation| match violation.field() {
        field if field.is_empty() => violation.message.clone().into_owned(),
        field => format!("{field}: {}", violation.message),
    };
    let lines = fault.violations.iter().map(line);
    format!("Validation error: {}", lines.collect::<Vec<_>>().join("; "))
}

/// A row that this merchant does not have, in the vendor's words.
pub fn not_found(text: &'static str, path: &str) -> Fault {
    Fault::bad_request(text).with_violation(Violation::path(path, "reference", "there is no such row in this world"))
}
