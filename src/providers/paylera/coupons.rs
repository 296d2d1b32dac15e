//! Coupons: what a code takes off, for how long and how often.
//!
//! Facts: paylera §3.11: that codes exist is all that is documented. Upper and lower case differ in a code. One that
//! is deleted stays in the table, since those who have it keep it, and is gone everywhere else: its code is free.

use std::sync::Arc;

use http::Method;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::body::Metadata;
use super::invoices::{Off, Reduction};
use super::listing::list;
use super::state::State;
use super::{Operation, World, now};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::money;
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listCoupons", "/v1/coupons", list_all),
        write("createCoupon", Method::POST, "/v1/coupons", create),
        read("getCoupon", "/v1/coupons/{code}", get),
        write("deleteCoupon", Method::DELETE, "/v1/coupons/{code}", delete),
    ];
    Noun { name: "coupons", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Coupon {
    code: Arc<str>,
    name: Option<Box<str>>,
    percent_off: Option<Decimal>,
    amount_off: Option<Decimal>,
    currency: Option<Box<str>>,
    duration: Duration,
    duration_months: Option<u32>,
    applies_to: Option<AppliesTo>,
    max_redemptions: Option<u64>,
    expires_at: Option<Timestamp>,
    times_redeemed: u64,
    metadata: Metadata,
    created_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

impl Row for Coupon {
    const PREFIX: &'static str = "cpn_";
    const NOUN: &'static str = "coupon";
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Duration {
    #[default]
    Once,
    Repeating,
    Forever,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct AppliesTo {
    product_codes: Arc<[Arc<str>]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Active,
    Expired,
    /// Redeemed as often as it may be.
    Exhausted,
}

#[derive(Serialize)]
struct Body<'a> {
    id: IdText,
    object: &'static str,
    code: &'a str,
    name: Option<&'a str>,
    percent_off: Option<Decimal>,
    amount_off: Option<Decimal>,
    currency: Option<&'a str>,
    duration: Duration,
    duration_months: Option<u32>,
    applies_to: Option<&'a AppliesTo>,
    max_redemptions: Option<u64>,
    times_redeemed: u64,
    expires_at: Option<Timestamp>,
    status: Status,
    metadata: &'a Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn body(state: &State, id: Id<Coupon>, now: Timestamp) -> Body<'_> {
    let row = &state.coupons[id];
    Body {
        id: state.coupons.text(id),
        object: "coupon",
        code: &row.code,
        name: row.name.as_deref(),
        percent_off: row.percent_off,
        amount_off: row.amount_off,
        currency: row.currency.as_deref(),
        duration: row.duration,
        duration_months: row.duration_months,
        applies_to: row.applies_to.as_ref(),
        max_redemptions: row.max_redemptions,
        times_redeemed: row.times_redeemed,
        expires_at: row.expires_at,
        status: row.status(now),
        metadata: &row.metadata,
        created_at: row.created_at,
        // No operation changes a coupon.
        updated_at: row.created_at,
    }
}

impl Coupon {
    /// From the instant of its end on, a coupon has expired.
    fn status(&self, now: Timestamp) -> Status {
        if self.expires_at.is_some_and(|end| end <= now) {
            Status::Expired
        } else if self.max_redemptions.is_some_and(|most| self.times_redeemed >= most) {
            Status::Exhausted
        } else {
            Status::Active
        }
    }
}

/// The coupon that the path's code means, unless it is deleted; an id does as well.
fn addressed(state: &State, call: &Call) -> Result<Id<Coupon>, Fault> {
    let text = call.segment("code");
    let found = state.coupons_by_code.get(text).copied().or_else(|| state.coupons.find(text));
    let id = found.ok_or_else(|| Fault::no_such(Coupon::NOUN, text))?;
    match state.coupons[id].deleted_at {
        None => Ok(id),
        Some(at) => {
            let message = format!("this coupon was deleted at {at}");
            let fault = Fault::no_such(Coupon::NOUN, text);
            Err(fault.with_violation(Violation::path("code", "reference", message)))
        }
    }
}

fn list_all(world: &World, call: &Call) -> Result<Reply, Fault> {
    let (state, now) = (&world.state, now(world, call));
    let live = state.coupons.iter().filter(|(_, row)| row.deleted_at.is_none());
    list(call, live.map(|(id, _)| (id.number(), json!(body(state, id, now)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(Reply::ok(&body(&world.state, addressed(&world.state, call)?, now(world, call))))
}

#[derive(Deserialize)]
struct Create {
    code: Arc<str>,
    name: Option<Box<str>>,
    percent_off: Option<Decimal>,
    amount_off: Option<Decimal>,
    currency: Option<Box<str>>,
    #[serde(default)]
    duration: Duration,
    duration_months: Option<u32>,
    applies_to: Option<AppliesTo>,
    max_redemptions: Option<u64>,
    expires_at: Option<Timestamp>,
    #[serde(default)]
    metadata: Metadata,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let now = world.now(ClockId::WORLD);
    check(&wanted, &world.state, now)?;
    let code = Arc::clone(&wanted.code);
    if world.state.coupons_by_code.contains_key(&code) {
        let message = format!("There is a coupon with the code {code:?} already");
        return Err(Fault::conflict(message).with_code("coupon.code_taken"));
    }
    let id = world.state.coupons.insert(Coupon {
        code: wanted.code,
        name: wanted.name,
        percent_off: wanted.percent_off,
        amount_off: wanted.amount_off,
        currency: wanted.currency,
        duration: wanted.duration,
        duration_months: wanted.duration_months,
        applies_to: wanted.applies_to,
        max_redemptions: wanted.max_redemptions,
        expires_at: wanted.expires_at,
        times_redeemed: 0,
        metadata: wanted.metadata.checked()?,
        created_at: now,
        deleted_at: None,
    });
    world.state.coupons_by_code.insert(code, id);
    Ok(Reply::created(&body(&world.state, id, now)))
}

/// What the schema does not say: that a coupon takes something off, in one way, of products that exist, and has not
/// ended before it begins.
fn check(wanted: &Create, state: &State, now: Timestamp) -> Result<(), Fault> {
    let mut violations = Vec::new();
    let mut wrong = |pointer: &str, rule: &'static str, message: String| {
        violations.push(Violation::body(pointer, rule, message));
    };
    if wanted.percent_off.is_some() {
        if wanted.amount_off.is_some() {
            wrong("/amount_off", "oneOf", "a coupon has percent_off or amount_off, not both".to_owned());
        }
        if wanted.currency.is_some() {
            wrong("/currency", "oneOf", "a percentage has no currency".to_owned());
        }
    } else if let Some(currency) = wanted.currency.as_deref().filter(|code| !money::is_currency(code)) {
        wrong("/currency", "enum", format!("{currency:?} is no ISO 4217 currency"));
    }
    for (pointer, value) in [("/percent_off", wanted.percent_off), ("/amount_off", wanted.amount_off)] {
        if value.is_some_and(|value| value.is_zero()) {
            wrong(pointer, "exclusiveMinimum", "a coupon takes something off: more than 0".to_owned());
        }
    }
    if wanted.duration != Duration::Repeating && wanted.duration_months.is_some() {
        wrong("/duration_months", "dependency", "only a repeating coupon has months".to_owned());
    }
    if let Some(end) = wanted.expires_at.filter(|end| *end <= now) {
        wrong("/expires_at", "minimum", format!("{end} is not after now, {now}"));
    }
    let codes = wanted.applies_to.iter().flat_map(|applies| applies.product_codes.iter());
    for (number, code) in codes.enumerate().filter(|(_, code)| !state.products_by_code.contains_key(*code)) {
        let pointer = format!("/applies_to/product_codes/{number}");
        wrong(&pointer, "reference", format!("there is no product with the code {code:?}"));
    }
    if violations.is_empty() { Ok(()) } else { Err(Fault::violations(violations)) }
}

fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let now = world.now(ClockId::WORLD);
    let code = Arc::clone(&world.state.coupons[id].code);
    world.state.coupons.update(id, |row| row.deleted_at = Some(now));
    world.state.coupons_by_code.remove(&code);
    Ok(Reply::none())
}

/// A coupon that a subscription holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Redemption {
    pub coupon: Id<Coupon>,
    /// When it first took something off.
    pub first_used_at: Option<Timestamp>,
}

impl Redemption {
    pub fn new(coupon: Id<Coupon>) -> Self {
        Self { coupon, first_used_at: None }
    }

    /// Whether it takes something off an invoice that is made now: the first, those of so many months, or all.
    pub fn applies(&self, state: &State, now: Timestamp) -> bool {
        let row = &state.coupons[self.coupon];
        match (row.duration, self.first_used_at) {
            (_, None) | (Duration::Forever, _) => true,
            (Duration::Once, Some(_)) => false,
            (Duration::Repeating, Some(first)) => {
                let end = Cadence::months(row.duration_months.unwrap_or(1)).after(first, 1);
                end.is_none_or(|end| now < end)
            }
        }
    }
}

pub fn code(state: &State, id: Id<Coupon>) -> &str {
    &state.coupons[id].code
}

/// What a coupon takes off an invoice.
pub fn reduction(state: &State, id: Id<Coupon>) -> Reduction {
    let row = &state.coupons[id];
    let off = match (row.percent_off, row.amount_off) {
        (Some(percent), _) => Off::Percent(percent),
        (None, amount) => Off::Amount(amount.unwrap_or_default()),
    };
    Reduction { off, products: row.applies_to.as_ref().map(|applies| Arc::clone(&applies.product_codes)) }
}

/// The coupons of these codes, if all of them can be redeemed in a currency.
///
/// # Errors
/// Naming the first that cannot.
pub fn redeemable(state: &State, codes: &[Box<str>], currency: &str, now: Timestamp) -> Result<Vec<Id<Coupon>>, Fault> {
    codes.iter().enumerate().map(|(place, code)| redeemable_at(state, place, code, currency, now)).collect()
}

/// The coupon of one code in `coupons`.
///
/// # Errors
/// As for [`redeemable`].
pub fn redeemable_at(
    state: &State,
    place: usize,
    code: &str,
    currency: &str,
    now: Timestamp,
) -> Result<Id<Coupon>, Fault> {
    let refused = |message: String| Err(Fault::field(&format!("/coupons/{place}"), "reference", message));
    let Some(id) = state.coupons_by_code.get(code).copied() else {
        return refused(format!("there is no coupon {code:?}"));
    };
    let row = &state.coupons[id];
    match row.status(now) {
        Status::Active => {}
        Status::Expired => return refused(format!("the coupon {code:?} has expired")),
        Status::Exhausted => return refused(format!("the coupon {code:?} has been redeemed as often as it may be")),
    }
    if let Some(own) = row.currency.as_deref().filter(|own| *own != currency) {
        return refused(format!("the coupon {code:?} takes off an amount in {own}, not in {currency}"));
    }
    Ok(id)
}

/// Counts a redemption.
pub fn redeem(state: &mut State, id: Id<Coupon>) {
    state.coupons.update(id, |row| row.times_redeemed += 1);
}
