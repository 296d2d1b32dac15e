//! What a sandbox is made of: from a handful of options to sockets and what speaks to them, for `leapday serve` and for
//! a [`Sandbox`](crate::Sandbox) in a test.

mod guard;
mod start;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::api::{Keeper, Mount, Settings, Webhook};
use crate::control::Control;
use crate::server::{Certificates, Front, Saver, Setup, Sockets, default_folder, state_file};
use crate::webhooks::{Courier, Signature, check_url};
use crate::world::{Limits, TIMERS_PER_ADVANCE};
use crate::{fixtures, providers};

/// The largest body that is read, unless somebody says otherwise: no documented request comes near.
pub const MAX_BODY: usize = 1024 * 1024;
/// How many worlds one sandbox holds: some 30 KB each when new, so a runaway test stays below half a GB.
pub const MAX_WORLDS: usize = 10_000;
/// How many rows one world holds: 10,000 subscriptions of 24 months have a million, and a machine of one's own may be
/// asked for twenty times that. A sandbox that many share wants less.
pub const MAX_ROWS: usize = 20_000_000;
/// How many events one world keeps: of those 10,000 subscriptions there are 1.2 million at most.
pub const MAX_EVENTS: usize = 20_000_000;
/// How many threads may wait for their turn to write in one world, while another serves everybody else: as many as
/// there can be requests with the file descriptors that processes usually get. They cost little until they are there.
pub const WAITING_THREADS: usize = 4_096;
/// How many threads a [`Sandbox`](crate::Sandbox) has of its own: tests run many beside each other.
pub const THREADS: usize = 2;
/// How long a client may take over the head of a request, and be silent in the middle of a body.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often what has changed is saved: a process that is killed loses no more than that.
pub const STATE_EVERY: Duration = Duration::from_secs(30);
/// How long requests may take to finish once the sandbox is told to stop.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a sandbox is that does not listen: for those who look at its tables only.
pub const NOWHERE: &str = "http://localhost";

/// Everything a user can set about a sandbox.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Options {
    /// The address to listen on.
    pub host: String,
    /// 0 picks a free one.
    pub port: u16,
    /// How others reach it, for the URLs in its answers.
    pub public_url: Option<String>,
    /// Name of a bundled world, or path of a file like those.
    pub world: String,
    /// The seed of ids and of chance.
    pub random_seed: u64,
    /// Checks every answer against its schema.
    pub strict: bool,
    /// Puts violations into error bodies too.
    pub explain: bool,
    /// Accepts keys that look live.
    pub allow_live_keys: bool,
    /// Refuses what goes beyond a vendor's rate limits.
    pub rate_limits: bool,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// How many worlds it holds.
    pub max_worlds: usize,
    /// Of one world.
    pub max_rows: usize,
    /// Of one world.
    pub max_events: usize,
    /// After how long a world is forgotten that nobody asks; `None`: never.
    pub idle_expiry: Option<Duration>,
    /// What the calls that list, name or open other worlds need. Without one whoever can reach the sandbox may, which
    /// is nobody but this machine: [`Options::guard`].
    pub admin_token: Option<String>,
    /// Lets everybody list, name and open worlds.
    pub open_control: bool,
    /// How many threads a [`Sandbox`](crate::Sandbox) has.
    pub threads: usize,
    /// How many timers one advance may fire.
    pub timers_per_advance: usize,
    /// A webhook endpoint that every new world has.
    pub webhook: Option<Webhook>,
    /// How webhooks are signed whose vendor does not publish it.
    pub signature: Option<Signature>,
    /// Takes hosted pages for standalone even in a frame: some test runners put the whole app into one.
    pub standalone_pages: bool,
    /// How long requests that run get to finish at the stop.
    pub shutdown_timeout: Duration,
    /// A port for TLS besides; 0 picks a free one.
    pub tls_port: Option<u16>,
    /// Where the certificate authority is kept; `None`: in the user's data folder.
    pub ca_dir: Option<PathBuf>,
    /// The user's own certificate chain and key instead, in PEM.
    pub own_certificate: Option<(PathBuf, PathBuf)>,
    /// Lets a proxied connection to somebody else's host through.
    pub proxy_others: bool,
    /// A file that all worlds are read from at the start and written to at the stop.
    pub state: Option<PathBuf>,
    /// How often they are written in between, if they have changed; `None`: not before the stop.
    pub state_every: Option<Duration>,
    /// How long a client may take over the head of a request, and be silent in the middle of a body.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            public_url: None,
            world: fixtures::DEFAULT_WORLD.to_owned(),
            random_seed: 0,
            strict: false,
            explain: false,
            allow_live_keys: false,
            rate_limits: false,
            max_body: MAX_BODY,
            max_worlds: MAX_WORLDS,
            max_rows: MAX_ROWS,
            max_events: MAX_EVENTS,
            idle_expiry: None,
            admin_token: None,
            open_control: false,
            threads: THREADS,
            timers_per_advance: TIMERS_PER_ADVANCE,
            webhook: None,
            signature: None,
            standalone_pages: false,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            tls_port: None,
            ca_dir: None,
            own_certificate: None,
            proxy_others: false,
            state: None,
            state_every: Some(STATE_EVERY),
            patience: PATIENCE,
        }
    }
}

