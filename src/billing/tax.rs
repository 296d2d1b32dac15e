//! Tax on an amount.
//!
//! Purpose: split an amount into net, tax and gross. Nothing is rounded here: an invoice rounds its subtotal and
//! its tax, each once.
//!
//! facts: paygentic-behaviour §4 (taxBehavior: exclusive adds, inclusive contains; precision).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How a price stands to its tax. On the wire `"exclusive"` or `"inclusive"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Behaviour {
    /// Tax is added to the price.
    Exclusive,
    /// The price contains the tax.
    Inclusive,
}

/// An amount and its tax, unrounded, in major units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taxed {
    /// Without tax.
    pub net: Decimal,
    /// The tax itself.
    pub tax: Decimal,
    /// What is to be paid: net + tax.
    pub gross: Decimal,
}

/// Taxes `amount` (major units) at `rate_percent` (19 is 19 %).
///
/// Exclusive: tax = amount × r ÷ 100, on top. Inclusive: tax = amount × r ÷ (100 + r), inside. At a rate of −100 %
/// an inclusive amount has no defined net; it is taken as untaxed.
#[must_use]
pub fn tax(amount: Decimal, rate_percent: Decimal, behaviour: Behaviour) -> Taxed {
    match behaviour {
        Behaviour::Exclusive => {
            let tax = share(amount, rate_percent, Decimal::ONE_HUNDRED);
            Taxed { net: amount, tax, gross: amount.saturating_add(tax) }
        }
        Behaviour::Inclusive => {
            let tax = share(amount, rate_percent, Decimal::ONE_HUNDRED.saturating_add(rate_percent));
            Taxed { net: amount.saturating_sub(tax), tax, gross: amount }
        }
    }
}

/// amount × part ÷ whole; multiplies first, to keep every digit it can.
fn share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal {
    amount
        .checked_mul(part)
        .and_then(|product| product.checked_div(whole))
        .or_else(|| Some(amount.saturating_mul(part.checked_div(whole)?)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        super::super::money::parse(text).unwrap()
    }

    #[test]
    fn exclusive_adds() {
        let taxed = tax(dec("49.90"), dec("19"), Behaviour::Exclusive);
        assert_eq!(taxed, Taxed { net: dec("49.90"), tax: dec("9.481"), gross: dec("59.381") });
        assert_eq!(tax(dec("100"), dec("8.875"), Behaviour::Exclusive).tax, dec("8.875"));
        assert_eq!(tax(dec("-10"), dec("20"), Behaviour::Exclusive).gross, dec("-12"));
    }

    #[test]
    fn inclusive_contains() {
        let taxed = tax(dec("119"), dec("19"), Behaviour::Inclusive);
        assert_eq!(taxed, Taxed { net: dec("100"), tax: dec("19"), gross: dec("119") });
        let taxed = tax(dec("49.90"), dec("19"), Behaviour::Inclusive);
        assert_eq!(taxed.tax.round_dp(10), dec("7.9672268908"));
        assert_eq!(taxed.net.round_dp(10), dec("41.9327731092"));
    }

    #[test]
    fn net_and_tax_make_gross() {
        for rate in ["0", "5", "7.7", "8.875", "19", "20", "25", "100"] {
            for amount in ["0", "0.01", "9.99", "10", "-49.90", "123456789.123456"] {
                for behaviour in [Behaviour::Exclusive, Behaviour::Inclusive] {
                    let taxed = tax(dec(amount), dec(rate), behaviour);
                    assert_eq!((taxed.net + taxed.tax).round_dp(15), taxed.gross.round_dp(15), "{amount} at {rate}");
                }
            }
        }
    }

    #[test]
    fn extremes_do_not_panic() {
        assert_eq!(tax(dec("5"), dec("0"), Behaviour::Inclusive).tax, Decimal::ZERO);
        assert_eq!(tax(dec("5"), dec("-100"), Behaviour::Inclusive).net, dec("5"));
        assert_eq!(tax(Decimal::MAX, dec("50"), Behaviour::Exclusive).gross, Decimal::MAX);
        assert_eq!(tax(Decimal::MAX, Decimal::MAX, Behaviour::Inclusive).gross, Decimal::MAX);
    }

    #[test]
    fn behaviour_is_lower_case_on_the_wire() {
        assert_eq!(serde_json::to_string(&Behaviour::Exclusive).unwrap(), r#""exclusive""#);
        assert_eq!(serde_json::from_str::<Behaviour>(r#""inclusive""#).unwrap(), Behaviour::Inclusive);
    }
}
