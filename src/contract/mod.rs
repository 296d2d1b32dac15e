//! Schemas bound to operations: what a request must look like, what an answer must look like, and what to say
//! when one does not.
//!
//! The room is synchronous and pure. It knows JSON and JSON Schema, but neither HTTP nor any provider: whoever holds
//! a [`Registry`] says which embedded folder it reads, and asks it for the [`Contract`] of an operation.
//!
//! # Layout of a contract
//!
//! One file a noun (`invoices.json`), JSON Schema 2020-12, everything under `$defs`:
//!
//! | key | contract of |
//! |---|---|
//! | `<operation>.request` | the body; `"x-optional": true` when it may be absent |
//! | `<operation>.path` | what stands in the path, as an object, where the vendor refuses it with a 400 |
//! | `<operation>.query` | the query string, as an object |
//! | `<operation>.header` | headers, as an object by name |
//! | `<operation>.response` | the body of every 2xx answer; `{"type": "null"}` says that there is no JSON |
//! | | `"x-status": [200, 201]`: its statuses, where they are not 200, or 204 for nothing |
//! | | `"x-content": "application/pdf"`: it is a file |
//! | `<operation>.response.<status>` | the body of that status, where it has a shape of its own |
//! | `Invoice`, any name without a dot | a shape that others refer to |
//!
//! Beside `$defs`, `x-source` says where the contract comes from ([`Source`]): one word for all operations of the file,
//! or an object by operation. What a file does not say, `shared.json` says for the whole API.
//!
//! `shared.json` holds `error`: what every 4xx and 5xx must match that has no key of its own. A `$ref` names a
//! definition, in the same file (`#/$defs/Invoice`) or in a sibling (`invoices.json#/$defs/Invoice`).
//!
//! # Cost
//!
//! Nothing is read when a registry is made. A file is parsed when the first contract needs it, and a validator is
//! compiled when it is first used, from a copy of its own definitions and the ones they reach, not of whole
//! files. A value that passes costs one walk of the compiled validator; everything that teaches (the
//! nearest name, the unfolded `anyOf`) is worked out only for a value that fails.

mod bound;
mod check;
mod coerce;
mod explain;
mod library;
mod loose;
mod openapi;
mod registry;
mod rule;
mod shape;
mod source;
mod unfold;
mod violation;
mod wording;

pub use bound::{BodyRule, Contract, Query};
pub use check::Row;
pub use openapi::{Front, Header, Refusal, Route};
pub use registry::Registry;
pub use source::Source;
pub use violation::{Place, Violation, header_line};
pub use wording::{counted, near};

#[cfg(test)]
mod fixture;
