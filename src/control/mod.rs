//! `/_leapday`: the control API. An API like the others (a table, a desk, schemas of its own) whose
//! handlers work on other APIs' worlds through their doors.

mod clock;
mod dashboard;
mod events;
mod faults;
mod gate;
mod journal;
mod messages;
mod payments;
mod service;
mod webhooks;
mod worlds;

use std::sync::Arc;

use http::request::Parts;
use include_dir::{Dir, include_dir};
use serde_json::{Value, json};

use self::gate::{CHALLENGE, NEEDS_TOKEN};
use crate::api::{
    ADMIN_HEADER, Answer, Call, Described, Desk, Door, Exchange, Fault, Keeper, Kind, Later, Mount, Noun, Operation,
    OperationInfo, Reply, Route, Settings, check_answer, warn,
};
use crate::contract::{Contract, Front, Header, Registry, Source, Violation, near};
use crate::server::explain;
use crate::time::Cadence;
use crate::world::matches;

/// The largest body: a world of some 100,000 rows, written down.
const WORLD_MOST: usize = 256 << 20;
/// A row of a world stands some levels deep in it, and what its maker noted on it nests as deep as any body may.
const DEPTH_MOST: usize = 120;

/// The longest admin token.
const TOKEN_MOST: usize = 200;
/// Operations that are about no world, or about one that they name.
const KEYLESS: [&str; 7] =
    ["getHealth", "getOpenapi", "getProviderOpenapi", "listOperations", "listWorlds", "createWorld", "deleteWorld"];

static SCHEMAS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas/control");

/// What a row of the control API does: at once, or waiting for others.
pub(crate) enum Handler {
    Now(fn(&Control, &Asked<'_>) -> Result<Reply, Fault>),
    Later(for<'a> fn(&'a Control, Asked<'a>) -> Later<'a, Result<Reply, Fault>>),
}
type Row = Operation<Handler>;

/// A call on the control API with the credentials that choose the world.
pub(crate) struct Asked<'c> {
    call: Call<'c>,
    head: &'c Parts,
}

impl Asked<'_> {
    fn query(&self, name: &str) -> Option<&str> {
        self.call.query.get(name).and_then(|value| value.as_str())
    }
}

/// The control API over the mounts of a server.
pub struct Control {
    desk: Desk<Handler>,
    mounts: Vec<Arc<dyn Mount>>,
    settings: Arc<Settings>,
}

impl Control {
    /// # Errors
    /// If two rows would answer the same request.
    pub fn new(mounts: Vec<Arc<dyn Mount>>, settings: Arc<Settings>) -> Result<Self, String> {
        let nouns: Vec<Noun<Handler>> = vec![
            service::noun(),
            clock::noun(),
            worlds::noun(),
            payments::noun(),
            faults::noun(),
            journal::noun(),
            events::noun(),
            messages::noun(),
            webhooks::noun(),
        ];
        let desk = Desk::new(Registry::new(&SCHEMAS), nouns)?.with_depth(DEPTH_MOST);
        Ok(Self { desk, mounts, settings })
    }

