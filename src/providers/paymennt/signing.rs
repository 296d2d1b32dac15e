//! Signatures: HMAC-SHA-256 of the body, in hex, keyed with the webhook's `hmacKey` as it is written.
//!
//! Facts: paymennt §4. The vendor publishes neither header nor algorithm nor retries: header and algorithm are what
//! public clients guess, and `--webhook-signature` sets others; the retries are ours.

use std::time::Duration;

use super::body::hex;
use crate::time::Cadence;
use crate::webhooks::{Message, Scheme, Signature};

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
};

fn headers(message: &Message<'_>) -> Vec<(&'static str, String)> {
    let signature = message.signature.unwrap_or(Signature::hex("x-paymennt-signature"));
    let secret = message.secrets.first().map(|secret| secret.as_bytes()).unwrap_or_default();
    vec![(signature.header, signature.sign(secret, message.body))]
}
