//! What a handler answers.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::world::text;

/// Beyond these, letters that are not ASCII.
const NOT_IN_A_HEADER: AsciiSet = CONTROLS.add(b' ');

/// The body of a reply, written while the world was at hand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Body {
    Empty,
    Json(#[serde(with = "text")] Bytes),
    /// Anything else, with its content type.
    Other(Cow<'static, str>, #[serde(with = "text")] Bytes),
}

/// What becomes of a reply on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    #[default]
    Sent,
    /// The connection ends in the middle of the body.
    Cut,
    /// The connection ends before the first byte.
    Lost,
    /// The connection is reset before the first byte.
    Reset,
}

/// A status, a body, and headers beyond the content type.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reply {
    pub status: u16,
    pub body: Body,
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// A remembered reply is sent, whatever became of the first.
    #[serde(skip)]
    pub fate: Fate,
}

impl Reply {
    #[must_use]
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let mut bytes = Vec::with_capacity(512);
        // Bodies are our own structs with string keys: writing them to memory cannot fail.
        if serde_json::to_writer(&mut bytes, body).is_err() {
            return Self { status: 500, body: Body::Empty, headers: Vec::new(), fate: Fate::Sent };
        }
        Self { status, body: Body::Json(bytes.into()), headers: Vec::new(), fate: Fate::Sent }
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
        Self { status: 204, body: Body::Empty, headers: Vec::new(), fate: Fate::Sent }
    }

    /// A 200 of another content type.
    #[must_use]
    pub fn other(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            body: Body::Other(Cow::Borrowed(content_type), body.into()),
            headers: Vec::new(),
            fate: Fate::Sent,
        }
    }

    /// A page for a browser. It loads its own stylesheet and script and nothing else. Forms may lead to other hosts
    /// by redirect and any site may frame it, so that neither `form-action` nor `frame-ancestors` is set.
    #[must_use]
    pub fn page(status: u16, html: String) -> Self {
        let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'";
        let headers = vec![
            (Cow::Borrowed("content-security-policy"), policy.to_owned()),
            (Cow::Borrowed("cache-control"), "no-store".to_owned()),
            (Cow::Borrowed("referrer-policy"), "no-referrer".to_owned()),
            (Cow::Borrowed("x-content-type-options"), "nosniff".to_owned()),
        ];
        Self { status, headers, ..Self::other("text/html; charset=utf-8", html) }
    }

    /// The same page, which may ask its own server for more.
    #[must_use]
    pub fn connected(mut self) -> Self {
        for (name, value) in &mut self.headers {
            if *name == "content-security-policy" {
                value.push_str("; connect-src 'self'");
            }
        }
        self
    }

    /// The same page where no site may frame it.
    #[must_use]
    pub fn unframed(mut self) -> Self {
        for (name, value) in &mut self.headers {
            if *name == "content-security-policy" {
                value.push_str("; frame-ancestors 'none'");
            }
        }
        self.with_header("x-frame-options", "DENY")
    }

    /// 303: go on there with a GET. What a header cannot hold is percent-encoded.
    #[must_use]
    pub fn redirect(url: &str) -> Self {
        let url = utf8_percent_encode(url, &NOT_IN_A_HEADER).to_string();
        let headers = vec![(Cow::Borrowed("location"), url), (Cow::Borrowed("cache-control"), "no-store".to_owned())];
        Self { status: 303, body: Body::Empty, headers, fate: Fate::Sent }
    }

    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((Cow::Borrowed(name), value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_one_header_whatever_its_address_holds() {
        let Reply { headers, .. } = Reply::redirect("https://a.example/\u{fc} b?c=%20\r\nset-cookie: d");
        assert_eq!(headers[0].1, "https://a.example/%C3%BC%20b?c=%20%0D%0Aset-cookie:%20d");
    }
}
