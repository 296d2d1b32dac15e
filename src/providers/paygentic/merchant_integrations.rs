//! Merchant integrations: which other systems a merchant is connected to.
//!
//! Facts: paygentic-behaviour §2.14, §1.3 (upsert by merchant and provider). Nothing is sent anywhere: a connection
//! is what the merchant says of it.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::body::bare_list;
use super::state::{State, mine};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Kind, Noun, Reply, read, write};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listMerchantIntegrations", "/v0/merchantIntegrations", index),
        write("upsertMerchantIntegration", Method::PUT, "/v0/merchantIntegrations", upsert),
        read("getMerchantIntegration", "/v0/merchantIntegrations/{id}", get),
        write("disconnectMerchantIntegration", Method::PATCH, "/v0/merchantIntegrations/{id}/disconnect", disconnect),
    ];
    Noun { name: "merchant_integrations", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Integration {
    pub merchant: Arc<str>,
    pub provider: Provider,
    external_id: Option<Box<str>>,
    pub status: Status,
    config: Map<String, Value>,
    metadata: Map<String, Value>,
    connected_at: Timestamp,
    disconnected_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Salesforce,
    Netsuite,
    Accountsiq,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Active,
    Disconnected,
    Error,
}

impl Row for Integration {
    const PREFIX: &'static str = "mint_";
    const NOUN: &'static str = "merchant integration";
}

impl Integration {
    fn turn(&mut self, status: Status, now: Timestamp) {
        if status == Status::Active && self.status != Status::Active {
            self.connected_at = now;
        }
        self.disconnected_at = (status == Status::Disconnected).then(|| self.disconnected_at.unwrap_or(now));
        self.status = status;
        self.updated_at = now;
    }
}

/// What a system does with the codes of items.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    resolves_item_codes: bool,
    sends_item_codes: bool,
}

impl Provider {
    /// A CRM sends orders whose codes are looked up; a ledger is sent invoices that name its codes (inferred).
    fn capabilities(self) -> Capabilities {
        let crm = self == Self::Salesforce;
        Capabilities { resolves_item_codes: crm, sends_item_codes: !crm }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    merchant_id: &'a str,
    provider: Provider,
    capabilities: Capabilities,
    external_id: Option<&'a str>,
    status: Status,
    config: &'a Map<String, Value>,
    metadata: &'a Map<String, Value>,
    connected_at: Timestamp,
    disconnected_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Integration>) -> Body<'_> {
    let row = &state.integrations[id];
    Body {
        id: state.integrations.text(id),
        object: "merchantIntegration",
        merchant_id: &row.merchant,
        provider: row.provider,
        capabilities: row.provider.capabilities(),
        external_id: row.external_id.as_deref(),
        status: row.status,
        config: &row.config,
        metadata: &row.metadata,
        connected_at: row.connected_at,
        disconnected_at: row.disconnected_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The integration of a merchant with a provider, connected or not.
pub fn find(state: &State, merchant: &str, provider: Provider) -> Option<Id<Integration>> {
    let mut rows = state.integrations.iter();
    rows.find(|(_, row)| row.provider == provider && mine(Some(merchant), &row.merchant)).map(|(id, _)| id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    provider: Option<Provider>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let kept = |row: &Integration| {
        mine(filter.merchant_id.as_deref(), &row.merchant)
            && filter.provider.is_none_or(|provider| provider == row.provider)
    };
    let ids = state.integrations.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&bare_list(call.paging(), ids).map(|id| body(state, id))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Upsert {
    merchant_id: Arc<str>,
    provider: Provider,
    external_id: Option<Box<str>>,
    status: Option<Status>,
    config: Option<Map<String, Value>>,
    metadata: Option<Map<String, Value>>,
}

/// Connects, again if need be; what is left out stays as it was.
fn upsert(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let sent: Upsert = call.input()?;
    if sent.provider != Provider::Salesforce {
        let message = "connects in the vendor's local and development environments only; a sandbox has salesforce";
        return Err(Fault::new(Kind::NotFound, format!("There is no such provider here: it {message}"))
            .with_violation(Violation::body("/provider", "environment", message)));
    }
    let now = world.now(ClockId::WORLD);
    let id = find(&world.state, &sent.merchant_id, sent.provider).unwrap_or_else(|| {
        let merchant = world.state.merchant(&sent.merchant_id);
        world.state.integrations.insert(Integration {
            merchant,
            provider: sent.provider,
            external_id: None,
            status: Status::Active,
            config: Map::new(),
            metadata: Map::new(),
            connected_at: now,
            disconnected_at: None,
            created_at: now,
            updated_at: now,
        })
    });
    world.state.integrations.update(id, |row| {
        row.external_id = sent.external_id.or(row.external_id.take());
        row.config = sent.config.unwrap_or_else(|| std::mem::take(&mut row.config));
        row.metadata = sent.metadata.unwrap_or_else(|| std::mem::take(&mut row.metadata));
        row.turn(sent.status.unwrap_or(Status::Active), now);
    });
    Ok(Reply::ok(&body(&world.state, id)))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.integrations)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

/// The row stays, and so does what was configured.
fn disconnect(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.integrations)?;
    let now = world.now(ClockId::WORLD);
    world.state.integrations.update(id, |row| row.turn(Status::Disconnected, now));
    Ok(Reply::ok(&body(&world.state, id)))
}
