//! Faults on purpose: which requests of a world are answered badly, late or not at all.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Control, Handler, row};
use crate::api::{Fault, Injection, InjectionRule, Noun, PROFILES, Reply, profile};
use crate::contract::near;
use crate::time::duration;

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "faults",
        operations: vec![
            row("listFaults", Method::GET, "/faults", list),
            row("createFault", Method::POST, "/faults", create),
            row("clearFaults", Method::DELETE, "/faults", clear),
            row("deleteFault", Method::DELETE, "/faults/{id}", delete),
        ],
    }
}

fn body(number: u32, rule: &InjectionRule) -> Value {
    json!({
        "id": number.to_string(),
        "match": { "operation": rule.operation, "path": rule.path },
        "then": rule.then.to_string(),
        "probability": rule.probability,
        "times": rule.times,
        "until": rule.until,
    })
}

fn list(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let rules = control.door(asked)?.injections(asked.call.wall);
    let rules: Vec<Value> = rules.iter().map(|(number, rule)| body(*number, rule)).collect();
    Ok(Reply::ok(&json!({ "faults": rules })))
}

#[derive(Deserialize, Default)]
struct Match {
    operation: Option<Box<str>>,
    path: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Create {
    #[serde(default)]
    r#match: Match,
    then: Option<String>,
    profile: Option<String>,
    probability: Option<f64>,
    times: Option<u32>,
    ttl: Option<String>,
}

fn create(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let wanted: Create = asked.call.input()?;
    let rules = match (&wanted.then, &wanted.profile) {
        (Some(_), Some(_)) => {
            return Err(Fault::field("/profile", "exclusive", "is sent beside then: send one of them"));
        }
        (None, None) => return Err(Fault::field("/then", "required", "says what is done, or `profile` names rules")),
        (Some(then), None) => {
            let then: Injection = then.parse().map_err(|why: String| Fault::field("/then", "enum", why))?;
            vec![InjectionRule::new(then)]
        }
        (None, Some(name)) => profile(name).ok_or_else(|| {
            let meant = near(name, PROFILES).map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
            Fault::field("/profile", "enum", format!("{name:?} is none of {}{meant}", PROFILES.join(", ")))
        })?,
    };
    let until = wanted.ttl.as_deref().map(|ttl| {
        let until = duration(ttl).and_then(|ttl| i64::try_from(ttl.as_millis()).ok());
        until
            .and_then(|ttl| asked.call.wall.plus_millis(ttl))
            .ok_or_else(|| Fault::field("/ttl", "format", format!("{ttl:?} is no duration such as 30s or 5m")))
    });
    let until = until.transpose()?;
    let door = control.door(asked)?;
    if let Some(operation) = wanted.r#match.operation.as_deref() {
        control
            .check_operation(door.provider(), operation)
            .map_err(|why| Fault::field("/match/operation", "enum", why))?;
    }
    let mut made = Vec::new();
    for rule in rules {
        let rule = InjectionRule {
            operation: wanted.r#match.operation.clone(),
            path: wanted.r#match.path.clone(),
            probability: wanted.probability.unwrap_or(rule.probability),
            times: wanted.times,
            until,
            ..rule
        };
        let number = door.inject(rule.clone())?;
        made.push(body(number, &rule));
    }
    Ok(Reply::created(&json!({ "faults": made })))
}

fn clear(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    control.door(asked)?.heal(None);
    Ok(Reply::none())
}

fn delete(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let id = asked.call.segment("id");
    let door = control.door(asked)?;
    let known = id.parse().is_ok_and(|number| door.heal(Some(number)));
    if known { Ok(Reply::none()) } else { Err(Fault::no_such("fault", id)) }
}
