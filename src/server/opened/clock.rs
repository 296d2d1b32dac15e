//! The clocks of a world as the control API turns them.

use serde_json::{Value, json};

use super::{Opened, shown};
use crate::api::{Agenda, Deliver, Fault, Gist, Journey, Later, Provider, Target, Turns};
use crate::server::slot::{Course, off_thread};
use crate::time::{Cadence, Timestamp, wall};
use crate::world::{Advance, Bound, ClockId, Limits, Outbox, Stopped, Thing, World};

/// What an advance takes along to tell of it when it has arrived.
struct Departure {
    /// The number of the first event that is its own.
    first: usize,
    flowing: bool,
    /// What a step does.
    due: Option<Value>,
}

impl<P: Provider> Opened<'_, P> {
    fn clock_id(world: &World<P::State>, name: Option<&str>) -> Result<ClockId, Fault> {
        let Some(name) = name else { return Ok(ClockId::WORLD) };
        P::clock(world, name).ok_or_else(|| Fault::no_such("clock", name))
    }

    fn show(world: &World<P::State>, id: ClockId, wall: Timestamp) -> Value {
        let clock = world.clock(id);
        json!({ "provider": P::NAME, "now": clock.reading(wall), "mode": clock.mode() })
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
            Ok((Course { clock: ClockId::WORLD, to, most: world.timers_per_advance() }, ()))
        };
        let done = |world: &mut World<P::State>, advance: &Advance, ()| {
            if let Some(stopped) = advance.stopped {
                let why = match stopped.bound {
                    Bound::Timers(fired) => {
                        format!("More than {fired} timers fall due until {to} (--timers-per-advance)")
                    }
                    bound => format!("Until {to} the world would hold more than {bound}"),
                };
                return Err(Fault::conflict(format!(
                    "{why}, the next at {}: POST /clock/advance goes as far as it may and says where it stopped",
                    stopped.before
                )));
            }
            Ok(Self::show(world, ClockId::WORLD, wall))
        };
        self.slot.advance(deliver, plan, done).await
    }

    fn plan(world: &World<P::State>, journey: &Journey<'_>) -> Result<(Course, Departure), Fault> {
        let clock = Self::clock_id(world, journey.clock)?;
        let now = world.now(clock);
        let mut departure =
            Departure { first: world.event_count(), flowing: world.clock(clock).is_flowing(), due: None };
        let most = world.timers_per_advance();
        let to = match journey.target {
            Target::To(to) => to,
            Target::By(cadence) => later(now, cadence, "/by")?,
            Target::Next => {
                let Some((at, thing)) = world.next_thing(clock) else {
                    return Err(Fault::conflict(format!("Nothing is due on this clock, which stands at {now}")));
                };
                departure.due = Some(due::<P>(world, at, thing));
                return Ok((Course { clock, to: at, most: 1 }, departure));
            }
        };
        if to <= now {
            return Err(Fault::field("/to", "forward", format!("the clock stands at {now} and only moves forward")));
        }
        Ok((Course { clock, to, most }, departure))
    }

    fn tell(world: &World<P::State>, journey: &Journey<'_>, advance: &Advance, departure: &Departure) -> Value {
        let first = departure.first;
        let site = journey.site.of(P::NAME);
        let events = world.events_from(first).skip(journey.offset).take(journey.limit);
        let events: Vec<Value> = events.map(|(number, event)| shown::<P>(world, number, event, site)).collect();
        // A step stops after one thing, and says so by that.
        let stepped = |stopped: &Stopped| departure.due.is_some() && matches!(stopped.bound, Bound::Timers(_));
        let stopped = advance.stopped.filter(|stopped| !stepped(stopped));
        let mut told = json!({
            "provider": P::NAME,
            "from": advance.from,
            "now": advance.to,
            "fired": advance.fired,
            "eventCount": world.event_count() - first,
            "events": events,
            "stopped": stopped.map(|stopped| json!({ "before": stopped.before, "reason": stopped.reason() })),
            "unanswered": unanswered(&world.outbox),
        });
        if let Some(due) = &departure.due {
            told["due"] = due.clone();
        }
        told
    }

    async fn travel(&self, journey: Journey<'_>) -> Result<Value, Fault> {
        let plan = |world: &mut World<P::State>| Self::plan(world, &journey);
        let done = |world: &mut World<P::State>, advance: &Advance, departure: Departure| {
            // A clock that flows goes on from where it was put; a frozen one stays there.
            if departure.flowing {
                world.flow(Self::clock_id(world, journey.clock)?, wall());
            }
            Ok(Self::tell(world, &journey, advance, &departure))
        };
        self.slot.advance(journey.deliver, plan, done).await
    }

    /// The world that a request would find, to do with as one likes.
    fn draft(&self) -> World<P::State> {
        let wall = wall();
        let mut world = World::clone(&self.slot.read(wall));
        world.catch_up(wall);
        world
    }
}

