//! `leapday serve`: start, say where, serve until told to stop.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use super::{Failure, failed, misused, say};
use crate::api::{Mount, Webhook};
use crate::fixtures;
use crate::sandbox::{
    MAX_BODY, MAX_EVENTS, MAX_ROWS, MAX_WORLDS, Options, PATIENCE, SHUTDOWN_TIMEOUT, StartupError, THREADS,
    WAITING_THREADS, bind, front, keep, mounts, url_of,
};
use crate::server::run as serve;
use crate::time::duration;
use crate::webhooks::Signature;
use crate::world::TIMERS_PER_ADVANCE;

/// Where the sandbox listens unless it is told otherwise.
const PORT: u16 = 4010;

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    /// Port to listen on; 0 picks a free one [default: 4010, or PORT]
    #[arg(short, long, env = "LEAPDAY_PORT", value_parser = port)]
    port: Option<u16>,
    /// Address to listen on
    #[arg(long, env = "LEAPDAY_HOST", default_value = "127.0.0.1", value_parser = NonEmptyStringValueParser::new())]
    host: String,
    /// Write a JSON file with pid and URLs once listening
    #[arg(long, env = "LEAPDAY_ENDPOINTS_FILE", value_name = "PATH")]
    endpoints_file: Option<PathBuf>,
    /// How others reach this sandbox, for the URLs in its answers [default: as they call it]
    #[arg(long, env = "LEAPDAY_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    public_url: Option<String>,
    /// What every new world starts from: a bundled world or a JSON file
    #[arg(long, env = "LEAPDAY_WORLD", value_name = "NAME|FILE", default_value = fixtures::DEFAULT_WORLD)]
    world: String,
    /// Seed of ids; the same seed and requests give the same ids
    #[arg(long, env = "LEAPDAY_RANDOM_SEED", value_name = "N", default_value_t = 0)]
    random_seed: u64,
    /// Check every answer against its own schema; a mismatch becomes a 500
    #[arg(long, env = "LEAPDAY_STRICT", value_parser = switch)]
    strict: bool,
    /// Put violations into error bodies, not only into the leapday-violation header
    #[arg(long, env = "LEAPDAY_EXPLAIN", value_parser = switch)]
    explain: bool,
    /// Accept keys that look live
    #[arg(long, env = "LEAPDAY_ALLOW_LIVE_KEYS", value_parser = switch)]
    allow_live_keys: bool,
    /// Refuse what goes beyond a vendor's rate limits; they are told in headers all the same
    #[arg(long, env = "LEAPDAY_RATE_LIMITS", value_parser = switch)]
    rate_limits: bool,
    /// Format of the log on standard error
    #[arg(long, env = "LEAPDAY_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// Log errors only, print no banner
    #[arg(short, long, env = "LEAPDAY_QUIET", value_parser = switch)]
    quiet: bool,
    /// Log every request (-vv: everything)
    #[arg(short, long, env = "LEAPDAY_VERBOSE", action = clap::ArgAction::Count)]
    verbose: u8,
    /// Largest request body, in bytes
    #[arg(long, env = "LEAPDAY_MAX_BODY", value_name = "BYTES", default_value_t = MAX_BODY)]
    max_body: usize,
    /// How many worlds (keys) the sandbox holds
    #[arg(long, env = "LEAPDAY_MAX_WORLDS", value_name = "N", default_value_t = MAX_WORLDS)]
    max_worlds: usize,
    /// How many rows one world holds
    #[arg(long, env = "LEAPDAY_MAX_ROWS", value_name = "N", default_value_t = MAX_ROWS)]
    max_rows: usize,
    /// How many events one world keeps
    #[arg(long, env = "LEAPDAY_MAX_EVENTS", value_name = "N", default_value_t = MAX_EVENTS)]
    max_events: usize,
    /// Forget a world that nobody has asked anything for so long, such as 12h [default: never]
    #[arg(long, env = "LEAPDAY_IDLE_EXPIRY", value_name = "DURATION", value_parser = idle_expiry)]
    idle_expiry: Option<Duration>,
    /// What calls about other worlds than the caller's own need [default: none on 127.0.0.1, else made at the start]
    #[arg(long, env = "LEAPDAY_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// Let everybody who reaches the sandbox list, name and open worlds
    #[arg(long, env = "LEAPDAY_OPEN_CONTROL", value_parser = switch)]
    open_control: bool,
    /// How many timers one advance may fire
    #[arg(long, env = "LEAPDAY_TIMERS_PER_ADVANCE", value_name = "N", default_value_t = TIMERS_PER_ADVANCE)]
    timers_per_advance: usize,
    /// Where every new world sends its webhooks
    #[arg(long, env = "LEAPDAY_WEBHOOK_URL", value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    webhook_url: Option<String>,
    /// What they are signed with [default: follows from the random seed; see the banner]
    #[arg(
        long,
        env = "LEAPDAY_WEBHOOK_SECRET",
        value_name = "SECRET",
        requires = "webhook_url",
        hide_env_values = true
    )]
    webhook_secret: Option<String>,
    /// How webhooks are signed whose vendor does not publish it [default: X-Paymennt-Signature:sha256:hex]
    #[arg(long, env = "LEAPDAY_WEBHOOK_SIGNATURE", value_name = "HEADER[:ALGORITHM[:ENCODING]]")]
    webhook_signature: Option<Signature>,
    /// Take hosted pages for standalone even in a frame, as Cypress needs it
    #[arg(long, env = "LEAPDAY_STANDALONE_PAGES", value_parser = switch)]
    standalone_pages: bool,
    /// Listen for TLS too, under the vendors' host names; 0 picks a free port (see `leapday ca`)
    #[arg(long, env = "LEAPDAY_TLS_PORT", value_name = "PORT", value_parser = port)]
    tls_port: Option<u16>,
    /// Folder of the certificate authority [default: leapday in the user's data folder]
    #[arg(long, env = "LEAPDAY_CA_DIR", value_name = "DIR")]
    ca_dir: Option<PathBuf>,
    /// Your own certificate chain in PEM, instead of one by the authority
    #[arg(long, env = "LEAPDAY_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, env = "LEAPDAY_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// As a proxy, let connections to hosts of others through; those to the vendors end here
    #[arg(long, env = "LEAPDAY_PROXY_OTHERS", value_parser = switch)]
    proxy_others: bool,
    /// Read all worlds from a file at the start, write them there at the stop
    #[arg(long, env = "LEAPDAY_STATE", value_name = "FILE")]
    state: Option<PathBuf>,
    /// How often to write them there in between, if they have changed; 0: not before the stop
    #[arg(
        long, env = "LEAPDAY_STATE_EVERY", value_name = "DURATION", default_value = "30s", value_parser = state_every,
        requires = "state"
    )]
    state_every: Every,
    /// Seconds that running requests get to finish at the end
    #[arg(long, env = "LEAPDAY_SHUTDOWN_TIMEOUT", value_name = "SECONDS", default_value_t = SHUTDOWN_TIMEOUT.as_secs())]
    shutdown_timeout: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "a port is a number from 0 to 65535; 0 picks a free one".to_owned())
}

