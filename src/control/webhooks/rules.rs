//! Rules that make webhooks misbehave on purpose, for so many deliveries.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::known_event_type;
use crate::api::{Fault, Reply, referred};
use crate::control::{Asked, Control, length};
use crate::time::Cadence;
use crate::world::{Id, IdText, Mischief, Outbox, Rule};

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    action: Mischief,
    endpoint: Option<IdText>,
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Cadence>,
    /// How many deliveries are left to it.
    times: u32,
}

fn body(outbox: &Outbox, id: Id<Rule>) -> Body<'_> {
    let row = &outbox.rules()[id];
    Body {
        id: outbox.rules().text(id),
        action: row.mischief,
        endpoint: row.endpoint.map(|id| outbox.endpoints().text(id)),
        event: row.event.as_deref(),
        by: (row.mischief == Mischief::Delay).then_some(row.delay),
        times: row.times,
    }
}

pub(super) fn list(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let outbox = control.door(asked)?.outbox(asked.call.wall);
    let rules: Vec<Body> = outbox.rules().iter().map(|(id, _)| body(&outbox, id)).collect();
    Ok(Reply::ok(&json!({ "rules": rules })))
}

#[derive(Deserialize)]
struct Create {
    action: Mischief,
    endpoint: Option<String>,
    event: Option<Box<str>>,
    by: Option<String>,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

pub(super) fn create(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let wanted: Create = asked.call.input()?;
    let door = control.door(asked)?;
    if let Some(event) = wanted.event.as_deref() {
        known_event_type(&*door, event).map_err(|why| Fault::field("/event", "enum", why))?;
    }
    let delay = match (wanted.action, length(wanted.by.as_deref())?) {
        (Mischief::Delay, Some(by)) => by,
        (Mischief::Delay, None) => return Err(Fault::field("/by", "required", "says how much later: try PT10M")),
        (_, Some(_)) => return Err(Fault::field("/by", "unknown", "is of the action \"delay\" only")),
        (_, None) => Cadence::seconds(0),
    };
    let mut made = None;
    let outbox = door.change_outbox(asked.call.wall, &mut |outbox, _| {
        let endpoint = wanted.endpoint.as_deref().map(|text| referred(outbox.endpoints(), "/endpoint", text));
        let rule = Rule {
            mischief: wanted.action,
            endpoint: endpoint.transpose()?,
            event: wanted.event.clone(),
            delay,
            times: wanted.times,
        };
        made = Some(outbox.add_rule(rule));
        Ok(())
    })?;
    let id = made.ok_or_else(|| Fault::internal("no rule was made"))?;
    Ok(Reply::created(&body(&outbox, id)))
}

pub(super) fn delete(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    control.door(asked)?.change_outbox(asked.call.wall, &mut |outbox, _| {
        let id = asked.call.id(outbox.rules())?;
        outbox.remove_rule(id);
        Ok(())
    })?;
    Ok(Reply::none())
}