fn later(from: Timestamp, cadence: Cadence, pointer: &str) -> Result<Timestamp, Fault> {
    cadence
        .after(from, 1)
        .ok_or_else(|| Fault::field(pointer, "maximum", format!("{cadence} from {from} is beyond the calendar")))
}

/// `{at, what, about}`.
fn due<P: Provider>(
    world: &World<P::State>,
    at: Timestamp,
    thing: Thing<'_, <P::State as crate::world::State>::Due>,
) -> Value {
    let (what, about) = match thing {
        Thing::Provider(due) => P::due(world, due),
        Thing::Attempt(id) => ("webhook_attempt", Gist::of(world.outbox.deliveries(), id)),
    };
    json!({ "at": at, "what": what, "about": about })
}

/// The URLs of endpoints that hang, for which no advance waits.
fn unanswered(outbox: &Outbox) -> Vec<&str> {
    outbox.endpoints().iter().filter(|(_, endpoint)| !endpoint.responsive).map(|(_, endpoint)| &*endpoint.url).collect()
}

impl<P: Provider> Turns for Opened<'_, P> {
    fn clock(&self, name: Option<&str>, wall: Timestamp) -> Result<Value, Fault> {
        let world = self.slot.read(wall);
        let id = Self::clock_id(&world, name)?;
        Ok(Self::show(&world, id, wall))
    }

    fn further_clocks(&self, wall: Timestamp) -> Vec<(String, Timestamp)> {
        let world = self.slot.read(wall);
        P::clocks(&world).into_iter().map(|(name, id)| (name, world.now(id))).collect()
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

    fn preview(&self, journey: &Journey<'_>) -> Result<Value, Fault> {
        off_thread(|| {
            let mut world = self.draft();
            let (course, departure) = Self::plan(&world, journey)?;
            let advance = world.advance_within(course.clock, course.to, course.most);
            Ok(Self::tell(&world, journey, &advance, &departure))
        })
    }

    fn upcoming(&self, agenda: &Agenda<'_>) -> Result<Value, Fault> {
        off_thread(|| {
            // Nothing of it is kept, and it ends by itself.
            let mut world = self.draft();
            world.limit(Limits::default());
            let clock = Self::clock_id(&world, agenda.clock)?;
            let now = world.now(clock);
            let until = later(now, agenda.within, "/within")?;
            let (mut upcoming, mut next) = (Vec::new(), None);
            // Not the timers as they stand: one that fires sets others, and only firing it says what it costs.
            while let Some((at, thing)) = world.next_thing(clock).filter(|(at, _)| *at <= until) {
                if upcoming.len() == agenda.limit {
                    next = Some(at);
                    break;
                }
                let mut entry = due::<P>(&world, at, thing);
                let first = world.event_count();
                world.advance_within(clock, at, 1);
                let events = world.events_from(first).map(|(number, event)| super::brief::<P>(&world, number, event));
                entry["events"] = events.collect();
                upcoming.push(entry);
            }
            Ok(json!({ "provider": P::NAME, "now": now, "until": until, "upcoming": upcoming, "next": next }))
        })
    }
}
