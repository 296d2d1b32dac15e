//! How a world begins: empty but for the calls that it is to begin with, each as the API takes it.

use serde::Deserialize;
use serde_json::Value;

use super::hosted::Hosted;
use crate::api::{Action, Beginning, Call, Fault, Keeper, Provider, Site};
use crate::billing::cards::Card;
use crate::contract::{Contract, near};
use crate::time::Timestamp;
use crate::world::{ClockId, Endpoint, World, hash};

/// How the body of a call becomes what its handler takes.
type Reading<'a> = &'a dyn Fn(&Contract, &mut Value) -> Result<(), Fault>;

impl<P: Provider> Hosted<P> {
    /// How worlds begin of which nobody says it.
    pub(super) fn beginning(&self) -> Beginning<'_> {
        Beginning { calls: &self.settings.start, at: None }
    }

    pub(super) fn seed(&self, key: &str) -> u64 {
        hash(hash(self.settings.random_seed, P::NAME.as_bytes()), key.as_bytes())
    }

    /// A new world, after the calls that it begins with. They have been rehearsed: those of a file at the start, those
    /// of a bundled world by `leapday check`, which the tests run.
    pub(super) fn make(&self, key: &str, beginning: Beginning<'_>, wall: Timestamp) -> Result<World<P::State>, Fault> {
        self.begin(key, beginning, wall, &|contract, body| {
            contract.complete(body);
            Ok(())
        })
    }

    /// Makes a world and holds each call against its contract.
    pub(super) fn rehearsal(&self, wall: Timestamp) -> Result<(), Fault> {
        let read = |contract: &Contract, body: &mut Value| contract.request(body).map(drop).map_err(Fault::violations);
        self.begin("rehearsal", self.beginning(), wall, &read).map(drop)
    }

    fn begin(
        &self,
        key: &str,
        Beginning { calls, at }: Beginning<'_>,
        wall: Timestamp,
        read: Reading<'_>,
    ) -> Result<World<P::State>, Fault> {
        let now = at.unwrap_or(wall);
        let mut world = World::new(self.seed(key), now, self.settings.limits);
        if at.is_some() {
            world.freeze(ClockId::WORLD);
        }
        if P::webhooks().strict_order {
            world.outbox.keep_strict_order();
        }
        for (number, step) in calls[P::NAME].as_array().into_iter().flatten().enumerate() {
            self.replay(&mut world, step, now, read).map_err(|fault| {
                let message = format!("Step {} of the starting world was refused: {}", number + 1, fault.message);
                Fault { message: message.into(), ..fault }
            })?;
        }
        if let Some((url, secret)) = Keeper::webhook(self) {
            let created_at = world.now(ClockId::WORLD);
            world.outbox.register(Endpoint::new(&url, &secret, created_at));
        }
        // What the calls have made due at once: a flowing clock does it before the first request, a frozen one would not.
        if at.is_some() {
            world.advance(ClockId::WORLD, now);
        }
        Ok(world)
    }

    /// One step of a starting world: a call as the API takes it, and the id of what it makes.
    fn replay(
        &self,
        world: &mut World<P::State>,
        step: &Value,
        now: Timestamp,
        read: Reading<'_>,
    ) -> Result<(), Fault> {
        if let Some(customer) = step["saveCard"].as_str() {
            let card = Card::deserialize(&step["card"]).map_err(|error| Fault::bad_request(error.to_string()))?;
            if !card.is_plausible() {
                return Err(Fault::bad_request(format!("{:?} is not a card number", card.number)));
            }
            return P::save_method(world, customer, &card).map(|_| ());
        }
        if let Some(kind) = step["place"].as_str() {
            let mut row = step["body"].clone();
            fill_in(&mut row, now);
            let placed = P::place(world, kind, &row).map_err(Fault::bad_request)?;
            return step["id"]
                .as_str()
                .map_or(Ok(()), |name| P::name_row(world, &placed, name).map_err(Fault::bad_request));
        }
        let id = step["call"].as_str().unwrap_or_default();
        let Some((action @ (Action::Write(_) | Action::Advance(..)), contract)) = self.desk.operation(id) else {
            let known = self.desk.operations(|_| true);
            let meant = near(id, known.iter().map(|operation| operation.id));
            let meant = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
            return Err(Fault::bad_request(format!("{id:?} is not an operation that makes something{meant}")));
        };
        let mut body = step["body"].clone();
        fill_in(&mut body, now);
        read(contract, &mut body)?;
        let (query, site) = (serde_json::Map::new(), Site::below("", P::NAME));
        let call = Call { path: Vec::new(), query, body, idempotency_key: None, role: None, wall: now, site };
        let reply = action.run(world, &call)?;
        if let Some(name) = step["id"].as_str() {
            let crate::api::Body::Json(answer) = &reply.body else { return Ok(()) };
            let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
            P::name_row(world, &answer, name).map_err(Fault::bad_request)?;
        }
        Ok(())
    }
}

/// Dates a step: `{{now}}` stands for the instant at which the world begins.
fn fill_in(value: &mut Value, now: Timestamp) {
    match value {
        Value::String(text) if text == "{{now}}" => *text = now.to_string(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, now)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill_in(field, now)),
        _ => {}
    }
}
