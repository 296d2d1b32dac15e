//! The tables of a Paymennt world, and its explicit indexes. A key pair is one merchant.

use std::sync::Arc;

use imbl::HashMap;
use serde_json::Value;

use super::World;
use super::branches::Branch;
use super::cards::StoredCard;
use super::checkouts::{self, Checkout};
use super::customers::Customer;
use super::notices::Notice;
use super::payments::Payment;
use super::subscriptions::{self, Subscription, SubscriptionPayment};
use super::terminals::Terminal;
use crate::world::{Id, Ids, Table, hash};

#[derive(Clone)]
pub struct State {
    pub customers: Table<Customer>,
    pub checkouts: Table<Checkout>,
    pub payments: Table<Payment>,
    pub cards: Table<StoredCard>,
    pub subscriptions: Table<Subscription>,
    pub subscription_payments: Table<SubscriptionPayment>,
    pub branches: Table<Branch>,
    pub terminals: Table<Terminal>,
    /// In lower case.
    pub customers_by_email: HashMap<Arc<str>, Id<Customer>>,
    pub customers_by_phone: HashMap<Arc<str>, Id<Customer>>,
    /// A `requestId` is used once (§1.9).
    pub checkouts_by_request: HashMap<Arc<str>, Id<Checkout>>,
    pub checkouts_by_key: HashMap<Arc<str>, Id<Checkout>>,
    pub cards_by_token: HashMap<Arc<str>, Id<StoredCard>>,
    /// The subscription payments by the key in their links.
    pub links: HashMap<Arc<str>, Id<SubscriptionPayment>>,
    /// The checkout that a card token was used for (§1.5).
    pub tokens: HashMap<Arc<str>, Id<Checkout>>,
    /// How the ids of webhooks are spelt.
    pub webhook_ids: Ids,
    pub seed: u64,
}

/// All that time can do to this provider.
#[derive(Debug, Clone, Copy)]
pub enum Due {
    CheckoutExpired(Id<Checkout>),
    /// The next link of a subscription.
    Link(Id<Subscription>),
    SubscriptionEnded(Id<Subscription>),
}

impl State {
    /// Gives the row that an answer shows the id that a fixture wants.
    pub fn name_row(&mut self, answer: &Value, name: &str) -> Result<(), String> {
        let made = answer["result"]["id"].as_str().or_else(|| answer["id"].as_str()).unwrap_or_default();
        let renamed = self.checkouts.rename(made, name);
        let renamed = renamed.or_else(|| self.payments.rename(made, name));
        let renamed = renamed.or_else(|| self.subscriptions.rename(made, name));
        let renamed = renamed.or_else(|| self.branches.rename(made, name));
        let renamed = renamed.or_else(|| self.terminals.rename(made, name));
        renamed.unwrap_or_else(|| Err(format!("the answer has no id of a row that {name:?} could name")))
    }
}

impl crate::world::State for State {
    type Due = Due;
    type Notice = Notice;

    fn new(seed: u64) -> Self {
        let mut branches = Table::new(seed);
        branches.insert(Branch::first());
        Self {
            customers: Table::new(seed),
            checkouts: Table::new(seed),
            payments: Table::new(seed),
            cards: Table::new(seed),
            subscriptions: Table::new(seed),
            subscription_payments: Table::new(seed),
            branches,
            terminals: Table::new(seed),
            customers_by_email: HashMap::new(),
            customers_by_phone: HashMap::new(),
            checkouts_by_request: HashMap::new(),
            checkouts_by_key: HashMap::new(),
            cards_by_token: HashMap::new(),
            links: HashMap::new(),
            tokens: HashMap::new(),
            webhook_ids: Ids::new(seed, "webhook"),
            seed: hash(seed, b"paymennt"),
        }
    }

    fn fire(world: &mut World, due: Due) {
        match due {
            Due::CheckoutExpired(id) => checkouts::expired(world, id),
            Due::Link(id) => subscriptions::due(world, id),
            Due::SubscriptionEnded(id) => subscriptions::ended(world, id),
        }
    }
}
