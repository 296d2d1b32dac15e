//! The async shell: accepts, finds the mount, calls it, answers. Knows no provider.

pub mod check;
mod claims;
mod hosted;
mod opened;
mod paged;
mod pipeline;
mod slot;
mod welcome;
mod worlds;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

pub use self::hosted::Hosted;
pub use self::pipeline::Front;
pub use self::welcome::health;
use crate::api::{Body, Fault, Reply, teaching_line};

/// How long a client may take over its request head before the connection is closed.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until `stop` resolves, then finishes what runs, for at most `grace`.
///
/// The caller owns the socket and the stop signal.
pub async fn run(listener: TcpListener, front: Arc<Front>, stop: impl Future<Output = ()>, grace: Duration) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).pipeline_flush(true).writev(false);
    builder.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to be given back.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let front = Arc::clone(&front);
        let service = service_fn(move |request| {
            let front = Arc::clone(&front);
            async move { Ok::<_, std::convert::Infallible>(front.answer(request).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(grace) => tracing::warn!("some requests did not finish in time"),
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
        body.insert("leapday".to_owned(), serde_json::json!({ "violations": fault.violations }));
        reply = Reply { body: Reply::json(reply.status, &body).body, ..reply };
    }
    reply
}
