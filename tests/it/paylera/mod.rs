//! Paylera, behaviour by behaviour.

mod catalogue;
mod coupons;
mod customers;
mod idempotency;
mod lists;
mod payment_methods;
mod transport;
mod wallets;
mod webhooks;
