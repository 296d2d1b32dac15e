//! Automatic top-up: a wallet that falls below its trigger is filled from a payment method.
//!
//! Facts: paylera §2.10 (trigger, credit on success, `wallet.auto_topup_failed`, a back-off like that of dunning: its
//! days are those of the default policy).

use std::sync::Arc;

use super::{Entry, Wallet, book};
use crate::providers::paylera::World;
use crate::providers::paylera::notices::Notice;
use crate::providers::paylera::payments;
use crate::providers::paylera::state::Due;
use crate::providers::paylera::{collection, payment_methods};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, Timer};
use serde::{Deserialize, Serialize};

/// Days from one attempt to the next.
const BACK_OFF: [u32; 3] = [3, 5, 7];

/// How far a top-up has come.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Attempts {
    failed: usize,
    next: Option<Timer>,
}

/// Starts a top-up if the balance has fallen below the trigger and none is under way; forgets one that is not wanted any
/// more.
pub fn look(world: &mut World, id: Id<Wallet>) {
    let row = &world.state.wallets[id];
    let settings = row.auto_top_up.filter(|settings| settings.enabled);
    let is_low = settings.and_then(|settings| settings.trigger_at).is_some_and(|trigger| row.balance < trigger);
    match row.topping_up {
        Some(attempts) if !is_low => {
            if let Some(timer) = attempts.next {
                world.cancel_timer(timer);
                world.state.wallets.update(id, |row| row.topping_up = None);
            }
        }
        None if is_low => {
            world.state.wallets.update(id, |row| row.topping_up = Some(Attempts::default()));
            charge(world, id);
        }
        Some(_) | None => {}
    }
}

fn charge(world: &mut World, id: Id<Wallet>) {
    let row = &world.state.wallets[id];
    let (customer, currency) = (row.customer, Arc::clone(&row.currency));
    let Some(settings) = row.auto_top_up else { return };
    let own = settings.method.filter(|method| payment_methods::is_usable(&world.state, *method));
    let method = own.or_else(|| collection::method(&world.state, customer, None));
    match method.zip(settings.amount) {
        Some((method, amount)) => drop(payments::for_wallet(world, id, customer, method, amount, currency)),
        None => failed(world, id),
    }
}

/// The charge has succeeded. If that was too little, the next draw asks for more: a top-up never follows itself.
pub fn arrived(world: &mut World, id: Id<Wallet>, amount: rust_decimal::Decimal) {
    world.state.wallets.update(id, |row| row.topping_up = None);
    book(world, id, Entry { amount, debits: false, reason: "auto_topup".into(), external_id: None, invoice: None });
}

/// It has failed: told each time, and tried again, until it is given up for the time being.
pub fn failed(world: &mut World, id: Id<Wallet>) {
    let row = Arc::clone(&world.state.wallets[id]);
    world.emit(ClockId::WORLD, Notice::WalletAutoTopupFailed(id, Arc::clone(&row)));
    let failed = row.topping_up.unwrap_or_default().failed;
    let next = BACK_OFF.get(failed).map(|days| {
        let due = Cadence::days(*days).after(world.now(ClockId::WORLD), 1).unwrap_or(Timestamp::MAX);
        world.set_timer(ClockId::WORLD, due, Due::TopUp(id))
    });
    // Given up, the next draw starts anew.
    let attempts = next.map(|timer| Attempts { failed: failed + 1, next: Some(timer) });
    world.state.wallets.update(id, |row| row.topping_up = attempts);
}

/// The next attempt is due.
pub fn due(world: &mut World, id: Id<Wallet>) {
    world.state.wallets.update(id, |row| {
        if let Some(attempts) = &mut row.topping_up {
            attempts.next = None;
        }
    });
    charge(world, id);
}
