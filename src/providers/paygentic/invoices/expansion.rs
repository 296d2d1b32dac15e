//! What a query of invoices and lines expands: the lines of an invoice, their traces, and the items that they are
//! tagged with.
//!
//! Facts: paygentic-behaviour §1.4 and §2.8, paygentic-contract (`expand`, `provider`, `ResolvedItem`).

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use crate::api::{Call, Reply, warn};
use crate::contract::{Violation, near};
use crate::providers::paygentic::external_references::{self, Entity};
use crate::providers::paygentic::items::Item;
use crate::providers::paygentic::state::State;
use crate::time::Timestamp;
use crate::world::{Id, IdText};

const ITEMS: &str = "items";
const LINES: &str = "lineItems";
const TRACES: &str = "lineProvenance";
const WORDS: [&str; 3] = [ITEMS, LINES, TRACES];
/// Hints that one answer holds: nobody means so many things.
const HINTS_MOST: usize = 10;

pub(super) struct Expansion<'c> {
    words: Vec<&'c str>,
    /// Whose names of items are wanted; all without one.
    provider: Option<&'c str>,
}

/// An item as lines refer to it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResolvedItem<'a> {
    id: IdText,
    name: &'a str,
    catalog_id: Option<IdText>,
    archived_at: Option<Timestamp>,
    external_references: Vec<external_references::Body<'a>>,
}

impl<'c> Expansion<'c> {
    pub(super) fn of(call: &'c Call) -> Self {
        let text = |name: &str| call.query.get(name).and_then(Value::as_str);
        let words = text("expand").unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
        Self { words: words.collect(), provider: text("provider") }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// Whether an invoice shows its lines: they hold all that there is to expand.
    pub(super) fn shows_lines(&self) -> bool {
        WORDS.iter().any(|word| self.has(word))
    }

    pub(super) fn traces(&self) -> bool {
        self.has(TRACES)
    }

    /// The items that lines are tagged with, each once.
    pub(super) fn items<'a>(
        &self,
        state: &'a State,
        tags: impl Iterator<Item = Id<Item>>,
    ) -> Option<Vec<ResolvedItem<'a>>> {
        let mut seen = HashSet::new();
        let resolved = |id: Id<Item>| {
            let row = &state.items[id];
            ResolvedItem {
                id: state.items.text(id),
                name: &row.name,
                catalog_id: row.product.map(|product| state.products.text(product)),
                archived_at: row.archived_at,
                external_references: external_references::of(state, Entity::Item(id), self.provider),
            }
        };
        self.has(ITEMS).then(|| tags.filter(|id| seen.insert(*id)).map(resolved).collect())
    }

    /// An answer with a hint at each word that expands nothing.
    pub(super) fn hinted(&self, reply: Reply) -> Reply {
        let hint = |word: &&str| {
            let meant = near(word, WORDS).map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
            Violation::query("expand", "unknown", format!("{word:?} is none of {}{meant}", WORDS.join(", ")))
        };
        let strangers = self.words.iter().filter(|word| !WORDS.contains(word)).take(HINTS_MOST);
        warn(reply, &strangers.map(hint).collect::<Vec<_>>())
    }
}
