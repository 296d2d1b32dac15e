//! The same without `.await`, for tests that are plain functions.
//!
//! Every method here is the one of the same name in [`client`], waited for. Whoever waits blocks its
//! thread, so in an asynchronous test such a call panics, as it does everywhere with tokio: use [`crate::Sandbox`]
//! there. To start and to drop a [`Sandbox`] does not panic, so that one in a `LazyLock` can serve asynchronous tests,
//! which speak to it through a [`client::Client`].
//!
//! ```
//! let sandbox = leapday::blocking::Sandbox::start()?;
//! let world = sandbox.paylera("sk_sandbox_a");
//! world.clock().set("2028-01-31T00:00:00Z")?;
//! let customer = world.post("/v1/customers", serde_json::json!({ "email": "ada@example.com" }))?;
//! world.save_card(customer["id"].as_str().unwrap(), "4242 4242 4242 4242")?;
//! let event = world.expect_event("customer.payment_method_attached")?;
//! assert_eq!(event.at.to_string(), "2028-01-31T00:00:00Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::client::{self, Error, runtime};
use crate::client::{
    ActiveFault, Answer, Delivery, Due, Event, Fault, JournalEntry, Journey, Message, Payment, Reading, Requests,
    Script, Snapshot, Step, Webhook, WorldInfo,
};
use crate::sandbox::{Options, StartupError};

fn wait<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    runtime()?.block_on(work)
}

/// A running sandbox, as [`crate::Sandbox`] is one. Dropped, it stops and waits until it has.
#[derive(Debug)]
pub struct Sandbox {
    inner: crate::Sandbox,
    client: Client,
}

impl Sandbox {
    /// A sandbox on a free port of this machine.
    ///
    /// # Errors
    /// If this machine gives it no port or no thread.
    pub fn start() -> Result<Self, StartupError> {
        Self::builder().start()
    }

    /// A sandbox that is told how to be.
    pub fn builder() -> Builder {
        Builder(crate::Sandbox::builder())
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.inner.base_url()
    }

    /// Where it listens for TLS, if it does.
    #[must_use]
    pub fn tls_port(&self) -> Option<u16> {
        self.inner.tls_port()
    }

    /// A client of it, which may outlive it.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The world of a key at Paygentic, such as `sk_test_anything`.
    #[must_use]
    pub fn paygentic(&self, key: &str) -> World {
        self.client.paygentic(key)
    }

    /// The world of a token at Paylera, such as `sk_sandbox_anything`.
    #[must_use]
    pub fn paylera(&self, key: &str) -> World {
        self.client.paylera(key)
    }

