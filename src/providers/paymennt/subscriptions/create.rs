//! Making subscriptions.
//!
//! Facts: paymennt §3.2 (fields), §3.3 (customer), §3.4 (what `sendEvery` means), §3.6 and §3.7 (dates).

use std::sync::Arc;

use jiff::civil::{Date, Time};
use serde::Deserialize;

use super::cycle::{await_end, await_next, send};
use super::{Every, Policy, Status, Subscription, Unit, show};
use crate::api::{Call, Fault, Reply};
use crate::contract::Violation;
use crate::providers::paymennt::World;
use crate::providers::paymennt::body::{Address, Amount};
use crate::providers::paymennt::customers::{self, Details, Seen};
use crate::time::{Cadence, Grid, Timestamp};
use crate::world::ClockId;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    description: Arc<str>,
    currency: Arc<str>,
    amount: Amount,
    customer_id: Option<u64>,
    customer: Option<Details>,
    start_date: Date,
    end_date: Option<Date>,
    send_on_hour: i8,
    send_every: Often,
    billing_address: Option<Address>,
    delivery_address: Option<Address>,
    return_url: Option<Arc<str>>,
    #[serde(default)]
    cancellation_policy_type: Policy,
    custom_cancellation_terms: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Often {
    Day,
    Week,
    TwoWeeks,
    Month,
    TwoMonths,
    ThreeMonths,
    SixMonths,
    Year,
}

impl Often {
    /// As a period that the answer shows, and as one that can be reckoned with. There is no unit of years.
    fn every(self) -> (Every, Cadence) {
        let (period, unit, cadence) = match self {
            Self::Day => (1, Unit::Days, Cadence::days(1)),
            Self::Week => (1, Unit::Weeks, Cadence::days(7)),
            Self::TwoWeeks => (2, Unit::Weeks, Cadence::days(14)),
            Self::Month => (1, Unit::Months, Cadence::months(1)),
            Self::TwoMonths => (2, Unit::Months, Cadence::months(2)),
            Self::ThreeMonths => (3, Unit::Months, Cadence::months(3)),
            Self::SixMonths => (6, Unit::Months, Cadence::months(6)),
            Self::Year => (12, Unit::Months, Cadence::months(12)),
        };
        (Every { period, unit }, cadence)
    }
}

pub fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let amount = wanted.amount.checked("/amount")?;
    if wanted.end_date.is_some_and(|end| end < wanted.start_date) {
        return Err(Fault::field("/endDate", "order", "lies before startDate"));
    }
    let anchor = Timestamp::from_civil(wanted.start_date.to_datetime(Time::constant(wanted.send_on_hour, 0, 0, 0)))
        .ok_or_else(|| Fault::field("/startDate", "range", "lies outside the calendar"))?;
    let customer = customer(world, wanted.customer_id, wanted.customer)?;
    let (every, cadence) = wanted.send_every.every();
    let created_at = world.now(ClockId::WORLD);
    let id = world.state.subscriptions.insert(Subscription {
        description: wanted.description,
        currency: wanted.currency,
        amount,
        status: Status::Active,
        customer,
        start: wanted.start_date,
        end: wanted.end_date,
        send_on_hour: wanted.send_on_hour,
        every,
        policy: wanted.cancellation_policy_type,
        terms: wanted.custom_cancellation_terms,
        billing: wanted.billing_address.map(Arc::new),
        delivery: wanted.delivery_address.map(Arc::new),
        return_url: wanted.return_url,
        grid: Grid { anchor, cadence },
        created_at,
    });
    if anchor <= created_at {
        // It began already: the first link goes out at once, the others when the grid says so.
        send(world, id);
    }
    await_next(world, id);
    await_end(world, id);
    Ok(show(world, id))
}

/// By the gateway's id, else by e-mail or phone, else a new one.
fn customer(world: &mut World, id: Option<u64>, details: Option<Details>) -> Result<Seen, Fault> {
    match (id.filter(|id| *id > 0), details) {
        (Some(id), _) => customers::known(&world.state, id).ok_or_else(|| {
            let advice = "is no customer of this world: it is the id that answers show as customer.id";
            let violation = Violation::body("/customerId", "reference", advice);
            Fault::bad_request("Customer not found for API merchant").with_violation(violation)
        }),
        (None, Some(details)) => Ok(customers::resolve(world, details)),
        (None, None) => {
            Err(Fault::field("/customer", "required", "is missing, and so is customerId: one of them is needed"))
        }
    }
}
