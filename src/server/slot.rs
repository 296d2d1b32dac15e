//! One world of a provider: read without waiting, written one at a time, advanced instant by instant.

use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;

use super::claims::Claims;
use super::hosted::Sent;
use super::journal::{Journal, Texts};
use super::shelf::Shelf;
use crate::api::{Body, Deliver, Entry, Exchange, Fault, Injection, Injections, Meter, Provider, Settings, Site};
use crate::time::{Timestamp, wall};
use crate::webhooks::{Letter, Mark, Outcome, Postbox, Round};
use crate::world::{Advance, Bound, ClockId, World, hash};

/// Where an advance goes, and after how many timers it stops at the latest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    pub(super) clock: ClockId,
    pub(super) to: Timestamp,
    pub(super) most: usize,
}

/// Where one world is published. Readers take what is there; writers queue, work on a clone and
/// publish it whole.
pub(super) struct Slot<P: Provider> {
    published: ArcSwap<World<P::State>>,
    writing: Mutex<()>,
    /// Clocks that somebody advances step by step.
    advancing: Claims<ClockId>,
    /// Requests with an idempotency key that are not answered yet.
    pub(super) running: Claims<Arc<str>>,
    /// How often a world was published here.
    published_count: AtomicU64,
    /// Tells whoever waits that another world is published.
    changed: Notify,
    /// How often this tenant has called lately.
    pub(super) meter: Meter,
    /// When somebody last asked something here, in milliseconds since 1970.
    asked_at: AtomicI64,
    settings: Arc<Settings>,
    journal: Journal,
    injections: Mutex<Injections>,
    /// The world as it was, by name.
    pub(super) shelf: Shelf<P>,
    /// The courier's round, once somebody listens.
    round: OnceLock<Round>,
    itself: Weak<Self>,
}

