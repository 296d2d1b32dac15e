//! Paylera: keys, errors, lists, signatures and the list of nouns.
//!
//! Facts: paylera (core pages; where they disagree, docs/fidelity.md says which one counts). One file a noun;
//! `state.rs` lists the tables and what time does.

mod affiliates;
mod body;
mod charges;
mod checkout_sessions;
mod collection;
mod coupons;
mod credit_notes;
mod customers;
mod cycle;
mod dunning;
mod entitlements;
mod invoices;
mod keys;
mod limits;
mod listing;
mod notices;
mod pages;
mod payment_methods;
mod payment_providers;
mod payments;
mod plans;
mod portal_sessions;
mod products;
mod rebill;
mod refunds;
mod refusals;
mod revrec;
mod roles;
mod setup_intents;
mod signing;
mod state;
mod subscriptions;
mod tax;
mod usage;
mod wallets;
mod webhook_endpoints;

use http::{HeaderMap, Method};
use include_dir::{Dir, include_dir};
use serde_json::Value;

use self::notices::Notice;
use self::state::{Due, State};
use crate::api::{
    Action, Call, Fault, Gist, Idempotency, KeyPolicy, Limit, Need, Noun, Page, Provider, Reply, Site, Standing,
    Visitor, WorldKey,
};
use crate::billing::cards::{Attempt, Card};
use crate::time::{Cadence, Timestamp};
use crate::webhooks::Scheme;
use crate::world::{ClockId, Event};

static SCHEMAS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas/paylera");
static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/paylera");

/// A world of this provider.
type World = crate::world::World<State>;
/// A row of this provider's table.
type Operation = crate::api::Operation<Action<State>>;

/// What the world's clock shows to whoever asks: one that flows goes on between writes.
fn now(world: &World, call: &Call) -> Timestamp {
    world.clock(ClockId::WORLD).reading(call.wall)
}

/// The vendor as a type.
pub struct Paylera;

/// Every POST needs a key, PATCH may bring one (§1.6).
static IDEMPOTENCY: Idempotency<State> = Idempotency {
    header: "idempotency-key",
    longest: 255,
    rule: |method| match *method {
        Method::POST => Need::Required,
        Method::PATCH => Need::Optional,
        _ => Need::Ignored,
    },
    life: Cadence::seconds(24 * 3_600),
    answers: |state| &mut state.answers,
    missing: refusals::key_missing,
    mismatch: refusals::key_mismatch,
    running: refusals::key_running,
};

impl Provider for Paylera {
    type State = State;

    const NAME: &'static str = "paylera";
    const HOSTS: &'static [&'static str] = &["api.sandbox.paylera.io", "api.paylera.io"];
    const KEYS: &'static str = "any sk_sandbox_anything: each is a world of its own";
    const KEY_PREFIX: &'static str = keys::SANDBOX;

    fn nouns() -> Vec<Noun<Action<State>>> {
        vec![
            customers::noun(),
            payment_methods::noun(),
            setup_intents::noun(),
            products::noun(),
            plans::noun(),
            coupons::noun(),
            wallets::noun(),
            subscriptions::noun(),
            invoices::noun(),
            payments::noun(),
            refunds::noun(),
            credit_notes::noun(),
            dunning::noun(),
            usage::noun(),
            entitlements::noun(),
            revrec::noun(),
            webhook_endpoints::noun(),
            checkout_sessions::noun(),
            portal_sessions::noun(),
            tax::noun(),
            affiliates::noun(),
            payment_providers::noun(),
        ]
    }

    fn schemas() -> &'static Dir<'static> {
        &SCHEMAS
    }

    fn fixtures() -> &'static Dir<'static> {
        &FIXTURES
    }

    fn pages() -> Vec<Page<State>> {
        pages::pages()
    }

    fn key(headers: &HeaderMap, policy: KeyPolicy) -> Result<WorldKey<'_>, Fault> {
        keys::key(headers, policy)
    }

    fn may(role: &str, visitor: &Visitor<'_>) -> Result<(), Fault> {
        roles::may(role, visitor)
    }

    fn may_see(world: &World, role: &str, found: &Reply) -> Result<(), Fault> {
        roles::may_see(world, role, found)
    }

    fn refuse(fault: &Fault, path: &str) -> Reply {
        refusals::reply(fault, path)
    }

    fn limit(method: &Method, path: &str) -> Option<Limit> {
        Some(limits::limit(method, path))
    }

    fn too_many(standing: Standing) -> Fault {
        limits::exceeded(standing)
    }

    fn dress(reply: Reply, asked: &HeaderMap, standing: Option<Standing>) -> Reply {
        limits::told(keys::echo_version(reply, asked), standing)
    }

    fn idempotency() -> Option<&'static Idempotency<State>> {
        Some(&IDEMPOTENCY)
    }

    fn name_row(world: &mut World, answer: &Value, name: &str) -> Result<(), String> {
        world.state.name_row(answer, name)
    }

    fn clock(_: &World, _: &str) -> Option<ClockId> {
        None
    }

    fn shelves(_: &World) -> Vec<(&'static str, String)> {
        let nouns = [
            "customers",
            "subscriptions",
            "invoices",
            "payments",
            "refunds",
            "credit-notes",
            "plans",
            "products",
            "coupons",
            "wallets",
            "usage",
            "affiliates",
        ];
        nouns.into_iter().map(|noun| (noun, format!("/v1/{noun}?limit=100"))).collect()
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
        &signing::PAYLERA
    }

    fn event_types() -> &'static [&'static str] {
        Notice::NAMES
    }

    fn pay(world: &mut World, session: &str, attempt: &Attempt) -> Result<Value, Fault> {
        payments::answer_by_hand(world, session, attempt)
    }

    fn scriptable(world: &World, id: &str) -> Option<&'static str> {
        payments::scriptable(&world.state, id)
    }

    fn save_method(world: &mut World, customer: &str, card: &Card) -> Result<Value, Fault> {
        payment_methods::save(world, customer, card)
    }
}
