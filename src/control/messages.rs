//! E-mails and text messages that would have gone out, with the links in them.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::events::patience;
use super::{Asked, Control, Handler, later};
use crate::api::{Fault, Noun, Post, Reply};

pub(super) fn noun() -> Noun<Handler> {
    let list = later("listMessages", Method::GET, "/messages", |control, asked| Box::pin(list(control, asked)));
    Noun { name: "messages", operations: vec![list] }
}

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
    wait: Option<String>,
}

async fn list(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let page = asked.call.paging();
    let Filter { to, wait } = asked.call.filter()?;
    let patience = wait.as_deref().map(patience).transpose()?.unwrap_or_default();
    let door = control.door(&asked)?;
    let wanted = Post { from: page.offset, limit: page.limit, to: to.as_deref(), patience, site: asked.call.site };
    let found = door.messages(wanted).await;
    Ok(Reply::ok(&json!({
        "messages": found.rows,
        "total": found.total,
        "offset": page.offset,
        "limit": page.limit,
        "next": found.next,
    })))
}
