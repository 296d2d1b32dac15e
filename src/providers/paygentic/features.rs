//! Features: what customers get access to, or some units of.
//!
//! Facts: paygentic-behaviour §2.10. Prices carry features (`entitlements::Attached`), customers get entitlements to
//! them. A deleted feature keeps its row, since entitlements go on, and is otherwise gone: no price carries it.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};

use super::body::list;
use super::products::Product;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, referred as row_of, write};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

/// Texts of the caller's own.
pub type Metadata = BTreeMap<Box<str>, Box<str>>;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listFeatures", "/v0/features", index),
        write("createFeature", Method::POST, "/v0/features", create),
        read("getFeature", "/v0/features/{id}", get),
        write("updateFeature", Method::PATCH, "/v0/features/{id}", update),
        write("deleteFeature", Method::DELETE, "/v0/features/{id}", delete),
    ];
    Noun { name: "features", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Feature {
    pub merchant: Arc<str>,
    pub product: Id<Product>,
    pub key: Box<str>,
    pub name: Box<str>,
    pub kind: Kind,
    pub metadata: Metadata,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted: bool,
}

/// What an entitlement to a feature gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Access.
    #[default]
    Boolean,
    /// Access, with values that the caller's app reads.
    Static,
    /// Units of usage.
    Metered,
}

impl Row for Feature {
    const PREFIX: &'static str = "feat_";
    const NOUN: &'static str = "feature";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    key: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: Kind,
    merchant_id: &'a str,
    product_id: IdText,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Feature>) -> Body<'_> {
    let row = &state.features[id];
    Body {
        object: "feature",
        id: state.features.text(id),
        key: &row.key,
        name: &row.name,
        kind: row.kind,
        merchant_id: &row.merchant,
        product_id: state.products.text(row.product),
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The feature that a field of the body means, unless it is deleted.
pub fn referred(state: &State, pointer: &str, text: &str) -> Result<Id<Feature>, Fault> {
    let id = row_of(&state.features, pointer, text)?;
    if state.features[id].deleted {
        let violation = Violation::body(pointer, "reference", "this feature was deleted");
        return Err(Fault::no_such(Feature::NOUN, text).with_violation(violation));
    }
    Ok(id)
}

/// The feature of a product with this key.
pub fn keyed(state: &State, product: Id<Product>, key: &str) -> Option<Id<Feature>> {
    let mut rows = state.features.iter();
    rows.find(|(_, row)| !row.deleted && row.product == product && *row.key == *key).map(|(id, _)| id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    key: Box<str>,
    name: Box<str>,
    merchant_id: Arc<str>,
    product_id: String,
    #[serde(rename = "type", default)]
    pub kind: Kind,
    #[serde(default)]
    metadata: Metadata,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = make(world, call.input()?)?;
    Ok(Reply::created(&body(&world.state, id)))
}

/// Makes a feature, if its key is free.
pub fn make(world: &mut World, wanted: Create) -> Result<Id<Feature>, Fault> {
    let product = row_of(&world.state.products, "/productId", &wanted.product_id)?;
    if let Some(taken) = keyed(&world.state, product, &wanted.key) {
        let (key, taken) = (&wanted.key, world.state.features.text(taken));
        let message = format!("{key:?} is the key of {taken}: a key names one feature of a product");
        return Err(Fault::conflict(message.clone()).with_violation(Violation::body("/key", "unique", message)));
    }
    let now = world.now(ClockId::WORLD);
    let feature = Feature {
        merchant: world.state.merchant(&wanted.merchant_id),
        product,
        key: wanted.key,
        name: wanted.name,
        kind: wanted.kind,
        metadata: wanted.metadata,
        created_at: now,
        updated_at: now,
        deleted: false,
    };
    Ok(world.state.features.insert(feature))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    product_id: String,
    key: Option<String>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let Filter { product_id, key } = call.filter()?;
    let state = &world.state;
    let Some(product) = state.products.find(&product_id) else {
        let violation = Violation::query("productId", "reference", "there is no product with this id in this world");
        return Err(Fault::no_such(Product::NOUN, &product_id).with_violation(violation));
    };
    let kept =
        |row: &Feature| !row.deleted && row.product == product && key.as_deref().is_none_or(|key| key == &*row.key);
    let ids = state.features.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&list(call.paging(), ids).map(|id| body(state, id))))
}

/// The feature of the path, unless it is deleted.
fn addressed(state: &State, call: &Call) -> Result<Id<Feature>, Fault> {
    let id = call.id(&state.features)?;
    if state.features[id].deleted { Err(Fault::no_such(Feature::NOUN, call.segment("id"))) } else { Ok(id) }
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
struct Update {
    key: Option<Box<str>>,
    name: Option<Box<str>>,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    metadata: Option<Metadata>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let wanted: Update = call.input()?;
    check(&world.state, id, &wanted)?;
    let now = world.now(ClockId::WORLD);
    world.state.features.update(id, |row| {
        row.key = wanted.key.unwrap_or_else(|| row.key.clone());
        row.name = wanted.name.unwrap_or_else(|| row.name.clone());
        row.kind = wanted.kind.unwrap_or(row.kind);
        row.metadata = wanted.metadata.unwrap_or_else(|| std::mem::take(&mut row.metadata));
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}

/// The contract of an update knows no conflicts: what stands in the way is a field that cannot be so.
fn check(state: &State, id: Id<Feature>, wanted: &Update) -> Result<(), Fault> {
    let row = &state.features[id];
    let mut wrong = Vec::new();
    let taken = wanted.key.as_deref().and_then(|key| keyed(state, row.product, key)).filter(|taken| *taken != id);
    if let Some(taken) = taken {
        let message = format!("is the key of {}: a key names one feature of a product", state.features.text(taken));
        wrong.push(Violation::body("/key", "unique", message));
    }
    if wanted.kind.is_some_and(|kind| kind != row.kind) {
        let attached = state.prices.iter().any(|(_, price)| price.feature.as_ref().is_some_and(|it| it.feature == id));
        let entitled = state.entitlements.iter().any(|(_, entitlement)| entitlement.feature == id);
        if attached || entitled {
            let message = "stays as it is once a price carries the feature or a customer is entitled to it: make \
                           another feature";
            wrong.push(Violation::body("/type", "const", message));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}

/// Prices carry it no more; entitlements that customers have go on.
fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let now = world.now(ClockId::WORLD);
    world.state.features.update(id, |row| {
        row.deleted = true;
        row.updated_at = now;
    });
    Ok(Reply::none())
}
