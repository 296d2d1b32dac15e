//! The rows of a provider's hosted pages, like [`super::Operation`]s but without key or contract: whoever has the
//! address may open it, and the token in it says whose world is meant.

use std::borrow::Cow;

use http::Method;

use super::{Params, Reply, Site};
use crate::pages::{Fields, Frame, Message};
use crate::time::Timestamp;
use crate::world::{State, World};

/// What opening a page does.
pub enum Turn<S: State> {
    /// Looks only; both are pages, `Err` another one than was asked for.
    Show(fn(&World<S>, &Visit) -> Result<Reply, Reply>),
    /// Changes the world; `Err` is a page that has changed nothing.
    Submit(fn(&mut World<S>, &Visit) -> Result<Reply, Reply>),
    /// The same in every world: nobody has to know whose it is.
    Anywhere(fn(&Visit) -> Reply),
}

/// One row: method, path with a `{token}`, whose it is, what it does.
pub struct Page<S: State> {
    pub method: Method,
    pub path: &'static str,
    /// Whether the token is of this world. Tokens of one world mean nothing in another, so that nobody keeps a list.
    pub opens: fn(&World<S>, &str) -> bool,
    pub turn: Turn<S>,
}

/// Somebody's look at a page, as a handler sees it.
#[derive(Debug)]
pub struct Visit<'r> {
    /// What the path's `{token}` held.
    pub token: Cow<'r, str>,
    /// What its other `{name}` segments held.
    pub path: Params<'r>,
    pub query: Fields<'r>,
    /// What was sent; empty unless a form was.
    pub form: Fields<'r>,
    /// The languages that the visitor's browser asks for, as it says so.
    pub languages: &'r str,
    /// Whether the page stands in a frame of another. Browsers say so to sites that they trust (https, localhost);
    /// `None`: nobody said, and the page's script has to find out.
    pub framed: Option<bool>,
    /// Wall time, for clocks that flow.
    pub wall: Timestamp,
    /// Where the visitor reaches this mount.
    pub site: Site<'r>,
}

impl Visit<'_> {
    /// The text of a path segment; empty where the page's path has none of this name.
    #[must_use]
    pub fn segment(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// What the layout of a page needs.
    #[must_use]
    pub fn frame(&self) -> Frame {
        Frame::at(self.site)
    }

    /// The layout of a page that goes on to another site by itself. A framed one never leaves; where nobody has said
    /// whether it is framed, its script finds out.
    #[must_use]
    pub fn leaving(&self, url: Option<&str>) -> Frame {
        Frame { go: url.filter(|_| self.framed != Some(true)).map(str::to_owned), ..self.frame() }
    }

    /// Such a page with a way on that needs no script. A refresh by itself would need none either, but would also
    /// turn a frame whose page has scripts switched off.
    #[must_use]
    pub fn onward(&self, page: Message, url: Option<&str>) -> Message {
        match url {
            Some(url) if self.framed != Some(true) => page.with_link("Continue", url, true),
            _ => page,
        }
    }
}

/// A page that only shows something.
pub fn show<S: State>(
    path: &'static str,
    opens: fn(&World<S>, &str) -> bool,
    handler: fn(&World<S>, &Visit) -> Result<Reply, Reply>,
) -> Page<S> {
    Page { method: Method::GET, path, opens, turn: Turn::Show(handler) }
}

/// Where a form is sent.
pub fn submit<S: State>(
    path: &'static str,
    opens: fn(&World<S>, &str) -> bool,
    handler: fn(&mut World<S>, &Visit) -> Result<Reply, Reply>,
) -> Page<S> {
    Page { method: Method::POST, path, opens, turn: Turn::Submit(handler) }
}

/// A page that cannot be opened without changing the world: a link that works once, or makes what it leads to.
pub fn enter<S: State>(
    path: &'static str,
    opens: fn(&World<S>, &str) -> bool,
    handler: fn(&mut World<S>, &Visit) -> Result<Reply, Reply>,
) -> Page<S> {
    Page { method: Method::GET, path, opens, turn: Turn::Submit(handler) }
}

/// A page that no world is needed for: a script, a form whose answer follows from what was typed.
pub fn anywhere<S: State>(method: Method, path: &'static str, handler: fn(&Visit) -> Reply) -> Page<S> {
    Page { method, path, opens: |_, _| false, turn: Turn::Anywhere(handler) }
}
