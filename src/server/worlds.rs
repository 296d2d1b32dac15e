//! The worlds of one mount, found by key.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use dashmap::DashMap;

use super::slot::Slot;
use crate::api::{Provider, Settings};
use crate::time::Timestamp;
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

    /// Forgets the worlds that nobody has asked anything for so long. One that a request holds is in use, and so is one
    /// whose webhooks are on their way.
    pub(super) fn expire(&self, now: Timestamp, idle: Duration) -> usize {
        let keys: Vec<Arc<str>> = self.slots.iter().map(|slot| Arc::clone(slot.key())).collect();
        let is_over = |slot: &Arc<Slot<P>>| {
            // Nobody takes it out of the map meanwhile, and whoever did so before has noted that it was asked.
            let in_use = Arc::strong_count(slot) > 1;
            fence(Ordering::Acquire);
            if in_use || slot.published().outbox.ready_since(0).next().is_some() {
                slot.touch(now);
            }
            slot.idle(now) >= idle
        };
        keys.iter().filter(|key| self.slots.remove_if(&***key, |_, slot| is_over(slot)).is_some()).count()
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
