//! The runtime that clients and receivers of this process share. It is their own, so that whoever polls them need not
//! be tokio, and so that a connection outlives the runtime of the one test that has opened it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use super::Error;

static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();

/// The runtime, made when it is first needed. One thread is enough: it carries bytes, and others work.
pub(crate) fn runtime() -> Result<&'static Runtime, Error> {
    let make = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("leapday-client").enable_all().build().map_err(|error| error.to_string())
    };
    let made = RUNTIME.get_or_init(make);
    made.as_ref().map_err(|why| Error::Misused(format!("this machine gives a client no thread: {why}")))
}

/// Work that finds sockets and timers whichever executor polls it.
pub(crate) async fn anywhere<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = runtime()?;
    let mut work = pin!(work);
    poll_fn(|context| {
        let _entered = runtime.enter();
        work.as_mut().poll(context)
    })
    .await
}
