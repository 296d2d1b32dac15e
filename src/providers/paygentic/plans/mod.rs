//! Plans: a product's prices in one currency and cadence, with versions.
//!
//! Facts: paygentic-behaviour §2.5. The lines of a version stand in `lines`. A subscription takes over cadence and
//! anchor when it is made; tax, reminders and names are read from the plan whenever they are needed.

mod body;
mod credits;
mod lines;
mod versions;

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use iso_currency::Currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::body::body;
pub use self::credits::Allocation;
use self::credits::AllocationInput;
use self::lines::LineInput;
pub use self::versions::numbered;
use super::body::bare_list;
use super::customers::Customer;
use super::prices::Price;
use super::products::Product;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, referred, write};
use crate::billing::tax::Behaviour;
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, Row};

const MONTHLY: Cadence = Cadence::months(1);
const QUARTERLY: Cadence = Cadence::months(3);
const YEARLY: Cadence = Cadence::months(12);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createPlan", Method::POST, "/v0/plans", create),
        read("listPlans", "/v0/plans", list),
        read("listAvailablePlans", "/v0/plans/available", available),
        read("getPlan", "/v0/plans/{id}", get),
        write("updatePlan", Method::PATCH, "/v0/plans/{id}", update),
        read("listPlanVersions", "/v0/plans/{id}/versions", versions::list),
        write("mintPlanVersion", Method::POST, "/v0/plans/{id}/versions", versions::mint),
        read("getPlanVersion", "/v0/plans/{id}/versions/{versionNumber}", versions::get),
        write("transitionPlanVersion", Method::PATCH, "/v0/plans/{id}/versions/{versionNumber}", versions::transition),
    ];
    Noun { name: "plans", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Plan {
    pub merchant: Arc<str>,
    pub product: Id<Product>,
    pub name: Arc<str>,
    pub currency: Arc<str>,
    pub cadence: Cadence,
    pub description: Option<Box<str>>,
    pub invoice_display_name: Option<Box<str>>,
    pub tax_code: Box<str>,
    /// Percent.
    pub tax_rate: Decimal,
    pub tax_behaviour: Behaviour,
    pub reminder: Reminder,
    /// Aligns the periods of all subscriptions; `None`: each has its own start.
    pub anchor: Option<Timestamp>,
    pub stable_price_ids: bool,
    pub transition: Value,
    pub default_version: Id<PlanVersion>,
    /// What a subscription is given to draw on, a pricing unit once.
    pub allocations: Vec<Allocation>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Whether and how many days before a renewal the customer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    pub enabled: bool,
    pub days: u32,
}

impl Row for Plan {
    const PREFIX: &'static str = "plan_";
    const NOUN: &'static str = "plan";
}

/// The lines of a plan at one time. Subscriptions are pinned to one, or float with the default.
#[derive(Clone, Serialize, Deserialize)]
pub struct PlanVersion {
    pub plan: Id<Plan>,
    pub number: u32,
    pub lines: Vec<PlanLine>,
    pub based_on: Option<Id<PlanVersion>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct PlanLine {
    /// Names the line for the plan's life.
    pub key: Arc<str>,
    pub price: Id<Price>,
}

impl Row for PlanVersion {
    const PREFIX: &'static str = "pver_";
    const NOUN: &'static str = "plan version";
}

/// The older name of a plan's cadence.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Interval {
    Monthly,
    Quarterly,
    Yearly,
    Annual,
}

impl Interval {
    fn cadence(self) -> Cadence {
        match self {
            Self::Monthly => MONTHLY,
            Self::Quarterly => QUARTERLY,
            Self::Yearly | Self::Annual => YEARLY,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    product_id: String,
    name: Arc<str>,
    currency: Arc<str>,
    billing_cadence: Option<Cadence>,
    billing_interval: Option<Interval>,
    description: Option<Box<str>>,
    invoice_display_name: Option<Box<str>>,
    default_tax_code: Box<str>,
    default_tax_rate: Decimal,
    tax_behavior: Behaviour,
    renewal_reminder_enabled: bool,
    renewal_reminder_days: u32,
    billing_anchor: Option<Timestamp>,
    stable_price_ids: bool,
    version_transition: Option<Value>,
    #[serde(default)]
    prices: Vec<LineInput>,
    #[serde(default)]
    credit_allocations: Vec<AllocationInput>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let now = world.now(ClockId::WORLD);
    check_fields(wanted.billing_anchor, now, Some(&wanted.currency))?;
    let product = referred(&world.state.products, "/productId", &wanted.product_id)?;
    let allocations = credits::read(&world.state, &wanted.credit_allocations)?;
    let lines = lines::read(&world.state, &wanted.prices, &[])?;
    let state = &mut world.state;
    let merchant = state.merchant(&wanted.merchant_id);
    let named = wanted.billing_interval.map(Interval::cadence);
    let id = state.plans.insert(Plan {
        merchant,
        product,
        name: wanted.name,
        currency: wanted.currency,
        cadence: wanted.billing_cadence.or(named).unwrap_or(MONTHLY),
        description: wanted.description,
        invoice_display_name: wanted.invoice_display_name,
        tax_code: wanted.default_tax_code,
        tax_rate: wanted.default_tax_rate,
        tax_behaviour: wanted.tax_behavior,
        reminder: Reminder { enabled: wanted.renewal_reminder_enabled, days: wanted.renewal_reminder_days },
        anchor: wanted.billing_anchor,
        stable_price_ids: wanted.stable_price_ids,
        transition: wanted.version_transition.unwrap_or_else(default_transition),
        default_version: state.plan_versions.next_id(),
        allocations,
        created_at: now,
        updated_at: now,
    });
    let first = PlanVersion { plan: id, number: 1, lines, based_on: None, created_at: now, updated_at: now };
    state.plan_versions.insert(first);
    Ok(Reply::created(&body(state, id, &state.plans[id])))
}

fn default_transition() -> Value {
    json!({ "effectiveDate": "end_of_current_period", "proration": "none" })
}

/// What the fields alone can break. A new anchor must have come; one that a plan has stays right when the
/// world's clock is turned back.
fn check_fields(anchor: Option<Timestamp>, now: Timestamp, currency: Option<&str>) -> Result<(), Fault> {
    let mut wrong = Vec::new();
    if let Some(code) = currency.filter(|code| Currency::from_code(code).is_none()) {
        let message = format!("{code:?} is not a currency of ISO 4217, such as USD, EUR or GBP");
        wrong.push(Violation::body("/currency", "enum", message));
    }
    if let Some(anchor) = anchor.filter(|anchor| *anchor > now) {
        let message = format!("{anchor} is after now ({now}): an anchor lies in the past, periods are counted from it");
        wrong.push(Violation::body("/billingAnchor", "maximum", message));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    product_id: Option<String>,
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let product = filter.product_id.as_deref().map(|text| state.products.find(text));
    let kept = |row: &Plan| {
        mine(filter.merchant_id.as_deref(), &row.merchant) && product.is_none_or(|product| product == Some(row.product))
    };
    let rows = state.plans.iter().filter(|(_, row)| kept(row));
    Ok(Reply::ok(&bare_list(call.paging(), rows).map(|(id, row)| body(state, id, row))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    customer_id: String,
    product_id: Option<String>,
    search: Option<String>,
}

/// What a customer could still subscribe to: no plan of a product that it has a live subscription to.
fn available(world: &World, call: &Call) -> Result<Reply, Fault> {
    let Offer { customer_id, product_id, search } = call.filter()?;
    let state = &world.state;
    let Some(customer) = state.customers.find(&customer_id) else {
        let violation = Violation::query("customerId", "reference", "there is no customer with this id in this world");
        return Err(Fault::no_such(Customer::NOUN, &customer_id).with_violation(violation));
    };
    let subscriptions = state.subscriptions_by_customer.get(&customer).into_iter().flatten();
    let live = subscriptions.map(|id| &state.subscriptions[*id]).filter(|row| row.is_live());
    let taken: BTreeSet<Id<Product>> = live.map(|row| state.plans[row.plan].product).collect();
    let product = product_id.as_deref().map(|text| state.products.find(text));
    let search = search.map(|text| text.to_lowercase());
    let kept = |row: &Plan| {
        !taken.contains(&row.product)
            && product.is_none_or(|product| product == Some(row.product))
            && search.as_ref().is_none_or(|search| row.name.to_lowercase().contains(search))
    };
    let rows = state.plans.iter().filter(|(_, row)| kept(row));
    Ok(Reply::ok(&bare_list(call.paging(), rows).map(|(id, row)| body(state, id, row))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.plans)?;
    Ok(Reply::ok(&body(&world.state, id, &world.state.plans[id])))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    name: Option<Arc<str>>,
    billing_cadence: Option<Cadence>,
    billing_interval: Option<Interval>,
    description: Option<Box<str>>,
    invoice_display_name: Option<Box<str>>,
    default_tax_code: Option<Box<str>>,
    default_tax_rate: Option<Decimal>,
    tax_behavior: Option<Behaviour>,
    renewal_reminder_enabled: Option<bool>,
    renewal_reminder_days: Option<u32>,
    #[serde(default)]
    billing_anchor: Patch<Timestamp>,
    stable_price_ids: Option<bool>,
    version_transition: Option<Value>,
    prices: Option<Vec<LineInput>>,
    credit_allocations: Option<Vec<AllocationInput>>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.plans)?;
    let wanted: Update = call.input()?;
    let now = world.now(ClockId::WORLD);
    let anchor = match wanted.billing_anchor {
        Patch::Value(at) => Some(at).filter(|at| world.state.plans[id].anchor != Some(*at)),
        Patch::Absent | Patch::Null => None,
    };
    check_fields(anchor, now, None)?;
    let allocations =
        wanted.credit_allocations.as_deref().map(|wanted| credits::read(&world.state, wanted)).transpose()?;
    if let Some(prices) = &wanted.prices {
        lines::replace(&mut world.state, id, prices, now)?;
    }
    world.state.plans.update(id, |row| {
        set(&mut row.allocations, allocations);
        apply(row, wanted, now);
    });
    Ok(Reply::ok(&body(&world.state, id, &world.state.plans[id])))
}

fn apply(row: &mut Plan, wanted: Update, now: Timestamp) {
    let named = wanted.billing_interval.map(Interval::cadence);
    row.cadence = wanted.billing_cadence.or(named).unwrap_or(row.cadence);
    set(&mut row.name, wanted.name);
    row.description = wanted.description.or(row.description.take());
    row.invoice_display_name = wanted.invoice_display_name.or(row.invoice_display_name.take());
    set(&mut row.tax_code, wanted.default_tax_code);
    set(&mut row.tax_rate, wanted.default_tax_rate);
    set(&mut row.tax_behaviour, wanted.tax_behavior);
    set(&mut row.reminder.enabled, wanted.renewal_reminder_enabled);
    set(&mut row.reminder.days, wanted.renewal_reminder_days);
    wanted.billing_anchor.apply(&mut row.anchor);
    set(&mut row.stable_price_ids, wanted.stable_price_ids);
    set(&mut row.transition, wanted.version_transition);
    row.updated_at = now;
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
