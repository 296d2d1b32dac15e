//! Amounts of money: how they are read, rounded and printed.
//!
//! Purpose: one place for the spellings of an amount. Amounts are decimals in major units; a currency decides only
//! how many of the digits can be paid.
//!
//! facts: paygentic-behaviour §1.5 (decimal strings, atomic amounts), §4 (rounding to the minor unit happens once,
//! on the invoice). Half away from zero is inferred: no document names the direction.

use std::fmt;

use iso_currency::Currency;
use rust_decimal::{Decimal, RoundingStrategy};

/// Minor digits of a currency that ISO 4217 does not list, or lists without a minor unit (gold, test codes).
const USUAL_MINOR_DIGITS: u32 = 2;
/// Fraction digits of a percentage.
const PERCENT_DIGITS: u32 = 2;
/// Fraction digits of an atomic amount: its unit is 1e-9 of the major unit.
const ATOMIC_DIGITS: u32 = 9;

/// Why a text is not an amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MoneyError {
    /// It is not written as a plain decimal.
    NotPlain,
    /// It has more digits than 96 bits hold.
    TooLong,
    /// It should have been a whole number of atomic units.
    NotAtomic,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPlain => {
                "an amount is a plain decimal such as \"49.90\", \"5\" or \"-0.05\": digits, a point \
                 between digits, an optional leading minus; no plus, exponent, space or separator"
            }
            Self::TooLong => "an amount has at most 28 significant digits",
            Self::NotAtomic => {
                "an atomic amount is a whole number of billionths of the currency unit: 50 is \
                 \"50000000000\""
            }
        })
    }
}

impl std::error::Error for MoneyError {}

/// Whether a code is that of a currency (ISO 4217).
#[must_use]
pub fn is_currency(code: &str) -> bool {
    iso_currency::Currency::from_code(code).is_some()
}

/// How many decimals of `currency` can be paid: 2 for EUR, 0 for JPY, 3 for BHD; 2 for an unknown code.
#[must_use]
pub fn minor_digits(currency: &str) -> u32 {
    Currency::from_code(currency)
        .or_else(|| Currency::from_code(&currency.to_ascii_uppercase()))
        .and_then(Currency::exponent)
        .map_or(USUAL_MINOR_DIGITS, u32::from)
}

/// `amount` rounded half away from zero to the minor unit of `currency`.
#[must_use]
pub fn round_minor(amount: Decimal, currency: &str) -> Decimal {
    round_to(amount, minor_digits(currency))
}

/// What of `amount` can be paid in `currency`: parts of the minor unit are left.
#[must_use]
pub fn floor_minor(amount: Decimal, currency: &str) -> Decimal {
    unsigned_zero(amount.round_dp_with_strategy(minor_digits(currency), RoundingStrategy::ToNegativeInfinity))
}

/// Rounded to the minor unit and printed with exactly its digits: `"49.90"`, in JPY `"50"`.
#[must_use]
pub fn major(amount: Decimal, currency: &str) -> String {
    let digits = minor_digits(currency);
    padded(round_to(amount, digits), digits)
}

/// Full precision with at least two decimals and no zeros behind them: `"0.05"`, `"0.00425"`, `"5.00"`.
#[must_use]
pub fn plain(amount: Decimal) -> String {
    let amount = amount.normalize();
    padded(amount, amount.scale().max(2))
}

/// Full precision without any needless digit: `"2500"`, `"0.5"`.
#[must_use]
pub fn exact(amount: Decimal) -> String {
    let amount = amount.normalize();
    padded(amount, amount.scale())
}

/// What amounts come to. No sum that anybody is billed comes near the largest decimal; one that would pass it stays
/// there.
#[must_use]
pub fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Decimal {
    amounts.into_iter().fold(Decimal::ZERO, Decimal::saturating_add)
}

/// How many percent of `whole` a part is, to two decimals, half away from zero; `None` of nothing.
#[must_use]
pub fn percent(part: Decimal, whole: Decimal) -> Option<Decimal> {
    let percent = part.saturating_mul(Decimal::ONE_HUNDRED).checked_div(whole)?;
    Some(round_to(percent, PERCENT_DIGITS))
}

/// `amount` in units of 1e-9, as an integer: 50 is `"50000000000"`. Smaller parts round half away from zero.
#[must_use]
pub fn atomic(amount: Decimal) -> String {
    // 128 bits hold every 96-bit mantissa a billionfold, which a Decimal does not.
    let mantissa = amount.mantissa() * 10_i128.pow(ATOMIC_DIGITS);
    let divisor = 10_i128.pow(amount.scale());
    let (whole, rest) = (mantissa / divisor, mantissa % divisor);
    let away = if rest.abs() * 2 >= divisor { rest.signum() } else { 0 };
    (whole + away).to_string()
}

/// The amount in major units that `text`, a whole number of 1e-9 units, stands for.
///
/// # Errors
/// [`MoneyError::NotAtomic`] if `text` is not a whole number; [`MoneyError::TooLong`] past 28 digits.
pub fn from_atomic(text: &str) -> Result<Decimal, MoneyError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !is_digits(digits) {
        return Err(MoneyError::NotAtomic);
    }
    let units = text.parse::<i128>().map_err(|_| MoneyError::TooLong)?;
    let amount = Decimal::try_from_i128_with_scale(units, ATOMIC_DIGITS).map_err(|_| MoneyError::TooLong)?;
    Ok(amount.normalize())
}