/// A flag that is switched by its variable.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("a switch is true or false, 1 or 0, yes or no, on or off".to_owned()),
    }
}

fn idle_expiry(text: &str) -> Result<Duration, String> {
    let idle = duration(text).filter(|idle| !idle.is_zero());
    idle.ok_or_else(|| "a time such as 12h, 30m or PT12H".to_owned())
}

/// How often something is done; `None`: never. A type of its own, since to clap an `Option` is a flag left out.
#[derive(Debug, Clone, Copy)]
struct Every(Option<Duration>);

fn state_every(text: &str) -> Result<Every, String> {
    let every = if text == "0" { Some(Duration::ZERO) } else { duration(text) };
    let every = every.ok_or("a time such as 30s, 5m or PT5M, or 0")?;
    Ok(Every(Some(every).filter(|every| !every.is_zero())))
}

fn public_url(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(url.to_owned()),
        _ => Err("a public URL begins with http:// or https://, such as http://leapday:4010".to_owned()),
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    // Not left to clap, to which LEAPDAY_QUIET=0 conflicts with -v too.
    if args.quiet && args.verbose > 0 {
        return Err(misused("--quiet and --verbose contradict each other: give one of them"));
    }
    log(&args);
    let port = match args.port {
        Some(port) => port,
        None => default_port()?,
    };
    let options = Options {
        host: args.host.clone(),
        port,
        public_url: args.public_url.clone(),
        world: args.world.clone(),
        random_seed: args.random_seed,
        strict: args.strict,
        explain: args.explain,
        allow_live_keys: args.allow_live_keys,
        rate_limits: args.rate_limits,
        max_body: args.max_body,
        max_worlds: args.max_worlds,
        max_rows: args.max_rows,
        max_events: args.max_events,
        idle_expiry: args.idle_expiry,
        admin_token: args.admin_token.clone(),
        open_control: args.open_control,
        threads: THREADS,
        timers_per_advance: args.timers_per_advance,
        webhook: args.webhook_url.clone().map(|url| Webhook { url, secret: args.webhook_secret.clone() }),
        signature: args.webhook_signature,
        standalone_pages: args.standalone_pages,
        shutdown_timeout: Duration::from_secs(args.shutdown_timeout),
        tls_port: args.tls_port,
        ca_dir: args.ca_dir.clone(),
        own_certificate: args.tls_cert.clone().zip(args.tls_key.clone()),
        proxy_others: args.proxy_others,
        state: args.state.clone(),
        state_every: args.state_every.0,
        patience: PATIENCE,
    };
    allow_many_files();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.max_blocking_threads(WAITING_THREADS).enable_all().build();
    let runtime = runtime.map_err(|error| failed(format!("no runtime: {error}")))?;
    runtime.block_on(listen(&args, options))
}

