//! The tables of a Paygentic world, its explicit indexes, and the merchant.
//!
//! A key is one merchant. Whatever `org_` id a caller names is that merchant (docs/fidelity.md): rows keep
//! the name under which they were made, and rows of a starting world belong to every name.

use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use super::approvals::{self, Approval};
use super::billable_metrics::Metric;
use super::billing_schedules::{Interval, Schedule, StagedInvoice};
use super::costs::Cost;
use super::customers::{Authorization, Consumer, Customer, PaymentMethod};
use super::cycle::{self, Due};
use super::entitlements::Entitlement;
use super::events::{MeterEvent, Subject};
use super::external_references::{Entity, Reference};
use super::features::Feature;
use super::fees::Fee;
use super::grants::{Grant, Purchase};
use super::invoices::{Invoice, LineItem, Refund};
use super::items::Item;
use super::letters::{self, Letter};
use super::merchant_integrations::Integration;
use super::notices::Notice;
use super::orders::{Line as OrderLine, Order};
use super::payment_sessions::Session;
use super::payments::Payment;
use super::plans::{Plan, PlanVersion};
use super::prices::Price;
use super::pricing_units::PricingUnit;
use super::products::Product;
use super::salesforce::Account;
use super::schedule::Cycle;
use super::source_events::SourceEvent;
use super::source_rules::SourceRule;
use super::sources::Source;
use super::subscriptions::{Adjustment, IntervalChange, PortalLink, PortalSession, Subscription};
use super::test_clocks::TestClock;
use super::users::{self, User};
use super::webhooks::{self, Webhooks};
use crate::time::Timestamp;
use crate::world::{Id, Table, Written, hash, pairs};

/// The merchant of a starting world's rows, until a caller names one.
pub const HOUSE_MERCHANT: &str = "org_leapday";
/// What every merchant is called: no operation sets a name.
pub const MERCHANT_NAME: &str = "Leapday Merchant";

/// The currency of a merchant who has no plan.
const USUAL_CURRENCY: &str = "USD";

#[derive(Clone, Serialize, Deserialize)]
pub struct State {
    pub products: Table<Product>,
    pub items: Table<Item>,
    pub references: Table<Reference>,
    pub integrations: Table<Integration>,
    /// What the CRM of a starting world holds.
    pub salesforce_accounts: imbl::Vector<Arc<Account>>,
    pub users: Table<User>,
    pub metrics: Table<Metric>,
    pub fees: Table<Fee>,
    pub prices: Table<Price>,
    pub pricing_units: Table<PricingUnit>,
    pub plans: Table<Plan>,
    pub plan_versions: Table<PlanVersion>,
    pub sources: Table<Source>,
    pub source_events: Table<SourceEvent>,
    pub source_rules: Table<SourceRule>,
    /// What a source has read already, by the ids there.
    #[serde(with = "pairs")]
    pub source_event_keys: HashMap<(Id<Source>, Arc<str>), Id<SourceEvent>>,
    pub consumers: Table<Consumer>,
    pub customers: Table<Customer>,
    pub payment_methods: Table<PaymentMethod>,
    pub subscriptions: Table<Subscription>,
    pub cycles: Table<Cycle>,
    pub interval_changes: Table<IntervalChange>,
    pub adjustments: Table<Adjustment>,
    /// The adjustments of a subscription, oldest first.
    #[serde(with = "pairs")]
    pub adjustments_by_subscription: HashMap<Id<Subscription>, imbl::Vector<Id<Adjustment>>>,
    pub test_clocks: Table<TestClock>,
    pub features: Table<Feature>,
    pub entitlements: Table<Entitlement>,
    pub grants: Table<Grant>,
    pub purchases: Table<Purchase>,
    /// The entitlements of a customer, oldest first.
    #[serde(with = "pairs")]
    pub entitlements_by_customer: HashMap<Id<Customer>, imbl::Vector<Id<Entitlement>>>,
    pub meter_events: Table<MeterEvent>,
    pub invoices: Table<Invoice>,
    pub line_items: Table<LineItem>,
    pub refunds: Table<Refund>,
    pub costs: Table<Cost>,
    pub sessions: Table<Session>,
    pub payments: Table<Payment>,
    pub orders: Table<Order>,
    pub order_lines: Table<OrderLine>,
    pub approvals: Table<Approval>,
    pub schedules: Table<Schedule>,
    pub schedule_intervals: Table<Interval>,
    pub staged_invoices: Table<StagedInvoice>,
    /// The review of a kind that stands for a resource: the newest, unless it was cancelled.
    #[serde(with = "pairs")]
    pub reviews: HashMap<(approvals::Resource, approvals::Kind), Id<Approval>>,

