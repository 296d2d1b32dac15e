//! Paygentic: keys, errors, events and the list of nouns.
//!
//! Facts: paygentic-contract (operations and shapes), paygentic-behaviour (rules). One file a noun;
//! `state.rs` lists the tables, `cycle.rs` says what time does.

mod approvals;
mod billable_metrics;
mod billing_schedules;
mod body;
mod costs;
mod customers;
mod cycle;
mod entitlements;
mod events;
mod external_references;
mod features;
mod fees;
mod grants;
mod invoices;
mod items;
mod keys;
mod letters;
mod merchant_integrations;
mod merchants;
mod notices;
mod orders;
mod pages;
mod payment_sessions;
mod payments;
mod plans;
mod prices;
mod pricing_units;
mod products;
mod profitability;
mod refusals;
mod reminders;
mod revenue;
mod salesforce;
mod schedule;
mod source_events;
mod source_rules;
mod sources;
mod state;
mod subscriptions;
mod test_clocks;
#[cfg(test)]
mod testing;
mod users;
mod webhooks;

use http::HeaderMap;
use include_dir::{Dir, include_dir};
use serde_json::Value;

use self::cycle::Due;
use self::notices::Notice;
use self::state::State;
use crate::api::{Action, Fault, Gist, KeyPolicy, Noun, Provider, Reply, Site, Visitor, WorldKey};
use crate::billing::cards::{Attempt, Card};
use crate::webhooks::{SVIX, Scheme};
use crate::world::{ClockId, Event};

static SCHEMAS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas/paygentic");
static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/paygentic");

/// A world of this provider.
type World = crate::world::World<State>;
/// A row of this provider's table.
type Operation = crate::api::Operation<Action<State>>;
/// A hosted page of this provider.
type Page = crate::api::Page<State>;

/// The vendor as a type.
pub struct Paygentic;

impl Provider for Paygentic {
    type State = State;

    const NAME: &'static str = "paygentic";
    const HOSTS: &'static [&'static str] = &["api.sandbox.paygentic.io", "api.paygentic.io"];
    const KEYS: &'static str = "any bearer token, such as sk_test_anything: each is a world of its own";
    const KEY_PREFIX: &'static str = "sk_test_";

    fn nouns() -> Vec<Noun<Action<State>>> {
        vec![
            products::noun(),
            items::noun(),
            external_references::noun(),
            merchant_integrations::noun(),
            salesforce::noun(),
            users::noun(),
            merchants::noun(),
            billable_metrics::noun(),
            fees::noun(),
            pricing_units::noun(),
            prices::noun(),
            plans::noun(),
            sources::noun(),
            source_events::noun(),
            source_rules::noun(),
            customers::noun(),
            subscriptions::noun(),
            test_clocks::noun(),
            features::noun(),
            entitlements::noun(),
            grants::noun(),
            events::noun(),
            invoices::noun(),
            costs::noun(),
            revenue::noun(),
            profitability::noun(),
            payment_sessions::noun(),
            payments::noun(),
            orders::noun(),
            approvals::noun(),
            billing_schedules::noun(),
            webhooks::noun(),
        ]
    }

    fn schemas() -> &'static Dir<'static> {
        &SCHEMAS
    }

    fn fixtures() -> &'static Dir<'static> {
        &FIXTURES
    }

    fn pages() -> Vec<Page> {
        pages::pages()
    }

    fn key(headers: &HeaderMap, policy: KeyPolicy) -> Result<WorldKey<'_>, Fault> {
        keys::key(headers, policy)
    }

    fn may(role: &str, visitor: &Visitor<'_>) -> Result<(), Fault> {
        keys::may(role, visitor)
    }

    fn refuse(fault: &Fault, _: &str) -> Reply {
        refusals::reply(fault)
    }

    fn name_row(world: &mut World, answer: &Value, name: &str) -> Result<(), String> {
        world.state.name_row(answer, name)
    }

    fn place(world: &mut World, kind: &str, row: &Value) -> Result<Value, String> {
        match kind {
            "salesforceAccount" => salesforce::place(world, row),
            _ => Err(format!("{kind:?} is nothing that a starting world can place here: try \"salesforceAccount\"")),
        }
    }

    fn clock(world: &World, name: &str) -> Option<ClockId> {
        test_clocks::clock(world, name)
    }

    fn clocks(world: &World) -> Vec<(String, ClockId)> {
        test_clocks::clocks(world)
    }

    fn shelves(world: &World) -> Vec<(&'static str, String)> {
        let merchant = world.state.default_merchant();
        let of = |path: &str| format!("{path}limit=100");
        vec![
            ("customers", of(&format!("/v0/customers?organizationId={merchant}&"))),
            ("subscriptions", of("/v0/subscriptions?")),
            ("invoices", of("/v2/invoices?")),
            ("payments", of("/v0/payments?")),
            ("orders", of("/v0/orders?")),
            ("approvals", of("/v0/approvals?")),
            ("plans", of("/v0/plans?")),
            ("sources", of("/v0/sources?")),
            ("prices", of("/v0/prices?")),
            ("products", of("/v0/products?")),
            ("items", of("/v0/items?")),
            ("fees", of(&format!("/v0/fees?merchantId={merchant}&"))),
            ("billable metrics", of(&format!("/v0/billableMetrics?merchantId={merchant}&"))),
            ("test clocks", of("/v0/testClocks?")),
        ]
    }

    fn event(world: &World, number: usize, event: &Event<Notice>, site: Site<'_>) -> Value {
        notices::envelope(world, number, event, site)
    }

    fn gist(world: &World, notice: &Notice) -> Gist {
        notice.gist(world)
    }

    fn due(world: &World, due: &Due) -> (&'static str, Gist) {
        due.gist(&world.state)
    }

    fn webhooks() -> &'static Scheme {
        &SVIX
    }

    fn event_types() -> &'static [&'static str] {
        Notice::NAMES
    }

    fn pay(world: &mut World, session: &str, attempt: &Attempt) -> Result<Value, Fault> {
        payment_sessions::pay(world, session, attempt)
    }

    fn scriptable(world: &World, id: &str) -> Option<&'static str> {
        payment_sessions::scriptable(&world.state, id)
    }

    fn save_method(world: &mut World, customer: &str, card: &Card) -> Result<Value, Fault> {
        customers::save_method(world, customer, card)
    }
}
