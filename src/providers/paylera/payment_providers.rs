//! The payment provider behind the sandbox.
//!
//! Facts: paylera §2.14: that one can be verified. Payments name `stripe` (§2.6), so that is the one there is.

use http::Method;
use serde_json::json;

use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, write};
use crate::world::ClockId;

const KNOWN: &str = "stripe";

pub fn noun() -> Noun<Action<State>> {
    let path = "/v1/admin/payment-providers/{id}/verify";
    let operations: Vec<Operation> = vec![write("verifyPaymentProvider", Method::POST, path, verify)];
    Noun { name: "payment_providers", operations }
}

/// Nothing outside is asked: the sandbox is its own provider, and always there.
fn verify(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.segment("id");
    if id != KNOWN {
        return Err(Fault::no_such("payment provider", id));
    }
    let checked_at = world.now(ClockId::WORLD);
    let body = json!({
        "object": "payment_provider", "id": id, "status": "verified", "checked_at": checked_at, "message": null,
    });
    Ok(Reply::ok(&body))
}
