//! Payment sessions on the wire.
//!
//! Facts: paygentic-behaviour §2.9.

use serde::{Deserialize, Serialize};

use super::{Purpose, Session, Status, provider_reference};
use crate::api::{Call, Fault, Reply};
use crate::billing::money;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::list as envelope;
use crate::providers::paygentic::state::{State, mine};
use crate::providers::paygentic::subscriptions::Subscription;
use crate::time::Timestamp;
use crate::world::{Id, IdText};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    entity_type: &'static str,
    entity_id: IdText,
    entity_label: Option<String>,
    amount: String,
    currency: &'a str,
    status: Status,
    merchant_payment_account_id: Option<&'a str>,
    provider_payment_ref: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    completed_at: Option<Timestamp>,
}

/// `None` for set-up sessions: they collect nothing and are read through their customer.
fn body<'a>(state: &State, id: Id<Session>, row: &'a Session) -> Option<Body<'a>> {
    let (entity_type, entity_id, entity_label) = match row.purpose {
        Purpose::Setup(_) => return None,
        Purpose::Activation(id) => {
            ("subscription", state.subscriptions.text(id), Some(state.subscriptions[id].name.to_string()))
        }
        Purpose::Invoice(id) => {
            ("invoice", state.invoices.text(id), state.invoices[id].number.map(|number| number.to_string()))
        }
        Purpose::Payment(id) => {
            ("payment", state.payments.text(id), state.payments[id].reference.as_deref().map(str::to_owned))
        }
    };
    // The reference exists once somebody has tried to pay.
    let tried = row.status == Status::Completed || row.decline.is_some();
    Some(Body {
        object: "payment_session",
        id: state.sessions.text(id),
        entity_type,
        entity_id,
        entity_label,
        amount: money::major(row.amount, &row.currency),
        currency: &row.currency,
        status: row.status,
        merchant_payment_account_id: None,
        provider_payment_ref: tried.then(|| provider_reference(state, id)),
        created_at: row.created_at,
        updated_at: row.updated_at,
        completed_at: row.completed_at,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    subscription_id: Option<String>,
    customer_id: Option<String>,
    status: Option<Status>,
    entity_type: Option<String>,
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let customer = filter.customer_id.as_deref().map(|id| state.customers.find(id));
    let subscription = filter.subscription_id.as_deref().map(|id| state.subscriptions.find(id));
    let rows = state.sessions.iter().filter(|(_, row)| {
        customer.is_none_or(|id| id.is_some() && id == row.customer)
            && subscription.is_none_or(|id| id.is_some() && id == subscription_of(state, row.purpose))
            && filter.status.is_none_or(|status| status == row.status)
            && merchant_of(state, row).is_none_or(|owner| mine(filter.merchant_id.as_deref(), owner))
    });
    let bodies = rows.filter_map(|(id, row)| body(state, id, row));
    let wanted = bodies.filter(|body| filter.entity_type.as_deref().is_none_or(|kind| kind == body.entity_type));
    Ok(Reply::ok(&envelope(call.paging(), wanted)))
}

/// A payment has a merchant of its own, since it may be nobody's; any other session has its customer's.
fn merchant_of<'a>(state: &'a State, row: &Session) -> Option<&'a str> {
    match row.purpose {
        Purpose::Payment(id) => Some(&state.payments[id].merchant),
        _ => row.customer.map(|id| &*state.customers[id].merchant),
    }
}

fn subscription_of(state: &State, purpose: Purpose) -> Option<Id<Subscription>> {
    match purpose {
        Purpose::Activation(id) => Some(id),
        Purpose::Invoice(id) => Some(state.invoices[id].subscription),
        Purpose::Payment(_) | Purpose::Setup(_) => None,
    }
}
