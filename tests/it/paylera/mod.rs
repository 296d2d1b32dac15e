//! Paylera, behaviour by behaviour.

mod affiliates;
mod billing;
mod catalogue;
mod checkout;
mod coupons;
mod customers;
mod dunning;
mod idempotency;
mod lists;
mod money;
mod nonsense;
mod payment_methods;
mod portal;
mod replay;
mod roles;
mod states;
mod subscriptions;
mod transport;
mod wallets;
mod webhook_endpoints;
mod webhooks;
