//! Test clocks: further clocks of a world, which subscriptions are attached to when they are made.
//!
//! Facts: paygentic-behaviour §3. An advance runs everything due on the way before it answers.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body::bare_list;
use super::state::{State, mine};
use super::subscriptions::Status;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, advance, read, settable, write};
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{Advance, Bound, ClockId, Id, IdText, Row, Stopped};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listTestClocks", "/v0/testClocks", list),
        write("createTestClock", Method::POST, "/v0/testClocks", create),
        read("getTestClock", "/v0/testClocks/{id}", get),
        advance("advanceTestClock", Method::PATCH, "/v0/testClocks/{id}", plan, arrival),
        write("deleteTestClock", Method::DELETE, "/v0/testClocks/{id}", delete),
    ];
    Noun { name: "test_clocks", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct TestClock {
    merchant: Arc<str>,
    pub clock: ClockId,
    name: Option<Box<str>>,
    description: Option<Box<str>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

impl Row for TestClock {
    const PREFIX: &'static str = "tc_";
    const NOUN: &'static str = "test clock";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    merchant_id: &'a str,
    current_time: Timestamp,
    name: Option<&'a str>,
    description: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

fn body(world: &World, id: Id<TestClock>) -> Body<'_> {
    let row = &world.state.test_clocks[id];
    Body {
        id: world.state.test_clocks.text(id),
        merchant_id: &row.merchant,
        current_time: world.now(row.clock),
        name: row.name.as_deref(),
        description: row.description.as_deref(),
        created_at: row.created_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
    }
}

/// The clock of the test clock with this id.
pub fn clock(world: &World, id: &str) -> Option<ClockId> {
    let id = world.state.test_clocks.find(id)?;
    Some(world.state.test_clocks[id].clock)
}

/// The test clocks that are not deleted.
pub fn clocks(world: &World) -> Vec<(String, ClockId)> {
    let clocks = &world.state.test_clocks;
    let live = clocks.iter().filter(|(_, row)| row.deleted_at.is_none());
    live.map(|(id, row)| (clocks.text(id).to_string(), row.clock)).collect()
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let merchant = call.query.get("merchantId").and_then(Value::as_str);
    let kept = |row: &TestClock| row.deleted_at.is_none() && mine(merchant, &row.merchant);
    let rows = world.state.test_clocks.iter().filter(|(_, row)| kept(row));
    Ok(Reply::ok(&bare_list(call.paging(), rows.map(|(id, _)| body(world, id)))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    current_time: Option<Timestamp>,
    name: Option<Box<str>>,
    description: Option<Box<str>>,
    merchant_id: Option<Arc<str>>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { current_time, name, description, merchant_id } = call.input()?;
    let current_time = current_time.map(|at| settable("/currentTime", at)).transpose()?;
    let now = world.now(ClockId::WORLD);
    let merchant = match merchant_id {
        Some(named) => world.state.merchant(&named),
        None => world.state.default_merchant(),
    };
    let clock = world.add_clock(current_time.unwrap_or(now));
    let row = TestClock { merchant, clock, name, description, created_at: now, updated_at: now, deleted_at: None };
    let id = world.state.test_clocks.insert(row);
    Ok(Reply::created(&body(world, id)))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.test_clocks)?;
    Ok(Reply::ok(&body(world, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Distance {
    current_time: Option<Timestamp>,
    advance_by: Option<Cadence>,
}

fn plan(world: &World, call: &Call) -> Result<(ClockId, Timestamp), Fault> {
    let id = call.id(&world.state.test_clocks)?;
    let row = &world.state.test_clocks[id];
    let clock = row.clock;
    if row.deleted_at.is_some() {
        return Err(Fault::no_such("test clock", call.segment("id")));
    }
    let now = world.now(clock);
    let wanted: Distance = call.input()?;
    let target = match (wanted.current_time, wanted.advance_by) {
        (Some(at), _) => Some(at),
        (None, Some(by)) => by.after(now, 1),
        (None, None) => None,
    };
    let Some(target) = target else {
        return Err(backward("/advanceBy", "maximum", "leads beyond the calendar".to_owned()));
    };
    if target <= now {
        return Err(backward("/currentTime", "forward", format!("the clock stands at {now} and only moves forward")));
    }
    Ok((clock, target))
}

fn arrival(world: &mut World, call: &Call, advance: &Advance) -> Result<Reply, Fault> {
    let id = call.id(&world.state.test_clocks)?;
    if let Some(Stopped { before, bound }) = advance.stopped {
        let message = match bound {
            Bound::Timers(fired) => format!("more than {fired} timers fall due until then (--timers-per-advance)"),
            bound => format!("the world would hold more than {bound}"),
        };
        let message = format!("{message}; the next at {before}");
        return Err(backward("/currentTime", "maximum", message));
    }
    let at = world.now(ClockId::WORLD);
    world.state.test_clocks.update(id, |row| row.updated_at = at);
    Ok(Reply::ok(&body(world, id)))
}

/// The vendor refuses advances with a plain `Error`, not with a list of fields (§3.1).
fn backward(pointer: &str, rule: &'static str, message: String) -> Fault {
    Fault::bad_request(format!("The test clock cannot be advanced: {message}"))
        .with_violation(Violation::body(pointer, rule, message))
}

fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.test_clocks)?;
    let row = &world.state.test_clocks[id];
    if row.deleted_at.is_some() {
        return Err(Fault::no_such("test clock", call.segment("id")));
    }
    let clock = row.clock;
    let active = world.state.subscriptions.iter().filter(|(_, row)| row.clock == clock && row.status == Status::Active);
    let count = active.count();
    if count > 0 {
        return Err(Fault::conflict(format!(
            "{count} active subscriptions are on this test clock: terminate them first"
        )));
    }
    let now = world.now(ClockId::WORLD);
    world.state.test_clocks.update(id, |row| {
        row.deleted_at = Some(now);
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(world, id)))
}
