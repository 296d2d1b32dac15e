//! Money that comes in, or does not: payment sessions without their pages, and charges whose outcome is scripted.

use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::encoded;
use super::world::understood;
use super::{Error, World};

/// How a payment session went.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Payment {
    /// Its id.
    pub session: String,
    /// In the vendor's words.
    pub status: String,
    /// Whether the money has come.
    pub paid: bool,
    /// Why it has not: `card_declined`.
    pub decline_code: Option<String>,
}

/// Outcomes that are still to come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Script {
    /// The id of a customer, a payment method or an invoice.
    pub of: String,
    /// In order: `succeed`, `decline`, `decline:insufficient_funds` …
    pub outcomes: Vec<String>,
}

impl World {
    /// Pays a payment session, as a customer with a good card does. Its id is taken, and the address of its page too.
    ///
    /// # Errors
    /// If it is not paid, among others.
    pub async fn pay(&self, session: &str) -> Result<Payment, Error> {
        let payment: Payment = self.at(session, "complete", json!({})).await?;
        if payment.paid {
            return Ok(payment);
        }
        let why = payment.decline_code.as_deref().unwrap_or("no reason was given");
        Err(Error::Unmet(format!("{} is {}, not paid: {why}", payment.session, payment.status)))
    }

    /// Tries to pay a session with a card; whether that goes well is said by the answer. `4000 0000 0000 0002` is
    /// declined.
    pub async fn pay_with(&self, session: &str, card: &str) -> Result<Payment, Error> {
        self.at(session, "complete", json!({ "card": { "number": card } })).await
    }

    /// Has a payment session fail with a code such as `card_declined`.
    pub async fn fail_payment(&self, session: &str, code: &str) -> Result<Payment, Error> {
        self.at(session, "fail", json!({ "code": code })).await
    }

    /// Saves a card on a customer, as a page for that would; what the vendor shows of it.
    pub async fn save_card(&self, customer: &str, card: &str) -> Result<Value, Error> {
        let path = format!("/customers/{}/payment-methods", encoded(customer));
        self.control("POST", &path, json!({ "card": { "number": card } })).await
    }

    /// Says how the next charges of a customer, a payment method or an invoice go: `succeed`, `decline`,
    /// `decline:insufficient_funds`. After them the cards decide again.
    pub async fn script(&self, of: &str, outcomes: impl IntoIterator<Item: AsRef<str>>) -> Result<Script, Error> {
        let outcomes: Vec<String> = outcomes.into_iter().map(|outcome| outcome.as_ref().to_owned()).collect();
        self.ask("POST", "/outcomes", json!({ "of": of, "outcomes": outcomes })).await
    }

    /// What is left of the scripts.
    pub async fn scripts(&self) -> Result<Vec<Script>, Error> {
        understood(self.control("GET", "/outcomes", Value::Null).await?["outcomes"].take(), "/outcomes")
    }

    async fn at(&self, session: &str, how: &str, body: Value) -> Result<Payment, Error> {
        self.ask("POST", &format!("/payments/{}/{how}", encoded(session_of(session))), body).await
    }
}

/// The id of a session, from itself or from the address of its page.
pub(crate) fn session_of(address: &str) -> &str {
    let path = address.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    path.rsplit('/').next().unwrap_or_default()
}
