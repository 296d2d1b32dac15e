//! Paylera, behaviour by behaviour.

mod catalogue;
mod coupons;
mod customers;
mod idempotency;
mod lists;
mod transport;
mod wallets;
