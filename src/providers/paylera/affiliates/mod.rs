//! Affiliates: programmes, who sends customers, and what they earn by it.
//!
//! Facts: paylera §2.14 (rules, one permanent affiliate a customer, life of a commission), §2.6 (a refund inside the hold
//! takes it back). `commissions.rs` has what is earned.

mod commissions;

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::commissions::{Commission, earned, eligible, reversed};
use super::body::{Metadata, amount};
use super::customers;
use super::listing::list;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::money;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createAffiliateProgramme", Method::POST, "/v1/affiliates/programmes", create_programme),
        read("listAffiliateProgrammes", "/v1/affiliates/programmes", list_programmes),
        read("getAffiliateProgramme", "/v1/affiliates/programmes/{code}", get_programme),
        write("createAffiliate", Method::POST, "/v1/affiliates", create),
        read("listAffiliates", "/v1/affiliates", list_all),
        read("getAffiliate", "/v1/affiliates/{id}", get),
        write("attributeAffiliate", Method::POST, "/v1/affiliates/attribute", attribute),
        read("listAffiliateCommissions", "/v1/affiliates/commissions", commissions::list_all),
    ];
    Noun { name: "affiliates", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Programme {
    code: Arc<str>,
    rule: Rule,
    hold_period_days: u32,
    min_payout_amount: Decimal,
    currency: Arc<str>,
    created_at: Timestamp,
}

impl Row for Programme {
    const PREFIX: &'static str = "prg_";
    const NOUN: &'static str = "affiliate programme";
}

#[derive(Debug, Clone, Deserialize, Serialize)]
struct Rule {
    r#type: Kind,
    rate: Decimal,
    applies_to: Option<AppliesTo>,
    #[serde(default)]
    duration: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Percent,
    Fixed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct AppliesTo {
    product_codes: Arc<[Arc<str>]>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Duration {
    #[default]
    FirstPayment,
    FirstYear,
    Lifetime,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Affiliate {
    programme: Id<Programme>,
    code: Arc<str>,
    email: Box<str>,
    name: Option<Box<str>>,
    metadata: Metadata,
    created_at: Timestamp,
}

impl Row for Affiliate {
    const PREFIX: &'static str = "aff_";
    const NOUN: &'static str = "affiliate";
}

/// Who has sent a customer, and how that is known.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Attribution {
    pub affiliate: Id<Affiliate>,
    source: Source,
    at: Timestamp,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Code,
    Cookie,
    #[default]
    Api,
}

#[derive(Serialize)]
struct ProgrammeBody<'a> {
    id: IdText,
    object: &'static str,
    code: &'a str,
    rule: RuleBody<'a>,
    hold_period_days: u32,
    min_payout_amount: String,
    currency: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct RuleBody<'a> {
    r#type: Kind,
    rate: String,
    applies_to: Option<&'a AppliesTo>,
    duration: Duration,
}

fn programme_body(state: &State, id: Id<Programme>) -> ProgrammeBody<'_> {
    let row = &state.programmes[id];
    ProgrammeBody {
        id: state.programmes.text(id),
        object: "affiliate_programme",
        code: &row.code,
        rule: RuleBody {
            r#type: row.rule.r#type,
            rate: row.rule.rate.to_string(),
            applies_to: row.rule.applies_to.as_ref(),
            duration: row.rule.duration,
        },
        hold_period_days: row.hold_period_days,
        min_payout_amount: amount(row.min_payout_amount, &row.currency),
        currency: &row.currency,
        created_at: row.created_at,
        // No operation changes a programme.
        updated_at: row.created_at,
    }
}

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    programme_code: &'a str,
    code: &'a str,
    email: &'a str,
    name: Option<&'a str>,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Affiliate>) -> Body<'_> {
    let row = &state.affiliates[id];
    Body {
        id: state.affiliates.text(id),
        object: "affiliate",
        programme_code: &state.programmes[row.programme].code,
        code: &row.code,
        email: &row.email,
        name: row.name.as_deref(),
        metadata: &row.metadata,
        created_at: row.created_at,
        updated_at: row.created_at,
    }
}

fn programme(state: &State, code: &str) -> Option<Id<Programme>> {
    state.programmes.iter().find(|(_, row)| *row.code == *code).map(|(id, _)| id)
}

#[derive(Deserialize)]
struct CreateProgramme {
    code: Arc<str>,
    rule: Rule,
    hold_period_days: Option<u32>,
    min_payout_amount: Option<Decimal>,
    currency: Arc<str>,
}

/// How long a commission is held where nobody says: the documented sample.
const HOLD_DAYS: u32 = 30;

fn create_programme(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: CreateProgramme = call.input()?;
    let state = &world.state;
    let mut violations = Vec::new();
    if !money::is_currency(&wanted.currency) {
        let message = format!("{:?} is no ISO 4217 currency", wanted.currency);
        violations.push(Violation::body("/currency", "enum", message));
    }
    let codes = wanted.rule.applies_to.iter().flat_map(|applies| applies.product_codes.iter());
    for (place, code) in codes.enumerate().filter(|(_, code)| !state.products_by_code.contains_key(*code)) {
        let message = format!("there is no product with the code {code:?}");
        violations.push(Violation::body(format!("/rule/applies_to/product_codes/{place}"), "reference", message));
    }
    if !violations.is_empty() {
        return Err(Fault::violations(violations));
    }
    if programme(state, &wanted.code).is_some() {
        let message = format!("There is a programme with the code {:?} already", wanted.code);
        return Err(Fault::conflict(message).with_code("affiliate_programme.code_taken"));
    }
    let created_at = world.now(ClockId::WORLD);
    let id = world.state.programmes.insert(Programme {
        code: wanted.code,
        rule: wanted.rule,
        hold_period_days: wanted.hold_period_days.unwrap_or(HOLD_DAYS),
        min_payout_amount: wanted.min_payout_amount.unwrap_or_default(),
        currency: wanted.currency,
        created_at,
    });
    Ok(Reply::created(&programme_body(&world.state, id)))
}

fn list_programmes(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.programmes.iter().map(|(id, _)| (id.number(), json!(programme_body(state, id)))))
}

