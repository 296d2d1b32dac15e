//! What the server is given: APIs it can mount, behind one object-safe door each.

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;

use super::{Fault, Reply, Site};
use crate::billing::cards::{Attempt, Card};
use crate::time::{Cadence, Timestamp};

/// One request on its way: read, dated, its path below the mount.
pub struct Exchange<'r> {
    pub head: &'r Parts,
    pub body: &'r Bytes,
    /// The path below the mount point, or the whole path where the vendor's own host was named.
    pub path: &'r str,
    pub wall: Timestamp,
    /// Where the caller reaches this mount.
    pub site: Site<'r>,
}

/// What a user may set that mounts have to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Checks every answer against its schema; a mismatch becomes a 500.
    pub strict: bool,
    /// Puts the violations into error bodies as well.
    pub explain: bool,
    pub allow_live_keys: bool,
    pub max_worlds: usize,
    pub timers_per_advance: usize,
    pub random_seed: u64,
    /// What new worlds start from: name of a bundled world.
    pub world: String,
    /// The calls of that world, by provider.
    pub start: Value,
}

/// One row of `leapday operations`.
#[derive(Debug, Clone, Serialize)]
pub struct OperationInfo {
    pub id: &'static str,
    pub noun: &'static str,
    pub method: String,
    pub path: &'static str,
    /// Whether it has behaviour; one without answers 501.
    pub built: bool,
}

/// An API under a path prefix and the vendor's own host names.
pub trait Mount: Send + Sync {
    /// The path prefix, and the folder of its schemas and fixtures.
    fn name(&self) -> &'static str;

    /// The vendor's host names: a request that names one is ours whatever its path.
    fn hosts(&self) -> &'static [&'static str];

    /// What keys it takes, for the banner.
    fn keys(&self) -> &'static str;

    fn answer(&self, exchange: &Exchange<'_>) -> Reply;

    /// A refusal in this API's shape, for what the server itself refuses.
    fn refuse(&self, fault: &Fault) -> Reply;

    fn operations(&self) -> Vec<OperationInfo>;

    /// Everything that is wrong between its tables, schemas and fixtures.
    fn check(&self) -> Vec<String>;

    /// Runs the starting world once, so that a bad one stops the start and not the first request.
    ///
    /// # Errors
    /// The step that is refused, and why.
    fn rehearse(&self) -> Result<(), String>;

    /// The world that these credentials open here. With `open`, one that does not exist yet is made.
    ///
    /// # Errors
    /// If the credentials are none of this API's.
    fn door(&self, headers: &HeaderMap, open: bool) -> Result<Option<Box<dyn Door + '_>>, Fault>;
}

/// A world as the control API sees it, whoever's it is.
pub trait Door {
    /// The clock that `name` means: the world's own without one.
    ///
    /// # Errors
    /// Not found.
    fn clock(&self, name: Option<&str>, wall: Timestamp) -> Result<Value, Fault>;

    /// Moves the world's clock to an instant and freezes it, or lets it flow.
    ///
    /// # Errors
    /// If the instant lies behind a clock that has work to do.
    fn set_clock(&self, to: Option<Timestamp>, wall: Timestamp) -> Result<Value, Fault>;

    /// Advances a clock and tells what happened.
    ///
    /// # Errors
    /// If the target is not ahead, or there is no such clock.
    fn advance(&self, name: Option<&str>, target: Target, wall: Timestamp, site: Site<'_>) -> Result<Value, Fault>;

    /// Starts the world anew from a named fixture, or from the calls of `start`.
    ///
    /// # Errors
    /// If a call of the fixture is refused.
    fn reset(&self, start: &Value, wall: Timestamp) -> Result<(), Fault>;

    /// Pays, or fails to pay, a payment session.
    ///
    /// # Errors
    /// If there is no such session or it is over.
    fn pay(&self, session: &str, attempt: &Attempt, wall: Timestamp) -> Result<Value, Fault>;

    /// Saves a payment method on a customer, as a set-up page would.
    ///
    /// # Errors
    /// If there is no such customer.
    fn save_method(&self, customer: &str, card: &Card, wall: Timestamp) -> Result<Value, Fault>;

    /// The events from number `from` on, at most `limit`, and how many there are.
    fn events(&self, from: usize, limit: usize, site: Site<'_>, wall: Timestamp) -> (Vec<Value>, usize);
}

/// Where an advance goes.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    To(Timestamp),
    By(Cadence),
}
