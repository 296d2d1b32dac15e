//! Requests and answers, over connections that are used again.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Error;
use super::runtime::anywhere;
use crate::api::ADMIN_HEADER;
use crate::webhooks::causes;

/// An answer of a vendor's API, read whole.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Answer {
    /// Of any kind.
    pub status: u16,
    /// As they came.
    pub headers: HeaderMap,
    /// JSON, or the text that it is instead.
    pub body: Value,
}

impl Answer {
    /// A header, where there is such.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What is sent with a request.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Json(Value),
    /// As a browser's form has it.
    Form(String),
}

/// The way to one sandbox.
#[derive(Clone)]
pub(crate) struct Wire {
    base: Arc<str>,
    admin_token: Option<Arc<str>>,
    http: Http<HttpConnector, Full<Bytes>>,
}

/// Without the token, which is nobody's business in a log.
impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wire").field(&self.base).finish()
    }
}

impl Wire {
    /// # Errors
    /// If the address is none that a sandbox can have.
    pub(crate) fn new(base: &str) -> Result<Self, Error> {
        let base = base.trim_end_matches('/');
        let host = base.strip_prefix("http://").filter(|host| !host.is_empty());
        if host.is_none() || base.parse::<http::Uri>().is_err() {
            return Err(Error::Misused(format!("{base} is not an http:// URL such as http://127.0.0.1:4010")));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Http::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(Self { base: base.into(), admin_token: None, http })
    }

    /// What the control API is sent besides, where the sandbox asks for it.
    pub(crate) fn admin(self, token: Option<&str>) -> Self {
        Self { admin_token: token.map(Arc::from), ..self }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn admin_token(&self) -> Option<&str> {
        self.admin_token.as_deref()
    }

    /// # Errors
    /// If no answer came, or not the whole of it.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<Content>,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(token) = self.admin_token.as_deref().filter(|_| path.starts_with("/_leapday")) {
            request = request.header(ADMIN_HEADER, token);
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
        let request = request.body(Full::new(bytes));
        let request = request.map_err(|error| Error::Misused(format!("{method} {path} is no request: {error}")))?;
        anywhere(self.exchange(request, &format!("{method} {path}"))).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, asked: &str) -> Result<Answer, Error> {
        let lost = |error: &dyn std::error::Error| Error::NoAnswer {
            url: self.base.to_string(),
            reason: format!("{asked}: {}", causes(error)),
        };
        let answer = self.http.request(request).await.map_err(|error| lost(&error))?;
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await.map_err(|error| lost(&error))?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: read(&bytes) })
    }
}

/// JSON, or the text that it is instead; nothing is null.
pub(super) fn read(bytes: &[u8]) -> Value {
    let text = || if bytes.is_empty() { Value::Null } else { json!(String::from_utf8_lossy(bytes)) };
    serde_json::from_slice(bytes).unwrap_or_else(|_| text())
}

/// A part of a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, &KEPT).to_string()
}

/// A query of the values that are given.
pub(crate) fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}
