//! What stands outside of every mount: health, and the page that says what is here.

use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::{Value, json};

use super::Front;
use crate::api::Reply;

/// Answers a request that means no mount.
pub(super) fn answer(front: &Front, path: &str, headers: &HeaderMap) -> Reply {
    match path.trim_end_matches('/') {
        "/health" | "/healthz" | "/readyz" | "/livez" => Reply::ok(&health()),
        "" => {
            let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
            if accept.contains("text/html") { page(front) } else { Reply::ok(&map(front)) }
        }
        _ => {
            let mut body = map(front);
            body["error"] = json!("not_found");
            body["message"] = json!(format!("There is nothing at {path}: paths begin with the name of a provider"));
            Reply::json(404, &body)
        }
    }
}

/// The body of every health probe.
#[must_use]
pub fn health() -> Value {
    json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })
}

fn map(front: &Front) -> Value {
    let base = front.public_url.as_ref().unwrap_or(&front.base_url);
    let urls = |control: bool| {
        let mounts = front.mounts.iter().filter(move |mount| mount.name().starts_with('_') == control);
        mounts.map(|mount| (mount.name().to_owned(), json!(format!("{base}/{}", mount.name()))))
    };
    let providers: serde_json::Map<String, Value> = urls(false).collect();
    json!({
        "name": "leapday",
        "version": env!("CARGO_PKG_VERSION"),
        "providers": providers,
        "control": urls(true).next().map(|(_, url)| url),
        "health": format!("{base}/health"),
    })
}

fn page(front: &Front) -> Reply {
    let map = map(front);
    let row = |(name, url): (&String, &Value)| format!("<li>{name}: <code>{}</code></li>", url.as_str().unwrap_or(""));
    let providers: String = map["providers"].as_object().into_iter().flatten().map(row).collect();
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Leapday</title>\
         <h1>Leapday {version}</h1><p>A local sandbox for subscription-billing APIs. Point your app at:</p>\
         <ul>{providers}</ul><p>Turn the clock at <code>{control}</code>: \
         <code>POST {control}/clock/advance {{\"by\": \"P1M\"}}</code> with the key of your app, or on the \
         <a href=\"{control}/\">dashboard</a>.</p></html>",
        version = env!("CARGO_PKG_VERSION"),
        control = map["control"].as_str().unwrap_or(""),
    );
    Reply::other("text/html; charset=utf-8", html)
}
