//! Webhooks on their way: signing schemes, which are pure, and the courier, which is the only part that sends.
//!
//! What is owed to whom stands in the world ([`crate::world::Outbox`]); a world that has listeners is a
//! [`Postbox`] to the courier, which takes what is ready, sends it, and has recorded how it went.

mod client;
mod courier;
mod lanes;
mod signature;
mod svix;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

pub(crate) use self::client::causes;
pub use self::client::check_url;
pub use self::courier::{Courier, Letter, Mark, Outcome, Postbox, Round};
pub use self::signature::{Algorithm, Encoding, Signature};
pub use self::svix::SVIX;
use crate::time::{Cadence, Timestamp};

/// How a vendor signs and repeats its webhooks.
#[derive(Debug)]
pub struct Scheme {
    /// What a message's id begins with: the same for all endpoints and attempts of one event.
    pub message_prefix: &'static str,
    /// The wait before each attempt, from the attempt before it; as many attempts as entries.
    pub schedule: &'static [Cadence],
    /// How long a receiver may take.
    pub timeout: Duration,
    /// Whether an event waits until the one before it about the same row has arrived, or has been given up.
    pub strict_order: bool,
    /// After how many attempts in a row that are answered with a 4xx an endpoint gives out; `None`: never.
    pub patience: Option<u32>,
    /// A secret in the vendor's form that follows from a number.
    pub new_secret: fn(u64) -> String,
    /// Says what is wrong with a secret that somebody brings.
    pub check_secret: fn(&str) -> Result<(), String>,
    /// What goes beside the body.
    pub headers: fn(&Message<'_>) -> Vec<(&'static str, String)>,
    /// The event type that a body tells of; empty if it tells of none.
    pub event_type: fn(&Value) -> String,
    /// Says what is wrong with the signature of what was received: the receiver's side of `headers`.
    pub verify: fn(&Received<'_>) -> Result<(), String>,
}

/// What a receiver got, with what it needs to check it.
#[derive(Debug, Clone, Copy)]
pub struct Received<'r> {
    pub headers: &'r HeaderMap,
    pub body: &'r [u8],
    pub secret: &'r str,
    /// As in [`Message`].
    pub signature: Option<Signature>,
}

impl<'r> Received<'r> {
    /// A header that a signed webhook has.
    ///
    /// # Errors
    /// If it is missing.
    pub fn header(&self, name: &str) -> Result<&'r str, String> {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| format!("there is no header {name}"))
    }
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    pub id: &'m str,
    /// The delivery's own id: another one for each endpoint.
    pub delivery: &'m str,
    pub event_type: &'m str,
    /// Newest first: while one retires, both sign.
    pub secrets: &'m [std::sync::Arc<str>],
    /// Wall time: receivers refuse what looks old.
    pub sent_at: Timestamp,
    pub body: &'m [u8],
    /// What the user has said of signatures, for a vendor who publishes nothing.
    pub signature: Option<Signature>,
}
