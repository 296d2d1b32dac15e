//! Paying without a page: a session is completed or failed through the code that a page uses, and the outcome of charges
//! to come is scripted.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Asked, Control, Handler, row};
use crate::api::{Fault, Noun, Reply};
use crate::billing::cards::{Attempt, Card, Outcome};
use crate::contract::Violation;

pub(super) fn noun() -> Noun<Handler> {
    Noun {
        name: "payments",
        operations: vec![
            row("completePayment", Method::POST, "/payments/{session}/complete", complete),
            row("failPayment", Method::POST, "/payments/{session}/fail", fail),
            row("listOutcomes", Method::GET, "/outcomes", outcomes),
            row("setOutcomes", Method::POST, "/outcomes", script),
            row("clearOutcomes", Method::DELETE, "/outcomes/{of}", clear),
            row("savePaymentMethod", Method::POST, "/customers/{customer}/payment-methods", save),
        ],
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complete {
    #[serde(default)]
    card: Card,
    save_payment_method: Option<bool>,
}

fn complete(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Complete { card, save_payment_method: save } = asked.call.input()?;
    check_number(&card)?;
    pay(control, asked, &Attempt::Pay { card, save })
}

#[derive(Deserialize)]
struct Fail {
    #[serde(default = "declined")]
    code: String,
}

fn declined() -> String {
    "card_declined".to_owned()
}

fn fail(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Fail { code } = asked.call.input()?;
    pay(control, asked, &Attempt::Fail { code })
}

fn pay(control: &Control, asked: &Asked<'_>, attempt: &Attempt) -> Result<Reply, Fault> {
    let session = asked.call.segment("session");
    Ok(Reply::ok(&control.door(asked)?.pay(session, attempt, asked.call.wall)?))
}

#[derive(Deserialize)]
struct Save {
    #[serde(default)]
    card: Card,
}

fn save(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Save { card } = asked.call.input()?;
    check_number(&card)?;
    let customer = asked.call.segment("customer");
    Ok(Reply::created(&control.door(asked)?.save_method(customer, &card, asked.call.wall)?))
}

fn outcomes(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    Ok(Reply::ok(&json!({ "outcomes": control.door(asked)?.outcomes(asked.call.wall) })))
}

#[derive(Deserialize)]
struct Script {
    of: String,
    outcomes: Vec<String>,
}

fn script(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    let Script { of, outcomes } = asked.call.input()?;
    let (mut read, mut violations) = (Vec::new(), Vec::new());
    for (number, text) in outcomes.iter().enumerate() {
        match text.parse::<Outcome>() {
            Ok(outcome) => read.push(outcome),
            Err(why) => violations.push(Violation::body(format!("/outcomes/{number}"), "enum", why)),
        }
    }
    if !violations.is_empty() {
        return Err(Fault::violations(violations));
    }
    Ok(Reply::ok(&control.door(asked)?.script(&of, &read, asked.call.wall)?))
}

fn clear(control: &Control, asked: &Asked<'_>) -> Result<Reply, Fault> {
    control.door(asked)?.script(asked.call.segment("of"), &[], asked.call.wall)?;
    Ok(Reply::none())
}

fn check_number(card: &Card) -> Result<(), Fault> {
    if card.is_plausible() {
        return Ok(());
    }
    let message = "is not a card number: 12 to 19 digits with a right check digit, such as 4242 4242 4242 4242";
    Err(Fault::violations(vec![Violation::body("/card/number", "card", message)]))
}
