//! The tax provider that a tenant has chosen.
//!
//! Facts: paylera §2.14, §3.10. In the sandbox the rate is 8 % whatever stands here (`invoices/totals.rs`).

use http::Method;
use serde::{Deserialize, Serialize};

use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::time::Timestamp;
use crate::world::ClockId;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("getTaxConfig", "/v1/admin/tax/config", get),
        write("setTaxConfig", Method::POST, "/v1/admin/tax/config", set),
    ];
    Noun { name: "tax", operations }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    provider: Box<str>,
    /// All that is kept of the secret.
    secret_key_last4: Option<Box<str>>,
    default_origin: Option<Origin>,
    additional_nexuses: Vec<Nexus>,
    updated_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Origin {
    country: Box<str>,
    state: Option<Box<str>>,
    postal_code: Option<Box<str>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Nexus {
    country: Box<str>,
    state: Option<Box<str>>,
}

impl Default for Config {
    /// What a sandbox has before anybody chooses.
    fn default() -> Self {
        let updated_at = Timestamp::UNIX_EPOCH;
        let (secret_key_last4, default_origin) = (None, None);
        Self {
            provider: "sandbox".into(),
            secret_key_last4,
            default_origin,
            additional_nexuses: Vec::new(),
            updated_at,
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    object: &'static str,
    provider: &'a str,
    credentials: Credentials<'a>,
    default_origin: Option<&'a Origin>,
    additional_nexuses: &'a [Nexus],
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct Credentials<'a> {
    secret_key_last4: Option<&'a str>,
}

fn show(world: &World) -> Reply {
    let row = &world.state.tax_config;
    Reply::ok(&Body {
        object: "tax_config",
        provider: &row.provider,
        credentials: Credentials { secret_key_last4: row.secret_key_last4.as_deref() },
        default_origin: row.default_origin.as_ref(),
        additional_nexuses: &row.additional_nexuses,
        updated_at: row.updated_at,
    })
}

fn get(world: &World, _: &Call) -> Result<Reply, Fault> {
    Ok(show(world))
}

#[derive(Deserialize)]
struct Set {
    provider: Box<str>,
    #[serde(default)]
    credentials: Secret,
    default_origin: Option<Origin>,
    #[serde(default)]
    additional_nexuses: Vec<Nexus>,
}

#[derive(Default, Deserialize)]
struct Secret {
    secret_key: Option<Box<str>>,
}

fn set(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Set { provider, credentials, default_origin, additional_nexuses } = call.input()?;
    let last4 = |secret: Box<str>| {
        let letters: Vec<char> = secret.chars().collect();
        letters[letters.len().saturating_sub(4)..].iter().collect::<String>().into_boxed_str()
    };
    world.state.tax_config = Config {
        provider,
        secret_key_last4: credentials.secret_key.map(last4),
        default_origin,
        additional_nexuses,
        updated_at: world.now(ClockId::WORLD),
    };
    Ok(show(world))
}
