//! Plumbing of hosted pages: what every provider's HTML shares.
//!
//! Knows no provider and no HTTP server. Templates are compiled in and escape what they show; a provider's own stand
//! beside its handlers and extend `layout.html`. All of it works without JavaScript: the script tells the page that
//! frames this one how a payment ended, and saves some typing.

mod card_form;
mod checkout;
mod field;
mod fields;
mod message;
mod test_cards;

use std::fmt;

use askama::Template;

pub use self::card_form::CardForm;
pub use self::checkout::{Bank, Bill, Checkout, Codes, Line, Notice};
pub use self::field::{Field, Keyboard, first_problem};
pub use self::fields::Fields;
pub use self::message::{Link, Message};
pub use self::test_cards::{Group, TestCard, decline, is_test_card, test_cards};

/// What pages load beside themselves, by file name: content type and content.
const ASSETS: [(&str, &str, &str); 2] = [
    ("page.css", "text/css; charset=utf-8", include_str!("page.css")),
    ("page.js", "text/javascript; charset=utf-8", include_str!("page.js")),
];

/// The content type and the content of a file that pages load.
#[must_use]
pub fn asset(name: &str) -> Option<(&'static str, &'static str)> {
    ASSETS.iter().find(|(known, ..)| *known == name).map(|(_, kind, content)| (*kind, *content))
}

/// What the layout needs to know, whatever the page.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Where the mount is reached: assets are below it.
    pub site: String,
    /// What the page tells the one that frames it.
    pub post: Option<&'static str>,
    /// Where the page goes by itself, unless it is framed.
    pub go: Option<String>,
}

impl Frame {
    /// A page that stays and says nothing to others.
    pub fn at(site: impl fmt::Display) -> Self {
        Self { site: site.to_string(), ..Self::default() }
    }

    /// Browsers keep assets for a while; those of another version have another address.
    #[must_use]
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// A page as text.
#[must_use]
pub fn html(template: &impl Template) -> String {
    // Templates show our own values: writing them to memory cannot fail.
    template.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_ask_no_other_host_for_anything() {
        for (name, _, content) in ASSETS {
            assert!(!content.contains("http:") && !content.contains("https:") && !content.contains("url("), "{name}");
        }
        assert!(asset("page.css").is_some() && asset("../mod.rs").is_none());
    }
}
