//! What has happened in a world, in order.

use http::Method;
use serde_json::json;

use super::{Asked, Control, Handler, row};
use crate::api::{Fault, Noun, Reply};

pub(super) fn noun() -> Noun<Handler> {
    Noun { name: "events", operations: vec![row("listEvents", Method::GET, "/events", list)] }
}

fn list(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let page = asked.call.paging();
    let (events, total) = control.door(asked)?.events(page.offset, page.limit, asked.call.site, asked.call.wall);
    Ok(Reply::ok(&json!({ "events": events, "total": total, "offset": page.offset, "limit": page.limit })))
}
