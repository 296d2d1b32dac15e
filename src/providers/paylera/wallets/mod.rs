//! Wallets: what a customer has paid ahead in one currency, and the transactions that it comes from.
//!
//! Facts: paylera §2.10. Balances are exact: no digit is rounded away, and at least those of the currency are shown.
//! What a customer has here pays an invoice before any method does.

use std::sync::Arc;

use http::Method;
use imbl::Vector;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::{Metadata, MetadataPatch, amount};
use super::customers::{self, Customer};
use super::invoices::Invoice;
use super::listing::list;
use super::payment_methods::{self, PaymentMethod};
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::billing::money;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

/// What a balance stays below: an amount has 12 digits before the point (§1.8).
const CEILING: u64 = 1_000_000_000_000;

mod spending;
mod top_up;

pub use self::spending::{deposit, draw, give_back, pay, place};
pub use self::top_up::{arrived as topped_up, due as top_up_due, failed as top_up_failed};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listWallets", "/v1/wallets", list_all),
        write("createWallet", Method::POST, "/v1/wallets", create),
        read("getWallet", "/v1/wallets/{id}", get),
        write("updateWallet", Method::PATCH, "/v1/wallets/{id}", update),
        write("creditWallet", Method::POST, "/v1/wallets/{id}/credits", credit),
        read("listWalletTransactions", "/v1/wallets/{id}/transactions", list_transactions),
    ];
    Noun { name: "wallets", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Wallet {
    customer: Id<Customer>,
    currency: Arc<str>,
    balance: Decimal,
    auto_top_up: Option<AutoTopUp>,
    /// A top-up that is under way.
    topping_up: Option<top_up::Attempts>,
    drift_floor: Decimal,
    transactions: Vector<Id<Transaction>>,
    metadata: Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for Wallet {
    const PREFIX: &'static str = "wal_";
    const NOUN: &'static str = "wallet";
}

/// When to charge how much to what: without a method of its own, the customer's default.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct AutoTopUp {
    enabled: bool,
    trigger_at: Option<Decimal>,
    amount: Option<Decimal>,
    method: Option<Id<PaymentMethod>>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Transaction {
    wallet: Id<Wallet>,
    /// Whether it takes money out.
    debits: bool,
    amount: Decimal,
    balance_after: Decimal,
    reason: Box<str>,
    external_id: Option<Arc<str>>,
    invoice: Option<Id<Invoice>>,
    created_at: Timestamp,
}

impl Row for Transaction {
    const PREFIX: &'static str = "wtx_";
    const NOUN: &'static str = "wallet transaction";
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    customer_id: IdText,
    currency: &'a str,
    balance: String,
    auto_top_up: Option<AutoTopUpBody>,
    drift_floor: String,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct AutoTopUpBody {
    enabled: bool,
    trigger_at: Option<String>,
    amount: Option<String>,
    payment_method_id: Option<IdText>,
}

#[derive(Serialize)]
struct TransactionBody<'a> {
    id: IdText,
    object: &'static str,
    wallet_id: IdText,
    r#type: &'static str,
    amount: String,
    balance_after: String,
    reason: &'a str,
    external_id: Option<&'a str>,
    invoice_id: Option<IdText>,
    created_at: Timestamp,
}

pub fn body<'a>(state: &'a State, id: Id<Wallet>, row: &'a Wallet) -> Body<'a> {
    let auto_top_up = row.auto_top_up.map(|settings| AutoTopUpBody {
        enabled: settings.enabled,
        trigger_at: settings.trigger_at.map(|limit| amount(limit, &row.currency)),
        amount: settings.amount.map(|sum| amount(sum, &row.currency)),
        payment_method_id: settings.method.map(|method| state.payment_methods.text(method)),
    });
    Body {
        id: state.wallets.text(id),
        object: "wallet",
        customer_id: state.customers.text(row.customer),
        currency: &row.currency,
        balance: amount(row.balance, &row.currency),
        auto_top_up,
        drift_floor: amount(row.drift_floor, &row.currency),
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn transaction_body(state: &State, id: Id<Transaction>) -> TransactionBody<'_> {
    let row = &state.wallet_transactions[id];
    let currency = &state.wallets[row.wallet].currency;
    TransactionBody {
        id: state.wallet_transactions.text(id),
        object: "wallet_transaction",
        wallet_id: state.wallets.text(row.wallet),
        r#type: if row.debits { "debit" } else { "credit" },
        amount: amount(row.amount, currency),
        balance_after: amount(row.balance_after, currency),
        reason: &row.reason,
        external_id: row.external_id.as_deref(),
        invoice_id: row.invoice.map(|id| state.invoices.text(id)),
        created_at: row.created_at,
    }
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.wallets.iter().map(|(id, row)| (id.number(), json!(body(state, id, row)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.wallets)?;
    Ok(Reply::ok(&body(&world.state, id, &world.state.wallets[id])))
}

#[derive(Deserialize)]
struct Create {
    customer_id: Box<str>,
    currency: Arc<str>,
    auto_top_up: Option<AutoTopUpInput>,
    #[serde(default)]
    drift_floor: Decimal,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct AutoTopUpInput {
    enabled: Option<bool>,
    trigger_at: Option<Decimal>,
    amount: Option<Decimal>,
    #[serde(default)]
    payment_method_id: Patch<Box<str>>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let state = &mut world.state;
    let mut violations = Vec::new();
    let customer = state.customers.find(&wanted.customer_id).filter(|id| customers::is_live(state, *id));
    if customer.is_none() {
        let message = format!("there is no customer {:?} in this world", wanted.customer_id);
        violations.push(Violation::body("/customer_id", "reference", message));
    }
    if !money::is_currency(&wanted.currency) {
        let message = format!("{:?} is no ISO 4217 currency", wanted.currency);
        violations.push(Violation::body("/currency", "enum", message));
    }
    let merged = |wanted: &AutoTopUpInput| wanted.merged(state, customer, AutoTopUp::default(), &mut violations);
    let settings = wanted.auto_top_up.as_ref().map(merged);
    let Some(customer) = customer.filter(|_| violations.is_empty()) else {
        return Err(Fault::violations(violations));
    };
    let metadata = wanted.metadata.checked()?;
    let place = (customer, Arc::clone(&wanted.currency));
    if let Some(known) = state.wallets_by_currency.get(&place) {
        let message = format!("This customer has a wallet in {} already: {}", place.1, state.wallets.text(*known));
        return Err(Fault::conflict(message).with_code("wallet.exists"));
    }
    let id = open(world, customer, wanted.currency);
    world.state.wallets.update(id, |row| {
        row.auto_top_up = settings;
        row.drift_floor = wanted.drift_floor;
        row.metadata = metadata;
    });
    top_up::look(world, id);
    Ok(Reply::created(&body(&world.state, id, &world.state.wallets[id])))
}

impl AutoTopUpInput {
    /// What it comes to on top of what was set before; and what is wrong with that. A customer that does not exist
    /// has no methods.
    fn merged(
        &self,
        state: &State,
        customer: Option<Id<Customer>>,
        before: AutoTopUp,
        violations: &mut Vec<Violation>,
    ) -> AutoTopUp {
        let mut after = AutoTopUp {
            enabled: self.enabled.unwrap_or(before.enabled),
            trigger_at: self.trigger_at.or(before.trigger_at),
            amount: self.amount.or(before.amount),
            ..before
        };
        let mut wrong = |field: &str, rule: &'static str, message: String| {
            violations.push(Violation::body(format!("/auto_top_up/{field}"), rule, message));
        };
        for (field, value) in [("trigger_at", after.trigger_at), ("amount", after.amount)] {
            if after.enabled && value.is_none() {
                wrong(field, "required", "is needed once auto_top_up is enabled".to_owned());
            }
        }
        if self.amount.is_some_and(|amount| amount.is_zero()) {
            wrong("amount", "exclusiveMinimum", "is more than 0".to_owned());
        }
        match &self.payment_method_id {
            Patch::Absent => {}
            Patch::Null => after.method = None,
            Patch::Value(text) => {
                after.method = customer.and_then(|customer| payment_methods::owned(state, customer, text));
                if after.method.is_none() {
                    let message = format!("there is no payment method {text:?} of this customer");
                    wrong("payment_method_id", "reference", message);
                }
            }
        }
        after
    }
}

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    auto_top_up: Patch<AutoTopUpInput>,
    drift_floor: Option<Decimal>,
    #[serde(default)]
    metadata: MetadataPatch,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.wallets)?;
    let wanted: Update = call.input()?;
    let row = &world.state.wallets[id];
    let (before, customer) = (row.auto_top_up, row.customer);
    let settings = match &wanted.auto_top_up {
        Patch::Absent => before,
        Patch::Null => None,
        Patch::Value(input) => {
            let mut violations = Vec::new();
            let after = input.merged(&world.state, Some(customer), before.unwrap_or_default(), &mut violations);
            if !violations.is_empty() {
                return Err(Fault::violations(violations));
            }
            Some(after)
        }
    };
    let now = world.now(ClockId::WORLD);
    world.state.wallets.update(id, |row| {
        row.auto_top_up = settings;
        row.drift_floor = wanted.drift_floor.unwrap_or(row.drift_floor);
        row.updated_at = now;
        row.metadata.merge(wanted.metadata)
    })?;
    top_up::look(world, id);
    Ok(Reply::ok(&body(&world.state, id, &world.state.wallets[id])))
}

#[derive(Deserialize)]
struct Credit {
    amount: Decimal,
    reason: Box<str>,
    external_id: Option<Arc<str>>,
}

/// An `external_id` that the wallet has seen means the credit of then, whatever else is said: it is answered with 200.
fn credit(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wallet = call.id(&world.state.wallets)?;
    let Credit { amount, reason, external_id } = call.input()?;
    if amount.is_zero() {
        return Err(Fault::field("/amount", "exclusiveMinimum", "a credit is more than 0"));
    }
    let handle = external_id.clone().map(|external_id| (wallet, external_id));
    let known = handle.as_ref().and_then(|handle| world.state.credits_by_external_id.get(handle));
    if let Some(known) = known {
        return Ok(Reply::ok(&transaction_body(&world.state, *known)));
    }
    let balance_after = money::sum([world.state.wallets[wallet].balance, amount]);
    if balance_after >= Decimal::from(CEILING) {
        let message = format!("would take the balance to {balance_after}, which has more than 12 digits");
        return Err(Fault::field("/amount", "maximum", message));
    }
    let id = book(world, wallet, Entry { amount, debits: false, reason, external_id, invoice: None });
    if let Some(handle) = handle {
        world.state.credits_by_external_id.insert(handle, id);
    }
    Ok(Reply::created(&transaction_body(&world.state, id)))
}

/// What goes in or out.
struct Entry {
    amount: Decimal,
    debits: bool,
    reason: Box<str>,
    external_id: Option<Arc<str>>,
    invoice: Option<Id<Invoice>>,
}

fn book(world: &mut World, wallet: Id<Wallet>, entry: Entry) -> Id<Transaction> {
    let now = world.now(ClockId::WORLD);
    let Entry { amount, debits, reason, external_id, invoice } = entry;
    let balance_after = world.state.wallets[wallet].balance + if debits { -amount } else { amount };
    let row = Transaction { wallet, debits, amount, balance_after, reason, external_id, invoice, created_at: now };
    let id = world.state.wallet_transactions.insert(row);
    world.state.wallets.update(wallet, |row| {
        row.balance = balance_after;
        row.transactions.push_back(id);
        row.updated_at = now;
    });
    id
}

fn open(world: &mut World, customer: Id<Customer>, currency: Arc<str>) -> Id<Wallet> {
    let now = world.now(ClockId::WORLD);
    let id = world.state.wallets.insert(Wallet {
        customer,
        currency: Arc::clone(&currency),
        balance: Decimal::ZERO,
        auto_top_up: None,
        topping_up: None,
        drift_floor: Decimal::ZERO,
        transactions: Vector::new(),
        metadata: Metadata::default(),
        created_at: now,
        updated_at: now,
    });
    world.state.wallets_by_currency.insert((customer, currency), id);
    id
}

fn list_transactions(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let own = &state.wallets[call.id(&state.wallets)?].transactions;
    list(call, own.iter().map(|id| (id.number(), json!(transaction_body(state, *id)))))
}
