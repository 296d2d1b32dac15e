//! The server itself: health and the table of operations.

use http::Method;
use serde_json::json;

use super::{Asked, Control, Handler, row};
use crate::api::{Fault, Noun, Reply};
use crate::server::health;

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "service",
        operations: vec![
            row("getHealth", Method::GET, "/health", get_health),
            row("listOperations", Method::GET, "/operations", operations),
        ],
    }
}

fn get_health(_: &Control, _: &Asked<'_>) -> Result<Reply, Fault> {
    Ok(Reply::ok(&health()))
}

fn operations(control: &Control, _: &Asked<'_>) -> Result<Reply, Fault> {
    let table: serde_json::Map<_, _> =
        control.mounts.iter().map(|mount| (mount.name().to_owned(), json!(mount.operations()))).collect();
    Ok(Reply::ok(&table))
}
