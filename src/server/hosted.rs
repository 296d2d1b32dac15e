//! A provider behind its mount: key → world → desk → handler on the world → commit → reply.

use std::ops::Range;
use std::sync::Arc;

use http::{HeaderMap, Method};
use include_dir::Dir;
use serde_json::Value;

use super::explain;
use super::paged::Pages;
use super::slot::{Course, Slot};
use super::worlds::{Full, Worlds};
use crate::api::{
    Action, Answer, Call, Deliver, Described, Desk, Exchange, Fault, Idempotency, Keeper, KeyPolicy, Kind, Known,
    Mount, OperationInfo, Provider, Reply, Route, Settings, Slip, Standing, Visitor, WorldKey, check_answer, warn,
};
use crate::contract::{Contract, Front, Registry, Source, Violation};
use crate::time::Timestamp;
use crate::world::{Advance, Bound, ClockId, World};

/// Keeps a request out of the journal.
const QUIET_HEADER: &str = "leapday-quiet";

/// One provider with its worlds.
pub struct Hosted<P: Provider> {
    pub(super) desk: Desk<Action<P::State>>,
    pages: Pages<P>,
    pub(super) worlds: Worlds<P>,
    pub(super) settings: Arc<Settings>,
}

impl<P: Provider> Hosted<P> {
    /// # Errors
    /// If two rows of the provider would answer the same request.
    pub fn new(settings: Arc<Settings>) -> Result<Self, String> {
        let desk =
            Desk::new(Registry::new(P::schemas()), P::nouns()).map_err(|error| format!("{}: {error}", P::NAME))?;
        let pages =
            Pages::new(P::pages(), settings.standalone_pages).map_err(|error| format!("{}: {error}", P::NAME))?;
        if let Some(secret) = settings.webhook.as_ref().and_then(|webhook| webhook.secret.as_deref()) {
            (P::webhooks().check_secret)(secret)
                .map_err(|why| format!("the webhook secret {why} ({} signs with it)", P::NAME))?;
        }
        Ok(Self { desk, pages, worlds: Worlds::new(Arc::clone(&settings)), settings })
    }

