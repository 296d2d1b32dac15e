//! A customer's payment methods: cards, saved on a page or through the control API.
//!
//! Facts: paygentic-behaviour §2.6 (shapes, life of a set-up page).

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Customer, addressed, live};
use crate::api::{Call, Fault, Reply};
use crate::billing::cards::Card;
use crate::providers::paygentic::World;
use crate::providers::paygentic::payment_sessions::{self, Opening, Purpose, Redirects, Session, Status};
use crate::providers::paygentic::state::State;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

/// How long a set-up page lives, by default and at most (§2.6).
const SET_UP_LIFE: Cadence = Cadence::days(30);

/// A saved card.
#[derive(Clone, Serialize, Deserialize)]
pub struct PaymentMethod {
    pub card: Card,
    pub created_at: Timestamp,
}

impl Row for PaymentMethod {
    const PREFIX: &'static str = "pm_";
    const NOUN: &'static str = "payment method";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    object: &'static str,
    id: IdText,
    r#type: &'static str,
    brand: &'static str,
    last4: String,
    exp_month: u8,
    exp_year: u16,
    created_at: Timestamp,
}

fn body(state: &State, id: Id<PaymentMethod>) -> Body {
    let row = &state.payment_methods[id];
    Body {
        object: "paymentMethod",
        id: state.payment_methods.text(id),
        r#type: "card",
        brand: row.card.brand(),
        last4: row.card.last4(),
        exp_month: row.card.exp_month,
        exp_year: row.card.exp_year,
        created_at: row.created_at,
    }
}

/// Saves a card on a customer, as a completed set-up page does.
pub fn save_method(world: &mut World, customer: &str, card: &Card) -> Result<Value, Fault> {
    let id = live(&world.state, customer).ok_or_else(|| Fault::no_such(Customer::NOUN, customer))?;
    let method = keep_card(world, id, card);
    Ok(json!(body(&world.state, method)))
}

/// Keeps a card that was used on a page; from now on it is the one that is charged.
pub fn keep_card(world: &mut World, customer: Id<Customer>, card: &Card) -> Id<PaymentMethod> {
    let created_at = world.now(ClockId::WORLD);
    let method = PaymentMethod { card: card.clone(), created_at };
    let id = world.state.payment_methods.insert(method);
    world.state.customers.update(customer, |row| row.payment_methods.push(id));
    id
}

/// Takes a card away. Without one the customer's invoices wait to be paid on their pages.
pub fn remove_method(world: &mut World, customer: Id<Customer>, method: Id<PaymentMethod>) {
    world.state.customers.update(customer, |row| row.payment_methods.retain(|kept| *kept != method));
    world.state.payment_methods.remove(method);
}

/// From now on this card of the customer is the one that is charged.
pub fn prefer_method(world: &mut World, customer: Id<Customer>, method: Id<PaymentMethod>) {
    world.state.customers.update(customer, |row| {
        row.payment_methods.retain(|kept| *kept != method);
        row.payment_methods.push(method);
    });
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let methods = &world.state.customers[id].payment_methods;
    let data: Vec<Body> = methods.iter().map(|id| body(&world.state, *id)).collect();
    Ok(Reply::ok(&json!({ "object": "list", "data": data })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetUp {
    success_redirect_url: Option<Box<str>>,
    failure_redirect_url: Option<Box<str>>,
    metadata: Option<Map<String, Value>>,
    expires_at: Option<Timestamp>,
}

/// A page that saves a card and charges nothing.
pub(super) fn set_up(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let wanted: SetUp = call.input()?;
    let redirects = Redirects { on_success: wanted.success_redirect_url, on_failure: wanted.failure_redirect_url };
    let expires_at = expiry(world.now(ClockId::WORLD), wanted.expires_at)?;
    let session = open_set_up(world, id, expires_at, Some(redirects), wanted.metadata);
    let url = payment_sessions::url(&world.state, session, call.site);
    Ok(Reply::created(&session_body(&world.state, session, url)))
}

/// Opens a page that saves a card on a customer until it expires.
pub fn open_set_up(
    world: &mut World,
    customer: Id<Customer>,
    expires_at: Timestamp,
    redirects: Option<Redirects>,
    metadata: Option<Map<String, Value>>,
) -> Id<Session> {
    let opening = Opening {
        purpose: Purpose::Setup(customer),
        customer: Some(customer),
        amount: Decimal::ZERO,
        // Of an amount that nobody pays: no answer shows it.
        currency: Arc::from("USD"),
        clock: ClockId::WORLD,
        expires_at,
        redirects,
        save: true,
        metadata: metadata.map(Value::Object),
    };
    payment_sessions::open(world, opening)
}

fn expiry(now: Timestamp, wanted: Option<Timestamp>) -> Result<Timestamp, Fault> {
    let most = SET_UP_LIFE.after(now, 1).unwrap_or(Timestamp::MAX);
    match wanted {
        Some(at) if at <= now => {
            Err(Fault::field("/expiresAt", "minimum", format!("{at} has passed: the clock shows {now}")))
        }
        Some(at) if at > most => {
            Err(Fault::field("/expiresAt", "maximum", format!("{at} is more than 30 days ahead; at most {most}")))
        }
        wanted => Ok(wanted.unwrap_or(most)),
    }
}

/// A set-up session as the customer's routes show it: not the shape of `/v0/paymentSessions`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody<'a> {
    object: &'static str,
    id: IdText,
    mode: &'static str,
    status: Status,
    url: String,
    success_redirect_url: Option<&'a str>,
    failure_redirect_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Value>,
    expires_at: Timestamp,
    created_at: Timestamp,
    completed_at: Option<Timestamp>,
}

fn session_body(state: &State, id: Id<Session>, url: String) -> SessionBody<'_> {
    let row = &state.sessions[id];
    let redirects = row.redirects.as_deref();
    SessionBody {
        object: "paymentSession",
        id: state.sessions.text(id),
        mode: "setup",
        status: row.status,
        url,
        success_redirect_url: redirects.and_then(|urls| urls.on_success.as_deref()),
        failure_redirect_url: redirects.and_then(|urls| urls.on_failure.as_deref()),
        metadata: row.metadata.as_ref(),
        expires_at: row.expires_at,
        created_at: row.created_at,
        completed_at: row.completed_at,
    }
}
