//! Worlds: open, list and forget them; start one anew, keep it under a name and go back to it, give another key one
//! like it, write it down and read it again.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Asked, Control, Handler, no_world, row};
use crate::api::{Beginning, Fault, Keeper, Noun, Reply, settable};
use crate::contract::{Violation, near};
use crate::fixtures;
use crate::time::Timestamp;

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "worlds",
        operations: vec![
            row("listWorlds", Method::GET, "/worlds", list),
            row("createWorld", Method::POST, "/worlds", create),
            row("deleteWorld", Method::DELETE, "/worlds/{key}", delete),
            row("getWorld", Method::GET, "/world", get),
            row("resetWorld", Method::POST, "/world/reset", reset),
            row("listSnapshots", Method::GET, "/world/snapshots", snapshots),
            row("snapshotWorld", Method::POST, "/world/snapshots", snapshot),
            row("restoreWorld", Method::POST, "/world/snapshots/{name}/restore", restore),
            row("deleteSnapshot", Method::DELETE, "/world/snapshots/{name}", drop_snapshot),
            row("forkWorld", Method::POST, "/world/fork", fork),
            row("exportWorld", Method::GET, "/world/export", export),
            row("importWorld", Method::POST, "/world/import", import),
        ],
    }
}

fn list(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    control.admit(asked.head)?;
    let keepers = control.keepers(asked)?;
    let worlds: Vec<_> = keepers.into_iter().flat_map(|(_, keeper)| keeper.worlds(asked.call.wall)).collect();
    Ok(Reply::ok(&json!({ "worlds": worlds })))
}

/// What a world begins with: the calls of a bundled one, or what `--world` says; and where its clock is frozen before.
#[derive(Deserialize)]
struct Start {
    world: Option<String>,
    now: Option<Timestamp>,
}

impl Start {
    fn begin<R>(&self, control: &Control, begin: impl FnOnce(Beginning<'_>) -> Result<R, Fault>) -> Result<R, Fault> {
        let bundled = |name: &String| fixtures::world(name).ok_or_else(|| unknown(name));
        let bundled = self.world.as_ref().map(bundled).transpose()?;
        let at = self.now.map(|now| settable("/now", now)).transpose()?;
        begin(Beginning { calls: bundled.as_ref().unwrap_or(&control.settings.start), at })
    }
}

#[derive(Deserialize)]
struct Create {
    key: String,
    #[serde(flatten)]
    start: Start,
}

/// At the provider that `?provider=` names, or at the only one that would take the key.
fn create(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Create { key, start } = asked.call.input()?;
    control.admit_to(asked, &key)?;
    let own = |(_, keeper): &(&str, &dyn Keeper)| keeper.is_own_key(&key);
    let keepers = control.keepers(asked)?;
    let own: Vec<_> = if keepers.len() == 1 { keepers } else { keepers.into_iter().filter(own).collect() };
    let [(_, keeper)] = own.as_slice() else { return Err(control.which_provider()) };
    let made = start.begin(control, |beginning| keeper.create(&key, beginning, asked.call.wall))?;
    Ok(Reply::created(&made))
}

fn delete(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let key = asked.call.segment("key");
    control.admit_to(asked, key)?;
    let with: Vec<_> = control.keepers(asked)?.into_iter().filter(|(_, keeper)| keeper.world(key).is_some()).collect();
    match with.as_slice() {
        [] => Err(no_world(key)),
        [(_, keeper)] => {
            keeper.forget(key);
            Ok(Reply::none())
        }
        _ => Err(control.which_provider()),
    }
}

fn get(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    Ok(Reply::ok(&control.door(asked)?.about(asked.call.wall)?))
}

fn reset(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let start: Start = asked.call.input()?;
    let door = control.door(asked)?;
    start.begin(control, |beginning| door.reset(beginning, asked.call.wall))?;
    Ok(Reply::ok(&json!({ "world": start.world.as_ref().unwrap_or(&control.settings.world) })))
}

fn snapshots(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    Ok(Reply::ok(&json!({ "snapshots": control.door(asked)?.snapshots() })))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

fn snapshot(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Named { name } = asked.call.input()?;
    Ok(Reply::created(&control.door(asked)?.snapshot(&name, asked.call.wall)?))
}

fn restore(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let name = asked.call.segment("name");
    Ok(Reply::ok(&control.door(asked)?.restore(name, asked.call.wall)?))
}

fn drop_snapshot(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    control.door(asked)?.drop_snapshot(asked.call.segment("name"))?;
    Ok(Reply::none())
}

#[derive(Deserialize)]
struct Fork {
    key: String,
    #[serde(default)]
    replace: bool,
}

fn fork(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Fork { key, replace } = asked.call.input()?;
    control.admit_to(asked, &key)?;
    Ok(Reply::created(&control.door(asked)?.fork(&key, replace, asked.call.wall)?))
}

fn export(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    Ok(Reply::ok(&control.door(asked)?.export(asked.call.wall)?))
}

fn import(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    Ok(Reply::ok(&control.door(asked)?.import(&asked.call.body, asked.call.wall)?))
}

fn unknown(name: &str) -> Fault {
    let names = fixtures::names();
    let suggestion = near(name, names.iter().copied()).map(str::to_owned);
    let meant = suggestion.as_ref().map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
    let violation = Violation::body("/world", "enum", format!("is one of {}{meant}", names.join(", ")));
    Fault::no_such("bundled world", name).with_violation(Violation { suggestion, ..violation })
}
