//! Paylera, behaviour by behaviour.

mod catalogue;
mod customers;
mod idempotency;
mod lists;
mod payment_methods;
mod transport;
mod webhooks;
