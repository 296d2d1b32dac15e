//! The outer way of a request: read, dated, sent to its mount, answered, logged. One place renders.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::welcome;
use crate::api::{Body, Exchange, Fault, Kind, Mount, Reply};
use crate::time::{Stopwatch, wall};

const VERSION: HeaderName = HeaderName::from_static("leapday-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("leapday-request-id");
/// The headers that every answer has, those of hyper included.
const FIXED_HEADERS: usize = 8;

/// How much of a refused body is still read and thrown away: more than anybody sends by mistake.
const DRAINED_MOST: usize = 64 * 1024 * 1024;

/// What the pipeline needs to know of the server it stands in.
pub struct Front {
    pub mounts: Vec<Arc<dyn Mount>>,
    pub max_body: usize,
    /// What the user said that the sandbox is called from outside.
    pub public_url: Option<String>,
    /// Where it listens.
    pub base_url: String,
    requests: AtomicU64,
}

impl Front {
    #[must_use]
    pub fn new(mounts: Vec<Arc<dyn Mount>>, max_body: usize, public_url: Option<String>, base_url: String) -> Self {
        Self { mounts, max_body, public_url, base_url, requests: AtomicU64::new(0) }
    }

    /// Answers one request, whatever happens.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let started = Stopwatch::start();
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let reply = self.inner(request).await;
        let status = reply.status;
        let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        if status >= 500 && status != 501 {
            tracing::warn!(%method, path, status, duration_us, request.id = number, "request failed");
        } else if status >= 400 {
            let violation =
                reply.headers.iter().find(|(name, _)| *name == "leapday-violation").map(|(_, line)| line.as_str());
            tracing::info!(%method, path, status, duration_us, request.id = number, violation, "request refused");
        } else {
            tracing::debug!(%method, path, status, duration_us, request.id = number, "request");
        }
        render(reply, number)
    }

    async fn inner(&self, request: Request<Incoming>) -> Reply {
        if request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return preflight(&request);
        }
        let Some((mount, below)) = self.mount(&request) else {
            return welcome::answer(self, request.uri().path(), request.headers());
        };
        let below = below.to_owned();
        let (parts, mut incoming) = request.into_parts();
        let body = match Limited::new(&mut incoming, self.max_body).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                drain(incoming).await;
                return mount.refuse(&unreadable(error.as_ref(), self.max_body));
            }
        };
        let request = Request::from_parts(parts, body);
        let base = self.base(&request);
        let exchange = Exchange { request: &request, path: &below, wall: wall(), base: &base };
        catch_unwind(AssertUnwindSafe(|| mount.answer(&exchange))).unwrap_or_else(|_| {
            mount.refuse(&Fault::internal("The sandbox failed on this request; nothing was changed. Its log says more"))
        })
    }

    /// The mount that a request means: by the vendor's host name, else by the first path segment.
    fn mount<'r>(&self, request: &'r Request<Incoming>) -> Option<(&Arc<dyn Mount>, &'r str)> {
        let path = request.uri().path();
        if let Some(host) = host(request) {
            let name = host.split(':').next().unwrap_or("");
            if let Some(mount) = self.mounts.iter().find(|mount| mount.hosts().contains(&name)) {
                return Some((mount, path));
            }
        }
        let (first, _) = path[1.min(path.len())..].split_once('/').unwrap_or((&path[1.min(path.len())..], ""));
        let mount = self.mounts.iter().find(|mount| mount.name() == first)?;
        Some((mount, &path[1 + first.len()..]))
    }

    /// How whoever asks reaches this server.
    fn base(&self, request: &Request<Bytes>) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let named = host(request).filter(|host| {
            let name = host.split(':').next().unwrap_or("");
            !self.mounts.iter().any(|mount| mount.hosts().contains(&name))
        });
        match named {
            Some(host) => {
                let scheme = request.headers().get("x-forwarded-proto").and_then(|value| value.to_str().ok());
                format!("{}://{host}", scheme.unwrap_or("http"))
            }
            None => self.base_url.clone(),
        }
    }
}

fn host<B>(request: &Request<B>) -> Option<&str> {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    named.or_else(|| request.uri().authority().map(http::uri::Authority::as_str))
}

/// Reads on after a refusal: a sender that is cut off in the middle of its body never gets to the answer.
async fn drain(mut body: Incoming) {
    let mut read = 0;
    while read < DRAINED_MOST
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static), max_body: usize) -> Fault {
    if error.is::<LengthLimitError>() {
        Fault::new(Kind::TooLarge, format!("The body is larger than {max_body} bytes (--max-body)"))
    } else {
        Fault::bad_request(format!("The body could not be read: {error}"))
    }
}

/// Browsers may call from any page: this is a sandbox, and its keys are not secrets.
fn preflight(request: &Request<Incoming>) -> Reply {
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let headers = asked.and_then(|value| value.to_str().ok()).unwrap_or("*").to_owned();
    Reply::none()
        .with_header("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
        .with_header("access-control-allow-headers", headers)
        .with_header("access-control-max-age", "600")
}

fn render(reply: Reply, number: u64) -> Response<Full<Bytes>> {
    let (kind, body) = match reply.body {
        Body::Empty => (None, Bytes::new()),
        Body::Json(bytes) => (Some("application/json"), bytes),
        Body::Other(kind, bytes) => (Some(kind), bytes),
    };
    let mut headers = HeaderMap::with_capacity(FIXED_HEADERS + reply.headers.len());
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    headers.insert(VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers.insert(REQUEST_ID, HeaderValue::from(number));
    for (name, value) in reply.headers {
        // Our own names are valid; a value that cannot stand in a header is left out.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
