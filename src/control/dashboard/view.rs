//! What the pages show.

use askama::Template;
use http::Request;
use serde_json::Value;

use super::timeline::{Delivery, Item, deliveries, merged};
use super::{Place, encoded, page};
use crate::api::{Agenda, Answer, Body, Criteria, Exchange, Fault, Inquiry, Reply, Search, Site, WorldInfo};
use crate::pages::Fields;
use crate::time::Cadence;

/// How much of the timeline a page shows; older parts are pages of their own.
const ITEMS: usize = 100;
/// Requests beside them: many are reads, which bring no event.
const REQUESTS: u64 = 200;
/// How much of the calendar, and of the log of deliveries.
const DUE: usize = 8;
const DELIVERIES: usize = 20;
const AHEAD: Cadence = Cadence::days(400);

/// All worlds.
#[derive(Template)]
#[template(path = "dashboard/worlds.html")]
pub(super) struct Worlds {
    site: String,
    version: &'static str,
    worlds: Vec<(String, WorldInfo)>,
}

impl Worlds {
    pub(super) fn new(site: Site<'_>, worlds: Vec<WorldInfo>) -> Self {
        let address = |info: WorldInfo| (format!("{site}/ui/{}/{}", info.provider, encoded(&info.key)), info);
        Self {
            site: site.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            worlds: worlds.into_iter().map(address).collect(),
        }
    }

    pub(super) fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// One world.
#[derive(Template)]
#[template(path = "dashboard/world.html")]
pub(super) struct World {
    site: String,
    version: &'static str,
    url: String,
    provider: &'static str,
    key: String,
    now: String,
    mode: String,
    /// What a button has done, or would do.
    told: Option<Told>,
    total: usize,
    items: Vec<Item>,
    /// Where the part before this one begins; 0: there is none.
    older: usize,
    /// Whether this is the newest part.
    is_newest: bool,
    due: Vec<Due>,
    deliveries: Vec<Delivery>,
    delivery_count: usize,
    /// Name, the same for an address, and the instant.
    snapshots: Vec<(String, String, String)>,
    nouns: Vec<(&'static str, String)>,
    outcomes: Vec<String>,
    faults: Vec<(u32, String)>,
}

/// What an advance brought, or a preview would.
pub(super) struct Told {
    pub(super) title: String,
    pub(super) events: Vec<String>,
    pub(super) more: usize,
}

struct Due {
    at: String,
    what: String,
    id: String,
    events: Vec<String>,
}

impl World {
    pub(super) fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// Something looked at closely, or a message.
#[derive(Template)]
#[template(path = "dashboard/details.html")]
pub(super) struct Details {
    pub(super) site: String,
    pub(super) version: &'static str,
    pub(super) back: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) parts: Vec<(&'static str, String)>,
}

impl Details {
    pub(super) fn message(site: Site<'_>, title: &str, text: &str) -> Self {
        Self {
            site: site.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            back: format!("{site}/"),
            title: title.to_owned(),
            text: text.to_owned(),
            parts: Vec::new(),
        }
    }

