//! The clock of a world: read it, set it, advance it.

use http::Method;
use serde::Deserialize;

use super::{Asked, Control, Handler, row};
use crate::api::{Fault, Noun, Reply, Target};
use crate::time::{Cadence, Timestamp};

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "clock",
        operations: vec![
            row("getClock", Method::GET, "/clock", get),
            row("setClock", Method::POST, "/clock", set),
            row("advanceClock", Method::POST, "/clock/advance", advance),
        ],
    }
}

fn get(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let name = asked.call.query.get("clock").and_then(|name| name.as_str());
    Ok(Reply::ok(&control.door(asked)?.clock(name, asked.call.wall)?))
}

#[derive(Deserialize)]
struct Set {
    now: Option<Timestamp>,
}

fn set(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let set: Set = asked.call.input()?;
    Ok(Reply::ok(&control.door(asked)?.set_clock(set.now, asked.call.wall)?))
}

#[derive(Deserialize)]
struct Advance {
    by: Option<Cadence>,
    to: Option<Timestamp>,
    clock: Option<String>,
}

fn advance(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let wanted: Advance = asked.call.input()?;
    let target = match (wanted.by, wanted.to) {
        (Some(by), _) => Target::By(by),
        (None, Some(to)) => Target::To(to),
        (None, None) => return Err(Fault::field("/by", "required", "says how far, or `to` says where")),
    };
    let answer = control.door(asked)?.advance(wanted.clock.as_deref(), target, asked.call.wall, asked.call.site)?;
    Ok(Reply::ok(&answer))
}
