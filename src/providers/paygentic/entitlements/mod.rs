//! Entitlements: what a customer has access to, and how much of it is left.
//!
//! Facts: paygentic-behaviour §2.10. A subscription brings those of its prices (`provision`); others are issued. None
//! is ever ended or reset by a timer: status, balance and access follow from rows, events and the instant that is
//! asked about (`account`).

mod account;
mod provision;
mod terms;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

pub use self::account::{Allowed, allowed};
pub use self::provision::{align, provision, reconcile};
pub use self::terms::{Attached, Metered, Terms, reset_interval};
use super::billable_metrics::Metric;
use super::body::{list, number};
use super::customers::{self, Customer};
use super::features::{self, Feature, Metadata};
use super::grants::{self, Grant, Purchase};
use super::prices::Price;
use super::pricing_units::{self, PricingUnit};
use super::products::Product;
use super::state::{State, mine};
use super::subscriptions::{Status as SubscriptionStatus, Subscription};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, referred, write};
use crate::billing::period::Window;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listEntitlements", "/v1/entitlements", index),
        write("issueEntitlement", Method::POST, "/v1/entitlements", issue),
        read("getEntitlement", "/v1/entitlements/{entitlementId}", get),
    ];
    Noun { name: "entitlements", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Entitlement {
    pub customer: Id<Customer>,
    pub feature: Id<Feature>,
    pub subscription: Option<Id<Subscription>>,
    /// The subscription's, else the world's.
    pub clock: ClockId,
    pub terms: Terms,
    /// The credits that it is about, where it is not about units of its own: it shows what the customer has of them.
    pub unit: Option<Id<PricingUnit>>,
    /// What draws on it, as the subscription's prices said when it was provided. Empty: what the feature's prices say.
    pub metrics: Vec<Id<Metric>>,
    pub active_from: Timestamp,
    pub active_to: Option<Timestamp>,
    /// When its subscription lost the feature. That the subscription itself has ended is not kept here.
    pub canceled_at: Option<Timestamp>,
    /// Brought by its subscription's prices, not issued by hand.
    pub provided: bool,
    pub grants: Vec<Id<Grant>>,
    pub purchases: Vec<Id<Purchase>>,
    pub metadata: Metadata,
}

impl Row for Entitlement {
    const PREFIX: &'static str = "ent_";
    const NOUN: &'static str = "entitlement";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Canceled,
    Expired,
}

impl Entitlement {
    /// When something other than its own term ends it, as far as that is known.
    fn cancellation(&self, state: &State) -> Option<Timestamp> {
        let ends = self.subscription.and_then(|id| state.subscriptions[id].end());
        self.canceled_at.into_iter().chain(ends).min()
    }

    /// From its start to its end.
    fn life(&self, state: &State) -> Window {
        let end = self.active_to.into_iter().chain(self.cancellation(state)).min().unwrap_or(Timestamp::MAX);
        Window { start: self.active_from, end: end.max(self.active_from) }
    }

    pub fn status(&self, state: &State, at: Timestamp) -> Status {
        let end = self.life(state).end;
        match self.cancellation(state) {
            _ if at < end => Status::Active,
            Some(canceled) if canceled <= end => Status::Canceled,
            _ => Status::Expired,
        }
    }
}

/// Opens an entitlement. Metered terms that issue something come with their grant.
fn open(world: &mut World, row: Entitlement) -> Id<Entitlement> {
    let (customer, terms, from) = (row.customer, row.terms.clone(), row.active_from);
    let id = world.state.entitlements.insert(row);
    world.state.entitlements_by_customer.entry(customer).or_default().push_back(id);
    if let Terms::Metered(metered) = terms
        && !metered.issue.is_zero()
    {
        grants::issue(world, id, &metered, from);
    }
    id
}

/// The entitlements of a customer, oldest first.
pub fn of_customer(state: &State, customer: Id<Customer>) -> impl Iterator<Item = (Id<Entitlement>, &Entitlement)> {
    let owned = state.entitlements_by_customer.get(&customer).into_iter().flatten();
    owned.map(|id| (*id, &*state.entitlements[*id]))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    /// How a list calls the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlement_id: Option<IdText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<IdText>,
    customer_id: IdText,
    feature_id: IdText,
    feature_key: &'a str,
    feature_type: features::Kind,
    product_id: IdText,
    subscription_id: Option<IdText>,
    status: Status,
    active_from: Timestamp,
    active_to: Option<Timestamp>,
    has_access: bool,
    metadata: &'a Metadata,
    config: Option<&'a Map<String, Value>>,
    #[serde(flatten)]
    units: Option<Units>,
}

/// What is metered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Units {
    is_soft_limit: bool,
    balance: Number,
    usage_in_period: Number,
    overage: Number,
    pricing_unit_id: Option<IdText>,
    current_period_start: Option<Timestamp>,
    current_period_end: Option<Timestamp>,
}

