//! The tables of a Paylera world, and its explicit indexes. A token is one tenant.

use std::sync::Arc;

use imbl::HashMap;
use serde_json::Value;

use super::World;
use super::coupons::Coupon;
use super::customers::{self, Customer, TaxId};
use super::notices::Notice;
use super::payment_methods::{self, PaymentMethod};
use super::plans::Plan;
use super::products::Product;
use super::setup_intents::SetupIntent;
use super::wallets::{Transaction, Wallet};
use crate::api::Answers;
use crate::world::{Id, Table, hash};

#[derive(Clone)]
pub struct State {
    pub customers: Table<Customer>,
    pub tax_ids: Table<TaxId>,
    pub payment_methods: Table<PaymentMethod>,
    pub setup_intents: Table<SetupIntent>,
    pub products: Table<Product>,
    pub plans: Table<Plan>,
    pub coupons: Table<Coupon>,
    pub wallets: Table<Wallet>,
    pub wallet_transactions: Table<Transaction>,
    /// Codes are permanent handles (§2.2).
    pub products_by_code: HashMap<Arc<str>, Id<Product>>,
    pub plans_by_code: HashMap<Arc<str>, Id<Plan>>,
    /// Without the deleted ones.
    pub coupons_by_code: HashMap<Arc<str>, Id<Coupon>>,
    /// A customer has one wallet in a currency (§2.10).
    pub wallets_by_currency: HashMap<(Id<Customer>, Arc<str>), Id<Wallet>>,
    pub credits_by_external_id: HashMap<(Id<Wallet>, Arc<str>), Id<Transaction>>,
    /// What was answered under which idempotency key.
    pub answers: Answers,
    pub seed: u64,
}

/// All that time can do to this provider.
#[derive(Debug, Clone, Copy)]
pub enum Due {
    /// A tax id has been looked up.
    TaxIdChecked(Id<TaxId>),
    /// A bank account has been looked into.
    PaymentMethodVerified(Id<PaymentMethod>),
}

impl State {
    /// Gives the row that an answer shows the id that a fixture wants.
    pub fn name_row(&mut self, answer: &Value, name: &str) -> Result<(), String> {
        let made = answer["id"].as_str().unwrap_or_default();
        let renamed = self.customers.rename(made, name);
        let renamed = renamed.or_else(|| self.payment_methods.rename(made, name));
        let renamed = renamed.or_else(|| self.setup_intents.rename(made, name));
        let renamed = renamed.or_else(|| self.products.rename(made, name));
        let renamed = renamed.or_else(|| self.plans.rename(made, name));
        let renamed = renamed.or_else(|| self.coupons.rename(made, name));
        let renamed = renamed.or_else(|| self.wallets.rename(made, name));
        let renamed = renamed.or_else(|| self.wallet_transactions.rename(made, name));
        renamed.unwrap_or_else(|| Err(format!("the answer has no id of a row that {name:?} could name")))
    }
}

impl crate::world::State for State {
    type Due = Due;
    type Notice = Notice;

    fn new(seed: u64) -> Self {
        Self {
            customers: Table::new(seed),
            tax_ids: Table::new(seed),
            payment_methods: Table::new(seed),
            setup_intents: Table::new(seed),
            products: Table::new(seed),
            plans: Table::new(seed),
            coupons: Table::new(seed),
            wallets: Table::new(seed),
            wallet_transactions: Table::new(seed),
            products_by_code: HashMap::new(),
            plans_by_code: HashMap::new(),
            coupons_by_code: HashMap::new(),
            wallets_by_currency: HashMap::new(),
            credits_by_external_id: HashMap::new(),
            answers: Answers::default(),
            seed: hash(seed, b"paylera"),
        }
    }

    fn fire(world: &mut World, due: Due) {
        match due {
            Due::TaxIdChecked(id) => customers::tax_id_checked(world, id),
            Due::PaymentMethodVerified(id) => payment_methods::verified(world, id),
        }
    }
}
