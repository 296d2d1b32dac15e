//! Where the contract of an operation comes from.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a contract comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The vendor's own client, or what it publishes for making one.
    Client,
    /// The vendor's pages only.
    Guides,
    /// Nobody but us.
    Ours,
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Client => "client",
            Self::Guides => "guides",
            Self::Ours => "ours",
        })
    }
}

/// What a file says under `x-source`: of all its operations, or of some by name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Sources {
    All(Source),
    Named(BTreeMap<String, Source>),
}

impl Sources {
    pub(super) fn of(&self, operation: &str) -> Option<Source> {
        match self {
            Self::All(source) => Some(*source),
            Self::Named(sources) => sources.get(operation).copied(),
        }
    }

    /// The operations that it names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let named = match self {
            Self::All(_) => None,
            Self::Named(sources) => Some(sources),
        };
        named.into_iter().flat_map(|sources| sources.keys().map(String::as_str))
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self::Named(BTreeMap::new())
    }
}
