//! A world as a value: snapshots, forks, and the world written down.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Opened;
use crate::api::{Beginning, Copies, Fault, Provider};
use crate::server::hosted::Hosted;
use crate::server::shelf::SNAPSHOTS_MOST;
use crate::server::slot::off_thread;
use crate::time::Timestamp;
use crate::world::{ClockId, NoWorld, Size, World};

impl<P: Provider> Opened<'_, P> {
    fn row(&self, name: &str, world: &World<P::State>) -> Value {
        json!({
            "provider": P::NAME,
            "key": self.key,
            "name": name,
            "now": world.now(ClockId::WORLD),
            "eventCount": world.event_count(),
        })
    }
}

/// A world that cannot be written down is a bug.
pub(in crate::server) fn unwritten(why: NoWorld) -> Fault {
    Fault::internal(format!("This world cannot be written down: {why}"))
}

impl<P: Provider> Copies for Opened<'_, P> {
    fn reset(&self, beginning: Beginning<'_>, wall: Timestamp) -> Result<(), Fault> {
        let fresh = self.hosted.make(&self.key, beginning, wall)?;
        self.slot.replace(fresh);
        Ok(())
    }

    fn about(&self, wall: Timestamp) -> Result<Value, Fault> {
        let world = self.slot.read(wall);
        let clock = world.clock(ClockId::WORLD);
        let digest = off_thread(|| world.digest()).map_err(unwritten)?;
        Ok(json!({
            "provider": P::NAME,
            "key": self.key,
            "now": clock.reading(wall),
            "mode": clock.mode(),
            "eventCount": world.event_count(),
            "rowCount": world.size().rows,
            "digest": digest,
        }))
    }

    fn snapshot(&self, name: &str, wall: Timestamp) -> Result<Value, Fault> {
        let world = Arc::clone(&*self.slot.read(wall));
        let row = self.row(name, &world);
        if !self.slot.shelf.put(name, world) {
            let message = format!("This world has {SNAPSHOTS_MOST} snapshots, as many as it may: drop one");
            return Err(Fault::conflict(message));
        }
        Ok(row)
    }

    fn snapshots(&self) -> Vec<Value> {
        self.slot.shelf.all().iter().map(|(name, world)| self.row(name, world)).collect()
    }

    fn restore(&self, name: &str, wall: Timestamp) -> Result<Value, Fault> {
        let kept = self.slot.shelf.get(name).ok_or_else(|| Fault::no_such("snapshot", name))?;
        let mut world = World::clone(&kept);
        if world.clock(ClockId::WORLD).is_flowing() {
            world.flow(ClockId::WORLD, wall);
        }
        self.slot.replace(world);
        Ok(self.row(name, &kept))
    }

    fn drop_snapshot(&self, name: &str) -> Result<(), Fault> {
        if self.slot.shelf.remove(name) { Ok(()) } else { Err(Fault::no_such("snapshot", name)) }
    }

    fn fork(&self, key: &str, replace: bool, wall: Timestamp) -> Result<Value, Fault> {
        let key = self.hosted.named(key)?;
        if key == self.key {
            return Err(Fault::field("/key", "other", "is the key of this world itself"));
        }
        let world = World::clone(&self.slot.read(wall));
        self.hosted.house(&key, world, replace)?;
        Ok(json!({ "provider": P::NAME, "key": key, "from": self.key }))
    }

    fn export(&self, wall: Timestamp) -> Result<Value, Fault> {
        let world = Arc::clone(&*self.slot.read(wall));
        off_thread(|| Hosted::<P>::written(&self.key, &world))
    }

    fn import(&self, kept: &Value, wall: Timestamp) -> Result<Value, Fault> {
        let world = off_thread(|| {
            let mut world = self.hosted.read_back(kept)?;
            // Should that break it, the old one is still there.
            world.catch_up(wall);
            world.overgrown(Size::default()).map_or(Ok(world), |bound| Err(Fault::from(bound)))
        })?;
        self.slot.replace(world);
        self.about(wall)
    }
}
