//! The rows of an API: one operation each, grouped by noun.

use http::Method;

use super::{Call, Fault, Reply};
use crate::time::Timestamp;
use crate::world::{Advance, ClockId, State, World};

/// What an operation does. A reader gets the published world, a writer its clone.
pub enum Action<S: State> {
    Read(fn(&World<S>, &Call) -> Result<Reply, Fault>),
    Write(fn(&mut World<S>, &Call) -> Result<Reply, Fault>),
    /// Moves a clock: the server takes it there, and lets the webhooks of each instant be answered on the way.
    Advance(Plan<S>, Arrival<S>),
    /// In the contract, validated, without behaviour: answers 501 and is counted.
    Planned,
}

impl<S: State> Action<S> {
    /// Does it at once, whoever listens: what starting worlds are made with.
    ///
    /// # Errors
    /// What the handler refuses.
    pub fn run(&self, world: &mut World<S>, call: &Call) -> Result<Reply, Fault> {
        match self {
            Self::Read(handler) => handler(world, call),
            Self::Write(handler) => handler(world, call),
            Self::Advance(plan, arrival) => {
                let (clock, target) = plan(world, call)?;
                let advance = world.advance(clock, target);
                arrival(world, call, &advance)
            }
            Self::Planned => Err(Fault::not_built("This operation is in the contract; its behaviour is not built yet")),
        }
    }
}

/// Which clock is to be moved and how far.
pub type Plan<S> = fn(&World<S>, &Call) -> Result<(ClockId, Timestamp), Fault>;
/// What there is to say once a clock has arrived.
pub type Arrival<S> = fn(&mut World<S>, &Call, &Advance) -> Result<Reply, Fault>;

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

/// A row that moves a clock.
pub fn advance<S: State>(
    id: &'static str,
    method: Method,
    path: &'static str,
    plan: Plan<S>,
    arrival: Arrival<S>,
) -> Operation<Action<S>> {
    Operation { id, method, path, action: Action::Advance(plan, arrival) }
}

/// A row whose behaviour is not built yet.
#[must_use]
pub fn planned<S: State>(id: &'static str, method: Method, path: &'static str) -> Operation<Action<S>> {
    Operation { id, method, path, action: Action::Planned }
}
