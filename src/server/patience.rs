//! A client that has not said yet what it speaks. Until then nobody else looks at the time: HTTP/1 has a limit for the
//! head of a request, but whether it is HTTP/1 is known only by the first bytes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What a client of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that ends unless its client says soon what it speaks.
pub(super) struct Patient<S> {
    stream: S,
    waiting: Option<Waiting>,
}

struct Waiting {
    over: Pin<Box<Sleep>>,
    /// How much of the preface has come.
    matched: usize,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, waiting: Some(Waiting { over: Box::pin(sleep(patience)), matched: 0 }) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, waiting } = &mut *self;
        let Some(Waiting { over, matched }) = waiting else { return Pin::new(stream).poll_read(cx, buf) };
        let before = buf.filled().len();
        let Poll::Ready(read) = Pin::new(stream).poll_read(cx, buf) else {
            ready!(over.as_mut().poll(cx));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client said nothing")));
        };
        let (said, rest) = (&buf.filled()[before..], &PREFACE[*matched..]);
        if !said.is_empty() && said.len() < rest.len() && rest.starts_with(said) {
            *matched += said.len();
        } else {
            *waiting = None;
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