impl<P: Provider> Slot<P> {
    pub(super) fn new(world: World<P::State>, settings: Arc<Settings>) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            published: ArcSwap::from_pointee(world),
            writing: Mutex::new(()),
            advancing: Claims::new(),
            running: Claims::new(),
            published_count: AtomicU64::new(0),
            changed: Notify::new(),
            meter: Meter::default(),
            asked_at: AtomicI64::new(millis(wall())),
            settings,
            journal: Journal::default(),
            injections: Mutex::default(),
            shelf: Shelf::default(),
            round: OnceLock::new(),
            itself: Weak::clone(itself),
        })
    }

    /// The world as it is at `wall`: whatever has fallen due by then has happened.
    pub(super) fn read(&self, wall: Timestamp) -> Guard<Arc<World<P::State>>> {
        let world = self.published.load();
        if !world.is_behind(wall) {
            return world;
        }
        drop(world);
        let caught_up: Result<(), Infallible> = self.write(wall, |_| Ok(()));
        match caught_up {
            Ok(()) => self.published.load(),
            Err(never) => match never {},
        }
    }

    /// Notes that somebody asks something here.
    pub(super) fn touch(&self, now: Timestamp) {
        self.asked_at.fetch_max(millis(now), Ordering::Relaxed);
    }

    /// For how long nobody has asked anything.
    pub(super) fn idle(&self, now: Timestamp) -> Duration {
        let idle = millis(now) - self.asked_at.load(Ordering::Relaxed);
        Duration::from_millis(u64::try_from(idle).unwrap_or_default())
    }

    /// The world as it was left, whatever has fallen due since.
    pub(super) fn published(&self) -> Guard<Arc<World<P::State>>> {
        self.published.load()
    }

    /// Changes the world: all of what `change` does appears at once, or nothing if it refuses. What has happened
    /// is addressed to whoever listens in the same go, so that a body says how things were.
    pub(super) fn write<R, E>(
        &self,
        wall: Timestamp,
        change: impl FnOnce(&mut World<P::State>) -> Result<R, E>,
    ) -> Result<R, E> {
        let _turn = self.turn();
        let mut world = World::clone(&self.published.load());
        world.catch_up(wall);
        let result = change(&mut world)?;
        self.publish(world);
        Ok(result)
    }

    /// For whoever has the turn.
    fn publish(&self, mut world: World<P::State>) {
        world.address(|world, number| self.body(world, number));
        let listened = world.outbox.has_listeners();
        self.published.store(Arc::new(world));
        self.published_count.fetch_add(1, Ordering::Release);
        self.changed.notify_waiters();
        if listened {
            // There may be something to send, or a timer that it has to sleep until.
            self.call_courier();
        }
    }

    /// The same for what somebody asks for: a change that makes the world larger than it may be is refused.
    pub(super) fn change<R, E>(
        &self,
        wall: Timestamp,
        refuse: impl FnOnce(Bound) -> E,
        change: impl FnOnce(&mut World<P::State>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.write(wall, |world| {
            let before = world.size();
            let result = change(world)?;
            world.overgrown(before).map_or(Ok(result), |bound| Err(refuse(bound)))
        })
    }

    /// Lets what is owed already go out: the world was made elsewhere.
    pub(super) fn wake(&self) {
        let _turn = self.turn();
        self.publish(World::clone(&self.published.load()));
    }

    /// A mark that is another whenever there is something new to see.
    pub(super) fn pulse(&self) -> String {
        format!("{}-{}", self.published_count.load(Ordering::Acquire), self.journal.total())
    }

    /// A number that is another one when this world or what is kept of it has changed, mixed into one of others'.
    pub(super) fn stamp(&self, others: u64) -> u64 {
        let published = self.published_count.load(Ordering::Acquire);
        let kept = self.shelf.all();
        let kept = kept.iter().fold(others, |stamp, (name, world)| {
            hash(hash(stamp, name.as_bytes()), &Arc::as_ptr(world).addr().to_le_bytes())
        });
        // A world that was forgotten and opened anew has a slot of its own.
        let slot = self.itself.as_ptr().addr() as u64;
        hash(kept, &[published.to_le_bytes(), slot.to_le_bytes()].concat())
    }

    /// What is done to requests on purpose.
    pub(super) fn injections(&self) -> MutexGuard<'_, Injections> {
        self.injections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests of late.
    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Notes a request in the journal, and tells those who watch.
    pub(super) fn note(
        &self,
        exchange: &Exchange<'_>,
        operation: Option<&'static str>,
        injected: Option<Injection>,
        sent: &Sent,
    ) {
        let world = self.published.load();
        let entry = Entry {
            number: 0,
            received_at: exchange.wall,
            at: world.clock(ClockId::WORLD).reading(exchange.wall),
            method: exchange.head.method.clone(),
            operation,
            status: sent.reply.status,
            fault: injected.map(|injection| injection.to_string().into()),
            events: if sent.events.is_empty() { world.event_count()..world.event_count() } else { sent.events.clone() },
            epoch: world.outbox.epoch(),
        };
        let texts = Texts {
            path: exchange.path,
            query: exchange.head.uri.query(),
            body: exchange.body,
            answer: match &sent.reply.body {
                Body::Json(bytes) => bytes,
                Body::Empty | Body::Other(..) => &[],
            },
            violations: &sent.violations,
        };
        self.journal.note(entry, &texts);
        self.changed.notify_waiters();
    }

    fn body(&self, world: &World<P::State>, number: usize) -> Arc<[u8]> {
        let site = Site::below(&self.settings.home, P::NAME);
        let event = world.event(number).map(|event| P::event(world, number, event, site));
        event.map(|event| event.to_string().into_bytes()).unwrap_or_default().into()
    }

    fn call_courier(&self) {
        let itself: Weak<dyn Postbox> = Weak::<Self>::clone(&self.itself);
        self.round.get_or_init(|| self.settings.courier.serve(itself)).ring();
    }

    /// Waits for its turn to write. The lock guards no data, so a writer that panicked left nothing
    /// half done and its poison is ignored.
    fn turn(&self) -> MutexGuard<'_, ()> {
        match self.writing.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => off_thread(|| self.writing.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Waits until `look` finds in the world what it looks for, at most until `patience` runs out.
    pub(super) async fn wait<R>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&World<P::State>) -> Option<R>,
    ) -> Option<R> {
        let searching = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if let Some(found) = look(&self.read(wall())) {
                    return found;
                }
                // A clock that flows moves the world without anybody writing.
                match self.rest() {
                    Some(rest) => drop(tokio::time::timeout(rest, changed).await),
                    None => changed.await,
                }
            }
        };
        tokio::time::timeout(patience, searching).await.ok()
    }

    /// Puts another world in the place of this one: what is under way for this one is none of that one's business.
    /// What has fallen due here does not matter any more; it may be what has broken this one.
    pub(super) fn replace(&self, mut other: World<P::State>) {
        let _turn = self.turn();
        other.outbox.succeed(&self.published.load().outbox);
        self.publish(other);
    }

    /// Moves a clock to where `plan` says and then does `done`, with what `plan` gave it on the way. Where nobody listens this is one change, refused as
    /// a whole. Otherwise it settles: the webhooks of each instant are sent and answered before the clock moves on,
    /// so that the app can act at that instant.
    pub(super) async fn advance<R, L>(
        &self,
        deliver: Deliver,
        plan: impl FnOnce(&mut World<P::State>) -> Result<(Course, L), Fault>,
        done: impl FnOnce(&mut World<P::State>, &Advance, L) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        if deliver == Deliver::Burst || !self.read(wall()).outbox.has_listeners() {
            return off_thread(|| {
                self.write(wall(), |world| {
                    let (course, luggage) = plan(world)?;
                    let advance = world.advance_within(course.clock, course.to, course.most);
                    done(world, &advance, luggage)
                })
            });
        }
        let (Course { clock, to: target, most }, luggage, epoch, from) = self.write(wall(), |world| {
            let (course, luggage) = plan(world)?;
            Ok::<_, Fault>((course, luggage, world.outbox.epoch(), world.now(course.clock)))
        })?;
        // A second one is most likely the app's answer to a webhook that the first one waits for.
        let _only = self.advancing.claim(clock).ok_or_else(|| {
            Fault::conflict("This clock is being advanced, and waits for its webhooks to be answered")
        })?;
        let mut advance = Advance { from, to: from, fired: 0, stopped: None };
        let mut done = Some((done, luggage));
        loop {
            // First what has happened already: it is of this instant, not of the next.
            self.settle(clock, epoch).await;
            let step = |world: &mut World<P::State>| {
                if world.outbox.epoch() != epoch {
                    return Err(Fault::conflict("This world was replaced by another while its clock was advanced"));
                }
                let due = world.next_due(clock).filter(|due| *due <= target);
                let over = advance.stopped.is_some() || (due.is_none() && world.now(clock) >= target);
                if let Some((done, luggage)) = done.take_if(|_| over) {
                    return done(world, &advance, luggage).map(Some);
                }
                let step = world.advance_within(clock, due.unwrap_or(target), most - advance.fired);
                advance = Advance { from, fired: advance.fired + step.fired, ..step };
                Ok(None)
            };
            if let Some(result) = off_thread(|| self.write(wall(), step))? {
                return Ok(result);
            }
        }
    }

    /// Waits until what is to be sent now on a clock has been.
    async fn settle(&self, clock: ClockId, epoch: u64) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let world = self.published.load_full();
            if world.outbox.epoch() != epoch || world.outbox.is_settled(clock) {
                return;
            }
            drop(world);
            changed.await;
        }
    }
}

