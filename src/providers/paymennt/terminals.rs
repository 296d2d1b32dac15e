//! Terminals: the devices on a merchant's counter. No call makes one; starting worlds place them.
//!
//! Facts: paymennt §2.7.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::{array, ok};
use super::branches::{Branch, referred};
use super::refusals::not_found;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read};
use crate::world::{Id, IdText, Row};

pub const NOT_FOUND: &str = "Terminal device not found";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> =
        vec![read("listTerminals", "/mer/v2.0/terminals", list), read("getTerminal", "/mer/v2.0/terminals/{id}", get)];
    Noun { name: "terminals", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Terminal {
    pub alias: Arc<str>,
    device_type: Box<str>,
    serial_number: Box<str>,
    branch: Id<Branch>,
    pub active: bool,
}

impl Row for Terminal {
    const PREFIX: &'static str = "";
    const NOUN: &'static str = "terminal";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    alias: &'a str,
    device_type: &'a str,
    serial_number: &'a str,
    branch_id: IdText,
    branch_name: &'a str,
    active: bool,
}

fn body(state: &State, id: Id<Terminal>) -> Body<'_> {
    let row = &state.terminals[id];
    Body {
        id: state.terminals.text(id),
        alias: &row.alias,
        device_type: &row.device_type,
        serial_number: &row.serial_number,
        branch_id: state.branches.text(row.branch),
        branch_name: &state.branches[row.branch].name,
        active: row.active,
    }
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    array(call, world.state.terminals.iter(), |(id, _)| body(&world.state, id))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let found = world.state.terminals.find(call.segment("id"));
    Ok(ok(body(&world.state, found.ok_or_else(|| not_found(NOT_FOUND, "id"))?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Placed {
    alias: Arc<str>,
    device_type: Box<str>,
    serial_number: Box<str>,
    branch_id: Option<u64>,
    #[serde(default = "active")]
    active: bool,
}

fn active() -> bool {
    true
}

/// Puts a device on the counter of a starting world.
pub fn place(world: &mut World, row: &Value) -> Result<Value, String> {
    let Placed { alias, device_type, serial_number, branch_id, active } =
        Placed::deserialize(row).map_err(|error| format!("a terminal: {error}"))?;
    let branch = referred(&world.state, "/branchId", branch_id).map_err(|fault| fault.message)?;
    let id = world.state.terminals.insert(Terminal { alias, device_type, serial_number, branch, active });
    Ok(json!(body(&world.state, id)))
}
