//! Paygentic, noun by noun and behaviour by behaviour.

mod activation;
mod approvals;
mod authorization_pages;
mod billable_metrics;
mod billing_schedules;
mod calendar;
mod checkout_pages;
mod collection;
mod customers;
mod endings;
mod events;
mod fees;
mod orders;
mod payment_sessions;
mod payments;
mod plans;
mod portal_pages;
mod prices;
mod products;
mod same_whatever_the_steps;
mod sceptic;
mod starts;
mod test_clocks;
mod tiling;
mod webhook_portal;
