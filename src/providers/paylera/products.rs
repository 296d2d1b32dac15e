//! Products: what plans are plans of.
//!
//! Facts: paylera §2.2. The code is the permanent handle; wherever an id is taken, the code is too.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::{Metadata, MetadataPatch};
use super::listing::list;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listProducts", "/v1/products", list_all),
        write("createProduct", Method::POST, "/v1/products", create),
        read("getProduct", "/v1/products/{id}", get),
        write("updateProduct", Method::PATCH, "/v1/products/{id}", update),
    ];
    Noun { name: "products", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Product {
    code: Arc<str>,
    name: Box<str>,
    description: Option<Box<str>>,
    pub tax_code: Option<Box<str>>,
    metadata: Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Product {
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Row for Product {
    const PREFIX: &'static str = "prod_";
    const NOUN: &'static str = "product";
}

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    code: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    tax_code: Option<&'a str>,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Product>) -> Body<'_> {
    let row = &state.products[id];
    Body {
        id: state.products.text(id),
        object: "product",
        code: &row.code,
        name: &row.name,
        description: row.description.as_deref(),
        tax_code: row.tax_code.as_deref(),
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The product that the path's id or code means.
fn addressed(state: &State, call: &Call) -> Result<Id<Product>, Fault> {
    let by_code = state.products_by_code.get(call.segment("id")).copied();
    by_code.map_or_else(|| call.id(&state.products), Ok)
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.products.iter().map(|(id, _)| (id.number(), json!(body(state, id)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(Reply::ok(&body(&world.state, addressed(&world.state, call)?)))
}

#[derive(Deserialize)]
struct Create {
    code: Arc<str>,
    name: Box<str>,
    description: Option<Box<str>>,
    tax_code: Option<Box<str>>,
    #[serde(default)]
    metadata: Metadata,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { code, name, description, tax_code, metadata } = call.input()?;
    if world.state.products_by_code.contains_key(&code) {
        let message = format!("There is a product with the code {code:?} already");
        return Err(Fault::conflict(message).with_code("product.code_taken"));
    }
    let now = world.now(ClockId::WORLD);
    let metadata = metadata.checked()?;
    let row =
        Product { code: Arc::clone(&code), name, description, tax_code, metadata, created_at: now, updated_at: now };
    let id = world.state.products.insert(row);
    world.state.products_by_code.insert(code, id);
    Ok(Reply::created(&body(&world.state, id)))
}

#[derive(Deserialize)]
struct Update {
    name: Option<Box<str>>,
    #[serde(default)]
    description: Patch<Box<str>>,
    #[serde(default)]
    tax_code: Patch<Box<str>>,
    #[serde(default)]
    metadata: MetadataPatch,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let wanted: Update = call.input()?;
    let now = world.now(ClockId::WORLD);
    world.state.products.update(id, |row| {
        if let Some(name) = wanted.name {
            row.name = name;
        }
        wanted.description.apply(&mut row.description);
        wanted.tax_code.apply(&mut row.tax_code);
        row.updated_at = now;
        row.metadata.merge(wanted.metadata)
    })?;
    Ok(Reply::ok(&body(&world.state, id)))
}
