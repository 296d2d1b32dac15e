//! The tax ids of customers.
//!
//! Facts: paylera §2.1. One is looked up a little later; an invalid one marks its customer.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Customer, addressed, tell};
use crate::api::{Call, Fault, Reply};
use crate::providers::paylera::World;
use crate::providers::paylera::listing::list;
use crate::providers::paylera::notices::Notice;
use crate::providers::paylera::state::{Due, State};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

/// How long the look-up of a tax id takes; the vendor says only that it does not answer at once.
const LOOK_UP: Cadence = Cadence::seconds(5);

#[derive(Clone, Serialize, Deserialize)]
pub struct TaxId {
    customer: Id<Customer>,
    kind: Box<str>,
    value: Box<str>,
    status: Validity,
    created_at: Timestamp,
}

impl TaxId {
    pub fn is_invalid(&self) -> bool {
        self.status == Validity::Invalid
    }
}

impl Row for TaxId {
    const PREFIX: &'static str = "txi_";
    const NOUN: &'static str = "tax id";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Validity {
    Pending,
    Valid,
    Invalid,
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    customer_id: IdText,
    r#type: &'a str,
    value: &'a str,
    status: Validity,
    created_at: Timestamp,
}

pub fn body<'a>(state: &State, id: Id<TaxId>, row: &'a TaxId) -> Body<'a> {
    Body {
        id: state.tax_ids.text(id),
        object: "tax_id",
        customer_id: state.customers.text(row.customer),
        r#type: &row.kind,
        value: &row.value,
        status: row.status,
        created_at: row.created_at,
    }
}

pub fn list_of(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let own = &state.customers[addressed(state, call)?].tax_ids;
    list(call, own.iter().map(|id| (id.number(), json!(body(state, *id, &state.tax_ids[*id])))))
}

#[derive(Deserialize)]
struct Add {
    r#type: Box<str>,
    value: Box<str>,
}

pub fn add(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let customer = addressed(&world.state, call)?;
    let Add { r#type: kind, value } = call.input()?;
    let id = give(world, customer, kind, value);
    Ok(Reply::created(&body(&world.state, id, &world.state.tax_ids[id])))
}

/// Notes a tax id; it is looked up a little later.
pub fn give(world: &mut World, customer: Id<Customer>, kind: Box<str>, value: Box<str>) -> Id<TaxId> {
    let now = world.now(ClockId::WORLD);
    let row = TaxId { customer, kind, value, status: Validity::Pending, created_at: now };
    let id = world.state.tax_ids.insert(row);
    world.state.customers.update(customer, |row| {
        row.tax_ids.push(id);
        row.updated_at = now;
    });
    let due = LOOK_UP.after(now, 1).unwrap_or(Timestamp::MAX);
    world.set_timer(ClockId::WORLD, due, Due::TaxIdChecked(id));
    tell(world, customer, Notice::CustomerUpdated);
    id
}

pub fn remove(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let customer = addressed(&world.state, call)?;
    let id = call.row("tax_id", &world.state.tax_ids)?;
    if world.state.tax_ids[id].customer != customer {
        return Err(Fault::no_such(TaxId::NOUN, call.segment("tax_id")));
    }
    take(world, customer, id);
    Ok(Reply::none())
}

pub fn take(world: &mut World, customer: Id<Customer>, id: Id<TaxId>) {
    let now = world.now(ClockId::WORLD);
    world.state.tax_ids.remove(id);
    world.state.customers.update(customer, |row| {
        row.tax_ids.retain(|known| *known != id);
        row.updated_at = now;
    });
    tell(world, customer, Notice::CustomerUpdated);
}

/// The tax ids of a customer: kind and value.
pub fn of(state: &State, id: Id<Customer>) -> impl Iterator<Item = (Id<TaxId>, &str, &str)> {
    let own = state.customers[id].tax_ids.iter();
    own.filter_map(|id| state.tax_ids.get(*id).map(|row| (*id, &*row.kind, &*row.value)))
}

/// The look-up of a tax id has come back.
pub fn checked(world: &mut World, id: Id<TaxId>) {
    // It may have been removed meanwhile.
    let Some(row) = world.state.tax_ids.get(id) else { return };
    let customer = row.customer;
    let status = if is_well_formed(&row.kind, &row.value) { Validity::Valid } else { Validity::Invalid };
    world.state.tax_ids.update(id, |row| row.status = status);
    if status == Validity::Invalid {
        tell(world, customer, Notice::CustomerTaxIdInvalidated);
    }
}

/// No register is asked: a VAT number is valid if it has a country and 2 to 12 letters or digits; of other kinds
/// nothing is known.
fn is_well_formed(kind: &str, value: &str) -> bool {
    let Some((country, number)) = value.split_at_checked(2).filter(|_| kind == "eu_vat") else {
        return kind != "eu_vat";
    };
    country.bytes().all(|letter| letter.is_ascii_uppercase())
        && (2..=12).contains(&number.len())
        && number.bytes().all(|letter| letter.is_ascii_alphanumeric())
}