/// Why a sandbox did not start: one line that says what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartupError(pub String);

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartupError {}

/// All APIs of a sandbox that listens at `base_url`: the providers, then the control API over them.
///
/// # Errors
/// If the starting world is unknown, unreadable or refused, or no webhook can be sent as the options say.
pub fn mounts(options: &Options, base_url: &str) -> Result<Vec<Arc<dyn Mount>>, StartupError> {
    if let Some(webhook) = &options.webhook {
        check_url(&webhook.url).map_err(|why| StartupError(format!("--webhook-url: {why}")))?;
    }
    let start = start::world(&options.world)?;
    let settings = Arc::new(Settings {
        strict: options.strict,
        explain: options.explain,
        allow_live_keys: options.allow_live_keys,
        rate_limits: options.rate_limits,
        max_worlds: options.max_worlds,
        limits: Limits {
            timers_per_advance: options.timers_per_advance,
            rows: options.max_rows,
            events: options.max_events,
        },
        admin: options.admin()?,
        random_seed: options.random_seed,
        world: options.world.clone(),
        start,
        webhook: options.webhook.clone(),
        signature: options.signature,
        standalone_pages: options.standalone_pages,
        home: options.public_url.as_deref().unwrap_or(base_url).into(),
        courier: Courier::default(),
    });
    let mut mounts = providers::mounts(&settings).map_err(StartupError)?;
    if !fixtures::names().contains(&options.world.as_str()) {
        let refused = |why| StartupError(format!("--world {}: {why}", options.world));
        let names: Vec<&str> = mounts.iter().map(|mount| mount.name()).collect();
        start::check_shape(&settings.start, &names).map_err(refused)?;
        for mount in &mounts {
            mount.keeper().map_or(Ok(()), Keeper::rehearse).map_err(refused)?;
        }
    }
    if let Some(path) = &options.state {
        let refused = |why| StartupError(format!("--state {}: {why}", path.display()));
        state_file::load(path, &mounts).map_err(refused)?;
    }
    let control = Control::new(mounts.clone(), settings).map_err(StartupError)?;
    mounts.push(Arc::new(control));
    Ok(mounts)
}

/// Binds the sockets that the options ask for.
///
/// # Errors
/// If an address is not to be had.
pub async fn bind(options: &Options) -> Result<Sockets, StartupError> {
    let plain = bind_one(&options.host, options.port, "--port").await?;
    let tls = match options.tls_port {
        Some(port) => Some(bind_one(&options.host, port, "--tls-port").await?),
        None => None,
    };
    Ok(Sockets { plain, tls })
}

async fn bind_one(host: &str, port: u16, option: &str) -> Result<TcpListener, StartupError> {
    TcpListener::bind((host, port)).await.map_err(|error| {
        let advice = if port == 0 { String::new() } else { format!("; {option} 0 picks a free one") };
        StartupError(format!("cannot listen on {host}:{port}: {error}{advice}"))
    })
}

/// What the sockets speak to. With a port for TLS its certificate is made now, so that a bad one stops the start.
///
/// # Errors
/// If the certificate cannot be had.
pub fn front(mounts: Vec<Arc<dyn Mount>>, options: &Options, base_url: String) -> Result<Front, StartupError> {
    let certificates = match &options.own_certificate {
        Some((chain, key)) => Certificates::Own { chain: chain.clone(), key: key.clone() },
        None => Certificates::Authority(options.ca_dir.clone().unwrap_or_else(default_folder)),
    };
    let (max_body, public_url, proxy_others) = (options.max_body, options.public_url.clone(), options.proxy_others);
    let (patience, idle_expiry) = (options.patience, options.idle_expiry);
    let saver = options.state.clone().zip(options.state_every).map(|(path, every)| Saver { path, every });
    let setup = Setup { max_body, public_url, base_url, certificates, proxy_others, idle_expiry, patience, saver };
    let front = Front::new(mounts, setup);
    if options.tls_port.is_some() {
        front.tls.prepare().map_err(StartupError)?;
    }
    Ok(front)
}

/// Where a listener is reached from this machine.
#[must_use]
pub fn url_of(address: SocketAddr) -> String {
    let ip = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let ip = if ip.contains(':') { format!("[{ip}]") } else { ip };
    format!("http://{ip}:{}", address.port())
}

/// Writes the worlds down, where the options say so.
///
/// # Errors
/// Why they cannot be.
pub fn keep(options: &Options, mounts: &[Arc<dyn Mount>]) -> Result<(), StartupError> {
    let Some(path) = &options.state else { return Ok(()) };
    let lost = |why| StartupError(format!("--state {}: {why}", path.display()));
    let count = state_file::save(path, mounts).map_err(lost)?;
    tracing::info!(worlds = count, file = %path.display(), "state saved");
    Ok(())
}
