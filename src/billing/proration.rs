//! Proration: the price of part of a period.
//!
//! Purpose: charge a stub for the seconds that it serves.
//!
//! facts: paygentic-behaviour §4 (first partial period: fraction = stub seconds ÷ full seconds; the basis is
//! inferred).

use rust_decimal::Decimal;

use super::period::Window;

/// Which part of `full` was `served`: seconds ÷ seconds, to 28 digits.
///
/// 1 for the full window, and for a full window without length (a one-off is always served whole). `served` is
/// expected to lie inside `full`; a longer one gives more than 1.
#[must_use]
pub fn fraction(served: Window, full: Window) -> Decimal {
    prorate(Decimal::ONE, served, full)
}

/// The part of `amount` that falls to `served`: amount × served seconds ÷ full seconds, unrounded.
///
/// It multiplies first, so that 30 over 10 days of 30 is exactly 10 and the full window is exactly `amount`.
#[must_use]
pub fn prorate(amount: Decimal, served: Window, full: Window) -> Decimal {
    let (part, whole) = (served.seconds(), full.seconds());
    if part == whole || whole == 0 {
        return amount;
    }
    let (part, whole) = (Decimal::from(part), Decimal::from(whole));
    match amount.checked_mul(part) {
        Some(product) => product / whole,
        // Only an amount near the end of Decimal's range comes here; some last digits are lost then.
        None => amount.saturating_mul(part / whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: &str, end: &str) -> Window {
        Window {
            start: format!("{start}T00:00:00Z").parse().unwrap(),
            end: format!("{end}T00:00:00Z").parse().unwrap(),
        }
    }

    fn dec(text: &str) -> Decimal {
        super::super::money::parse(text).unwrap()
    }

    #[test]
    fn a_full_window_is_exactly_the_amount() {
        let february = window("2028-02-01", "2028-03-01");
        for amount in ["0.1", "33.333333", "-5", "0", "79228162514264337593543950335"] {
            assert_eq!(prorate(dec(amount), february, february), dec(amount));
        }
        assert_eq!(fraction(february, february), Decimal::ONE);
    }

    #[test]
    fn a_stub_pays_by_the_second() {
        let (april, stub) = (window("2028-04-01", "2028-05-01"), window("2028-04-21", "2028-05-01"));
        assert_eq!(prorate(dec("30"), stub, april), dec("10"));
        assert_eq!(prorate(dec("-30"), stub, april), dec("-10"));
        assert_eq!(prorate(dec("49.90"), stub, april).round_dp(10), dec("16.6333333333"));
        assert_eq!(fraction(stub, april).to_string(), "0.3333333333333333333333333333");
        // 10 of the 29 days of a leap February.
        let (february, stub) = (window("2028-02-01", "2028-03-01"), window("2028-02-20", "2028-03-01"));
        assert_eq!(prorate(dec("29"), stub, february), dec("10"));
    }

    #[test]
    fn two_parts_make_a_whole() {
        let full = window("2028-02-01", "2028-03-01");
        for day in 2..=29 {
            let cut = format!("2028-02-{day:02}");
            let (left, right) = (window("2028-02-01", &cut), window(&cut, "2028-03-01"));
            let sum = prorate(dec("49.90"), left, full) + prorate(dec("49.90"), right, full);
            assert_eq!(sum.round_dp(20), dec("49.90"));
        }
    }

    #[test]
    fn empty_windows() {
        let full = window("2028-02-01", "2028-03-01");
        let once = window("2028-02-10", "2028-02-10");
        assert_eq!(prorate(dec("5"), once, full), Decimal::ZERO);
        assert_eq!(prorate(dec("5"), once, once), dec("5"));
        assert_eq!(prorate(dec("5"), full, once), dec("5"));
    }

    #[test]
    fn huge_amounts_do_not_panic() {
        let (april, stub) = (window("2028-04-01", "2028-05-01"), window("2028-04-16", "2028-05-01"));
        assert_eq!(prorate(Decimal::MAX, stub, april), (Decimal::MAX / dec("2")).round_dp(0));
        assert_eq!(prorate(Decimal::MAX, april, stub), Decimal::MAX);
        assert_eq!(prorate(Decimal::MIN, april, stub), Decimal::MIN);
    }
}
