//! Billing rules that any provider may use.
//!
//! Purpose: the arithmetic of subscriptions as pure functions: time and amounts come in as values, and nothing here
//! knows a clock, a store, a wire format or a vendor. Amounts are [`rust_decimal::Decimal`] in major units (euros,
//! not cents) and keep full precision; only an invoice's subtotal and tax are rounded, each once, with
//! [`money::round_minor`]. Sums and products that leave the range of `Decimal` (±7.9 × 10^28) stay at its end
//! instead of panicking: a sandbox answers absurd input with an absurd amount, not with a lost connection.
//!
//! facts: paygentic-behaviour §4 (order: usage → price → proration → tax), §2.2, §2.4.

pub mod allowance;
pub mod cards;
pub mod money;
pub mod period;
pub mod price;
pub mod proration;
pub mod split;
pub mod tax;
pub mod tiers;
pub mod usage;