    /// Who has an e-mail address, in lower case: the documented identity of a consumer (§2.6).
    #[serde(with = "pairs")]
    pub consumers_by_email: HashMap<Arc<str>, Id<Consumer>>,
    /// The customer of a consumer-merchant pair.
    #[serde(with = "pairs")]
    pub customers_by_consumer: HashMap<(Id<Consumer>, Arc<str>), Id<Customer>>,
    /// A merchant's own id of a customer.
    #[serde(with = "pairs")]
    pub customers_by_external_id: HashMap<(Arc<str>, Arc<str>), Id<Customer>>,
    /// The subscriptions of a customer, oldest first.
    #[serde(with = "pairs")]
    pub subscriptions_by_customer: HashMap<Id<Customer>, imbl::Vector<Id<Subscription>>>,
    /// Meter events by whom and what they are about, in time order, then in order of arrival.
    #[serde(with = "pairs")]
    pub usage: HashMap<UsageKey, InTime>,
    /// Idempotency keys of meter events.
    #[serde(with = "pairs")]
    pub event_keys: HashMap<Arc<str>, Id<MeterEvent>>,
    /// Idempotency keys of lines that were added by hand.
    #[serde(with = "pairs")]
    pub line_keys: HashMap<Arc<str>, Id<LineItem>>,
    /// Idempotency keys of payments.
    #[serde(with = "pairs")]
    pub payment_keys: HashMap<Arc<str>, Id<Payment>>,
    /// Links to portals of subscriptions by token.
    #[serde(with = "pairs")]
    pub portals: HashMap<Arc<str>, PortalLink>,
    /// Browsers in such portals by token.
    #[serde(with = "pairs")]
    pub portal_sessions: HashMap<Arc<str>, PortalSession>,
    /// Authorization links by token.
    #[serde(with = "pairs")]
    pub authorizations: HashMap<Arc<str>, Authorization>,
    /// What the vendor's API says of webhooks; `None`: nothing yet.
    pub webhooks: Option<Webhooks>,
    /// Links to the webhook portal by token.
    #[serde(with = "pairs")]
    pub webhook_portals: HashMap<Arc<str>, webhooks::PortalLink>,
    /// The last invoice number of a month (year × 12 + month).
    #[serde(with = "pairs")]
    pub invoice_numbers: OrdMap<i32, u32>,

    /// The name that the caller's merchant goes by where a request does not say it.
    pub(super) merchant: Option<Arc<str>>,
    #[serde(with = "crate::world::seed")]
    pub seed: u64,
}

/// Meter events in time order, then in order of arrival.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InTime(#[serde(with = "pairs")] pub OrdMap<(Timestamp, u32), Id<MeterEvent>>);

/// Event type and whom the event is about. A look-up makes one without allocating.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UsageKey {
    pub event_type: Arc<str>,
    pub about: Subject,
}

impl State {
    /// The merchant under the name that a caller gives it; the first one named is used where none is. A starting
    /// world names its own merchant, who is everybody: that is no name of the caller's.
    pub fn merchant(&mut self, name: &Arc<str>) -> Arc<str> {
        if **name != *HOUSE_MERCHANT {
            self.merchant.get_or_insert_with(|| Arc::clone(name));
        }
        match &self.merchant {
            Some(known) if **known == **name => Arc::clone(known),
            _ => Arc::clone(name),
        }
    }

    /// The merchant where a request names none.
    pub fn default_merchant(&self) -> Arc<str> {
        self.merchant.clone().unwrap_or_else(|| Arc::from(HOUSE_MERCHANT))
    }

