//! Rate limits of the sandbox: a tenth of the live ones, by group of routes.
//!
//! Facts: paylera §1.4.

use http::Method;

use crate::api::{Fault, Kind, Limit, Reply, Standing};

/// The group that a request counts towards. A batch of usage counts as one request here.
pub fn limit(method: &Method, path: &str) -> Limit {
    let under = |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let (group, per_second) = match () {
        () if under("/v1/admin") => ("admin", 5),
        () if *method == Method::GET => ("reads", 100),
        () if under("/v1/usage") => ("usage", 500),
        () if under("/v1/payments") || under("/v1/refunds") || under("/v1/payouts") => ("money", 10),
        () => ("writes", 20),
    };
    Limit { group, per_second }
}

pub fn exceeded(standing: Standing) -> Fault {
    let message = format!("More than {} requests of this group in a second", standing.limit);
    Fault::new(Kind::TooManyRequests, message).with_code("rate_limit.exceeded")
}

/// The three headers that go with every answer, and how long to wait where it is a refusal.
pub fn told(reply: Reply, standing: Option<Standing>) -> Reply {
    let Some(standing) = standing else { return reply };
    let too_many = reply.status == 429;
    let reply = reply
        .with_header("x-ratelimit-limit", standing.limit.to_string())
        .with_header("x-ratelimit-remaining", standing.remaining.to_string())
        .with_header("x-ratelimit-reset", standing.reset.to_string());
    if too_many { reply.with_header("retry-after", "1") } else { reply }
}
