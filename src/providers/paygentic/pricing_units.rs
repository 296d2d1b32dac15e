//! Pricing units: credits that usage is paid in, and that plans give.
//!
//! Facts: paygentic-behaviour §2.4, §2.5, §8.5 (20). The vendor's prices and plans refer to such rows, and no operation
//! makes one: these are ours. What a customer has of a unit is one pool, whatever has filled it. On the wire an
//! entitlement is always one to a feature, so that each unit has a feature of its own, as which its pools are shown.

use http::Method;
use serde::{Deserialize, Serialize};

use super::body::list;
use super::features::{self, Feature, Kind};
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createPricingUnit", Method::POST, "/v0/pricingUnits", create),
        read("listPricingUnits", "/v0/pricingUnits", index),
        read("getPricingUnit", "/v0/pricingUnits/{id}", get),
    ];
    Noun { name: "pricing_units", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct PricingUnit {
    /// Has its key and name, and says whose it is.
    pub feature: Id<Feature>,
    created_at: Timestamp,
}

impl Row for PricingUnit {
    const PREFIX: &'static str = "pu_";
    const NOUN: &'static str = "pricing unit";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    key: &'a str,
    name: &'a str,
    merchant_id: &'a str,
    product_id: IdText,
    feature_id: IdText,
    created_at: Timestamp,
}

fn body(state: &State, id: Id<PricingUnit>) -> Body<'_> {
    let row = &state.pricing_units[id];
    let feature = &state.features[row.feature];
    Body {
        object: "pricingUnit",
        id: state.pricing_units.text(id),
        key: &feature.key,
        name: &feature.name,
        merchant_id: &feature.merchant,
        product_id: state.products.text(feature.product),
        feature_id: state.features.text(row.feature),
        created_at: row.created_at,
    }
}

/// The unit whose pools are shown as a feature.
pub fn of_feature(state: &State, feature: Id<Feature>) -> Option<Id<PricingUnit>> {
    state.pricing_units.iter().find(|(_, row)| row.feature == feature).map(|(id, _)| id)
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let mut wanted: features::Create = call.input()?;
    wanted.kind = Kind::Metered;
    let feature = features::make(world, wanted)?;
    let created_at = world.now(ClockId::WORLD);
    let id = world.state.pricing_units.insert(PricingUnit { feature, created_at });
    Ok(Reply::created(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    product_id: Option<String>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let product = filter.product_id.as_deref().map(|text| state.products.find(text));
    let kept = |row: &PricingUnit| {
        let feature = &state.features[row.feature];
        mine(filter.merchant_id.as_deref(), &feature.merchant)
            && product.is_none_or(|product| product == Some(feature.product))
    };
    let ids = state.pricing_units.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&list(call.paging(), ids).map(|id| body(state, id))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.pricing_units)?;
    Ok(Reply::ok(&body(&world.state, id)))
}
