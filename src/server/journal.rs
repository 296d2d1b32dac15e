//! The requests that a world has answered lately.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::api::{Request, Requests};
use crate::contract::Violation;

/// How many requests are kept, and how much of their texts in all: a test makes tens of requests, and a sandbox
/// has many worlds.
const KEPT_MOST: usize = 1_000;
const BYTES_MOST: usize = 4 << 20;
/// Of one body: longer ones are lists and exports.
const BODY_MOST: usize = 16 << 10;

/// Of a violation beside its texts.
const VIOLATION_BYTES: usize = 128;

/// The journal of one world.
#[derive(Default)]
pub(super) struct Journal {
    kept: Mutex<Kept>,
    pub(super) arrived: Notify,
}

#[derive(Default)]
struct Kept {
    next: u64,
    bytes: usize,
    requests: VecDeque<Arc<Request>>,
}

impl Journal {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request; its number is given here.
    pub(super) fn note(&self, mut request: Request) {
        request.body = part(request.body);
        request.answer = part(request.answer);
        let mut kept = self.kept();
        request.number = kept.next;
        kept.next += 1;
        kept.bytes += size(&request);
        kept.requests.push_back(Arc::new(request));
        while kept.requests.len() > KEPT_MOST || kept.bytes > BYTES_MOST {
            let Some(oldest) = kept.requests.pop_front() else { break };
            kept.bytes -= size(&oldest);
        }
        drop(kept);
        self.arrived.notify_waiters();
    }

    /// Those that are kept from a number on.
    pub(super) fn from(&self, number: u64) -> Requests {
        let kept = self.kept();
        let first = kept.requests.front().map_or(0, |request| request.number);
        let skipped = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
        kept.requests.iter().skip(skipped).cloned().collect()
    }

    /// How many there have been in all.
    pub(super) fn total(&self) -> u64 {
        self.kept().next
    }
}

/// What a request takes, about: a path may be as long as a head, and a body wrong in many places.
fn size(request: &Request) -> usize {
    let told = |violation: &Violation| violation.pointer.len() + violation.message.len() + VIOLATION_BYTES;
    let told: usize = request.violations.iter().map(told).sum();
    request.path.len() + request.body.len() + request.answer.len() + told
}

/// The beginning of a body that is long, on its own: a part would keep the whole.
fn part(body: Bytes) -> Bytes {
    if body.len() <= BODY_MOST { body } else { Bytes::copy_from_slice(&body[..BODY_MOST]) }
}
