//! The journal: what was asked of a world lately, what was wrong with it and what it has caused.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::events::patience;
use super::{Asked, Control, Handler, later};
use crate::api::{Criteria, Fault, Inquiry, Noun, Reply};
use crate::contract::Violation;

/// How many near misses a failed verification shows.
const NEAR_MISSES: usize = 3;

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "journal",
        operations: vec![
            later("listRequests", Method::GET, "/journal", |control, asked| Box::pin(list(control, asked))),
            later("verifyRequests", Method::POST, "/journal/verify", |control, asked| Box::pin(verify(control, asked))),
        ],
    }
}

#[derive(Deserialize)]
struct Filter {
    operation: Option<String>,
    method: Option<String>,
    path: Option<String>,
    status: Option<u16>,
    contains: Option<String>,
    #[serde(default)]
    violated: bool,
    wait: Option<String>,
}

async fn list(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let page = asked.call.paging();
    let filter: Filter = asked.call.filter()?;
    let patience = filter.wait.as_deref().map(patience).transpose()?.unwrap_or_default();
    let door = control.door(&asked)?;
    if let Some(operation) = filter.operation.as_deref() {
        let wrong = |why| Fault::violations(vec![Violation::query("operation", "enum", why)]);
        control.check_operation(door.provider(), operation).map_err(wrong)?;
    }
    let contains: Vec<String> = filter.contains.into_iter().collect();
    let criteria = Criteria {
        operation: filter.operation.as_deref(),
        method: filter.method.as_deref(),
        path: filter.path.as_deref(),
        status: filter.status,
        body_contains: &contains,
        violated: filter.violated,
    };
    let from = u64::try_from(page.offset).unwrap_or(u64::MAX);
    let found = door.requests(Inquiry { criteria: &criteria, from, limit: page.limit, patience }).await;
    Ok(Reply::ok(&json!({
        "requests": found.rows,
        "total": found.total,
        "offset": page.offset,
        "limit": page.limit,
        "next": found.next,
    })))
}

#[derive(Deserialize)]
struct Verify {
    operation: Option<String>,
    method: Option<String>,
    path: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    body_contains: Vec<String>,
    count: Option<usize>,
    at_least: Option<usize>,
    at_most: Option<usize>,
    wait: Option<String>,
}

async fn verify(control: &Control, asked: Asked<'_>) -> Result<Reply, Fault> {
    let wanted: Verify = asked.call.input()?;
    let (least, most) = match (wanted.count, wanted.at_least, wanted.at_most) {
        (Some(count), None, None) => (count, count),
        (Some(_), ..) => {
            return Err(Fault::field("/count", "exclusive", "is exact: at_least and at_most go without it"));
        }
        (None, None, None) => (1, usize::MAX),
        (None, least, most) => (least.unwrap_or(0), most.unwrap_or(usize::MAX)),
    };
    if least > most {
        return Err(Fault::field("/at_least", "maximum", format!("{least} is more than at_most, {most}")));
    }
    let patience = match wanted.wait.as_deref().map(patience).transpose() {
        Ok(patience) => patience.unwrap_or(Duration::ZERO),
        Err(fault) => {
            let why = fault.violations.first().map(|violation| violation.message.clone()).unwrap_or_default();
            return Err(Fault::field("/wait", "format", why));
        }
    };
    let criteria = Criteria {
        operation: wanted.operation.as_deref(),
        method: wanted.method.as_deref(),
        path: wanted.path.as_deref(),
        status: wanted.status,
        body_contains: &wanted.body_contains,
        violated: false,
    };
    let door = control.door(&asked)?;
    if let Some(operation) = criteria.operation {
        let wrong = |why| Fault::field("/operation", "enum", why);
        control.check_operation(door.provider(), operation).map_err(wrong)?;
    }
    let mut sorted = door.sort(&criteria, least, patience).await;
    let count = sorted.matching.len();
    let verified = (least..=most).contains(&count);
    let near: Vec<Value> = if count < least {
        // What misses in everything is near to nothing. Of equally near ones the latest is meant most likely.
        sorted.missing.retain(|(misses, _)| misses.len() < criteria.count().max(2));
        sorted.missing.reverse();
        sorted.missing.sort_by_key(|(misses, _)| misses.len());
        sorted.missing.truncate(NEAR_MISSES);
        sorted.missing.into_iter().map(|(misses, request)| json!({ "misses": misses, "request": request })).collect()
    } else {
        Vec::new()
    };
    let said = match (least, most) {
        (least, most) if least == most => format!("{least}"),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) => format!("{least} to {most}"),
    };
    Ok(Reply::ok(&json!({
        "verified": verified,
        "expected": said,
        "count": count,
        "requests": sorted.matching,
        "nearMisses": near,
    })))
}
