//! Customers: links between a merchant and a consumer, and the consumer's payment methods.
//!
//! Facts: paygentic-behaviour §2.6, §1.3 (200 for a pair that exists). Customers live on the world's own clock.
//! One that is deleted stays in its table, since subscriptions and invoices refer to it, and is gone everywhere
//! else.

mod authorization;
mod consumers;
mod delete;
mod edit;
mod methods;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::authorization::{Accepted, Authorization, accept};
use self::consumers::ValidTaxAddress;
pub use self::consumers::{Address, Consumer, ConsumerInput, is_country, read_input};
pub use self::edit::ensure;
pub use self::methods::{PaymentMethod, keep_card, open_set_up, prefer_method, remove_method, save_method};
use super::body::list as envelope;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listCustomers", "/v0/customers", list),
        write("createCustomer", Method::POST, "/v0/customers", edit::create),
        write("authorizeCustomer", Method::POST, "/v0/customers/authorization", authorization::create),
        read("getCustomer", "/v0/customers/{id}", get),
        write("updateCustomer", Method::PATCH, "/v0/customers/{id}", edit::update),
        write("deleteCustomer", Method::DELETE, "/v0/customers/{id}", delete::delete),
        read("listCustomerPaymentMethods", "/v0/customers/{id}/paymentMethods", methods::list),
        write("createCustomerPaymentMethod", Method::POST, "/v0/customers/{id}/paymentMethods", methods::set_up),
    ];
    Noun { name: "customers", operations }
}

/// Percent by plan id, metric id or `default`.
pub type TaxRates = BTreeMap<Box<str>, Decimal>;

#[derive(Clone, Serialize, Deserialize)]
pub struct Customer {
    pub merchant: Arc<str>,
    pub consumer: Id<Consumer>,
    pub tax_id: Option<Box<str>>,
    pub external_id: Option<Arc<str>>,
    pub tax_rates: TaxRates,
    pub notifications: Notifications,
    /// Newest last, unless the customer prefers another; the last is charged.
    pub payment_methods: Vec<Id<PaymentMethod>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}

/// Which e-mails the customer gets. All, unless it is said otherwise (the default is not published).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    pub invoice_issued: bool,
    pub invoice_paid: bool,
    pub renewal_reminder: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { invoice_issued: true, invoice_paid: true, renewal_reminder: true }
    }
}

impl Row for Customer {
    const PREFIX: &'static str = "cus_";
    const NOUN: &'static str = "customer";
}

/// The customer that an id from the wire means, unless it is deleted.
pub fn live(state: &State, text: &str) -> Option<Id<Customer>> {
    state.customers.find(text).filter(|id| state.customers[*id].deleted_at.is_none())
}

/// The customer that a field of the body means, unless it is deleted.
pub fn referred(state: &State, pointer: &str, text: &str) -> Result<Id<Customer>, Fault> {
    let id = crate::api::referred(&state.customers, pointer, text)?;
    match state.customers[id].deleted_at {
        None => Ok(id),
        Some(at) => {
            let message = format!("this customer was deleted at {at}");
            Err(Fault::no_such(Customer::NOUN, text).with_violation(Violation::body(pointer, "reference", message)))
        }
    }
}

/// The customer that the path means, unless it is deleted.
fn addressed(state: &State, call: &Call) -> Result<Id<Customer>, Fault> {
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    object: &'static str,
    id: IdText,
    consumer_id: IdText,
    merchant_id: &'a str,
    organization: Organization<'a>,
    tax_id: Option<&'a str>,
    external_id: Option<&'a str>,
    tax_rates: BTreeMap<&'a str, f64>,
    notification_settings: Notifications,
    valid_tax_address: ValidTaxAddress,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Organization<'a> {
    id: IdText,
    name: &'a str,
    address: &'a Address,
    billing_emails: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

fn body<'a>(state: &'a State, id: Id<Customer>, row: &'a Customer) -> Body<'a> {
    let consumer = &state.consumers[row.consumer];
    let percent = |rate: &Decimal| f64::try_from(*rate).unwrap_or_default();
    Body {
        object: "customer",
        id: state.customers.text(id),
        consumer_id: state.consumers.text(row.consumer),
        merchant_id: &row.merchant,
        organization: Organization {
            id: state.consumers.text(row.consumer),
            name: &consumer.name,
            address: &consumer.address,
            billing_emails: [&consumer.email],
            phone: consumer.phone.as_deref(),
        },
        tax_id: row.tax_id.as_deref(),
        external_id: row.external_id.as_deref(),
        tax_rates: row.tax_rates.iter().map(|(key, rate)| (&**key, percent(rate))).collect(),
        notification_settings: row.notifications,
        valid_tax_address: consumer.address.check(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// What `customer.created.v0` says: the customer as it is read, and its id under the name that other
/// payloads use.
pub fn created_data(state: &State, id: Id<Customer>) -> Value {
    let mut data = json!(body(state, id, &state.customers[id]));
    data["customerId"] = data["id"].clone();
    data
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    organization_id: String,
    name: Option<String>,
    email: Option<String>,
    external_id: Option<String>,
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let (name, email) = (filter.name.map(|text| text.to_lowercase()), filter.email.map(|text| text.to_lowercase()));
    let contains = |text: &str, part: Option<&str>| part.is_none_or(|part| text.to_lowercase().contains(part));
    let rows = state.customers.iter().filter(|(_, row)| {
        let consumer = &state.consumers[row.consumer];
        row.deleted_at.is_none()
            && mine(Some(&filter.organization_id), &row.merchant)
            && filter.external_id.as_deref().is_none_or(|wanted| row.external_id.as_deref() == Some(wanted))
            && contains(&consumer.name, name.as_deref())
            && contains(&consumer.email, email.as_deref())
    });
    Ok(Reply::ok(&envelope(call.paging(), rows).map(|(id, row)| body(state, id, row))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(Reply::ok(&body(&world.state, id, &world.state.customers[id])))
}
