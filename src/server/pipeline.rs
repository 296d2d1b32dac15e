//! The outer way of a request: read, dated, sent to its mount, answered, logged. One place renders.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};

use super::line::Payload;
use super::state_file::Saver;
use super::tls::{Certificates, Tls};
use super::welcome;
use crate::api::{Answer, Body, Exchange, Fate, Fault, Kind, Mount, Reply, Site};
use crate::time::{Stopwatch, wall};

const VERSION: HeaderName = HeaderName::from_static("leapday-version");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REQUEST_ID: HeaderName = HeaderName::from_static("leapday-request-id");
/// How much of a body that is too large is read and dropped before the connection is given up.
const DRAINED_MOST: usize = 64 << 20;

/// What the pipeline needs to know of the server it stands in.
pub struct Front {
    pub mounts: Vec<Arc<dyn Mount>>,
    pub max_body: usize,
    /// What the user said that the sandbox is called from outside.
    pub public_url: Option<String>,
    /// Where it listens.
    pub base_url: String,
    pub tls: Tls,
    /// Whether a proxied connection to somebody else's host is let through.
    pub proxy_others: bool,
    /// After how long a world is forgotten that nobody asks.
    pub idle_expiry: Option<Duration>,
    /// How long a client may take over the head of a request, and be silent in the middle of a body.
    pub patience: Duration,
    /// Where worlds are saved from time to time.
    pub saver: Option<Saver>,
    requests: AtomicU64,
}

/// What the user has said of the server, and where it is.
#[derive(Debug, Clone)]
pub struct Setup {
    pub max_body: usize,
    pub public_url: Option<String>,
    pub base_url: String,
    pub certificates: Certificates,
    pub proxy_others: bool,
    pub idle_expiry: Option<Duration>,
    pub patience: Duration,
    pub saver: Option<Saver>,
}

impl Front {
    #[must_use]
    pub fn new(mounts: Vec<Arc<dyn Mount>>, setup: Setup) -> Self {
        let Setup { max_body, public_url, base_url, certificates, proxy_others, idle_expiry, patience, saver } = setup;
        let tls = Tls::new(certificates, mounts.iter().flat_map(|mount| mount.hosts()).copied());
        let requests = AtomicU64::new(0);
        Self { mounts, max_body, public_url, base_url, tls, proxy_others, idle_expiry, patience, saver, requests }
    }

