//! Splitting an amount into payable parts that add up to it.
//!
//! Purpose: spread a price over periods without losing or inventing a cent. Every part is rounded down to the minor
//! unit; what is left goes, a unit each, to the parts that lost most (largest remainder), the earlier first.
//!
//! facts: none of a vendor; paygentic-behaviour §4 rounds once, on the invoice.

use std::cmp::Reverse;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::money::{floor_minor, minor_digits, round_minor, sum};

/// `whole`, rounded to the minor unit of `currency`, in parts as large as their weights. Weights that come to nothing
/// count as equal.
#[must_use]
pub fn split(whole: Decimal, weights: &[Decimal], currency: &str) -> Vec<Decimal> {
    let whole = round_minor(whole, currency);
    let total = sum(weights.iter().copied());
    if total.is_zero() {
        return if weights.is_empty() {
            Vec::new()
        } else {
            split(whole, &vec![Decimal::ONE; weights.len()], currency)
        };
    }
    let shares: Vec<Decimal> = weights.iter().map(|weight| share(whole, *weight, total)).collect();
    let mut parts: Vec<Decimal> = shares.iter().map(|share| floor_minor(*share, currency)).collect();
    let unit = Decimal::new(1, minor_digits(currency));
    let left = whole.saturating_sub(sum(parts.iter().copied())) / unit;
    let mut by_loss: Vec<usize> = (0..parts.len()).collect();
    by_loss.sort_by_key(|n| Reverse(shares[*n] - parts[*n]));
    for n in by_loss.into_iter().take(left.to_usize().unwrap_or_default()) {
        parts[n] = parts[n].saturating_add(unit);
    }
    parts
}

/// It multiplies first, so that an even share is exact. Only an amount near the end of Decimal's range cannot.
fn share(whole: Decimal, weight: Decimal, total: Decimal) -> Decimal {
    match whole.checked_mul(weight) {
        Some(product) => product / total,
        None => whole.saturating_mul(weight / total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::money;

    fn decimals(texts: &[&str]) -> Vec<Decimal> {
        texts.iter().map(|text| money::parse(text).unwrap()).collect()
    }

    fn parts(whole: &str, weights: &[&str], currency: &str) -> Vec<String> {
        let parts = split(money::parse(whole).unwrap(), &decimals(weights), currency);
        parts.into_iter().map(|part| money::major(part, currency)).collect()
    }

    #[test]
    fn what_is_left_goes_to_those_who_lost_most() {
        assert_eq!(parts("100", &["1", "1", "1"], "USD"), ["33.34", "33.33", "33.33"]);
        assert_eq!(parts("200", &["1", "1", "1"], "USD"), ["66.67", "66.67", "66.66"]);
        // 14.2857…, 28.5714…, 57.1428…: the first loses 0.57 of a cent, the third 0.28, the second 0.14.
        assert_eq!(parts("100", &["1", "2", "4"], "USD"), ["14.29", "28.57", "57.14"]);
        assert_eq!(parts("100", &["1", "1", "1"], "JPY"), ["34", "33", "33"]);
        assert_eq!(parts("0.001", &["1", "1"], "BHD"), ["0.001", "0.000"]);
        assert_eq!(parts("-100", &["1", "1", "1"], "USD"), ["-33.33", "-33.33", "-33.34"]);
    }

    #[test]
    fn nothing_weighs_as_much_as_nothing() {
        assert_eq!(parts("1", &["0", "0"], "USD"), ["0.50", "0.50"]);
        assert_eq!(parts("1", &["2", "-2"], "USD"), ["0.50", "0.50"]);
        assert_eq!(parts("1", &[], "USD"), Vec::<String>::new());
    }

    #[test]
    fn parts_add_up_whatever_the_weights() {
        let wholes = ["0", "0.01", "999.99", "-0.07", "1234567.891", "10000000000000000000000000.55"];
        let weights: [&[&str]; 5] = [
            &["31", "29", "31", "30", "31", "30", "31", "31", "30", "31", "30", "31"],
            &["0.3333333333", "0.5", "1", "1"],
            &["3", "-1", "7"],
            &["0", "1"],
            &["-2", "-5"],
        ];
        for whole in decimals(&wholes) {
            for weights in weights {
                let parts = split(whole, &decimals(weights), "USD");
                assert_eq!(money::sum(parts), money::round_minor(whole, "USD"), "{whole} {weights:?}");
            }
        }
    }

    #[test]
    fn huge_amounts_do_not_panic() {
        assert_eq!(split(Decimal::MAX, &[Decimal::MAX, Decimal::MAX], "USD").len(), 2);
        assert_eq!(split(Decimal::MIN, &[Decimal::ONE, Decimal::MIN], "USD").len(), 2);
    }
}
