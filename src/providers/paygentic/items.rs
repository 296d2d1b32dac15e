//! Items: what accounting systems know a product's parts by. Fees and metrics are tagged with them.
//!
//! Facts: paygentic-behaviour §2.14, §2.2 (tags), §1.2 (`ITEM_PRODUCT_MISMATCH`). What an item is called elsewhere
//! stands in `external_references`.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::body::bare_list;
use super::external_references::{self, Entity};
use super::products::Product;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

/// An item belongs to one product, and so does what is tagged with it.
const MISMATCH: &str = "ITEM_PRODUCT_MISMATCH";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createItem", Method::POST, "/v0/items", create),
        read("listItems", "/v0/items", index),
        read("getItem", "/v0/items/{id}", get),
        write("updateItem", Method::PATCH, "/v0/items/{id}", update),
    ];
    Noun { name: "items", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
    pub merchant: Arc<str>,
    pub name: Box<str>,
    pub product: Option<Id<Product>>,
    metadata: Map<String, Value>,
    pub archived_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Item {
    const PREFIX: &'static str = "itm_";
    const NOUN: &'static str = "item";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    name: &'a str,
    catalog_id: Option<IdText>,
    metadata: &'a Map<String, Value>,
    external_references: Vec<external_references::Body<'a>>,
    archived_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Item>) -> Body<'_> {
    let row = &state.items[id];
    Body {
        id: state.items.text(id),
        object: "item",
        merchant_id: &row.merchant,
        name: &row.name,
        catalog_id: row.product.map(|id| state.products.text(id)),
        metadata: &row.metadata,
        external_references: external_references::of(state, Entity::Item(id), None),
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The item that a field of the body means, unless it is archived.
pub fn referred(state: &State, pointer: &str, text: &str) -> Result<Id<Item>, Fault> {
    let id = crate::api::referred(&state.items, pointer, text)?;
    match state.items[id].archived_at {
        None => Ok(id),
        Some(at) => {
            let message =
                format!("item {text} was archived at {at}: restore it first with PATCH {{\"archived\": false}}");
            Err(Fault::bad_request(format!("An archived item tags nothing new: {message}"))
                .with_violation(Violation::body(pointer, "archived", message)))
        }
    }
}

/// The item that the `itemId` of something of a product means. An item of no product fits every one.
pub fn tag(state: &State, product: Id<Product>, text: &str) -> Result<Id<Item>, Fault> {
    let id = referred(state, "/itemId", text)?;
    match state.items[id].product {
        Some(other) if other != product => {
            let (own, wanted) = (state.products.text(other), state.products.text(product));
            Err(mismatch("/itemId", format!("item {text} belongs to {own}, not to {wanted}")))
        }
        _ => Ok(id),
    }
}

fn mismatch(pointer: &str, message: String) -> Fault {
    Fault::bad_request(format!("The products differ: {message}"))
        .with_code(MISMATCH)
        .with_violation(Violation::body(pointer, "product", message))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    name: Box<str>,
    catalog_id: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { merchant_id, name, catalog_id, metadata } = call.input()?;
    let product = catalog_id.map(|text| catalog(&world.state, &text)).transpose()?;
    let now = world.now(ClockId::WORLD);
    let merchant = world.state.merchant(&merchant_id);
    let item = Item { merchant, name, product, metadata, archived_at: None, created_at: now, updated_at: now };
    let id = world.state.items.insert(item);
    Ok(Reply::created(&body(&world.state, id)))
}

fn catalog(state: &State, text: &str) -> Result<Id<Product>, Fault> {
    crate::api::referred(&state.products, "/catalogId", text)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    catalog_id: Option<String>,
    provider: Option<String>,
    external_id: Option<String>,
    include_archived: bool,
}

/// With both `provider` and `externalId` this is how another system's code is resolved: whoever has the primary claim
/// comes first.
fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let product = filter.catalog_id.as_deref().map(|text| state.products.find(text));
    let kept = |row: &Item| {
        mine(filter.merchant_id.as_deref(), &row.merchant)
            && product.is_none_or(|product| product.is_some() && product == row.product)
            && (filter.include_archived || row.archived_at.is_none())
    };
    let mut ids: Vec<Id<Item>> = state.items.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id).collect();
    let (provider, external_id) = (filter.provider.as_deref(), filter.external_id.as_deref());
    if provider.is_some() || external_id.is_some() {
        let known = external_references::matching(state, provider, external_id);
        ids.retain(|id| known.contains_key(&Entity::Item(*id)));
        if provider.is_some() && external_id.is_some() {
            ids.sort_by_key(|id| !known[&Entity::Item(*id)]);
        }
    }
    Ok(Reply::ok(&bare_list(call.paging(), ids.into_iter()).map(|id| body(state, id))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.items)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    name: Option<Box<str>>,
    #[serde(default)]
    catalog_id: Patch<String>,
    archived: Option<bool>,
    metadata: Option<Map<String, Value>>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.items)?;
    let Update { name, catalog_id, archived, metadata } = call.input()?;
    let product = catalog_id.try_map(|text| catalog(&world.state, &text))?;
    if let Patch::Value(product) = product {
        refuse_to_leave(&world.state, id, product)?;
    }
    let now = world.now(ClockId::WORLD);
    let archived_before = world.state.items[id].archived_at;
    if archived == Some(true) && archived_before.is_none() {
        refuse_anchored(&world.state, id)?;
        external_references::release(&mut world.state, Entity::Item(id), now);
    }
    world.state.items.update(id, |row| {
        row.name = name.unwrap_or_else(|| row.name.clone());
        product.apply(&mut row.product);
        row.archived_at = match archived {
            Some(true) => archived_before.or(Some(now)),
            Some(false) => None,
            None => archived_before,
        };
        row.metadata = metadata.unwrap_or_else(|| std::mem::take(&mut row.metadata));
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}

/// A fee or metric that is tagged with an item.
struct Anchor<'a> {
    id: IdText,
    name: &'a str,
    product: Id<Product>,
}

/// The metrics and the live fees that are tagged with an item, under the words of the API.
fn anchors(state: &State, id: Id<Item>) -> [(&'static str, Vec<Anchor<'_>>); 2] {
    let metrics = state.metrics.iter().filter(|(_, row)| row.item == Some(id));
    let metrics = metrics.map(|(id, row)| Anchor { id: state.metrics.text(id), name: &row.name, product: row.product });
    let fees = state.fees.iter().filter(|(_, row)| row.item == Some(id) && !row.deleted);
    let fees = fees.map(|(id, row)| Anchor { id: state.fees.text(id), name: &row.name, product: row.product });
    [("billableMetrics", metrics.collect()), ("fees", fees.collect())]
}

/// What an item tags stays within the item's product.
fn refuse_to_leave(state: &State, id: Id<Item>, product: Id<Product>) -> Result<(), Fault> {
    let mut anchors = anchors(state, id).into_iter().flat_map(|(_, anchors)| anchors);
    match anchors.find(|anchor| anchor.product != product) {
        None => Ok(()),
        Some(Anchor { id, product: other, .. }) => {
            let other = state.products.text(other);
            Err(mismatch("/catalogId", format!("{id} is tagged with this item and belongs to {other}")))
        }
    }
}

fn refuse_anchored(state: &State, id: Id<Item>) -> Result<(), Fault> {
    let anchored = anchors(state, id).into_iter().filter(|(_, anchors)| !anchors.is_empty());
    let (mut blockers, mut reasons) = (Vec::new(), Vec::new());
    for (kind, anchors) in anchored {
        let count = anchors.len();
        let items: Vec<Value> = anchors.iter().map(|row| json!({ "id": row.id, "name": row.name })).collect();
        reasons.push(format!("{kind}: {count}"));
        blockers.push(json!({ "type": kind, "count": count, "items": items }));
    }
    if blockers.is_empty() {
        return Ok(());
    }
    let message = format!("is still the itemId of some ({}): give them another one or null first", reasons.join(", "));
    Err(Fault::bad_request(format!("The item cannot be archived: it {message}"))
        .with_details(json!({ "blockers": blockers }))
        .with_violation(Violation::body("/archived", "anchored", message)))
}
