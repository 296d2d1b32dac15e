//! Making and changing customers.
//!
//! Facts: paygentic-behaviour §2.6 (fields, PATCH), §1.3 (the pair of consumer and merchant is the identity).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::consumers::{self, Consumer, ConsumerInput, ValidTaxAddress};
use super::{Customer, Notifications, TaxRates, addressed, body};
use crate::api::{Call, Fault, Patch, Reply, referred};
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::billable_metrics::Metric;
use crate::providers::paygentic::notices::Notice;
use crate::providers::paygentic::plans::Plan;
use crate::providers::paygentic::state::{HOUSE_MERCHANT, State};
use crate::world::{ClockId, Id, IdText, Row};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    consumer: Option<ConsumerInput>,
    consumer_id: Option<String>,
    #[serde(flatten)]
    terms: Terms,
}

/// What a merchant says of a customer, beside who it is.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Terms {
    tax_id: Option<Box<str>>,
    external_id: Option<Arc<str>>,
    tax_rates: TaxRates,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    customer_id: IdText,
    valid_tax_address: ValidTaxAddress,
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { merchant_id, consumer, consumer_id, terms } = call.input()?;
    check_rates(&terms.tax_rates)?;
    let merchant = world.state.merchant(&merchant_id);
    // A request that names a consumer and describes one means the one that it names.
    let consumer = match (consumer_id, consumer) {
        (Some(text), _) => referred(&world.state.consumers, "/consumerId", &text)?,
        (None, Some(input)) => consumers::ensure(world, input),
        (None, None) => return Err(Fault::field("/consumer", "required", "is needed, or consumerId")),
    };
    let (id, new) = of_consumer(world, merchant, consumer, terms)?;
    let created = Created {
        customer_id: world.state.customers.text(id),
        valid_tax_address: world.state.consumers[consumer].address.check(),
    };
    Ok(if new { Reply::created(&created) } else { Reply::ok(&created) })
}

/// Finds or makes the customer of a consumer, who is found by e-mail address.
///
/// # Errors
/// If another customer has the external id.
pub fn ensure(
    world: &mut World,
    merchant: &Arc<str>,
    mut input: ConsumerInput,
    external_id: Option<Arc<str>>,
) -> Result<Id<Customer>, Fault> {
    let terms = Terms { tax_rates: std::mem::take(&mut input.tax_rates), external_id, ..Terms::default() };
    let consumer = consumers::ensure(world, input);
    of_consumer(world, Arc::clone(merchant), consumer, terms).map(|(id, _)| id)
}

/// Finds or makes the customer of a consumer at a merchant; says whether it is new. One that is there already
/// keeps its terms.
fn of_consumer(
    world: &mut World,
    merchant: Arc<str>,
    consumer: Id<Consumer>,
    terms: Terms,
) -> Result<(Id<Customer>, bool), Fault> {
    let existing = of_pair(&world.state, consumer, &merchant);
    if let Some(external) = &terms.external_id {
        check_external_id(&world.state, &merchant, external, existing)?;
    }
    Ok(match existing {
        Some(existing) => (existing, false),
        None => (make(world, merchant, consumer, terms), true),
    })
}

/// The names under which a merchant's rows stand: its own and that of the starting world's rows.
fn names(merchant: &Arc<str>) -> [Arc<str>; 2] {
    [Arc::clone(merchant), Arc::from(HOUSE_MERCHANT)]
}

fn of_pair(state: &State, consumer: Id<Consumer>, merchant: &Arc<str>) -> Option<Id<Customer>> {
    names(merchant).into_iter().find_map(|name| state.customers_by_consumer.get(&(consumer, name)).copied())
}

fn make(world: &mut World, merchant: Arc<str>, consumer: Id<Consumer>, terms: Terms) -> Id<Customer> {
    let now = world.now(ClockId::WORLD);
    let id = world.state.customers.insert(Customer {
        merchant: Arc::clone(&merchant),
        consumer,
        tax_id: terms.tax_id,
        external_id: terms.external_id.clone(),
        tax_rates: terms.tax_rates,
        notifications: Notifications::default(),
        payment_methods: Vec::new(),
        created_at: now,
        updated_at: now,
        deleted_at: None,
    });
    world.state.customers_by_consumer.insert((consumer, Arc::clone(&merchant)), id);
    if let Some(external) = terms.external_id {
        world.state.customers_by_external_id.insert((merchant, external), id);
    }
    world.emit(ClockId::WORLD, Notice::CustomerCreated(id));
    id
}

