//! Who hears of events, and of which.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::world::Row;

/// Somebody who wants to hear of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endpoint {
    pub url: Arc<str>,
    /// What bodies are signed with, in the form of the provider's scheme.
    pub secret: Arc<str>,
    /// Event types, or beginnings of such before `.*`; empty: all.
    pub events: Vec<Box<str>>,
    pub enabled: bool,
    /// It answered so often with a 4xx that nothing is sent any more, until somebody enables it again.
    pub gave_out: bool,
    /// What somebody has noted about it.
    pub description: Option<Box<str>>,
    /// The secret before this one, and until when it signs as well.
    pub retiring: Option<(Arc<str>, Timestamp)>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// How many attempts in a row it has answered with a 4xx.
    pub refused: u32,
    /// Whether its last attempt was answered in time. An advance does not wait for one that hangs.
    pub responsive: bool,
}

impl Row for Endpoint {
    const PREFIX: &'static str = "we_";
    const NOUN: &'static str = "webhook endpoint";
}

impl Endpoint {
    /// One that hears everything.
    #[must_use]
    pub fn new(url: &str, secret: &str, created_at: Timestamp) -> Self {
        Self {
            url: Arc::from(url),
            secret: Arc::from(secret),
            events: Vec::new(),
            enabled: true,
            gave_out: false,
            description: None,
            retiring: None,
            created_at,
            updated_at: created_at,
            refused: 0,
            responsive: true,
        }
    }

    /// Gives it another secret; the one that it had goes on signing beside it until an instant.
    pub fn rotate(&mut self, secret: &str, until: Timestamp) {
        let before = std::mem::replace(&mut self.secret, Arc::from(secret));
        self.retiring = Some((before, until));
    }

    /// What a message is signed with at an instant, newest first.
    #[must_use]
    pub fn secrets(&self, now: Timestamp) -> Vec<Arc<str>> {
        let retiring = self.retiring.iter().filter(|(_, until)| now < *until).map(|(secret, _)| Arc::clone(secret));
        std::iter::once(Arc::clone(&self.secret)).chain(retiring).collect()
    }

    /// Lets it hear again, with a clean slate, or no more.
    pub fn enable(&mut self, enabled: bool) {
        self.enabled = enabled;
        self.gave_out = false;
        self.refused = 0;
        self.responsive = true;
    }

    pub(super) fn wants(&self, event_type: &str) -> bool {
        self.enabled && (self.events.is_empty() || self.events.iter().any(|wanted| matches(wanted, event_type)))
    }
}

/// Whether an event type is the wanted one, or begins as `invoice.*` says.
#[must_use]
pub fn matches(wanted: &str, event_type: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => event_type.starts_with(start),
        None => event_type == wanted,
    }
}
