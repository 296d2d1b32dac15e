//! Snapshots of one world, by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::Provider;
use crate::world::World;

/// How many snapshots a world may have: each holds what has changed since, so that a loop that takes them without end
/// is stopped.
pub(super) const SNAPSHOTS_MOST: usize = 100;

type Kept<P> = BTreeMap<String, Arc<World<<P as Provider>::State>>>;

/// What is kept of one world.
pub(super) struct Shelf<P: Provider>(Mutex<Kept<P>>);

impl<P: Provider> Default for Shelf<P> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<P: Provider> Shelf<P> {
    fn kept(&self) -> MutexGuard<'_, Kept<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a world under a name; `false` if there are too many.
    pub(super) fn put(&self, name: &str, world: Arc<World<P::State>>) -> bool {
        let mut kept = self.kept();
        if kept.len() >= SNAPSHOTS_MOST && !kept.contains_key(name) {
            return false;
        }
        kept.insert(name.to_owned(), world);
        true
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<World<P::State>>> {
        self.kept().get(name).cloned()
    }

    pub(super) fn remove(&self, name: &str) -> bool {
        self.kept().remove(name).is_some()
    }

    /// All of them, in the order of their names.
    pub(super) fn all(&self) -> Vec<(String, Arc<World<P::State>>)> {
        self.kept().iter().map(|(name, world)| (name.clone(), Arc::clone(world))).collect()
    }
}
