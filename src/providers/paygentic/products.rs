//! Products: what a merchant sells.
//!
//! Facts: paygentic-behaviour §2.1. Created, read, renamed; never deleted.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::body::bare_list;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, referred, write};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createProduct", Method::POST, "/v0/products", create),
        read("listProducts", "/v0/products", list),
        read("getProduct", "/v0/products/{id}", get),
        write("updateProduct", Method::PATCH, "/v0/products/{id}", update),
    ];
    Noun { name: "products", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Product {
    pub merchant: Arc<str>,
    name: Box<str>,
    description: Box<str>,
    metadata: Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Product {
    const PREFIX: &'static str = "prod_";
    const NOUN: &'static str = "product";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    name: &'a str,
    description: &'a str,
    metadata: &'a Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body<'a>(state: &State, id: Id<Product>, row: &'a Product) -> Body<'a> {
    Body {
        id: state.products.text(id),
        object: "product",
        merchant_id: &row.merchant,
        name: &row.name,
        description: &row.description,
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The product that something belongs to: the named one, else the merchant's first. Requests may leave
/// `productId` out where answers must have one; which is meant then is inferred.
pub fn named_or_first(state: &State, merchant: &str, named: Option<&str>) -> Result<Id<Product>, Fault> {
    if let Some(named) = named {
        return referred(&state.products, "/productId", named);
    }
    let first = state.products.iter().find(|(_, row)| mine(Some(merchant), &row.merchant));
    first.map(|(id, _)| id).ok_or_else(|| {
        let message = "is needed while the merchant has no product: make one with POST /v0/products";
        Fault::field("/productId", "required", message)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    name: Box<str>,
    description: Box<str>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { merchant_id, name, description, metadata } = call.input()?;
    let now = world.now(ClockId::WORLD);
    let merchant = world.state.merchant(&merchant_id);
    let product = Product { merchant, name, description, metadata, created_at: now, updated_at: now };
    let id = world.state.products.insert(product);
    Ok(Reply::created(&body(&world.state, id, &world.state.products[id])))
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let merchant = call.query.get("merchantId").and_then(Value::as_str);
    let rows = world.state.products.iter().filter(|(_, row)| mine(merchant, &row.merchant));
    Ok(Reply::ok(&bare_list(call.paging(), rows.map(|(id, row)| body(&world.state, id, row)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.products)?;
    Ok(Reply::ok(&body(&world.state, id, &world.state.products[id])))
}

#[derive(Deserialize)]
struct Update {
    name: Option<Box<str>>,
    description: Option<Box<str>>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.products)?;
    let Update { name, description } = call.input()?;
    let now = world.now(ClockId::WORLD);
    world.state.products.update(id, |row| {
        row.name = name.unwrap_or_else(|| row.name.clone());
        row.description = description.unwrap_or_else(|| row.description.clone());
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id, &world.state.products[id])))
}
