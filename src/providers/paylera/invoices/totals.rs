//! What an invoice comes to: `total = subtotal - discount + tax`.
//!
//! Facts: paylera §3.8 (invariants; the documented invoice: 49.00 + 70.00 less 10 % plus 8 % is 115.67), §3.10 (tax of
//! the sandbox), §1.8 (rounding by line). Discounts are spread over the lines in proportion, tax comes after them.

use std::sync::Arc;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::billing::money::round_minor;

/// Percent: what the sandbox takes on everything, wherever the customer is.
pub const TAX_RATE: Decimal = Decimal::from_parts(8, 0, 0, false, 0);

/// What a coupon takes off.
#[derive(Debug, Clone)]
pub struct Reduction {
    pub off: Off,
    /// Only of lines of these products.
    pub products: Option<Arc<[Arc<str>]>>,
}

#[derive(Debug, Clone, Copy)]
pub enum Off {
    Percent(Decimal),
    Amount(Decimal),
}

/// One line as the sum needs it: its amount is rounded already.
#[derive(Debug, Clone)]
pub struct Part {
    pub amount: Decimal,
    /// Credits of what was paid net are not reduced again.
    pub discountable: bool,
    pub product: Option<Arc<str>>,
}

/// What a line comes to beside its amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// What coupons for its product alone take off it. Those of the whole invoice stand on the invoice.
    pub own_discount: Decimal,
    /// What is left of it after all discounts: not rounded.
    pub net: Decimal,
    pub tax: Decimal,
    /// Percent of the line's amount, two digits: the discount is in it.
    pub tax_rate: Decimal,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub subtotal: Decimal,
    pub discount: Decimal,
    pub tax: Decimal,
    pub total: Decimal,
}

/// Each reduction takes from what the ones before it have left, and never more than there is.
pub fn settle(parts: &[Part], reductions: &[Reduction], currency: &str) -> (Vec<Share>, Totals) {
    let mut shares: Vec<Share> = parts.iter().map(|part| Share { net: part.amount, ..Share::default() }).collect();
    let mut discount = Decimal::ZERO;
    for reduction in reductions {
        discount += reduce(parts, &mut shares, reduction, currency);
    }
    for (part, share) in parts.iter().zip(&mut shares) {
        share.tax = round_minor(share.net * TAX_RATE / Decimal::ONE_HUNDRED, currency);
        share.tax_rate = match share.tax.checked_div(part.amount) {
            Some(rate) => two_digits(rate * Decimal::ONE_HUNDRED),
            None => TAX_RATE,
        };
    }
    let subtotal: Decimal = parts.iter().map(|part| part.amount).sum();
    let tax: Decimal = shares.iter().map(|share| share.tax).sum();
    (shares, Totals { subtotal, discount, tax, total: subtotal - discount + tax })
}

/// Takes one reduction off; how much that is.
fn reduce(parts: &[Part], shares: &mut [Share], reduction: &Reduction, currency: &str) -> Decimal {
    let applies = |part: &Part| {
        let of_product = reduction
            .products
            .as_ref()
            .is_none_or(|codes| part.product.as_ref().is_some_and(|product| codes.contains(product)));
        part.discountable && of_product
    };
    let chosen: Vec<usize> =
        (0..parts.len()).filter(|n| applies(&parts[*n]) && shares[*n].net > Decimal::ZERO).collect();
    let base: Decimal = chosen.iter().map(|n| shares[*n].net).sum();
    if base.is_zero() {
        return Decimal::ZERO;
    }
    let off = match reduction.off {
        Off::Percent(percent) => round_minor(base * percent / Decimal::ONE_HUNDRED, currency),
        Off::Amount(amount) => amount.min(base),
    };
    // By running sums, so that the rounded parts add up to the whole.
    let (mut before, mut told) = (Decimal::ZERO, Decimal::ZERO);
    for n in chosen {
        let share = &mut shares[n];
        let exact = portion(off, share.net, base);
        before += exact;
        share.net -= exact;
        if reduction.products.is_some() {
            let rounded = round_minor(before, currency) - told;
            told += rounded;
            share.own_discount += rounded;
        }
    }
    off
}

/// `off` × `part` ÷ `whole`; multiplies first, to keep every digit it can.
fn portion(off: Decimal, part: Decimal, whole: Decimal) -> Decimal {
    let exact = off.checked_mul(part).and_then(|product| product.checked_div(whole));
    exact.unwrap_or_else(|| off.saturating_mul(part.checked_div(whole).unwrap_or_default()))
}

fn two_digits(percent: Decimal) -> Decimal {
    percent.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().expect("decimal")
    }

    fn part(amount: &str, product: &str) -> Part {
        Part { amount: dec(amount), discountable: true, product: Some(product.into()) }
    }

    fn percent(percent: i64, products: &[&str]) -> Reduction {
        let products = (!products.is_empty()).then(|| products.iter().map(|code| Arc::from(*code)).collect());
        Reduction { off: Off::Percent(percent.into()), products }
    }

    fn told(totals: Totals) -> [Decimal; 4] {
        [totals.subtotal, totals.discount, totals.tax, totals.total]
    }

    #[test]
    fn the_documented_invoice() {
        let (shares, totals) = settle(&[part("49.00", "pro"), part("70.00", "pro")], &[percent(10, &[])], "USD");
        assert_eq!(told(totals), ["119.00", "11.90", "8.57", "115.67"].map(dec));
        assert_eq!((shares[0].tax, shares[1].tax), (dec("3.53"), dec("5.04")));
        assert_eq!((shares[1].tax_rate, shares[1].own_discount), (dec("7.20"), Decimal::ZERO));
    }

    #[test]
    fn a_coupon_of_one_product_stands_on_its_lines() {
        let parts = [part("0.10", "pro"), part("0.10", "pro"), part("5.00", "addon")];
        let (shares, totals) = settle(&parts, &[percent(25, &["pro"])], "USD");
        assert_eq!(totals.discount, dec("0.05"));
        let own: Vec<Decimal> = shares.iter().map(|share| share.own_discount).collect();
        assert_eq!(own, [dec("0.03"), dec("0.02"), Decimal::ZERO]);
    }

    #[test]
    fn nothing_goes_below_nothing_and_credits_are_left_alone() {
        let credit = Part { discountable: false, ..part("-20.00", "pro") };
        let all = Reduction { off: Off::Amount(dec("80")), products: None };
        let (_, totals) = settle(&[part("49.00", "pro"), credit], &[all, percent(50, &[])], "USD");
        assert_eq!(told(totals), ["29.00", "49.00", "-1.60", "-21.60"].map(dec));
    }

    #[test]
    fn yen_have_no_cents() {
        let (_, totals) = settle(&[part("990", "pro")], &[percent(15, &[])], "JPY");
        assert_eq!(told(totals), ["990", "149", "67", "908"].map(dec));
    }
}
