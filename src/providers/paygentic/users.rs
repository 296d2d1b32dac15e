//! Users: people who work with a merchant's account.
//!
//! Facts: paygentic-behaviour §2.14, paygentic-contract (`getUser`, `updateUser`). No operation makes one: a world has
//! the user who holds its key.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::customers::Address;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row, Table, hash};

/// The id of the key's holder, in every world.
pub const HOLDER: &str = "usr_leapday";
const HOLDER_EMAIL: &str = "owner@merchant.example";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> =
        vec![read("getUser", "/v0/users/{id}", get), write("updateUser", Method::PATCH, "/v0/users/{id}", update)];
    Noun { name: "users", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    email: Box<str>,
    /// At the vendor's identity provider.
    ory_id: Box<str>,
    profile: Profile,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What users say of themselves.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_of_birth: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<Type>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Type {
    Company,
    Individual,
}

impl Row for User {
    const PREFIX: &'static str = "usr_";
    const NOUN: &'static str = "user";
}

/// The users of a new world. The holder was there before it; since when, nobody says.
pub fn first(seed: u64) -> Table<User> {
    let mut users = Table::new(seed);
    let id = users.insert(User {
        email: HOLDER_EMAIL.into(),
        ory_id: format!("ory_user_{:016x}", hash(seed, HOLDER.as_bytes())).into(),
        profile: Profile::default(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    });
    users.name(id, HOLDER);
    users
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    email: &'a str,
    organizations: [Value; 1],
    ory_id: &'a str,
    #[serde(flatten)]
    profile: &'a Profile,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<User>) -> Body<'_> {
    let row = &state.users[id];
    Body {
        id: state.users.text(id),
        object: "user",
        email: &row.email,
        organizations: [json!({ "id": state.default_merchant(), "state": "active", "roles": ["owner"] })],
        ory_id: &row.ory_id,
        profile: &row.profile,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.users)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.users)?;
    let sent: Profile = call.input()?;
    let now = world.now(ClockId::WORLD);
    world.state.users.update(id, |row| {
        let known = std::mem::take(&mut row.profile);
        row.profile = Profile {
            address: sent.address.or(known.address),
            date_of_birth: sent.date_of_birth.or(known.date_of_birth),
            first_name: sent.first_name.or(known.first_name),
            last_name: sent.last_name.or(known.last_name),
            phone: sent.phone.or(known.phone),
            r#type: sent.r#type.or(known.r#type),
        };
        row.updated_at = now;
    });
    Ok(Reply::ok(&body(&world.state, id)))
}
