//! Customers: no calls of their own; they come with checkouts and subscriptions.
//!
//! Facts: paymennt §1.6 (`id` is the gateway's, `reference` the merchant's own), §3.3 (found by e-mail or phone, else
//! made). Where the two mean different customers, the e-mail counts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::World;
use super::state::State;
use crate::world::{Id, IdText, Row};

/// What is known of a customer.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// The merchant's own id.
    #[serde(rename = "id")]
    pub reference: Option<Box<str>>,
    /// The name that the official client has for it (§2.0).
    #[serde(rename = "reference")]
    alias: Option<Box<str>>,
    pub first_name: Box<str>,
    pub last_name: Box<str>,
    pub email: Box<str>,
    pub phone: Option<Box<str>>,
}

impl Details {
    pub fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Customer(Arc<Details>);

impl Row for Customer {
    const PREFIX: &'static str = "";
    const NOUN: &'static str = "customer";
}

/// A customer as a checkout or a subscription has got to know them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    pub id: Id<Customer>,
    pub details: Arc<Details>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    id: IdText,
    reference: Option<&'a str>,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    phone: Option<&'a str>,
}

impl Seen {
    pub fn body<'a>(&'a self, state: &State) -> Body<'a> {
        let details = &*self.details;
        Body {
            id: state.customers.text(self.id),
            reference: details.reference.as_deref(),
            first_name: &details.first_name,
            last_name: &details.last_name,
            email: &details.email,
            phone: details.phone.as_deref(),
        }
    }
}

/// The customer who is meant, or a new one.
pub fn resolve(world: &mut World, mut details: Details) -> Seen {
    let said = |text: Option<Box<str>>| text.filter(|text| !text.trim().is_empty());
    details.reference = said(details.reference.take()).or_else(|| said(details.alias.take()));
    details.phone = said(details.phone.take());
    let (email, phone) = (handle(&details.email), details.phone.as_deref().map(handle));
    let state = &mut world.state;
    let by_phone = || phone.as_ref().and_then(|phone| state.customers_by_phone.get(phone));
    let found = state.customers_by_email.get(&email).or_else(by_phone).copied();
    let details = Arc::new(details);
    let id = match found {
        Some(id) => {
            state.customers.update(id, |row| row.0 = Arc::clone(&details));
            id
        }
        None => state.customers.insert(Customer(Arc::clone(&details))),
    };
    state.customers_by_email.insert(email, id);
    if let Some(phone) = phone {
        state.customers_by_phone.insert(phone, id);
    }
    Seen { id, details }
}

/// The customer with the gateway's id, as they were last seen.
pub fn known(state: &State, id: u64) -> Option<Seen> {
    let id = state.customers.find(&id.to_string())?;
    Some(Seen { id, details: Arc::clone(&state.customers[id].0) })
}

fn handle(text: &str) -> Arc<str> {
    Arc::from(text.trim().to_lowercase())
}

/// What a search says of the customer.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(rename = "customer.reference")]
    reference: Option<Box<str>>,
    #[serde(rename = "customer.email")]
    email: Option<Box<str>>,
    #[serde(rename = "customer.phone")]
    phone: Option<Box<str>>,
}

impl Wanted {
    pub fn holds(&self, seen: Option<&Seen>) -> bool {
        let details = seen.map(|seen| &*seen.details);
        let is = |wanted: Option<&str>, found: Option<&str>| wanted.is_none() || wanted == found;
        let email = details.map(|details| &*details.email);
        is(self.reference.as_deref(), details.and_then(|details| details.reference.as_deref()))
            && self.email.as_ref().is_none_or(|wanted| email.is_some_and(|email| email.eq_ignore_ascii_case(wanted)))
            && is(self.phone.as_deref(), details.and_then(|details| details.phone.as_deref()))
    }
}
