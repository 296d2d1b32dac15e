//! What is done to requests on purpose: drawn by the rules of their world or asked for by a header, and carried out.

use std::time::Duration;

use super::hosted::{Hosted, Outcome, Sent};
use super::slot::Slot;
use crate::api::{Answer, Exchange, Fate, Fault, Injection, Kind, Provider, Reply, WorldKey};
use crate::contract::{Place, Violation};

/// Asks for a fault at this one request.
const FAULT_HEADER: &str = "leapday-fault";
/// How long a request hangs before its connection is closed: clients give up much earlier.
const HANG_MOST: Duration = Duration::from_secs(300);

impl<P: Provider> Hosted<P> {
    /// What is done to a request on purpose: as its header asks, else by the rules of its world.
    pub(super) fn injected(
        &self,
        slot: &Slot<P>,
        key: &WorldKey<'_>,
        operation: Option<&str>,
        exchange: &Exchange<'_>,
    ) -> Result<Option<Injection>, Fault> {
        let Some(asked) = exchange.head.headers.get(FAULT_HEADER) else {
            let mut injections = slot.injections();
            return Ok(if injections.is_empty() {
                None
            } else {
                injections.draw(self.seed(&key.name), operation, exchange.path, exchange.wall)
            });
        };
        let asked = asked.to_str().unwrap_or_default();
        asked.parse().map(Some).map_err(|why: String| {
            let violation = Violation::new(Place::Header, "/leapday-fault", "enum", why);
            Fault::bad_request("The leapday-fault header asks for a fault that there is not").with_violation(violation)
        })
    }

    /// Serves a request, or does not, as an injection wants it.
    pub(super) fn spoil<'a>(
        &'a self,
        injection: Injection,
        exchange: &'a Exchange<'a>,
        serve: impl FnOnce() -> Answer<'a, Sent> + Send + 'a,
    ) -> Answer<'a, Sent> {
        let ends = |fate| move |sent: Sent| Sent { reply: Reply { fate, ..sent.reply }, ..sent };
        let never = |fate| Sent { reply: Reply { fate, ..Reply::none() }, violations: Vec::new(), events: 0..0 };
        match injection {
            Injection::Status(status) => {
                let fault = Fault::new(Kind::of(status), format!("Refused with {status} on purpose: nothing was done"));
                let mut sent = self.sent(Outcome::from(fault), None, exchange);
                sent.reply.status = status;
                if matches!(status, 429 | 503) {
                    sent.reply = sent.reply.with_header("retry-after", "1");
                }
                Answer::Now(sent)
            }
            Injection::Latency(latency) => Answer::Later(Box::pin(async move {
                tokio::time::sleep(latency).await;
                match serve() {
                    Answer::Now(sent) => sent,
                    Answer::Later(later) => later.await,
                }
            })),
            Injection::Hang => Answer::Later(Box::pin(async move {
                tokio::time::sleep(HANG_MOST).await;
                never(Fate::Lost)
            })),
            Injection::Reset => Answer::Now(never(Fate::Reset)),
            Injection::Truncate => serve().map(ends(Fate::Cut)),
            Injection::LoseAnswer => serve().map(ends(Fate::Lost)),
        }
    }
}
