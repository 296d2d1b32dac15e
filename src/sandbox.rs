//! The front door for tests.
/// A running sandbox.
pub struct Sandbox;
