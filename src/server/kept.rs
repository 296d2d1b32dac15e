//! The worlds of a provider as the control API keeps them.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Value, json};

use super::hosted::Hosted;
use super::opened::{Opened, unwritten};
use super::slot::Slot;
use crate::api::{Beginning, Door, Fault, Keeper, Provider, Webhook, WorldInfo, teaching_line};
use crate::time::{Timestamp, wall};
use crate::world::{ClockId, State, World, hash};

/// What a written world says of itself: rows have the form of one version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A world in the state file: written as it is walked, since all of them as values would take many times their memory.
#[derive(Serialize)]
#[serde(bound = "")]
struct Kept<'w, S: State> {
    leapday: &'static str,
    provider: &'static str,
    key: &'w str,
    world: &'w World<S>,
    snapshots: Vec<Snapshot<'w, S>>,
}

#[derive(Serialize)]
#[serde(bound = "")]
struct Snapshot<'w, S: State> {
    name: &'w str,
    world: &'w World<S>,
}

impl<P: Provider> Hosted<P> {
    /// The name of the world that a key opens.
    pub(super) fn named(&self, key: &str) -> Result<String, Fault> {
        let refused = |why: Cow<'static, str>| Fault::field("/key", "key", why);
        let mut headers = HeaderMap::new();
        for (name, value) in P::credentials(key) {
            let value =
                HeaderValue::from_str(&value).map_err(|_| refused("has letters that no header can hold".into()))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        self.key(&headers).map(|key| key.name.into_owned()).map_err(|fault| refused(fault.message))
    }

    /// Puts a world under a key.
    pub(super) fn house(&self, key: &str, world: World<P::State>, replace: bool) -> Result<Arc<Slot<P>>, Fault> {
        match self.worlds.find(key) {
            Some(_) if !replace => Err(Fault::conflict(format!(
                "{key} has a world already: `\"replace\": true` puts this one in its place"
            ))),
            Some(slot) => {
                slot.replace(world);
                Ok(slot)
            }
            None => {
                let slot = self.worlds.open(key, || Ok::<_, Fault>(world))?;
                slot.wake();
                Ok(slot)
            }
        }
    }

    /// `{leapday, provider, key, digest, world}`.
    pub(super) fn written(key: &str, world: &World<P::State>) -> Result<Value, Fault> {
        Ok(json!({
            "leapday": VERSION,
            "provider": P::NAME,
            "key": key,
            "digest": world.digest().map_err(unwritten)?,
            "world": world.export().map_err(unwritten)?,
        }))
    }

    /// The world that [`Hosted::written`] wrote.
    pub(super) fn read_back(&self, kept: &Value) -> Result<World<P::State>, Fault> {
        if kept["provider"].as_str().is_some_and(|provider| provider != P::NAME) {
            let message = format!("this is a world of {}, not of {}", kept["provider"], P::NAME);
            return Err(Fault::field("/provider", "const", message));
        }
        let mut world = World::import(&kept["world"]).map_err(|why| {
            let version = kept["leapday"].as_str().filter(|version| *version != VERSION);
            let age = version.map(|version| format!(" (Leapday {version} wrote it, and this is {VERSION})"));
            Fault::field("/world", "world", format!("is no world: {why}{}", age.unwrap_or_default()))
        })?;
        world.limit(self.settings.limits);
        Ok(world)
    }

    fn info(key: &str, slot: &Slot<P>, wall: Timestamp) -> WorldInfo {
        // As it was left: whoever lists worlds changes none, and one that time breaks does not hide the others.
        let world = slot.published();
        let clock = world.clock(ClockId::WORLD);
        WorldInfo {
            provider: P::NAME,
            key: key.to_owned(),
            now: clock.reading(wall),
            mode: clock.mode(),
            event_count: world.event_count(),
            row_count: world.size().rows,
            snapshots: slot.shelf.all().into_iter().map(|(name, _)| name).collect(),
        }
    }

    fn opened(&self, key: String, slot: Arc<Slot<P>>) -> Box<dyn Door + '_> {
        Box::new(Opened { hosted: self, key, slot })
    }
}

impl<P: Provider> Keeper for Hosted<P> {
    fn credentials(&self, key: &str) -> Vec<(&'static str, String)> {
        P::credentials(key)
    }

