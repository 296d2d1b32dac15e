//! The webhook portal: where a merchant keeps endpoints, and sees what became of deliveries.
//!
//! Facts: paygentic-behaviour §5 (endpoints, event types and secrets exist here only; who may not write just looks).

use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;

use super::message;
use crate::api::{Reply, Visit, show, submit};
use crate::pages::{Frame, html};
use crate::providers::paygentic::notices::Notice;
use crate::providers::paygentic::webhooks::PortalLink;
use crate::providers::paygentic::{Page, World};
use crate::webhooks::{SVIX, check_url};
use crate::world::{Answer, ClockId, Delivery, DeliveryStatus as Status, Endpoint, Id, Outbox};

/// How many deliveries the page lists, newest first; the control API has all.
const LISTED: usize = 50;

#[derive(Template)]
#[template(path = "paygentic/pages/webhooks.html")]
struct Portal {
    frame: Frame,
    /// Where forms go; what they do is below it.
    address: String,
    /// Whether the link lets its holder change anything.
    may_write: bool,
    endpoints: Vec<Listed>,
    event_types: &'static [&'static str],
    deliveries: Vec<Sent>,
    more: usize,
    /// What was typed, and what is wrong with it.
    url: String,
    problem: Option<String>,
    notice: Option<&'static str>,
}

struct Listed {
    id: String,
    url: String,
    secret: String,
    events: String,
    state: &'static str,
    /// The colour of the state.
    mark: &'static str,
}

struct Sent {
    id: String,
    event_type: &'static str,
    /// When, to whom, and how the last attempt was answered.
    detail: String,
    status: &'static str,
    mark: &'static str,
    /// Whether there is somebody to send it to once more.
    again: bool,
}

pub(super) fn pages() -> Vec<Page> {
    vec![
        show("/portal/webhooks/{token}", is_link, overview),
        submit("/portal/webhooks/{token}", is_link, add),
        submit("/portal/webhooks/{token}/remove", is_link, remove),
        submit("/portal/webhooks/{token}/resend", is_link, resend),
    ]
}

fn is_link(world: &World, token: &str) -> bool {
    world.state.webhook_portals.contains_key(token)
}

fn overview(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    let link = link(world, visit)?;
    let mut page = Portal::of(world, link, visit);
    page.notice = match visit.query.text("told") {
        "added" => Some("The endpoint hears of what happens from now on."),
        "removed" => Some("The endpoint is gone, and what it was still owed with it."),
        "resent" => Some("Sent once more."),
        _ => None,
    };
    Ok(Reply::page(200, html(&page)))
}

fn add(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    let link = writing(world, visit)?;
    let url = visit.form.text("url");
    let known = |name: &&str| Notice::NAMES.contains(name);
    let unknown = visit.form.all("event").find(|name| !known(name)).map(|name| format!("{name:?} is no event type"));
    if let Some(why) = check_url(url).err().or(unknown) {
        let mut page = Portal::of(world, link, visit);
        url.clone_into(&mut page.url);
        page.problem = Some(why);
        return Err(Reply::page(422, html(&page)));
    }
    let events = visit.form.all("event").map(Into::into).collect();
    let secret = (SVIX.new_secret)(world.outbox.next_secret_seed());
    let endpoint = Endpoint { events, ..Endpoint::new(url, &secret, world.now(ClockId::WORLD)) };
    world.outbox.register(endpoint);
    Ok(back(visit, "added"))
}

fn remove(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    writing(world, visit)?;
    let endpoint = world.outbox.endpoints().find(visit.form.text("endpoint"));
    // Whoever sends the form twice wants the same as once.
    if let Some(id) = endpoint {
        world.outbox.remove_endpoint(id);
    }
    Ok(back(visit, "removed"))
}

fn resend(world: &mut World, visit: &Visit) -> Result<Reply, Reply> {
    writing(world, visit)?;
    let delivery = world.outbox.deliveries().find(visit.form.text("delivery"));
    let live = |id: &_| is_live(world, world.outbox.deliveries()[*id].endpoint);
    let Some(id) = delivery.filter(live) else {
        let text = "There is no such delivery any more, or its endpoint is gone.";
        return Err(message(visit, 404, "Nothing to send", text));
    };
    world.outbox.redeliver(id);
    Ok(back(visit, "resent"))
}