    /// Answers one request, whatever happens.
    ///
    /// # Errors
    /// If somebody wants the connection to end instead.
    pub async fn answer(&self, request: Request<Incoming>, secure: bool) -> Result<Response<Payload>, Fate> {
        let started = tracing::enabled!(tracing::Level::DEBUG).then(Stopwatch::start);
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let (mut head, incoming) = request.into_parts();
        name_host(&mut head);
        let reply = self.inner(&head, incoming, secure).await;
        let method = &head.method;
        let from_browser = head.headers.contains_key(header::ORIGIN);
        let status = reply.status;
        // Measured only where every request is logged: reading the clock is not free.
        let duration_us = started.map(|started| u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
        if status >= 500 && status != 501 {
            tracing::warn!(%method, path = %self.shown(&head, secure), status, duration_us, request.id = number, "request failed");
        } else if status >= 400 {
            let violation =
                reply.headers.iter().find(|(name, _)| *name == "leapday-violation").map(|(_, line)| line.as_str());
            tracing::info!(%method, path = %self.shown(&head, secure), status, duration_us, request.id = number, violation, "request refused");
        } else {
            tracing::debug!(%method, path = %self.shown(&head, secure), status, duration_us, request.id = number, "request");
        }
        match reply.fate {
            Fate::Sent => Ok(render(reply, number, from_browser)),
            Fate::Cut => Ok(Payload::halved(render(reply, number, from_browser))),
            fate @ (Fate::Lost | Fate::Reset) => Err(fate),
        }
    }

    async fn inner(&self, head: &Parts, incoming: Incoming, secure: bool) -> Reply {
        if head.method == Method::OPTIONS && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return preflight(&head.headers);
        }
        let Some(Meant { mount, path, site }) = self.mount(head, secure) else {
            return welcome::answer(self, self.inside(head.uri.path()), &head.headers);
        };
        let body = match read(incoming, mount.max_body(self.max_body), self.patience).await {
            Ok(body) => body,
            Err(fault) => return mount.refuse(&fault),
        };
        let exchange = Exchange { head, body: &body, path: mount.path(path), wall: wall(), site };
        let answer = catch_unwind(AssertUnwindSafe(|| mount.answer(&exchange)));
        let reply = match answer {
            Ok(Answer::Now(reply)) => Ok(reply),
            Ok(Answer::Later(later)) => AssertUnwindSafe(later).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        reply.unwrap_or_else(|_| {
            mount.refuse(&Fault::internal("The sandbox failed on this request; nothing was changed. Its log says more"))
        })
    }

    /// The mount that a request means: by the vendor's host name, else by the first path segment.
    fn mount<'r>(&'r self, head: &'r Parts, secure: bool) -> Option<Meant<'r>> {
        let (path, host) = (head.uri.path(), host(head));
        if let Some(mount) = host.and_then(|host| self.vendor(host)) {
            let url = self.public_url.as_ref().unwrap_or(&self.base_url);
            return Some(Meant { mount, path, site: Site::below(url, mount.name()) });
        }
        let path = self.inside(path);
        let below = path.strip_prefix('/').unwrap_or(path);
        let end = below.bytes().position(|byte| byte == b'/').unwrap_or(below.len());
        let mount = self.mounts.iter().find(|mount| mount.name() == &below[..end])?;
        let site = match (&self.public_url, host) {
            (Some(url), _) => Site::below(url, mount.name()),
            (None, Some(host)) => {
                let scheme = head.headers.get(FORWARDED_PROTO).and_then(|value| value.to_str().ok());
                Site::at(scheme.unwrap_or(if secure { "https" } else { "http" }), host, mount.name())
            }
            (None, None) => Site::below(&self.base_url, mount.name()),
        };
        Some(Meant { mount, path: &below[end..], site })
    }

    /// A path without that of the public URL, which a proxy in front may leave in its place.
    fn inside<'r>(&self, path: &'r str) -> &'r str {
        let rest = self.public_url.as_deref().and_then(|url| path.strip_prefix(path_of(url)));
        rest.filter(|rest| rest.starts_with('/')).unwrap_or(path)
    }

    /// Forgets the worlds that nobody has asked anything for so long.
    pub(super) fn expire(&self, idle: Duration) {
        let keepers = self.mounts.iter().filter_map(|mount| mount.keeper());
        let count: usize = keepers.map(|keeper| keeper.expire(wall(), idle)).sum();
        if count > 0 {
            tracing::info!(worlds = count, "idle worlds forgotten");
        }
    }

    /// The path of a request as the log shows it: what opens a world or a page is shortened.
    fn shown<'r>(&self, head: &'r Parts, secure: bool) -> Cow<'r, str> {
        let path = head.uri.path();
        let secret = self.mount(head, secure).and_then(|Meant { mount, path, .. }| mount.secret(mount.path(path)));
        secret.map_or(Cow::Borrowed(path), |secret| path.replacen(secret, &shortened(secret), 1).into())
    }

    /// Whether a host name is one of a vendor's.
    pub(super) fn is_vendor(&self, host: &str) -> bool {
        self.vendor(host).is_some()
    }

    /// The mount whose vendor a host name belongs to.
    fn vendor(&self, host: &str) -> Option<&Arc<dyn Mount>> {
        self.mounts.iter().find(|mount| mount.hosts().iter().any(|vendor| host_is(host, vendor)))
    }
}

/// The path of a URL; empty if it has none.
fn path_of(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.find('/').map_or("", |start| &authority[start..])
}