    pub(super) fn key<'r>(&self, headers: &'r HeaderMap) -> Result<WorldKey<'r>, Fault> {
        P::key(headers, KeyPolicy { allow_live: self.settings.allow_live_keys })
    }

    pub(super) fn open(&self, key: &str, wall: Timestamp) -> Result<Arc<Slot<P>>, Fault> {
        self.worlds.open(key, || self.make(key, self.beginning(), wall))
    }

    /// The inner way of a request: may refuse at any step.
    fn inner<'a>(
        &'a self,
        slot: Arc<Slot<P>>,
        key: WorldKey<'a>,
        route: Route<'a, 'a, Action<P::State>>,
        exchange: &Exchange<'a>,
    ) -> Result<Answer<'a, Outcome>, Fault> {
        let (id, action, head) = (route.id, route.action, exchange.head);
        if let Some(role) = key.role {
            P::may(role, &Visitor { operation: id, path: exchange.path, reads: head.method == Method::GET })?;
        }
        let keys = P::idempotency();
        let slip = keys.map(|keys| keys.slip(&head.method, exchange.path, &head.headers, exchange.body));
        let slip = slip.transpose()?.flatten();
        let role = key.role;
        let admitted = route.admit(exchange).map(|(call, hints)| (Call { role, ..call }, hints));
        // A refusal that is not remembered needs no world.
        let admitted = if slip.is_some() { admitted } else { Ok(admitted?) };
        match action {
            Action::Read(handler) => {
                let (call, hints) = admitted?;
                let world = slot.read(call.wall);
                let found = handler(&world, &call)?;
                if let Some(role) = role {
                    P::may_see(&world, role, &found)?;
                }
                Ok(Answer::Now(Outcome { result: Ok(warn(found, &hints)), events: 0..0, refused: Vec::new() }))
            }
            Action::Write(handler) => {
                let act = |world: &mut World<P::State>| {
                    let (call, hints) = admitted?;
                    Ok(warn(handler(world, &call)?, &hints))
                };
                let (mut events, mut refused) = (0..0, Vec::new());
                let change = |world: &mut World<P::State>| {
                    let first = world.event_count();
                    let reply = match keys.zip(slip.as_ref()) {
                        None => act(world),
                        Some((keys, slip)) => self.once(world, keys, slip, exchange, |world| {
                            act(world).inspect_err(|fault: &Fault| refused.clone_from(&fault.violations))
                        }),
                    };
                    events = first..world.event_count();
                    reply
                };
                let _only = match keys.zip(slip.as_ref()) {
                    Some((keys, slip)) => Some(slot.running.claim(Arc::clone(slip.scope())).ok_or_else(keys.running)?),
                    None => None,
                };
                let result = slot.change(exchange.wall, Fault::from, change);
                // What did not come to pass told nobody of anything.
                let events = if result.is_ok() { events } else { 0..0 };
                Ok(Answer::Now(Outcome { result, events, refused }))
            }
            Action::Advance(plan, arrival) => {
                let (call, hints) = admitted?;
                Ok(Answer::Later(Box::pin(async move {
                    let plan = |world: &mut World<P::State>| {
                        let (clock, to) = plan(world, &call)?;
                        Ok((Course { clock, to, most: world.timers_per_advance() }, world.event_count()))
                    };
                    let arrived = |world: &mut World<P::State>, advance: &Advance, first| {
                        Ok((arrival(world, &call, advance)?, first..world.event_count()))
                    };
                    match slot.advance(Deliver::Settle, plan, arrived).await {
                        Ok((reply, events)) => Outcome { result: Ok(warn(reply, &hints)), events, refused: Vec::new() },
                        Err(fault) => Outcome::from(fault),
                    }
                })))
            }
            Action::Planned => {
                admitted?;
                let message = format!("{id} is in the contract; its behaviour is not built yet");
                Err(Fault::not_built(message))
            }
        }
    }

    /// Does something once for all requests under one key. A refusal is an answer too: it is remembered, and changes
    /// nothing else.
    fn once(
        &self,
        world: &mut World<P::State>,
        keys: &Idempotency<P::State>,
        slip: &Slip,
        exchange: &Exchange<'_>,
        act: impl FnOnce(&mut World<P::State>) -> Result<Reply, Fault>,
    ) -> Result<Reply, Fault> {
        let now = world.now(ClockId::WORLD);
        match (keys.answers)(&mut world.state).look(slip, now) {
            Known::Same(reply) => return Ok(reply),
            Known::Other => return Err((keys.mismatch)()),
            Known::Nothing => {}
        }
        let before = world.clone();
        let reply = act(world).unwrap_or_else(|fault| {
            *world = before;
            self.refuse_at(&fault, exchange.path)
        });
        (keys.answers)(&mut world.state).keep(slip, reply.clone(), now, keys.life);
        Ok(reply)
    }

    /// The answer as it goes out.
    fn checked(&self, contract: &Contract, path: &str, reply: Reply) -> Reply {
        if self.settings.strict { check_answer(contract, reply, |fault| self.refuse_at(&fault, path)) } else { reply }
    }

    fn refuse_at(&self, fault: &Fault, path: &str) -> Reply {
        explain(P::refuse(fault, path), fault, self.settings.explain)
    }

    /// The answer to a request of the API, as the vendor dresses it.
    fn call<'a>(&'a self, exchange: &'a Exchange<'a>) -> Answer<'a, Reply> {
        let headers = &exchange.head.headers;
        let refuse = |fault: &Fault| Answer::Now(P::dress(self.refuse_at(fault, exchange.path), headers, None));
        // Who asks comes first: without a key nobody learns what is here.
        let key = match self.key(headers) {
            Ok(key) => key,
            Err(fault) => return refuse(&fault),
        };
        let slot = match self.open(&key.name, exchange.wall) {
            Ok(slot) => slot,
            Err(fault) => return refuse(&fault),
        };
        slot.touch(exchange.wall);
        let route = self.desk.route(exchange);
        let operation = route.as_ref().ok().map(|route| route.id);
        let injected = match self.injected(&slot, &key, operation, exchange) {
            Ok(injected) => injected,
            Err(fault) => return refuse(&fault),
        };
        let standing =
            P::limit(&exchange.head.method, exchange.path).map(|limit| slot.meter.count(limit, exchange.wall));
        let served = Arc::clone(&slot);
        let serve = move || match standing.filter(|standing| standing.exceeded && self.settings.rate_limits) {
            Some(standing) => Answer::Now(self.sent(Outcome::from(P::too_many(standing)), None, exchange)),
            None => match route {
                Ok(route) => {
                    let contract = route.contract;
                    let outcome = self.inner(served, key, route, exchange);
                    let outcome = outcome.unwrap_or_else(|fault| Answer::Now(Outcome::from(fault)));
                    outcome.map(move |outcome| self.sent(outcome, Some(contract), exchange))
                }
                Err(fault) => Answer::Now(self.sent(Outcome::from(fault), None, exchange)),
            },
        };
        let answer = match injected {
            None => serve(),
            Some(injection) => self.spoil(injection, exchange, serve),
        };
        answer.map(move |sent| {
            // Those who only look around leave no trace.
            if !headers.contains_key(QUIET_HEADER) {
                slot.note(exchange, operation, injected, &sent);
            }
            P::dress(sent.reply, headers, standing)
        })
    }

    pub(super) fn sent(&self, outcome: Outcome, contract: Option<&Contract>, exchange: &Exchange<'_>) -> Sent {
        let Outcome { result, events, refused } = outcome;
        let (reply, violations) = match result {
            Ok(reply) => (reply, refused),
            Err(fault) => (self.refuse_at(&fault, exchange.path), fault.violations),
        };
        let reply = match contract {
            Some(contract) => self.checked(contract, exchange.path, reply),
            None => reply,
        };
        Sent { reply, violations, events }
    }
}