    /// The world that a call means: the one of the key that `?world=` names, else the one that its credentials have
    /// opened at a provider. A key that has opened none yet opens one if only one provider takes it.
    fn door(&self, asked: &Asked<'_>) -> Result<Box<dyn Door + '_>, Fault> {
        if let Some(key) = asked.query("world") {
            self.admit_to(asked, key)?;
            let mut doors = self.keepers(asked)?.into_iter().filter_map(|(_, keeper)| keeper.world(key));
            return match (doors.next(), doors.next()) {
                (None, _) => Err(no_world(key)),
                (Some(only), None) => Ok(only),
                (Some(_), Some(_)) => Err(self.which_provider()),
            };
        }
        if let Some(name) = asked.query("provider") {
            let keeper = self.keeper_of(name)?;
            return keeper.door(&asked.head.headers, true)?.ok_or_else(|| Fault::no_such("world", name));
        }
        let (mut opened, mut takers, mut refused) = (Vec::new(), Vec::new(), None);
        for (name, keeper) in self.keepers(asked)? {
            match keeper.door(&asked.head.headers, false) {
                Ok(Some(door)) => opened.push(door),
                Ok(None) => takers.push((name, keeper)),
                Err(fault) => refused = Some(fault),
            }
        }
        if opened.len() == 1
            && let Some(door) = opened.pop()
        {
            return Ok(door);
        }
        if opened.is_empty() {
            // A key in a vendor's own form means that vendor, whoever else would take it.
            let own: Vec<_> = takers.iter().copied().filter(|(_, keeper)| keeper.is_own(&asked.head.headers)).collect();
            match if own.len() == 1 { own } else { takers }.as_slice() {
                [] => return Err(refused.unwrap_or_else(|| Fault::no_such("provider", ""))),
                [(name, only)] => {
                    return only.door(&asked.head.headers, true)?.ok_or_else(|| Fault::no_such("world", name));
                }
                _ => {}
            }
        }
        Err(self.which_provider())
    }

    /// Says what is wrong with the name of a provider's operation, which may end with `*`.
    fn check_operation(&self, provider: &str, wanted: &str) -> Result<(), String> {
        let mount = self.mounts.iter().find(|mount| mount.name() == provider);
        let known = mount.map(|mount| mount.operations()).unwrap_or_default();
        if known.iter().any(|operation| matches(wanted, operation.id)) {
            return Ok(());
        }
        let meant = near(wanted, known.iter().map(|operation| operation.id));
        let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
        Err(format!("{wanted:?} is no operation of {provider}{meant}"))
    }

    fn which_provider(&self) -> Fault {
        let message = format!("Worlds at several providers are meant: add ?provider= one of {}", self.names());
        let advice = Violation::query("provider", "required", "says whose world is meant");
        Fault::bad_request(message).with_violation(advice)
    }

    /// Those who keep worlds: all, or the one that `?provider=` names.
    fn keepers(&self, asked: &Asked<'_>) -> Result<Vec<(&'static str, &dyn Keeper)>, Fault> {
        let all = self.mounts.iter().filter_map(|mount| mount.keeper().map(|keeper| (mount.name(), keeper)));
        let Some(wanted) = asked.query("provider") else { return Ok(all.collect()) };
        let wanted: Vec<_> = all.filter(|(name, _)| *name == wanted).collect();
        if wanted.is_empty() { Err(self.no_provider(asked.query("provider").unwrap_or_default())) } else { Ok(wanted) }
    }

    fn keeper_of(&self, name: &str) -> Result<&dyn Keeper, Fault> {
        let mount = self.mounts.iter().find(|mount| mount.name() == name);
        mount.and_then(|mount| mount.keeper()).ok_or_else(|| self.no_provider(name))
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.mounts.iter().map(|mount| mount.name()).collect();
        names.join(", ")
    }

    fn no_provider(&self, name: &str) -> Fault {
        let violation = Violation::query("provider", "enum", format!("is one of {}", self.names()));
        Fault::no_such("provider", name).with_violation(violation)
    }

    fn inner<'a>(
        &'a self,
        route: Route<'a, 'a, Handler>,
        exchange: &Exchange<'a>,
    ) -> Result<Answer<'a, Result<Reply, Fault>>, Fault> {
        let handler = route.action;
        let (call, hints) = route.admit(exchange)?;
        let asked = Asked { call, head: exchange.head };
        let answer = match handler {
            Handler::Now(handler) => Answer::Now(handler(self, &asked)),
            Handler::Later(handler) => Answer::Later(handler(self, asked)),
        };
        Ok(answer.map(move |reply| Ok(warn(reply?, &hints))))
    }

    /// The answer as it goes out.
    fn finish(&self, contract: &Contract, outcome: Result<Reply, Fault>) -> Reply {
        let reply = outcome.unwrap_or_else(|fault| self.refuse(&fault));
        if self.settings.strict { check_answer(contract, reply, |fault| self.refuse(&fault)) } else { reply }
    }
}

