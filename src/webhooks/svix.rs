//! Svix's scheme: HMAC-SHA-256 over `id.timestamp.body`, keyed with the decoded part of `whsec_…`.
//!
//! Facts: paygentic-behaviour §5 (headers, signature, retries).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Message, Received, Scheme};
use crate::time::Cadence;
use crate::world::hash;

const SECRET_PREFIX: &str = "whsec_";
/// Random bytes of a secret that Svix makes; it takes 24 to 64 from others.
const SECRET_BYTES: usize = 24;

pub static SVIX: Scheme = Scheme {
    message_prefix: "msg_",
    schedule: &[
        Cadence::seconds(0),
        Cadence::seconds(5),
        Cadence::seconds(5 * 60),
        Cadence::seconds(30 * 60),
        Cadence::seconds(2 * 3_600),
        Cadence::seconds(5 * 3_600),
        Cadence::seconds(10 * 3_600),
        Cadence::seconds(10 * 3_600),
    ],
    timeout: Duration::from_secs(15),
    strict_order: false,
    patience: None,
    new_secret,
    check_secret,
    headers,
    event_type: |body| body["eventType"].as_str().unwrap_or_default().to_owned(),
    verify,
};

fn new_secret(seed: u64) -> String {
    let words = (0..SECRET_BYTES / 8).flat_map(|n| hash(seed, &[b's', u8::try_from(n).unwrap_or(0)]).to_le_bytes());
    format!("{SECRET_PREFIX}{}", STANDARD.encode(words.collect::<Vec<u8>>()))
}

fn check_secret(secret: &str) -> Result<(), String> {
    match key(secret) {
        Some(bytes) if (SECRET_BYTES..=64).contains(&bytes.len()) => Ok(()),
        _ => Err(format!(
            "is not {SECRET_PREFIX} and the base64 of {SECRET_BYTES} to 64 bytes; leave it out to get one such as {}",
            new_secret(0)
        )),
    }
}

fn key(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()
}

fn headers(message: &Message<'_>) -> Vec<(&'static str, String)> {
    let timestamp = message.sent_at.second().to_string();
    let sign = |secret: &std::sync::Arc<str>| {
        format!("v1,{}", STANDARD.encode(digest(message.id, &timestamp, message.body, secret)))
    };
    let signature = message.secrets.iter().map(sign).collect::<Vec<_>>().join(" ");
    vec![("svix-id", message.id.to_owned()), ("svix-timestamp", timestamp), ("svix-signature", signature)]
}

fn verify(received: &Received<'_>) -> Result<(), String> {
    let [id, timestamp, signatures] = ["svix-id", "svix-timestamp", "svix-signature"].map(|name| received.header(name));
    let right = STANDARD.encode(digest(id?, timestamp?, received.body, received.secret));
    let mut signatures = signatures?.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let is_right = signatures.any(|signature| signature == right);
    if is_right { Ok(()) } else { Err(format!("svix-signature has no v1,{right}")) }
}

fn digest(id: &str, timestamp: &str, body: &[u8], secret: &str) -> Vec<u8> {
    // Secrets are checked when they are registered; HMAC takes keys of any length.
    let key = key(secret).unwrap_or_default();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return Vec::new() };
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    /// The vector with which Svix's own libraries test themselves.
    #[test]
    fn signs_as_svix_does() {
        let message = Message {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            delivery: "",
            event_type: "",
            secrets: &[std::sync::Arc::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
            sent_at: Timestamp::from_second(1_614_265_330).expect("instant"),
            body: br#"{"test": 2432232314}"#,
            signature: None,
        };
        let headers = headers(&message);
        assert_eq!(headers[1], ("svix-timestamp", "1614265330".to_owned()));
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// RFC 4231, test case 2, whose key is no secret of Svix's form: the digest alone.
    #[test]
    fn the_digest_is_hmac_sha_256() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("a key");
        mac.update(b"what do ya want for nothing?");
        let digest = mac.finalize().into_bytes();
        assert_eq!(STANDARD.encode(digest), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn secrets_follow_from_their_seed_and_are_of_svix_form() {
        assert_eq!(new_secret(7), new_secret(7));
        assert_ne!(new_secret(7), new_secret(8));
        assert_eq!(check_secret(&new_secret(7)), Ok(()));
        for wrong in ["", "whsec_", "whsec_short", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64 at all, is it"]
        {
            assert!(check_secret(wrong).is_err(), "{wrong}");
        }
    }
}
