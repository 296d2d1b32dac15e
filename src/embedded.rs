//! The front door of the library: a whole sandbox on a thread of its own, for as long as somebody holds it.
#![warn(missing_docs)]

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::client::{Client, World};
use crate::sandbox::{Options, StartupError, WAITING_THREADS, bind, front, keep, mounts, url_of};
use crate::server::run;

/// A running sandbox, on a free port of this machine and on a thread and a runtime of its own, so that any executor may
/// await it. It listens once it is started, and stops when it is dropped.
///
/// What a test asks of it is asked of the world of a key: [`Sandbox::paygentic`], [`Sandbox::paylera`],
/// [`Sandbox::paymennt`]. One sandbox serves many tests, each with a key of its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sandbox = leapday::Sandbox::start().await?;
/// let world = sandbox.paylera("sk_sandbox_a");
/// world.clock().set("2028-01-31T00:00:00Z").await?;
/// let customer = world.post("/v1/customers", serde_json::json!({ "email": "ada@example.com" })).await?;
/// assert_eq!(customer["created_at"], "2028-01-31T00:00:00Z");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sandbox {
    client: Client,
    tls_port: Option<u16>,
    stop: Option<oneshot::Sender<()>>,
    stopped: oneshot::Receiver<()>,
    pub(crate) thread: Option<JoinHandle<()>>,
}

type Started = Result<Listening, StartupError>;

/// What the thread tells once it listens.
struct Listening {
    base_url: String,
    admin_token: Option<String>,
    tls_port: Option<u16>,
}

impl Sandbox {
    /// A sandbox on a free port of this machine.
    ///
    /// # Errors
    /// If this machine gives it no port or no thread.
    pub async fn start() -> Result<Self, StartupError> {
        Self::builder().start().await
    }

    /// A sandbox that is told how to be.
    pub fn builder() -> Builder {
        Builder(Options::default())
    }

    /// Where it is: `http://127.0.0.1:PORT`. A vendor's API is at [`World::base_url`].
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.client.base_url()
    }

    /// Where it listens for TLS, if it does.
    #[must_use]
    pub fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// What calls about other worlds need, where it asks for something: where others reach it than this machine.
    #[must_use]
    pub fn admin_token(&self) -> Option<&str> {
        self.client.wire().admin_token()
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

    /// Stops it and waits until it has: until its port is free, and its state is written where [`Builder::state`] says.
    /// Requests that run get five seconds to finish.
    pub async fn stop(mut self) {
        self.halt();
        // The thread drops the other end when it is through.
        let _ = (&mut self.stopped).await;
    }

    pub(crate) fn halt(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended by itself: then nobody listens, and that is as well.
            let _ = stop.send(());
        }
    }
}

/// Tells the sandbox to stop, and does not wait for it: whoever drops it may be an executor.
impl Drop for Sandbox {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Sets up a [`Sandbox`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), leapday::StartupError> {
/// let sandbox = leapday::Sandbox::builder().strict(true).world("empty").random_seed(7).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder(Options);

impl Builder {
    /// Checks every answer against its schema, and answers 500 where one does not fit: for tests of Leapday itself, and
    /// for those who trust nobody.
    pub fn strict(self, strict: bool) -> Self {
        self.options(|options| options.strict = strict)
    }

    /// Puts what is wrong with a request into the vendor's error body too, not only into the header
    /// `leapday-violation`.
    pub fn explain(self, explain: bool) -> Self {
        self.options(|options| options.explain = explain)
    }

    /// What every new world starts from: the name of a bundled world, or the path of a file like those.
    pub fn world(self, world: &str) -> Self {
        self.options(|options| world.clone_into(&mut options.world))
    }

    /// The seed of ids and of chance: the same seed and requests give the same answers.
    pub fn random_seed(self, seed: u64) -> Self {
        self.options(|options| options.random_seed = seed)
    }

