//! Bands of quantity that are priced each in its own way.
//!
//! Purpose: the three ladders that billing systems have beside a plain unit price. Nothing is rounded here.
//!
//! facts: paylera §2.3 (graduated: 50 units on 10 at 10.00, up to 100 at 8.00 are 420.00; volume: 400.00). That a
//! package which is begun counts whole is inferred.

use rust_decimal::Decimal;

/// Units up to and including `up_to` cost `unit_amount` each; a band without end is the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Band {
    pub up_to: Option<Decimal>,
    pub unit_amount: Decimal,
}

/// Each unit at the price of its own band. Units beyond the last band, if that has an end, cost nothing.
#[must_use]
pub fn graduated(bands: impl IntoIterator<Item = Band>, quantity: Decimal) -> Decimal {
    let mut floor = Decimal::ZERO;
    let mut amount = Decimal::ZERO;
    for band in bands {
        let top = band.up_to.map_or(quantity, |up_to| up_to.min(quantity));
        if top > floor {
            amount = amount.saturating_add((top - floor).saturating_mul(band.unit_amount));
            floor = top;
        }
    }
    amount
}

/// All units at the price of the band that the last one reaches.
#[must_use]
pub fn volume(bands: impl IntoIterator<Item = Band>, quantity: Decimal) -> Decimal {
    let reached = bands.into_iter().find(|band| band.up_to.is_none_or(|up_to| quantity <= up_to));
    reached.map_or(Decimal::ZERO, |band| quantity.saturating_mul(band.unit_amount))
}

/// How many packages hold `quantity` units. No package is needed for nothing, or for less.
#[must_use]
pub fn packages(quantity: Decimal, size: Decimal) -> Decimal {
    quantity.max(Decimal::ZERO).checked_div(size).unwrap_or_default().ceil()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bands() -> [Band; 3] {
        let band = |up_to: Option<i64>, unit: i64| Band { up_to: up_to.map(Decimal::from), unit_amount: unit.into() };
        [band(Some(10), 10), band(Some(100), 8), band(None, 5)]
    }

    fn of(rate: fn([Band; 3], Decimal) -> Decimal, quantity: i64) -> Decimal {
        rate(bands(), quantity.into())
    }

    #[test]
    fn the_vectors_of_the_documents() {
        assert_eq!(of(graduated, 50), Decimal::from(420));
        assert_eq!(of(volume, 50), Decimal::from(400));
    }

    #[test]
    fn edges_of_bands_belong_to_the_band_below() {
        let expected = [(0, 0, 0), (10, 100, 100), (11, 108, 88), (100, 820, 800), (101, 825, 505)];
        for (quantity, each, all) in expected {
            assert_eq!(of(graduated, quantity), Decimal::from(each), "{quantity}");
            assert_eq!(of(volume, quantity), Decimal::from(all), "{quantity}");
        }
        assert_eq!(graduated(bands(), Decimal::from(-3)), Decimal::ZERO);
    }

    #[test]
    fn a_package_that_is_begun_counts_whole() {
        for (quantity, expected) in [(0, 0), (1, 1), (100, 1), (101, 2), (-5, 0)] {
            assert_eq!(packages(quantity.into(), 100.into()), Decimal::from(expected), "{quantity}");
        }
    }
}
