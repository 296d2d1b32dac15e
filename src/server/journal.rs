//! The requests that a world has answered lately.
//!
//! Their texts stand one behind the other in a ring of bytes. On the heap, each on its own, a thousand requests are
//! thousands of blocks that have left every cache when their time comes to go: each new request would wait for memory to
//! give back an old one's.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::api::{Entry, Request};
use crate::contract::{Place, Violation};

/// How many requests are kept, and how much of their texts in all: a test makes tens of requests, and a sandbox
/// has many worlds.
const KEPT_MOST: usize = 1_000;
const BYTES_MOST: usize = 4 << 20;
/// Of one body: longer ones are lists and exports.
const BODY_MOST: usize = 16 << 10;

/// The journal of one world.
#[derive(Default)]
pub(super) struct Journal {
    kept: Mutex<Kept>,
    pub(super) arrived: Notify,
}

/// What a request and its answer say.
pub(super) struct Texts<'a> {
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a [u8],
    pub(super) answer: &'a [u8],
    pub(super) violations: &'a [Violation],
}

#[derive(Default)]
struct Kept {
    next: u64,
    bytes: usize,
    notes: VecDeque<Note>,
    /// Those of all notes: of each its path, body, answer and violations.
    texts: VecDeque<u8>,
}

/// A request whose texts stand elsewhere: here is how long they are.
struct Note {
    entry: Entry,
    path: usize,
    body: usize,
    answer: usize,
    violations: Box<[Told]>,
}

/// A violation, the same way.
struct Told {
    place: Place,
    rule: &'static str,
    pointer: usize,
    message: usize,
    suggestion: Option<usize>,
}

impl Journal {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request; its number is given here.
    pub(super) fn note(&self, entry: Entry, texts: &Texts<'_>) {
        self.kept().add(entry, texts);
        self.arrived.notify_waiters();
    }

    /// Those that are kept from a number on.
    pub(super) fn from(&self, number: u64) -> Vec<Request> {
        self.kept().from(number)
    }

    /// How many there have been in all.
    pub(super) fn total(&self) -> u64 {
        self.kept().next
    }
}

impl Kept {
    fn add(&mut self, mut entry: Entry, texts: &Texts<'_>) {
        entry.number = self.next;
        self.next += 1;
        let path = self.write(texts.path.as_bytes());
        let query = texts.query.map_or(0, |query| self.write(b"?") + self.write(query.as_bytes()));
        let (body, answer) = (self.write(part(texts.body)), self.write(part(texts.answer)));
        let violations = texts.violations.iter().map(|violation| self.tell(violation)).collect();
        let note = Note { entry, path: path + query, body, answer, violations };
        self.bytes += note.size();
        self.notes.push_back(note);
        while self.notes.len() > KEPT_MOST || self.bytes > BYTES_MOST {
            let Some(oldest) = self.notes.pop_front() else { break };
            self.bytes -= oldest.size();
            self.texts.drain(..oldest.text());
        }
    }

    fn tell(&mut self, violation: &Violation) -> Told {
        let Violation { place, pointer, rule, message, suggestion } = violation;
        let [pointer, message] = [pointer, &**message].map(|text| self.write(text.as_bytes()));
        let suggestion = suggestion.as_ref().map(|text| self.write(text.as_bytes()));
        Told { place: *place, rule, pointer, message, suggestion }
    }

    fn write(&mut self, text: &[u8]) -> usize {
        self.texts.extend(text);
        text.len()
    }

    fn from(&self, number: u64) -> Vec<Request> {
        let first = self.notes.front().map_or(0, |note| note.entry.number);
        let skipped = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX).min(self.notes.len());
        let at = self.notes.range(..skipped).map(Note::text).sum();
        let mut reader = Reader { texts: self.texts.as_slices(), at };
        self.notes.range(skipped..).map(|note| reader.request(note)).collect()
    }
}

impl Note {
    /// How long its texts are.
    fn text(&self) -> usize {
        let told = |told: &Told| told.pointer + told.message + told.suggestion.unwrap_or_default();
        self.path + self.body + self.answer + self.violations.iter().map(told).sum::<usize>()
    }

    /// What it takes, about: a path may be as long as a head, and a body wrong in many places.
    fn size(&self) -> usize {
        self.text() + size_of_val(&*self.violations)
    }
}

/// Reads texts in the order in which they were written.
struct Reader<'k> {
    texts: (&'k [u8], &'k [u8]),
    at: usize,
}

