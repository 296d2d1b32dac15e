//! One world of a provider as the control API sees it: its clock, its payments, its events.

use std::sync::Arc;

use serde_json::{Value, json};

use super::hosted::Hosted;
use super::worlds::{Slot, off_thread};
use crate::api::{Door, Fault, Provider, Site, Target};
use crate::billing::cards::{Attempt, Card};
use crate::time::Timestamp;
use crate::world::{ClockId, World};

/// One world of a provider, opened for the control API.
pub(super) struct Opened<'h, P: Provider> {
    pub(super) hosted: &'h Hosted<P>,
    pub(super) key: String,
    pub(super) slot: Arc<Slot<P::State>>,
}

impl<P: Provider> Opened<'_, P> {
    fn clock_id(world: &World<P::State>, name: Option<&str>) -> Result<ClockId, Fault> {
        let Some(name) = name else { return Ok(ClockId::WORLD) };
        P::clock(world, name).ok_or_else(|| Fault::no_such("clock", name))
    }

    fn show(world: &World<P::State>, id: ClockId, wall: Timestamp) -> Value {
        let clock = world.clock(id);
        let mode = if clock.is_flowing() { "flowing" } else { "frozen" };
        json!({ "provider": P::NAME, "now": clock.reading(wall), "mode": mode })
    }
}

/// How many events the answer to an advance lists; the rest is counted, and `/events` has all.
const EVENTS_PER_ANSWER: usize = 1_000;

impl<P: Provider> Door for Opened<'_, P> {
    fn clock(&self, name: Option<&str>, wall: Timestamp) -> Result<Value, Fault> {
        let world = self.slot.read(wall);
        let id = Self::clock_id(&world, name)?;
        Ok(Self::show(&world, id, wall))
    }

    fn set_clock(&self, to: Option<Timestamp>, wall: Timestamp) -> Result<Value, Fault> {
        off_thread(|| {
            self.slot.write(wall, |world| {
                match to {
                    None => world.flow(ClockId::WORLD, wall),
                    Some(to) if to < world.now(ClockId::WORLD) => world.turn_back(to).map_err(|first| {
                        Fault::conflict(format!(
                            "The clock stands at {} and something is due on it at {first}: it cannot go back to {to}",
                            world.now(ClockId::WORLD)
                        ))
                    })?,
                    Some(to) => {
                        world.freeze(ClockId::WORLD);
                        let advance = world.advance(ClockId::WORLD, to);
                        if let Some(due) = advance.stopped_before {
                            return Err(Fault::conflict(format!(
                                "More than {} timers fall due until {to} (--timers-per-advance), the next at {due}: \
                                 POST /clock/advance goes as far as it may and says where it stopped",
                                advance.fired
                            )));
                        }
                    }
                }
                Ok(Self::show(world, ClockId::WORLD, wall))
            })
        })
    }

    fn advance(&self, name: Option<&str>, target: Target, wall: Timestamp, site: Site<'_>) -> Result<Value, Fault> {
        off_thread(|| {
            self.slot.write(wall, |world| {
                let id = Self::clock_id(world, name)?;
                let now = world.now(id);
                let to = match target {
                    Target::To(to) => to,
                    Target::By(cadence) => cadence.after(now, 1).ok_or_else(|| {
                        Fault::field("/by", "maximum", format!("{cadence} from {now} is beyond the calendar"))
                    })?,
                };
                if to <= now {
                    return Err(Fault::field("/to", "forward", format!("the clock stands at {now} and only moves forward")));
                }
                let first = world.event_count();
                let flowing = world.clock(id).is_flowing();
                let advance = world.advance(id, to);
                // A clock that flows goes on from where it was put; a frozen one stays there.
                if flowing {
                    world.flow(id, wall);
                }
                let events: Vec<Value> = world
                    .events_from(first)
                    .take(EVENTS_PER_ANSWER)
                    .map(|(number, event)| P::event(world, number, event, site.of(P::NAME)))
                    .collect();
                Ok(json!({
                    "provider": P::NAME,
                    "from": advance.from,
                    "now": advance.to,
                    "fired": advance.fired,
                    "eventCount": world.event_count() - first,
                    "events": events,
                    "stopped": advance.stopped_before.map(|due| json!({
                        "before": due,
                        "reason": format!("{} timers fired (--timers-per-advance); advance again to go on", advance.fired),
                    })),
                }))
            })
        })
    }

    fn reset(&self, start: &Value, wall: Timestamp) -> Result<(), Fault> {
        let fresh = self.hosted.make(&self.key, start, wall)?;
        self.slot.write(wall, |world| {
            *world = fresh;
            Ok(())
        })
    }

    fn pay(&self, session: &str, attempt: &Attempt, wall: Timestamp) -> Result<Value, Fault> {
        self.slot.write(wall, |world| P::pay(world, session, attempt))
    }

    fn save_method(&self, customer: &str, card: &Card, wall: Timestamp) -> Result<Value, Fault> {
        self.slot.write(wall, |world| P::save_method(world, customer, card))
    }

    fn events(&self, from: usize, limit: usize, site: Site<'_>, wall: Timestamp) -> (Vec<Value>, usize) {
        let world = self.slot.read(wall);
        let events = world.events_from(from).take(limit);
        (events.map(|(number, event)| P::event(&world, number, event, site.of(P::NAME))).collect(), world.event_count())
    }
}
