//! Customers.
//!
//! Facts: paylera §2.1. One who is deleted stays in the table, since subscriptions and invoices refer to it, and is gone
//! everywhere else.

pub mod tax_ids;

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::tax_ids::TaxId;
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::contract::Violation;
use crate::providers::paylera::affiliates::{self, Attribution};
use crate::providers::paylera::body::{Address, Metadata, MetadataPatch};
use crate::providers::paylera::listing::list;
use crate::providers::paylera::notices::Notice;
use crate::providers::paylera::payment_methods::{self, PaymentMethod};
use crate::providers::paylera::state::State;
use crate::providers::paylera::{Operation, World, invoices, portal_sessions};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listCustomers", "/v1/customers", list_all),
        write("createCustomer", Method::POST, "/v1/customers", create),
        read("getCustomer", "/v1/customers/{id}", get),
        write("updateCustomer", Method::PATCH, "/v1/customers/{id}", update),
        write("deleteCustomer", Method::DELETE, "/v1/customers/{id}", delete),
        read("listCustomerInvoices", "/v1/customers/{id}/invoices", list_invoices),
        write(
            "createBillingPortalSession",
            Method::POST,
            "/v1/customers/{id}/billing-portal-sessions",
            portal_sessions::create_for,
        ),
        read("listCustomerTaxIds", "/v1/customers/{id}/tax-ids", tax_ids::list_of),
        write("addCustomerTaxId", Method::POST, "/v1/customers/{id}/tax-ids", tax_ids::add),
        write("removeCustomerTaxId", Method::DELETE, "/v1/customers/{id}/tax-ids/{tax_id}", tax_ids::remove),
    ];
    Noun { name: "customers", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Customer {
    email: Box<str>,
    name: Option<Box<str>>,
    phone: Option<Box<str>>,
    billing_address: Option<Address>,
    shipping_address: Option<Address>,
    pub default_method: Option<Id<PaymentMethod>>,
    tax_ids: Vec<Id<TaxId>>,
    referral_code: Option<Box<str>>,
    /// Who has sent them.
    pub attribution: Option<Attribution>,
    metadata: Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

impl Row for Customer {
    const PREFIX: &'static str = "cus_";
    const NOUN: &'static str = "customer";
}

impl Customer {
    pub fn email(&self) -> &str {
        &self.email
    }
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    email: &'a str,
    name: Option<&'a str>,
    phone: Option<&'a str>,
    billing_address: Option<&'a Address>,
    shipping_address: Option<&'a Address>,
    default_payment_method_id: Option<IdText>,
    tax_ids: Vec<tax_ids::Body<'a>>,
    tax_id_invalid: bool,
    referral_code: Option<&'a str>,
    affiliate_id: Option<IdText>,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub fn body<'a>(state: &'a State, id: Id<Customer>, row: &'a Customer) -> Body<'a> {
    let known = row.tax_ids.iter().filter_map(|id| state.tax_ids.get(*id).map(|row| (*id, row)));
    Body {
        id: state.customers.text(id),
        object: "customer",
        email: &row.email,
        name: row.name.as_deref(),
        phone: row.phone.as_deref(),
        billing_address: row.billing_address.as_ref(),
        shipping_address: row.shipping_address.as_ref(),
        default_payment_method_id: row.default_method.map(|id| state.payment_methods.text(id)),
        tax_ids: known.clone().map(|(id, row)| tax_ids::body(state, id, row)).collect(),
        tax_id_invalid: known.into_iter().any(|(_, row)| row.is_invalid()),
        referral_code: row.referral_code.as_deref(),
        affiliate_id: row.attribution.map(|known| state.affiliates.text(known.affiliate)),
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The customer that the path means, unless it is deleted.
pub fn addressed(state: &State, call: &Call) -> Result<Id<Customer>, Fault> {
    let id = call.id(&state.customers)?;
    match state.customers[id].deleted_at {
        None => Ok(id),
        Some(at) => {
            let message = format!("this customer was deleted at {at}");
            let fault = Fault::no_such(Customer::NOUN, call.segment("id"));
            Err(fault.with_violation(Violation::path("id", "reference", message)))
        }
    }
}

/// Whether a customer is not deleted.
pub fn is_live(state: &State, id: Id<Customer>) -> bool {
    state.customers[id].deleted_at.is_none()
}

/// The customer that `customer_id` of a body means.
///
/// # Errors
/// Naming the field.
pub fn referred(state: &State, text: &str) -> Result<Id<Customer>, Fault> {
    let found = state.customers.find(text).filter(|id| is_live(state, *id));
    found.ok_or_else(|| {
        let message = format!("there is no customer {text:?} in this world");
        Fault::field("/customer_id", "reference", message)
    })
}

/// What a customer is called; by the address of their mail, if nothing else is known.
pub fn name(state: &State, id: Id<Customer>) -> &str {
    let row = &state.customers[id];
    row.name.as_deref().unwrap_or(&row.email)
}

/// Where a customer is billed.
pub fn country(state: &State, id: Id<Customer>) -> Option<&str> {
    state.customers[id].billing_address.as_ref().and_then(Address::country)
}

/// Who an invoice is for, line by line.
pub fn letterhead(state: &State, id: Id<Customer>) -> Vec<String> {
    let row = &state.customers[id];
    let mut lines: Vec<String> = row.name.iter().map(ToString::to_string).collect();
    lines.extend(row.billing_address.iter().flat_map(Address::lines));
    lines.push(row.email.to_string());
    lines.extend(tax_ids::of(state, id).map(|(_, _, value)| format!("Tax ID {value}")));
    lines
}

fn list_invoices(world: &World, call: &Call) -> Result<Reply, Fault> {
    let customer = addressed(&world.state, call)?;
    invoices::list_of(world, call, customer)
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let live = state.customers.iter().filter(|(_, row)| row.deleted_at.is_none());
    list(call, live.map(|(id, row)| (id.number(), json!(body(state, id, row)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(show(world, id))
}

fn show(world: &World, id: Id<Customer>) -> Reply {
    Reply::ok(&body(&world.state, id, &world.state.customers[id]))
}

#[derive(Deserialize)]
struct Create {
    email: Box<str>,
    name: Option<Box<str>>,
    phone: Option<Box<str>>,
    billing_address: Option<Address>,
    shipping_address: Option<Address>,
    referral_code: Option<Box<str>>,
    #[serde(default)]
    metadata: Metadata,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let now = world.now(ClockId::WORLD);
    let referral = wanted.referral_code.as_deref().map(|code| affiliates::referred(&world.state, code, now));
    let attribution = referral.transpose()?;
    let id = world.state.customers.insert(Customer {
        email: wanted.email,
        name: wanted.name,
        phone: wanted.phone,
        billing_address: wanted.billing_address,
        shipping_address: wanted.shipping_address,
        default_method: None,
        tax_ids: Vec::new(),
        referral_code: wanted.referral_code,
        attribution,
        metadata: wanted.metadata.checked()?,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    });
    Ok(Reply::created(&body(&world.state, id, &world.state.customers[id])))
}

#[derive(Deserialize)]
struct Update {
    email: Option<Box<str>>,
    #[serde(default)]
    name: Patch<Box<str>>,
    #[serde(default)]
    phone: Patch<Box<str>>,
    #[serde(default)]
    billing_address: Patch<Address>,
    #[serde(default)]
    shipping_address: Patch<Address>,
    #[serde(default)]
    default_payment_method_id: Patch<String>,
    #[serde(default)]
    metadata: MetadataPatch,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let wanted: Update = call.input()?;
    let default_method = match &wanted.default_payment_method_id {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Value(method) => Patch::Value(payment_methods::owned(&world.state, id, method).ok_or_else(|| {
            let message = format!("there is no payment method {method:?} of this customer");
            Fault::field("/default_payment_method_id", "reference", message)
        })?),
    };
    let now = world.now(ClockId::WORLD);
    world.state.customers.update(id, |row| {
        if let Some(email) = wanted.email {
            row.email = email;
        }
        wanted.name.apply(&mut row.name);
        wanted.phone.apply(&mut row.phone);
        wanted.billing_address.apply(&mut row.billing_address);
        wanted.shipping_address.apply(&mut row.shipping_address);
        default_method.apply(&mut row.default_method);
        row.updated_at = now;
        row.metadata.merge(wanted.metadata)
    })?;
    tell(world, id, Notice::CustomerUpdated);
    Ok(show(world, id))
}

/// Whoever still subscribes is not deleted: somebody would be billed who is not there.
fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let mut own = world.state.subscriptions.iter().filter(|(_, row)| row.customer == id);
    if let Some((running, _)) = own.find(|(_, row)| !row.status.is_terminal()) {
        let message = format!("This customer still has a subscription, {}", world.state.subscriptions.text(running));
        return Err(Fault::conflict(message).with_code("customer.has_subscriptions"));
    }
    let now = world.now(ClockId::WORLD);
    world.state.customers.update(id, |row| row.deleted_at = Some(now));
    Ok(Reply::none())
}

/// Makes a payment method the default, or none; whichever was it before is no longer. Whether that changes anything:
/// then the customer is [`updated`], once the method's own event is out.
pub fn set_default_method(world: &mut World, id: Id<Customer>, method: Option<Id<PaymentMethod>>) -> bool {
    if world.state.customers[id].default_method == method {
        return false;
    }
    let now = world.now(ClockId::WORLD);
    world.state.customers.update(id, |row| {
        row.default_method = method;
        row.updated_at = now;
    });
    true
}

pub fn updated(world: &mut World, id: Id<Customer>) {
    tell(world, id, Notice::CustomerUpdated);
}

/// Where a customer is billed, as it stands in a form.
pub fn billing_address(state: &State, id: Id<Customer>) -> Address {
    state.customers[id].billing_address.clone().unwrap_or_default()
}

pub fn move_to(world: &mut World, id: Id<Customer>, address: Address) {
    let now = world.now(ClockId::WORLD);
    world.state.customers.update(id, |row| {
        row.billing_address = Some(address);
        row.updated_at = now;
    });
    tell(world, id, Notice::CustomerUpdated);
}

fn tell(world: &mut World, id: Id<Customer>, notice: fn(Id<Customer>, Arc<Customer>) -> Notice) {
    let row = Arc::clone(&world.state.customers[id]);
    world.emit(ClockId::WORLD, notice(id, row));
}
