//! A client of running sandboxes: the control API with types, a receiver of webhooks, and as much of the vendors' APIs
//! as a test needs that has no client of its own.
//!
//! A [`World`] is what stands behind one key; it comes from a [`Sandbox`](crate::Sandbox) or from a [`Client`] of one
//! that runs somewhere else. Any executor may poll what is asked here. [`blocking`](crate::blocking) has the same
//! without `.await`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let running = leapday::Sandbox::start().await?;
//! # let url = running.base_url();
//! let sandbox = leapday::client::Client::connect(url)?; // such as http://127.0.0.1:4010
//! let world = sandbox.paylera("sk_sandbox_mine");
//! world.clock().set("2028-01-31T00:00:00Z").await?;
//! let customer = world.post("/v1/customers", serde_json::json!({ "email": "ada@example.com" })).await?;
//! assert_eq!(customer["email"], "ada@example.com");
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod clock;
mod error;
mod events;
mod faults;
mod inbox;
mod journal;
mod messages;
mod payments;
mod receiver;
mod runtime;
mod webhooks;
mod wire;
mod world;

pub use self::clock::{Clock, Due, Journey, Mode, Reading, Step};
pub use self::error::{Error, Refusal};
pub use self::events::{Event, Events, Gist};
pub use self::faults::{ActiveFault, Fault, Faults};
pub(crate) use self::inbox::{Inbox, Received};
pub(crate) use self::journal::Verdict;
pub use self::journal::{JournalEntry, Requests};
pub use self::messages::Message;
pub(crate) use self::payments::session_of;
pub use self::payments::{Payment, Script};
pub use self::receiver::{Receiver, Webhook};
pub(crate) use self::runtime::runtime;
pub use self::webhooks::{Attempt, Delivery, DeliveryStatus, Response};
pub use self::wire::Answer;
pub(crate) use self::wire::{Content, Wire, encoded, query};
pub use self::world::{Snapshot, World, WorldInfo};
use crate::api::Vendor;
use crate::contract::near;
use crate::providers::VENDORS;
use crate::webhooks::Signature;

/// A running sandbox, from outside.
#[derive(Debug, Clone)]
pub struct Client {
    wire: Wire,
    signature: Option<Signature>,
}

impl Client {
    /// A client of the sandbox at a URL such as `http://127.0.0.1:4010`. Nothing is asked yet.
    ///
    /// # Errors
    /// If the URL is none of plain HTTP.
    pub fn connect(url: &str) -> Result<Self, Error> {
        Ok(Self { wire: Wire::new(url)?, signature: None })
    }

    /// Says how the sandbox signs webhooks whose vendor does not publish it, if it was started with
    /// `--webhook-signature`: `X-Signature:sha512:base64`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn webhook_signature(mut self, signature: &str) -> Result<Self, Error> {
        self.signature = Some(signature.parse().map_err(Error::Misused)?);
        Ok(self)
    }

    /// The token of a sandbox that asks for one, to list, name or open other worlds than that of a key.
    #[must_use]
    pub fn admin_token(self, token: &str) -> Self {
        self.admin(Some(token))
    }

    pub(crate) fn admin(self, token: Option<&str>) -> Self {
        Self { wire: self.wire.admin(token), ..self }
    }

    pub(crate) fn signed(self, signature: Option<Signature>) -> Self {
        Self { signature, ..self }
    }

    /// Where the sandbox is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.wire.base()
    }

    /// The world of a key at Paygentic, such as `sk_test_anything`.
    #[must_use]
    pub fn paygentic(&self, key: &str) -> World {
        World::new(self, &VENDORS[0], key)
    }

    /// The world of a token at Paylera, such as `sk_sandbox_anything`.
    #[must_use]
    pub fn paylera(&self, key: &str) -> World {
        World::new(self, &VENDORS[1], key)
    }

    /// The world of a pair of key and secret at Paymennt.
    #[must_use]
    pub fn paymennt(&self, key: &str, secret: &str) -> World {
        World::new(self, &VENDORS[2], &format!("{key}:{secret}"))
    }

    /// The world of a key at the provider of a name; a pair is written `KEY:SECRET`.
    ///
    /// # Errors
    /// If there is no such provider.
    pub fn world(&self, provider: &str, key: &str) -> Result<World, Error> {
        Ok(World::new(self, vendor(provider)?, key))
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }
}

fn vendor(name: &str) -> Result<&'static Vendor, Error> {
    VENDORS.iter().find(|vendor| vendor.name == name).ok_or_else(|| {
        let names = VENDORS.each_ref().map(|vendor| vendor.name);
        let meant = near(name, names).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        Error::Misused(format!("there is no provider {name:?}; there are {}{meant}", names.join(", ")))
    })
}

/// Names the vendors by place: see that the places are theirs.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worlds_are_of_the_vendor_that_is_named() {
        let client = Client::connect("http://127.0.0.1:4010/").unwrap();
        assert_eq!(client.paygentic("a").base_url(), "http://127.0.0.1:4010/paygentic");
        assert_eq!(client.paylera("a").base_url(), "http://127.0.0.1:4010/paylera");
        assert_eq!(client.paymennt("a", "b").base_url(), "http://127.0.0.1:4010/paymennt/mer/v2.0");
        assert_eq!(client.paymennt("a", "b").key(), "a:b");
        assert!(client.world("paylerra", "a").unwrap_err().to_string().contains("did you mean paylera?"));
        assert!(Client::connect("https://example.com").unwrap_err().to_string().contains("http://127.0.0.1:4010"));
    }
}
