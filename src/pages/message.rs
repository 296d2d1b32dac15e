//! A page that only says something.

use askama::Template;

use super::{Frame, html};

/// A title, a sentence, and where to go from here.
#[derive(Debug, Clone, Template)]
#[template(path = "message.html")]
pub struct Message {
    pub frame: Frame,
    pub title: &'static str,
    pub text: String,
    /// Whether it tells of something that went well.
    pub good: bool,
    pub links: Vec<Link>,
}

/// A way on.
#[derive(Debug, Clone)]
pub struct Link {
    pub label: &'static str,
    pub address: String,
    /// Whether it leaves the hosted pages: a page that is framed does not offer it.
    pub leaves: bool,
}

impl Message {
    /// A page that says why there is nothing to see.
    #[must_use]
    pub fn new(frame: Frame, title: &'static str, text: impl Into<String>) -> Self {
        Self { frame, title, text: text.into(), good: false, links: Vec::new() }
    }

    /// The same with one more way on.
    #[must_use]
    pub fn with_link(mut self, label: &'static str, address: impl Into<String>, leaves: bool) -> Self {
        self.links.push(Link { label, address: address.into(), leaves });
        self
    }

    #[must_use]
    pub fn html(&self) -> String {
        html(self)
    }
}
