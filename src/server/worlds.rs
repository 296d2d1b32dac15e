//! The worlds of one mount: found by key, read without waiting, written one at a time.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use arc_swap::{ArcSwap, Guard};
use dashmap::DashMap;

use crate::time::Timestamp;
use crate::world::{State, World};

/// Where one world is published. Readers take what is there; writers queue, work on a clone and
/// publish it whole.
pub(super) struct Slot<S: State> {
    published: ArcSwap<World<S>>,
    writing: Mutex<()>,
}

impl<S: State> Slot<S> {
    pub(super) fn new(world: World<S>) -> Self {
        Self { published: ArcSwap::from_pointee(world), writing: Mutex::new(()) }
    }

    /// The world as it is at `wall`: whatever has fallen due by then has happened.
    pub(super) fn read(&self, wall: Timestamp) -> Guard<Arc<World<S>>> {
        let world = self.published.load();
        if !world.is_behind(wall) {
            return world;
        }
        drop(world);
        let caught_up: Result<(), std::convert::Infallible> = self.write(wall, |_| Ok(()));
        match caught_up {
            Ok(()) => self.published.load(),
            Err(never) => match never {},
        }
    }

    /// Changes the world: all of what `change` does appears at once, or nothing if it refuses.
    pub(super) fn write<R, E>(
        &self,
        wall: Timestamp,
        change: impl FnOnce(&mut World<S>) -> Result<R, E>,
    ) -> Result<R, E> {
        let _turn = self.turn();
        let mut world = World::clone(&self.published.load());
        world.catch_up(wall);
        let result = change(&mut world)?;
        self.published.store(Arc::new(world));
        Ok(result)
    }

    /// Waits for its turn to write. The lock guards no data, so a writer that panicked left nothing
    /// half done and its poison is ignored.
    fn turn(&self) -> MutexGuard<'_, ()> {
        match self.writing.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                off_thread(|| self.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
            }
        }
    }
}

/// Runs something slow without keeping the server's other requests waiting for this thread.
pub(super) fn off_thread<R>(slow: impl FnOnce() -> R) -> R {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(slow),
        _ => slow(),
    }
}

/// All worlds of a mount.
pub(super) struct Worlds<S: State> {
    slots: DashMap<Arc<str>, Arc<Slot<S>>, ahash::RandomState>,
    most: usize,
}

/// The sandbox holds as many worlds as it may.
#[derive(Debug)]
pub(super) struct Full {
    pub(super) most: usize,
}

impl<S: State> Worlds<S> {
    pub(super) fn new(most: usize) -> Self {
        Self { slots: DashMap::default(), most }
    }

    pub(super) fn find(&self, key: &str) -> Option<Arc<Slot<S>>> {
        self.slots.get(key).map(|slot| Arc::clone(&slot))
    }

    /// The world for which something holds, as it is published: a look, without catching up with the clock.
    pub(super) fn which(&self, holds: impl Fn(&World<S>) -> bool) -> Option<Arc<Slot<S>>> {
        self.slots.iter().find(|slot| holds(&slot.published.load())).map(|slot| Arc::clone(&slot))
    }

    /// The world of a key, made by `make` if this is the first that anybody asks of it.
    pub(super) fn open<E: From<Full>>(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<World<S>, E>,
    ) -> Result<Arc<Slot<S>>, E> {
        if let Some(slot) = self.find(key) {
            return Ok(slot);
        }
        if self.slots.len() >= self.most {
            return Err(Full { most: self.most }.into());
        }
        let made = make()?;
        // Two first requests may race: the one that comes second drops what it made.
        let slot = self.slots.entry(Arc::from(key)).or_insert_with(|| Arc::new(Slot::new(made)));
        Ok(Arc::clone(&slot))
    }
}
