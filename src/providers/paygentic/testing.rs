//! A world behind its desk, for the unit tests of nouns: calls by operation id, checked against their contracts
//! both ways, without a server.

use serde_json::{Map, Value};

use super::{Paygentic, World, notices};
use crate::api::{Action, Body, Call, Desk, Fault, Provider, Reply};
use crate::contract::Registry;
use crate::time::Timestamp;
use crate::world::Limits;

pub struct Bench {
    pub world: World,
    desk: Desk<Action<super::state::State>>,
    wall: Timestamp,
}

impl Bench {
    pub fn new() -> Self {
        let wall: Timestamp = "2028-01-31T00:00:00Z".parse().expect("instant");
        let desk = Desk::new(Registry::new(Paygentic::schemas()), Paygentic::nouns()).expect("no conflict of routes");
        Self { world: World::new(7, wall, Limits { timers_per_advance: 10_000, ..Limits::default() }), desk, wall }
    }

    /// Status and body of a call that is served.
    pub fn call(&mut self, operation: &str, id: &str, body: Value) -> (u16, Value) {
        let reply = self.attempt(operation, id, body).unwrap_or_else(|fault| panic!("{operation}: {fault:?}"));
        (reply.status, json(&reply))
    }

    /// The ids that a list shows.
    pub fn list(&mut self, operation: &str, query: Value) -> Vec<String> {
        let Value::Object(query) = query else { panic!("a query is an object") };
        let reply = self.run(operation, "", query, Value::Null).unwrap_or_else(|fault| panic!("{fault:?}"));
        let rows = json(&reply)["data"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
    }

    pub fn attempt(&mut self, operation: &str, id: &str, body: Value) -> Result<Reply, Fault> {
        self.run(operation, id, Map::new(), body)
    }

    fn run(&mut self, operation: &str, id: &str, query: Map<String, Value>, mut body: Value) -> Result<Reply, Fault> {
        let (action, contract) = self.desk.operation(operation).expect("an operation");
        contract.request(&mut body).map_err(Fault::violations)?;
        let call = Call {
            path: vec![("id", id.to_owned().into())],
            query,
            body,
            idempotency_key: None,
            role: None,
            wall: self.wall,
            site: crate::api::Site::at("http", "localhost", "paygentic"),
        };
        let mut world = self.world.clone();
        let reply = action.run(&mut world, &call)?;
        self.world = world;
        if let Err(violations) = contract.response(reply.status, &json(&reply)) {
            panic!("{operation} breaks its contract: {violations:?}");
        }
        Ok(reply)
    }

    pub fn last_event(&self) -> Value {
        let last = self.world.event_count().checked_sub(1).expect("an event");
        let (number, event) = self.world.events_from(last).next().expect("an event");
        notices::envelope(&self.world, number, event, crate::api::Site::at("http", "localhost", "paygentic"))
    }
}

fn json(reply: &Reply) -> Value {
    match &reply.body {
        Body::Json(bytes) => serde_json::from_slice(bytes).expect("JSON"),
        Body::Empty | Body::Other(..) => Value::Null,
    }
}

/// The call was refused with this beginning of a violation, or of the message where it has none.
pub fn fails(result: Result<Reply, Fault>, expected: &str) {
    let Err(fault) = result else { panic!("was served instead of {expected}") };
    let mut said: Vec<String> = fault.violations.iter().map(ToString::to_string).collect();
    said.push(fault.message.into_owned());
    assert!(said.iter().any(|line| line.starts_with(expected)), "{expected:?} is not in {said:?}");
}