    /// Reads all worlds from a file at the start, and writes them there at the stop ([`Sandbox::stop`] waits for that).
    pub fn state(self, path: impl Into<PathBuf>) -> Self {
        self.options(|options| options.state = Some(path.into()))
    }

    /// Any other option.
    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.0);
        self
    }

    /// Starts the sandbox; it listens when this returns.
    ///
    /// # Errors
    /// If it cannot listen or its starting world is refused.
    pub async fn start(self) -> Result<Sandbox, StartupError> {
        let (tell, told) = oneshot::channel();
        let starting = self.spawn(move |listening| drop(tell.send(listening)))?;
        starting.finish(told.await.ok())
    }

    /// The same for who may wait. A start takes some milliseconds, so that an executor bears it too: tests that are
    /// asynchronous can share what a `LazyLock` starts.
    pub(crate) fn start_blocking(self) -> Result<Sandbox, StartupError> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let starting = self.spawn(move |listening| drop(tell.send(listening)))?;
        starting.finish(told.recv().ok())
    }

    fn spawn(self, tell: impl FnOnce(Started) + Send + 'static) -> Result<Starting, StartupError> {
        let mut options = self.0;
        let signature = options.signature;
        let (stop, stops) = oneshot::channel::<()>();
        let (through, stopped) = oneshot::channel::<()>();
        let serve = move || {
            if let Err(error) = serve(&mut options, tell, stops) {
                tracing::error!(%error, "the worlds are lost");
            }
            drop(through);
        };
        let thread = std::thread::Builder::new().name("leapday".to_owned()).spawn(serve);
        let thread = thread.map_err(|error| StartupError(format!("no thread: {error}")))?;
        Ok(Starting { signature, stop, stopped, thread })
    }
}

/// A sandbox whose thread runs, and which does not listen yet.
struct Starting {
    signature: Option<crate::webhooks::Signature>,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

impl Starting {
    /// With what its thread has told, if it has.
    fn finish(self, told: Option<Started>) -> Result<Sandbox, StartupError> {
        let died = || StartupError("the thread of the sandbox has died".to_owned());
        let Listening { base_url, admin_token, tls_port } = told.ok_or_else(died)??;
        let client = Client::connect(&base_url).map_err(|error| StartupError(error.to_string()))?;
        let client = client.signed(self.signature).admin(admin_token.as_deref());
        Ok(Sandbox { client, tls_port, stop: Some(self.stop), stopped: self.stopped, thread: Some(self.thread) })
    }
}

/// The life of a sandbox: sockets, a word to whoever has started it, requests, and the worlds written down.
fn serve(options: &mut Options, tell: impl FnOnce(Started), stops: oneshot::Receiver<()>) -> Result<(), StartupError> {
    let prepared = (|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(options.threads.max(1)).max_blocking_threads(WAITING_THREADS);
        let runtime = builder.enable_all().build();
        let runtime = runtime.map_err(|error| StartupError(format!("no runtime: {error}")))?;
        let sockets = runtime.block_on(bind(options))?;
        let address = sockets.plain.local_addr().map_err(|error| StartupError(error.to_string()))?;
        let base_url = url_of(address);
        options.guard(address)?;
        let mounts = mounts(options, &base_url)?;
        let front = Arc::new(front(mounts.clone(), options, base_url.clone())?);
        let tls = sockets.tls.as_ref().and_then(|listener| listener.local_addr().ok());
        let admin_token = options.admin_token.clone();
        let listening = Listening { base_url, admin_token, tls_port: tls.map(|address| address.port()) };
        Ok((runtime, sockets, mounts, front, listening))
    })();
    let (runtime, sockets, mounts, front, listening) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            tell(Err(error));
            return Ok(());
        }
    };
    // Whoever has started it may have gone away: then it stops at once.
    tell(Ok(listening));
    let stop = async { drop(stops.await) };
    runtime.block_on(run(sockets, front, stop, options.shutdown_timeout));
    keep(options, &mounts)
}
