//! External references: what other systems call an item or a customer.
//!
//! Facts: paygentic-behaviour §2.14. A code of another system may be known of several entities; one of them has the
//! primary claim on it and is who the code means. Of the codes that one system has for an entity, one is the default.

use std::collections::HashMap;
use std::mem::discriminant;
use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::body::bare_list;
use super::customers::{self, Customer};
use super::items::Item;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, referred, write};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createExternalReference", Method::POST, "/v0/externalReferences", create),
        read("listExternalReferences", "/v0/externalReferences", index),
        read("getExternalReference", "/v0/externalReferences/{id}", get),
        write("updateExternalReference", Method::PATCH, "/v0/externalReferences/{id}", update),
        write("deleteExternalReference", Method::DELETE, "/v0/externalReferences/{id}", delete),
    ];
    Noun { name: "external_references", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Reference {
    pub merchant: Arc<str>,
    pub of: Entity,
    pub provider: Arc<str>,
    pub external_id: Arc<str>,
    pub label: Option<Box<str>>,
    metadata: Map<String, Value>,
    /// Whether it has the claim on its code.
    primary: bool,
    /// Whether it is the one of its entity that this provider is told.
    default: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What a reference is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entity {
    Item(Id<Item>),
    Customer(Id<Customer>),
}

impl Entity {
    fn kind(self) -> EntityType {
        match self {
            Self::Item(_) => EntityType::Item,
            Self::Customer(_) => EntityType::Customer,
        }
    }

    fn text(self, state: &State) -> IdText {
        match self {
            Self::Item(id) => state.items.text(id),
            Self::Customer(id) => state.customers.text(id),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntityType {
    Item,
    Customer,
}

impl Row for Reference {
    const PREFIX: &'static str = "xrf_";
    const NOUN: &'static str = "external reference";
}

impl Reference {
    /// Whether both are the same code of the same system, for the same kind of entity.
    fn is_same_code(&self, other: &Self) -> bool {
        discriminant(&self.of) == discriminant(&other.of)
            && self.provider == other.provider
            && self.external_id == other.external_id
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    entity_type: EntityType,
    entity_id: IdText,
    provider: &'a str,
    external_id: &'a str,
    external_label: Option<&'a str>,
    metadata: &'a Map<String, Value>,
    is_primary: bool,
    is_default: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Reference>) -> Body<'_> {
    let row = &state.references[id];
    Body {
        id: state.references.text(id),
        object: "externalReference",
        merchant_id: &row.merchant,
        entity_type: row.of.kind(),
        entity_id: row.of.text(state),
        provider: &row.provider,
        external_id: &row.external_id,
        external_label: row.label.as_deref(),
        metadata: &row.metadata,
        is_primary: row.primary,
        is_default: row.default,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The references of an entity, oldest first: of one system, or of all.
pub fn of<'a>(state: &'a State, entity: Entity, provider: Option<&str>) -> Vec<Body<'a>> {
    let is_wanted = |row: &Reference| row.of == entity && provider.is_none_or(|provider| *row.provider == *provider);
    state.references.iter().filter(|(_, row)| is_wanted(row)).map(|(id, _)| body(state, id)).collect()
}

/// Who has a reference by these, and whether it has the claim on one of them.
pub fn matching(state: &State, provider: Option<&str>, external_id: Option<&str>) -> HashMap<Entity, bool> {
    let mut found = HashMap::new();
    for (_, row) in state.references.iter() {
        if provider.is_none_or(|wanted| *row.provider == *wanted)
            && external_id.is_none_or(|wanted| *row.external_id == *wanted)
        {
            *found.entry(row.of).or_default() |= row.primary;
        }
    }
    found
}

/// Gives up the claims of an entity; its references stay.
pub fn release(state: &mut State, entity: Entity, now: Timestamp) {
    let held: Vec<Id<Reference>> =
        state.references.iter().filter(|(_, row)| row.of == entity && row.primary).map(|(id, _)| id).collect();
    for id in held {
        give_up(state, id, now);
    }
}

fn give_up(state: &mut State, id: Id<Reference>, now: Timestamp) {
    state.references.update(id, |row| {
        row.primary = false;
        row.updated_at = now;
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    entity_type: EntityType,
    entity_id: String,
    provider: Arc<str>,
    external_id: Arc<str>,
    external_label: Option<Box<str>>,
    #[serde(default)]
    metadata: Map<String, Value>,
    is_primary: bool,
    is_default: bool,
    #[serde(default)]
    move_claim: bool,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let sent: Create = call.input()?;
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    let of = match sent.entity_type {
        EntityType::Item => Entity::Item(referred(&state.items, "/entityId", &sent.entity_id)?),
        EntityType::Customer => Entity::Customer(customers::referred(state, "/entityId", &sent.entity_id)?),
    };
    let row = Reference {
        merchant: state.merchant(&sent.merchant_id),
        of,
        provider: sent.provider,
        external_id: sent.external_id,
        label: sent.external_label,
        metadata: sent.metadata,
        primary: false,
        default: false,
        created_at: now,
        updated_at: now,
    };
    let is_first = state.references.iter().all(|(_, other)| other.of != of || other.provider != row.provider);
    refuse_repeat(state, &row)?;
    let id = state.references.insert(row);
    if sent.is_primary {
        claim(state, id, sent.move_claim, now)?;
    }
    if sent.is_default || is_first {
        make_default(state, id, now);
    }
    Ok(Reply::created(&body(&world.state, id)))
}

fn refuse_repeat(state: &State, row: &Reference) -> Result<(), Fault> {
    let repeated = state.references.iter().find(|(_, other)| other.of == row.of && other.is_same_code(row));
    let Some((known, _)) = repeated else { return Ok(()) };
    let message = format!("{} says so already: PATCH it to change it", state.references.text(known));
    Err(Fault::conflict(format!("The reference exists: {message}")).with_violation(Violation::body(
        "/externalId",
        "unique",
        message,
    )))
}

/// Takes the claim on a code, from whoever has it only if that is wanted.
fn claim(state: &mut State, id: Id<Reference>, take: bool, now: Timestamp) -> Result<(), Fault> {
    let row = Arc::clone(&state.references[id]);
    if let Entity::Item(item) = row.of
        && state.items[item].archived_at.is_some()
    {
        let message = "must be false for an archived item: archiving releases its claims";
        return Err(Fault::bad_request(format!("The claim cannot be taken: isPrimary {message}"))
            .with_violation(Violation::body("/isPrimary", "archived", message)));
    }
    let rival = state.references.iter().find(|(other, held)| *other != id && held.primary && held.is_same_code(&row));
    match rival.map(|(rival, _)| rival) {
        Some(rival) if !take => return Err(claimed(state, rival)),
        Some(rival) => give_up(state, rival, now),
        None => {}
    }
    state.references.update(id, |row| row.primary = true);
    Ok(())
}

fn claimed(state: &State, rival: Id<Reference>) -> Fault {
    let (held, holder) = (&state.references[rival], state.references.text(rival));
    let (code, provider, of) = (&held.external_id, &held.provider, held.of.text(state));
    let advice = "create with \"moveClaim\": true to take it, or with \"isPrimary\": false";
    let message = format!("{code} of {provider} is claimed by {of} ({holder}): {advice}");
    Fault::conflict(format!("The primary claim is taken: {message}")).with_violation(Violation::body(
        "/isPrimary",
        "unique",
        message,
    ))
}

/// Makes a reference the one that its provider is told of its entity.
fn make_default(state: &mut State, id: Id<Reference>, now: Timestamp) {
    let row = Arc::clone(&state.references[id]);
    let is_former = |other: &Reference| other.default && other.of == row.of && other.provider == row.provider;
    let former = state.references.iter().find(|(other, held)| *other != id && is_former(held)).map(|(id, _)| id);
    if let Some(former) = former {
        state.references.update(former, |row| {
            row.default = false;
            row.updated_at = now;
        });
    }
    state.references.update(id, |row| row.default = true);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    entity_type: Option<EntityType>,
    entity_id: Option<String>,
    provider: Option<String>,
    external_id: Option<String>,
}

/// By provider and code, whoever has the claim comes first.
fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let entity = filter.entity_id.as_deref().map(|text| {
        let customer = || state.customers.find(text).map(Entity::Customer);
        state.items.find(text).map(Entity::Item).or_else(customer)
    });
    let kept = |row: &Reference| {
        mine(filter.merchant_id.as_deref(), &row.merchant)
            && filter.entity_type.is_none_or(|kind| kind == row.of.kind())
            && entity.is_none_or(|entity| entity == Some(row.of))
            && filter.provider.as_deref().is_none_or(|wanted| *row.provider == *wanted)
            && filter.external_id.as_deref().is_none_or(|wanted| *row.external_id == *wanted)
    };
    let mut rows: Vec<_> = state.references.iter().filter(|(_, row)| kept(row)).collect();
    if filter.provider.is_some() && filter.external_id.is_some() {
        rows.sort_by_key(|(_, row)| !row.primary);
    }
    Ok(Reply::ok(&bare_list(call.paging(), rows.into_iter()).map(|(id, _)| body(state, id))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.references)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    #[serde(default)]
    external_label: Patch<Box<str>>,
    metadata: Option<Map<String, Value>>,
    is_primary: Option<bool>,
    is_default: Option<bool>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.references)?;
    let Update { external_label, metadata, is_primary, is_default } = call.input()?;
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    match is_primary {
        Some(true) => claim(state, id, false, now)?,
        Some(false) => give_up(state, id, now),
        None => {}
    }
    if is_default == Some(true) {
        make_default(state, id, now);
    }
    state.references.update(id, |row| {
        external_label.apply(&mut row.label);
        row.metadata = metadata.unwrap_or_else(|| std::mem::take(&mut row.metadata));
        row.default = is_default.unwrap_or(row.default);
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}

fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.references)?;
    world.state.references.remove(id);
    Ok(Reply::none())
}
