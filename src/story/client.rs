//! What a story speaks with: a client of the sandbox, and somebody who receives its webhooks.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::api::ADMIN_HEADER;

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Map<String, Value>,
    /// JSON, or the text that it is instead.
    pub body: Value,
}

/// One that never came, and why.
#[derive(Debug, Clone)]
pub struct Lost(pub String);

/// What is sent with a request.
#[derive(Debug, Clone)]
pub enum Content {
    Json(Value),
    /// As a browser's form has it.
    Form(String),
}

/// Calls of one story, or of the command that runs them.
#[derive(Clone)]
pub struct Client {
    base: Arc<str>,
    admin_token: Option<Arc<str>>,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Client {
    #[must_use]
    pub fn new(base: &str, admin_token: Option<&str>) -> Self {
        let http = Http::builder(TokioExecutor::new()).build_http();
        Self { base: base.trim_end_matches('/').into(), admin_token: admin_token.map(Arc::from), http }
    }

    /// What a call about another world than that of its key needs, where the sandbox asks for it.
    #[must_use]
    pub fn admin(&self) -> Option<(String, String)> {
        self.admin_token.as_ref().map(|token| (ADMIN_HEADER.to_owned(), token.to_string()))
    }

    /// # Errors
    /// If no answer came, or not the whole of it.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<Content>,
    ) -> Result<Answer, Lost> {
        let lost = |error: &dyn std::fmt::Display| Lost(format!("{method} {path}: {error}"));
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let (kind, bytes) = match body {
            None => (None, Bytes::new()),
            Some(Content::Json(body)) => (Some("application/json"), body.to_string().into()),
            Some(Content::Form(body)) => (Some("application/x-www-form-urlencoded"), body.into()),
        };
        if let Some(kind) = kind.filter(|_| !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")))
        {
            request = request.header("content-type", kind);
        }
        let request = request.body(Full::new(bytes)).map_err(|error| lost(&error))?;
        let answer = self.http.request(request).await.map_err(|error| lost(&error))?;
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap_or_default()))).collect();
        let bytes = answer.into_body().collect().await.map_err(|error| lost(&error))?.to_bytes();
        let text = || if bytes.is_empty() { Value::Null } else { json!(String::from_utf8_lossy(&bytes)) };
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Ok(Answer { status, headers, body })
    }
}

/// Webhooks as they came, and how they are answered.
#[derive(Default)]
struct Inbox {
    received: Mutex<Vec<Received>>,
    answer: AtomicU16,
    arrived: Notify,
}

/// A webhook as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: Map<String, Value>,
    pub body: Value,
    /// Whether a step of the story has looked for it already.
    seen: bool,
}

/// Somebody who receives webhooks on a port of this machine.
pub struct Receiver {
    pub url: String,
    inbox: Arc<Inbox>,
    listening: JoinHandle<()>,
}

impl Receiver {
    /// # Errors
    /// If there is no port.
    pub async fn listen() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let inbox = Arc::new(Inbox { answer: AtomicU16::new(200), ..Inbox::default() });
        let shared = Arc::clone(&inbox);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inbox = Arc::clone(&shared);
                let service = service_fn(move |request| take(Arc::clone(&inbox), request));
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self { url, inbox, listening })
    }

    /// How webhooks are answered from now on.
    pub fn answer(&self, status: u16) {
        self.inbox.answer.store(status, Ordering::Release);
    }

    /// Those that nobody has looked for yet and that are as wanted, as soon as there are so many; at the latest when
    /// patience has run out.
    pub async fn find(&self, least: usize, patience: Duration, wanted: impl Fn(&Received) -> bool) -> Vec<Received> {
        let look = |seen: bool| {
            let mut received = self.inbox.received.lock().unwrap_or_else(PoisonError::into_inner);
            let found = received.iter_mut().filter(|one| !one.seen && wanted(one));
            let found = found.map(|one| {
                one.seen |= seen;
                one.clone()
            });
            found.collect::<Vec<_>>()
        };
        let searching = async {
            loop {
                let mut arrived = std::pin::pin!(self.inbox.arrived.notified());
                arrived.as_mut().enable();
                if look(false).len() >= least {
                    return;
                }
                arrived.await;
            }
        };
        // Patience that runs out is no error: what is there is shown.
        let _ = tokio::time::timeout(patience, searching).await;
        look(true)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn take(inbox: Arc<Inbox>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap_or_default()))).collect();
    let bytes = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    inbox.received.lock().unwrap_or_else(PoisonError::into_inner).push(Received { headers, body, seen: false });
    inbox.arrived.notify_waiters();
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(inbox.answer.load(Ordering::Acquire)).unwrap_or(StatusCode::OK);
    Ok(response)
}
