//! Decimals of a request, kept as they were written: `"5.00"` is read back with its zeros.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::billing::money;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Amount(pub Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        money::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

/// What amounts come to, with the digits of its currency at least.
pub fn total(amounts: impl Iterator<Item = Decimal>, currency: &str) -> Decimal {
    let mut total = money::sum(amounts).normalize();
    total.rescale(total.scale().max(money::minor_digits(currency)));
    total
}
