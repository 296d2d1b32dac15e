//! Items: what accounting systems know a product's parts by. Not emulated yet (`planned.rs` has the rows).
//!
//! Facts: paygentic-behaviour §2.2 (tags). No item can be made in this world, so no id of one means anything.

use crate::api::Fault;
use crate::contract::Violation;

/// Refuses an `itemId` as any id that means no row is refused; none, or `null`, is the only tag there is.
pub fn referred(id: Option<&str>) -> Result<(), Fault> {
    let Some(id) = id else { return Ok(()) };
    let message = "items are not emulated yet, so there is none to refer to; leave itemId out";
    Err(Fault::no_such("item", id).with_violation(Violation::body("/itemId", "reference", message)))
}
