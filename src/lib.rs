//! Leapday: a local sandbox for subscription-billing APIs whose clock you can turn.
//!
//! # The way of a request
//!
//! Four files tell it (`server/opened` is the other way into a world, that of the control API): [`server`]'s `pipeline` reads it and finds its mount; `server/hosted` finds the world
//! of its key and lends it to a transaction; [`api::Desk`] routes it, coerces the query and validates the
//! body; the noun's file in [`providers`] holds the handler.
//!
//! accept → body (bounded) → mount (path prefix or the vendor's own host) → route → key → coerce the query →
//! validate → world → handler on the world → commit → reply.
//!
//! A hosted page is opened without a key: `server/paged` asks the worlds whose token the path holds, and the row of
//! the page ([`api::Page`]) does the rest. It has no contract, and its refusals are pages too.
//!
//! # A world is a value
//!
//! Each API key has its own [`world::World`]: tables, clocks, timers and events on persistent maps. A writer
//! works on a clone and publishes it whole, or drops it; a reader takes what is published and never waits.
//! An id is a row number in disguise ([`world::Ids`]).
//!
//! # Rooms, from the top
//!
//! main → cli → sandbox → control → server and providers (neither knows the other) → api → world, billing →
//! contract, time. `pages` (what all hosted pages share) stands below api, on billing. Imports run downward only. Where this differs from the first plan: the router stands with
//! the desk in `api`, since a mount owns its routes.
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
//! 10. Nothing leaves the machine.

pub mod api;
pub mod billing;
pub mod cli;
pub mod contract;
pub mod control;
pub mod fixtures;
pub mod pages;
pub mod providers;
pub mod sandbox;
pub mod server;
pub mod time;
pub mod webhooks;
pub mod world;

pub use sandbox::Sandbox;