/// Whether a `Host` header names a host, with a port or without.
fn host_is(header: &str, host: &str) -> bool {
    header.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// A mount, the path below it, and where whoever asks reaches it.
struct Meant<'r> {
    mount: &'r Arc<dyn Mount>,
    path: &'r str,
    site: Site<'r>,
}

/// HTTP/2 says the host beside the headers: whoever looks finds it among them.
fn name_host(head: &mut Parts) {
    if !head.headers.contains_key(header::HOST)
        && let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(header::HOST, host);
    }
}

fn host(head: &Parts) -> Option<&str> {
    head.headers.get(header::HOST).and_then(|value| value.to_str().ok())
}

/// Reads a body of at most `most` bytes. What is too large is read to its end and dropped, within reason: a
/// client that is still sending would see a broken connection instead of the refusal.
async fn read(mut incoming: Incoming, most: usize, patience: Duration) -> Result<Bytes, Fault> {
    if incoming.is_end_stream() {
        return Ok(Bytes::new());
    }
    let mut body = BytesMut::new();
    let mut size = 0;
    loop {
        // Most bodies are there already, and cost no timer.
        let frame = match incoming.frame().now_or_never() {
            Some(frame) => frame,
            None => tokio::time::timeout(patience, incoming.frame()).await.map_err(|_| {
                Fault::bad_request(format!("The body broke off: nothing was sent for {} s", patience.as_secs_f64()))
            })?,
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| Fault::bad_request(format!("The body could not be read: {error}")))?;
        let Some(data) = frame.data_ref() else { continue };
        size += data.len();
        if size <= most {
            body.extend_from_slice(data);
        } else if size > most.saturating_add(DRAINED_MOST) {
            break;
        }
    }
    if size > most {
        return Err(Fault::new(Kind::TooLarge, format!("The body is larger than {most} bytes (--max-body)")));
    }
    Ok(body.freeze())
}

/// Enough of something to recognise it, and not to use it.
fn shortened(secret: &str) -> String {
    const SHOWN: usize = 12;
    let length = secret.chars().count();
    secret.chars().take(SHOWN.min(length / 2)).chain("...".chars()).collect()
}

/// Browsers may call from any page: this is a sandbox, and its keys are not secrets.
fn preflight(headers: &HeaderMap) -> Reply {
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let headers = asked.and_then(|value| value.to_str().ok()).unwrap_or("*").to_owned();
    Reply::none()
        .with_header("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
        .with_header("access-control-allow-headers", headers)
        .with_header("access-control-max-age", "600")
}

/// Most names and content types are the program's own, and cost nothing. Those of a remembered answer may have been
/// read from a file.
fn name_of(name: Cow<'static, str>) -> Option<HeaderName> {
    match name {
        Cow::Borrowed(name) => Some(HeaderName::from_static(name)),
        Cow::Owned(name) => name.parse().ok(),
    }
}

fn value_of(kind: Cow<'static, str>) -> Option<HeaderValue> {
    match kind {
        Cow::Borrowed(kind) => Some(HeaderValue::from_static(kind)),
        Cow::Owned(kind) => kind.parse().ok(),
    }
}

fn render(reply: Reply, number: u64, from_browser: bool) -> Response<Payload> {
    let mut headers = HeaderMap::with_capacity(8);
    let (kind, body) = match reply.body {
        Body::Empty => (None, Bytes::new()),
        Body::Json(bytes) => (Some(Cow::Borrowed("application/json")), bytes),
        Body::Other(kind, bytes) => (Some(kind), bytes),
    };
    if let Some(kind) = kind.and_then(value_of) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if from_browser {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    }
    headers.insert(VERSION, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    headers.insert(REQUEST_ID, HeaderValue::from(number));
    for (name, value) in reply.headers {
        // Our own names are valid; a value that cannot stand in a header is left out.
        if let (Some(name), Ok(value)) = (name_of(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let mut response = Response::new(Payload::from(body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