    /// The world of a pair of key and secret at Paymennt.
    #[must_use]
    pub fn paymennt(&self, key: &str, secret: &str) -> World {
        self.client.paymennt(key, secret)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.inner.halt();
        if let Some(thread) = self.inner.thread.take() {
            // A thread that has panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

/// Sets up a [`Sandbox`], as [`crate::Builder`] does.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder(crate::Builder);

impl Builder {
    /// See [`crate::Builder::strict`].
    pub fn strict(self, strict: bool) -> Self {
        Self(self.0.strict(strict))
    }

    /// See [`crate::Builder::explain`].
    pub fn explain(self, explain: bool) -> Self {
        Self(self.0.explain(explain))
    }

    /// See [`crate::Builder::world`].
    pub fn world(self, world: &str) -> Self {
        Self(self.0.world(world))
    }

    /// See [`crate::Builder::random_seed`].
    pub fn random_seed(self, seed: u64) -> Self {
        Self(self.0.random_seed(seed))
    }

    /// Reads all worlds from a file at the start, and writes them there at the stop.
    pub fn state(self, path: impl Into<PathBuf>) -> Self {
        Self(self.0.state(path))
    }

    /// Any other option.
    pub fn options(self, change: impl FnOnce(&mut Options)) -> Self {
        Self(self.0.options(change))
    }

    /// Starts the sandbox; it listens when this returns.
    ///
    /// # Errors
    /// If it cannot listen or its starting world is refused.
    pub fn start(self) -> Result<Sandbox, StartupError> {
        let inner = self.0.start_blocking()?;
        let client = Client(inner.client().clone());
        Ok(Sandbox { inner, client })
    }
}

/// Gives a type of the client a blocking twin: `waits` are waited for, `makes` make another twin, `shows` are as they
/// are, and `turns` take the twin and give it back.
macro_rules! twin {
    ($name:ident {
        $(waits { $($wait:ident($($wait_arg:ident: $wait_type:ty),*) -> $waited:ty;)* })?
        $(opens { $($open:ident($($open_arg:ident: $open_type:ty),*) -> $opened:ident;)* })?
        $(makes { $($make:ident($($make_arg:ident: $make_type:ty),*) -> $made:ident;)* })?
        $(shows { $($show:ident() -> $shown:ty;)* })?
        $(turns { $($turn:ident($($turn_arg:ident: $turn_type:ty),*);)* })?
        $(ends { $($end:ident() -> $ended:ty;)* })?
    }) => {
        impl $name {
            $($(
                #[doc = concat!(
                    "[`", stringify!($wait), "`](client::", stringify!($name), "::", stringify!($wait), "), waited for."
                )]
                pub fn $wait(&self, $($wait_arg: $wait_type),*) -> Result<$waited, Error> {
                    wait(self.0.$wait($($wait_arg),*))
                }
            )*)?
            $($(
                #[doc = concat!(
                    "[`", stringify!($open), "`](client::", stringify!($name), "::", stringify!($open), "), waited for."
                )]
                pub fn $open(&self, $($open_arg: $open_type),*) -> Result<$opened, Error> {
                    wait(self.0.$open($($open_arg),*)).map($opened)
                }
            )*)?
            $($(
                #[doc = concat!(
                    "See [`", stringify!($make), "`](client::", stringify!($name), "::", stringify!($make), ")."
                )]
                pub fn $make(&self, $($make_arg: $make_type),*) -> $made {
                    $made(self.0.$make($($make_arg),*))
                }
            )*)?
            $($(
                #[doc = concat!(
                    "See [`", stringify!($show), "`](client::", stringify!($name), "::", stringify!($show), ")."
                )]
                pub fn $show(&self) -> $shown {
                    self.0.$show()
                }
            )*)?
            $($(
                #[doc = concat!(
                    "See [`", stringify!($turn), "`](client::", stringify!($name), "::", stringify!($turn), ")."
                )]
                pub fn $turn(self, $($turn_arg: $turn_type),*) -> Self {
                    Self(self.0.$turn($($turn_arg),*))
                }
            )*)?
            $($(
                #[doc = concat!(
                    "[`", stringify!($end), "`](client::", stringify!($name), "::", stringify!($end), "), waited for."
                )]
                pub fn $end(self) -> Result<$ended, Error> {
                    wait(self.0.$end())
                }
            )*)?
        }
    };
}

/// A running sandbox from outside, as [`client::Client`] is one.
#[derive(Debug, Clone)]
pub struct Client(client::Client);

impl Client {
    /// See [`client::Client::connect`].
    ///
    /// # Errors
    /// If the URL is none of plain HTTP.
    pub fn connect(url: &str) -> Result<Self, Error> {
        client::Client::connect(url).map(Self)
    }

    /// See [`client::Client::webhook_signature`].
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn webhook_signature(self, signature: &str) -> Result<Self, Error> {
        self.0.webhook_signature(signature).map(Self)
    }

    /// See [`client::Client::world`].
    ///
    /// # Errors
    /// If there is no such provider.
    pub fn world(&self, provider: &str, key: &str) -> Result<World, Error> {
        self.0.world(provider, key).map(World)
    }
}

twin!(Client {
    makes {
        paygentic(key: &str) -> World;
        paylera(key: &str) -> World;
        paymennt(key: &str, secret: &str) -> World;
    }
    shows {
        base_url() -> &str;
    }
});

