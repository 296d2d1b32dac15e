//! Searching checkouts, oldest first.
//!
//! Facts: paymennt §2.1 (filters), §1.6 (ids grow, so `afterId` is a place in the list; exclusive by inference).

use serde::Deserialize;

use super::{Checkout, Kind, Status, body};
use crate::api::{Call, Fault, Reply};
use crate::providers::paymennt::World;
use crate::providers::paymennt::body::{instant, listed, page};
use crate::providers::paymennt::customers;
use crate::world::{Id, Row, Table};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    request_id: Option<Box<str>>,
    order_id: Option<Box<str>>,
    #[serde(flatten)]
    customer: customers::Wanted,
}

pub fn search(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let Filter { request_id, order_id, customer } = call.filter()?;
    let statuses = listed(call, "status", &Status::ALL.map(|(_, wire, _)| wire))?;
    let kinds = listed(call, "type", &Kind::NAMES)?;
    let after = instant(call, "afterTimestamp")?;
    let is_one = |wanted: Option<&Vec<&str>>, found: &str| {
        wanted.is_none_or(|wanted| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(found)))
    };
    let wanted = |row: &Checkout| {
        request_id.as_deref().is_none_or(|wanted| wanted == &*row.request_id)
            && order_id.as_deref().is_none_or(|wanted| wanted == &*row.order_id)
            && is_one(statuses.as_ref(), row.status.wire())
            && is_one(kinds.as_ref(), row.kind.name())
            && after.is_none_or(|after| row.created_at > after)
            && customer.holds(row.customer.as_ref())
    };
    let rows = later(&state.checkouts, call).filter(|(_, row)| wanted(row));
    page(call, rows, |(id, row)| body(state, id, row, call.site))
}

/// The rows behind the one that `afterId` names, or all.
pub fn later<'t, T: Row>(table: &'t Table<T>, call: &Call) -> impl Iterator<Item = (Id<T>, &'t T)> {
    let after = call.query.get("afterId").and_then(serde_json::Value::as_u64);
    let is_later = move |id: Id<T>| {
        after.is_none_or(|after| table.text(id).as_str().parse().is_ok_and(|number: u64| number > after))
    };
    table.iter().filter(move |(id, _)| is_later(*id)).map(|(id, row)| (id, &**row))
}
