//! Customers: links between a merchant and a consumer, and the consumer's payment methods.
//!
//! Facts: paygentic-behaviour §2.6.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use super::state::State;
use crate::api::{Action, Fault, Noun};
use crate::billing::cards::Card;
use crate::time::Timestamp;
use crate::world::{Id, Row};

pub fn noun() -> Noun<Action<State>> {
    Noun { name: "customers", operations: vec![] }
}

/// Who pays: an organisation or person, known by its e-mail address.
#[derive(Clone)]
pub struct Consumer {
    pub name: Box<str>,
    pub email: Arc<str>,
    pub phone: Option<Box<str>>,
    pub address: Address,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Row for Consumer {
    const PREFIX: &'static str = "org_";
    const NOUN: &'static str = "consumer";
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line1: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip_code: Option<Box<str>>,
}

#[derive(Clone)]
pub struct Customer {
    pub merchant: Arc<str>,
    pub consumer: Id<Consumer>,
    pub tax_id: Option<Box<str>>,
    pub external_id: Option<Arc<str>>,
    /// Percent by plan id, metric id or `default`.
    pub tax_rates: BTreeMap<Box<str>, Decimal>,
    pub notifications: Notifications,
    /// Newest last; the newest is charged.
    pub payment_methods: Vec<Id<PaymentMethod>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    pub invoice_issued: bool,
    pub invoice_paid: bool,
    pub renewal_reminder: bool,
}

impl Row for Customer {
    const PREFIX: &'static str = "cus_";
    const NOUN: &'static str = "customer";
}

/// A saved card.
#[derive(Clone)]
pub struct PaymentMethod {
    pub customer: Id<Customer>,
    pub card: Card,
    pub created_at: Timestamp,
}

impl Row for PaymentMethod {
    const PREFIX: &'static str = "pm_";
    const NOUN: &'static str = "payment method";
}

/// Saves a card on a customer, as a completed set-up page does.
pub fn save_method(world: &mut World, customer: &str, card: &Card) -> Result<Value, Fault> {
    let _ = (world, card);
    Err(Fault::no_such(Customer::NOUN, customer))
}

/// The customer of a consumer at a merchant: found by e-mail address, else made.
#[derive(Deserialize)]
pub struct ConsumerInput {
    pub name: Box<str>,
    pub email: Arc<str>,
    pub phone: Option<Box<str>>,
    #[serde(default)]
    pub address: Address,
}

/// Finds or makes the customer of a consumer; says whether it is new.
pub fn ensure(_world: &mut World, _merchant: &Arc<str>, _consumer: ConsumerInput) -> (Id<Customer>, bool) {
    todo!("helper")
}

/// Keeps a card that was used on a page.
pub fn keep_card(_world: &mut World, _customer: Id<Customer>, _card: &Card) -> Id<PaymentMethod> {
    todo!("helper")
}

/// What `customer.created.v0` says.
pub fn created_data(_state: &State, _id: Id<Customer>) -> Value {
    todo!("helper")
}
