//! All contracts of one API.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use include_dir::Dir;
use serde_json::Value;

use super::bound::{Bound, Contract};
use super::check::{self, Row};
use super::library::Library;
use super::openapi;
use super::rule::Rule;
use super::source::Source;

/// All contracts of one API: parsed file by file and compiled validator by validator when first used, so that a
/// server starts in milliseconds.
pub struct Registry {
    shared: Arc<Shared>,
    /// Handed-out contracts. Locked when routes are built, not when requests are served.
    bound: Mutex<HashMap<(&'static str, &'static str), Contract>>,
}

/// What all contracts of a registry have in common.
pub(super) struct Shared {
    pub(super) library: Library,
    /// What an error answer must match that has no shape of its own.
    pub(super) error: OnceLock<Option<Rule>>,
}

impl Registry {
    /// A registry over a folder of schema files. Nothing is parsed yet.
    #[must_use]
    pub fn new(files: &'static Dir<'static>) -> Self {
        let shared = Shared { library: Library::new(files), error: OnceLock::new() };
        Self { shared: Arc::new(shared), bound: Mutex::default() }
    }

    /// The contract of an operation: a cheap handle. Everyone who asks for the same one shares its validators.
    #[must_use]
    pub fn contract(&self, noun: &'static str, operation: &'static str) -> Contract {
        // A panic elsewhere cannot leave the map half-written: entries are only ever added whole.
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        let contract = bound.entry((noun, operation));
        contract.or_insert_with(|| Contract::new(Bound::new(Arc::clone(&self.shared), noun, operation))).clone()
    }

    /// Where the contract of an operation comes from. Parses the files, unlike the making of a server.
    #[must_use]
    pub fn source(&self, noun: &str, operation: &str) -> Option<Source> {
        self.shared.library.source(noun, operation)
    }

    /// The contracts of these routes as an `OpenAPI` document.
    #[must_use]
    pub fn openapi(&self, front: &openapi::Front<'_>, routes: &[openapi::Route<'_>]) -> Value {
        openapi::document(&self.shared.library, front, routes)
    }

    /// Everything that is wrong with the files or with how they fit the operations; empty when all is well.
    ///
    /// Compiles everything, and so takes much longer than starting a server: for a test and a command.
    #[must_use]
    pub fn check(&self, rows: &[Row]) -> Vec<String> {
        check::check(&self.shared.library, rows)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Registry")
            .field("nouns", &self.shared.library.nouns().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