    pub(super) fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// An event in a line.
pub(super) fn line(event: &Value) -> String {
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let parts = ["/at", "/type", "/about/id", "/about/amount", "/about/currency"].map(word);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

/// JSON as people read it; what is none, as it is.
fn pretty(value: &Value) -> String {
    let Some(text) = value.as_str() else { return format!("{value:#}") };
    serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |value| format!("{value:#}"))
}

impl Place<'_> {
    pub(super) async fn view(&self, query: &Fields<'_>, told: Option<Told>) -> Result<World, Fault> {
        let (site, wall) = (self.exchange.site, self.exchange.wall);
        let clock = self.door.clock(None, wall)?;
        let look = |from, limit| Search { from, limit, event_type: None, patience: std::time::Duration::ZERO, site };
        let total = self.door.events(look(usize::MAX, 1)).await.total;
        let end = query.text("before").parse().unwrap_or(total).min(total);
        let start = end.saturating_sub(ITEMS);
        let events = self.door.events(look(start, end - start)).await.rows;
        let criteria = Criteria::default();
        let all = self
            .door
            .requests(Inquiry { criteria: &criteria, from: u64::MAX, limit: 1, patience: std::time::Duration::ZERO })
            .await;
        let latest = u64::try_from(all.total).unwrap_or_default();
        let inquiry = Inquiry {
            criteria: &criteria,
            from: latest.saturating_sub(REQUESTS),
            limit: usize::try_from(REQUESTS).unwrap_or(usize::MAX),
            patience: std::time::Duration::ZERO,
        };
        let mut requests = self.door.requests(inquiry).await.rows;
        if end < total {
            requests.retain(|request| {
                request["eventCount"].as_u64().is_some_and(|count| count < u64::try_from(end).unwrap_or(u64::MAX))
            });
        }
        let outbox = self.door.outbox(wall);
        let agenda = Agenda { clock: None, within: AHEAD, limit: DUE };
        let upcoming = self.door.upcoming(&agenda)?;
        let due = |entry: &Value| Due {
            at: entry["at"].as_str().unwrap_or_default().to_owned(),
            what: entry["what"].as_str().unwrap_or_default().replace('_', " "),
            id: entry["about"]["id"].as_str().unwrap_or_default().to_owned(),
            events: entry["events"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|event| {
                    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                    format!("{} {} {}", word("/type"), word("/about/amount"), word("/about/currency")).trim().to_owned()
                })
                .collect(),
        };
        let snapshots = self.door.snapshots();
        let word = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let outcome = |row: &Value| {
            format!(
                "{}: {}",
                word(row, "of"),
                row["outcomes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        };
        let snapshot = |row: &Value| (word(row, "name"), encoded(&word(row, "name")), word(row, "now"));
        let log = deliveries(&outbox);
        let delivery_count = log.len();
        Ok(World {
            site: site.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            url: self.url(),
            provider: self.door.provider(),
            key: self.key.clone(),
            now: word(&clock, "now"),
            mode: word(&clock, "mode"),
            told,
            total,
            items: merged(&requests, &events, log),
            older: start,
            is_newest: end == total,
            due: upcoming["upcoming"].as_array().into_iter().flatten().map(due).collect(),
            deliveries: deliveries(&outbox).into_iter().take(DELIVERIES).map(|(_, delivery)| delivery).collect(),
            delivery_count,
            snapshots: snapshots.iter().map(snapshot).collect(),
            nouns: self.door.shelves(wall).into_iter().map(|(noun, _)| (noun, encoded(noun))).collect(),
            outcomes: self.door.outcomes(wall).iter().map(outcome).collect(),
            faults: self
                .door
                .injections(wall)
                .into_iter()
                .map(|(number, rule)| (number, rule.then.to_string()))
                .collect(),
        })
    }

    fn details(&self, title: String, text: String, parts: Vec<(&'static str, String)>) -> Reply {
        let details = Details::message(self.exchange.site, &title, &text);
        page(200, Details { back: self.url(), parts, ..details }.html())
    }

    pub(super) async fn request(&self, number: &str) -> Result<Reply, Fault> {
        let from = number.parse().map_err(|_| Fault::no_such("request", number))?;
        let criteria = Criteria::default();
        let found = self
            .door
            .requests(Inquiry { criteria: &criteria, from, limit: 1, patience: std::time::Duration::ZERO })
            .await;
        let request = found.rows.first().filter(|row| row["number"] == from);
        let request = request.ok_or_else(|| Fault::no_such("request", number))?;
        let word = |field: &str| request[field].as_str().unwrap_or_default();
        let violations = request["violations"].as_array().into_iter().flatten();
        let violations: Vec<String> = violations
            .map(|one| {
                format!(
                    "{} {}: {}",
                    one["place"].as_str().unwrap_or_default(),
                    one["pointer"].as_str().unwrap_or_default(),
                    one["message"].as_str().unwrap_or_default()
                )
            })
            .collect();
        let parts = [
            ("Body", pretty(&request["body"])),
            ("Violations", violations.join("\n")),
            ("Answer", pretty(&request["answer"])),
        ];
        let parts = parts.into_iter().filter(|(_, text)| !text.is_empty() && text != "null").collect();
        Ok(self.details(
            format!("{} {}", word("method"), word("path")),
            format!("{} at {}", request["status"], word("at")),
            parts,
        ))
    }

    pub(super) async fn event(&self, number: &str) -> Result<Reply, Fault> {
        let from = number.parse().map_err(|_| Fault::no_such("event", number))?;
        let search =
            Search { from, limit: 1, event_type: None, patience: std::time::Duration::ZERO, site: self.exchange.site };
        let found = self.door.events(search).await;
        let event = found.rows.first().ok_or_else(|| Fault::no_such("event", number))?;
        Ok(self.details(
            event["type"].as_str().unwrap_or_default().to_owned(),
            line(event),
            vec![("Body", pretty(&event["body"]))],
        ))
    }

    pub(super) fn delivery(&self, text: &str) -> Result<Reply, Fault> {
        let outbox = self.door.outbox(self.exchange.wall);
        let id = outbox.deliveries().find(text).ok_or_else(|| Fault::no_such("delivery", text))?;
        let row = &outbox.deliveries()[id];
        let mut parts = vec![("Body", pretty(&Value::String(String::from_utf8_lossy(&row.body).into_owned())))];
        for attempt in &row.attempts {
            let headers: Vec<String> = attempt.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let answer = match &attempt.answer {
                crate::world::Answer::Status(status, body) => format!("{status} {body}"),
                crate::world::Answer::Broken(why) => why.to_string(),
                crate::world::Answer::Silent => "no answer in time".to_owned(),
            };
            parts.push(("Attempt", format!("{}\n{}\n\n{answer}", attempt.at, headers.join("\n"))));
        }
        Ok(self.details(row.event_type.to_owned(), format!("delivery {text}"), parts))
    }

    /// The rows of a noun as the vendor's API lists them.
    pub(super) fn rows(&self, noun: &str) -> Result<Reply, Fault> {
        let missing = || Fault::no_such("list", noun);
        let shelves = self.door.shelves(self.exchange.wall);
        let (_, path) = shelves.into_iter().find(|(known, _)| *known == noun).ok_or_else(missing)?;
        let mount =
            self.control.mounts.iter().find(|mount| mount.name() == self.door.provider()).ok_or_else(missing)?;
        let mut request = Request::builder().uri(&path).header("leapday-quiet", "1");
        for (name, value) in mount.keeper().map(|keeper| keeper.credentials(&self.key)).unwrap_or_default() {
            request = request.header(name, value);
        }
        let (head, ()) = request.body(()).map_err(|error| Fault::internal(error.to_string()))?.into_parts();
        let body = bytes::Bytes::new();
        let below = head.uri.path().to_owned();
        let exchange = Exchange { head: &head, body: &body, path: mount.path(&below), ..*self.exchange };
        let Answer::Now(reply) = mount.answer(&exchange) else { return Err(missing()) };
        let answer: Value = match &reply.body {
            Body::Json(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
            _ => Value::Null,
        };
        let lists = [&answer["data"], &answer["result"]["content"], &answer["result"]];
        let rows = lists.into_iter().find_map(Value::as_array).cloned().unwrap_or_default();
        let parts: Vec<_> = rows.iter().map(|row| ("", pretty(row))).collect();
        Ok(self.details(noun.to_owned(), format!("GET {path}: {} shown", parts.len()), parts))
    }
}