/// The link that the address means, while it can be used.
fn link(world: &World, visit: &Visit) -> Result<PortalLink, Reply> {
    let link =
        world.state.webhook_portals.get(&*visit.token).copied().ok_or_else(|| {
            message(visit, 404, "This link leads nowhere", "There is no such webhook portal any more.")
        })?;
    if world.clock(ClockId::WORLD).reading(visit.wall) >= link.expires_at {
        let text = "It could be used for an hour. GET /v0/webhooks/portal gives a new one.";
        return Err(message(visit, 410, "This link has expired", text));
    }
    Ok(link)
}

fn writing(world: &World, visit: &Visit) -> Result<PortalLink, Reply> {
    let link = link(world, visit)?;
    if link.may_write {
        return Ok(link);
    }
    let text = "It was made with a key that may not change webhooks: it only shows them.";
    Err(message(visit, 403, "This link is for looking only", text))
}

fn back(visit: &Visit, told: &str) -> Reply {
    Reply::redirect(&format!("{}?told={told}", address(visit)))
}

fn address(visit: &Visit) -> String {
    format!("{}/portal/webhooks/{}", visit.site, visit.token)
}

fn is_live(world: &World, endpoint: Id<Endpoint>) -> bool {
    world.outbox.endpoints().get(endpoint).is_some_and(|row| row.enabled)
}

impl Portal {
    fn of(world: &World, link: PortalLink, visit: &Visit) -> Self {
        let outbox = &world.outbox;
        let endpoints = outbox.endpoints().iter().map(|(id, row)| Listed::of(outbox, id, row)).collect();
        let sent = |(id, row): (Id<Delivery>, &Arc<Delivery>)| Sent::of(world, id, row, link.may_write);
        let deliveries: Vec<Sent> = outbox.deliveries().iter().rev().take(LISTED).map(sent).collect();
        Self {
            frame: visit.frame(),
            address: address(visit),
            may_write: link.may_write,
            endpoints,
            event_types: Notice::NAMES,
            more: outbox.deliveries().iter().count().saturating_sub(deliveries.len()),
            deliveries,
            url: String::new(),
            problem: None,
            notice: None,
        }
    }
}

impl Listed {
    fn of(outbox: &Outbox, id: Id<Endpoint>, row: &Endpoint) -> Self {
        let (state, mark) = match (row.enabled, row.responsive) {
            (false, _) => ("Disabled", ""),
            (true, false) => ("Does not answer", "bad"),
            (true, true) => ("Enabled", "good"),
        };
        let events = if row.events.is_empty() { "All events".to_owned() } else { row.events.join(", ") };
        let id = outbox.endpoints().text(id).to_string();
        Self { id, url: row.url.to_string(), secret: row.secret.to_string(), events, state, mark }
    }
}

impl Sent {
    fn of(world: &World, id: Id<Delivery>, row: &Delivery, may_write: bool) -> Self {
        let outbox = &world.outbox;
        let (status, mark) = match row.status {
            Status::Pending => ("Pending", "asks"),
            Status::Succeeded => ("Succeeded", "good"),
            Status::Failed => ("Failed", "bad"),
            Status::Dropped => ("Dropped", ""),
            Status::Cancelled => ("Cancelled", ""),
        };
        let url = outbox.endpoints().get(row.endpoint).map_or("an endpoint that is gone", |row| &*row.url);
        let mut detail = format!("{} · {url}", row.created_at.civil().strftime("%-d %B %Y, %H:%M:%S UTC"));
        if let Some(last) = row.attempts.last() {
            let answer = match &last.answer {
                Answer::Status(status, _) => status.to_string(),
                Answer::Broken(why) => why.to_string(),
                Answer::Silent => "no answer in time".to_owned(),
            };
            let _ = write!(detail, " · attempt {}: {answer}", row.attempts.len());
        }
        let again = may_write && is_live(world, row.endpoint);
        Self { id: outbox.deliveries().text(id).to_string(), event_type: row.event_type, detail, status, mark, again }
    }
}
