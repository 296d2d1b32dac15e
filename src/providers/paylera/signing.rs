//! Signatures: `t=<seconds>,v1=<hex>` over `t.body`, keyed with the secret as it is written.
//!
//! Facts: paylera §4.1 (headers), §4.3 (signature, test vector), §4.4 (retries, timeout), §4.5 (order), §4.6 (100
//! refusals). While a secret is rotated both sign.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::time::Cadence;
use crate::webhooks::{Message, Received, Scheme};
use crate::world::hash;

const SECRET_PREFIX: &str = "whsec_";

pub static PAYLERA: Scheme = Scheme {
    message_prefix: "evt_",
    schedule: &[
        Cadence::seconds(0),
        Cadence::seconds(15),
        Cadence::seconds(60),
        Cadence::seconds(5 * 60),
        Cadence::seconds(30 * 60),
        Cadence::seconds(2 * 3_600),
        Cadence::seconds(6 * 3_600),
        Cadence::seconds(12 * 3_600),
        Cadence::seconds(24 * 3_600),
    ],
    timeout: Duration::from_secs(10),
    strict_order: true,
    patience: Some(100),
    new_secret: |seed| format!("{SECRET_PREFIX}{:016x}{:016x}", hash(seed, b"secret"), hash(seed, b"more")),
    check_secret: |secret| match secret.strip_prefix(SECRET_PREFIX) {
        Some(rest) if !rest.is_empty() => Ok(()),
        _ => Err(format!("is not {SECRET_PREFIX} and what follows; leave it out to get one")),
    },
    headers,
    event_type: |body| body["type"].as_str().unwrap_or_default().to_owned(),
    verify,
};

fn headers(message: &Message<'_>) -> Vec<(&'static str, String)> {
    let t = message.sent_at.second();
    let signed = message.secrets.iter().map(|secret| format!(",v1={}", hex(&digest(secret, t, message.body))));
    let signature = format!("t={t}{}", signed.collect::<String>());
    vec![
        ("paylera-signature", signature),
        ("paylera-event-id", message.id.to_owned()),
        ("paylera-delivery-id", message.delivery.to_owned()),
        ("paylera-event-type", message.event_type.to_owned()),
    ]
}

fn verify(received: &Received<'_>) -> Result<(), String> {
    let parts = received.header("paylera-signature")?.split(',');
    let (mut t, mut signatures) = (None, Vec::new());
    for part in parts {
        match part.split_once('=') {
            Some(("t", seconds)) => t = seconds.parse().ok(),
            Some(("v1", signature)) => signatures.push(signature),
            _ => {}
        }
    }
    let t = t.ok_or("paylera-signature does not begin with t= and seconds")?;
    let right = hex(&digest(received.secret, t, received.body));
    if signatures.contains(&right.as_str()) { Ok(()) } else { Err(format!("paylera-signature has no v1={right}")) }
}

fn digest(secret: &str, t: i64, body: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return Vec::new() };
    mac.update(format!("{t}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_facts() {
        let digest = digest("whsec_test_secret", 1_736_179_200, br#"{"id":"evt_1","type":"invoice.paid"}"#);
        assert_eq!(hex(&digest), "bd8795ee1fc65174977e1ec17bd330b473c3c691ba9ebf241e472cef6c49866a");
    }
}
