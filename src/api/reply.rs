//! What a handler answers.

use bytes::Bytes;
use serde::Serialize;

/// The body of a reply, written while the world was at hand.
#[derive(Debug, Clone)]
pub enum Body {
    Empty,
    Json(Bytes),
    /// Anything else, with its content type.
    Other(&'static str, Bytes),
}

/// A status, a body, and headers beyond the content type.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Body,
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let mut bytes = Vec::with_capacity(512);
        // Bodies are our own structs with string keys: writing them to memory cannot fail.
        if serde_json::to_writer(&mut bytes, body).is_err() {
            return Self { status: 500, body: Body::Empty, headers: Vec::new() };
        }
        Self { status, body: Body::Json(bytes.into()), headers: Vec::new() }
    }

    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(200, body)
    }

    #[must_use]
    pub fn created(body: &impl Serialize) -> Self {
        Self::json(201, body)
    }

    /// 204, no body.
    #[must_use]
    pub fn none() -> Self {
        Self { status: 204, body: Body::Empty, headers: Vec::new() }
    }

    /// A 200 of another content type.
    #[must_use]
    pub fn other(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: 200, body: Body::Other(content_type, body.into()), headers: Vec::new() }
    }

    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
