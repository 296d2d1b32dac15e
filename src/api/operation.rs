//! The rows of an API: one operation each, grouped by noun.

use http::Method;

use super::{Call, Fault, Reply};
use crate::world::{State, World};

/// What an operation does. A reader gets the published world, a writer its clone.
pub enum Action<S: State> {
    Read(fn(&World<S>, &Call) -> Result<Reply, Fault>),
    Write(fn(&mut World<S>, &Call) -> Result<Reply, Fault>),
    /// A writer that may run for seconds (it moves time): the server lets others off its thread first.
    LongWrite(fn(&mut World<S>, &Call) -> Result<Reply, Fault>),
    /// In the contract, validated, without behaviour: answers 501 and is counted.
    Planned,
}

/// One row: id as in the vendor's contract, method, path, what it does.
pub struct Operation<A> {
    pub id: &'static str,
    pub method: Method,
    /// `{name}` stands for one segment.
    pub path: &'static str,
    pub action: A,
}

/// The operations of one noun. Its name is also that of its schema and fixture file.
pub struct Noun<A> {
    pub name: &'static str,
    pub operations: Vec<Operation<A>>,
}

/// A row that only looks.
pub fn read<S: State>(
    id: &'static str,
    path: &'static str,
    handler: fn(&World<S>, &Call) -> Result<Reply, Fault>,
) -> Operation<Action<S>> {
    Operation { id, method: Method::GET, path, action: Action::Read(handler) }
}

/// A row that changes the world, or leaves it as it was when it returns a fault.
pub fn write<S: State>(
    id: &'static str,
    method: Method,
    path: &'static str,
    handler: fn(&mut World<S>, &Call) -> Result<Reply, Fault>,
) -> Operation<Action<S>> {
    Operation { id, method, path, action: Action::Write(handler) }
}

/// A row that changes the world and may take seconds over it.
pub fn long_write<S: State>(
    id: &'static str,
    method: Method,
    path: &'static str,
    handler: fn(&mut World<S>, &Call) -> Result<Reply, Fault>,
) -> Operation<Action<S>> {
    Operation { id, method, path, action: Action::LongWrite(handler) }
}

/// A row whose behaviour is not built yet.
#[must_use]
pub fn planned<S: State>(id: &'static str, method: Method, path: &'static str) -> Operation<Action<S>> {
    Operation { id, method, path, action: Action::Planned }
}
