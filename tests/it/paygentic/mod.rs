//! Paygentic, noun by noun and behaviour by behaviour.

mod activation;
mod calendar;
mod collection;
mod endings;
mod plans;
mod prices;
mod same_whatever_the_steps;
mod sceptic;
mod starts;
mod test_clocks;
mod tiling;
