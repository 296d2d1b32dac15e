//! Subscriptions: a customer's agreement to pay a plan's prices.
//!
//! Facts: paygentic-behaviour §2.7, §4. Creation stands in `create`, what time does in `super::cycle`.

mod adjustments;
mod body;
mod change;
mod create;
mod intervals;
mod list;
mod migration;
mod portal;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::adjustments::{Adjustment, Adjustments, Taken};
pub use self::body::body;
pub use self::create::sign_up;
pub use self::intervals::{IntervalChange, text as interval_id};
pub use self::migration::{arrive, follow, follow_default};
pub use self::portal::{Closed, PortalLink, PortalSession, enter};
use super::Operation;
use super::customers::Customer;
use super::entitlements;
use super::invoices::Invoice;
use super::payment_sessions::Session;
use super::plans::{Plan, PlanVersion};
use super::prices::Price;
use super::schedule::Cycle;
use super::state::State;
use super::test_clocks::TestClock;
use crate::api::{Action, Noun, read, write};
use crate::time::{Cadence, Grid, Timestamp};
use crate::world::{ClockId, Id, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listSubscriptions", "/v0/subscriptions", list::list),
        write("createSubscription", Method::POST, "/v0/subscriptions", create::create),
        read("getSubscription", "/v0/subscriptions/{id}", list::get),
        write("updateSubscription", Method::PATCH, "/v0/subscriptions/{id}", change::update),
        write("generatePortalLink", Method::POST, "/v0/subscriptions/{id}/portal", portal::create),
        read("getSubscriptionIntervals", "/v0/subscriptions/{id}/intervals", intervals::get),
        write("editSubscriptionIntervals", Method::POST, "/v0/subscriptions/{id}/intervals", intervals::edit),
        read("listSubscriptionIntervalChanges", "/v0/subscriptions/{id}/intervalChanges", intervals::changes),
        read("listIntervalChanges", "/v0/intervalChanges", intervals::all_changes),
        write(
            "migrateSubscriptionVersion",
            Method::POST,
            "/v0/subscriptions/{id}/versionMigration",
            migration::migrate,
        ),
        write(
            "reconcileSubscriptionFeatures",
            Method::POST,
            "/v0/subscriptions/{id}/reconciliations",
            entitlements::reconcile,
        ),
        read("listSubscriptionAdjustments", "/v0/subscriptions/{id}/adjustments", adjustments::list),
        write("createSubscriptionAdjustment", Method::POST, "/v0/subscriptions/{id}/adjustments", adjustments::create),
        write(
            "deleteSubscriptionAdjustment",
            Method::DELETE,
            "/v0/subscriptions/{id}/adjustments/{adjustmentId}",
            adjustments::delete,
        ),
        write("terminateSubscription", Method::POST, "/v0/subscriptions/{id}/termination", change::terminate),
    ];
    Noun { name: "subscriptions", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Subscription {
    pub name: Box<str>,
    pub customer: Id<Customer>,
    pub plan: Id<Plan>,
    /// The version that it is on now.
    pub version: Id<PlanVersion>,
    /// The one that it was made with.
    pub made_on: Id<PlanVersion>,
    pub status: Status,
    pub clock: ClockId,
    pub test_clock: Option<Id<TestClock>>,
    pub started_at: Timestamp,
    pub ending_at: Option<Timestamp>,
    /// Where the grid of periods hangs; every boundary is this plus n × cadence.
    pub anchor: Timestamp,
    pub cadence: Cadence,
    /// Charges that fall due earlier are never billed.
    pub billing_starts_at: Timestamp,
    pub elapsed: Elapsed,
    pub auto_charge: bool,
    pub tax_exempt: bool,
    pub payment_term_days: u32,
    /// `None`: as the plan says.
    pub reminder_enabled: Option<bool>,
    pub reminder_days: Option<u32>,
    pub version_policy: VersionPolicy,
    pub metadata: Option<Arc<Map<String, Value>>>,
    /// The older deposit, in major units: opens a payment at the start.
    pub prefund: Option<Decimal>,
    /// The older up-front quantities.
    pub items: Vec<Item>,
    /// Gates activation: the charges due at the start.
    pub first_invoice: Option<Id<Invoice>>,
    pub session: Option<Id<Session>>,
    pub cycle: Id<Cycle>,
    pub termination: Option<Arc<Termination>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    PendingPayment,
    Active,
    Terminated,
}

/// What becomes of periods that had passed when a backdated subscription was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Elapsed {
    #[default]
    None,
    PerPeriod,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum VersionPolicy {
    #[default]
    Floating,
    Pinned,
}

/// An up-front quantity as the older guide sends it: the metric is charged in advance, every period.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    pub price: Id<Price>,
    pub metric: Box<str>,
    pub quantity: Decimal,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Termination {
    pub at: Timestamp,
    pub by: Box<str>,
    pub reason: Box<str>,
    pub change_reason: Option<Box<str>>,
}

impl Row for Subscription {
    const PREFIX: &'static str = "sub_";
    const NOUN: &'static str = "subscription";
}

impl Subscription {
    /// The periods of the subscription itself.
    pub fn grid(&self) -> Grid {
        Grid { anchor: self.anchor, cadence: self.cadence }
    }

    /// Nothing is billed for any time after this.
    pub fn end(&self) -> Option<Timestamp> {
        self.termination.as_deref().map(|ended| ended.at).or(self.ending_at)
    }

    pub fn is_live(&self) -> bool {
        self.status != Status::Terminated
    }
}
