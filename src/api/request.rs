//! A request as the journal keeps it, and what somebody may want to know of it.

use std::ops::Range;

use http::Method;

use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::matches;

/// A request and how it was answered.
#[derive(Debug, Clone)]
pub struct Request {
    pub entry: Entry,
    /// Below the mount, with the query.
    pub path: String,
    pub body: Vec<u8>,
    pub answer: Vec<u8>,
    pub violations: Vec<Violation>,
}

/// What there is to know of it beside its texts.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Counts up within a world.
    pub number: u64,
    /// When it came, on the wall.
    pub received_at: Timestamp,
    /// What the world's clock showed.
    pub at: Timestamp,
    pub method: Method,
    /// `None`: no route, or a page.
    pub operation: Option<&'static str>,
    pub status: u16,
    /// What was done to it on purpose.
    pub fault: Option<Box<str>>,
    /// The events that it caused, by number; none, at the number of the next.
    pub events: Range<usize>,
    /// Which world it was: events of one that has been replaced are gone.
    pub epoch: u64,
}

/// What somebody wants requests to be like.
#[derive(Debug, Clone, Default)]
pub struct Criteria<'a> {
    /// Operation id, or the beginning of one before `*`.
    pub operation: Option<&'a str>,
    pub method: Option<&'a str>,
    /// Path below the mount, or the beginning of one before `*`.
    pub path: Option<&'a str>,
    pub status: Option<u16>,
    pub body_contains: &'a [String],
    /// Whether only those that broke a contract are wanted.
    pub violated: bool,
}

impl Criteria<'_> {
    /// How many criteria there are.
    #[must_use]
    pub fn count(&self) -> usize {
        let given = [self.operation.is_some(), self.method.is_some(), self.path.is_some(), self.status.is_some()];
        given.into_iter().map(usize::from).sum::<usize>() + self.body_contains.len() + usize::from(self.violated)
    }

    /// In what a request is not as wanted.
    #[must_use]
    pub fn misses(&self, request: &Request) -> Vec<String> {
        let Request { entry, path, body, violations, .. } = request;
        let mut misses = Vec::new();
        if let Some(wanted) = self.operation.filter(|wanted| !entry.operation.is_some_and(|id| matches(wanted, id))) {
            misses.push(format!("operation is {}, not {wanted}", entry.operation.unwrap_or("none")));
        }
        if let Some(wanted) = self.method.filter(|wanted| *wanted != entry.method.as_str()) {
            misses.push(format!("method is {}, not {wanted}", entry.method));
        }
        let bare = path.split('?').next().unwrap_or_default();
        if let Some(wanted) = self.path.filter(|wanted| !matches(wanted, bare) && !matches(wanted, path)) {
            misses.push(format!("path is {bare}, not {wanted}"));
        }
        if let Some(wanted) = self.status.filter(|wanted| *wanted != entry.status) {
            misses.push(format!("status is {}, not {wanted}", entry.status));
        }
        if self.violated && violations.is_empty() {
            misses.push("nothing was wrong with it".to_owned());
        }
        let body = String::from_utf8_lossy(body);
        for wanted in self.body_contains.iter().filter(|wanted| !holds(&body, wanted)) {
            misses.push(format!("the body does not contain {wanted}"));
        }
        misses
    }
}

/// Whether a text is in a body as it was sent, or without the blanks that JSON may have between its tokens.
fn holds(body: &str, wanted: &str) -> bool {
    let tight = |text: &str| serde_json::from_str::<serde_json::Value>(text).map(|value| value.to_string());
    body.contains(wanted) || tight(body).is_ok_and(|body| body.contains(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_says_in_what_it_misses() {
        let now: Timestamp = "2028-02-29T00:00:00Z".parse().unwrap();
        let entry = Entry {
            number: 0,
            received_at: now,
            at: now,
            method: Method::POST,
            operation: Some("createPlan"),
            status: 201,
            fault: None,
            events: 0..0,
            epoch: 0,
        };
        let request = Request {
            entry,
            path: "/v0/plans?dry=1".to_owned(),
            body: br#"{ "name": "Pro", "amount": 5 }"#.to_vec(),
            answer: Vec::new(),
            violations: Vec::new(),
        };
        let found = [r#""name":"Pro""#.to_owned(), "\"amount\": 5".to_owned()];
        let criteria = Criteria {
            operation: Some("create*"),
            method: Some("POST"),
            path: Some("/v0/plans"),
            status: Some(201),
            body_contains: &found,
            violated: false,
        };
        assert_eq!((criteria.misses(&request), criteria.count()), (Vec::new(), 6));
        let lost = ["Basic".to_owned()];
        let criteria =
            Criteria { operation: Some("getPlan"), status: Some(404), body_contains: &lost, ..Criteria::default() };
        let said = criteria.misses(&request);
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said[0], "operation is createPlan, not getPlan");
    }
}
