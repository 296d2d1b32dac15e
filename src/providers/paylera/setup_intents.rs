//! Setup intents: the leave to collect a payment method in the browser.
//!
//! Facts: paylera §2.7. The secret is shown once, when the intent is made, and lives for ten minutes. No form of the
//! vendor's runs here that would take it, so an intent only ever expires.

use http::Method;
use serde::{Deserialize, Serialize};

use super::customers::{self, Customer};
use super::payment_methods::Kind;
use super::state::State;
use super::{Operation, World, now};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row, hash};

/// How long a secret lives (§2.7).
const LIFE: Cadence = Cadence::seconds(600);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createSetupIntent", Method::POST, "/v1/setup-intents", create),
        read("getSetupIntent", "/v1/setup-intents/{id}", get),
    ];
    Noun { name: "setup_intents", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct SetupIntent {
    customer: Id<Customer>,
    provider: Box<str>,
    payment_method_types: Box<[Kind]>,
    expires_at: Timestamp,
    created_at: Timestamp,
}

impl Row for SetupIntent {
    const PREFIX: &'static str = "si_";
    const NOUN: &'static str = "setup intent";
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    Expired,
}

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    customer_id: IdText,
    provider: &'a str,
    payment_method_types: &'a [Kind],
    status: Status,
    payment_method_id: Option<IdText>,
    expires_at: Timestamp,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

fn body(state: &State, id: Id<SetupIntent>, now: Timestamp) -> Body<'_> {
    let row = &state.setup_intents[id];
    Body {
        id: state.setup_intents.text(id),
        object: "setup_intent",
        customer_id: state.customers.text(row.customer),
        provider: &row.provider,
        payment_method_types: &row.payment_method_types,
        status: if now < row.expires_at { Status::Pending } else { Status::Expired },
        payment_method_id: None,
        expires_at: row.expires_at,
        created_at: row.created_at,
        client_secret: None,
    }
}

/// In the form of the sample, `seti_…_secret_…`; it follows from the seed, as all chance does.
fn secret(state: &State, id: Id<SetupIntent>) -> String {
    let own = hash(state.seed, state.setup_intents.text(id).as_str().as_bytes());
    format!("seti_{own:016x}_secret_{:016x}", hash(own, b"secret"))
}

#[derive(Deserialize)]
struct Create {
    customer_id: Box<str>,
    #[serde(default = "stripe")]
    provider: Box<str>,
    #[serde(default = "cards")]
    payment_method_types: Box<[Kind]>,
}

fn stripe() -> Box<str> {
    "stripe".into()
}

fn cards() -> Box<[Kind]> {
    [Kind::Card].into()
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { customer_id, provider, payment_method_types } = call.input()?;
    let customer = customers::referred(&world.state, &customer_id)?;
    let created_at = world.now(ClockId::WORLD);
    let expires_at = LIFE.after(created_at, 1).unwrap_or(Timestamp::MAX);
    let row = SetupIntent { customer, provider, payment_method_types, expires_at, created_at };
    let id = world.state.setup_intents.insert(row);
    let client_secret = Some(secret(&world.state, id));
    Ok(Reply::created(&Body { client_secret, ..body(&world.state, id, created_at) }))
}

/// One whose customer is deleted is gone with it.
fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.setup_intents)?;
    if customers::is_live(&world.state, world.state.setup_intents[id].customer) {
        return Ok(Reply::ok(&body(&world.state, id, now(world, call))));
    }
    let fault = Fault::no_such(SetupIntent::NOUN, call.segment("id"));
    Err(fault.with_violation(Violation::path("id", "reference", "the customer of this setup intent was deleted")))
}
