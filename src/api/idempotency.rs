//! Idempotency keys: the same request under the same key has one effect and one answer.
//!
//! Machinery that a provider switches on ([`super::Provider::idempotency`]). The answers stand in the provider's
//! state, so that a world that is forked or rewound knows what it has answered.

use std::sync::Arc;

use http::{HeaderMap, Method};
use imbl::{HashMap, OrdMap};
use serde::{Deserialize, Serialize};

use super::{Fault, Reply};
use crate::contract::{Header, Place, Violation};
use crate::time::{Cadence, Timestamp};
use crate::world::{hash, pairs, seed};

/// How many answers a world remembers: a frozen clock would never let one go.
const ANSWERS_KEPT: usize = 10_000;

/// How a vendor treats its keys.
pub struct Idempotency<S> {
    pub header: &'static str,
    /// The longest key, in bytes.
    pub longest: usize,
    /// Whether a request needs a key; others may bring one, but for those that it ignores.
    pub rule: fn(&Method) -> Need,
    /// How long an answer is remembered, on the world's clock.
    pub life: Cadence,
    pub answers: fn(&mut S) -> &mut Answers,
    pub missing: fn() -> Fault,
    /// The key was used with another body.
    pub mismatch: fn() -> Fault,
    /// The first request under this key has not been answered yet.
    pub running: fn() -> Fault,
}

/// Whether a request needs a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    Ignored,
}

/// One request under a key: operation, key, and what it asks for.
#[derive(Debug, Clone)]
pub struct Slip {
    /// The operation's path as it was called, and the key.
    scope: Arc<str>,
    body: u64,
}

impl<S> Idempotency<S> {
    /// What a request of this method may bring.
    #[must_use]
    pub fn described(&self, method: &Method) -> Option<Header> {
        let need = (self.rule)(method);
        let required = need == Need::Required;
        (need != Need::Ignored).then_some(Header { name: self.header, required, longest: self.longest })
    }

    /// The slip of a request; `None` where keys do not matter.
    ///
    /// # Errors
    /// If it needs a key and brings none, or one that is too long.
    pub fn slip(&self, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<Option<Slip>, Fault> {
        let key = headers.get(self.header).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match (self.rule)(method) {
            Need::Ignored => return Ok(None),
            Need::Optional if key.is_empty() => return Ok(None),
            Need::Required if key.is_empty() => return Err((self.missing)()),
            Need::Required | Need::Optional => {}
        }
        if key.len() > self.longest {
            let pointer = format!("/{}", self.header);
            let message = format!("is longer than {} bytes", self.longest);
            let violation = Violation::new(Place::Header, pointer, "maxLength", message);
            return Err(Fault::violations(vec![violation]));
        }
        Ok(Some(Slip { scope: format!("{method} {path} {key}").into(), body: hash(0, body) }))
    }
}

impl Slip {
    /// What no two requests may be at once.
    #[must_use]
    pub fn scope(&self) -> &Arc<str> {
        &self.scope
    }
}

/// What has been answered under which key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Answers {
    #[serde(with = "pairs")]
    known: HashMap<Arc<str>, Kept>,
    /// By when they are forgotten, then by their order.
    #[serde(with = "pairs")]
    expiries: OrdMap<(Timestamp, u64), Arc<str>>,
    count: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(with = "seed")]
    body: u64,
    reply: Reply,
    expires_at: Timestamp,
}

/// What is known of a slip.
pub enum Known {
    Nothing,
    /// The same request: its answer.
    Same(Reply),
    /// Another request under the same key.
    Other,
}

impl Answers {
    #[must_use]
    pub fn look(&self, slip: &Slip, now: Timestamp) -> Known {
        match self.known.get(&slip.scope).filter(|kept| kept.expires_at > now) {
            None => Known::Nothing,
            Some(kept) if kept.body == slip.body => Known::Same(kept.reply.clone()),
            Some(_) => Known::Other,
        }
    }

    /// Remembers an answer, and forgets what has expired or is too much.
    pub fn keep(&mut self, slip: &Slip, reply: Reply, now: Timestamp, life: Cadence) {
        let expires_at = life.after(now, 1).unwrap_or(Timestamp::MAX);
        while let Some(((expiry, number), scope)) = self.expiries.get_min().map(|(at, scope)| (*at, Arc::clone(scope)))
        {
            if expiry > now && self.known.len() < ANSWERS_KEPT {
                break;
            }
            self.expiries.remove(&(expiry, number));
            self.known.remove(&scope);
        }
        self.expiries.insert((expires_at, self.count), Arc::clone(&slip.scope));
        self.count += 1;
        self.known.insert(Arc::clone(&slip.scope), Kept { body: slip.body, reply, expires_at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slip(scope: &str, body: &[u8]) -> Slip {
        Slip { scope: scope.into(), body: hash(0, body) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("instant")
    }

    #[test]
    fn an_answer_is_given_again_until_it_is_forgotten() {
        let mut answers = Answers::default();
        let life = Cadence::seconds(10);
        answers.keep(&slip("a", b"1"), Reply::none(), at(0), life);
        assert!(matches!(answers.look(&slip("a", b"1"), at(9)), Known::Same(reply) if reply.status == 204));
        assert!(matches!(answers.look(&slip("a", b"2"), at(9)), Known::Other));
        assert!(matches!(answers.look(&slip("b", b"1"), at(9)), Known::Nothing));
        assert!(matches!(answers.look(&slip("a", b"2"), at(10)), Known::Nothing));
        answers.keep(&slip("b", b"1"), Reply::none(), at(10), life);
        assert_eq!((answers.known.len(), answers.expiries.len()), (1, 1));
    }

    #[test]
    fn a_frozen_clock_does_not_fill_the_memory() {
        let mut answers = Answers::default();
        for n in 0..ANSWERS_KEPT + 5 {
            answers.keep(&slip(&n.to_string(), b""), Reply::none(), at(0), Cadence::days(1));
        }
        assert_eq!(answers.known.len(), ANSWERS_KEPT);
        assert!(matches!(answers.look(&slip("0", b""), at(0)), Known::Nothing));
    }
}
