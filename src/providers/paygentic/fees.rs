//! Fees: labels of fixed charges. Amount and cadence live on the price.
//!
//! Facts: paygentic-behaviour §2.3, §1.2 (blockers of a delete). A deleted fee keeps its row, since lines of
//! old invoices print it, and is otherwise gone.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::list;
use super::items::{self, Item};
use super::prices::Charged;
use super::products::{self, Product};
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createFee", Method::POST, "/v0/fees", create),
        read("listFees", "/v0/fees", index),
        read("getFee", "/v0/fees/{id}", get),
        write("updateFee", Method::PATCH, "/v0/fees/{id}", update),
        write("deleteFee", Method::DELETE, "/v0/fees/{id}", delete),
    ];
    Noun { name: "fees", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Fee {
    pub merchant: Arc<str>,
    pub product: Id<Product>,
    pub item: Option<Id<Item>>,
    pub name: Box<str>,
    pub description: Box<str>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted: bool,
}

impl Row for Fee {
    const PREFIX: &'static str = "fee_";
    const NOUN: &'static str = "fee";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    product_id: IdText,
    item_id: Option<IdText>,
    name: &'a str,
    description: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Fee>) -> Body<'_> {
    let row = &state.fees[id];
    Body {
        id: state.fees.text(id),
        object: "fee",
        merchant_id: &row.merchant,
        product_id: state.products.text(row.product),
        item_id: row.item.map(|id| state.items.text(id)),
        name: &row.name,
        description: &row.description,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    product_id: Option<String>,
    item_id: Option<String>,
    name: Box<str>,
    description: Box<str>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { merchant_id, product_id, item_id, name, description } = call.input()?;
    let product = products::named_or_first(&world.state, &merchant_id, product_id.as_deref())?;
    let item = item_id.map(|text| items::tag(&world.state, product, &text)).transpose()?;
    let now = world.now(ClockId::WORLD);
    let merchant = world.state.merchant(&merchant_id);
    let fee = Fee { merchant, product, item, name, description, created_at: now, updated_at: now, deleted: false };
    let id = world.state.fees.insert(fee);
    Ok(Reply::created(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    product_id: Option<String>,
    item_id: Option<String>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let product = filter.product_id.as_deref().map(|text| state.products.find(text));
    let item = filter.item_id.as_deref().map(|text| state.items.find(text));
    let kept = |row: &Fee| {
        !row.deleted
            && mine(filter.merchant_id.as_deref(), &row.merchant)
            && product.is_none_or(|product| product == Some(row.product))
            && item.is_none_or(|item| item.is_some() && item == row.item)
    };
    let ids = state.fees.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&list(call.paging(), ids).map(|id| body(state, id))))
}

/// The fee of the path, unless it is deleted.
fn addressed(state: &State, call: &Call) -> Result<Id<Fee>, Fault> {
    let id = call.id(&state.fees)?;
    if state.fees[id].deleted { Err(Fault::no_such(Fee::NOUN, call.segment("id"))) } else { Ok(id) }
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    name: Option<Box<str>>,
    description: Option<Box<str>>,
    #[serde(default)]
    item_id: Patch<String>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let Update { name, description, item_id } = call.input()?;
    let product = world.state.fees[id].product;
    let item = item_id.try_map(|text| items::tag(&world.state, product, &text))?;
    let now = world.now(ClockId::WORLD);
    world.state.fees.update(id, |row| {
        row.name = name.unwrap_or_else(|| row.name.clone());
        row.description = description.unwrap_or_else(|| row.description.clone());
        item.apply(&mut row.item);
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}

fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let prices = &world.state.prices;
    let charging = prices.iter().filter(|(_, price)| price.of == Charged::Fee(id));
    let items: Vec<Value> = charging
        .map(|(id, price)| json!({ "id": prices.text(id), "invoiceDisplayName": &*price.display_name }))
        .collect();
    if !items.is_empty() {
        let count = items.len();
        let message = format!("This fee is still charged: delete its prices first ({count})");
        let blockers = json!({ "blockers": [{ "type": "prices", "count": count, "items": items }] });
        return Err(Fault::conflict(message).with_details(blockers));
    }
    let now = world.now(ClockId::WORLD);
    world.state.fees.update(id, |row| {
        row.deleted = true;
        row.updated_at = now;
    });
    Ok(Reply::none())
}
