//! Prices: what a quantity costs.
//!
//! Purpose: rate a quantity by one of the two models that can be created. A volume ladder picks one tier by the
//! whole quantity and prices every unit at its rate; it is not graduated.
//!
//! facts: paygentic-behaviour §2.4 (computation; ladder rules; 100@5, null@3: 100 → 500, 101 → 303).

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Most decimals of a tier's bound and rate.
const LADDER_DECIMALS: u32 = 6;

/// How a quantity becomes an amount. On the wire `{"model": "standard", "unitPrice": "5"}` or `{"model": "volume",
/// "tiers": […]}`; reading one checks its ladder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "lowercase", try_from = "Unchecked")]
pub enum Rate {
    /// amount = quantity × unit price. A negative unit price is a rebate that grows with usage.
    #[serde(rename_all = "camelCase")]
    Standard {
        /// Major units for one unit.
        unit_price: Decimal,
    },
    /// The first tier that reaches the quantity prices all units. Make it with [`Rate::volume`], which checks the
    /// ladder.
    Volume {
        /// Ascending; the last one is open.
        tiers: Vec<Tier>,
    },
}

/// A [`Rate`] as it was written, before its ladder is checked.
#[derive(Deserialize)]
#[serde(tag = "model", rename_all = "lowercase")]
enum Unchecked {
    #[serde(rename_all = "camelCase")]
    Standard {
        unit_price: Decimal,
    },
    Volume {
        tiers: Vec<Tier>,
    },
}

impl TryFrom<Unchecked> for Rate {
    type Error = LadderError;

    fn try_from(written: Unchecked) -> Result<Self, LadderError> {
        match written {
            Unchecked::Standard { unit_price } => Ok(Self::Standard { unit_price }),
            Unchecked::Volume { tiers } => Self::volume(tiers),
        }
    }
}

/// One step of a volume ladder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tier {
    /// Largest quantity that the tier prices, itself included; `None` for the open last tier.
    pub up_to: Option<Decimal>,
    /// Major units for one unit.
    pub unit_price: Decimal,
}

/// What a quantity costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rated {
    /// The rate that was applied, in major units.
    pub unit_price: Decimal,
    /// quantity × `unit_price`, unrounded, in major units.
    pub amount: Decimal,
}

/// Why a list of tiers is not a ladder: the first tier at fault and the rule it breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LadderError {
    /// Index of the tier, from 0.
    pub tier: usize,
    /// What it breaks.
    pub rule: LadderRule,
}

/// The rules of a ladder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LadderRule {
    /// There is at least one tier.
    NotEmpty,
    /// A bound is above zero.
    PositiveBound,
    /// A bound is above the one before it.
    Ascending,
    /// Only the last tier is open.
    OpenOnlyLast,
    /// The last tier is open.
    LastOpen,
    /// A rate is zero or more.
    RateNotNegative,
    /// A bound has at most six decimals.
    BoundDecimals,
    /// A rate has at most six decimals.
    RateDecimals,
}

impl LadderRule {
    /// The member of the tier that the rule is about, by its wire name; `None` when it is about the list.
    #[must_use]
    pub const fn member(self) -> Option<&'static str> {
        match self {
            Self::NotEmpty => None,
            Self::RateNotNegative | Self::RateDecimals => Some("unitPrice"),
            Self::PositiveBound | Self::Ascending | Self::OpenOnlyLast | Self::LastOpen | Self::BoundDecimals => {
                Some("upTo")
            }
        }
    }
}

impl fmt::Display for LadderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotEmpty => "a ladder has at least one tier; a single one has upTo null",
            Self::PositiveBound => "upTo is greater than 0",
            Self::Ascending => {
                "upTo is greater than in the tier before; tiers are written in ascending order, they \
                 are not sorted for you"
            }
            Self::OpenOnlyLast => "only the last tier has upTo null; no quantity gets past this one",
            Self::LastOpen => "the last tier has upTo null, so that every quantity has a price",
            Self::RateNotNegative => "unitPrice is 0 or more; a rebate is a standard price",
            Self::BoundDecimals => "upTo has at most 6 decimals",
            Self::RateDecimals => "unitPrice has at most 6 decimals",
        })
    }
}

