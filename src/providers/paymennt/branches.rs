//! Branches: where a merchant sells.
//!
//! Facts: paymennt §2.5; §2.1 (`branchId` 0 or none is the first branch). Every merchant has one, "Test store".

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};

use super::body::{array, ok};
use super::refusals::not_found;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::contract::Violation;
use crate::world::{Id, IdText, Row};

const NOT_FOUND: &str = "Branch not found for API merchant";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listBranches", "/mer/v2.0/branches", list),
        write("createBranch", Method::POST, "/mer/v2.0/branches", create),
        read("getBranch", "/mer/v2.0/branches/{id}", get),
        write("enableBranch", Method::POST, "/mer/v2.0/branches/{id}/enable", |world, call| switch(world, call, true)),
        write("disableBranch", Method::POST, "/mer/v2.0/branches/{id}/disable", |world, call| {
            switch(world, call, false)
        }),
    ];
    Noun { name: "branches", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Branch {
    pub name: Arc<str>,
    currency: Box<str>,
    description: Option<Box<str>>,
    enabled: bool,
}

impl Row for Branch {
    const PREFIX: &'static str = "";
    const NOUN: &'static str = "branch";
}

impl Branch {
    /// The one that every merchant has.
    pub fn first() -> Self {
        Self { name: "Test store".into(), currency: "AED".into(), description: None, enabled: true }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    name: &'a str,
    currency: &'a str,
    description: Option<&'a str>,
    enabled: bool,
}

fn body(state: &State, id: Id<Branch>) -> Body<'_> {
    let Branch { name, currency, description, enabled } = &*state.branches[id];
    Body { id: state.branches.text(id), name, currency, description: description.as_deref(), enabled: *enabled }
}

fn addressed(state: &State, call: &Call) -> Result<Id<Branch>, Fault> {
    state.branches.find(call.segment("id")).ok_or_else(|| not_found(NOT_FOUND, "id"))
}

/// The branch that a request's `branchId` means.
pub fn referred(state: &State, pointer: &str, id: Option<u64>) -> Result<Id<Branch>, Fault> {
    let meant = match id {
        None | Some(0) => state.branches.numbered(0),
        Some(id) => state.branches.find(&id.to_string()),
    };
    let refuse = |message: &'static str, advice: &'static str| {
        Fault::bad_request(message).with_violation(Violation::body(pointer, "reference", advice))
    };
    let id = meant.ok_or_else(|| refuse(NOT_FOUND, "is no branch of this world; 0 is the first one"))?;
    if state.branches[id].enabled {
        return Ok(id);
    }
    Err(refuse("Branch is disabled", "this branch is disabled: enable it first"))
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    array(call, world.state.branches.iter(), |(id, _)| body(&world.state, id))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(ok(body(&world.state, addressed(&world.state, call)?)))
}

#[derive(Deserialize)]
struct Create {
    name: Arc<str>,
    currency: Box<str>,
    description: Option<Box<str>>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { name, currency, description } = call.input()?;
    if world.state.branches.iter().any(|(_, row)| row.name == name) {
        let fault = Fault::bad_request(format!("A branch already exists with the same name '{name}'"));
        return Err(fault.with_violation(Violation::body("/name", "unique", "is the name of another branch")));
    }
    let id = world.state.branches.insert(Branch { name, currency, description, enabled: true });
    Ok(ok(body(&world.state, id)))
}

fn switch(world: &mut World, call: &Call, enabled: bool) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    world.state.branches.update(id, |row| row.enabled = enabled);
    Ok(ok(body(&world.state, id)))
}
