//! The lines of a plan: which prices, under which keys.
//!
//! Facts: paygentic-behaviour §2.5: a key names a line for the plan's life and is made where none is given.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::{Plan, PlanLine};
use crate::api::{Fault, referred};
use crate::contract::Violation;
use crate::providers::paygentic::prices::Price;
use crate::providers::paygentic::state::State;
use crate::time::Timestamp;
use crate::world::Id;

/// A line as callers write it: a price, or a price and what its line is called.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum LineInput {
    Price(String),
    Line {
        #[serde(rename = "priceId")]
        price: String,
        key: Option<Arc<str>>,
    },
}

impl LineInput {
    fn price(&self) -> &str {
        match self {
            Self::Price(price) | Self::Line { price, .. } => price,
        }
    }

    fn key(&self) -> Option<&Arc<str>> {
        match self {
            Self::Price(_) => None,
            Self::Line { key, .. } => key.as_ref(),
        }
    }

    fn price_pointer(&self, n: usize) -> String {
        match self {
            Self::Price(_) => format!("/prices/{n}"),
            Self::Line { .. } => format!("/prices/{n}/priceId"),
        }
    }
}

/// The lines that a caller asks for. A line that `before` has too keeps its key unless it is given another.
pub(super) fn read(state: &State, wanted: &[LineInput], before: &[PlanLine]) -> Result<Vec<PlanLine>, Fault> {
    let prices = find(state, wanted)?;
    let mut given = given_keys(wanted, &prices)?;
    let kept: HashMap<Id<Price>, &Arc<str>> = before.iter().map(|line| (line.price, &line.key)).collect();
    let keys: Vec<Option<Arc<str>>> = prices
        .iter()
        .zip(wanted)
        .map(|(price, line)| match line.key() {
            Some(key) => Some(Arc::clone(key)),
            None => kept.get(price).filter(|key| given.insert(Arc::clone(key))).map(|key| Arc::clone(key)),
        })
        .collect();
    let key = |(n, key): (usize, Option<Arc<str>>)| key.unwrap_or_else(|| free_key(&mut given, n + 1));
    let keys: Vec<Arc<str>> = keys.into_iter().enumerate().map(key).collect();
    Ok(prices.into_iter().zip(keys).map(|(price, key)| PlanLine { key, price }).collect())
}

/// The keys that the caller gives; neither they nor the prices may repeat.
fn given_keys(wanted: &[LineInput], prices: &[Id<Price>]) -> Result<HashSet<Arc<str>>, Fault> {
    let mut wrong = Vec::new();
    let mut first_of: HashMap<Id<Price>, usize> = HashMap::new();
    let mut given: HashSet<Arc<str>> = HashSet::new();
    for (n, (line, price)) in wanted.iter().zip(prices).enumerate() {
        let first = *first_of.entry(*price).or_insert(n);
        if first < n {
            let message = format!("{} is the price of item {first} already: a plan has a price once", line.price());
            wrong.push(Violation::body(line.price_pointer(n), "repeated", message));
        }
        if let Some(key) = line.key().filter(|key| !given.insert(Arc::clone(key))) {
            let message = format!("{key:?} is the key of an earlier line");
            wrong.push(Violation::body(format!("/prices/{n}/key"), "repeated", message));
        }
    }
    if wrong.is_empty() { Ok(given) } else { Err(Fault::violations(wrong)) }
}

/// The prices of the lines: all that are missing are named at once.
fn find(state: &State, wanted: &[LineInput]) -> Result<Vec<Id<Price>>, Fault> {
    let mut missing: Option<Fault> = None;
    let mut found = Vec::with_capacity(wanted.len());
    for (n, line) in wanted.iter().enumerate() {
        match referred(&state.prices, &line.price_pointer(n), line.price()) {
            Ok(price) => found.push(price),
            Err(fault) => match &mut missing {
                Some(first) => first.violations.extend(fault.violations),
                None => missing = Some(fault),
            },
        }
    }
    missing.map_or(Ok(found), Err)
}

/// `line-<place>`, or the next such key that no line has.
fn free_key(taken: &mut HashSet<Arc<str>>, place: usize) -> Arc<str> {
    let mut number = place;
    loop {
        let key: Arc<str> = format!("line-{number}").into();
        if taken.insert(Arc::clone(&key)) {
            return key;
        }
        number += 1;
    }
}

/// Puts other lines into a plan's default version, unless somebody has subscribed to it: what is billed, or
/// was, is not rewritten.
pub(super) fn replace(state: &mut State, plan: Id<Plan>, wanted: &[LineInput], now: Timestamp) -> Result<(), Fault> {
    let version = state.plans[plan].default_version;
    let row = &state.plan_versions[version];
    let lines = read(state, wanted, &row.lines)?;
    let same = |(a, b): (&PlanLine, &PlanLine)| a.price == b.price && a.key == b.key;
    if lines.len() == row.lines.len() && lines.iter().zip(&row.lines).all(same) {
        return Ok(());
    }
    // Ended subscriptions count too: their invoices show these lines.
    let pins = state.subscriptions.iter().filter(|(_, row)| row.version == version || row.made_on == version).count();
    if pins > 0 {
        let message = format!(
            "{pins} subscriptions were made on version {} of this plan, whose prices stay as they are: mint a new \
             version with the other prices",
            row.number
        );
        return Err(Fault::conflict(message));
    }
    state.plan_versions.update(version, |row| {
        row.lines = lines;
        row.updated_at = now;
    });
    Ok(())
}