/// As many connections as the system allows: most start a process with 1,024 and let it ask for more.
fn allow_many_files() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // Where that is refused, those few have to do.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Hosting platforms and buildpacks say the port with `PORT`.
pub(super) fn default_port() -> Result<u16, Failure> {
    match std::env::var("PORT") {
        Ok(text) => port(&text).map_err(|error| misused(format!("invalid value {text:?} for PORT: {error}"))),
        Err(_) => Ok(PORT),
    }
}

async fn listen(args: &Args, mut options: Options) -> Result<(), Failure> {
    let startup = |error: StartupError| misused(error.0);
    let sockets = bind(&options).await.map_err(|error| failed(error.0))?;
    let address = |listener: &TcpListener| listener.local_addr().map_err(|error| failed(error.to_string()));
    let (plain, tls) = (address(&sockets.plain)?, sockets.tls.as_ref().map(address).transpose()?);
    let base_url = url_of(plain);
    let made_token = options.guard(plain).map_err(startup)?;
    let mounts = mounts(&options, &base_url).map_err(startup)?;
    let front = front(mounts.clone(), &options, base_url.clone()).map_err(startup)?;
    let stop = stop_signal().map_err(|error| failed(format!("no signal handler: {error}")))?;
    if let Some(path) = &args.endpoints_file {
        let endpoints = endpoints(&mounts, &base_url, tls, options.admin_token.as_deref());
        write_atomically(path, &endpoints, options.admin_token.is_some())
            .map_err(|error| failed(format!("cannot write --endpoints-file {}: {error}", path.display())))?;
    }
    if !args.quiet {
        say(&banner(&mounts, &base_url, &options));
    }
    if let Some(token) = options.admin_token.as_ref().filter(|_| made_token) {
        // Whoever is told nothing else has to be told this.
        say(&format!("  {:<11} {token}   asked for the dashboard and for calls about other worlds", "admin token"));
    }
    if let Some(address) = tls {
        say(&format!("listening on https://{address} as {}", hosts(&mounts)));
    }
    say(&format!("listening on http://{plain}"));
    serve(sockets, Arc::new(front), stop, options.shutdown_timeout).await;
    keep(&options, &mounts).map_err(|error| failed(error.0))
}

