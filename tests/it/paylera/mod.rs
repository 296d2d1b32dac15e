//! Paylera, behaviour by behaviour.

mod billing;
mod catalogue;
mod coupons;
mod customers;
mod dunning;
mod idempotency;
mod lists;
mod payment_methods;
mod transport;
mod wallets;
mod webhooks;
