//! Debits: a card is charged by a token or as a stored card.
//!
//! Facts: paymennt §2.2 (sources; `checkoutId` or `checkoutDetails`; what each needs), §1.5 (one token, one checkout).

use std::sync::Arc;

use serde::Deserialize;

use super::attempt::{Attempt, charge};
use super::show;
use crate::api::{Call, Fault, Reply};
use crate::billing::cards::Card;
use crate::contract::Violation;
use crate::providers::paymennt::World;
use crate::providers::paymennt::cards::{self, REFERENCE_SHORTEST};
use crate::providers::paymennt::checkouts::{self, Checkout, Status};
use crate::providers::paymennt::tokens;
use crate::world::Id;

const TOKEN_USED: &str = "Invalid checkout ID, cant use the same Token for different checkout objects.";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Debit {
    source: Source,
    checkout_id: Option<Box<str>>,
    checkout_details: Option<checkouts::Wanted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    r#type: Kind,
    token: Arc<str>,
    #[serde(default)]
    store_card_details: bool,
    shopper_interaction: Option<Interaction>,
    shopper_ip_address: Option<Box<str>>,
    browser_info: Option<serde_json::Value>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Kind {
    Token,
    StoredCard,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Interaction {
    #[default]
    Ecommerce,
    Unscheduled,
    Subscription,
}

pub fn debit(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Debit { source, checkout_id, checkout_details } = call.input()?;
    // Clients send "" for none.
    let checkout_id = checkout_id.filter(|id| !id.is_empty());
    let (card, attempt) = means(world, &source)?;
    let checkout = match (checkout_id, checkout_details) {
        (Some(id), None) => waiting(world, &id)?,
        (None, Some(details)) => made(world, details, &source)?,
        (Some(_), Some(_)) => {
            return Err(Fault::field("/checkoutId", "exclusive", "is sent beside checkoutDetails: send one of them"));
        }
        (None, None) => {
            return Err(Fault::field(
                "/checkoutDetails",
                "required",
                "is missing, and so is checkoutId: send one of them",
            ));
        }
    };
    spend(world, &source, checkout)?;
    let keep = attempt == Attempt::Token { keep: true };
    if keep && !has_reference(world, checkout) {
        let advice = format!("storeCardDetails needs a customer.id of {REFERENCE_SHORTEST} letters or more");
        return Err(Fault::field("/checkoutDetails/customer/id", "required", advice));
    }
    let id = charge(world, checkout, &card, attempt);
    Ok(show(world, id, call.site))
}

/// The card that is meant, and how it comes to be charged.
fn means(world: &World, source: &Source) -> Result<(Card, Attempt), Fault> {
    let token = &*source.token;
    match source.r#type {
        Kind::Token if tokens::is_token(token, tokens::PREFIX) => {
            // One that no frame of ours made stands for the documented card: examples hold such.
            let card = tokens::card(token).unwrap_or_default();
            Ok((card, Attempt::Token { keep: source.store_card_details }))
        }
        Kind::Token => {
            let advice = format!("is no card token: those are {} and 64 digits of sixteen", tokens::PREFIX);
            Err(Fault::field("/source/token", "format", advice))
        }
        Kind::StoredCard => {
            let present = source.shopper_interaction.unwrap_or_default() == Interaction::Ecommerce;
            let missing = |name: &str| {
                let advice = "is missing: ECOMMERCE means that the customer is there, with a browser";
                Violation::body(format!("/source/{name}"), "required", advice)
            };
            let mut violations = Vec::new();
            if present && source.shopper_ip_address.is_none() {
                violations.push(missing("shopperIpAddress"));
            }
            if present && source.browser_info.is_none() {
                violations.push(missing("browserInfo"));
            }
            if !violations.is_empty() {
                return Err(Fault::violations(violations));
            }
            let id = cards::find(&world.state, token).ok_or_else(|| {
                let advice = "there is no stored card with this token in this world";
                let violation = Violation::body("/source/token", "reference", advice);
                Fault::bad_request(cards::NOT_FOUND).with_violation(violation)
            })?;
            Ok((world.state.cards[id].card.clone(), Attempt::Stored { present }))
        }
    }
}

/// A checkout that was made before and can still be paid.
fn waiting(world: &World, id: &str) -> Result<Id<Checkout>, Fault> {
    let id = checkouts::referred(&world.state, "/checkoutId", id)?;
    let status = world.state.checkouts[id].status;
    if status == Status::Pending {
        return Ok(id);
    }
    let message = format!("Checkout is {}: only one that is PENDING can be paid", status.wire());
    let violation = Violation::body("/checkoutId", "status", format!("is {}, not PENDING", status.wire()));
    Err(Fault::bad_request(message).with_violation(violation))
}

/// The checkout that is made with the payment. Whoever may be sent to a bank needs a way back.
fn made(world: &mut World, details: checkouts::Wanted, source: &Source) -> Result<Id<Checkout>, Fault> {
    if source.r#type == Kind::Token && details.return_url.is_none() {
        let advice = "is missing: a card token may lead to 3-D Secure, and from there back to this address";
        return Err(Fault::field("/checkoutDetails/returnUrl", "required", advice));
    }
    checkouts::for_payment(world, details)
}

/// A token pays one checkout and no other.
fn spend(world: &mut World, source: &Source, checkout: Id<Checkout>) -> Result<(), Fault> {
    if source.r#type != Kind::Token {
        return Ok(());
    }
    match world.state.tokens.get(&source.token) {
        Some(other) if *other != checkout => {
            let advice = "was used for another checkout: every checkout needs a token of its own";
            Err(Fault::bad_request(TOKEN_USED).with_violation(Violation::body("/source/token", "unique", advice)))
        }
        _ => {
            world.state.tokens.insert(Arc::clone(&source.token), checkout);
            Ok(())
        }
    }
}

fn has_reference(world: &World, checkout: Id<Checkout>) -> bool {
    let customer = world.state.checkouts[checkout].customer.as_ref();
    let reference = customer.and_then(|seen| seen.details.reference.as_deref());
    reference.is_some_and(|reference| reference.chars().count() >= REFERENCE_SHORTEST)
}
