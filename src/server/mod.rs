//! The async shell: accepts, finds the mount, calls it, answers. Knows no provider.

mod authority;
mod beginnings;
pub mod check;
mod claims;
mod hosted;
mod journal;
mod kept;
mod line;
mod opened;
mod paged;
mod patience;
mod pipeline;
mod proxy;
mod shelf;
mod slot;
mod spoiled;
pub mod state_file;
mod tls;
mod welcome;
mod worlds;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

pub use self::authority::{Authority, CERTIFICATE, default_folder};
pub use self::hosted::Hosted;
pub use self::line::{Broken, Payload};
use self::line::{Cord, Line};
use self::patience::Patient;
pub use self::pipeline::{Front, Setup};
pub use self::state_file::Saver;
pub use self::tls::{Certificates, Tls};
pub use self::welcome::health;
use crate::api::{Body, Fate, Fault, Reply, TEACHING_FIELD, teaching_line};

/// How often a client of HTTP/2 that is silent is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How often idle worlds are looked for while one becomes idle, within these bounds: one is forgotten that much later.
const SWEEPS: u32 = 8;
const SWEEP_SOONEST: Duration = Duration::from_millis(100);
const SWEEP_LATEST: Duration = Duration::from_secs(60);

/// The sockets that a sandbox listens on. The caller owns them.
pub struct Sockets {
    pub plain: TcpListener,
    /// Where clients come by TLS.
    pub tls: Option<TcpListener>,
}

/// Serves until `stop` resolves, then finishes what runs, for at most `grace`.
pub async fn run(sockets: Sockets, front: Arc<Front>, stop: impl Future<Output = ()>, grace: Duration) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(front.patience).writev(false);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(KEEP_ALIVE);
    let saving = front.saver.clone().map(|saver| tokio::spawn(saver.run(front.mounts.clone())));
    let shell = Arc::new(Shell { front, builder, open: Mutex::new(Some(GracefulShutdown::new())) });
    let sweeper = shell.front.idle_expiry.map(|idle| tokio::spawn(sweep(Arc::clone(&shell.front), idle)));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = sockets.plain.accept() => accepted.map(|(stream, _)| (stream, false)),
            accepted = accept(sockets.tls.as_ref()) => accepted.map(|stream| (stream, true)),
            () = &mut stop => break,
        };
        let (stream, secure) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to be given back.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let shell = Arc::clone(&shell);
        tokio::spawn(async move {
            let (line, cord) = Line::new(stream);
            if secure { shell.secure(line, cord).await } else { shell.converse(line, cord, false).await }
        });
    }
    drop(sockets);
    for task in [sweeper, saving].into_iter().flatten() {
        task.abort();
    }
    tokio::select! {
        () = shell.close() => {}
        () = tokio::time::sleep(grace) => tracing::warn!("some requests did not finish in time"),
    }
}

/// Looks for idle worlds from time to time. A large one takes a while to forget, which nobody waits for.
async fn sweep(front: Arc<Front>, idle: Duration) {
    let mut ticker = tokio::time::interval((idle / SWEEPS).clamp(SWEEP_SOONEST, SWEEP_LATEST));
    loop {
        ticker.tick().await;
        slot::off_thread(|| front.expire(idle));
    }
}

/// The next client of a socket that may not be there.
async fn accept(listener: Option<&TcpListener>) -> std::io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// What every connection needs.
struct Shell {
    front: Arc<Front>,
    builder: auto::Builder<TokioExecutor>,
    /// Watches connections, until the end has begun.
    open: Mutex<Option<GracefulShutdown>>,
}

impl Shell {
    /// Shakes hands, then answers.
    async fn secure<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self: Arc<Self>, stream: S, cord: Cord) {
        match tokio::time::timeout(self.front.patience, self.front.tls.accept(stream)).await {
            Ok(Ok(stream)) => Arc::clone(&self).converse(stream, cord, true).await,
            Err(_) => tracing::debug!("a TLS handshake took too long"),
            Ok(Err(error)) => tracing::info!(%error, "TLS handshake failed: does the client trust `leapday ca`?"),
        }
    }

    /// Answers all requests of one connection.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self: Arc<Self>,
        stream: S,
        cord: Cord,
        secure: bool,
    ) {
        let watcher = self.open.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(GracefulShutdown::watcher);
        let Some(watcher) = watcher else { return };
        let shell = Arc::clone(&self);
        let service = service_fn(move |request: Request<Incoming>| {
            let (shell, cord) = (Arc::clone(&shell), cord.clone());
            async move {
                match *request.method() {
                    Method::CONNECT => Ok(proxy::connect(&shell, request, cord)),
                    _ => shell.front.answer(request, secure).await.map_err(|fate| {
                        if fate == Fate::Reset {
                            cord.pull();
                        }
                        Broken
                    }),
                }
            }
        });
        let stream = Patient::new(stream, self.front.patience);
        let connection = self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "connection ended early");
        }
    }

    /// Takes no further connection, and waits for those that there are.
    async fn close(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(open) = open {
            open.shutdown().await;
        }
    }
}

/// Sets what teaches beside a refusal: the header always, the body if the user asked for it (rule 6).
pub(crate) fn explain(mut reply: Reply, fault: &Fault, into_body: bool) -> Reply {
    if fault.violations.is_empty() {
        return reply;
    }
    reply = reply.with_header("leapday-violation", teaching_line(&fault.violations));
    if into_body
        && let Body::Json(bytes) = &reply.body
        && let Ok(serde_json::Value::Object(mut body)) = serde_json::from_slice(bytes)
    {
        body.insert(TEACHING_FIELD.to_owned(), serde_json::json!({ "violations": fault.violations }));
        reply = Reply { body: Reply::json(reply.status, &body).body, ..reply };
    }
    reply
}
