//! Shapes that several nouns share: addresses and metadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::api::Fault;
use crate::billing::money;

/// The most that one value of metadata may hold, in bytes (§1.8); the schema can only count characters.
const VALUE_BYTES: usize = 500;
/// Digits behind the point that amounts and quantities keep: NUMERIC(20,8) (§1.8).
const DIGITS: u32 = 8;

/// An address; what was not said is null.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    pub line1: Option<Box<str>>,
    pub line2: Option<Box<str>>,
    pub city: Option<Box<str>>,
    pub region: Option<Box<str>>,
    pub country: Option<Box<str>>,
    pub postal_code: Option<Box<str>>,
}

impl Address {
    /// As on an envelope.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let city = [&self.city, &self.region, &self.postal_code];
        let city = city.into_iter().filter_map(Option::as_deref).collect::<Vec<_>>().join(" ");
        let all = [self.line1.as_deref(), self.line2.as_deref(), Some(&*city), self.country.as_deref()];
        let lines: Vec<String> = all.into_iter().flatten().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        lines.into_iter()
    }

    pub fn country(&self) -> Option<&str> {
        self.country.as_deref()
    }
}

/// What callers note on their own account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<Arc<str>, Box<str>>);

/// A PATCH of metadata: key by key, `null` takes one away.
pub type MetadataPatch = BTreeMap<Arc<str>, Option<Box<str>>>;

impl Metadata {
    /// The most keys that one object may have (§1.8).
    const KEYS: usize = 50;

    /// # Errors
    /// If a value is too long.
    pub fn checked(self) -> Result<Self, Fault> {
        self.0.iter().try_for_each(|(key, value)| check_value(key, value))?;
        Ok(self)
    }

    /// # Errors
    /// If a value is too long, or the whole becomes too large.
    pub fn merge(&mut self, patch: MetadataPatch) -> Result<(), Fault> {
        for (key, value) in patch {
            match value {
                None => drop(self.0.remove(&key)),
                Some(value) => {
                    check_value(&key, &value)?;
                    self.0.insert(key, value);
                }
            }
        }
        if self.0.len() > Self::KEYS {
            let message = format!("has {} keys with those that were there, more than {}", self.0.len(), Self::KEYS);
            return Err(Fault::field("/metadata", "maxProperties", message));
        }
        Ok(())
    }
}

fn check_value(key: &str, value: &str) -> Result<(), Fault> {
    if value.len() <= VALUE_BYTES {
        return Ok(());
    }
    let message = format!("is {} bytes long, more than {VALUE_BYTES}", value.len());
    Err(Fault::field(&format!("/metadata/{key}"), "maxLength", message))
}

/// An amount with all its digits, up to the eight that are kept (§1.8), and at least those of the currency.
pub fn amount(amount: Decimal, currency: &str) -> String {
    let amount = amount.round_dp(DIGITS).normalize();
    let digits = amount.scale().max(money::minor_digits(currency));
    // A zero has no sign.
    let amount = if amount.is_zero() { Decimal::ZERO } else { amount };
    format!("{:.*}", digits as usize, amount)
}

/// A quantity without needless digits.
pub fn quantity(quantity: Decimal) -> String {
    money::exact(quantity.round_dp(DIGITS))
}
