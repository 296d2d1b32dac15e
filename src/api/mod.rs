//! What an emulated API is made of.
//!
//! An API is a table of [`Operation`] rows grouped by [`Noun`]. A [`Desk`] turns an HTTP request into
//! a [`Call`] on one row (route, coerce, validate); a handler turns the call into a [`Reply`] or a
//! [`Fault`]; a [`Page`] is what a customer's browser opens; a [`Provider`] says what differs between vendors; the server sees only [`Mount`]s.

mod admin;
mod call;
mod described;
mod desk;
mod door;
mod fault;
mod gist;
mod idempotency;
mod injection;
mod keeper;
mod limits;
mod mount;
mod operation;
mod page;
mod paging;
mod provider;
mod reply;
mod request;
mod router;
mod site;

pub use self::admin::{ADMIN_HEADER, Admin};
pub use self::call::{Call, Params, Patch, referred, settable};
pub use self::described::Described;
pub use self::desk::{Desk, Route, TEACHING_FIELD, check_answer, teaching_line, warn};
pub use self::door::{
    Agenda, Collects, Copies, Door, Found, Inquiry, Journey, OutboxChange, Post, Search, Sorted, Target, Turns, Watches,
};
pub use self::fault::{Fault, Kind};
pub use self::gist::Gist;
pub use self::idempotency::{Answers, Idempotency, Known, Need, Slip};
pub use self::injection::{Injection, InjectionRule, Injections, PROFILES, RULES_MOST, profile};
pub use self::keeper::{Beginning, Keeper, WorldInfo};
pub use self::limits::{Limit, Meter, Standing};
pub use self::mount::{Answer, Deliver, Exchange, FIDELITY, Later, Listed, Mount, OperationInfo, Settings, Webhook};
pub use self::operation::{Action, Noun, Operation, advance, planned, read, write};
pub use self::page::{Page, Turn, Visit, anywhere, enter, show, submit};
pub use self::paging::{Paging, paging};
pub use self::provider::{KeyPolicy, Provider, Vendor, Visitor, WorldKey};
pub use self::reply::{Body, Fate, Reply};
pub use self::request::{Criteria, Entry, Request};
pub use self::router::{RouteError, Router};
pub use self::site::Site;
