//! Rules of sources: which events need nobody's approval.
//!
//! Facts: paygentic-behaviour §2.12. Low `order` first; equals in the order in which they were made (inferred).
//! `conditions.rs` says when one holds.

mod conditions;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::conditions::Condition;
use super::keys;
use super::source_events::Revenue;
use super::sources::Source;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, referred, write};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

/// How many rules a source may have (§2.12).
const RULES_MOST: usize = 10;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listSourceRules", "/v0/sourceRules", index),
        write("createSourceRule", Method::POST, "/v0/sourceRules", create),
        read("getSourceRule", "/v0/sourceRules/{ruleId}", get),
        write("updateSourceRule", Method::PATCH, "/v0/sourceRules/{ruleId}", update),
        write("deleteSourceRule", Method::DELETE, "/v0/sourceRules/{ruleId}", delete),
    ];
    Noun { name: "source_rules", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct SourceRule {
    source: Id<Source>,
    name: Box<str>,
    description: Box<str>,
    created_by: Box<str>,
    enabled: bool,
    order: u16,
    /// All of them must hold.
    conditions: Vec<Condition>,
    evaluations: u64,
    matches: u64,
    last_evaluated_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row for SourceRule {
    const PREFIX: &'static str = "rule_";
    const NOUN: &'static str = "source rule";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    source_id: IdText,
    name: &'a str,
    description: &'a str,
    enabled: bool,
    order: u16,
    conditions: &'a [Condition],
    evaluation_count: u64,
    match_count: u64,
    last_evaluated_at: Option<Timestamp>,
    created_by: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<SourceRule>) -> Body<'_> {
    let row = &state.source_rules[id];
    Body {
        id: state.source_rules.text(id),
        source_id: state.sources.text(row.source),
        name: &row.name,
        description: &row.description,
        enabled: row.enabled,
        order: row.order,
        conditions: &row.conditions,
        evaluation_count: row.evaluations,
        match_count: row.matches,
        last_evaluated_at: row.last_evaluated_at,
        created_by: &row.created_by,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The rules of a source in the order in which they are tried.
fn of_source(state: &State, source: Id<Source>) -> Vec<Id<SourceRule>> {
    let mut rules: Vec<(u16, Id<SourceRule>)> =
        state.source_rules.iter().filter(|(_, row)| row.source == source).map(|(id, row)| (row.order, id)).collect();
    rules.sort_unstable();
    rules.into_iter().map(|(_, id)| id).collect()
}

/// The first enabled rule of a source that an event fits. Every rule that was tried remembers it.
pub fn first_match(world: &mut World, source: Id<Source>, event: &Revenue) -> Option<Id<SourceRule>> {
    let now = world.now(ClockId::WORLD);
    let tried = of_source(&world.state, source);
    let rules = &mut world.state.source_rules;
    tried.into_iter().find(|id| {
        let row = &rules[*id];
        row.enabled
            && rules.update(*id, |row| {
                let fits = row.conditions.iter().all(|condition| condition.holds(event));
                row.evaluations += 1;
                row.matches += u64::from(fits);
                row.last_evaluated_at = Some(now);
                fits
            })
    })
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let named = call.query.get("sourceId").and_then(|id| id.as_str()).unwrap_or_default();
    let source = state.sources.find(named).ok_or_else(|| {
        let violation = Violation::query("sourceId", "reference", "there is no source with this id in this world");
        Fault::no_such(Source::NOUN, named).with_violation(violation)
    })?;
    let data: Vec<Body<'_>> = of_source(state, source).into_iter().map(|id| body(state, id)).collect();
    Ok(Reply::ok(&json!({ "data": data })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    source_id: String,
    name: Box<str>,
    #[serde(default)]
    description: Box<str>,
    enabled: bool,
    order: u16,
    conditions: Vec<Condition>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let sent: Create = call.input()?;
    let now = world.now(ClockId::WORLD);
    let state = &mut world.state;
    let source = referred(&state.sources, "/sourceId", &sent.source_id)?;
    check(&sent.conditions)?;
    if of_source(state, source).len() >= RULES_MOST {
        let message = format!("A source has at most {RULES_MOST} rules: delete one, or put conditions together");
        return Err(Fault::bad_request(message));
    }
    let id = state.source_rules.insert(SourceRule {
        source,
        name: sent.name,
        description: sent.description,
        created_by: keys::user(call.role).into(),
        enabled: sent.enabled,
        order: sent.order,
        conditions: sent.conditions,
        evaluations: 0,
        matches: 0,
        last_evaluated_at: None,
        created_at: now,
        updated_at: now,
    });
    Ok(Reply::created(&body(state, id)))
}

fn check(conditions: &[Condition]) -> Result<(), Fault> {
    let flaws = conditions.iter().enumerate();
    let flaws: Vec<Violation> =
        flaws.filter_map(|(number, condition)| condition.flaw(&format!("/conditions/{number}"))).collect();
    if flaws.is_empty() { Ok(()) } else { Err(Fault::violations(flaws)) }
}

fn addressed(state: &State, call: &Call) -> Result<Id<SourceRule>, Fault> {
    call.row("ruleId", &state.source_rules)
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
struct Update {
    name: Option<Box<str>>,
    description: Option<Box<str>>,
    enabled: Option<bool>,
    order: Option<u16>,
    conditions: Option<Vec<Condition>>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let sent: Update = call.input()?;
    check(sent.conditions.as_deref().unwrap_or_default())?;
    let now = world.now(ClockId::WORLD);
    world.state.source_rules.update(id, |row| {
        row.name = sent.name.unwrap_or_else(|| row.name.clone());
        row.description = sent.description.unwrap_or_else(|| row.description.clone());
        row.enabled = sent.enabled.unwrap_or(row.enabled);
        row.order = sent.order.unwrap_or(row.order);
        row.conditions = sent.conditions.unwrap_or_else(|| row.conditions.clone());
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}

fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    world.state.source_rules.remove(id);
    Ok(Reply::none())
}