impl fmt::Display for LadderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule.member() {
            Some(member) => write!(f, "tiers[{}].{member}: {}", self.tier, self.rule),
            None => write!(f, "tiers: {}", self.rule),
        }
    }
}

impl std::error::Error for LadderError {}

impl Rate {
    /// A volume rate over a checked ladder.
    ///
    /// # Errors
    /// [`LadderError`] with the index of the first tier that breaks a rule. An unordered ladder is refused, not
    /// sorted.
    pub fn volume(tiers: Vec<Tier>) -> Result<Self, LadderError> {
        let Some(last) = tiers.len().checked_sub(1) else {
            return Err(LadderError { tier: 0, rule: LadderRule::NotEmpty });
        };
        let mut floor = None;
        for (index, tier) in tiers.iter().enumerate() {
            if let Some(rule) = broken(*tier, floor, index == last) {
                return Err(LadderError { tier: index, rule });
            }
            floor = tier.up_to;
        }
        Ok(Self::Volume { tiers })
    }

    /// Prices `quantity` units.
    ///
    /// Volume: the first tier with quantity ≤ `up_to` prices all of them.
    #[must_use]
    pub fn of(&self, quantity: Decimal) -> Rated {
        let unit_price = match self {
            Self::Standard { unit_price } => *unit_price,
            Self::Volume { tiers } => tiers
                .iter()
                .find(|tier| tier.up_to.is_none_or(|up_to| quantity <= up_to))
                // A checked ladder ends open; one that was put together by hand goes on at its last rate.
                .or(tiers.last())
                .map_or(Decimal::ZERO, |tier| tier.unit_price),
        };
        Rated { unit_price, amount: quantity.saturating_mul(unit_price) }
    }
}

/// The first rule that a tier breaks, given the bound of the tier before it.
fn broken(tier: Tier, floor: Option<Decimal>, last: bool) -> Option<LadderRule> {
    let bound = match tier.up_to {
        None if last => None,
        None => Some(LadderRule::OpenOnlyLast),
        Some(up_to) if up_to <= Decimal::ZERO => Some(LadderRule::PositiveBound),
        Some(up_to) if floor.is_some_and(|floor| up_to <= floor) => Some(LadderRule::Ascending),
        Some(up_to) if too_fine(up_to) => Some(LadderRule::BoundDecimals),
        Some(_) if last => Some(LadderRule::LastOpen),
        Some(_) => None,
    };
    bound.or(match tier.unit_price {
        rate if rate < Decimal::ZERO => Some(LadderRule::RateNotNegative),
        rate if too_fine(rate) => Some(LadderRule::RateDecimals),
        _ => None,
    })
}