/// Reads a plain decimal, keeping its scale: `"5.00"` has two decimals.
///
/// # Errors
/// [`MoneyError::NotPlain`] for a sign other than a leading minus, an exponent, a separator, a bare point or
/// nothing at all; [`MoneyError::TooLong`] if digits would be lost.
pub fn parse(text: &str) -> Result<Decimal, MoneyError> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = match unsigned.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => is_digits(unsigned),
    };
    if !plain {
        return Err(MoneyError::NotPlain);
    }
    Decimal::from_str_exact(text).map(unsigned_zero).map_err(|_| MoneyError::TooLong)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `amount` rounded half away from zero to so many decimals.
#[must_use]
pub fn round_to(amount: Decimal, digits: u32) -> Decimal {
    unsigned_zero(amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero))
}

fn padded(amount: Decimal, digits: u32) -> String {
    format!("{:.*}", digits as usize, unsigned_zero(amount))
}

/// A Decimal remembers the sign of a zero; an invoice that owes "-0.00" would be a riddle.
fn unsigned_zero(mut amount: Decimal) -> Decimal {
    if amount.is_zero() {
        amount.set_sign_positive(true);
    }
    amount
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        parse(text).unwrap()
    }

    #[test]
    fn knows_minor_units() {
        for (currency, digits) in [
            ("EUR", 2),
            ("USD", 2),
            ("AED", 2),
            ("JPY", 0),
            ("jpy", 0),
            ("BHD", 3),
            ("KWD", 3),
            ("XAU", 2),
            ("???", 2),
            ("", 2),
        ] {
            assert_eq!(minor_digits(currency), digits, "{currency}");
        }
    }

    #[test]
    fn rounds_half_away_from_zero() {
        for (amount, currency, rounded) in [
            ("0.005", "EUR", "0.01"),
            ("-0.005", "EUR", "-0.01"),
            ("0.015", "EUR", "0.02"),
            ("0.025", "EUR", "0.03"),
            ("0.0049999", "EUR", "0.00"),
            ("-0.004", "EUR", "0.00"),
            ("49.9", "EUR", "49.90"),
            ("49.5", "JPY", "50"),
            ("-49.5", "JPY", "-50"),
            ("1.0005", "BHD", "1.001"),
            ("1234567.891", "USD", "1234567.89"),
        ] {
            assert_eq!(major(dec(amount), currency), rounded);
            assert_eq!(round_minor(dec(amount), currency), dec(rounded));
        }
    }

    #[test]
    fn prints_plain_exact_and_atomic() {
        for (amount, plain_text, exact_text, atomic_text) in [
            ("0.05", "0.05", "0.05", "50000000"),
            ("0.00425", "0.00425", "0.00425", "4250000"),
            ("0.0042500", "0.00425", "0.00425", "4250000"),
            ("5", "5.00", "5", "5000000000"),
            ("50", "50.00", "50", "50000000000"),
            ("2500.000", "2500.00", "2500", "2500000000000"),
            ("0.5", "0.50", "0.5", "500000000"),
            ("-3.1", "-3.10", "-3.1", "-3100000000"),
            ("0", "0.00", "0", "0"),
            ("-0.000", "0.00", "0", "0"),
            ("0.0000000005", "0.0000000005", "0.0000000005", "1"),
            ("-0.0000000005", "-0.0000000005", "-0.0000000005", "-1"),
            ("0.0000000004", "0.0000000004", "0.0000000004", "0"),
        ] {
            let amount = dec(amount);
            assert_eq!(plain(amount), plain_text);
            assert_eq!(exact(amount), exact_text);
            assert_eq!(atomic(amount), atomic_text);
        }
        assert_eq!(atomic(Decimal::MAX), "79228162514264337593543950335000000000");
        assert_eq!(atomic(Decimal::MIN), "-79228162514264337593543950335000000000");
    }

    #[test]
    fn percents_have_two_decimals() {
        for (part, whole, percents) in
            [("1", "3", "33.33"), ("2", "3", "66.67"), ("-1", "8", "-12.50"), ("5", "5", "100")]
        {
            assert_eq!(percent(dec(part), dec(whole)), Some(dec(percents)), "{part} of {whole}");
        }
        assert_eq!(percent(Decimal::ONE, Decimal::ZERO), None);
    }

    #[test]
    fn reads_atomic_amounts() {
        for (text, amount) in [("50000000000", "50"), ("1", "0.000000001"), ("-3100000000", "-3.1"), ("0", "0")] {
            assert_eq!(from_atomic(text), Ok(dec(amount)));
            assert_eq!(atomic(dec(amount)), text);
        }
        for text in ["", "-", "1.5", "+1", "1e9", " 1"] {
            assert_eq!(from_atomic(text), Err(MoneyError::NotAtomic), "{text}");
        }
        for text in ["79228162514264337593543950336", "99999999999999999999999999999999999999999999"] {
            assert_eq!(from_atomic(text), Err(MoneyError::TooLong));
        }
    }

    #[test]
    fn reads_plain_decimals_only() {
        for text in ["0", "5", "-5", "49.90", "0.000001", "79228162514264337593543950335"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        for text in [
            "", "-", ".", ".5", "5.", "+5", "1e3", "1E3", "1_000", "1,000", " 5", "5 ", "--5", "1.2.3", "NaN", "٣",
            "€5",
        ] {
            assert_eq!(parse(text), Err(MoneyError::NotPlain), "{text}");
        }
        for text in ["79228162514264337593543950336", "0.00000000000000000000000000001"] {
            assert_eq!(parse(text), Err(MoneyError::TooLong), "{text}");
        }
        assert!(MoneyError::NotPlain.to_string().contains("49.90"));
    }
}