    fn key_for(&self, name: &str) -> String {
        P::key_for(name)
    }

    fn keys(&self) -> &'static str {
        P::KEYS
    }

    /// A secret that nobody brings is the same in all worlds, so that it can be printed.
    fn webhook(&self) -> Option<(String, String)> {
        let Webhook { url, secret } = self.settings.webhook.clone()?;
        let made = || (P::webhooks().new_secret)(hash(self.settings.random_seed, b"webhook secret"));
        Some((url, secret.unwrap_or_else(made)))
    }

    fn rehearse(&self) -> Result<(), String> {
        self.rehearsal(wall()).map_err(|fault| match fault.violations.as_slice() {
            [] => fault.message.into_owned(),
            violations => format!("{}; {}", fault.message, teaching_line(violations)),
        })
    }

    fn is_own(&self, headers: &HeaderMap) -> bool {
        self.key(headers).is_ok_and(|key| key.name.starts_with(P::KEY_PREFIX))
    }

    fn is_own_key(&self, key: &str) -> bool {
        !P::KEY_PREFIX.is_empty() && self.named(key).is_ok_and(|name| name.starts_with(P::KEY_PREFIX))
    }

    fn opens(&self, headers: &HeaderMap, key: &str) -> bool {
        self.key(headers).is_ok_and(|own| own.name == key)
    }

    fn door(&self, headers: &HeaderMap, open: bool) -> Result<Option<Box<dyn Door + '_>>, Fault> {
        let key = self.key(headers)?;
        let now = wall();
        let slot = match self.worlds.find(&key.name) {
            Some(slot) => slot,
            None if open => self.open(&key.name, now)?,
            None => return Ok(None),
        };
        slot.touch(now);
        Ok(Some(self.opened(key.name.into_owned(), slot)))
    }

    fn world(&self, key: &str) -> Option<Box<dyn Door + '_>> {
        let slot = self.worlds.find(key)?;
        slot.touch(wall());
        Some(self.opened(key.to_owned(), slot))
    }

    fn worlds(&self, wall: Timestamp) -> Vec<WorldInfo> {
        self.worlds.all().iter().map(|(key, slot)| Self::info(key, slot, wall)).collect()
    }

    fn create(&self, key: &str, beginning: Beginning<'_>, wall: Timestamp) -> Result<WorldInfo, Fault> {
        let key = self.named(key)?;
        if self.worlds.find(&key).is_some() {
            let message = format!("{key} has a world already: POST /_leapday/world/reset starts it anew");
            return Err(Fault::conflict(message));
        }
        let slot = self.house(&key, self.make(&key, beginning, wall)?, false)?;
        Ok(Self::info(&key, &slot, wall))
    }

    /// What has fallen due since happens when the file is read again: a world that time breaks must not cost the others.
    fn keep(&self, list: &mut dyn Write, before: usize) -> io::Result<usize> {
        let all = self.worlds.all();
        for (number, (key, slot)) in all.iter().enumerate() {
            list.write_all(if before + number == 0 { b"\n" } else { b",\n" })?;
            let (world, shelf) = (slot.published(), slot.shelf.all());
            let snapshots = shelf.iter().map(|(name, world)| Snapshot { name, world }).collect();
            let kept = Kept { leapday: VERSION, provider: P::NAME, key, world: &world, snapshots };
            serde_json::to_writer(&mut *list, &kept)?;
        }
        Ok(all.len())
    }

    fn pulse(&self, others: u64) -> u64 {
        self.worlds.all().iter().fold(others, |pulse, (key, slot)| slot.stamp(hash(pulse, key.as_bytes())))
    }

    fn recall(&self, kept: &Value) -> Result<(), Fault> {
        let key = kept["key"].as_str().ok_or_else(|| Fault::field("/key", "required", "says whose world it is"))?;
        let slot = self.house(key, self.read_back(kept)?, true)?;
        for snapshot in kept["snapshots"].as_array().into_iter().flatten() {
            let name = snapshot["name"].as_str().unwrap_or_default();
            slot.shelf.put(name, Arc::new(self.read_back(snapshot)?));
        }
        Ok(())
    }

    fn forget(&self, key: &str) -> bool {
        self.worlds.remove(key)
    }

    fn expire(&self, now: Timestamp, idle: Duration) -> usize {
        self.worlds.expire(now, idle)
    }
}
