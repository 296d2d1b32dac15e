//! What a desk's `OpenAPI` document says of refusals: which there can be, and how they look, by asking for one of each.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::Value;

use super::{Body, Fault, Kind, Reply};
use crate::contract::{Front, Header, Refusal, Violation};

/// What an API says of itself beyond its rows and contracts.
pub struct Described<'a, A> {
    pub front: Front<'a>,
    /// Whether a row has behaviour.
    pub built: &'a dyn Fn(&A) -> bool,
    /// Whether an operation needs no key.
    pub keyless: &'a dyn Fn(&str) -> bool,
    /// A body that an operation takes, where there is an example.
    pub example: &'a dyn Fn(&str) -> Option<Value>,
    /// A header that every request of this method may bring: one by which it happens once, where the vendor has such.
    pub brings: &'a dyn Fn(&Method) -> Option<Header>,
    /// Nouns of which nobody is refused anything for want of credentials.
    pub open: &'a [&'static str],
    /// A refusal as it goes out.
    pub refuse: &'a dyn Fn(&Fault) -> Reply,
}

/// What can be told of a row's refusals without asking its handler.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a trait of its own")]
pub(super) struct Traits {
    pub built: bool,
    pub writes: bool,
    pub takes_body: bool,
    pub keyed: bool,
}

impl Traits {
    /// The kinds of refusal that a request for the row may meet. Any may name what is not there (in its path, its query
    /// or its body); only one that changes something can be against a rule or a state.
    fn kinds(self) -> impl Iterator<Item = Kind> {
        const ALWAYS: [Kind; 9] = [
            Kind::Invalid,
            Kind::BadRequest,
            Kind::Unauthorized,
            Kind::Forbidden,
            Kind::NotFound,
            Kind::TooLarge,
            Kind::TooManyRequests,
            Kind::Internal,
            Kind::Unavailable,
        ];
        let writing = [Kind::Conflict, Kind::Unprocessable].into_iter().filter(move |_| self.writes);
        let reading = self.takes_body.then_some(Kind::UnsupportedMediaType);
        let always =
            ALWAYS.into_iter().filter(move |kind| self.keyed || !matches!(kind, Kind::Unauthorized | Kind::Forbidden));
        always.chain(writing).chain(reading).chain((!self.built).then_some(Kind::NotBuilt))
    }

    /// One refusal for each status, as the API words it.
    pub(super) fn refusals(self, refuse: &dyn Fn(&Fault) -> Reply) -> Vec<Refusal> {
        let probe = |kind| refuse(&Fault::new(kind, "").with_violation(Violation::body("", "", "-")));
        let by_status: BTreeMap<u16, Reply> = self.kinds().map(probe).map(|reply| (reply.status, reply)).collect();
        by_status.into_values().map(refusal).collect()
    }
}

fn refusal(reply: Reply) -> Refusal {
    let (types, headers): (Vec<_>, Vec<_>) = reply.headers.into_iter().partition(|(name, _)| name == "content-type");
    let content_type = match (types.into_iter().next(), reply.body) {
        (Some((_, named)), _) => named,
        (None, Body::Other(named, _)) => named.into_owned(),
        (None, Body::Json(_) | Body::Empty) => "application/json".to_owned(),
    };
    let reason = StatusCode::from_u16(reply.status).ok().and_then(|status| status.canonical_reason());
    Refusal {
        status: reply.status,
        reason: reason.unwrap_or("Refused"),
        content_type,
        headers: headers.into_iter().map(|(name, _)| name.into_owned()).collect(),
    }
}
