//! The magic cards: numbers that people know from other sandboxes, one table for all providers.
//!
//! Field convention, not a vendor's document: no emulated vendor publishes test cards of its own that
//! would differ (facts: paygentic-behaviour §6).

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What happens when a card is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeds,
    /// Declined, with the code that card networks' processors use.
    Declined(&'static str),
    /// Needs the cardholder: succeeds on a page, is declined off-session.
    NeedsAuthentication,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeds => f.write_str("succeed"),
            Self::Declined("card_declined") => f.write_str("decline"),
            Self::Declined(code) => write!(f, "decline:{code}"),
            Self::NeedsAuthentication => f.write_str("authenticate"),
        }
    }
}

impl FromStr for Outcome {
    type Err = String;

    /// `succeed`, `decline`, `decline:` and one of [`CODES`], `authenticate`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "succeed" => Ok(Self::Succeeds),
            None if text == "decline" => Ok(Self::Declined("card_declined")),
            None if text == "authenticate" => Ok(Self::NeedsAuthentication),
            Some(("decline", code)) => CODES
                .into_iter()
                .find(|known| *known == code)
                .map(Self::Declined)
                .ok_or_else(|| format!("{code:?} is no decline code: there are {}", CODES.join(", "))),
            _ => Err(format!("{text:?} is no outcome: there are succeed, decline, decline:CODE and authenticate")),
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// One row of the table: digits, brand, outcome.
const MAGIC: &[(&str, &str, Outcome)] = &[
    ("4242424242424242", "visa", Outcome::Succeeds),
    ("5555555555554444", "mastercard", Outcome::Succeeds),
    ("378282246310005", "amex", Outcome::Succeeds),
    ("4000000000000002", "visa", Outcome::Declined("card_declined")),
    ("4000000000009995", "visa", Outcome::Declined("insufficient_funds")),
    ("4000000000000069", "visa", Outcome::Declined("expired_card")),
    ("4000000000000127", "visa", Outcome::Declined("incorrect_cvc")),
    ("4000000000000119", "visa", Outcome::Declined("processing_error")),
    ("4000002500003155", "visa", Outcome::NeedsAuthentication),
];

/// What issuers say of the cards of the table that they decline.
pub const CODES: [&str; 5] =
    ["card_declined", "insufficient_funds", "expired_card", "incorrect_cvc", "processing_error"];

/// One of [`CODES`], of a world that was written down.
///
/// # Errors
/// If it is none.
pub fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = CODES.into_iter().find(|code| *code == text);
    known.ok_or_else(|| D::Error::custom(format!("{text:?} is none of {}", CODES.join(", "))))
}

/// The table, for whoever shows it: digits, brand, outcome.
pub fn magic() -> impl Iterator<Item = (&'static str, &'static str, Outcome)> {
    MAGIC.iter().copied()
}

/// A card as a page or the control API takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// Digits; spaces and dashes are dropped.
    pub number: String,
    #[serde(default = "default_month")]
    pub exp_month: u8,
    #[serde(default = "default_year")]
    pub exp_year: u16,
}

const fn default_month() -> u8 {
    12
}

const fn default_year() -> u16 {
    2040
}

impl Default for Card {
    /// The card that always works.
    fn default() -> Self {
        Self { number: "4242424242424242".to_owned(), exp_month: default_month(), exp_year: default_year() }
    }
}

impl Card {
    /// The number without spaces and dashes.
    #[must_use]
    pub fn digits(&self) -> String {
        self.number.chars().filter(char::is_ascii_digit).collect()
    }

    #[must_use]
    pub fn last4(&self) -> String {
        let digits = self.digits();
        digits[digits.len().saturating_sub(4)..].to_owned()
    }

    /// Whether this can be a card number at all: 12 to 19 digits whose check digit is right.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        let digits = self.digits();
        (12..=19).contains(&digits.len()) && luhn(&digits)
    }

    #[must_use]
    pub fn brand(&self) -> &'static str {
        let digits = self.digits();
        if let Some((_, brand, _)) = MAGIC.iter().find(|(number, ..)| *number == digits) {
            return brand;
        }
        match digits.as_bytes() {
            [b'4', ..] => "visa",
            [b'5', b'1'..=b'5', ..] | [b'2', b'2'..=b'7', ..] => "mastercard",
            [b'3', b'4' | b'7', ..] => "amex",
            [b'6', ..] => "discover",
            _ => "unknown",
        }
    }

    /// What charging it does. A number outside the table succeeds.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let digits = self.digits();
        MAGIC.iter().find(|(number, ..)| *number == digits).map_or(Outcome::Succeeds, |(.., outcome)| *outcome)
    }
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// What a customer does on a payment page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// Pays with a card. `save` is what the customer says about keeping it; `None`: as the session wants.
    Pay { card: Card, save: Option<bool> },
    /// Gives up, with a decline code or none.
    Fail { code: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_magic_number_is_plausible_and_spaces_do_not_matter() {
        for (number, ..) in MAGIC {
            let card = Card { number: (*number).to_owned(), ..Card::default() };
            assert!(card.is_plausible(), "{number}");
        }
        let card = Card { number: "4000 0000 0000 0002".to_owned(), ..Card::default() };
        assert_eq!(card.outcome(), Outcome::Declined("card_declined"));
        assert_eq!((card.last4().as_str(), card.brand()), ("0002", "visa"));
        assert!(!Card { number: "4242 4242 4242 4241".to_owned(), ..Card::default() }.is_plausible());
    }
}
