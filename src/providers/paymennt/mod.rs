//! Paymennt: key pairs, the envelope, ids of digits, and the list of nouns.
//!
//! Facts: paymennt (where documents disagree, docs/fidelity.md says which one counts). One file a noun; `state.rs` lists
//! the tables and what time does.

mod body;
mod branches;
mod cards;
mod checkouts;
mod customers;
mod keys;
mod notices;
mod pages;
mod payments;
mod qr;
mod refusals;
mod signing;
mod state;
mod subscriptions;
mod terminals;
mod tokens;
mod webhooks;

use http::HeaderMap;
use include_dir::{Dir, include_dir};
use serde_json::Value;

use self::notices::Notice;
use self::state::{Due, State};
use crate::api::{Action, Fault, Gist, KeyPolicy, Noun, Page, Provider, Reply, Site, Visitor, WorldKey};
use crate::billing::cards::{Attempt, Card};
use crate::webhooks::Scheme;
use crate::world::{ClockId, Event};

static SCHEMAS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas/paymennt");
static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/paymennt");

const NAME: &str = "paymennt";
/// Who sells here, on pages and in webhooks.
const MERCHANT: &str = "Leapday Merchant";
const MERCHANT_ID: &str = "1601731695315563241";

/// A world of this provider.
type World = crate::world::World<State>;
/// A row of this provider's table.
type Operation = crate::api::Operation<Action<State>>;

/// The vendor as a type.
pub struct Paymennt;

impl Provider for Paymennt {
    type State = State;

    const NAME: &'static str = NAME;
    const HOSTS: &'static [&'static str] = &[
        "api.test.paymennt.com",
        "api.test.pointcheckout.com",
        "pay.test.paymennt.com",
        "pay.test.pointcheckout.com",
        "api.paymennt.com",
        "api.pointcheckout.com",
        "pay.paymennt.com",
        "pay.pointcheckout.com",
    ];
    const KEYS: &'static str = "any X-Paymennt-Api-Key with any X-Paymennt-Api-Secret: each pair is a world of its own";
    /// Their pairs have no mark.
    const KEY_PREFIX: &'static str = "";
    const ROOT: &'static str = "/mer/v2.0";

    fn nouns() -> Vec<Noun<Action<State>>> {
        vec![
            checkouts::noun(),
            payments::noun(),
            cards::noun(),
            subscriptions::noun(),
            branches::noun(),
            webhooks::noun(),
            terminals::noun(),
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

    fn key_for(name: &str) -> String {
        format!("{name}:{name}")
    }

    fn credentials(key: &str) -> Vec<(&'static str, String)> {
        keys::credentials(key)
    }

    /// Some clients begin with `/api`, and the official one ends lists with a slash (§1.1, §0.6).
    fn path(path: &str) -> &str {
        let path = path.strip_prefix("/api").filter(|rest| rest.starts_with("/mer/")).unwrap_or(path);
        path.trim_end_matches('/')
    }

    /// This vendor's keys have no roles.
    fn may(_: &str, _: &Visitor<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn refuse(fault: &Fault, _: &str) -> Reply {
        refusals::reply(fault)
    }

    fn name_row(world: &mut World, answer: &Value, name: &str) -> Result<(), String> {
        world.state.name_row(answer, name)
    }

    fn place(world: &mut World, kind: &str, row: &Value) -> Result<Value, String> {
        match kind {
            "terminal" => terminals::place(world, row),
            _ => Err(format!("{kind:?} is nothing that a starting world can place: there is \"terminal\"")),
        }
    }

    fn clock(_: &World, _: &str) -> Option<ClockId> {
        None
    }

    fn shelves(_: &World) -> Vec<(&'static str, String)> {
        vec![
            ("checkouts", "/mer/v2.0/checkout?size=100".to_owned()),
            ("subscriptions", "/mer/v2.0/subscription?size=100".to_owned()),
            ("branches", "/mer/v2.0/branches?size=100".to_owned()),
            ("terminals", "/mer/v2.0/terminals?size=100".to_owned()),
            ("webhooks", "/mer/v2.0/webhooks".to_owned()),
        ]
    }

    fn event(world: &World, _: usize, event: &Event<Notice>, site: Site<'_>) -> Value {
        notices::told(world, event, site)
    }

    fn gist(world: &World, notice: &Notice) -> Gist {
        notice.gist(world)
    }

    fn due(world: &World, due: &Due) -> (&'static str, Gist) {
        due.gist(&world.state)
    }

    fn webhooks() -> &'static Scheme {
        &signing::PAYMENNT
    }

    fn event_types() -> &'static [&'static str] {
        Notice::NAMES
    }

    fn pay(world: &mut World, checkout: &str, attempt: &Attempt) -> Result<Value, Fault> {
        payments::by_hand(world, checkout, attempt)
    }

    fn scriptable(world: &World, id: &str) -> Option<&'static str> {
        payments::scriptable(&world.state, id)
    }

    fn save_method(world: &mut World, customer: &str, card: &Card) -> Result<Value, Fault> {
        cards::stored(world, customer, card)
    }
}
