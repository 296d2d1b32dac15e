//! Who may see more than a world of their own: list worlds, name one, open one, look at the dashboard.
//!
//! Whoever has a key has its world, so that a call on the world of its own credentials needs no more. The rest needs
//! the admin token where there is one. Where there is none because nobody but this machine reaches the sandbox, it has
//! to be asked for by a name of this machine: a page of somebody else's whose name was made to lead here is not. And a
//! page of another site gets nothing that the browser would get for it by itself.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use http::request::Parts;
use http::{Method, Uri};

use super::{Asked, Control};
use crate::api::{ADMIN_HEADER, Admin, Fault, Kind};
use crate::contract::{Place, Violation};

/// The code of a refusal for want of the token.
pub(super) const NEEDS_TOKEN: &str = "admin_token";
/// What browsers are told to ask for.
pub(super) const CHALLENGE: &str = "Basic realm=\"Leapday\", charset=\"UTF-8\"";
const SCHEME: &str = "Basic ";
/// Ends of names that no public DNS knows.
const PRIVATE: [&str; 4] = [".localhost", ".internal", ".local", ".test"];

impl Control {
    /// Lets through who may act on every world.
    pub(super) fn admit(&self, head: &Parts) -> Result<(), Fault> {
        let (headers, admin) = (&head.headers, &self.settings.admin);
        if let Admin::Token(_) = admin {
            if let Some(given) = headers.get(ADMIN_HEADER) {
                // Whoever writes it down means it, wherever they are.
                return if given.to_str().is_ok_and(|given| admin.knows(given)) { Ok(()) } else { Err(no_token(true)) };
            }
            match password(headers) {
                Some(given) if admin.knows(&given) => {}
                given => return Err(no_token(given.is_some())),
            }
        }
        if is_foreign(head) {
            let message = "A page of another site cannot look at the worlds of this sandbox, nor act on them";
            let advice = "calls with a key of their own need no more; others go by the header leapday-admin-token";
            return Err(Fault::forbidden(message).with_violation(header("origin", "same-origin", advice)));
        }
        match host(headers) {
            Some(name) if matches!(admin, Admin::Local) && !self.is_ours(name) => {
                let message = format!("This sandbox serves this machine alone, which is not known as {name}");
                let advice = "call it 127.0.0.1 or localhost, or start it with --public-url, --admin-token or \
                              --open-control";
                Err(Fault::forbidden(message).with_violation(header("host", "host", advice)))
            }
            _ => Ok(()),
        }
    }

    /// Lets through who may act on the world of a key: whose own it is, or every one.
    pub(super) fn admit_to(&self, asked: &Asked<'_>, key: &str) -> Result<(), Fault> {
        let is_own = self.keepers(asked)?.iter().any(|(_, keeper)| keeper.opens(&asked.head.headers, key));
        if is_own { Ok(()) } else { self.admit(asked.head) }
    }

    /// Whether a name is one of this machine, or the one that the user has given the sandbox.
    fn is_ours(&self, name: &str) -> bool {
        let public = self.settings.home.parse::<Uri>().ok();
        name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || !name.contains('.')
            || PRIVATE.iter().any(|end| name.ends_with(end))
            || public.and_then(|url| url.host().map(|host| host == name)) == Some(true)
    }
}

fn no_token(given: bool) -> Fault {
    let message = if given {
        "This is not the admin token of this sandbox"
    } else {
        "This is about other worlds than that of a key that is sent: it needs the admin token"
    };
    let advice = "send the header leapday-admin-token (with commands: --admin-token), or HTTP Basic with the token as \
                  password; it was given at the start, or stands in the banner; calls on the world of the key that \
                  is sent need none";
    let fault = Fault::new(Kind::Unauthorized, message).with_code(NEEDS_TOKEN);
    fault.with_violation(header(ADMIN_HEADER, "key", advice))
}

fn header(name: &str, rule: &'static str, advice: &'static str) -> Violation {
    Violation::new(Place::Header, format!("/{name}"), rule, advice)
}

/// The host that is asked, without its port.
fn host(headers: &HeaderMap) -> Option<&str> {
    let authority = headers.get(HOST)?.to_str().ok()?;
    let end = authority.rfind(':').filter(|end| !authority[*end..].contains(']'));
    Some(&authority[..end.unwrap_or(authority.len())])
}

/// The password of HTTP Basic.
fn password(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let scheme = header.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME))?;
    let pair = String::from_utf8(STANDARD.decode(header[scheme.len()..].trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// Whether a browser asks for a page of another origin. To follow a link is no such thing: what it leads to is shown
/// to the user alone. Older browsers, and all of them where the sandbox is reached without TLS by a name that is not
/// localhost, say only the origin.
fn is_foreign(head: &Parts) -> bool {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let looks = head.method == Method::GET || head.method == Method::HEAD;
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => false,
        Some(_) => !(looks && text("sec-fetch-mode") == Some("navigate")),
        None => text(ORIGIN.as_str()).is_some_and(|origin| {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_none() || authority != text(HOST.as_str())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: Method, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_page_of_another_origin_is_foreign_and_a_link_is_not() {
        let at = [("host", "box:4010")];
        for (foreign, method, headers) in [
            (false, Method::POST, vec![]),
            (false, Method::POST, vec![("origin", "http://box:4010")]),
            (true, Method::POST, vec![("origin", "http://box:3000")]),
            (true, Method::POST, vec![("origin", "null")]),
            (false, Method::POST, vec![("sec-fetch-site", "same-origin"), ("origin", "null")]),
            (true, Method::POST, vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")]),
            (true, Method::GET, vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")]),
            (false, Method::GET, vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]),
            (false, Method::GET, vec![("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")]),
        ] {
            let headers = [&at[..], &headers].concat();
            assert_eq!(is_foreign(&head(method.clone(), &headers)), foreign, "{method} {headers:?}");
        }
    }

    #[test]
    fn the_host_is_told_from_its_port_and_the_password_from_its_user() {
        for (authority, name) in [("a.b:80", "a.b"), ("a.b", "a.b"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")] {
            assert_eq!(host(&head(Method::GET, &[("host", authority)]).headers), Some(name));
        }
        let password = |value: &str| password(&head(Method::GET, &[("authorization", value)]).headers);
        // any:to:ken
        assert_eq!(password("basic YW55OnRvOmtlbg==").as_deref(), Some("to:ken"));
        assert_eq!((password("Bearer YW55OnRva2Vu"), password("Basic !"), password("Basic")), (None, None, None));
    }
}
