//! A receiver of a world's webhooks in the test itself, which checks the vendor's signature.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::events::{PATIENCE, listed};
use super::inbox::{Inbox, Received};
use super::webhooks::Delivery;
use super::{Error, World};
use crate::time::Timestamp;
use crate::{webhooks, world};

/// Somebody who receives the webhooks of a world on a port of this machine, until it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = leapday::Sandbox::start().await?;
/// # let world = sandbox.paylera("sk_sandbox_a");
/// let receiver = world.receiver().await?;
/// let customer = world.post("/v1/customers", serde_json::json!({ "email": "ada@example.com" })).await?;
/// world.save_card(customer["id"].as_str().unwrap(), "4242 4242 4242 4242").await?;
/// let webhook = receiver.expect_webhook("customer.payment_method_attached").await?;
/// assert_eq!(webhook.body["data"]["customer_id"], customer["id"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Receiver {
    world: World,
    inbox: Inbox,
    endpoint: Endpoint,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    id: String,
    secret: String,
}

/// A webhook whose signature is right.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Webhook {
    /// As events are named: `invoice.paid.v0`, `checkout.paid`.
    pub event_type: String,
    /// As they came.
    pub headers: HeaderMap,
    /// What it tells.
    pub body: Value,
    /// The body as it was signed.
    pub bytes: Bytes,
    /// When it came, on the wall; [`Receiver::delivery_of`] knows when it was on the clock of the event.
    pub received_at: Timestamp,
}

impl Webhook {
    /// A header, where there is such.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body: String = self.body.to_string().chars().take(160).collect();
        write!(f, "{}  {body}", self.event_type)
    }
}

impl World {
    /// Receives all webhooks of this world from now on.
    pub async fn receiver(&self) -> Result<Receiver, Error> {
        self.receiver_of([""; 0]).await
    }

    /// Receives the webhooks of some types: `["invoice.*"]`.
    pub async fn receiver_of(&self, events: impl IntoIterator<Item: AsRef<str>>) -> Result<Receiver, Error> {
        let events: Vec<String> = events.into_iter().map(|event| event.as_ref().to_owned()).collect();
        let inbox = Inbox::open().await?;
        let wanted = json!({ "url": inbox.url, "events": events });
        let endpoint = self.ask("POST", "/webhook-endpoints", wanted).await?;
        Ok(Receiver { world: self.clone(), inbox, endpoint })
    }
}

impl Receiver {
    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inbox.url
    }

    /// The secret that its webhooks are signed with.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.endpoint.secret
    }

    /// Answers with a status from now on, instead of 200: with 500, the sandbox tries again as the vendor does.
    pub fn answer_with(&self, status: u16) {
        self.inbox.answer(status);
    }

    /// The next webhook of a type, or of one that begins so (`invoice.*`), as soon as it is there; each is given once.
    ///
    /// # Errors
    /// If none comes within five seconds, with what came instead; if its signature is not the vendor's.
    pub async fn expect_webhook(&self, event_type: &str) -> Result<Webhook, Error> {
        self.expect_webhook_within(event_type, PATIENCE).await
    }

    /// The same with a patience of its own.
    ///
    /// # Errors
    /// As for [`Receiver::expect_webhook`].
    pub async fn expect_webhook_within(&self, event_type: &str, patience: Duration) -> Result<Webhook, Error> {
        let is_wanted = |one: &Received| world::matches(event_type, &(self.world.scheme().event_type)(&one.body));
        if let Some(received) = self.inbox.take(patience, is_wanted).await? {
            return self.verified(received);
        }
        let came: Vec<Webhook> = self.inbox.all().into_iter().map(|received| self.webhook(received)).collect();
        let what = format!("no further webhook of type {event_type:?} within {patience:?}; {} came", came.len());
        Err(Error::Unmet(listed(what, came.iter())))
    }

    /// Everything that came so far, whoever has looked for it.
    ///
    /// # Errors
    /// If a signature is not the vendor's.
    pub fn received(&self) -> Result<Vec<Webhook>, Error> {
        self.inbox.all().into_iter().map(|received| self.verified(received)).collect()
    }

    /// What the sandbox has noted of a webhook: every attempt, each at its instant.
    ///
    /// # Errors
    /// If the sandbox has not noted it, or not yet: it does so once it has read the answer.
    pub async fn delivery_of(&self, webhook: &Webhook) -> Result<Delivery, Error> {
        let path = format!("/deliveries?endpoint={}", self.endpoint.id);
        let all: Vec<Delivery> = self.world.all(&path, "deliveries", 0).await?;
        let is_it = |one: &Delivery| {
            let signed = |name: &String, value: &String| webhook.header(name) == Some(value);
            let mut attempts = one.attempts.iter();
            one.body.as_bytes() == webhook.bytes
                && attempts.any(|attempt| attempt.headers.iter().all(|(name, value)| signed(name, value)))
        };
        let found = all.into_iter().find(is_it);
        found.ok_or_else(|| Error::Unmet(format!("the sandbox has noted no attempt that sent {webhook}")))
    }

    fn webhook(&self, received: Received) -> Webhook {
        let Received { headers, bytes, body, at, .. } = received;
        Webhook { event_type: (self.world.scheme().event_type)(&body), headers, body, bytes, received_at: at }
    }

    fn verified(&self, received: Received) -> Result<Webhook, Error> {
        let (secret, signature) = (self.endpoint.secret.as_str(), self.world.signature());
        let checked = webhooks::Received { headers: &received.headers, body: &received.bytes, secret, signature };
        let outcome = (self.world.scheme().verify)(&checked);
        let webhook = self.webhook(received);
        match outcome {
            Ok(()) => Ok(webhook),
            Err(why) => Err(Error::Unmet(format!("a webhook is not signed as its vendor signs: {why}\n  {webhook}"))),
        }
    }
}
