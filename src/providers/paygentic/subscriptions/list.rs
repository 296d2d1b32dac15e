//! Reading subscriptions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Status, Subscription, body};
use crate::api::{Call, Fault, Reply};
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::bare_list;
use crate::providers::paygentic::state::{MERCHANT_NAME, mine};
use crate::time::Timestamp;
use crate::world::Id;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    customer_id: Option<String>,
    consumer_id: Option<String>,
    merchant_id: Option<String>,
    #[serde(default)]
    status: Vec<Status>,
    started_before: Option<Timestamp>,
    include: Option<String>,
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    for (name, other) in [("consumerId", &filter.consumer_id), ("merchantId", &filter.merchant_id)] {
        if filter.customer_id.is_some() && other.is_some() {
            let violation =
                Violation::query(name, "exclusive", "does not go with customerId: a customer has one of each");
            return Err(Fault::violations(vec![violation]));
        }
    }
    let state = &world.state;
    let customer = filter.customer_id.as_deref().map(|id| state.customers.find(id));
    let consumer = filter.consumer_id.as_deref().map(|id| state.consumers.find(id));
    let rows = state.subscriptions.iter().filter(|(_, row)| {
        let owner = &state.customers[row.customer];
        customer.is_none_or(|id| id == Some(row.customer))
            && consumer.is_none_or(|id| id == Some(owner.consumer))
            && mine(filter.merchant_id.as_deref(), &owner.merchant)
            && (filter.status.is_empty() || filter.status.contains(&row.status))
            && filter.started_before.is_none_or(|before| row.started_at <= before)
    });
    let include = filter.include.is_some();
    let bodies = rows.map(|(id, row)| {
        let mut body = body(world, id, row, call.site);
        body.customer = include.then(|| parties(world, row));
        body
    });
    Ok(Reply::ok(&bare_list(call.paging(), bodies)))
}

/// Both sides of a subscription's customer, for `include=customer` (§2.7).
fn parties(world: &World, row: &Subscription) -> Value {
    let state = &world.state;
    let customer = &state.customers[row.customer];
    let consumer = &state.consumers[customer.consumer];
    json!({
        "id": state.customers.text(row.customer),
        "merchant": { "id": customer.merchant, "name": MERCHANT_NAME, "email": "billing@merchant.example" },
        "consumer": { "id": state.consumers.text(customer.consumer), "name": consumer.name, "email": consumer.email },
    })
}

pub(super) fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id: Id<Subscription> = call.id(&world.state.subscriptions)?;
    Ok(Reply::ok(&body(world, id, &world.state.subscriptions[id], call.site)))
}
