//! The clock of a world: read it, set it, advance it, step from one thing to the next, and see what comes.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Asked, Control, Handler, later, length, row};
use crate::api::{Agenda, Deliver, Fault, Journey, Noun, Reply, Target, settable};
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "clock",
        operations: vec![
            row("getClock", Method::GET, "/clock", get),
            later("setClock", Method::POST, "/clock", |control, asked| Box::pin(set(control, asked))),
            later("advanceClock", Method::POST, "/clock/advance", |control, asked| Box::pin(advance(control, asked))),
            later("stepClock", Method::POST, "/clock/step", |control, asked| Box::pin(step(control, asked))),
            row("listUpcoming", Method::GET, "/clock/upcoming", upcoming),
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
    let now = set.now.map(|now| settable("/now", now)).transpose()?;
    Ok(Reply::ok(&control.door(&asked)?.set_clock(now, deliver).await?))
}

/// What an answer shows of the events: from which, and how many.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    offset: usize,
    limit: usize,
}

#[derive(Deserialize)]
struct Advance {
    by: Option<String>,
    to: Option<Timestamp>,
    clock: Option<String>,
    /// As people write it in the body; the query's is for everybody.
    deliver: Option<Deliver>,
    #[serde(default)]
    dry_run: bool,
}

async fn advance(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let wanted: Advance = asked.call.input()?;
    let target = match (length(wanted.by.as_deref())?, wanted.to) {
        (Some(by), _) => Target::By(by),
        (None, Some(to)) => Target::To(to),
        (None, None) => return Err(Fault::field("/by", "required", "says how far, or `to` says where")),
    };
    travel(control, &asked, target, wanted.clock.as_deref(), wanted.deliver, wanted.dry_run).await
}

#[derive(Deserialize)]
struct Step {
    clock: Option<String>,
    deliver: Option<Deliver>,
    #[serde(default)]
    dry_run: bool,
}

async fn step(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let Step { clock, deliver, dry_run } = asked.call.input()?;
    travel(control, &asked, Target::Next, clock.as_deref(), deliver, dry_run).await
}

async fn travel(
    control: &Control,
    asked: &Asked<'_>,
    target: Target,
    clock: Option<&str>,
    deliver: Option<Deliver>,
    dry_run: bool,
) -> Result<Reply, Fault> {
    let Manner { deliver: asked_for } = asked.call.filter()?;
    let Part { offset, limit } = asked.call.filter()?;
    let deliver = deliver.unwrap_or(asked_for);
    let journey = Journey { clock, target, deliver, offset, limit, site: asked.call.site };
    let door = control.door(asked)?;
    let mut told = if dry_run { door.preview(&journey)? } else { door.advance(journey).await? };
    told["dryRun"] = json!(dry_run);
    Ok(Reply::ok(&told))
}

#[derive(Deserialize)]
struct Upcoming {
    clock: Option<String>,
    within: String,
    limit: usize,
}

fn upcoming(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Upcoming { clock, within, limit } = asked.call.filter()?;
    let within = Cadence::parse(&within).map_err(|why| {
        let message = format!("{within:?} is not a duration such as P1M, P7D or PT2H: {why}");
        Fault::violations(vec![Violation::query("within", "format", message)])
    })?;
    let agenda = Agenda { clock: clock.as_deref(), within, limit };
    Ok(Reply::ok(&control.door(asked)?.upcoming(&agenda)?))
}