impl Mount for Control {
    fn name(&self) -> &'static str {
        "_leapday"
    }

    fn hosts(&self) -> &'static [&'static str] {
        &[]
    }

    fn path<'r>(&self, path: &'r str) -> &'r str {
        path
    }

    fn secret<'r>(&self, path: &'r str) -> Option<&'r str> {
        path.strip_prefix("/worlds/").filter(|key| !key.is_empty())
    }

    fn answer<'a>(&'a self, exchange: &'a Exchange<'a>) -> Answer<'a, Reply> {
        if let Some(page) = dashboard::answer(self, exchange) {
            return page;
        }
        let route = match self.desk.route(exchange) {
            Ok(route) => route,
            Err(fault) => return Answer::Now(self.refuse(&fault)),
        };
        let contract = route.contract;
        let outcome = self.inner(route, exchange).unwrap_or_else(|fault| Answer::Now(Err(fault)));
        outcome.map(move |outcome| self.finish(contract, outcome))
    }

    /// The control API's own error shape: kind, message and, always, the violations.
    fn refuse(&self, fault: &Fault) -> Reply {
        let (status, error) = match fault.kind {
            Kind::Invalid => (400, "invalid"),
            Kind::BadRequest => (400, "bad_request"),
            Kind::Unauthorized => (401, "unauthorized"),
            Kind::Forbidden => (403, "forbidden"),
            Kind::NotFound => (404, "not_found"),
            Kind::MethodNotAllowed => (405, "method_not_allowed"),
            Kind::Conflict => (409, "conflict"),
            Kind::TooLarge => (413, "too_large"),
            Kind::UnsupportedMediaType => (415, "unsupported_media_type"),
            Kind::Unprocessable => (422, "unprocessable"),
            Kind::TooManyRequests => (429, "too_many_requests"),
            Kind::NotBuilt => (501, "not_built"),
            Kind::Unavailable => (503, "unavailable"),
            Kind::Internal => (500, "internal"),
        };
        let mut body = json!({ "error": error, "message": fault.message, "violations": fault.violations });
        if let Some(code) = fault.code {
            body["code"] = json!(code);
        }
        let reply = explain(Reply::json(status, &body), fault, false);
        if fault.code == Some(NEEDS_TOKEN) { reply.with_header("www-authenticate", CHALLENGE) } else { reply }
    }

    fn operations(&self) -> Vec<OperationInfo> {
        self.desk.operations(|_| true)
    }

    fn source(&self, noun: &str, operation: &str) -> Option<Source> {
        self.desk.source(noun, operation)
    }

    fn check(&self) -> Vec<String> {
        self.desk.check()
    }

    fn openapi(&self, server: &str) -> Value {
        let (title, headers) = ("The control API of Leapday", Vec::new());
        self.desk.openapi(&Described {
            front: Front { title, server, credentials: &["authorization"], headers },
            built: &|_| true,
            keyless: &|operation| KEYLESS.contains(&operation),
            example: &|_| None,
            brings: &|_| Some(Header { name: ADMIN_HEADER, required: false, longest: TOKEN_MOST }),
            open: &[service::NOUN],
            refuse: &|fault| self.refuse(fault),
        })
    }

    fn keeper(&self) -> Option<&dyn Keeper> {
        None
    }

    /// Whole worlds come in here.
    fn max_body(&self, most: usize) -> usize {
        most.max(WORLD_MOST)
    }
}

/// Nobody has opened a world under this key.
fn no_world(key: &str) -> Fault {
    Fault::new(Kind::NotFound, format!("No key {key:?} has a world here; GET /_leapday/worlds lists those that do"))
}

/// How long a body says at `/by`.
fn length(by: Option<&str>) -> Result<Option<Cadence>, Fault> {
    let wrong = |by, why| Fault::field("/by", "duration", format!("{by:?} is not a duration: {why}"));
    by.map(|by| Cadence::parse(by).map_err(|why| wrong(by, why))).transpose()
}

/// A row that answers at once.
fn row(
    id: &'static str,
    method: http::Method,
    path: &'static str,
    handler: fn(&Control, &Asked<'_>) -> Result<Reply, Fault>,
) -> Row {
    Operation { id, method, path, action: Handler::Now(handler) }
}

/// A row that may wait for others.
fn later(
    id: &'static str,
    method: http::Method,
    path: &'static str,
    handler: for<'a> fn(&'a Control, Asked<'a>) -> Later<'a, Result<Reply, Fault>>,
) -> Row {
    Operation { id, method, path, action: Handler::Later(handler) }
}
