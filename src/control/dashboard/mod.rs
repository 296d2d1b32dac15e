//! `/_leapday/`: the pages on which people look at worlds and turn their clocks. Rendered here, live by server-sent
//! events, and of use without scripts: every button is a form, every detail a link.
//!
//! A message of the live stream says only that something has changed; the page then asks for itself again. An answer
//! holds one message and ends, and the browser comes back with the id of the last: so a server that stops waits for
//! nobody, and nothing is lost between two.

mod acts;
mod details;
mod timeline;
mod view;

use std::time::Duration;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use self::details::Details;
use self::view::{AHEAD, OWN, Worlds};
use super::Control;
use super::gate::CHALLENGE;
use crate::api::{Agenda, Answer, Door, Exchange, Fault, Kind, Reply};
use crate::pages::Fields;
use crate::time::Timestamp;

const SHEET: &str = include_str!("dashboard.css");
const SCRIPT: &str = include_str!("dashboard.js");
/// How long browsers may keep sheet and script: their address names the version.
const ASSETS_KEPT: &str = "public, max-age=86400";
/// How long a listener waits for a change before it is told that there was none.
const LIVE_PATIENCE: Duration = Duration::from_secs(25);
/// How soon the browser comes back, in milliseconds.
const LIVE_RETRY: u32 = 200;

/// Answers what is a page of the dashboard; `None`: the request is for the control API.
pub(super) fn answer<'a>(control: &'a Control, exchange: &'a Exchange<'a>) -> Option<Answer<'a, Reply>> {
    let path = exchange.path.trim_matches('/');
    let reads = exchange.head.method == Method::GET || exchange.head.method == Method::HEAD;
    match path {
        "ui/dashboard.css" => return Some(Answer::Now(asset("text/css; charset=utf-8", SHEET))),
        "ui/dashboard.js" => return Some(Answer::Now(asset("text/javascript; charset=utf-8", SCRIPT))),
        "" | "ui" if reads => {}
        _ if path.starts_with("ui/") => {}
        _ => return None,
    }
    if let Err(fault) = control.admit(exchange.head) {
        return Some(Answer::Now(unknown(exchange, &fault)));
    }
    match path {
        "" => return Some(Answer::Now(worlds(control, exchange))),
        "ui" => return Some(Answer::Now(Reply::redirect(&format!("{}/", exchange.site)))),
        _ => {}
    }
    let mut parts = path.strip_prefix("ui/")?.splitn(3, '/');
    let (provider, key) = (parts.next()?, parts.next()?);
    let rest = parts.next().unwrap_or_default();
    let key = decoded(key);
    let found = control.keeper_of(provider).ok().and_then(|keeper| keeper.world(&key));
    let Some(door) = found else {
        let text = format!("No key {key:?} has a world at {provider}. Worlds live in memory.");
        return Some(Answer::Now(page(404, Details::message(exchange.site, "There is no such world", &text).html())));
    };
    let query = Fields::read(exchange.head.uri.query().unwrap_or_default().as_bytes());
    let place = Place { control, exchange, clock: chosen(&*door, &query, exchange.wall), door, key };
    Some(Answer::Later(Box::pin(async move {
        let answered = if reads { place.show(rest, &query).await } else { place.act(rest).await };
        answered.unwrap_or_else(|fault| place.refuse(&fault))
    })))
}

/// A world that somebody looks at.
struct Place<'a> {
    control: &'a Control,
    exchange: &'a Exchange<'a>,
    door: Box<dyn Door + 'a>,
    key: String,
    /// The clock that its buttons turn; `None`: the world's own.
    clock: Option<String>,
}

