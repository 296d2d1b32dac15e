//! Paygentic, noun by noun and behaviour by behaviour.

mod test_clocks;
