//! Payments: one-off charges behind a hosted page.
//!
//! Facts: paygentic-behaviour §2.9.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value;

use super::World;
use super::customers::Customer;
use super::payment_sessions::Session;
use super::state::State;
use crate::api::{Action, Noun};
use crate::time::Timestamp;
use crate::world::{Id, Row};

pub fn noun() -> Noun<Action<State>> {
    Noun { name: "payments", operations: vec![] }
}

#[derive(Clone)]
pub struct Payment {
    pub merchant: Arc<str>,
    pub customer: Option<Id<Customer>>,
    pub amount: Decimal,
    pub currency: Arc<str>,
    pub reference: Option<Box<str>>,
    pub idempotency_key: Option<Arc<str>>,
    pub metadata: Option<Value>,
    pub line_items: Value,
    pub session: Id<Session>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

impl Row for Payment {
    const PREFIX: &'static str = "pay_";
    const NOUN: &'static str = "payment";
}

/// Its session has been paid.
pub fn completed(world: &mut World, id: Id<Payment>) {
    let _ = (world, id);
}

/// Its customer has given up.
pub fn failed(world: &mut World, id: Id<Payment>) {
    let _ = (world, id);
}

/// Its session has expired.
pub fn expired(world: &mut World, id: Id<Payment>) {
    let _ = (world, id);
}

/// What `payment.*.v0` events say.
pub fn event_data(_state: &State, _id: Id<Payment>, _row: &Payment) -> Value {
    todo!("helper")
}
