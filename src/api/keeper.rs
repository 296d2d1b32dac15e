//! An API that keeps worlds, as the server's other parts see it.

use std::io::{self, Write};
use std::time::Duration;

use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use super::{Door, Fault};
use crate::time::Timestamp;

/// One row of the list of worlds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorldInfo {
    pub provider: &'static str,
    pub key: String,
    /// What its own clock shows.
    pub now: Timestamp,
    /// `flowing` or `frozen`.
    pub mode: &'static str,
    pub event_count: usize,
    /// What counts towards `--max-rows`.
    pub row_count: usize,
    /// The names of its snapshots.
    pub snapshots: Vec<String>,
}

/// How a world begins.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// The calls that are made first, by provider.
    pub calls: &'a Value,
    /// Where its clock is frozen before them; `None`: it flows with the wall.
    pub at: Option<Timestamp>,
}

/// The worlds of one provider, by key.
pub trait Keeper: Send + Sync {
    /// How a key is sent.
    fn credentials(&self, key: &str) -> Vec<(&'static str, String)>;

    /// A key of this vendor's form with a name in it.
    fn key_for(&self, name: &str) -> String;

    /// What keys it takes, for the banner.
    fn keys(&self) -> &'static str;

    /// Where every new world sends its webhooks, and with what secret.
    fn webhook(&self) -> Option<(String, String)>;

    /// Runs the starting world once, so that a bad one stops the start and not the first request.
    ///
    /// # Errors
    /// The step that is refused, and why.
    fn rehearse(&self) -> Result<(), String>;

    /// Whether these credentials have the form of this vendor's own test keys.
    fn is_own(&self, headers: &HeaderMap) -> bool;

    /// Whether a key has that form. Of a vendor whose keys have none, nobody knows.
    fn is_own_key(&self, key: &str) -> bool;

    /// Whether these credentials open the world of this key.
    fn opens(&self, headers: &HeaderMap, key: &str) -> bool;

    /// The world that these credentials open here. With `open`, one that does not exist yet is made.
    ///
    /// # Errors
    /// If the credentials are none of this API's.
    fn door(&self, headers: &HeaderMap, open: bool) -> Result<Option<Box<dyn Door + '_>>, Fault>;

    /// The world of a key, if somebody has opened it.
    fn world(&self, key: &str) -> Option<Box<dyn Door + '_>>;

    /// All worlds, in the order of their keys.
    fn worlds(&self, wall: Timestamp) -> Vec<WorldInfo>;

    /// Opens a world.
    ///
    /// # Errors
    /// If the key is none of this vendor's test keys, has a world already, or a call is refused.
    fn create(&self, key: &str, beginning: Beginning<'_>, wall: Timestamp) -> Result<WorldInfo, Fault>;

    /// Writes all worlds down with their snapshots, as they were left, into a JSON list that has `before` items
    /// already; how many.
    ///
    /// # Errors
    /// If one cannot be written.
    fn keep(&self, list: &mut dyn Write, before: usize) -> io::Result<usize>;

    /// A number that is another one when one of the worlds has changed, mixed into one of others'.
    fn pulse(&self, others: u64) -> u64;

    /// Opens a world that [`Keeper::keep`] wrote down.
    ///
    /// # Errors
    /// What is wrong with it.
    fn recall(&self, kept: &Value) -> Result<(), Fault>;

    /// Forgets a world; whether there was one.
    fn forget(&self, key: &str) -> bool;

    /// Forgets the worlds that nobody has asked anything for so long, and to whom nothing is on its way. How many.
    fn expire(&self, now: Timestamp, idle: Duration) -> usize;
}
