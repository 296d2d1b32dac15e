//! The tables of a Paymennt world, and its explicit indexes. A key pair is one merchant.

use std::sync::Arc;

use imbl::HashMap;
use serde::{Deserialize, Serialize};
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
use crate::api::Gist;
use crate::world::{Id, Ids, Table, Written, hash, pairs};

#[derive(Clone, Serialize, Deserialize)]
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
    #[serde(with = "pairs")]
    pub customers_by_email: HashMap<Arc<str>, Id<Customer>>,
    #[serde(with = "pairs")]
    pub customers_by_phone: HashMap<Arc<str>, Id<Customer>>,
    /// A `requestId` is used once (§1.9).
    #[serde(with = "pairs")]
    pub checkouts_by_request: HashMap<Arc<str>, Id<Checkout>>,
    #[serde(with = "pairs")]
    pub checkouts_by_key: HashMap<Arc<str>, Id<Checkout>>,
    #[serde(with = "pairs")]
    pub cards_by_token: HashMap<Arc<str>, Id<StoredCard>>,
    /// The subscription payments by the key in their links.
    #[serde(with = "pairs")]
    pub links: HashMap<Arc<str>, Id<SubscriptionPayment>>,
    /// The checkout that a card token was used for (§1.5).
    #[serde(with = "pairs")]
    pub tokens: HashMap<Arc<str>, Id<Checkout>>,
    /// How the ids of webhooks are spelt.
    pub webhook_ids: Ids,
    #[serde(with = "crate::world::seed")]
    pub seed: u64,
}

/// All that time can do to this provider.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Due {
    CheckoutExpired(Id<Checkout>),
    /// The next link of a subscription.
    Link(Id<Subscription>),
    SubscriptionEnded(Id<Subscription>),
}

impl Due {
    /// In a word, and what it is about.
    pub fn gist(self, state: &State) -> (&'static str, Gist) {
        match self {
            Self::CheckoutExpired(id) => ("checkout_expires", checkouts::gist(state, id, &state.checkouts[id])),
            Self::Link(id) => ("link_sent", subscriptions::gist(state, id)),
            Self::SubscriptionEnded(id) => ("subscription_ends", Gist::of(&state.subscriptions, id)),
        }
    }
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
    type Letter = Written;

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

    fn read(_world: &World, letter: &Written) -> Written {
        letter.clone()
    }

    fn rows(&self) -> usize {
        let rows = [
            self.customers.made(),
            self.checkouts.made(),
            self.payments.made(),
            self.cards.made(),
            self.subscriptions.made(),
            self.subscription_payments.made(),
            self.branches.made(),
            self.terminals.made(),
            self.tokens.len(),
        ];
        rows.iter().sum()
    }

    fn fire(world: &mut World, due: Due) {
        match due {
            Due::CheckoutExpired(id) => checkouts::expired(world, id),
            Due::Link(id) => subscriptions::due(world, id),
            Due::SubscriptionEnded(id) => subscriptions::ended(world, id),
        }
    }
}
