//! What an event or a due thing is about, in a line: for calendars and timelines, where nobody reads whole bodies.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::billing::money;
use crate::world::{Id, IdText, Row, Table};

/// The row that something is about, and the money in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gist {
    pub noun: &'static str,
    pub id: IdText,
    /// In major units, with the decimals of its currency.
    pub amount: Option<String>,
    pub currency: Option<String>,
}

impl Gist {
    #[must_use]
    pub fn of<T: Row>(table: &Table<T>, id: Id<T>) -> Self {
        Self { noun: T::NOUN, id: table.text(id), amount: None, currency: None }
    }

    #[must_use]
    pub fn with_amount(self, amount: Decimal, currency: &str) -> Self {
        Self { amount: Some(money::major(amount, currency)), currency: Some(currency.to_owned()), ..self }
    }
}
