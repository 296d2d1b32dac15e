//! What the page of a world shows, and the list of worlds.

use std::time::Duration;

use askama::Template;
use serde_json::Value;

use super::timeline::{Delivery, Item, deliveries, merged};
use super::{Place, encoded};
use crate::api::{Agenda, Criteria, Fault, Inquiry, Search, Site, WorldInfo};
use crate::pages::Fields;
use crate::time::Cadence;

/// How much of the timeline a page shows; older parts are pages of their own.
const ITEMS: usize = 100;
/// Requests beside them: many are reads, which bring no event.
const REQUESTS: usize = 200;
/// How much of the calendar, and of the log of deliveries.
const DUE: usize = 8;
const DELIVERIES: usize = 20;
/// How many clocks there are to choose from: the newest.
const CLOCKS: usize = 10;
/// What the world's own clock is called in addresses.
pub(super) const OWN: &str = "world";
pub(super) const AHEAD: Cadence = Cadence::days(400);

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
    /// What the buttons go on, in the query of their addresses.
    clock: String,
    now: String,
    mode: String,
    /// The clocks of the world, where it has several.
    clocks: Vec<Clock>,
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

/// A clock that can be looked at.
struct Clock {
    name: String,
    link: String,
    now: String,
    is_chosen: bool,
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

/// An event in a line.
pub(super) fn line(event: &Value) -> String {
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let parts = ["/at", "/type", "/about/id", "/about/amount", "/about/currency"].map(word);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

/// A text of some JSON; empty where there is none.
pub(super) fn word(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Due {
    fn of(entry: &Value) -> Self {
        let event = |event: &Value| {
            let parts = ["/type", "/about/amount", "/about/currency"].map(|pointer| word(event, pointer));
            parts.join(" ").trim().to_owned()
        };
        Self {
            at: word(entry, "/at"),
            what: word(entry, "/what").replace('_', " "),
            id: word(entry, "/about/id"),
            events: entry["events"].as_array().into_iter().flatten().map(event).collect(),
        }
    }
}

/// What is left of a script, in a line.
fn scripted(row: &Value) -> String {
    let outcomes: Vec<&str> = row["outcomes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    format!("{}: {}", word(row, "/of"), outcomes.join(", "))
}

impl Place<'_> {
    /// The page of the world, or of an older part of its timeline.
    pub(super) async fn view(&self, query: &Fields<'_>, told: Option<Told>) -> Result<World, Fault> {
        let (site, wall) = (self.exchange.site, self.exchange.wall);
        let chosen = self.clock.as_deref();
        let clock = self.door.clock(chosen, wall)?;
        let look = |from, limit| Search { from, limit, event_type: None, patience: Duration::ZERO, site };
        let total = self.door.events(look(usize::MAX, 1)).await.total;
        let end = query.text("before").parse().unwrap_or(total).min(total);
        let start = end.saturating_sub(ITEMS);
        let events = self.door.events(look(start, end - start)).await.rows;
        let requests = self.requests_until((end < total).then_some(end)).await;
        let upcoming = self.door.upcoming(&Agenda { clock: chosen, within: AHEAD, limit: DUE })?;
        let snapshot = |row: &Value| (word(row, "/name"), encoded(&word(row, "/name")), word(row, "/now"));
        let outbox = self.door.outbox(wall);
        let newest = deliveries(&outbox).into_iter().take(DELIVERIES).map(|(_, delivery)| delivery);
        let faults = self.door.injections(wall).into_iter();
        Ok(World {
            site: site.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            url: self.url(),
            provider: self.door.provider(),
            key: self.key.clone(),
            clock: encoded(chosen.unwrap_or(OWN)),
            clocks: self.clocks()?,
            now: word(&clock, "/now"),
            mode: word(&clock, "/mode"),
            told,
            total,
            items: merged(&requests, &events, deliveries(&outbox)),
            older: start,
            is_newest: end == total,
            due: upcoming["upcoming"].as_array().into_iter().flatten().map(Due::of).collect(),
            deliveries: newest.collect(),
            delivery_count: outbox.deliveries().iter().count(),
            snapshots: self.door.snapshots().iter().map(snapshot).collect(),
            nouns: self.door.shelves(wall).into_iter().map(|(noun, _)| (noun, encoded(noun))).collect(),
            outcomes: self.door.outcomes(wall).iter().map(scripted).collect(),
            faults: faults.map(|(number, rule)| (number, rule.then.to_string())).collect(),
        })
    }

    /// The world's own clock and the further ones, newest first; none where there is no choice.
    fn clocks(&self) -> Result<Vec<Clock>, Fault> {
        let wall = self.exchange.wall;
        let further = self.door.further_clocks(wall);
        if further.is_empty() {
            return Ok(Vec::new());
        }
        let own = (OWN.to_owned(), word(&self.door.clock(None, wall)?, "/now"));
        let newest = further.into_iter().rev().take(CLOCKS).map(|(name, now)| (name, now.to_string()));
        let clock = |(name, now): (String, String)| Clock {
            link: encoded(&name),
            is_chosen: self.clock.as_deref().unwrap_or(OWN) == name,
            name,
            now,
        };
        Ok(std::iter::once(own).chain(newest).map(clock).collect())
    }

    /// The requests of late; of an older part, those before an event.
    async fn requests_until(&self, end: Option<usize>) -> Vec<Value> {
        let criteria = Criteria::default();
        let look = |from, limit| Inquiry { criteria: &criteria, from, limit, patience: Duration::ZERO };
        let total = u64::try_from(self.door.requests(look(u64::MAX, 1)).await.total).unwrap_or_default();
        let from = total.saturating_sub(u64::try_from(REQUESTS).unwrap_or_default());
        let mut requests = self.door.requests(look(from, REQUESTS)).await.rows;
        if let Some(end) = end.and_then(|end| u64::try_from(end).ok()) {
            requests.retain(|request| request["eventCount"].as_u64().is_some_and(|count| count < end));
        }
        requests
    }
}