/// The world of one key, as [`client::World`] is one.
#[derive(Debug, Clone)]
pub struct World(client::World);

twin!(World {
    waits {
        call(method: &str, path: &str, body: Value) -> Answer;
        get(path: &str) -> Value;
        post(path: &str, body: Value) -> Value;
        control(method: &str, path: &str, body: Value) -> Value;
        about() -> WorldInfo;
        reset() -> ();
        reset_to(bundled: &str) -> ();
        snapshot(name: &str) -> Snapshot;
        snapshots() -> Vec<Snapshot>;
        restore(name: &str) -> Snapshot;
        export() -> Value;
        import(world: Value) -> WorldInfo;
        forget() -> ();
        expect_event(event_type: &str) -> Event;
        messages() -> Vec<Message>;
        expect_message(to: &str) -> Message;
        journal() -> Vec<JournalEntry>;
        verify(expected: Requests) -> Vec<JournalEntry>;
        pay(session: &str) -> Payment;
        pay_with(session: &str, card: &str) -> Payment;
        fail_payment(session: &str, code: &str) -> Payment;
        save_card(customer: &str, card: &str) -> Value;
        script(of: &str, outcomes: impl IntoIterator<Item: AsRef<str>>) -> Script;
        scripts() -> Vec<Script>;
        deliveries() -> Vec<Delivery>;
        redeliver(id: &str) -> Delivery;
    }
    opens {
        fork(key: &str) -> World;
        receiver() -> Receiver;
        receiver_of(events: impl IntoIterator<Item: AsRef<str>>) -> Receiver;
    }
    makes {
        clock() -> Clock;
        test_clock(id: &str) -> Clock;
        events() -> Events;
        faults() -> Faults;
    }
    shows {
        base_url() -> &str;
        key() -> &str;
        provider() -> &'static str;
        credentials() -> &[(String, String)];
    }
});

/// A clock of a world, as [`client::Clock`] is one.
#[derive(Debug, Clone)]
#[must_use]
pub struct Clock(client::Clock);

twin!(Clock {
    waits {
        now() -> Reading;
        set(to: impl Display) -> Reading;
        flow() -> Reading;
        advance(by: &str) -> Journey;
        advance_to(to: impl Display) -> Journey;
        preview(by: &str) -> Journey;
        preview_to(to: impl Display) -> Journey;
        step() -> Step;
        upcoming(within: &str) -> Vec<Due>;
    }
    turns {
        burst();
    }
});

/// A look at the events of a world, as [`client::Events`] is one.
#[derive(Debug, Clone)]
#[must_use]
pub struct Events(client::Events);

twin!(Events {
    turns {
        of(event_type: &str);
        after(event: &Event);
        from(number: usize);
        within(patience: Duration);
    }
    ends {
        list() -> Vec<Event>;
        wait() -> Vec<Event>;
        expect() -> Event;
    }
});

/// The faults of a world, as [`client::Faults`] are.
#[derive(Debug, Clone)]
pub struct Faults(client::Faults);

twin!(Faults {
    waits {
        add(fault: Fault) -> Vec<ActiveFault>;
        profile(name: &str) -> Vec<ActiveFault>;
        list() -> Vec<ActiveFault>;
        clear() -> ();
    }
});

/// Somebody who receives the webhooks of a world, as [`client::Receiver`] is one.
#[derive(Debug)]
pub struct Receiver(client::Receiver);

impl Receiver {
    /// See [`client::Receiver::answer_with`].
    pub fn answer_with(&self, status: u16) {
        self.0.answer_with(status);
    }
}

twin!(Receiver {
    waits {
        expect_webhook(event_type: &str) -> Webhook;
        expect_webhook_within(event_type: &str, patience: Duration) -> Webhook;
        delivery_of(webhook: &Webhook) -> Delivery;
    }
    shows {
        url() -> &str;
        secret() -> &str;
        received() -> Result<Vec<Webhook>, Error>;
    }
});
