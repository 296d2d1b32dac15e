//! The worlds of one mount, found by key.

use std::sync::Arc;

use dashmap::DashMap;

use super::slot::Slot;
use crate::api::{Provider, Settings};
use crate::world::World;

/// All worlds of a mount.
pub(super) struct Worlds<P: Provider> {
    slots: DashMap<Arc<str>, Arc<Slot<P>>, ahash::RandomState>,
    settings: Arc<Settings>,
}

/// The sandbox holds as many worlds as it may.
#[derive(Debug)]
pub(super) struct Full {
    pub(super) most: usize,
}

impl<P: Provider> Worlds<P> {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { slots: DashMap::default(), settings }
    }

    pub(super) fn find(&self, key: &str) -> Option<Arc<Slot<P>>> {
        self.slots.get(key).map(|slot| Arc::clone(&slot))
    }

    /// The world for which something holds, as it is published: a look, without catching up with the clock.
    pub(super) fn which(&self, holds: impl Fn(&World<P::State>) -> bool) -> Option<Arc<Slot<P>>> {
        self.slots.iter().find(|slot| holds(&slot.published())).map(|slot| Arc::clone(&slot))
    }

    /// All of them, in the order of their keys.
    pub(super) fn all(&self) -> Vec<(Arc<str>, Arc<Slot<P>>)> {
        let mut all: Vec<_> = self.slots.iter().map(|slot| (Arc::clone(slot.key()), Arc::clone(&slot))).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// Forgets a world; whether there was one. Who still holds it finishes what it does there.
    pub(super) fn remove(&self, key: &str) -> bool {
        self.slots.remove(key).is_some()
    }

    /// The world of a key, made by `make` if this is the first that anybody asks of it.
    pub(super) fn open<E: From<Full>>(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<World<P::State>, E>,
    ) -> Result<Arc<Slot<P>>, E> {
        if let Some(slot) = self.find(key) {
            return Ok(slot);
        }
        let most = self.settings.max_worlds;
        if self.slots.len() >= most {
            return Err(Full { most }.into());
        }
        let made = make()?;
        // Two first requests may race: the one that comes second drops what it made.
        let slot = self.slots.entry(Arc::from(key)).or_insert_with(|| Slot::new(made, Arc::clone(&self.settings)));
        Ok(Arc::clone(&slot))
    }
}
