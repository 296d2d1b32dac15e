//! The pair of key and secret, in three spellings, and the vendor's live hosts.
//!
//! Facts: paymennt §1.1 (hosts), §1.2 (headers). The two do not look live or not: only the host tells.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::HOST;

use crate::api::{Fault, KeyPolicy, Kind, WorldKey};
use crate::contract::{Place, Violation};

/// Key and secret as they are spelt: the canonical pair first.
const PAIRS: [(&str, &str); 3] = [
    ("x-paymennt-api-key", "x-paymennt-api-secret"),
    ("x-pointcheckout-api-key", "x-pointcheckout-api-secret"),
    ("x-pointcheckout-key", "x-pointcheckout-secret"),
];
const LIVE_HOSTS: [&str; 2] = ["api.paymennt.com", "api.pointcheckout.com"];
/// What the control API's credentials put between key and secret.
const BETWEEN: char = ':';

/// Each pair opens a world: the same key with another secret opens another.
pub fn key(headers: &HeaderMap, policy: KeyPolicy) -> Result<WorldKey<'_>, Fault> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default();
    let host = text(HOST.as_str()).split(':').next().unwrap_or_default();
    if LIVE_HOSTS.contains(&host) && !policy.allow_live {
        let advice = format!("{host} is the live API: use api.test.paymennt.com, or start with --allow-live-keys");
        return Err(refused("host", "A request for the live API was sent to the sandbox", advice));
    }
    for (key, secret) in PAIRS {
        match (text(key), text(secret)) {
            ("", "") => {}
            ("", _) => return Err(half(key, secret)),
            (_, "") => return Err(half(secret, key)),
            (key, secret) => {
                return Ok(WorldKey { name: format!("{key}{BETWEEN}{secret}").into(), role: None });
            }
        }
    }
    let (key, secret) = PAIRS[0];
    let advice = format!("send {key} and {secret} with anything in them; every pair opens a world of its own");
    Err(refused(key, "API key and secret are missing", advice))
}

fn half(missing: &str, sent: &str) -> Fault {
    refused(missing, "Half of the API key pair is missing", format!("{sent} was sent without {missing}"))
}

fn refused(header: &str, message: &'static str, advice: impl Into<Cow<'static, str>>) -> Fault {
    let violation = Violation::new(Place::Header, format!("/{header}"), "key", advice);
    Fault::new(Kind::Unauthorized, message).with_violation(violation)
}

/// `KEY:SECRET` as the canonical pair.
pub fn credentials(pair: &str) -> Vec<(&'static str, String)> {
    let (key, secret) = pair.split_once(BETWEEN).unwrap_or((pair, pair));
    let (key_header, secret_header) = PAIRS[0];
    vec![(key_header, key.to_owned()), (secret_header, secret.to_owned())]
}
