//! One world of a provider as the control API sees it: its clock, its payments, its events, its webhooks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::hosted::Hosted;
use super::slot::Slot;
use crate::api::{Deliver, Door, Fault, Found, Journey, Later, OutboxChange, Post, Provider, Search, Target};
use crate::billing::cards::{Attempt, Card};
use crate::time::{Timestamp, wall};
use crate::webhooks::Scheme;
use crate::world::{Advance, ClockId, Delivery, Id, Message, Notice as _, Outbox, World, matches};

/// One world of a provider, opened for the control API.
pub(super) struct Opened<'h, P: Provider> {
    pub(super) hosted: &'h Hosted<P>,
    pub(super) key: String,
    pub(super) slot: Arc<Slot<P>>,
}

/// How many events the answer to an advance lists; the rest is counted, and `/events` has all.
const EVENTS_PER_ANSWER: usize = 1_000;
/// How long a redelivery is waited for: longer than any attempt may take.
const REDELIVERY_PATIENCE: Duration = Duration::from_secs(20);

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

    async fn go_to(&self, to: Timestamp, deliver: Deliver) -> Result<Value, Fault> {
        let wall = wall();
        if to < self.slot.read(wall).now(ClockId::WORLD) {
            return self.slot.write(wall, |world| {
                world.turn_back(to).map_err(|first| {
                    Fault::conflict(format!(
                        "The clock stands at {} and something is due on it at {first}: it cannot go back to {to}",
                        world.now(ClockId::WORLD)
                    ))
                })?;
                Ok(Self::show(world, ClockId::WORLD, wall))
            });
        }
        let plan = |world: &mut World<P::State>| {
            world.freeze(ClockId::WORLD);
            Ok((ClockId::WORLD, to))
        };
        let done = |world: &mut World<P::State>, advance: &Advance| {
            if let Some(due) = advance.stopped_before {
                return Err(Fault::conflict(format!(
                    "More than {} timers fall due until {to} (--timers-per-advance), the next at {due}: \
                     POST /clock/advance goes as far as it may and says where it stopped",
                    advance.fired
                )));
            }
            Ok(Self::show(world, ClockId::WORLD, wall))
        };
        self.slot.advance(deliver, plan, done).await
    }

    async fn travel(&self, journey: Journey<'_>) -> Result<Value, Fault> {
        let (first, flowing) = {
            let world = self.slot.read(wall());
            (world.event_count(), world.clock(Self::clock_id(&world, journey.clock)?).is_flowing())
        };
        let plan = |world: &mut World<P::State>| {
            let id = Self::clock_id(world, journey.clock)?;
            let now = world.now(id);
            let to = match journey.target {
                Target::To(to) => to,
                Target::By(cadence) => cadence.after(now, 1).ok_or_else(|| {
                    Fault::field("/by", "maximum", format!("{cadence} from {now} is beyond the calendar"))
                })?,
            };
            if to <= now {
                return Err(Fault::field(
                    "/to",
                    "forward",
                    format!("the clock stands at {now} and only moves forward"),
                ));
            }
            Ok((id, to))
        };
        let done = |world: &mut World<P::State>, advance: &Advance| {
            // A clock that flows goes on from where it was put; a frozen one stays there.
            if flowing {
                world.flow(Self::clock_id(world, journey.clock)?, wall());
            }
            let events = world.events_from(first).take(EVENTS_PER_ANSWER);
            let site = journey.site.of(P::NAME);
            let events: Vec<Value> = events.map(|(number, event)| P::event(world, number, event, site)).collect();
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
                "unanswered": unanswered(&world.outbox),
            }))
        };
        self.slot.advance(journey.deliver, plan, done).await
    }

    fn look(world: &World<P::State>, search: &Search<'_>) -> Found {
        let (mut events, mut next) = (Vec::new(), search.from.max(world.event_count()));
        let wanted = |name: &str| search.event_type.is_none_or(|wanted| matches(wanted, name));
        for (number, event) in world.events_from(search.from).filter(|(_, event)| wanted(event.notice.name())) {
            if events.len() == search.limit {
                next = number;
                break;
            }
            events.push(P::event(world, number, event, search.site.of(P::NAME)));
        }
        Found { rows: events, total: world.event_count(), next }
    }

    fn post(world: &World<P::State>, wanted: &Post<'_>) -> Found {
        let (mut messages, mut next) = (Vec::new(), world.message_count());
        let is_wanted = |message: &Message| wanted.to.is_none_or(|to| to == &*message.to);
        for (number, message) in world.messages_from(wanted.from).filter(|(_, message)| is_wanted(message)) {
            if messages.len() == wanted.limit {
                next = number;
                break;
            }
            let link = message.link.as_ref().map(|link| format!("{}{link}", wanted.site.of(P::NAME)));
            messages.push(json!({
                "number": number,
                "at": message.at,
                "channel": message.channel,
                "to": message.to,
                "subject": message.subject,
                "link": link,
            }));
        }
        Found { rows: messages, total: world.message_count(), next }
    }
}

