//! Where the caller reaches a mount: what the URLs in answers begin with.

use std::fmt;

/// `http://127.0.0.1:4010/paygentic`, in its parts: most answers hold no URL, so it is written on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site<'r> {
    scheme: &'r str,
    authority: &'r str,
    mount: &'r str,
}

impl<'r> Site<'r> {
    /// A mount below a URL without a slash at its end.
    #[must_use]
    pub fn below(url: &'r str, mount: &'r str) -> Self {
        let (scheme, authority) = url.split_once("://").unwrap_or(("http", url));
        Self { scheme, authority, mount }
    }

    /// A mount at a host.
    #[must_use]
    pub fn at(scheme: &'r str, authority: &'r str, mount: &'r str) -> Self {
        Self { scheme, authority, mount }
    }

    /// Another mount of the same server.
    #[must_use]
    pub fn of(self, mount: &'r str) -> Self {
        Self { mount, ..self }
    }
}

impl fmt::Display for Site<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.scheme, self.authority, self.mount)
    }
}
