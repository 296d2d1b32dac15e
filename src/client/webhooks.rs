//! The log of webhooks: what was sent to whom, and how each attempt was answered.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::wire::encoded;
use super::{Error, World};
use crate::time::Timestamp;

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Delivery {
    /// Its id, for [`World::redeliver`].
    pub id: String,
    /// Whom it goes to.
    pub endpoint_id: String,
    /// `None`: the endpoint is gone.
    pub url: Option<String>,
    /// What it tells of: an [`Event`](super::Event)'s id.
    pub event_id: String,
    /// As events are named.
    pub event_type: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// What a rule did to it: `duplicate`, `reorder`, `delay` or `drop`.
    pub rule: Option<String>,
    /// When the next attempt is due; `None` while it is pending: now.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made, on the clock of the event.
    pub created_at: Timestamp,
    /// As it was signed.
    pub body: String,
    /// In order.
    pub attempts: Vec<Attempt>,
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeliveryStatus {
    /// Not sent yet, or to be tried again.
    Pending,
    /// Answered with a 2xx.
    Succeeded,
    /// Given up.
    Failed,
    /// A rule has dropped it.
    Dropped,
    /// Its endpoint was removed or disabled before it was sent.
    Cancelled,
}

/// One attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Attempt {
    /// From 1.
    pub number: usize,
    /// On the clock of the event.
    pub at: Timestamp,
    /// On the wall.
    pub sent_at: Timestamp,
    /// How long the receiver took.
    pub duration_ms: f64,
    /// Somebody asked for it.
    pub by_hand: bool,
    /// The headers that sign it.
    pub headers: BTreeMap<String, String>,
    /// `None`: there was none.
    pub response: Option<Response>,
    /// Why there is no response.
    pub error: Option<String>,
}

/// How a receiver has answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Response {
    /// The status of the answer.
    pub status: u16,
    /// Its beginning.
    pub body: String,
}

impl World {
    /// All deliveries of this world, oldest first.
    pub async fn deliveries(&self) -> Result<Vec<Delivery>, Error> {
        self.all("/deliveries", "deliveries", 0).await
    }

    /// Sends a delivery once more, and answers when that has been answered.
    pub async fn redeliver(&self, id: &str) -> Result<Delivery, Error> {
        self.ask("POST", &format!("/deliveries/{}/redeliver", encoded(id)), Value::Null).await
    }
}
