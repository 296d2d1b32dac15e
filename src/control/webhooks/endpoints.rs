//! Webhook endpoints: who hears of what happens in a world.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::check_events;
use crate::api::{Door, Fault, Reply};
use crate::control::{Asked, Control};
use crate::time::Timestamp;
use crate::webhooks::check_url;
use crate::world::{Endpoint, Id, IdText, Outbox};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    url: &'a str,
    /// Empty: all.
    events: &'a [Box<str>],
    secret: &'a str,
    enabled: bool,
    /// Whether its last attempt was answered in time.
    responsive: bool,
    created_at: Timestamp,
}

fn body(outbox: &Outbox, id: Id<Endpoint>) -> Body<'_> {
    let row = &outbox.endpoints()[id];
    Body {
        id: outbox.endpoints().text(id),
        url: &row.url,
        events: &row.events,
        secret: &row.secret,
        enabled: row.enabled,
        responsive: row.responsive,
        created_at: row.created_at,
    }
}

pub(super) fn list(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let outbox = control.door(asked)?.outbox(asked.call.wall);
    let endpoints: Vec<Body> = outbox.endpoints().iter().map(|(id, _)| body(&outbox, id)).collect();
    Ok(Reply::ok(&json!({ "endpoints": endpoints })))
}

pub(super) fn get(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let outbox = control.door(asked)?.outbox(asked.call.wall);
    let id = asked.call.id(outbox.endpoints())?;
    Ok(Reply::ok(&body(&outbox, id)))
}

#[derive(Deserialize)]
struct Create {
    url: Box<str>,
    #[serde(default)]
    events: Vec<Box<str>>,
    secret: Option<Box<str>>,
}

pub(super) fn create(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let wanted: Create = asked.call.input()?;
    let door = control.door(asked)?;
    check(&*door, Some(&wanted.url), Some(&wanted.events), wanted.secret.as_deref())?;
    let mut made = None;
    let outbox = door.change_outbox(asked.call.wall, &mut |outbox, now| {
        let new_secret = || (door.scheme().new_secret)(outbox.next_secret_seed()).into();
        let secret: Box<str> = wanted.secret.clone().unwrap_or_else(new_secret);
        let endpoint = Endpoint { events: wanted.events.clone(), ..Endpoint::new(&wanted.url, &secret, now) };
        made = Some(outbox.register(endpoint));
        Ok(())
    })?;
    let id = made.ok_or_else(|| Fault::internal("no endpoint was made"))?;
    Ok(Reply::created(&body(&outbox, id)))
}

#[derive(Deserialize)]
struct Update {
    url: Option<Box<str>>,
    events: Option<Vec<Box<str>>>,
    secret: Option<Box<str>>,
    enabled: Option<bool>,
}

pub(super) fn update(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let wanted: Update = asked.call.input()?;
    let door = control.door(asked)?;
    check(&*door, wanted.url.as_deref(), wanted.events.as_deref(), wanted.secret.as_deref())?;
    let outbox = door.change_outbox(asked.call.wall, &mut |outbox, _| {
        let id = asked.call.id(outbox.endpoints())?;
        outbox.change_endpoint(id, |row| {
            if let Some(url) = wanted.url.as_deref() {
                row.url = url.into();
                row.responsive = true;
            }
            if let Some(events) = &wanted.events {
                row.events.clone_from(events);
            }
            if let Some(secret) = wanted.secret.as_deref() {
                row.secret = secret.into();
            }
            if let Some(enabled) = wanted.enabled.filter(|enabled| *enabled != row.enabled) {
                row.enable(enabled);
            }
        });
        Ok(())
    })?;
    let id = asked.call.id(outbox.endpoints())?;
    Ok(Reply::ok(&body(&outbox, id)))
}

pub(super) fn delete(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    control.door(asked)?.change_outbox(asked.call.wall, &mut |outbox, _| {
        let id = asked.call.id(outbox.endpoints())?;
        outbox.remove_endpoint(id);
        Ok(())
    })?;
    Ok(Reply::none())
}

fn check(door: &dyn Door, url: Option<&str>, events: Option<&[Box<str>]>, secret: Option<&str>) -> Result<(), Fault> {
    if let Some(url) = url {
        check_url(url).map_err(|why| Fault::field("/url", "format", why))?;
    }
    if let Some(secret) = secret {
        (door.scheme().check_secret)(secret).map_err(|why| Fault::field("/secret", "format", why))?;
    }
    check_events(door, "/events", events.unwrap_or_default())
}
