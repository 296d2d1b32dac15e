//! What an entitlement gives: templates as callers write them, and as prices carry them.
//!
//! Facts: paygentic-behaviour §2.10 (template types), §2.4 (`feature` of a price). What is left out of a metered
//! template is inferred: a hard limit, nothing issued, nothing carried over a reset.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::Fault;
use crate::billing::allowance::UNLIMITED;
use crate::contract::Violation;
use crate::providers::paygentic::features::{Feature, Kind};
use crate::providers::paygentic::plans::Allocation;
use crate::time::{Cadence, Timestamp};
use crate::world::Id;

/// The shortest time between two resets. An account is run from reset to reset: a year by the day, not by the second.
const INTERVAL_LEAST: Cadence = Cadence::days(1);
/// The documented bounds of a priority: two bytes.
const PRIORITIES: std::ops::RangeInclusive<i32> = i16::MIN as i32..=i16::MAX as i32;

/// What an entitlement gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Terms {
    Boolean,
    Static(Map<String, Value>),
    Metered(Metered),
}

/// Units of usage, issued once or at every reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metered {
    /// Whether usage may go on beyond what is granted, and is charged.
    pub is_soft: bool,
    pub issue: Decimal,
    pub priority: i32,
    pub keeps_overage: bool,
    pub rollover_least: Decimal,
    pub rollover_most: Decimal,
    /// `None`: the units are issued once.
    pub period: Option<Period>,
}

/// How often usage is reset; from the start of whatever the entitlement belongs to, if not from an instant of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    pub interval: Cadence,
    pub anchor: Option<Timestamp>,
}

/// A feature that a price carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    pub feature: Id<Feature>,
    /// The template as it was written: it is read back so. `None`: the feature comes without an allowance.
    pub written: Option<Value>,
    pub terms: Terms,
}

impl Attached {
    pub fn new(feature: Id<Feature>, kind: Kind, written: Option<Value>, pointer: &str) -> Result<Self, Fault> {
        let terms = match &written {
            Some(template) => Terms::read(template, kind, pointer)?,
            None => Terms::bare(kind),
        };
        Ok(Self { feature, written, terms })
    }

    pub fn has_hard_limit(&self) -> bool {
        matches!(&self.terms, Terms::Metered(metered) if !metered.is_soft)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Template {
    #[serde(rename = "type")]
    kind: Option<Kind>,
    config: Option<Map<String, Value>>,
    usage_period: Option<UsagePeriod>,
    #[serde(default)]
    is_soft_limit: bool,
    #[serde(default)]
    issue_after_reset: Decimal,
    #[serde(default)]
    issue_after_reset_priority: i64,
    #[serde(default)]
    preserve_overage_at_reset: bool,
    #[serde(default)]
    reset_max_rollover: Decimal,
    #[serde(default)]
    reset_min_rollover: Decimal,
}

#[derive(Deserialize)]
struct UsagePeriod {
    interval: String,
    anchor: Option<Timestamp>,
}

impl Terms {
    /// A template for a feature of some kind; `pointer` says where it stands in the body.
    ///
    /// # Errors
    /// All that is wrong with it, by field.
    pub fn read(template: &Value, kind: Kind, pointer: &str) -> Result<Self, Fault> {
        let written = Template::deserialize(template)
            .map_err(|error| Fault::field(pointer, "type", format!("is no entitlement template: {error}")))?;
        if let Some(other) = written.kind.filter(|other| *other != kind) {
            let message = format!("is {other:?}, and the feature is {kind:?}: they must agree");
            return Err(Fault::field(&format!("{pointer}/type"), "const", message));
        }
        match kind {
            Kind::Boolean => Ok(Self::Boolean),
            Kind::Static => Ok(Self::Static(written.config.unwrap_or_default())),
            Kind::Metered => Metered::read(&written, pointer).map(Self::Metered),
        }
    }

    /// Of a feature that comes without an allowance: access, and all usage is beyond what is granted.
    fn bare(kind: Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Boolean,
            Kind::Static => Self::Static(Map::new()),
            Kind::Metered => Self::Metered(Metered { is_soft: true, ..Metered::default() }),
        }
    }
}

impl Metered {
    /// A pool of credits. They are issued as any grant is, and none is lost at a reset.
    pub fn credits(allocation: Option<&Allocation>) -> Self {
        let Some(Allocation { amount, recurrence, .. }) = allocation else { return Self::default() };
        let period = recurrence.map(|interval| Period { interval, anchor: None });
        Self { issue: *amount, rollover_most: UNLIMITED, period, ..Self::default() }
    }

