//! What the server is given: APIs it can mount, behind one object-safe door each.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Admin, Fault, Keeper, Reply, Site};
use crate::contract::Source;
use crate::time::Timestamp;
use crate::webhooks::{Courier, Signature};
use crate::world::Limits;

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

/// Something that is at hand, or comes later because it waits for others (webhooks that an advance settles, an
/// event that somebody waits for). Most things are at hand, and cost no future.
pub enum Answer<'a, T> {
    Now(T),
    Later(Later<'a, T>),
}

/// What comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<'a, T: 'a> Answer<'a, T> {
    /// The same, finished by `finish` when it is there.
    pub fn map<U>(self, finish: impl FnOnce(T) -> U + Send + 'a) -> Answer<'a, U> {
        match self {
            Self::Now(value) => Answer::Now(finish(value)),
            Self::Later(later) => Answer::Later(Box::pin(async move { finish(later.await) })),
        }
    }
}

/// Whether an advance waits for its webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deliver {
    /// The webhooks of an instant are sent and answered before the clock moves past it.
    #[default]
    Settle,
    /// All are sent once the clock has arrived.
    Burst,
}

/// A webhook endpoint that every new world has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub url: String,
    /// `None`: one that follows from the random seed.
    pub secret: Option<String>,
}

/// What a user may set that mounts have to know, and what they share.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// Checks every answer against its schema; a mismatch becomes a 500.
    pub strict: bool,
    /// Puts the violations into error bodies as well.
    pub explain: bool,
    pub allow_live_keys: bool,
    /// Refuses what goes beyond a vendor's rate limits.
    pub rate_limits: bool,
    pub max_worlds: usize,
    pub limits: Limits,
    /// Who may list, name and open worlds of others.
    pub admin: Admin,
    pub random_seed: u64,
    /// What new worlds start from: name of a bundled world.
    pub world: String,
    /// The calls of that world, by provider.
    pub start: Value,
    pub webhook: Option<Webhook>,
    /// How webhooks are signed whose vendor does not publish it.
    pub signature: Option<Signature>,
    /// Takes hosted pages for standalone even in a frame: some test runners put the whole app into one.
    pub standalone_pages: bool,
    /// Where the sandbox is reached by those who read webhooks.
    pub home: Arc<str>,
    pub courier: Courier,
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

/// A row with what stands in files: where its contract comes from, and where decisions on it are written down.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub info: OperationInfo,
    pub contract: Option<Source>,
    /// `None`: no vendor's, and so nothing to decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<String>,
}

/// The page that tells what is emulated, and which decisions were taken.
pub const FIDELITY: &str = "docs/fidelity.md";

impl dyn Mount {
    /// The whole table. Parses all schema files, unlike [`Mount::operations`].
    #[must_use]
    pub fn table(&self) -> Vec<Listed> {
        let listed = |info: OperationInfo| Listed {
            contract: self.source(info.noun, info.id),
            decisions: self.keeper().map(|_| format!("{FIDELITY}#{}-{}", self.name(), info.noun.replace('_', "-"))),
            info,
        };
        self.operations().into_iter().map(listed).collect()
    }
}

/// An API under a path prefix and the vendor's own host names.
pub trait Mount: Send + Sync {
    /// The path prefix, and the folder of its schemas and fixtures.
    fn name(&self) -> &'static str;

    /// The vendor's host names: a request that names one is ours whatever its path.
    fn hosts(&self) -> &'static [&'static str];

    /// A path as this API reads it.
    fn path<'r>(&self, path: &'r str) -> &'r str;

    /// The segment of a path that opens something to whoever knows it: a key, the token of a page.
    fn secret<'r>(&self, path: &'r str) -> Option<&'r str>;

    fn answer<'a>(&'a self, exchange: &'a Exchange<'a>) -> Answer<'a, Reply>;

    /// A refusal in this API's shape, for what the server itself refuses.
    fn refuse(&self, fault: &Fault) -> Reply;

    fn operations(&self) -> Vec<OperationInfo>;

    /// Where the contract of an operation comes from.
    fn source(&self, noun: &str, operation: &str) -> Option<Source>;

    /// Everything that is wrong between its tables, schemas and fixtures.
    fn check(&self) -> Vec<String>;

    /// The API as an `OpenAPI` document, for whoever reaches it at `server`.
    fn openapi(&self, server: &str) -> Value;

    /// Its worlds, if it has such.
    fn keeper(&self) -> Option<&dyn Keeper>;

    /// The largest body that it reads, where the user allows the others `most`.
    fn max_body(&self, most: usize) -> usize {
        most
    }
}
