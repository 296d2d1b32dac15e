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
    pub id: String,
    pub endpoint_id: String,
    /// `None`: the endpoint is gone.
    pub url: Option<String>,
    pub event_id: String,
    pub event_type: String,
    pub status: DeliveryStatus,
    /// What a rule did to it: `duplicate`, `reorder`, `delay` or `drop`.
    pub rule: Option<String>,
    /// When the next attempt is due; `None` while it is pending: now.
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// As it was signed.
    pub body: String,
    pub attempts: Vec<Attempt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeliveryStatus {
    Pending,
    Succeeded,
    Failed,
    Dropped,
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
    pub duration_ms: f64,
    /// Somebody asked for it.
    pub by_hand: bool,
    /// The headers that sign it.
    pub headers: BTreeMap<String, String>,
    pub response: Option<Response>,
    /// Why there is no response.
    pub error: Option<String>,
}

/// How a receiver has answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Response {
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