    /// What opens a page to whoever has it. It follows from the world's seed and a counter, as everything does: the
    /// same requests make the same addresses, and one world's token opens nothing in another.
    pub fn token(&self, kind: &str, number: usize) -> Arc<str> {
        format!("{:016x}", hash(self.seed, format!("{kind} {number}").as_bytes())).into()
    }

    /// The state of the merchant's account when everything is wiped that is not carried over here. All ids and tokens
    /// that come are new ones: they follow from another seed.
    #[must_use]
    pub fn wiped(self, keep_catalog: bool) -> Self {
        let fresh = Self {
            integrations: self.integrations,
            salesforce_accounts: self.salesforce_accounts,
            users: self.users,
            webhooks: self.webhooks,
            webhook_portals: self.webhook_portals,
            merchant: self.merchant,
            ..<Self as crate::world::State>::new(self.seed)
        };
        if !keep_catalog {
            return fresh;
        }
        let mut references = self.references;
        references.retain(|_, row| matches!(row.of, Entity::Item(_)));
        Self {
            products: self.products,
            items: self.items,
            references,
            metrics: self.metrics,
            fees: self.fees,
            prices: self.prices,
            pricing_units: self.pricing_units,
            features: self.features,
            plans: self.plans,
            plan_versions: self.plan_versions,
            costs: self.costs,
            sources: self.sources,
            source_rules: self.source_rules,
            ..fresh
        }
    }

    /// Gives the row that an answer shows the id that a fixture wants.
    pub fn name_row(&mut self, answer: &Value, name: &str) -> Result<(), String> {
        let made = answer["id"].as_str().or_else(|| answer["customerId"].as_str()).unwrap_or_default();
        let renamed = self.products.rename(made, name);
        let renamed = renamed.or_else(|| self.items.rename(made, name));
        let renamed = renamed.or_else(|| self.references.rename(made, name));
        let renamed = renamed.or_else(|| self.integrations.rename(made, name));
        let renamed = renamed.or_else(|| self.metrics.rename(made, name));
        let renamed = renamed.or_else(|| self.fees.rename(made, name));
        let renamed = renamed.or_else(|| self.prices.rename(made, name));
        let renamed = renamed.or_else(|| self.pricing_units.rename(made, name));
        let renamed = renamed.or_else(|| self.plans.rename(made, name));
        let renamed = renamed.or_else(|| self.sources.rename(made, name));
        let renamed = renamed.or_else(|| self.source_events.rename(made, name));
        let renamed = renamed.or_else(|| self.source_rules.rename(made, name));
        let renamed = renamed.or_else(|| self.customers.rename(made, name));
        let renamed = renamed.or_else(|| self.subscriptions.rename(made, name));
        let renamed = renamed.or_else(|| self.test_clocks.rename(made, name));
        let renamed = renamed.or_else(|| self.features.rename(made, name));
        let renamed = renamed.or_else(|| self.entitlements.rename(made, name));
        let renamed = renamed.or_else(|| self.grants.rename(made, name));
        let renamed = renamed.or_else(|| self.payments.rename(made, name));
        let renamed = renamed.or_else(|| self.orders.rename(made, name));
        let renamed = renamed.or_else(|| self.approvals.rename(made, name));
        let renamed = renamed.or_else(|| self.schedules.rename(made, name));
        let renamed = renamed.or_else(|| self.costs.rename(made, name));
        renamed.unwrap_or_else(|| Err(format!("the answer has no id of a row that {name:?} could name")))
    }
}

/// The currency of amounts that nobody named one for: that of a merchant's first plan.
pub fn primary_currency(state: &State, merchant: Option<&str>) -> Arc<str> {
    let first = state.plans.iter().find(|(_, plan)| mine(merchant, &plan.merchant));
    first.map_or_else(|| Arc::from(USUAL_CURRENCY), |(_, plan)| Arc::clone(&plan.currency))
}

/// Whether a row of `owner` shows in a list for `asked`.
pub fn mine(asked: Option<&str>, owner: &str) -> bool {
    asked.is_none_or(|asked| asked == owner || owner == HOUSE_MERCHANT)
}

