//! Calls of the vendor's API, as a story writes them.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Broken, SHOWN, Teller};
use crate::client::{Answer, Content, encoded};
use crate::story::format::{Call, Step};
use crate::story::matching::{Difference, clipped};
use crate::story::named;

impl Teller<'_> {
    pub(super) async fn call(&mut self, step: &Step, call: &Call, number: &str) -> Result<Vec<Difference>, Broken> {
        let (method, path, label) = self.address(call)?;
        let mut query = String::new();
        for (name, value) in &call.query {
            let between = if query.is_empty() && !path.contains('?') { '?' } else { '&' };
            let value = self.scope.fill(value)?;
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(query, "{between}{}={}", encoded(name), encoded(&value));
        }
        self.calls += 1;
        let mut headers = self.whom.credentials(&self.key);
        for (name, value) in &call.headers {
            let value = self.scope.fill(value)?;
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        // Vendors that want such a key want it everywhere; to the others it is a header like any other.
        if method != "GET" && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("idempotency-key")) {
            headers.push(("idempotency-key".to_owned(), format!("{}-{}", self.key.replace(':', "-"), self.calls)));
        }
        let body = match (&call.form, &call.body) {
            (Some(form), _) => Some(Content::Form(self.form(form)?)),
            (None, Some(body)) => Some(Content::Json(self.scope.fill(body)?)),
            (None, None) => None,
        };
        // A whole address, such as that of a page, leads to this sandbox as well.
        let path = match path.split_once("://").and_then(|(_, rest)| rest.find('/').map(|start| &rest[start..])) {
            Some(path) => format!("{path}{query}"),
            None => format!("/{}{path}{query}", self.whom.provider),
        };
        let answer = self.wire.send(&method, &path, &headers, body).await;
        let expect = step.expect.as_ref().map(|expect| self.scope.fill(expect)).transpose()?;
        let is_lost = expect.as_ref().is_some_and(|expect| expect["lost"] == true);
        let answer = match answer {
            Err(_) if is_lost => {
                self.told.line(number, &format!("{label} lost"));
                return Ok(Vec::new());
            }
            Err(error) => return Err(error.to_string()),
            Ok(answer) if is_lost => {
                return Err(format!("an answer came, {}, which should have been lost", answer.status));
            }
            Ok(answer) => answer,
        };
        let status = answer.status;
        let found = json!({ "status": status, "headers": named(&answer.headers), "body": answer.body });
        self.told.last = shown(&answer);
        let mut differences = self.found(step, &found, Some("/body"))?;
        let says_status = expect.as_ref().is_some_and(|expect| expect.get("status").is_some());
        if !says_status && !(200..300).contains(&status) {
            let expected = "a status from 200 to 299".to_owned();
            differences.insert(0, Difference { pointer: "/status".to_owned(), expected, found: Some(json!(status)) });
        }
        self.told.line(number, &format!("{label} {status}{}", self.captured(step)));
        Ok(differences)
    }

    fn form(&self, fields: &Map<String, Value>) -> Result<String, Broken> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            let value = self.scope.fill(value)?;
            form.append_pair(name, value.as_str().unwrap_or(&value.to_string()));
        }
        Ok(form.finish())
    }

    /// Method and path of a call, and what it is called in the transcript.
    fn address(&self, call: &Call) -> Result<(String, String, String), Broken> {
        if let Some((method, path)) = call.operation.split_once(' ') {
            let path = self.scope.text(path.trim())?;
            let shown = if path.contains("://") { "a page" } else { &path };
            let shown = format!("{method} {shown}");
            return Ok((method.to_owned(), path, shown));
        }
        let (method, template) = self.operations.find(self.whom.provider, &call.operation)?;
        let mut path = String::new();
        for segment in template.split('/').skip(1) {
            path.push('/');
            let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                path.push_str(segment);
                continue;
            };
            let value =
                call.path.get(name).ok_or_else(|| format!("{} is at {template}: path wants {name}", call.operation))?;
            let value = self.scope.fill(value)?;
            path.push_str(&encoded(value.as_str().unwrap_or(&value.to_string())));
        }
        Ok((method.to_owned(), path, call.operation.clone()))
    }
}

/// An answer, as a failure shows it.
fn shown(answer: &Answer) -> String {
    let mut text = clipped(&answer.body.to_string(), SHOWN).into_owned();
    if let Some(violation) = answer.header("leapday-violation") {
        let _ = write!(text, "\nleapday-violation: {violation}");
    }
    text
}