impl Reader<'_> {
    fn request(&mut self, note: &Note) -> Request {
        Request {
            entry: note.entry.clone(),
            path: self.text(note.path),
            body: self.bytes(note.body),
            answer: self.bytes(note.answer),
            violations: note.violations.iter().map(|told| self.violation(told)).collect(),
        }
    }

    fn violation(&mut self, told: &Told) -> Violation {
        Violation {
            place: told.place,
            rule: told.rule,
            pointer: self.text(told.pointer),
            message: self.text(told.message).into(),
            suggestion: told.suggestion.map(|length| self.text(length)),
        }
    }

    /// A text that was written as one.
    fn text(&mut self, length: usize) -> String {
        String::from_utf8(self.bytes(length)).unwrap_or_default()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let (start, end) = (self.at, self.at + length);
        self.at = end;
        let (first, second) = self.texts;
        let of = |slice: &[u8], before: usize| {
            let [start, end] = [start, end].map(|place| place.saturating_sub(before).min(slice.len()));
            start..end
        };
        [&first[of(first, 0)], &second[of(second, first.len())]].concat()
    }
}

/// The beginning of a body that is long.
fn part(body: &[u8]) -> &[u8] {
    &body[..body.len().min(BODY_MOST)]
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn entry(status: u16) -> Entry {
        let at = "2028-02-29T00:00:00Z".parse().expect("an instant");
        Entry {
            number: 0,
            received_at: at,
            at,
            method: Method::POST,
            operation: Some("createPlan"),
            status,
            fault: None,
            events: 0..0,
            epoch: 0,
        }
    }

    #[test]
    fn what_was_noted_is_read_back_however_often_the_ring_has_turned() {
        let journal = Journal::default();
        let body = |n: u64| format!("{n}").repeat(usize::try_from(n % 700).expect("small"));
        for n in 0..3_500_u64 {
            let violation = Violation::body(format!("/{n}"), "type", format!("is {n}, not a name"));
            let violations = [Violation { suggestion: Some(format!("naïve {n}")), ..violation }];
            let (path, text) = (format!("/v0/plans/{n}"), body(n));
            let texts = Texts {
                path: &path,
                query: (n % 2 == 0).then_some("dry=1"),
                body: text.as_bytes(),
                answer: b"{}",
                violations: if n % 3 == 0 { &violations } else { &[] },
            };
            journal.note(entry(201), &texts);
        }
        let kept = journal.from(0);
        assert_eq!((journal.total(), kept.len()), (3_500, KEPT_MOST));
        for (n, request) in (2_500..).zip(&kept) {
            let query = if n % 2 == 0 { "?dry=1" } else { "" };
            assert_eq!((request.entry.number, &*request.path), (n, &*format!("/v0/plans/{n}{query}")));
            assert_eq!((request.body.as_slice(), request.answer.as_slice()), (body(n).as_bytes(), &b"{}"[..]));
            let told: Vec<String> = request.violations.iter().map(ToString::to_string).collect();
            assert_eq!(told, if n % 3 == 0 { vec![format!("/{n} type: is {n}, not a name")] } else { vec![] });
            let suggested = request.violations.first().and_then(|violation| violation.suggestion.clone());
            assert_eq!(suggested, (n % 3 == 0).then(|| format!("naïve {n}")));
        }
        assert_eq!(journal.from(3_499).len(), 1);
        assert_eq!(journal.from(9_999).len(), 0);
    }

    #[test]
    fn long_texts_are_cut_and_many_of_them_forgotten() {
        let journal = Journal::default();
        let long = vec![b'x'; BODY_MOST + 1];
        for _ in 0..600 {
            let texts = Texts { path: "/", query: None, body: &long, answer: &long, violations: &[] };
            journal.note(entry(200), &texts);
        }
        let kept = journal.from(0);
        assert!(kept.iter().all(|request| request.body.len() == BODY_MOST && request.answer.len() == BODY_MOST));
        assert_eq!(kept.len(), BYTES_MOST / (2 * BODY_MOST + 1));
        let path = "/".repeat(BYTES_MOST + 1);
        journal.note(entry(404), &Texts { path: &path, query: None, body: b"", answer: b"", violations: &[] });
        assert_eq!((journal.from(0).len(), journal.total()), (0, 601));
        journal.note(entry(200), &Texts { path: "/", query: None, body: b"b", answer: b"a", violations: &[] });
        assert_eq!((journal.from(0)[0].body.as_slice(), journal.from(0)[0].answer.as_slice()), (&b"b"[..], &b"a"[..]));
    }
}
