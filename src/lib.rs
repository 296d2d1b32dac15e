//! Leapday: a local sandbox for subscription-billing APIs whose clock you can turn.
//!
//! Tests start one with [`Sandbox`], or with [`blocking::Sandbox`] where nothing is asynchronous, and drive the world
//! of a key through a [`client::World`]:
//!
//! ```
//! let sandbox = leapday::blocking::Sandbox::start()?;
//! let clock = sandbox.paylera("sk_sandbox_a").clock();
//! clock.set("2028-01-31T00:00:00Z")?;
//! assert_eq!(clock.advance("P1M")?.now.to_string(), "2028-02-29T00:00:00Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `docs/embedding.md` shows more. The rest of this page is for those who work on Leapday itself: the other modules are
//! no promise to anybody.
//!
//! # The way of a request
//!
//! Four files tell it: [`server`]'s `pipeline` reads it and finds its mount; `server/hosted` finds the world
//! of its key and lends it to a transaction; [`api::Desk`] routes it, coerces the query and validates the
//! body; the noun's file in [`providers`] holds the handler.
//!
//! accept → body (bounded) → mount (path prefix or the vendor's own host) → key → route → coerce the query →
//! validate → world → idempotency key, where the vendor has such → handler on the world → commit → reply.
//!
//! Clients that have a vendor's host in their code come by TLS (`server/tls`): on a port of its own, or through the
//! tunnel of a proxy that ends here (`server/proxy`). From there on all is the same.
//!
//! There are two other ways into a world. The control API opens its [`api::Door`] (`server/opened`). A hosted page
//! is opened without a key: `server/paged` asks the worlds whose token the path holds, and the row of the page
//! ([`api::Page`]) does the rest; it has no contract, and its refusals are pages too.
//!
//! # A world is a value
//!
//! Each API key has its own [`world::World`]: tables, clocks, timers, events and webhooks on persistent maps. A
//! writer works on a clone and publishes it whole, or drops it; a reader takes what is published and never waits.
//! An id is a row number in disguise ([`world::Ids`]).
//!
//! From that follow a preview (an advance of a clone), a fork (a clone under another key), snapshots (`server/shelf`),
//! and a world written down ([`world::World::export`]): every row has a serde form, which is not the vendor's.
//!
//! A world is bounded ([`world::Limits`]): a request that would make it larger is refused, an advance stops. Who asks
//! for no world but that of the key that is sent needs the key alone; `control/gate` knows who may ask for others.
//!
//! # Webhooks and time
//!
//! What is owed to whom is part of the world ([`world::Outbox`]): a commit addresses what has happened to whoever
//! listens, the courier ([`webhooks`]) sends what is ready and records how it went, and the next attempt is a timer
//! on the clock of the event. An advance settles (`server/slot`): it goes instant by instant, and waits until the
//! webhooks of each are answered. Where nobody listens it is one transaction. So an answer may come
//! [`api::Answer::Later`]; handlers never do.
//!
//! # What was asked, and trouble on purpose
//!
//! Beside each world, and not in it, stand the journal of its requests (`server/journal`) and the rules for faults
//! ([`api::Injections`]); the hosted API asks the rules before a request is served and notes it when it is answered.
//! A fault that concerns the connection travels as the reply's [`api::Fate`] to `server/line`. Scripted outcomes of
//! charges are part of the world ([`world::Scripts`]), so that a preview follows them. The dashboard
//! (`control/dashboard`) looks at a world through the same [`api::Door`] as the control API; a [`story`] speaks HTTP
//! like anybody else.
//!
//! # Rooms, from the top
//!
//! main → cli → story → blocking → embedded → sandbox and client → control → server and providers (neither knows the
//! other) → api → webhooks → world → billing, contract, documents, pages, time. Imports run downward only. Where this
//! differs from the first plan: the router stands with the desk in `api`, since a mount owns its routes; the bookkeeping
//! of webhooks stands in `world`, since it forks and rewinds with it; `pages` draws the magic cards of `billing`;
//! `documents` puts on paper what any vendor invoices.
//!
//! # Rules of the house
//!
//! 1. `world`, `billing`, `contract` and handlers are synchronous, take time and chance as values, and know
//!    nothing of HTTP.
//! 2. Only `time` reads the wall clock; only `world::timers` moves sandbox time (`.clippy.toml`).
//! 3. Every operation row has a contract and every contract a row: `leapday check`, and a test.
//! 4. Every answer passes its own schema: in all tests, and with `--strict`.
//! 5. A refused request changes nothing.
//! 6. The body of an error is the vendor's own shape; what teaches stands beside it (`leapday-violation`,
//!    `--explain`). All violations are reported.
//! 7. Providers do not know each other; nothing below `providers` names one.
//! 8. A file is a noun: module doc, operation table, typed state, handlers, timers.
//! 9. Bounds are named constants with a reason.
//! 10. Nothing leaves the machine but webhooks, to endpoints that the user registered, and what `--proxy-others` lets
//!     through. E-mails and text messages stay in the world ([`world::Message`]).

#[doc(hidden)]
pub mod api;
#[doc(hidden)]
pub mod billing;
pub mod blocking;
#[doc(hidden)]
pub mod cli;
pub mod client;
#[doc(hidden)]
pub mod contract;
#[doc(hidden)]
pub mod control;
#[doc(hidden)]
pub mod documents;
mod embedded;
#[doc(hidden)]
pub mod fixtures;
#[doc(hidden)]
pub mod pages;
#[doc(hidden)]
pub mod providers;
#[doc(hidden)]
pub mod sandbox;
#[doc(hidden)]
pub mod server;
#[doc(hidden)]
pub mod story;
#[doc(hidden)]
pub mod time;
#[doc(hidden)]
pub mod webhooks;
#[doc(hidden)]
pub mod world;

pub use embedded::{Builder, Sandbox};
pub use sandbox::{Options, StartupError};
pub use time::Timestamp;

#[cfg(doctest)]
#[doc = include_str!("../docs/embedding.md")]
struct Embedding;
