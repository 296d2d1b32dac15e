//! Worlds: start one anew from a bundled world.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Asked, Control, Handler, row};
use crate::api::{Fault, Noun, Reply};
use crate::contract::{Violation, near};
use crate::fixtures;

pub(super) fn noun() -> Noun<Handler> {
    Noun { name: "worlds", operations: vec![row("resetWorld", Method::POST, "/world/reset", reset)] }
}

#[derive(Deserialize)]
struct Reset {
    world: Option<String>,
}

fn reset(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Reset { world } = asked.call.input()?;
    let name = world.as_deref().unwrap_or(&control.settings.world);
    let start = match world.as_deref() {
        None => control.settings.start.clone(),
        Some(name) => fixtures::world(name).ok_or_else(|| unknown(name))?,
    };
    control.door(asked)?.reset(&start, asked.call.wall)?;
    Ok(Reply::ok(&json!({ "world": name })))
}

fn unknown(name: &str) -> Fault {
    let names = fixtures::names();
    let suggestion = near(name, names.iter().copied()).map(str::to_owned);
    let meant = suggestion.as_ref().map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
    let violation = Violation::body("/world", "enum", format!("is one of {}{meant}", names.join(", ")));
    Fault::no_such("bundled world", name).with_violation(Violation { suggestion, ..violation })
}
