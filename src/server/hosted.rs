//! A provider behind its mount: key → world → desk → handler on the world → commit → reply.

use std::sync::Arc;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::explain;
use super::opened::Opened;
use super::paged::Pages;
use super::worlds::{Full, Slot, Worlds, off_thread};
use crate::api::{
    Action, Call, Desk, Door, Exchange, Fault, KeyPolicy, Kind, Mount, OperationInfo, Provider, Reply, Route, Settings,
    Site, WorldKey, check_answer, teaching_line, warn,
};
use crate::billing::cards::Card;
use crate::contract::{Registry, near};
use crate::time::Timestamp;
use crate::world::{World, hash};

/// One provider with its worlds.
pub struct Hosted<P: Provider> {
    desk: Desk<Action<P::State>>,
    pages: Pages<P::State>,
    worlds: Worlds<P::State>,
    pub(super) settings: Arc<Settings>,
}

impl<P: Provider> Hosted<P> {
    /// # Errors
    /// If two rows of the provider would answer the same request.
    pub fn new(settings: Arc<Settings>) -> Result<Self, String> {
        let desk =
            Desk::new(Registry::new(P::schemas()), P::nouns()).map_err(|error| format!("{}: {error}", P::NAME))?;
        let pages = Pages::new(P::pages()).map_err(|error| format!("{}: {error}", P::NAME))?;
        Ok(Self { desk, pages, worlds: Worlds::new(settings.max_worlds), settings })
    }

    fn key<'r>(&self, headers: &'r HeaderMap) -> Result<WorldKey<'r>, Fault> {
        P::key(headers, KeyPolicy { allow_live: self.settings.allow_live_keys })
    }

    fn open(&self, key: &str, wall: Timestamp) -> Result<Arc<Slot<P::State>>, Fault> {
        self.worlds.open(key, || self.make(key, &self.settings.start, wall))
    }

    /// A new world, after the calls of its fixture.
    pub(super) fn make(&self, key: &str, start: &Value, wall: Timestamp) -> Result<World<P::State>, Fault> {
        let seed = hash(hash(self.settings.random_seed, P::NAME.as_bytes()), key.as_bytes());
        let mut world = World::new(seed, wall, self.settings.timers_per_advance);
        for (number, step) in start[P::NAME].as_array().into_iter().flatten().enumerate() {
            self.replay(&mut world, step, wall).map_err(|fault| {
                let message = format!("Step {} of the starting world was refused: {}", number + 1, fault.message);
                Fault { message, ..fault }
            })?;
        }
        Ok(world)
    }

    /// One step of a starting world: a call as the API takes it, and the id of what it makes.
    fn replay(&self, world: &mut World<P::State>, step: &Value, wall: Timestamp) -> Result<(), Fault> {
        if let Some(customer) = step["saveCard"].as_str() {
            let card = Card::deserialize(&step["card"]).map_err(|error| Fault::bad_request(error.to_string()))?;
            if !card.is_plausible() {
                return Err(Fault::bad_request(format!("{:?} is not a card number", card.number)));
            }
            return P::save_method(world, customer, &card).map(|_| ());
        }
        let id = step["call"].as_str().unwrap_or_default();
        let Some((Action::Write(handler) | Action::LongWrite(handler), contract)) = self.desk.operation(id) else {
            let known = self.desk.operations(|_| true);
            let meant = near(id, known.iter().map(|operation| operation.id));
            let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
            return Err(Fault::bad_request(format!("{id:?} is not an operation that makes something{meant}")));
        };
        let mut body = step["body"].clone();
        fill_in(&mut body, wall);
        contract.request(&mut body).map_err(Fault::violations)?;
        let call = Call { path: Vec::new(), query: serde_json::Map::new(), body, wall, site: Site::below("", P::NAME) };
        let reply = handler(world, &call)?;
        if let Some(name) = step["id"].as_str() {
            let crate::api::Body::Json(answer) = &reply.body else { return Ok(()) };
            let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
            P::name_row(world, &answer, name).map_err(Fault::bad_request)?;
        }
        Ok(())
    }

    /// The inner way of a request: may refuse at any step.
    fn inner(
        &self,
        key: WorldKey<'_>,
        route: Route<'_, '_, Action<P::State>>,
        exchange: &Exchange<'_>,
    ) -> Result<Reply, Fault> {
        let (id, action) = (route.id, route.action);
        let (call, hints) = route.admit(exchange)?;
        if let Some(role) = key.role
            && !matches!(action, Action::Read(_))
        {
            P::may_write(role, id)?;
        }
        let slot = || self.open(key.name, call.wall);
        let reply = match action {
            Action::Read(handler) => handler(&slot()?.read(call.wall), &call)?,
            Action::Write(handler) => slot()?.write(call.wall, |world| handler(world, &call))?,
            Action::LongWrite(handler) => {
                let slot = slot()?;
                off_thread(|| slot.write(call.wall, |world| handler(world, &call)))?
            }
            Action::Planned => {
                let message = format!("{id} is in the contract; its behaviour is not built yet");
                return Err(Fault::not_built(message));
            }
        };
        Ok(warn(reply, &hints))
    }
}

/// Dates a step: `{{now}}` stands for the instant at which the world is opened.
fn fill_in(value: &mut Value, wall: Timestamp) {
    match value {
        Value::String(text) if text == "{{now}}" => *text = wall.to_string(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, wall)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill_in(field, wall)),
        _ => {}
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

    fn keys(&self) -> &'static str {
        P::KEYS
    }

    fn answer(&self, exchange: &Exchange<'_>) -> Reply {
        if let Some(page) = self.pages.answer(&self.worlds, exchange) {
            return page;
        }
        // Who asks comes first: without a key nobody learns what is here.
        let asked = self.key(&exchange.head.headers).and_then(|key| Ok((key, self.desk.route(exchange)?)));
        let (key, route) = match asked {
            Ok(asked) => asked,
            Err(fault) => return self.refuse(&fault),
        };
        let contract = route.contract;
        let reply = self.inner(key, route, exchange).unwrap_or_else(|fault| self.refuse(&fault));
        if self.settings.strict { check_answer(contract, reply, |fault| self.refuse(&fault)) } else { reply }
    }

    fn refuse(&self, fault: &Fault) -> Reply {
        explain(P::refuse(fault), fault, self.settings.explain)
    }

    fn operations(&self) -> Vec<OperationInfo> {
        self.desk.operations(|action| !matches!(action, Action::Planned))
    }

    fn check(&self) -> Vec<String> {
        let mut problems = self.desk.check();
        problems.extend(super::check::fixtures(P::fixtures(), &self.desk));
        problems
    }

    fn rehearse(&self) -> Result<(), String> {
        let rehearsed = self.make("rehearsal", &self.settings.start, crate::time::wall());
        rehearsed.map(drop).map_err(|fault| match fault.violations.as_slice() {
            [] => fault.message,
            violations => format!("{}; {}", fault.message, teaching_line(violations)),
        })
    }

    fn door(&self, headers: &HeaderMap, open: bool) -> Result<Option<Box<dyn Door + '_>>, Fault> {
        let key = self.key(headers)?;
        let slot = match self.worlds.find(key.name) {
            Some(slot) => slot,
            None if open => self.open(key.name, crate::time::wall())?,
            None => return Ok(None),
        };
        Ok(Some(Box::new(Opened { hosted: self, key: key.name.to_owned(), slot })))
    }
}
