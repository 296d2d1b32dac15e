//! The clock of a world: read it, set it, advance it.

use http::Method;
use serde::Deserialize;

use super::{Asked, Control, Handler, later, row};
use crate::api::{Deliver, Fault, Journey, Noun, Reply, Target};
use crate::time::{Cadence, Timestamp};

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "clock",
        operations: vec![
            row("getClock", Method::GET, "/clock", get),
            later("setClock", Method::POST, "/clock", |control, asked| Box::pin(set(control, asked))),
            later("advanceClock", Method::POST, "/clock/advance", |control, asked| Box::pin(advance(control, asked))),
        ],
    }
}

fn get(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let name = asked.call.query.get("clock").and_then(|name| name.as_str());
    Ok(Reply::ok(&control.door(asked)?.clock(name, asked.call.wall)?))
}

/// `?deliver=`
#[derive(Deserialize)]
struct Manner {
    #[serde(default)]
    deliver: Deliver,
}

#[derive(Deserialize)]
struct Set {
    now: Option<Timestamp>,
}

async fn set(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let set: Set = asked.call.input()?;
    let Manner { deliver } = asked.call.filter()?;
    Ok(Reply::ok(&control.door(&asked)?.set_clock(set.now, deliver).await?))
}

#[derive(Deserialize)]
struct Advance {
    by: Option<Cadence>,
    to: Option<Timestamp>,
    clock: Option<String>,
}

async fn advance(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let wanted: Advance = asked.call.input()?;
    let Manner { deliver } = asked.call.filter()?;
    let target = match (wanted.by, wanted.to) {
        (Some(by), _) => Target::By(by),
        (None, Some(to)) => Target::To(to),
        (None, None) => return Err(Fault::field("/by", "required", "says how far, or `to` says where")),
    };
    let journey = Journey { clock: wanted.clock.as_deref(), target, deliver, site: asked.call.site };
    Ok(Reply::ok(&control.door(&asked)?.advance(journey).await?))
}
