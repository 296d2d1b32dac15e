//! Paylera, behaviour by behaviour.

mod catalogue;
mod customers;
mod idempotency;
mod lists;
mod transport;
mod webhooks;
