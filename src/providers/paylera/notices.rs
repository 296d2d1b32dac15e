//! What can happen in a Paylera world, and how an event says it.
//!
//! Facts: paylera §4.1 (envelope, kinds of aggregate), §4.8 (types). Payment methods are no aggregate of their own:
//! their events belong to the customer, and show the method.

use serde_json::{Value, json};

use super::World;
use super::customers::{self, Customer};
use super::payment_methods::Seen;
use crate::world::{Event, Id, Notice as _, hash};

/// An event with the row as it was.
#[derive(Clone)]
pub enum Notice {
    CustomerUpdated(Id<Customer>, std::sync::Arc<Customer>),
    CustomerTaxIdInvalidated(Id<Customer>, std::sync::Arc<Customer>),
    PaymentMethodAttached(Seen),
    PaymentMethodDetached(Seen),
    PaymentMethodVerified(Seen),
}

impl crate::world::Notice for Notice {
    fn name(&self) -> &'static str {
        match self {
            Self::CustomerUpdated(..) => "customer.updated",
            Self::CustomerTaxIdInvalidated(..) => "customer.tax_id_invalidated",
            Self::PaymentMethodAttached(_) => "customer.payment_method_attached",
            Self::PaymentMethodDetached(_) => "customer.payment_method_detached",
            Self::PaymentMethodVerified(_) => "payment_method.verified",
        }
    }

    fn about(&self) -> (&'static str, u32) {
        match self {
            Self::CustomerUpdated(id, _) | Self::CustomerTaxIdInvalidated(id, _) => id.about(),
            Self::PaymentMethodAttached(seen)
            | Self::PaymentMethodDetached(seen)
            | Self::PaymentMethodVerified(seen) => seen.row.customer.about(),
        }
    }
}

impl Notice {
    /// Every event type that this provider knows, for filters.
    pub const NAMES: &'static [&'static str] = &[
        "customer.updated",
        "customer.tax_id_invalidated",
        "customer.payment_method_attached",
        "customer.payment_method_detached",
        "payment_method.verified",
    ];

    /// Kind, id and full payload of what the event is about.
    fn aggregate(&self, world: &World) -> (&'static str, String, Value) {
        match self {
            Self::CustomerUpdated(id, row) | Self::CustomerTaxIdInvalidated(id, row) => {
                let id_text = world.state.customers.text(*id).to_string();
                ("customer", id_text, json!(customers::body(&world.state, *id, row)))
            }
            Self::PaymentMethodAttached(seen)
            | Self::PaymentMethodDetached(seen)
            | Self::PaymentMethodVerified(seen) => {
                let id_text = world.state.customers.text(seen.row.customer).to_string();
                ("customer", id_text, json!(seen.body(&world.state)))
            }
        }
    }
}

/// `{id, type, occurred_at, schema_version, tenant_id, aggregate_type, aggregate_id, data}`.
pub fn envelope(world: &World, number: usize, event: &Event<Notice>) -> Value {
    let (aggregate_type, aggregate_id, data) = event.notice.aggregate(world);
    json!({
        "id": world.event_id("evt_", number),
        "type": event.notice.name(),
        "occurred_at": event.at,
        "schema_version": 1,
        "tenant_id": format!("ten_{:016x}", hash(world.state.seed, b"tenant")),
        "aggregate_type": aggregate_type,
        "aggregate_id": aggregate_id,
        "data": data,
    })
}
