//! The invoice as a document.

use crate::api::{Call, Fault, Reply};
use crate::providers::paygentic::World;

pub(super) fn download(world: &World, call: &Call) -> Result<Reply, Fault> {
    let _ = (world, call);
    Err(Fault::not_built("pdf"))
}
