//! The hosted pages of a mount: token → world → handler → page. No key, no contract; refusals are pages too.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::header::{CONTENT_TYPE, HeaderMap};

use super::hosted::Sent;
use super::worlds::Worlds;
use crate::api::{Exchange, Page, Params, Provider, Reply, RouteError, Router, Turn, Visit};
use crate::pages::{Fields, Frame, Message, asset};

/// How long browsers may keep stylesheet and script: their address names the version.
const ASSETS_KEPT: &str = "public, max-age=86400";
/// What forms are sent as.
const FORM: &str = "application/x-www-form-urlencoded";

/// The pages of one provider.
pub(super) struct Pages<P: Provider> {
    rows: Vec<Page<P::State>>,
    router: Router,
    /// Whether pages are standalone whatever browsers say.
    standalone: bool,
}

impl<P: Provider> Pages<P> {
    /// # Errors
    /// If two rows would answer the same request.
    pub(super) fn new(rows: Vec<Page<P::State>>, standalone: bool) -> Result<Self, String> {
        let mut router = Router::default();
        for (index, row) in rows.iter().enumerate() {
            router.add(&row.method, row.path, index).map_err(|conflict| conflict.to_string())?;
        }
        Ok(Self { rows, router, standalone })
    }

    /// Answers what is a page's; `None`: the request is for the API.
    pub(super) fn answer(&self, worlds: &Worlds<P>, exchange: &Exchange<'_>) -> Option<Reply> {
        if let Some(name) = exchange.path.strip_prefix("/assets/") {
            let (kind, content) = asset(name)?;
            return Some(Reply::other(kind, content).with_header("cache-control", ASSETS_KEPT));
        }
        let (index, params) = match self.router.find(&exchange.head.method, exchange.path) {
            Ok(found) => found,
            Err(RouteError::NotFound) => return None,
            Err(RouteError::Method(allowed)) => {
                let allowed: Vec<&str> = allowed.iter().map(http::Method::as_str).collect();
                let text = "This page cannot be opened in this way. Follow the link that led here once more.";
                let reply = refusal(exchange, 405, "Not like this", text);
                return Some(reply.with_header("allow", allowed.join(", ")));
            }
        };
        let visited = catch_unwind(AssertUnwindSafe(|| self.visit(worlds, &self.rows[index], params, exchange)));
        Some(visited.unwrap_or_else(|_| {
            let text = "The sandbox failed on this page; nothing was changed. Its log says more.";
            refusal(exchange, 500, "Something broke", text)
        }))
    }

    /// The segment of a page's path that opens it.
    pub(super) fn token<'r>(&self, path: &'r str) -> Option<&'r str> {
        self.router.held(path, "token")
    }

    fn visit(&self, worlds: &Worlds<P>, row: &Page<P::State>, params: Params<'_>, exchange: &Exchange<'_>) -> Reply {
        let (tokens, path): (Params<'_>, _) = params.into_iter().partition(|(name, _)| *name == "token");
        let token = tokens.into_iter().next().map(|(_, held)| held).unwrap_or_default();
        let headers = &exchange.head.headers;
        if !exchange.body.is_empty() && !is_form(headers) {
            return refusal(exchange, 415, "Not a form", "This page takes what an HTML form sends, and nothing else.");
        }
        let visit = Visit {
            token,
            path,
            query: Fields::read(exchange.head.uri.query().unwrap_or("").as_bytes()),
            form: Fields::read(exchange.body),
            languages: headers.get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default(),
            framed: if self.standalone { Some(false) } else { framed(headers) },
            wall: exchange.wall,
            site: exchange.site,
        };
        let slot = || {
            let found = worlds.which(|world| (row.opens)(world, &visit.token));
            found.inspect(|slot| slot.touch(visit.wall)).ok_or_else(|| {
                let text = "No world of this sandbox knows this link. Worlds live in memory: they are gone when the \
                            sandbox stops or is reset.";
                refusal(exchange, 404, "This link leads nowhere", text)
            })
        };
        let answer = match row.turn {
            Turn::Show(handler) => slot().and_then(|slot| handler(&slot.read(visit.wall), &visit)),
            Turn::Submit(handler) => slot().map(|slot| {
                let mut events = 0..0;
                let full = |bound| {
                    let text = format!("With this the world would hold more than {bound}.");
                    refusal(exchange, 503, "The sandbox is full", &text)
                };
                let written = slot.change(visit.wall, full, |world| {
                    let first = world.event_count();
                    let page = handler(world, &visit);
                    events = first..world.event_count();
                    page
                });
                let events = if written.is_ok() { events } else { 0..0 };
                let sent = Sent { reply: written.unwrap_or_else(|other| other), violations: Vec::new(), events };
                slot.note(exchange, None, None, &sent);
                sent.reply
            }),
            Turn::Anywhere(handler) => Ok(handler(&visit)),
        };
        answer.unwrap_or_else(|other| other)
    }
}

fn refusal(exchange: &Exchange<'_>, status: u16, title: &'static str, text: &str) -> Reply {
    Reply::page(status, Message::new(Frame::at(exchange.site), title, text).html())
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM))
}

/// What the browser says about where the page will stand.
fn framed(headers: &HeaderMap) -> Option<bool> {
    match headers.get("sec-fetch-dest")?.to_str().ok()? {
        "iframe" | "frame" | "embed" | "object" | "fencedframe" => Some(true),
        "document" => Some(false),
        _ => None,
    }
}
