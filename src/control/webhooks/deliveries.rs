//! The log of deliveries: what was sent to whom, and how each attempt was answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{known_event_type, queried};
use crate::api::{Door, Fault, Reply};
use crate::contract::Violation;
use crate::control::{Asked, Control};
use crate::time::Timestamp;
use crate::world::{Answer, Attempt, Delivery, DeliveryStatus, Id, IdText, Mischief, Outbox, matches};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    endpoint_id: IdText,
    /// `None`: the endpoint is gone.
    url: Option<&'a str>,
    event_id: String,
    event_type: &'static str,
    status: DeliveryStatus,
    /// What a rule did to it.
    rule: Option<Mischief>,
    /// When the next attempt is due; `None` with status `pending`: now.
    next_attempt_at: Option<Timestamp>,
    created_at: Timestamp,
    /// As it was signed.
    body: std::borrow::Cow<'a, str>,
    attempts: Vec<Tried<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tried<'a> {
    number: usize,
    /// On the clock of the event.
    at: Timestamp,
    /// On the wall.
    sent_at: Timestamp,
    duration_ms: f64,
    by_hand: bool,
    headers: BTreeMap<&'a str, &'a str>,
    response: Option<Response<'a>>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Response<'a> {
    status: u16,
    body: &'a str,
}

fn tried((number, attempt): (usize, &std::sync::Arc<Attempt>)) -> Tried<'_> {
    let (response, error) = match &attempt.answer {
        Answer::Status(status, body) => (Some(Response { status: *status, body }), None),
        Answer::Broken(why) => (None, Some(&**why)),
        Answer::Silent => (None, Some("no answer in time")),
    };
    #[expect(clippy::cast_precision_loss, reason = "an attempt takes seconds, not centuries")]
    let duration_ms = attempt.duration_us as f64 / 1_000.0;
    Tried {
        number: number + 1,
        at: attempt.at,
        sent_at: attempt.sent_at,
        duration_ms,
        by_hand: attempt.by_hand,
        headers: attempt.headers.iter().map(|(name, value)| (&**name, &**value)).collect(),
        response,
        error,
    }
}

fn body<'a>(door: &dyn Door, outbox: &'a Outbox, id: Id<Delivery>, row: &'a Delivery, wall: Timestamp) -> Body<'a> {
    Body {
        id: outbox.deliveries().text(id),
        endpoint_id: outbox.endpoints().text(row.endpoint),
        url: outbox.endpoints().get(row.endpoint).map(|endpoint| &*endpoint.url),
        event_id: door.event_id(row.event, wall),
        event_type: row.event_type,
        status: row.status,
        rule: row.mischief,
        next_attempt_at: row.next.map(|timer| timer.due()),
        created_at: row.created_at,
        body: String::from_utf8_lossy(&row.body),
        attempts: row.attempts.iter().enumerate().map(tried).collect(),
    }
}

#[derive(Deserialize)]
struct Filter {
    event: Option<String>,
    endpoint: Option<String>,
    status: Option<String>,
}

pub(super) fn list(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let filter: Filter = asked.call.filter()?;
    let (page, wall) = (asked.call.paging(), asked.call.wall);
    let door = control.door(asked)?;
    let outbox = door.outbox(wall);
    if let Some(wanted) = filter.event.as_deref() {
        let wrong = |why| Fault::violations(vec![Violation::query("event", "enum", why)]);
        known_event_type(&*door, wanted).map_err(wrong)?;
    }
    let endpoint = filter.endpoint.as_deref().map(|text| queried(outbox.endpoints(), "endpoint", text)).transpose()?;
    let status = DeliveryStatus::ALL.iter().find(|(name, _)| filter.status.as_deref() == Some(name));
    let rows = outbox.deliveries().iter().filter(|(_, row)| {
        filter.event.as_deref().is_none_or(|wanted| matches(wanted, row.event_type))
            && endpoint.is_none_or(|endpoint| endpoint == row.endpoint)
            && status.is_none_or(|(_, status)| *status == row.status)
    });
    let (rows, total) = page.cut(rows);
    let deliveries: Vec<Body> = rows.into_iter().map(|(id, row)| body(&*door, &outbox, id, row, wall)).collect();
    Ok(Reply::ok(&json!({
        "deliveries": deliveries,
        "total": total,
        "offset": page.offset,
        "limit": page.limit,
    })))
}

pub(super) fn get(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let door = control.door(asked)?;
    let outbox = door.outbox(asked.call.wall);
    let id = asked.call.id(outbox.deliveries())?;
    Ok(Reply::ok(&body(&*door, &outbox, id, &outbox.deliveries()[id], asked.call.wall)))
}

/// Sends a delivery once more and answers when that has been answered.
pub(super) async fn redeliver(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let door = control.door(&asked)?;
    let before = door.outbox(asked.call.wall);
    let id = asked.call.id(before.deliveries())?;
    let endpoint = before.deliveries()[id].endpoint;
    match before.endpoints().get(endpoint) {
        None => return Err(Fault::conflict("The endpoint of this delivery is gone: there is nobody to send it to")),
        Some(row) if !row.enabled => {
            return Err(Fault::conflict("The endpoint of this delivery is disabled: enable it first"));
        }
        Some(_) => {}
    }
    let outbox = door.redeliver(id).await;
    let row = outbox.deliveries().get(id).ok_or_else(|| Fault::no_such("delivery", asked.call.segment("id")))?;
    Ok(Reply::ok(&body(&*door, &outbox, id, row, asked.call.wall)))
}
