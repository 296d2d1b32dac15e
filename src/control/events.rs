//! What has happened in a world, in order.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::webhooks::known_event_type;
use super::{Asked, Control, Handler, later};
use crate::api::{Fault, Noun, Reply, Search};
use crate::contract::Violation;
use crate::time::duration;

/// The longest that anybody may wait: what clients and proxies bear.
const PATIENCE_MOST: Duration = Duration::from_secs(60);

pub(super) fn noun() -> Noun<Handler> {
    let list = later("listEvents", Method::GET, "/events", |control, asked| Box::pin(list(control, asked)));
    Noun { name: "events", operations: vec![list] }
}

#[derive(Deserialize)]
struct Filter {
    r#type: Option<String>,
    wait: Option<String>,
}

async fn list(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let page = asked.call.paging();
    let Filter { r#type: event_type, wait } = asked.call.filter()?;
    let door = control.door(&asked)?;
    if let Some(wanted) = event_type.as_deref() {
        known_event_type(&*door, wanted)
            .map_err(|why| Fault::violations(vec![Violation::query("type", "enum", why)]))?;
    }
    let patience = wait.as_deref().map(patience).transpose()?.unwrap_or_default();
    let search = Search {
        from: page.offset,
        limit: page.limit,
        event_type: event_type.as_deref(),
        patience,
        site: asked.call.site,
    };
    let found = door.events(search).await;
    Ok(Reply::ok(&json!({
        "events": found.rows,
        "total": found.total,
        "offset": page.offset,
        "limit": page.limit,
        "next": found.next,
    })))
}

pub(super) fn patience(text: &str) -> Result<Duration, Fault> {
    let wrong = |rule: &'static str, why: String| Fault::violations(vec![Violation::query("wait", rule, why)]);
    let wait =
        duration(text).ok_or_else(|| wrong("format", format!("{text:?} is not a duration; try 10s or 500ms")))?;
    if wait > PATIENCE_MOST {
        return Err(wrong("maximum", format!("at most {}s", PATIENCE_MOST.as_secs())));
    }
    Ok(wait)
}