/// Resolves when the process is asked to stop. Installed by hand, so that it works as PID 1 too.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn log(args: &Args) {
    let level = match (args.quiet, args.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::INFO,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // A second subscriber in one process (tests) is refused; the first one goes on.
    let _ = match args.log_format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

fn providers(mounts: &[Arc<dyn Mount>]) -> impl Iterator<Item = &Arc<dyn Mount>> {
    mounts.iter().filter(|mount| !mount.name().starts_with('_'))
}

/// The vendors' host names that TLS answers for, those of tests.
fn hosts(mounts: &[Arc<dyn Mount>]) -> String {
    let first = providers(mounts).filter_map(|mount| mount.hosts().first().copied());
    format!("{} and more", first.collect::<Vec<_>>().join(", "))
}

fn endpoints(mounts: &[Arc<dyn Mount>], base_url: &str, tls: Option<SocketAddr>, admin_token: Option<&str>) -> Value {
    let url = |mount: &Arc<dyn Mount>| (mount.name().to_owned(), json!(format!("{base_url}/{}", mount.name())));
    let providers: Map<String, Value> = providers(mounts).map(url).collect();
    json!({
        "pid": std::process::id(),
        "base_url": base_url,
        "tls_port": tls.map(|address| address.port()),
        "control": format!("{base_url}/_leapday"),
        "admin_token": admin_token,
        "providers": providers,
    })
}

/// Readers see the whole file or none: it is written beside its place and moved there. One that holds a secret is for
/// its owner alone.
fn write_atomically(path: &Path, value: &Value, secret: bool) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    // What an earlier process of this number left would keep its mode.
    let _ = std::fs::remove_file(&beside);
    let mut file = OpenOptions::new();
    file.write(true).create_new(true).mode(if secret { 0o600 } else { 0o666 });
    file.open(&beside)?.write_all(format!("{value:#}\n").as_bytes())?;
    std::fs::rename(&beside, path)
}

fn banner(mounts: &[Arc<dyn Mount>], base_url: &str, options: &Options) -> String {
    let mut lines = vec![format!("leapday {}", env!("CARGO_PKG_VERSION"))];
    for mount in providers(mounts) {
        let built = mount.operations().iter().filter(|operation| operation.built).count();
        lines.push(format!(
            "  {:<11} {base_url}/{}   {built} of {} operations",
            mount.name(),
            mount.name(),
            mount.operations().len()
        ));
        let Some(keeper) = mount.keeper() else { continue };
        lines.push(format!("  {:<11} {}", "keys", keeper.keys()));
        if let Some((url, secret)) = keeper.webhook() {
            lines.push(format!("  {:<11} {url}   secret {secret}", "webhooks"));
        }
    }
    lines.push(format!(
        "  {:<11} {base_url}/_leapday   turn a clock: POST …/clock/advance {{\"by\": \"P1M\"}}",
        "control"
    ));
    let world = fixtures::world(&options.world).unwrap_or_default();
    lines.push(format!("  {:<11} {}   {}", "world", options.world, world["description"].as_str().unwrap_or_default()));
    for mount in providers(mounts) {
        let steps = world[mount.name()].as_array().into_iter().flatten();
        let ids: Vec<&str> = steps.filter_map(|step| step["id"].as_str()).collect();
        if !ids.is_empty() {
            lines.push(format!("  {:<11} {}: {}", "has", mount.name(), ids.join(" ")));
        }
    }
    let source =
        if std::env::vars().any(|(name, _)| name.starts_with("LEAPDAY_")) { "flags and LEAPDAY_*" } else { "flags" };
    lines.push(format!("  {:<11} {source}   random seed {}", "config", options.random_seed));
    lines.join("\n")
}