/// The clock that somebody looks at: the one that the query names, [`OWN`] being the world's own. Without one it is the
/// newest of the further clocks where nothing is due on the world's own, as it is in tests that use test clocks.
fn chosen(door: &dyn Door, query: &Fields<'_>, wall: Timestamp) -> Option<String> {
    match query.text("clock") {
        "" => {}
        OWN => return None,
        named => return Some(named.to_owned()),
    }
    let (newest, _) = door.further_clocks(wall).pop()?;
    let soon = door.upcoming(&Agenda { clock: None, within: AHEAD, limit: 1 }).ok()?;
    soon["upcoming"].as_array().is_some_and(Vec::is_empty).then_some(newest)
}

impl Place<'_> {
    /// Where its page is.
    fn url(&self) -> String {
        format!("{}/ui/{}/{}", self.exchange.site, self.door.provider(), encoded(&self.key))
    }

    /// Where its page is with the clock that is looked at, if there still is one: an older world may know nothing of it.
    fn here(&self) -> String {
        let known = |clock: &&str| self.door.clock(Some(clock), self.exchange.wall).is_ok();
        let clock = self.clock.as_deref().filter(known).unwrap_or(OWN);
        format!("{}?clock={}", self.url(), encoded(clock))
    }

    async fn show(&self, rest: &str, query: &Fields<'_>) -> Result<Reply, Fault> {
        match rest.split_once('/').unwrap_or((rest, "")) {
            ("", "") => Ok(page(200, self.view(query, None).await?.html())),
            ("live", "") => Ok(self.live().await),
            ("request", number) => self.request(number).await,
            ("event", number) => self.event(number).await,
            ("delivery", id) => self.delivery(id),
            ("rows", noun) => self.rows(&decoded(noun)),
            _ => Err(Fault::new(Kind::NotFound, "There is no such page")),
        }
    }

    /// One message, as soon as the world is another than the one whose mark the browser brings.
    async fn live(&self) -> Reply {
        let headers = &self.exchange.head.headers;
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let mark = self.door.pulse(last, LIVE_PATIENCE).await;
        let event = if last == Some(mark.as_str()) { "quiet" } else { "changed" };
        let text = format!("retry: {LIVE_RETRY}\nid: {mark}\nevent: {event}\ndata: {mark}\n\n");
        Reply::other("text/event-stream", text).with_header("cache-control", "no-store")
    }

    fn refuse(&self, fault: &Fault) -> Reply {
        let status = if fault.kind == Kind::NotFound { 404 } else { 422 };
        let details: Vec<&str> = fault.violations.iter().map(|violation| &*violation.message).collect();
        let text = format!("{}. {}", fault.message, details.join("; "));
        let page_of = Details::message(self.exchange.site, "That cannot be done", text.trim_end_matches(". "));
        page(status, Details { back: self.here(), ..page_of }.html())
    }
}

/// For somebody who may not look at it.
fn unknown(exchange: &Exchange<'_>, fault: &Fault) -> Reply {
    let details: Vec<&str> = fault.violations.iter().map(|violation| &*violation.message).collect();
    let text = format!("{}. {}.", fault.message, details.join("; "));
    let html = Details::message(exchange.site, "Not for everybody", &text).html();
    if fault.kind == Kind::Unauthorized {
        return page(401, html).with_header("www-authenticate", CHALLENGE);
    }
    page(403, html)
}

fn worlds(control: &Control, exchange: &Exchange<'_>) -> Reply {
    let keepers = control.mounts.iter().filter_map(|mount| mount.keeper());
    let worlds = keepers.flat_map(|keeper| keeper.worlds(exchange.wall)).collect();
    page(200, Worlds::new(exchange.site, worlds).html())
}

fn asset(kind: &'static str, text: &'static str) -> Reply {
    Reply::other(kind, text).with_header("cache-control", ASSETS_KEPT)
}

/// A page that may ask this server for more, and tells it so: what it sends is known by its origin.
fn page(status: u16, html: String) -> Reply {
    let mut page = Reply::page(status, html).connected().unframed();
    page.headers.retain(|(name, _)| name != "referrer-policy");
    page.with_header("referrer-policy", "same-origin")
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn encoded(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, &KEPT).to_string()
}