    fn read(written: &Template, pointer: &str) -> Result<Self, Fault> {
        let mut wrong = Vec::new();
        let mut note = |field: &str, rule: &'static str, message: String| {
            wrong.push(Violation::body(format!("{pointer}/{field}"), rule, message));
        };
        for (field, units) in [
            ("issueAfterReset", written.issue_after_reset),
            ("resetMaxRollover", written.reset_max_rollover),
            ("resetMinRollover", written.reset_min_rollover),
        ] {
            if units < Decimal::ZERO {
                note(field, "minimum", format!("{units} is below 0"));
            }
        }
        if written.reset_min_rollover > written.reset_max_rollover {
            let (least, most) = (written.reset_min_rollover, written.reset_max_rollover);
            note("resetMinRollover", "maximum", format!("{least} is more than resetMaxRollover, {most}"));
        }
        let priority = i32::try_from(written.issue_after_reset_priority).ok().filter(|it| PRIORITIES.contains(it));
        if priority.is_none() {
            note("issueAfterResetPriority", "range", "is not between -32768 and 32767".to_owned());
        }
        let period = written.usage_period.as_ref().and_then(|period| match reset_interval(&period.interval) {
            Ok(interval) => Some(Period { interval, anchor: period.anchor }),
            Err((rule, message)) => {
                note("usagePeriod/interval", rule, message);
                None
            }
        });
        if !wrong.is_empty() {
            return Err(Fault::violations(wrong));
        }
        Ok(Self {
            is_soft: written.is_soft_limit,
            issue: written.issue_after_reset,
            priority: priority.unwrap_or_default(),
            keeps_overage: written.preserve_overage_at_reset,
            rollover_least: written.reset_min_rollover,
            rollover_most: written.reset_max_rollover,
            period,
        })
    }
}

/// A time between two resets.
pub fn reset_interval(text: &str) -> Result<Cadence, (&'static str, String)> {
    let interval = Cadence::parse(text).map_err(|error| ("format", error.to_string()))?;
    let next = |cadence: Cadence| cadence.after(Timestamp::UNIX_EPOCH, 1);
    if next(interval) < next(INTERVAL_LEAST) && next(interval).is_some() {
        return Err(("minimum", format!("{text} is shorter than {INTERVAL_LEAST}: usage is reset daily at most")));
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(template: &Value) -> Vec<String> {
        let fault = Terms::read(template, Kind::Metered, "/template").expect_err("breaks a rule");
        fault.violations.into_iter().map(|violation| violation.pointer).collect()
    }

    #[test]
    fn what_a_template_leaves_out_is_a_hard_limit_of_nothing() {
        let read = |template: Value, kind| Terms::read(&template, kind, "").expect("is good");
        assert_eq!(read(json!({}), Kind::Metered), Terms::Metered(Metered::default()));
        assert_eq!(read(json!({ "type": "boolean", "config": {} }), Kind::Boolean), Terms::Boolean);
        assert_eq!(read(json!({}), Kind::Static), Terms::Static(Map::new()));
        let monthly = json!({ "usagePeriod": { "interval": "P1M" }, "issueAfterReset": 0.1, "isSoftLimit": true });
        let period = Some(Period { interval: Cadence::months(1), anchor: None });
        let expected = Metered { is_soft: true, issue: Decimal::new(1, 1), period, ..Metered::default() };
        assert_eq!(read(monthly, Kind::Metered), Terms::Metered(expected));
    }

    #[test]
    fn everything_that_is_wrong_with_a_template_is_told() {
        let all = json!({
            "issueAfterReset": -1, "resetMaxRollover": 5, "resetMinRollover": 6, "issueAfterResetPriority": 32_768,
            "usagePeriod": { "interval": "PT1H" },
        });
        let fields = ["issueAfterReset", "resetMinRollover", "issueAfterResetPriority", "usagePeriod/interval"];
        assert_eq!(refused(&all), fields.map(|field| format!("/template/{field}")));
        assert_eq!(refused(&json!({ "usagePeriod": { "interval": "monthly" } })), ["/template/usagePeriod/interval"]);
        assert_eq!(refused(&json!({ "usagePeriod": { "interval": "P0D" } })), ["/template/usagePeriod/interval"]);
        assert_eq!(refused(&json!({ "type": "static" })), ["/template/type"]);
        assert_eq!(refused(&json!({ "isSoftLimit": "yes" })), ["/template"]);
    }
}