/// What came of a request, and the events that it caused.
pub(super) struct Outcome {
    result: Result<Reply, Fault>,
    events: Range<usize>,
    /// What was wrong where the refusal is an answer that is remembered.
    refused: Vec<Violation>,
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        Self { result: Err(fault), events: 0..0, refused: Vec::new() }
    }
}

/// The same with the reply as it goes out.
pub(super) struct Sent {
    pub(super) reply: Reply,
    pub(super) violations: Vec<Violation>,
    pub(super) events: Range<usize>,
}

/// The example requests of all nouns, by operation.
fn examples(files: &Dir<'_>) -> serde_json::Map<String, Value> {
    let parsed = files.files().filter_map(|file| serde_json::from_slice::<serde_json::Map<_, _>>(file.contents()).ok());
    let request = |(operation, mut example): (_, Value)| Some((operation, example.get_mut("request")?.take()));
    parsed.flatten().filter_map(request).collect()
}

impl From<Bound> for Fault {
    fn from(bound: Bound) -> Self {
        match bound {
            Bound::Timers(_) | Bound::Rows(_) | Bound::Events(_) => {
                let advice = "POST /_leapday/world/reset starts it anew";
                Self::new(Kind::Unavailable, format!("With this the world would hold more than {bound}: {advice}"))
            }
            Bound::Endpoints | Bound::Rules | Bound::Scripts => {
                Self::conflict(format!("This world has {bound}, as many as it may: drop one"))
            }
        }
    }
}

impl From<Full> for Fault {
    fn from(full: Full) -> Self {
        let message = format!("This sandbox holds {} worlds, as many as --max-worlds allows", full.most);
        Self::new(Kind::Unavailable, message)
    }
}

impl<P: Provider> Mount for Hosted<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn hosts(&self) -> &'static [&'static str] {
        P::HOSTS
    }

    fn path<'r>(&self, path: &'r str) -> &'r str {
        P::path(path)
    }

    fn secret<'r>(&self, path: &'r str) -> Option<&'r str> {
        self.pages.token(path)
    }

    fn answer<'a>(&'a self, exchange: &'a Exchange<'a>) -> Answer<'a, Reply> {
        if let Some(page) = self.pages.answer(&self.worlds, exchange) {
            return Answer::Now(page);
        }
        self.call(exchange)
    }

    fn refuse(&self, fault: &Fault) -> Reply {
        self.refuse_at(fault, "")
    }

    fn operations(&self) -> Vec<OperationInfo> {
        self.desk.operations(|action| !matches!(action, Action::Planned))
    }

    fn source(&self, noun: &str, operation: &str) -> Option<Source> {
        self.desk.source(noun, operation)
    }

    fn check(&self) -> Vec<String> {
        let mut problems = self.desk.check();
        problems.extend(super::check::fixtures(P::fixtures(), &self.desk));
        problems
    }

    fn openapi(&self, server: &str) -> Value {
        let credentials: Vec<&'static str> = P::credentials("key").into_iter().map(|(name, _)| name).collect();
        let title = format!("{} as Leapday emulates it", P::NAME);
        let (asked, full) = (HeaderMap::new(), Standing { limit: 0, remaining: 0, reset: 0, exceeded: true });
        let dress = |reply| P::dress(reply, &asked, Some(full));
        let headers = dress(Reply::none()).headers.into_iter().map(|(name, _)| name.into_owned()).collect();
        let examples = examples(P::fixtures());
        self.desk.openapi(&Described {
            front: Front { title: &title, server, credentials: &credentials, headers },
            built: &|action| !matches!(action, Action::Planned),
            keyless: &|_| false,
            example: &|operation| examples.get(operation).cloned(),
            open: &[],
            brings: &|method| P::idempotency().and_then(|keys| keys.described(method)),
            refuse: &|fault| dress(self.refuse_at(fault, "")),
        })
    }

    fn keeper(&self) -> Option<&dyn Keeper> {
        Some(self)
    }
}
