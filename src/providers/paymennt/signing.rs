//! Signatures: HMAC-SHA-256 of the body, in hex, keyed with the webhook's `hmacKey` as it is written.
//!
//! Facts: paymennt §4. The vendor publishes neither header nor algorithm nor retries: header and algorithm are what
//! public clients guess, and `--webhook-signature` sets others; the retries are ours.

use std::time::Duration;

use serde_json::Value;

use super::body::hex;
use crate::time::Cadence;
use crate::webhooks::{Message, Received, Scheme, Signature};

pub static PAYMENNT: Scheme = Scheme {
    message_prefix: "evt_",
    schedule: &[
        Cadence::seconds(0),
        Cadence::seconds(60),
        Cadence::seconds(5 * 60),
        Cadence::seconds(30 * 60),
        Cadence::seconds(2 * 3_600),
        Cadence::seconds(6 * 3_600),
    ],
    timeout: Duration::from_secs(15),
    strict_order: false,
    patience: None,
    new_secret: |seed| hex(seed, 4),
    check_secret: |secret| if secret.is_empty() { Err("is empty".to_owned()) } else { Ok(()) },
    headers,
    event_type,
    verify,
};

const USUAL: Signature = Signature::hex("x-paymennt-signature");

fn headers(message: &Message<'_>) -> Vec<(&'static str, String)> {
    let signature = message.signature.unwrap_or(USUAL);
    let secret = message.secrets.first().map(|secret| secret.as_bytes()).unwrap_or_default();
    vec![(signature.header, signature.sign(secret, message.body))]
}

fn verify(received: &Received<'_>) -> Result<(), String> {
    let signature = received.signature.unwrap_or(USUAL);
    let right = signature.sign(received.secret.as_bytes(), received.body);
    let found = received.header(signature.header)?;
    if found == right { Ok(()) } else { Err(format!("{} is {found}, not {right}", signature.header)) }
}

/// What is told of a checkout is its status, and nothing is told of anything else.
fn event_type(body: &Value) -> String {
    body["status"].as_str().map(|status| format!("checkout.{}", status.to_ascii_lowercase())).unwrap_or_default()
}
