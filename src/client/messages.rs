//! E-mails and text messages that would have gone out.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::events::{PATIENCE, listed, patience};
use super::wire::query;
use super::{Error, World};
use crate::time::Timestamp;

/// A message that stays in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Its place among all messages of the world, from 0.
    pub number: usize,
    /// When it would have gone out.
    pub at: Timestamp,
    /// `email` or `sms`.
    pub channel: String,
    /// An address or a telephone number.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// Where it leads.
    pub link: Option<String>,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  to {}: {}", self.at, self.to, self.subject)
    }
}

impl World {
    /// All messages, oldest first.
    pub async fn messages(&self) -> Result<Vec<Message>, Error> {
        self.all("/messages", "messages", 0).await
    }

    /// The latest message to an address or a telephone number, as soon as there is one.
    ///
    /// # Errors
    /// If there is none within five seconds; lists those to others.
    pub async fn expect_message(&self, to: &str) -> Result<Message, Error> {
        let wait = patience(PATIENCE);
        let path = format!("/messages{}", query(&[("to", Some(to)), ("wait", Some(&wait)), ("limit", Some("1"))]));
        // Waits for the first: the latest may be another.
        self.control("GET", &path, Value::Null).await?;
        let path = format!("/messages{}", query(&[("to", Some(to))]));
        if let Some(latest) = self.all::<Message>(&path, "messages", 0).await?.pop() {
            return Ok(latest);
        }
        let all = self.messages().await?;
        let what = format!("no message to {to:?} within {PATIENCE:?}; {} were sent", all.len());
        Err(Error::Unmet(listed(what, all.iter())))
    }
}
