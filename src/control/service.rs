//! The server itself: health, the table of operations, and the same as `OpenAPI`.

use http::Method;
use serde_json::json;

use super::{Asked, Control, Handler, row};
use crate::api::{Fault, Mount as _, Noun, Reply};
use crate::server::health;

/// What is said of the server is said to everybody.
pub(super) const NOUN: &str = "service";

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: NOUN,
        operations: vec![
            row("getHealth", Method::GET, "/health", get_health),
            row("getOpenapi", Method::GET, "/openapi.json", openapi),
            row("getProviderOpenapi", Method::GET, "/{provider}/openapi.json", provider_openapi),
            row("listOperations", Method::GET, "/operations", operations),
        ],
    }
}

fn get_health(_: &Control, _: &Asked<'_>) -> Result<Reply, Fault> {
    Ok(Reply::ok(&health()))
}

fn openapi(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    Ok(Reply::ok(&control.openapi(&asked.call.site.to_string())))
}

fn provider_openapi(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let name = asked.call.segment("provider");
    let mount = control.mounts.iter().find(|mount| mount.name() == name).ok_or_else(|| control.no_provider(name))?;
    Ok(Reply::ok(&mount.openapi(&asked.call.site.of(mount.name()).to_string())))
}

fn operations(control: &Control, _: &Asked<'_>) -> Result<Reply, Fault> {
    let table: serde_json::Map<_, _> =
        control.mounts.iter().map(|mount| (mount.name().to_owned(), json!(mount.table()))).collect();
    Ok(Reply::ok(&table))
}
