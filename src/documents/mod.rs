//! Invoices on paper: a PDF that anybody can open, in a layout of our own.
//!
//! `paper` writes text on pages, `layout` says what stands where; what a provider wants to have on it stands in a
//! [`Sheet`], written out.

mod layout;
mod paper;

use jiff::civil::Time;
use rust_decimal::Decimal;

use crate::billing::money::exact;
use crate::billing::period::Window;
use crate::time::Timestamp;

/// Digits behind the point of a quantity: an average may have 28.
const QUANTITY_DIGITS: u32 = 6;

/// What stands on an invoice, as text.
pub struct Sheet {
    pub number: String,
    pub issued_at: Option<Timestamp>,
    /// Label and value, beside the title.
    pub facts: Vec<(&'static str, String)>,
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub currency: String,
    pub lines: Vec<Line>,
    /// Label and amount, below the lines.
    pub totals: Vec<(String, String)>,
    pub due: String,
    pub note: Option<&'static str>,
}

/// One row of the table.
pub struct Line {
    pub name: String,
    pub period: String,
    pub quantity: String,
    pub unit_price: String,
    pub amount: String,
}

impl Sheet {
    /// The finished document.
    #[must_use]
    pub fn pdf(&self) -> Vec<u8> {
        layout::document(self)
    }
}

/// A quantity in digits that a person can read.
#[must_use]
pub fn readable(quantity: Decimal) -> String {
    exact(quantity.round_dp(QUANTITY_DIGITS))
}

/// `1 Feb 2028`.
#[must_use]
pub fn date(at: Timestamp) -> String {
    at.civil().strftime("%-d %b %Y").to_string()
}

/// The days of a window. One that ends at midnight does not reach into the day after.
#[must_use]
pub fn period(window: Window) -> String {
    let end = window.end.civil();
    let last = if end.time() == Time::midnight() && window.end > window.start {
        window.end.plus_millis(-1).unwrap_or(window.end)
    } else {
        window.end
    };
    let (first, last) = (date(window.start), date(last));
    if first == last { first } else { format!("{first} – {last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: &str, end: &str) -> Window {
        Window { start: start.parse().expect("date"), end: end.parse().expect("date") }
    }

    #[test]
    fn a_period_names_its_last_day() {
        let month = window("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
        assert_eq!(period(month), "1 Feb 2028 – 29 Feb 2028");
        assert_eq!(period(window("2028-02-01T10:00:00Z", "2028-03-01T10:00:00Z")), "1 Feb 2028 – 1 Mar 2028");
        assert_eq!(period(window("2028-02-01T00:00:00Z", "2028-02-01T00:00:00Z")), "1 Feb 2028");
    }
}
