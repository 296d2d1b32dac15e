//! Paymennt over the socket. The examples are those of the facts (§6).

mod checkouts;
mod nonsense;
mod pages;
mod payments;
mod subscriptions;
mod transport;
mod webhooks;