fn get_programme(world: &World, call: &Call) -> Result<Reply, Fault> {
    let code = call.segment("code");
    let found = programme(&world.state, code).or_else(|| world.state.programmes.find(code));
    let id = found.ok_or_else(|| Fault::no_such(Programme::NOUN, code))?;
    Ok(Reply::ok(&programme_body(&world.state, id)))
}

#[derive(Deserialize)]
struct Create {
    programme_code: Arc<str>,
    code: Arc<str>,
    email: Box<str>,
    name: Option<Box<str>>,
    #[serde(default)]
    metadata: Metadata,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let code = &wanted.programme_code;
    let Some(programme) = programme(&world.state, code) else {
        let message = format!("there is no programme with the code {code:?}");
        return Err(Fault::field("/programme_code", "reference", message));
    };
    if by_code(&world.state, &wanted.code).is_some() {
        let message = format!("There is an affiliate with the code {:?} already", wanted.code);
        return Err(Fault::conflict(message).with_code("affiliate.code_taken"));
    }
    let created_at = world.now(ClockId::WORLD);
    let Create { code, email, name, metadata, .. } = wanted;
    let metadata = metadata.checked()?;
    let id = world.state.affiliates.insert(Affiliate { programme, code, email, name, metadata, created_at });
    Ok(Reply::created(&body(&world.state, id)))
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    list(call, state.affiliates.iter().map(|(id, _)| (id.number(), json!(body(state, id)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.affiliates)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

/// The affiliate of a referral code.
fn by_code(state: &State, code: &str) -> Option<Id<Affiliate>> {
    state.affiliates.iter().find(|(_, row)| *row.code == *code).map(|(id, _)| id)
}

/// The attribution that a `referral_code` at the creation of a customer means.
///
/// # Errors
/// If nobody has this code.
pub fn referred(state: &State, code: &str, now: Timestamp) -> Result<Attribution, Fault> {
    let affiliate = by_code(state, code).ok_or_else(|| {
        let message = format!("no affiliate has the code {code:?}");
        Fault::field("/referral_code", "reference", message)
    })?;
    Ok(Attribution { affiliate, source: Source::Code, at: now })
}

#[derive(Deserialize)]
struct Attribute {
    customer_id: Box<str>,
    affiliate_id: Option<Box<str>>,
    code: Option<Box<str>>,
    #[serde(default)]
    source: Source,
}

/// For good: the same again is the answer of then, another one is refused.
fn attribute(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Attribute = call.input()?;
    let state = &world.state;
    let customer = customers::referred(state, &wanted.customer_id)?;
    let (field, found) = match (&wanted.affiliate_id, &wanted.code) {
        (Some(id), _) => ("affiliate_id", state.affiliates.find(id)),
        (None, code) => ("code", code.as_deref().and_then(|code| by_code(state, code))),
    };
    let Some(affiliate) = found else {
        return Err(Fault::field(&format!("/{field}"), "reference", "there is no such affiliate in this world"));
    };
    let known = state.customers[customer].attribution;
    if known.is_some_and(|known| known.affiliate != affiliate) {
        let message = "This customer has an affiliate already, for good";
        return Err(Fault::conflict(message).with_code("affiliate.already_attributed"));
    }
    let now = world.now(ClockId::WORLD);
    let attribution = known.unwrap_or(Attribution { affiliate, source: wanted.source, at: now });
    world.state.customers.update(customer, |row| row.attribution = Some(attribution));
    if known.is_none() {
        customers::updated(world, customer);
    }
    let state = &world.state;
    Ok(Reply::ok(&json!({
        "object": "affiliate_attribution",
        "customer_id": state.customers.text(customer),
        "affiliate_id": state.affiliates.text(affiliate),
        "programme_code": state.programmes[state.affiliates[affiliate].programme].code,
        "source": attribution.source,
        "attributed_at": attribution.at,
    })))
}
