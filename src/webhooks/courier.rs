//! The courier: a thread of its own that sends what worlds have ready, so that no receiver holds up a request.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};

use super::client::Client;
use super::lanes::Lanes;
use super::{Message, Scheme, Signature};
use crate::time::{Stopwatch, wall};
use crate::world::{Attempt, Delivery, Endpoint, Id};

/// How many answers are recorded in one go: enough to keep a busy world's writers free, few enough to wait for.
const ANSWERS_AT_ONCE: usize = 256;

/// How far the courier steps back behind other threads: it has a third of the weight of one that answers. With the least
/// there is (19) it got nothing to speak of on a busy machine, and an advance waits for it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// A world as the courier sees it.
pub trait Postbox: Send + Sync + 'static {
    /// What has become ready since a mark, in order, and the mark to ask from next.
    fn letters(&self, since: Mark) -> (Vec<Letter>, Mark);

    /// Records how letters fared. What belongs to an earlier epoch is dropped.
    fn record(&self, outcomes: Vec<Outcome>);

    /// How long until time does something to this world by itself; `None`: not until it is told to.
    fn rest(&self) -> Option<Duration>;

    /// Lets happen what has fallen due.
    fn catch_up(&self);
}

/// How far the courier has come with a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// How often the world has been replaced by another, which has turns of its own.
    pub epoch: u64,
    pub turn: u64,
}

/// A delivery, ready to be signed and sent.
#[derive(Debug)]
pub struct Letter {
    pub delivery: Id<Delivery>,
    pub endpoint: Id<Endpoint>,
    pub about: (&'static str, u32),
    pub epoch: u64,
    pub url: Arc<str>,
    pub secrets: Vec<Arc<str>>,
    pub message_id: String,
    pub delivery_id: String,
    pub event_type: &'static str,
    pub body: Arc<[u8]>,
    pub scheme: &'static Scheme,
    pub signature: Option<Signature>,
}

/// How a letter fared.
#[derive(Debug)]
pub struct Outcome {
    pub delivery: Id<Delivery>,
    pub endpoint: Id<Endpoint>,
    pub about: (&'static str, u32),
    pub epoch: u64,
    pub attempt: Attempt,
}

/// Sends for all worlds of a sandbox. Its thread starts with the first world that has a listener.
#[derive(Default)]
pub struct Courier {
    thread: OnceLock<Option<(Runtime, Client)>>,
}

impl Courier {
    /// Goes round to a postbox whenever the returned bell is rung, for as long as it is there.
    pub fn serve(&self, postbox: Weak<dyn Postbox>) -> Round {
        let bell = Arc::new(Notify::new());
        if let Some((runtime, client)) = self.thread.get_or_init(start) {
            runtime.spawn(go_round(postbox, Arc::clone(&bell), client.clone()));
        }
        Round { bell }
    }
}

fn start() -> Option<(Runtime, Client)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("courier")
        .on_thread_start(step_back)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => Some((runtime, Client::new())),
        Err(error) => {
            tracing::error!(%error, "no thread for webhooks: none are sent");
            None
        }
    }
}

/// Lets threads that answer requests go first: on a machine with few cores whoever asks something would otherwise wait
/// for a time slice behind whoever sends ten thousand webhooks.
fn step_back() {
    // On Linux this is the thread's own; where it cannot be had, nothing is lost but speed.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

impl Drop for Courier {
    fn drop(&mut self) {
        if let Some(Some((runtime, _))) = self.thread.take() {
            runtime.shutdown_background();
        }
    }
}

/// The courier's round to one world.
pub struct Round {
    bell: Arc<Notify>,
}

impl Round {
    /// Something is ready.
    pub fn ring(&self) {
        self.bell.notify_one();
    }
}

impl Drop for Round {
    /// The world is gone: whoever goes round to it finds that out and ends.
    fn drop(&mut self) {
        self.ring();
    }
}

async fn go_round(postbox: Weak<dyn Postbox>, bell: Arc<Notify>, client: Client) {
    let (answered, mut answers) = mpsc::unbounded_channel::<Outcome>();
    let (mut lanes, mut mark) = (Lanes::default(), Mark::default());
    loop {
        let Some(world) = postbox.upgrade() else { return };
        let (letters, next) = world.letters(mark);
        if next.epoch != mark.epoch {
            lanes.clear();
        }
        mark = next;
        for letter in letters {
            lanes.add(letter);
        }
        for letter in lanes.leave() {
            let (client, answered) = (client.clone(), answered.clone());
            tokio::spawn(async move {
                // Nobody listens once the world is gone.
                let _ = answered.send(carry(&client, letter).await);
            });
        }
        let rest = world.rest();
        drop(world);
        let mut batch = Vec::new();
        tokio::select! {
            _ = answers.recv_many(&mut batch, ANSWERS_AT_ONCE) => {
                for outcome in &batch {
                    lanes.arrived(outcome.endpoint, outcome.about);
                }
                let Some(world) = postbox.upgrade() else { return };
                world.record(batch);
            }
            () = bell.notified() => {}
            () = tokio::time::sleep(rest.unwrap_or_default()), if rest.is_some() => {
                let Some(world) = postbox.upgrade() else { return };
                world.catch_up();
            }
        }
    }
}

async fn carry(client: &Client, letter: Letter) -> Outcome {
    let sent_at = wall();
    let message = Message {
        id: &letter.message_id,
        delivery: &letter.delivery_id,
        event_type: letter.event_type,
        secrets: &letter.secrets,
        sent_at,
        body: &letter.body,
        signature: letter.signature,
    };
    let headers = (letter.scheme.headers)(&message).into_iter().map(|(name, value)| (name, value.into()));
    let headers: Box<[(&'static str, Box<str>)]> = headers.collect();
    let watch = Stopwatch::start();
    let answer = client.post(&letter.url, &headers, Bytes::from_owner(letter.body), letter.scheme.timeout).await;
    let duration_us = u64::try_from(watch.elapsed().as_micros()).unwrap_or(u64::MAX);
    // The world knows where its clock stands and who asked.
    let headers = headers.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect();
    let attempt = Attempt { at: sent_at, sent_at, duration_us, by_hand: false, headers, answer };
    Outcome { delivery: letter.delivery, endpoint: letter.endpoint, about: letter.about, epoch: letter.epoch, attempt }
}