impl<P: Provider> Postbox for Slot<P> {
    fn letters(&self, since: Mark) -> (Vec<Letter>, Mark) {
        let world = self.published.load();
        let outbox = &world.outbox;
        let from = if since.epoch == outbox.epoch() { since.turn } else { 0 };
        let scheme = P::webhooks();
        let now = world.clock(ClockId::WORLD).reading(wall());
        let letter = |(_, id)| {
            let delivery = &outbox.deliveries()[id];
            let endpoint = outbox.endpoints().get(delivery.endpoint)?;
            Some(Letter {
                delivery: id,
                endpoint: delivery.endpoint,
                about: delivery.about,
                epoch: outbox.epoch(),
                url: Arc::clone(&endpoint.url),
                secrets: endpoint.secrets(now),
                message_id: world.event_id(scheme.message_prefix, delivery.event).to_string(),
                delivery_id: outbox.deliveries().text(id).to_string(),
                event_type: delivery.event_type,
                body: Arc::clone(&delivery.body),
                scheme,
                signature: self.settings.signature,
            })
        };
        let letters = outbox.ready_since(from).filter_map(letter).collect();
        (letters, Mark { epoch: outbox.epoch(), turn: outbox.turns() })
    }

    fn record(&self, outcomes: Vec<Outcome>) {
        let recorded: Result<(), Infallible> = self.write(wall(), |world| {
            let epoch = world.outbox.epoch();
            for outcome in outcomes.into_iter().filter(|outcome| outcome.epoch == epoch) {
                let scheme = P::webhooks();
                world.record(outcome.delivery, outcome.attempt, scheme.schedule, scheme.patience);
            }
            Ok(())
        });
        match recorded {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    fn rest(&self) -> Option<Duration> {
        let world = self.published.load();
        let clock = world.clock(ClockId::WORLD);
        let due = world.next_due(ClockId::WORLD).filter(|_| clock.is_flowing() && world.full().is_none())?;
        let millis = due.millis_since(clock.reading(wall())).max(1);
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(1)))
    }

    fn catch_up(&self) {
        drop(self.read(wall()));
    }
}

fn millis(at: Timestamp) -> i64 {
    at.millis_since(Timestamp::UNIX_EPOCH)
}

/// Runs something slow without keeping the server's other requests waiting for this thread.
pub(super) fn off_thread<R>(slow: impl FnOnce() -> R) -> R {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(slow),
        _ => slow(),
    }
}
