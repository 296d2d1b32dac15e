//! Salesforce: the accounts of a connected CRM, to link customers with.
//!
//! Facts: paygentic-behaviour §2.14, paygentic-contract (`listSalesforceAccounts`). No CRM is asked: the accounts are
//! those that a starting world places and those that customers are linked to by external references.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::external_references::Entity;
use super::merchant_integrations::{self, Provider, Status};
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read};
use crate::contract::Violation;

/// The provider of references to accounts.
const PROVIDER: &str = "salesforce";

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> =
        vec![read("listSalesforceAccounts", "/v0/integrations/salesforce/accounts", index)];
    Noun { name: "salesforce", operations }
}

/// An account under the names that Salesforce gives its fields.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    id: Arc<str>,
    name: Arc<str>,
    /// Whatever else a starting world says of it.
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// Puts an account into the CRM of a starting world.
pub fn place(world: &mut World, row: &Value) -> Result<Value, String> {
    let account = Account::deserialize(row).map_err(|error| format!("a Salesforce account: {error}"))?;
    world.state.salesforce_accounts.push_back(Arc::new(account));
    Ok(row.clone())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: String,
    q: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accounts {
    data: Vec<Arc<Account>>,
    total_size: usize,
    done: bool,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let Filter { merchant_id, q } = call.filter()?;
    let state = &world.state;
    let integration = merchant_integrations::find(state, &merchant_id, Provider::Salesforce);
    if integration.is_none_or(|id| state.integrations[id].status != Status::Active) {
        let message = "has no active connection: PUT /v0/merchantIntegrations {\"provider\": \"salesforce\"} makes one";
        return Err(Fault::bad_request(format!("Salesforce cannot be asked: the merchant {message}"))
            .with_violation(Violation::query("merchantId", "connection", message)));
    }
    let sought = q.unwrap_or_default().to_lowercase();
    let found = |account: &Account| account.name.to_lowercase().contains(&sought);
    let paging = call.paging();
    let (data, total_size) = paging.cut(accounts(state).into_iter().filter(|account| found(account)));
    let done = paging.offset.saturating_add(data.len()) >= total_size;
    Ok(Reply::ok(&Accounts { data, total_size, done }))
}

/// Each account once, as it was placed, else as it is known of a customer.
fn accounts(state: &State) -> Vec<Arc<Account>> {
    let mut accounts: Vec<Arc<Account>> = state.salesforce_accounts.iter().map(Arc::clone).collect();
    for (_, row) in state.references.iter().filter(|(_, row)| *row.provider == *PROVIDER) {
        let Entity::Customer(customer) = row.of else { continue };
        if accounts.iter().any(|known| known.id == row.external_id) {
            continue;
        }
        let consumer = &state.consumers[state.customers[customer].consumer];
        let name = row.label.as_deref().unwrap_or(&consumer.name);
        accounts.push(Arc::new(Account { id: Arc::clone(&row.external_id), name: name.into(), more: Map::new() }));
    }
    accounts
}
