//! Money that goes into a wallet beside credits, and out of it for invoices.
//!
//! Facts: paylera §2.10.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Entry, Wallet, book, open, top_up};
use crate::api::Fault;
use crate::billing::money;
use crate::providers::paylera::World;
use crate::providers::paylera::body::amount;
use crate::providers::paylera::customers::Customer;
use crate::providers::paylera::invoices::Invoice;
use crate::providers::paylera::payments::{self, Payment};
use crate::providers::paylera::state::State;
use crate::world::Id;

/// Whose wallet in which currency an invoice is about.
pub fn place(state: &State, invoice: Id<Invoice>) -> (Id<Customer>, Arc<str>) {
    let row = &state.invoices[invoice];
    (row.customer, Arc::clone(&row.currency))
}

/// Puts money into a customer's wallet, which is made if there is none yet.
pub fn deposit(
    world: &mut World,
    customer: Id<Customer>,
    currency: Arc<str>,
    amount: Decimal,
    reason: &str,
    invoice: Option<Id<Invoice>>,
) -> Id<Wallet> {
    let known = world.state.wallets_by_currency.get(&(customer, Arc::clone(&currency))).copied();
    let wallet = known.unwrap_or_else(|| open(world, customer, currency));
    book(world, wallet, Entry { amount, debits: false, reason: reason.into(), external_id: None, invoice });
    wallet
}

/// What an invoice owes to the customer goes to the wallet.
pub fn give_back(world: &mut World, invoice: Id<Invoice>, amount: Decimal) {
    let (customer, currency) = place(&world.state, invoice);
    deposit(world, customer, currency, amount, "credit_note", Some(invoice));
}

/// The wallet of an invoice's customer and currency, and what of it may be spent: all above the floor.
fn spendable(state: &State, invoice: Id<Invoice>) -> Option<(Id<Wallet>, Decimal)> {
    let id = *state.wallets_by_currency.get(&place(state, invoice))?;
    let row = &state.wallets[id];
    Some((id, (row.balance - row.drift_floor).max(Decimal::ZERO)))
}

/// Pays of an invoice what the wallet has, up to all of it.
pub fn draw(world: &mut World, invoice: Id<Invoice>) {
    let Some((wallet, most)) = spendable(&world.state, invoice) else { return };
    let amount = money::floor_minor(most, &world.state.wallets[wallet].currency);
    let amount = amount.min(world.state.invoices[invoice].amount_due());
    if amount > Decimal::ZERO {
        spend(world, wallet, invoice, amount);
    }
}

/// Pays what is due of an invoice with the wallet alone.
///
/// # Errors
/// If there is not enough in it.
pub fn pay(world: &mut World, invoice: Id<Invoice>) -> Result<Id<Payment>, Fault> {
    let row = &world.state.invoices[invoice];
    let (due, currency) = (row.amount_due(), Arc::clone(&row.currency));
    match spendable(&world.state, invoice) {
        Some((wallet, most)) if most >= due => {
            payments::abandon(world, invoice);
            Ok(spend(world, wallet, invoice, due))
        }
        found => {
            let most = found.map_or(Decimal::ZERO, |(_, most)| most);
            let (due, most) = (amount(due, &currency), amount(most, &currency));
            let message = format!("The wallet has {most} {currency} to spend, and {due} {currency} are due");
            Err(Fault::unprocessable(message).with_code("wallet.insufficient_funds"))
        }
    }
}

fn spend(world: &mut World, wallet: Id<Wallet>, invoice: Id<Invoice>, amount: Decimal) -> Id<Payment> {
    let reason = "invoice_payment".into();
    book(world, wallet, Entry { amount, debits: true, reason, external_id: None, invoice: Some(invoice) });
    let payment = payments::by_wallet(world, invoice, amount);
    top_up::look(world, wallet);
    payment
}