fn too_fine(number: Decimal) -> bool {
    number.normalize().scale() > LADDER_DECIMALS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        super::super::money::parse(text).unwrap()
    }

    fn tiers(steps: &[(&str, &str)]) -> Vec<Tier> {
        let up_to = |text: &str| (text != "null").then(|| dec(text));
        steps.iter().map(|(bound, rate)| Tier { up_to: up_to(bound), unit_price: dec(rate) }).collect()
    }

    #[test]
    fn the_documented_ladder() {
        let rate = Rate::volume(tiers(&[("100", "5"), ("null", "3")])).unwrap();
        for (quantity, unit_price, amount) in [
            ("0", "5", "0"),
            ("1", "5", "5"),
            ("100", "5", "500"),
            ("100.000001", "3", "300.000003"),
            ("101", "3", "303"),
        ] {
            assert_eq!(
                rate.of(dec(quantity)),
                Rated { unit_price: dec(unit_price), amount: dec(amount) },
                "{quantity}"
            );
        }
    }

    #[test]
    fn every_bound_is_inclusive() {
        let rate = Rate::volume(tiers(&[("10", "3"), ("20", "2"), ("30.5", "1"), ("null", "0")])).unwrap();
        for (quantity, unit_price) in
            [("10", "3"), ("10.1", "2"), ("20", "2"), ("30.5", "1"), ("30.6", "0"), ("-1", "3")]
        {
            assert_eq!(rate.of(dec(quantity)).unit_price, dec(unit_price), "{quantity}");
        }
        assert_eq!(Rate::volume(tiers(&[("null", "4")])).unwrap().of(dec("7")).amount, dec("28"));
    }

    #[test]
    fn standard_multiplies() {
        let of =
            |unit_price: &str, quantity: &str| Rate::Standard { unit_price: dec(unit_price) }.of(dec(quantity)).amount;
        assert_eq!(of("0.00425", "1000"), dec("4.25"));
        assert_eq!(of("-0.5", "3"), dec("-1.5"));
        assert_eq!(of("79228162514264337593543950335", "10"), Decimal::MAX);
    }

    #[test]
    fn refuses_what_is_not_a_ladder() {
        use LadderRule::{
            Ascending, BoundDecimals, LastOpen, NotEmpty, OpenOnlyLast, PositiveBound, RateDecimals, RateNotNegative,
        };
        for (steps, tier, rule) in [
            (&[][..], 0, NotEmpty),
            (&[("0", "5"), ("null", "3")], 0, PositiveBound),
            (&[("-1", "5"), ("null", "3")], 0, PositiveBound),
            (&[("100", "5"), ("100", "4"), ("null", "3")], 1, Ascending),
            (&[("100", "5"), ("50", "4"), ("null", "3")], 1, Ascending),
            (&[("null", "5"), ("100", "3")], 0, OpenOnlyLast),
            (&[("100", "5"), ("null", "4"), ("null", "3")], 1, OpenOnlyLast),
            (&[("100", "5"), ("200", "3")], 1, LastOpen),
            (&[("100", "5")], 0, LastOpen),
            (&[("100", "5"), ("null", "-0.01")], 1, RateNotNegative),
            (&[("1.0000001", "5"), ("null", "3")], 0, BoundDecimals),
            (&[("100", "5"), ("null", "0.0000001")], 1, RateDecimals),
        ] {
            let error = Rate::volume(tiers(steps)).unwrap_err();
            assert_eq!(error, LadderError { tier, rule });
            assert!(error.to_string().starts_with("tiers"), "{error}");
        }
        assert!(Rate::volume(tiers(&[("0.000001", "0.000001"), ("1.00000000", "0"), ("null", "0")])).is_ok());
        let error = LadderError { tier: 1, rule: Ascending };
        assert!(error.to_string().starts_with("tiers[1].upTo: upTo is greater than in the tier before"), "{error}");
    }

    #[test]
    fn travels_through_json_and_is_checked_on_arrival() {
        let rate = Rate::volume(tiers(&[("100", "5.00"), ("null", "3")])).unwrap();
        let json = concat!(
            r#"{"model":"volume","tiers":[{"upTo":"100","unitPrice":"5.00"},"#,
            r#"{"upTo":null,"unitPrice":"3"}]}"#
        );
        assert_eq!(serde_json::to_string(&rate).unwrap(), json);
        assert_eq!(serde_json::from_str::<Rate>(json).unwrap(), rate);
        let standard = Rate::Standard { unit_price: dec("0.05") };
        let json = r#"{"model":"standard","unitPrice":"0.05"}"#;
        assert_eq!(serde_json::to_string(&standard).unwrap(), json);
        assert_eq!(serde_json::from_str::<Rate>(json).unwrap(), standard);
        let error = serde_json::from_str::<Rate>(r#"{"model":"volume","tiers":[]}"#).unwrap_err();
        assert!(error.to_string().contains("at least one tier"), "{error}");
    }
}