/// An external id belongs to one customer of a merchant.
fn check_external_id(
    state: &State,
    merchant: &Arc<str>,
    external: &Arc<str>,
    but: Option<Id<Customer>>,
) -> Result<(), Fault> {
    let held = |name| state.customers_by_external_id.get(&(name, Arc::clone(external))).copied();
    let Some(holder) = names(merchant).into_iter().find_map(held).filter(|id| Some(*id) != but) else {
        return Ok(());
    };
    let message = format!("is the external id of {} already", state.customers.text(holder));
    Err(Fault::conflict("Another customer of this merchant has this externalId").with_violation(Violation::body(
        "/externalId",
        "unique",
        message,
    )))
}

/// A rate under any other key would never be used.
fn check_rates(rates: &TaxRates) -> Result<(), Fault> {
    let known = |key: &str| key == "default" || key.starts_with(Plan::PREFIX) || key.starts_with(Metric::PREFIX);
    let violation = |key: &str| {
        let message = format!("{key:?} is neither \"default\" nor the id of a plan or metric");
        Violation::body(format!("/taxRates/{key}"), "reference", message)
    };
    let violations: Vec<Violation> = rates.keys().filter(|key| !known(key)).map(|key| violation(key)).collect();
    if violations.is_empty() { Ok(()) } else { Err(Fault::violations(violations)) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    #[serde(default)]
    tax_id: Patch<Box<str>>,
    #[serde(default)]
    external_id: Patch<Arc<str>>,
    tax_rates: Option<Rates>,
    #[serde(default)]
    notification_settings: NotificationsInput,
}

/// A number is a rate for everything.
#[derive(Deserialize)]
#[serde(untagged)]
enum Rates {
    Default(rust_decimal::Decimal),
    By(TaxRates),
}

impl From<Rates> for TaxRates {
    fn from(rates: Rates) -> Self {
        match rates {
            Rates::Default(rate) => Self::from([("default".into(), rate)]),
            Rates::By(rates) => rates,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct NotificationsInput {
    invoice_issued: Option<bool>,
    invoice_paid: Option<bool>,
    renewal_reminder: Option<bool>,
}

impl NotificationsInput {
    fn apply(&self, row: &mut Notifications) {
        row.invoice_issued = self.invoice_issued.unwrap_or(row.invoice_issued);
        row.invoice_paid = self.invoice_paid.unwrap_or(row.invoice_paid);
        row.renewal_reminder = self.renewal_reminder.unwrap_or(row.renewal_reminder);
    }
}

/// Fields that are left out stay. `taxRates` is replaced as a whole: a rate could not be taken away otherwise.
pub(super) fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let Update { tax_id, external_id, tax_rates, notification_settings } = call.input()?;
    let tax_rates = tax_rates.map(TaxRates::from);
    if let Some(rates) = &tax_rates {
        check_rates(rates)?;
    }
    rename(&mut world.state, id, external_id)?;
    let now = world.now(ClockId::WORLD);
    world.state.customers.update(id, |row| {
        tax_id.apply(&mut row.tax_id);
        row.tax_rates = tax_rates.unwrap_or_else(|| std::mem::take(&mut row.tax_rates));
        notification_settings.apply(&mut row.notifications);
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id, &world.state.customers[id])))
}

/// Changes an external id and its index.
fn rename(state: &mut State, id: Id<Customer>, external: Patch<Arc<str>>) -> Result<(), Fault> {
    if external == Patch::Absent {
        return Ok(());
    }
    let merchant = Arc::clone(&state.customers[id].merchant);
    if let Patch::Value(wanted) = &external {
        check_external_id(state, &merchant, wanted, Some(id))?;
    }
    let (before, after) = state.customers.update(id, |row| {
        let before = row.external_id.clone();
        external.apply(&mut row.external_id);
        (before, row.external_id.clone())
    });
    if let Some(before) = before {
        state.customers_by_external_id.remove(&(Arc::clone(&merchant), before));
    }
    if let Some(after) = after {
        state.customers_by_external_id.insert((merchant, after), id);
    }
    Ok(())
}