/// An entitlement at an instant.
fn body(state: &State, id: Id<Entitlement>, at: Timestamp) -> Body<'_> {
    let row = &state.entitlements[id];
    let feature = &state.features[row.feature];
    let status = row.status(state, at);
    let active = status == Status::Active && row.active_from <= at;
    let (feature_type, config, units, has_access) = match &row.terms {
        Terms::Boolean => (features::Kind::Boolean, None, None, active),
        Terms::Static(config) => (features::Kind::Static, Some(config), None, active),
        Terms::Metered(metered) => {
            let standing = account::standing(state, row, metered, at);
            let has_access = active && (metered.is_soft || !standing.balance.is_zero());
            let period = metered.period.map(|_| standing.period);
            let units = Units {
                is_soft_limit: metered.is_soft,
                balance: number(standing.balance),
                usage_in_period: number(standing.usage),
                overage: number(standing.overage),
                pricing_unit_id: row.unit.map(|unit| state.pricing_units.text(unit)),
                current_period_start: period.map(|period| period.start),
                current_period_end: period.map(|period| period.end),
            };
            (features::Kind::Metered, None, Some(units), has_access)
        }
    };
    Body {
        entitlement_id: None,
        object: Some("entitlement"),
        id: Some(state.entitlements.text(id)),
        customer_id: state.customers.text(row.customer),
        feature_id: state.features.text(row.feature),
        feature_key: &feature.key,
        feature_type,
        product_id: state.products.text(feature.product),
        subscription_id: row.subscription.map(|id| state.subscriptions.text(id)),
        status,
        active_from: row.active_from,
        active_to: if status == Status::Active { row.active_to } else { Some(row.life(state).end) },
        has_access,
        metadata: &row.metadata,
        config,
        units,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issue {
    customer_id: String,
    feature_id: String,
    template: Value,
    active_from: Option<Timestamp>,
    active_to: Option<Timestamp>,
    subscription_id: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

fn issue(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Issue = call.input()?;
    let state = &world.state;
    let customer = customers::referred(state, "/customerId", &wanted.customer_id)?;
    let feature = features::referred(state, "/featureId", &wanted.feature_id)?;
    let subscription = wanted.subscription_id.as_deref().map(|id| subscription(state, customer, id)).transpose()?;
    let clock = subscription.map_or(ClockId::WORLD, |id| state.subscriptions[id].clock);
    let now = world.now(clock);
    let row = Entitlement {
        customer,
        feature,
        subscription,
        clock,
        terms: Terms::read(&wanted.template, state.features[feature].kind, "/template")?,
        unit: unit_of(state, feature),
        metrics: Vec::new(),
        active_from: wanted.active_from.unwrap_or(now),
        active_to: wanted.active_to,
        canceled_at: None,
        provided: false,
        grants: Vec::new(),
        purchases: Vec::new(),
        metadata: wanted.metadata,
    };
    if let Some(to) = row.active_to.filter(|to| *to <= row.active_from) {
        let message = format!("{to} is not after activeFrom, {}", row.active_from);
        return Err(Fault::field("/activeTo", "minimum", message));
    }
    refuse_twice(state, &row)?;
    let id = open(world, row);
    Ok(Reply::created(&body(&world.state, id, now)))
}

/// The credits that a feature is about: those whose pools it shows, or of a price that carries it.
fn unit_of(state: &State, feature: Id<Feature>) -> Option<Id<PricingUnit>> {
    let carries = |price: &Price| price.feature.as_ref().is_some_and(|attached| attached.feature == feature);
    let mut prices = state.prices.iter().filter(|(_, price)| carries(price));
    pricing_units::of_feature(state, feature).or_else(|| prices.find_map(|(_, price)| price.unit))
}

/// The active subscription of the customer that an entitlement is to belong to.
fn subscription(state: &State, customer: Id<Customer>, text: &str) -> Result<Id<Subscription>, Fault> {
    let id = referred(&state.subscriptions, "/subscriptionId", text)?;
    let row = &state.subscriptions[id];
    if row.customer != customer {
        let message = format!("is a subscription of {}, not of this customer", state.customers.text(row.customer));
        return Err(Fault::field("/subscriptionId", "const", message));
    }
    if row.status != SubscriptionStatus::Active {
        return Err(Fault::field("/subscriptionId", "status", "is not active: an entitlement would give nothing"));
    }
    Ok(id)
}

/// A customer has a feature once at a time, from a subscription or by itself.
fn refuse_twice(state: &State, row: &Entitlement) -> Result<(), Fault> {
    let life = row.life(state);
    let same = |other: &Entitlement| other.feature == row.feature && other.subscription == row.subscription;
    let mut owned = of_customer(state, row.customer);
    let Some((other, _)) = owned.find(|(_, other)| same(other) && other.life(state).overlap(life).is_some()) else {
        return Ok(());
    };
    let message = format!(
        "The customer is entitled to this feature by {} at that time: grant more of it, or leave a gap",
        state.entitlements.text(other)
    );
    Err(Fault::conflict(message))
}

#[derive(Deserialize)]
struct Instant {
    at: Option<Timestamp>,
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.row("entitlementId", &world.state.entitlements)?;
    let Instant { at } = call.filter()?;
    let at = instant(world, call, &world.state.entitlements[id], at)?;
    Ok(Reply::ok(&body(&world.state, id, at)))
}

/// The instant that is asked about: now, if none is.
fn instant(world: &World, call: &Call, row: &Entitlement, at: Option<Timestamp>) -> Result<Timestamp, Fault> {
    let Some(at) = at else { return Ok(world.clock(row.clock).reading(call.wall)) };
    if account::is_too_far(&world.state, row, at) {
        let message = format!("more than {} resets lie on the way to {at}: ask for less", account::RESETS_MOST);
        return Err(Fault::violations(vec![Violation::query("at", "maximum", message)]));
    }
    Ok(at)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    customer_id: Option<String>,
    external_customer_id: Option<String>,
    merchant_id: Option<String>,
    feature_key: Option<String>,
    product_id: Option<String>,
    subscription_id: Option<String>,
    at: Option<Timestamp>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let customer = filter.customer(state)?;
    let product = filter.product_id.as_deref().map(|text| state.products.find(text));
    let subscription = filter.subscription_id.as_deref().map(|text| state.subscriptions.find(text));
    let kept = |row: &Entitlement| {
        let feature: &Feature = &state.features[row.feature];
        let of = |product: Option<Id<Product>>| product == Some(feature.product);
        product.is_none_or(of)
            && filter.feature_key.as_deref().is_none_or(|key| key == &*feature.key)
            && subscription.is_none_or(|id| id.is_some() && id == row.subscription)
    };
    let rows: Vec<(Id<Entitlement>, &Entitlement)> =
        of_customer(state, customer).filter(|(_, row)| kept(row)).collect();
    let dated = rows.into_iter().map(|(id, row)| Ok((id, instant(world, call, row, filter.at)?)));
    let dated: Vec<(Id<Entitlement>, Timestamp)> = dated.collect::<Result<_, Fault>>()?;
    // Accounts are run for the page that is shown only.
    Ok(Reply::ok(&list(call.paging(), dated.into_iter()).map(|(id, at)| {
        let id_text = Some(state.entitlements.text(id));
        Body { entitlement_id: id_text, object: None, id: None, ..body(state, id, at) }
    })))
}

impl Filter {
    /// The customer whose entitlements are asked for, by either of its ids.
    fn customer(&self, state: &State) -> Result<Id<Customer>, Fault> {
        let ours = |row: &Customer| mine(self.merchant_id.as_deref(), &row.merchant);
        let (field, text, found) = match (&self.customer_id, &self.external_customer_id) {
            (Some(text), _) => ("customerId", text, customers::live(state, text)),
            (None, Some(text)) => {
                let external = |row: &Customer| row.deleted_at.is_none() && row.external_id.as_deref() == Some(text);
                let found = state.customers.iter().find(|(_, row)| external(row) && ours(row)).map(|(id, _)| id);
                ("externalCustomerId", text, found)
            }
            // The contract sees to it that one is there.
            (None, None) => return Err(Fault::bad_request("customerId or externalCustomerId is needed")),
        };
        found.filter(|id| ours(&state.customers[*id])).ok_or_else(|| {
            let message = "there is no customer with this id in this world";
            Fault::no_such(Customer::NOUN, text).with_violation(Violation::query(field, "reference", message))
        })
    }
}
