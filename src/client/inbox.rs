//! A port of this machine on which webhooks arrive: for receivers of tests and of stories.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::Error;
use super::runtime::{anywhere, runtime};
use super::wire::read;
use crate::time::{Timestamp, wall};

/// A webhook as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) body: Value,
    /// On the wall.
    pub(crate) at: Timestamp,
    /// Whether somebody has looked for it already.
    seen: bool,
}

impl Received {
    /// The event type that the body names. Vendors spell the field in one of these ways.
    pub(crate) fn event_type(&self) -> Option<&str> {
        let fields = ["eventType", "event_type", "type", "event", "status"];
        fields.iter().find_map(|field| self.body[*field].as_str())
    }
}

/// Webhooks as they came, and how they are answered.
#[derive(Debug)]
struct Heap {
    received: Mutex<Vec<Received>>,
    answer: AtomicU16,
    arrived: Notify,
}

impl Heap {
    fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where webhooks arrive, until it is dropped.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) url: String,
    heap: Arc<Heap>,
    listening: JoinHandle<()>,
}

impl Inbox {
    /// # Errors
    /// If there is no port.
    pub(crate) async fn open() -> Result<Self, Error> {
        anywhere(async {
            let no_port = |error: std::io::Error| Error::Misused(format!("no port for a receiver: {error}"));
            let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_port)?;
            let url = format!("http://{}/", listener.local_addr().map_err(no_port)?);
            let (received, arrived) = (Mutex::default(), Notify::new());
            let heap = Arc::new(Heap { received, answer: AtomicU16::new(200), arrived });
            let listening = runtime()?.spawn(listen(listener, Arc::clone(&heap)));
            Ok(Self { url, heap, listening })
        })
        .await
    }

    /// How webhooks are answered from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.heap.answer.store(status, Ordering::Release);
    }

    /// Everything that came so far.
    pub(crate) fn all(&self) -> Vec<Received> {
        self.heap.received().clone()
    }

    /// Those that nobody has looked for yet and that are as wanted, as soon as there are so many; at the latest when
    /// patience has run out.
    pub(crate) async fn find(
        &self,
        least: usize,
        patience: Duration,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Vec<Received>, Error> {
        let new = |one: &&mut Received| !one.seen && wanted(one);
        let searching = async {
            loop {
                let mut arrived = std::pin::pin!(self.heap.arrived.notified());
                arrived.as_mut().enable();
                if self.heap.received().iter_mut().filter(new).count() >= least {
                    return;
                }
                arrived.await;
            }
        };
        // Patience that runs out is no error: what is there is shown.
        let _ = anywhere(async { Ok(tokio::time::timeout(patience, searching).await) }).await?;
        let mut received = self.heap.received();
        let found = received.iter_mut().filter(new).map(|one| {
            one.seen = true;
            one.clone()
        });
        Ok(found.collect())
    }

    /// The first of those that nobody has looked for yet and that is as wanted, as soon as there is one. Others stay.
    pub(crate) async fn take(
        &self,
        patience: Duration,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Option<Received>, Error> {
        let first = || {
            let mut received = self.heap.received();
            let one = received.iter_mut().find(|one| !one.seen && wanted(one))?;
            one.seen = true;
            Some(one.clone())
        };
        let searching = async {
            loop {
                let mut arrived = std::pin::pin!(self.heap.arrived.notified());
                arrived.as_mut().enable();
                if let Some(one) = first() {
                    return one;
                }
                arrived.await;
            }
        };
        anywhere(async { Ok(tokio::time::timeout(patience, searching).await.ok()) }).await
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, heap: Arc<Heap>) {
    while let Ok((stream, _)) = listener.accept().await {
        let heap = Arc::clone(&heap);
        let service = service_fn(move |request| receive(Arc::clone(&heap), request));
        let connection = hyper::server::conn::http1::Builder::new();
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

async fn receive(heap: Arc<Heap>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let (body, at) = (read(&bytes), wall());
    heap.received().push(Received { headers: head.headers, bytes, body, at, seen: false });
    heap.arrived.notify_waiters();
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(heap.answer.load(Ordering::Acquire)).unwrap_or(StatusCode::OK);
    Ok(response)
}
