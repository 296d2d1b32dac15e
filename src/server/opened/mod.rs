//! One world of a provider as the control API sees it: its events and its webhooks; and its clocks (`clock`), its
//! payments (`collects`), what is asked of it (`watches`), and what can be done with a whole world (`copies`).

mod clock;
mod collects;
mod copies;
mod watches;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

pub(super) use self::copies::unwritten;
use super::hosted::Hosted;
use super::slot::Slot;
use crate::api::{Door, Fault, Found, Later, OutboxChange, Post, Provider, Search, Site};
use crate::time::{Timestamp, wall};
use crate::webhooks::Scheme;
use crate::world::{ClockId, Delivery, Event, Id, Notice as _, Outbox, State, World, Written, matches};

/// One world of a provider, opened for the control API.
pub(super) struct Opened<'h, P: Provider> {
    pub(super) hosted: &'h Hosted<P>,
    pub(super) key: String,
    pub(super) slot: Arc<Slot<P>>,
}

type Notice<P> = <<P as Provider>::State as State>::Notice;

/// How long a redelivery is waited for: longer than any attempt may take.
const REDELIVERY_PATIENCE: Duration = Duration::from_secs(20);

impl<P: Provider> Opened<'_, P> {
    fn look(world: &World<P::State>, search: &Search<'_>) -> Found {
        let (mut events, mut next) = (Vec::new(), search.from.max(world.event_count()));
        let wanted = |name: &str| search.event_type.is_none_or(|wanted| matches(wanted, name));
        for (number, event) in world.events_from(search.from).filter(|(_, event)| wanted(event.notice.name())) {
            if events.len() == search.limit {
                next = number;
                break;
            }
            events.push(shown::<P>(world, number, event, search.site.of(P::NAME)));
        }
        Found { rows: events, total: world.event_count(), next }
    }

    fn post(world: &World<P::State>, wanted: &Post<'_>) -> Found {
        let (mut messages, mut next) = (Vec::new(), world.message_count());
        for (number, message) in world.messages_from(wanted.from) {
            let Written { to, subject, link } = P::State::read(world, &message.letter);
            if wanted.to.is_some_and(|wanted| wanted != &*to) {
                continue;
            }
            if messages.len() == wanted.limit {
                next = number;
                break;
            }
            let link = link.map(|link| format!("{}{link}", wanted.site.of(P::NAME)));
            messages.push(json!({
                "number": number,
                "at": message.at,
                "channel": message.channel,
                "to": to,
                "subject": subject,
                "link": link,
            }));
        }
        Found { rows: messages, total: world.message_count(), next }
    }
}

/// An event as the control API shows it, whoever's it is: what it is and what it is about, beside the body that the
/// vendor's own API would send.
fn shown<P: Provider>(world: &World<P::State>, number: usize, event: &Event<Notice<P>>, site: Site<'_>) -> Value {
    let mut shown = brief::<P>(world, number, event);
    shown["body"] = P::event(world, number, event, site);
    shown
}

/// The same without the body.
fn brief<P: Provider>(world: &World<P::State>, number: usize, event: &Event<Notice<P>>) -> Value {
    json!({
        "number": number,
        "id": world.event_id("evt_", number),
        "type": event.notice.name(),
        "at": event.at,
        "about": P::gist(world, &event.notice),
    })
}

impl<P: Provider> Door for Opened<'_, P> {
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
        self.slot.change(wall, Fault::from, |world| {
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

    fn shelves(&self, wall: Timestamp) -> Vec<(&'static str, String)> {
        P::shelves(&self.slot.read(wall))
    }

    fn pulse<'a>(&'a self, last: Option<&'a str>, patience: Duration) -> Later<'a, String> {
        Box::pin(async move {
            let another = |_: &World<P::State>| Some(self.slot.pulse()).filter(|pulse| last != Some(pulse));
            self.slot.wait(patience, another).await.unwrap_or_else(|| self.slot.pulse())
        })
    }

    fn provider(&self) -> &'static str {
        P::NAME
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
