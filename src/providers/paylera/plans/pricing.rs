//! Components: how each part of a plan is priced, and what a quantity of it comes to.
//!
//! Facts: paylera §2.3. Amounts are exact here; lines of invoices are rounded.

use std::borrow::Cow;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::billing::tiers::{self, Band};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Component {
    pub code: Arc<str>,
    pub pricing: Pricing,
    pub tax_code: Option<Box<str>>,
    pub recognition: Option<Recognition>,
}

/// How a component is priced. A meter that is left out is that of the component's own code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum Pricing {
    Flat {
        amount: Decimal,
    },
    PerUnit {
        unit_amount: Decimal,
        #[serde(default)]
        included_units: u64,
        meter: Arc<str>,
    },
    /// Each unit at the price of its own band.
    Tiered {
        tiers: Vec<Tier>,
        meter: Option<Arc<str>>,
    },
    /// All units at the price of the band that the last one reaches.
    Volume {
        tiers: Vec<Tier>,
        meter: Option<Arc<str>>,
    },
    Package {
        package_size: u64,
        package_price: Decimal,
        meter: Option<Arc<str>>,
    },
    /// What was reported until the period closed.
    Usage {
        meter: Arc<str>,
        #[serde(default)]
        aggregation: Aggregation,
        tiers: Vec<Tier>,
        #[serde(default)]
        late_events: LateEvents,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Tier {
    /// The last unit of the band; `None`: no end.
    pub up_to: Option<u64>,
    pub unit_amount: Decimal,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    #[default]
    Sum,
    Max,
    LastDuringPeriod,
    UniqueCount,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateEvents {
    #[default]
    NextPeriod,
    Rebill,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recognition {
    #[serde(default)]
    pub rule: Rule,
    pub service_period_months: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    #[default]
    StraightLine,
    PointInTime,
    UsageBased,
    Milestone,
}

impl Pricing {
    pub fn tiers(&self) -> Option<&[Tier]> {
        match self {
            Self::Tiered { tiers, .. } | Self::Volume { tiers, .. } | Self::Usage { tiers, .. } => Some(tiers),
            Self::Flat { .. } | Self::PerUnit { .. } | Self::Package { .. } => None,
        }
    }
}

impl Component {
    /// Says what was left out, as answers do.
    pub fn settle(&mut self) {
        if let Pricing::Tiered { meter, .. } | Pricing::Volume { meter, .. } | Pricing::Package { meter, .. } =
            &mut self.pricing
        {
            meter.get_or_insert_with(|| Arc::clone(&self.code));
        }
    }
}

/// What a quantity comes to: so many units at so much each. With bands, the price of a unit is the average.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    pub quantity: Decimal,
    pub unit_amount: Decimal,
    pub amount: Decimal,
}

impl Priced {
    fn at(quantity: Decimal, unit_amount: Decimal) -> Self {
        Self { quantity, unit_amount, amount: quantity.saturating_mul(unit_amount) }
    }

    fn all(quantity: Decimal, amount: Decimal) -> Self {
        Self { quantity, unit_amount: amount.checked_div(quantity).unwrap_or_default(), amount }
    }
}

impl Pricing {
    /// The meter that says how much of it there is; a flat price has none.
    pub fn meter(&self) -> Option<&Arc<str>> {
        match self {
            Self::Flat { .. } => None,
            Self::PerUnit { meter, .. } | Self::Usage { meter, .. } => Some(meter),
            Self::Tiered { meter, .. } | Self::Volume { meter, .. } | Self::Package { meter, .. } => meter.as_ref(),
        }
    }

    /// Whether it is billed when its period has closed, by what was reported.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage { .. })
    }

    /// The same at another price for a unit, where it has one price.
    pub fn at(&self, price: Option<Decimal>) -> Cow<'_, Self> {
        match (self, price) {
            (Self::Flat { .. }, Some(amount)) => Cow::Owned(Self::Flat { amount }),
            (Self::PerUnit { included_units, meter, .. }, Some(unit_amount)) => {
                Cow::Owned(Self::PerUnit { unit_amount, included_units: *included_units, meter: Arc::clone(meter) })
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Usage is graduated, as `tiered` is. Less than nothing is nothing: corrections cannot take back more than there
    /// was.
    pub fn price(&self, quantity: Decimal) -> Priced {
        let quantity = quantity.max(Decimal::ZERO);
        match self {
            Self::Flat { amount } => Priced::at(Decimal::ONE, *amount),
            Self::PerUnit { unit_amount, included_units, .. } => {
                Priced::at((quantity - Decimal::from(*included_units)).max(Decimal::ZERO), *unit_amount)
            }
            Self::Tiered { tiers, .. } | Self::Usage { tiers, .. } => {
                Priced::all(quantity, tiers::graduated(bands(tiers), quantity))
            }
            Self::Volume { tiers, .. } => Priced::all(quantity, tiers::volume(bands(tiers), quantity)),
            Self::Package { package_size, package_price, .. } => {
                Priced::at(tiers::packages(quantity, Decimal::from(*package_size)), *package_price)
            }
        }
    }
}

fn bands(tiers: &[Tier]) -> impl Iterator<Item = Band> {
    tiers.iter().map(|tier| Band { up_to: tier.up_to.map(Decimal::from), unit_amount: tier.unit_amount })
}
