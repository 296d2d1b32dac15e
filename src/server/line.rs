//! The line to a client, so that it can be broken on purpose: ended before the answer, in the middle of it, or reset.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A client's connection that can end with a reset.
pub(super) struct Line {
    stream: TcpStream,
    cord: Cord,
}

/// Pulled, the connection is reset instead of closed.
#[derive(Debug, Clone, Default)]
pub(super) struct Cord(Arc<AtomicBool>);

impl Cord {
    pub(super) fn pull(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_pulled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> (Self, Cord) {
        let cord = Cord::default();
        (Self { stream, cord: cord.clone() }, cord)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.cord.is_pulled() {
            // Without lingering, what closes a socket resets it. A socket that is gone already needs no more.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cord.is_pulled() {
            // A polite end first would be no reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The connection ends here, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was broken on purpose")
    }
}

impl std::error::Error for Broken {}

/// A body that goes out whole, or ends before it is complete.
#[derive(Debug)]
pub struct Payload {
    rest: Full<Bytes>,
    /// How much was promised.
    cut: Option<u64>,
    sent: bool,
}

impl Payload {
    /// The first half of an answer whose head promises the whole.
    pub(super) fn halved(response: Response<Self>) -> Response<Self> {
        response.map(|payload| {
            let whole = payload.rest.size_hint().exact().unwrap_or_default();
            let bytes = payload.rest.clone().into_inner().unwrap_or_default();
            let half = bytes.slice(..bytes.len() / 2);
            Self { rest: Full::new(half), cut: Some(whole), sent: false }
        })
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self { rest: Full::new(bytes), cut: None, sent: false }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match Pin::new(&mut self.rest).poll_frame(cx) {
            Poll::Ready(None) if self.cut.is_some() => {
                if !self.sent {
                    // Once more round, so that the first half is written before the end.
                    self.sent = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(Broken)))
            }
            other => other.map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.cut.map_or_else(|| self.rest.size_hint(), SizeHint::with_exact)
    }
}