impl crate::world::State for State {
    type Due = Due;
    type Notice = Notice;
    type Letter = Letter;

    fn new(seed: u64) -> Self {
        Self {
            products: Table::new(seed),
            items: Table::new(seed),
            references: Table::new(seed),
            integrations: Table::new(seed),
            salesforce_accounts: imbl::Vector::new(),
            users: users::first(seed),
            metrics: Table::new(seed),
            fees: Table::new(seed),
            prices: Table::new(seed),
            pricing_units: Table::new(seed),
            plans: Table::new(seed),
            plan_versions: Table::new(seed),
            sources: Table::new(seed),
            source_events: Table::new(seed),
            source_rules: Table::new(seed),
            source_event_keys: HashMap::new(),
            consumers: Table::new(seed),
            customers: Table::new(seed),
            payment_methods: Table::new(seed),
            subscriptions: Table::new(seed),
            cycles: Table::new(seed),
            interval_changes: Table::new(seed),
            adjustments: Table::new(seed),
            adjustments_by_subscription: HashMap::new(),
            test_clocks: Table::new(seed),
            features: Table::new(seed),
            entitlements: Table::new(seed),
            grants: Table::new(seed),
            purchases: Table::new(seed),
            entitlements_by_customer: HashMap::new(),
            meter_events: Table::new(seed),
            invoices: Table::new(seed),
            line_items: Table::new(seed),
            refunds: Table::new(seed),
            costs: Table::new(seed),
            sessions: Table::new(seed),
            payments: Table::new(seed),
            orders: Table::new(seed),
            order_lines: Table::new(seed),
            approvals: Table::new(seed),
            schedules: Table::new(seed),
            schedule_intervals: Table::new(seed),
            staged_invoices: Table::new(seed),
            reviews: HashMap::new(),
            consumers_by_email: HashMap::new(),
            customers_by_consumer: HashMap::new(),
            customers_by_external_id: HashMap::new(),
            subscriptions_by_customer: HashMap::new(),
            usage: HashMap::new(),
            event_keys: HashMap::new(),
            line_keys: HashMap::new(),
            payment_keys: HashMap::new(),
            portals: HashMap::new(),
            portal_sessions: HashMap::new(),
            authorizations: HashMap::new(),
            webhooks: None,
            webhook_portals: HashMap::new(),
            invoice_numbers: OrdMap::new(),
            merchant: None,
            seed: hash(seed, b"paygentic"),
        }
    }

    fn read(world: &World, letter: &Letter) -> Written {
        letters::read(world, letter)
    }

    fn rows(&self) -> usize {
        let rows = [
            self.products.made(),
            self.items.made(),
            self.references.made(),
            self.integrations.made(),
            self.users.made(),
            self.metrics.made(),
            self.fees.made(),
            self.prices.made(),
            self.pricing_units.made(),
            self.plans.made(),
            self.plan_versions.made(),
            self.sources.made(),
            self.source_events.made(),
            self.source_rules.made(),
            self.consumers.made(),
            self.customers.made(),
            self.payment_methods.made(),
            self.subscriptions.made(),
            self.cycles.made(),
            self.interval_changes.made(),
            self.adjustments.made(),
            self.test_clocks.made(),
            self.features.made(),
            self.entitlements.made(),
            self.grants.made(),
            self.purchases.made(),
            self.meter_events.made(),
            self.invoices.made(),
            self.line_items.made(),
            self.refunds.made(),
            self.costs.made(),
            self.sessions.made(),
            self.payments.made(),
            self.orders.made(),
            self.order_lines.made(),
            self.approvals.made(),
            self.schedules.made(),
            self.schedule_intervals.made(),
            self.staged_invoices.made(),
            self.portals.len(),
            self.portal_sessions.len(),
            self.authorizations.len(),
            self.webhook_portals.len(),
        ];
        rows.iter().sum()
    }

    fn fire(world: &mut World, due: Due) {
        cycle::fire(world, due);
    }

    fn delivers(&self) -> bool {
        self.webhooks.as_ref().is_none_or(|webhooks| webhooks.enabled)
    }
}
