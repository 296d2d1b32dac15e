//! `/_leapday`: the control API. An API like the others (a table, a desk, schemas of its own) whose
//! handlers work on other APIs' worlds through their doors.

mod clock;
mod events;
mod messages;
mod payments;
mod service;
mod webhooks;
mod worlds;

use std::sync::Arc;

use http::HeaderMap;
use include_dir::{Dir, include_dir};
use serde_json::json;

use crate::api::{
    Answer, Call, Desk, Door, Exchange, Fault, Kind, Later, Mount, Noun, Operation, OperationInfo, Reply, Route,
    Settings, check_answer, warn,
};
use crate::contract::{Contract, Registry, Violation};
use crate::server::explain;

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
    headers: &'c HeaderMap,
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
            events::noun(),
            messages::noun(),
            webhooks::noun(),
        ];
        let desk = Desk::new(Registry::new(&SCHEMAS), nouns)?;
        Ok(Self { desk, mounts, settings })
    }

    /// The world that a call means: the one its credentials have opened at a provider. A key that has
    /// opened none yet opens one if only one provider takes it.
    fn door(&self, asked: &Asked<'_>) -> Result<Box<dyn Door + '_>, Fault> {
        if let Some(name) = asked.call.query.get("provider").and_then(|name| name.as_str()) {
            let mount = self.mounts.iter().find(|mount| mount.name() == name).ok_or_else(|| self.no_provider(name))?;
            return mount.door(asked.headers, true)?.ok_or_else(|| Fault::no_such("world", name));
        }
        let (mut opened, mut takers, mut refused) = (Vec::new(), Vec::new(), None);
        for mount in &self.mounts {
            match mount.door(asked.headers, false) {
                Ok(Some(door)) => opened.push((mount.name(), door)),
                Ok(None) => takers.push(mount),
                Err(fault) => refused = Some(fault),
            }
        }
        if opened.len() == 1
            && let Some((_, door)) = opened.pop()
        {
            return Ok(door);
        }
        if opened.is_empty() {
            // A key in a vendor's own form means that vendor, whoever else would take it.
            let own: Vec<_> = takers.iter().copied().filter(|mount| mount.is_own(asked.headers)).collect();
            match if own.len() == 1 { own } else { takers }.as_slice() {
                [] => return Err(refused.unwrap_or_else(|| Fault::no_such("provider", ""))),
                [only] => {
                    return only.door(asked.headers, true)?.ok_or_else(|| Fault::no_such("world", only.name()));
                }
                _ => {}
            }
        }
        let names: Vec<&str> = self.mounts.iter().map(|mount| mount.name()).collect();
        let message =
            format!("These credentials open worlds at several providers: add ?provider= one of {}", names.join(", "));
        let advice = Violation::query("provider", "required", "says whose world is meant");
        Err(Fault::bad_request(message).with_violation(advice))
    }

    fn no_provider(&self, name: &str) -> Fault {
        let names: Vec<&str> = self.mounts.iter().map(|mount| mount.name()).collect();
        Fault::no_such("provider", name).with_violation(Violation::query(
            "provider",
            "enum",
            format!("is one of {}", names.join(", ")),
        ))
    }

    fn inner<'a>(
        &'a self,
        route: Route<'a, 'a, Handler>,
        exchange: &Exchange<'a>,
    ) -> Result<Answer<'a, Result<Reply, Fault>>, Fault> {
        let handler = route.action;
        let (call, hints) = route.admit(exchange)?;
        let asked = Asked { call, headers: &exchange.head.headers };
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

    fn credentials(&self, _: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn keys(&self) -> &'static str {
        "the same credentials as a provider's"
    }

    fn webhook(&self) -> Option<(String, String)> {
        None
    }

    fn answer<'a>(&'a self, exchange: &'a Exchange<'a>) -> Answer<'a, Reply> {
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
        explain(Reply::json(status, &body), fault, false)
    }

    fn operations(&self) -> Vec<OperationInfo> {
        self.desk.operations(|_| true)
    }

    fn check(&self) -> Vec<String> {
        self.desk.check()
    }

    fn rehearse(&self) -> Result<(), String> {
        Ok(())
    }

    fn is_own(&self, _: &HeaderMap) -> bool {
        false
    }

    fn door(&self, _: &HeaderMap, _: bool) -> Result<Option<Box<dyn Door + '_>>, Fault> {
        Ok(None)
    }
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
