//! Reading invoices.

use serde::Deserialize;
use serde_json::Value;

use super::expansion::Expansion;
use super::{Invoice, Status, body, lines};
use crate::api::{Call, Fault, Reply};
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::list as envelope;
use crate::providers::paygentic::state::mine;
use crate::world::Id;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    status: Option<Status>,
    subscription_id: Option<String>,
    customer_id: Option<String>,
    merchant_id: Option<String>,
    next_action_at: Option<String>,
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    if filter.next_action_at.is_some() {
        let fault = Fault::forbidden("nextActionAt=ready is for platform keys");
        return Err(fault.with_violation(Violation::query("nextActionAt", "permission", "is for platform keys only")));
    }
    let state = &world.state;
    let subscription = filter.subscription_id.as_deref().map(|id| state.subscriptions.find(id));
    let customer = filter.customer_id.as_deref().map(|id| state.customers.find(id));
    let rows = state.invoices.iter().filter(|(_, row)| {
        let owner = state.subscriptions[row.subscription].customer;
        filter.status.is_none_or(|status| status == row.status)
            && subscription.is_none_or(|id| id == Some(row.subscription))
            && customer.is_none_or(|id| id == Some(owner))
            && mine(filter.merchant_id.as_deref(), &state.customers[owner].merchant)
    });
    let ids: Vec<Id<Invoice>> = rows.map(|(id, _)| id).collect();
    // Bodies are made for the page that is shown, not for every invoice of a world.
    let paging = call.paging();
    let bodies = envelope(paging, ids.into_iter()).map(|id| body(world, id, &state.invoices[id], call.site));
    Ok(Reply::ok(&bodies))
}

pub(super) fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id: Id<Invoice> = call.id(&world.state.invoices)?;
    let mut body = body(world, id, &world.state.invoices[id], call.site);
    body.payment_in_flight = Some(false);
    let expansion = Expansion::of(call);
    if expansion.shows_lines() {
        let limit = call.query.get("lineItemsLimit").and_then(Value::as_u64).unwrap_or(100);
        let token = call.query.get("lineItemsPageToken").and_then(Value::as_str);
        body.line_items = Some(lines::block(world, id, limit, token, &expansion)?);
    }
    Ok(expansion.hinted(Reply::ok(&body)))
}
