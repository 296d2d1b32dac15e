//! Who stands behind a customer: a person or organisation with an e-mail address and a tax address.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::TaxRates;
use crate::contract::{Contract, Registry, Violation};
use crate::providers::paygentic::state::HOUSE_MERCHANT;
use crate::providers::paygentic::{SCHEMAS, World};
use crate::world::{Id, Row};

/// Who pays: an organisation or person, known by its e-mail address.
#[derive(Clone, Serialize, Deserialize)]
pub struct Consumer {
    pub name: Box<str>,
    pub email: Arc<str>,
    pub phone: Option<Box<str>>,
    pub address: Address,
}

impl Row for Consumer {
    const PREFIX: &'static str = "org_";
    const NOUN: &'static str = "consumer";
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line1: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line2: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip_code: Option<Box<str>>,
}

/// A consumer as a request describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerInput {
    pub name: Box<str>,
    pub email: Arc<str>,
    pub phone: Option<Box<str>>,
    #[serde(default)]
    pub address: Address,
    /// Of the customer that is made for it, where a subscription brings its own.
    #[serde(default)]
    pub tax_rates: TaxRates,
}

/// What the API asks of a consumer; for the page where somebody describes themselves.
static RULES: LazyLock<Contract> = LazyLock::new(|| Registry::new(&SCHEMAS).contract("customers", "createCustomer"));

/// A consumer who is described outside of the API, by the API's own rules.
///
/// # Errors
/// What is wrong, with pointers below `/consumer`.
pub fn read_input(consumer: &Value) -> Result<ConsumerInput, Vec<Violation>> {
    let mut request = json!({ "merchantId": HOUSE_MERCHANT, "consumer": consumer });
    RULES.request(&mut request)?;
    ConsumerInput::deserialize(&request["consumer"])
        .map_err(|error| vec![Violation::body("/consumer", "type", error.to_string())])
}

/// Whether a text can be the code of a country. Codes are not looked up.
pub fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic())
}

/// Whether an address is enough to calculate tax; where it is not, the plan's rate is used (§2.6).
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ValidTaxAddress {
    valid: bool,
    message: Option<String>,
}

impl Address {
    fn normalised(mut self) -> Self {
        self.zip_code = self.zip_code.map(|zip| zip.trim().to_uppercase().into());
        self
    }

    pub(super) fn check(&self) -> ValidTaxAddress {
        let missing = self.missing();
        let country = self.country.as_deref().unwrap_or_default();
        let message = if !missing.is_empty() {
            Some(format!("The address cannot be used for tax: {} missing", missing.join(", ")))
        } else if !is_country(country) {
            Some(format!("The address cannot be used for tax: country {country:?} is not two letters such as US"))
        } else {
            None
        };
        ValidTaxAddress { valid: message.is_none(), message }
    }

    fn missing(&self) -> Vec<&'static str> {
        let blank = |field: &Option<Box<str>>| field.as_deref().is_none_or(|text| text.trim().is_empty());
        // Only there does the tax depend on the state (§2.6).
        let in_states = self
            .country
            .as_deref()
            .is_some_and(|country| ["US", "CA"].iter().any(|with_states| country.eq_ignore_ascii_case(with_states)));
        let wanted = [
            ("country", blank(&self.country)),
            ("state", in_states && blank(&self.state)),
            ("zipCode", blank(&self.zip_code)),
        ];
        wanted.into_iter().filter_map(|(name, missing)| missing.then_some(name)).collect()
    }
}

/// The consumer with this e-mail address, made if there is none. What is known of an existing one stays: the
/// documents do not say that a second merchant's request may rewrite it.
pub(super) fn ensure(world: &mut World, input: ConsumerInput) -> Id<Consumer> {
    let key: Arc<str> = input.email.trim().to_lowercase().into();
    if let Some(known) = world.state.consumers_by_email.get(&key) {
        return *known;
    }
    let id = world.state.consumers.insert(Consumer {
        name: input.name,
        email: input.email,
        phone: input.phone,
        address: input.address.normalised(),
    });
    world.state.consumers_by_email.insert(key, id);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(country: &str, state: &str, zip: &str) -> Option<String> {
        let text = |text: &str| Some(text.into());
        let address = Address { country: text(country), state: text(state), zip_code: text(zip), ..Address::default() };
        address.check().message
    }

    #[test]
    fn a_tax_address_needs_country_and_zip_and_a_state_where_states_tax() {
        assert_eq!(message("US", "CA", "94105"), None);
        assert_eq!(message("DE", "", "10115"), None);
        assert_eq!(
            message("ca", " ", ""),
            Some("The address cannot be used for tax: state, zipCode missing".to_owned())
        );
        assert!(message("12", "", "10115").is_some_and(|message| message.contains("two letters")));
        assert_eq!(Address::default().missing(), ["country", "zipCode"]);
    }

    #[test]
    fn a_zip_code_is_kept_in_its_usual_spelling() {
        let address = Address { zip_code: Some(" k1a 0b1 ".into()), ..Address::default() }.normalised();
        assert_eq!(address.zip_code.as_deref(), Some("K1A 0B1"));
    }
}
