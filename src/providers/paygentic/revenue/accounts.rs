//! What customers owe today, with tax: a row for each customer and currency.
//!
//! Facts: paygentic-behaviour §2.14 (outstanding), §1.2 (404 for a customer who is not there).

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Amount, currency, customer};
use crate::api::{Call, Fault, Reply};
use crate::billing::money;
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::Pagination;
use crate::providers::paygentic::customers::{self, Customer};
use crate::providers::paygentic::invoices::{Invoice, Status};
use crate::providers::paygentic::state::{State, mine, primary_currency};
use crate::world::{Id, IdText, Row as _};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    merchant_id: String,
    customer_ids: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Accounts {
    object: &'static str,
    totals: Vec<Total>,
    data: Vec<Row>,
    pagination: Pagination,
}

#[derive(Serialize)]
struct Total {
    currency: Arc<str>,
    outstanding: Body,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    customer_id: IdText,
    customer_name: String,
    currency: Arc<str>,
    outstanding: Body,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(flatten)]
    all: Amount,
    awaiting_payment: Amount,
    payment_failed: Amount,
}

/// How many invoices, and what is owed on them.
#[derive(Clone, Copy, Default)]
struct Owed {
    count: usize,
    amount: Decimal,
}

impl Owed {
    fn add(self, other: Self) -> Self {
        Self { count: self.count + other.count, amount: self.amount.saturating_add(other.amount) }
    }

    fn body(self, currency: &str) -> Amount {
        Amount { count: self.count, amount: money::major(self.amount, currency) }
    }
}

#[derive(Clone, Copy, Default)]
struct Account {
    awaiting: Owed,
    failed: Owed,
}

impl Account {
    fn add(self, other: Self) -> Self {
        Self { awaiting: self.awaiting.add(other.awaiting), failed: self.failed.add(other.failed) }
    }

    fn outstanding(self) -> Owed {
        self.awaiting.add(self.failed)
    }

    fn body(self, currency: &str) -> Body {
        Body {
            all: self.outstanding().body(currency),
            awaiting_payment: self.awaiting.body(currency),
            payment_failed: self.failed.body(currency),
        }
    }
}

pub(super) fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let query: Query = call.filter()?;
    let merchant = Some(&*query.merchant_id);
    let wanted = query.customer_ids.as_ref().map(|ids| ids.iter().map(|text| named(state, merchant, text)));
    let wanted: Option<Vec<Id<Customer>>> = wanted.map(Iterator::collect::<Result<_, _>>).transpose()?;

    let mut accounts: BTreeMap<(Arc<str>, Id<Customer>), Account> = BTreeMap::new();
    for (id, invoice) in state.invoices.iter() {
        let owner = customer(state, id);
        let asked = wanted.as_ref().is_none_or(|wanted| wanted.contains(&owner));
        let Some(account) = owed(invoice).filter(|_| asked && mine(merchant, &state.customers[owner].merchant)) else {
            continue;
        };
        let sum = accounts.entry((currency(state, id).into(), owner)).or_default();
        *sum = sum.add(account);
    }
    let mut rows: Vec<(Arc<str>, Id<Customer>, Account)> =
        accounts.into_iter().map(|((currency, owner), account)| (currency, owner, account)).collect();
    let primary = primary_currency(state, merchant);
    rows.sort_by_cached_key(|(currency, owner, account)| {
        let largest_first = std::cmp::Reverse(account.outstanding().amount);
        (*currency != primary, Arc::clone(currency), largest_first, state.customers.text(*owner).to_string())
    });
    let mut totals: Vec<(Arc<str>, Account)> = Vec::new();
    for (currency, _, account) in &rows {
        match totals.last_mut() {
            Some((known, total)) if known == currency => *total = total.add(*account),
            _ => totals.push((Arc::clone(currency), *account)),
        }
    }
    let body = |(currency, owner, account): (Arc<str>, Id<Customer>, Account)| Row {
        customer_id: state.customers.text(owner),
        customer_name: state.consumers[state.customers[owner].consumer].name.to_string(),
        outstanding: account.body(&currency),
        currency,
    };
    let paging = call.paging();
    let (shown, total) = paging.cut(rows.into_iter());
    let pagination = Pagination { limit: paging.limit, offset: paging.offset, total };
    let total = |(currency, account): (Arc<str>, Account)| Total { outstanding: account.body(&currency), currency };
    Ok(Reply::ok(&Accounts {
        object: "list",
        totals: totals.into_iter().map(total).collect(),
        data: shown.into_iter().map(body).collect(),
        pagination,
    }))
}

/// The customer that a query names.
fn named(state: &State, merchant: Option<&str>, text: &str) -> Result<Id<Customer>, Fault> {
    let found = customers::live(state, text).filter(|id| mine(merchant, &state.customers[*id].merchant));
    found.ok_or_else(|| {
        let message = format!("the merchant has no customer {text:?}");
        Fault::no_such(Customer::NOUN, text).with_violation(Violation::query("customerIds", "reference", message))
    })
}

/// What is owed on an invoice, if anything is.
fn owed(invoice: &Invoice) -> Option<Account> {
    let owed = Owed { count: 1, amount: invoice.totals.gross() };
    match invoice.status {
        _ if owed.amount.is_zero() => None,
        Status::Issued => Some(Account { awaiting: owed, ..Account::default() }),
        Status::PaymentFailed => Some(Account { failed: owed, ..Account::default() }),
        _ => None,
    }
}
