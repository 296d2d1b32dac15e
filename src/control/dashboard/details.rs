//! One request, event, delivery or list of rows, looked at closely.

use std::time::Duration;

use askama::Template;
use http::Request;
use serde_json::Value;

use super::view::{line, word};
use super::{Place, page};
use crate::api::{Answer, Body, Criteria, Exchange, Fault, Inquiry, Reply, Search, Site};
use crate::world;

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

/// JSON as people read it; what is none, as it is.
fn pretty(value: &Value) -> String {
    let Some(text) = value.as_str() else { return format!("{value:#}") };
    serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |value| format!("{value:#}"))
}

impl Place<'_> {
    fn details(&self, title: &str, text: &str, parts: Vec<(&'static str, String)>) -> Reply {
        let details = Details::message(self.exchange.site, title, text);
        page(200, Details { back: self.here(), parts, ..details }.html())
    }

    pub(super) async fn request(&self, number: &str) -> Result<Reply, Fault> {
        let from = number.parse().map_err(|_| Fault::no_such("request", number))?;
        let criteria = Criteria::default();
        let inquiry = Inquiry { criteria: &criteria, from, limit: 1, patience: Duration::ZERO };
        let found = self.door.requests(inquiry).await;
        let request = found.rows.first().filter(|row| row["number"] == from);
        let request = request.ok_or_else(|| Fault::no_such("request", number))?;
        let violation =
            |one: &Value| format!("{} {}: {}", word(one, "/place"), word(one, "/pointer"), word(one, "/message"));
        let violations: Vec<String> = request["violations"].as_array().into_iter().flatten().map(violation).collect();
        let parts = [
            ("Body", pretty(&request["body"])),
            ("Violations", violations.join("\n")),
            ("Answer", pretty(&request["answer"])),
        ];
        let parts = parts.into_iter().filter(|(_, text)| !text.is_empty() && text != "null").collect();
        let title = format!("{} {}", word(request, "/method"), word(request, "/path"));
        Ok(self.details(&title, &format!("{} at {}", request["status"], word(request, "/at")), parts))
    }

    pub(super) async fn event(&self, number: &str) -> Result<Reply, Fault> {
        let from = number.parse().map_err(|_| Fault::no_such("event", number))?;
        let site = self.exchange.site;
        let found = self.door.events(Search { from, limit: 1, event_type: None, patience: Duration::ZERO, site }).await;
        let event = found.rows.first().ok_or_else(|| Fault::no_such("event", number))?;
        Ok(self.details(&word(event, "/type"), &line(event), vec![("Body", pretty(&event["body"]))]))
    }

    pub(super) fn delivery(&self, text: &str) -> Result<Reply, Fault> {
        let outbox = self.door.outbox(self.exchange.wall);
        let id = outbox.deliveries().find(text).ok_or_else(|| Fault::no_such("delivery", text))?;
        let row = &outbox.deliveries()[id];
        let mut parts = vec![("Body", pretty(&Value::String(String::from_utf8_lossy(&row.body).into_owned())))];
        for attempt in &row.attempts {
            let headers: Vec<String> = attempt.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let answer = match &attempt.answer {
                world::Answer::Status(status, body) => format!("{status} {body}"),
                world::Answer::Broken(why) => why.to_string(),
                world::Answer::Silent => "no answer in time".to_owned(),
            };
            parts.push(("Attempt", format!("{}\n{}\n\n{answer}", attempt.at, headers.join("\n"))));
        }
        Ok(self.details(row.event_type, &format!("delivery {text}"), parts))
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
        Ok(self.details(noun, &format!("GET {path}: {} shown", parts.len()), parts))
    }
}
