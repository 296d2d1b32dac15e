//! Paygentic, noun by noun and behaviour by behaviour.

mod plans;
mod prices;
mod test_clocks;
