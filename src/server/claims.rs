//! Things that one at a time may do.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// What is claimed at the moment.
pub(super) struct Claims<T>(Mutex<HashSet<T>>);

/// One claim; given up when it is dropped.
pub(super) struct Claim<'c, T: Eq + Hash>(&'c Claims<T>, T);

impl<T: Eq + Hash + Clone> Claims<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashSet::new()))
    }

    /// Claims something; `None` if somebody else has it.
    pub(super) fn claim(&self, what: T) -> Option<Claim<'_, T>> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what.clone());
        free.then(|| Claim(self, what))
    }
}

impl<T: Eq + Hash> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}