/// The URLs of endpoints that hang, for which no advance waits.
fn unanswered(outbox: &Outbox) -> Vec<&str> {
    outbox.endpoints().iter().filter(|(_, endpoint)| !endpoint.responsive).map(|(_, endpoint)| &*endpoint.url).collect()
}

impl<P: Provider> Door for Opened<'_, P> {
    fn clock(&self, name: Option<&str>, wall: Timestamp) -> Result<Value, Fault> {
        let world = self.slot.read(wall);
        let id = Self::clock_id(&world, name)?;
        Ok(Self::show(&world, id, wall))
    }

    fn set_clock(&self, to: Option<Timestamp>, deliver: Deliver) -> Later<'_, Result<Value, Fault>> {
        Box::pin(async move {
            match to {
                Some(to) => self.go_to(to, deliver).await,
                None => self.slot.write(wall(), |world| {
                    world.flow(ClockId::WORLD, wall());
                    Ok(Self::show(world, ClockId::WORLD, wall()))
                }),
            }
        })
    }

    fn advance<'a>(&'a self, journey: Journey<'a>) -> Later<'a, Result<Value, Fault>> {
        Box::pin(self.travel(journey))
    }

    fn reset(&self, start: &Value, wall: Timestamp) -> Result<(), Fault> {
        let mut fresh = self.hosted.make(&self.key, start, wall)?;
        self.slot.write(wall, |world| {
            fresh.outbox.succeed(&world.outbox);
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

    fn events<'a>(&'a self, search: Search<'a>) -> Later<'a, Found> {
        Box::pin(async move {
            let look =
                |world: &World<P::State>| Some(Self::look(world, &search)).filter(|found| !found.rows.is_empty());
            match self.slot.wait(search.patience, look).await {
                Some(found) => found,
                None => Self::look(&self.slot.read(wall()), &search),
            }
        })
    }

    fn messages<'a>(&'a self, wanted: Post<'a>) -> Later<'a, Found> {
        Box::pin(async move {
            let look =
                |world: &World<P::State>| Some(Self::post(world, &wanted)).filter(|found| !found.rows.is_empty());
            match self.slot.wait(wanted.patience, look).await {
                Some(found) => found,
                None => Self::post(&self.slot.read(wall()), &wanted),
            }
        })
    }

    fn outbox(&self, wall: Timestamp) -> Outbox {
        self.slot.read(wall).outbox.clone()
    }

    fn change_outbox(&self, wall: Timestamp, change: OutboxChange<'_>) -> Result<Outbox, Fault> {
        self.slot.write(wall, |world| {
            let now = world.now(ClockId::WORLD);
            change(&mut world.outbox, now)?;
            Ok(world.outbox.clone())
        })
    }

    fn redeliver(&self, delivery: Id<Delivery>) -> Later<'_, Outbox> {
        Box::pin(async move {
            let queued: Result<(), std::convert::Infallible> = self.slot.write(wall(), |world| {
                world.outbox.redeliver(delivery);
                Ok(())
            });
            match queued {
                Ok(()) => {}
                Err(never) => match never {},
            }
            let sent = |world: &World<P::State>| {
                let waits = world.outbox.deliveries().get(delivery).is_some_and(|row| row.is_ready());
                (!waits).then(|| world.outbox.clone())
            };
            match self.slot.wait(REDELIVERY_PATIENCE, sent).await {
                Some(outbox) => outbox,
                None => self.outbox(wall()),
            }
        })
    }

    fn scheme(&self) -> &'static Scheme {
        P::webhooks()
    }

    fn event_types(&self) -> &'static [&'static str] {
        P::event_types()
    }

    fn event_id(&self, number: usize, wall: Timestamp) -> String {
        self.slot.read(wall).event_id("evt_", number).to_string()
    }
}
