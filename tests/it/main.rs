//! Everything over a real socket, in one binary: every answer is checked against its schema (the shared
//! sandbox is strict), every test has a key and so a world of its own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[cfg(unix)]
mod admin;
#[cfg(unix)]
mod commands;
mod contract;
mod embedding;
#[cfg(unix)]
mod fidelity;
mod fuzzed;
#[cfg(target_os = "linux")]
mod hostile;
mod isolation;
mod limits;
mod manners;
mod nonsense;
mod paygentic;
mod paylera;
mod paymennt;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod secrets;
#[cfg(unix)]
mod state;
#[cfg(unix)]
mod stories;
mod support;
#[cfg(unix)]
mod tls;
mod travel;
mod trouble;
mod webhooks;
mod worlds;
