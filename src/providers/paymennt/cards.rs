//! Stored cards: what a customer has let the merchant keep.
//!
//! Facts: paymennt §2.3; §2.2 (`storeCardDetails` keeps the card of a token under the merchant's own customer id).

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::{hex, ok, page};
use super::refusals::not_found;
use super::state::State;
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Reply, read, write};
use crate::billing::cards::Card;
use crate::contract::Violation;
use crate::world::{Id, IdText, Row, hash};

pub const PREFIX: &str = "ctk_sandbox_";
pub const NOT_FOUND: &str = "Stored card not found for the provided token";
/// Shorter customer ids are no name to keep a card under (§2.2).
pub const REFERENCE_SHORTEST: usize = 3;

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listStoredCards", "/mer/v2.0/card/list", list),
        read("getStoredCard", "/mer/v2.0/card", get),
        write("deleteStoredCard", Method::POST, "/mer/v2.0/card/delete", delete),
    ];
    Noun { name: "cards", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct StoredCard {
    reference: Arc<str>,
    token: Arc<str>,
    pub card: Card,
    holder: Box<str>,
}

impl Row for StoredCard {
    const PREFIX: &'static str = "";
    const NOUN: &'static str = "stored card";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    customer_reference_id: &'a str,
    token: &'a str,
    card_brand: &'static str,
    card_bin: String,
    card_last4: String,
    card_holder_name: &'a str,
    /// The last day of its month.
    expiry: String,
}

fn body(row: &StoredCard) -> Body<'_> {
    Body {
        customer_reference_id: &row.reference,
        token: &row.token,
        card_brand: brand(&row.card),
        card_bin: row.card.digits().chars().take(6).collect(),
        card_last4: row.card.last4(),
        card_holder_name: &row.holder,
        expiry: expiry(&row.card),
    }
}

/// The brands that there are (§2.3).
fn brand(card: &Card) -> &'static str {
    match card.brand() {
        "mastercard" => "MASTERCARD",
        "amex" => "AMEX",
        _ if card.digits().starts_with("62") => "UNIONPAY",
        _ => "VISA",
    }
}

fn expiry(card: &Card) -> String {
    let (year, month) = (i16::try_from(card.exp_year).unwrap_or(i16::MAX), i8::try_from(card.exp_month).unwrap_or(12));
    let first = jiff::civil::Date::new(year, month, 1).unwrap_or(jiff::civil::Date::MAX);
    first.last_of_month().to_string()
}

fn stored_as(state: &State, reference: &str, card: &Card) -> Option<Id<StoredCard>> {
    let same = |row: &StoredCard| &*row.reference == reference && row.card == *card;
    state.cards.iter().find(|(_, row)| same(row)).map(|(id, _)| id)
}

/// The token under which a card is kept for a customer of the merchant, if it is.
pub fn kept(state: &State, reference: &str, card: &Card) -> Option<IdText> {
    stored_as(state, reference, card).map(|id| IdText::named(Arc::clone(&state.cards[id].token)))
}

/// Keeps a card for a customer of the merchant. The same card has the same token.
pub fn store(world: &mut World, reference: &str, holder: &str, card: &Card) -> Id<StoredCard> {
    let state = &mut world.state;
    if let Some(id) = stored_as(state, reference, card) {
        return id;
    }
    let own = hash(hash(state.seed, b"stored card"), &state.cards.next_id().number().to_le_bytes());
    let token: Arc<str> = format!("{PREFIX}{}", hex(own, 4)).into();
    let (reference, holder) = (Arc::from(reference), holder.to_uppercase().into());
    let id = state.cards.insert(StoredCard { reference, token: Arc::clone(&token), card: card.clone(), holder });
    state.cards_by_token.insert(token, id);
    id
}

/// The same as an answer of the control API shows it.
pub fn stored(world: &mut World, reference: &str, card: &Card) -> Result<Value, Fault> {
    if reference.chars().count() < REFERENCE_SHORTEST {
        let advice =
            format!("a card is kept under the merchant's customer id, of {REFERENCE_SHORTEST} letters or more");
        return Err(Fault::bad_request("Customer id is too short").with_violation(Violation::path(
            "customer",
            "minLength",
            advice,
        )));
    }
    let card = Card { number: card.digits(), ..card.clone() };
    let id = store(world, reference, "Test user", &card);
    Ok(json!(body(&world.state.cards[id])))
}

/// The card that a token means.
pub fn find(state: &State, token: &str) -> Option<Id<StoredCard>> {
    state.cards_by_token.get(token).copied()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whose {
    customer_reference_id: Box<str>,
}

fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let Whose { customer_reference_id: whose } = call.filter()?;
    let rows = world.state.cards.iter().map(|(_, row)| &**row).filter(|row| *row.reference == *whose);
    page(call, rows, body)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    card_token: Box<str>,
}

fn addressed(state: &State, call: &Call) -> Result<Id<StoredCard>, Fault> {
    let Which { card_token } = call.filter()?;
    find(state, &card_token).ok_or_else(|| {
        let advice = "there is no card with this token in this world";
        Fault::bad_request(NOT_FOUND).with_violation(Violation::query("cardToken", "reference", advice))
    })
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    Ok(ok(body(&world.state.cards[id])))
}

/// Answers the card that it was.
fn delete(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let row = world.state.cards.remove(id).ok_or_else(|| not_found(NOT_FOUND, "cardToken"))?;
    world.state.cards_by_token.remove(&row.token);
    Ok(ok(body(&row)))
}
