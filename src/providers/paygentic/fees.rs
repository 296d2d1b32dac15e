//! Fees: labels of fixed charges. Amount and cadence live on the price.
//!
//! Facts: paygentic-behaviour §2.3.

use std::sync::Arc;

use super::products::Product;
use super::state::State;
use crate::api::{Action, Noun};
use crate::time::Timestamp;
use crate::world::{Id, Row};

pub fn noun() -> Noun<Action<State>> {
    Noun { name: "fees", operations: vec![] }
}

#[derive(Clone)]
pub struct Fee {
    pub merchant: Arc<str>,
    pub product: Id<Product>,
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
