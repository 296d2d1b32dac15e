//! What a rule asks of an event.
//!
//! Facts: paygentic-behaviour §2.12 (operators, types, `{from, to}`). Which of them go together is inferred: dates and
//! amounts are compared, texts are searched, and only an e-mail address has a domain. Texts match in any case; a date
//! without a time is that whole day in UTC; `between` includes both its ends.

use std::ops::{Bound, RangeBounds};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::billing::period::WindowSize;
use crate::billing::usage::number;
use crate::contract::Violation;
use crate::providers::paygentic::source_events::Revenue;
use crate::time::Timestamp;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Condition {
    operator: Operator,
    #[serde(rename = "type")]
    kind: Kind,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Operator {
    Equals,
    Contains,
    Between,
    GreaterThan,
    LessThan,
    Domain,
}

/// What of an event is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Date,
    CustomerName,
    CustomerEmail,
    Amount,
}

/// What is wrong with a condition: the field of it, the rule, what would be right.
type Flaw = (&'static str, &'static str, String);

/// A value that is compared with. It has a beginning and an end, since a date is a whole day.
struct Stretch<T> {
    first: T,
    end: Bound<T>,
}

impl Condition {
    /// What is wrong with the condition at a pointer.
    pub fn flaw(&self, pointer: &str) -> Option<Violation> {
        let read = match self.kind {
            Kind::Date => self.range(day).map(drop),
            Kind::Amount => self.range(amount).map(drop),
            Kind::CustomerName | Kind::CustomerEmail => self.text().map(drop),
        };
        let (field, rule, message) = read.err()?;
        Some(Violation::body(format!("{pointer}{field}"), rule, message))
    }

    /// Whether an event is as the condition asks. A condition that is kept has no flaw.
    pub fn holds(&self, event: &Revenue) -> bool {
        match self.kind {
            Kind::Date => self.range(day).is_ok_and(|range| range.contains(&event.occurred_at)),
            Kind::Amount => self.range(amount).is_ok_and(|range| range.contains(&event.amount)),
            Kind::CustomerName => self.fits(event.customer_name.as_deref()),
            Kind::CustomerEmail => self.fits(event.customer_email.as_deref()),
        }
    }

    /// What a date or an amount must lie in.
    fn range<T: PartialOrd + Copy>(
        &self,
        read: fn(&Value) -> Result<Stretch<T>, &'static str>,
    ) -> Result<(Bound<T>, Bound<T>), Flaw> {
        let at = |field, value| read(value).map_err(|message| (field, "format", message.to_owned()));
        let value = || at("/value", &self.value);
        match self.operator {
            Operator::Equals => value().map(|value| (Bound::Included(value.first), value.end)),
            Operator::GreaterThan => value().map(|value| (behind(value.end), Bound::Unbounded)),
            Operator::LessThan => value().map(|value| (Bound::Unbounded, Bound::Excluded(value.first))),
            Operator::Between => {
                let (from, to) = (at("/value/from", &self.value["from"])?, at("/value/to", &self.value["to"])?);
                if from.first > to.first {
                    return Err(("/value/to", "minimum", "is less than from: nothing lies between".to_owned()));
                }
                Ok((Bound::Included(from.first), to.end))
            }
            Operator::Contains | Operator::Domain => Err(self.mismatch("equals, between, greaterThan or lessThan")),
        }
    }

    /// What a name or an address is searched for, in lower case.
    fn text(&self) -> Result<String, Flaw> {
        match (self.operator, self.kind) {
            (Operator::Equals | Operator::Contains, _) | (Operator::Domain, Kind::CustomerEmail) => {}
            (_, Kind::CustomerEmail) => return Err(self.mismatch("equals, contains or domain")),
            _ => return Err(self.mismatch("equals or contains")),
        }
        let text = self.value.as_str().map(|text| text.trim().to_lowercase());
        let text = text.map(|text| match self.operator {
            Operator::Domain => text.trim_start_matches('@').to_owned(),
            _ => text,
        });
        let wrong = || ("/value", "type", "is to be a text that is not empty, such as \"@trusted.com\"".to_owned());
        text.filter(|text| !text.is_empty()).ok_or_else(wrong)
    }

    fn fits(&self, found: Option<&str>) -> bool {
        let (Some(found), Ok(wanted)) = (found.map(str::to_lowercase), self.text()) else { return false };
        match self.operator {
            Operator::Contains => found.contains(&wanted),
            Operator::Domain => found.rsplit_once('@').is_some_and(|(_, domain)| domain == wanted),
            _ => found == wanted,
        }
    }

    fn mismatch(&self, fitting: &str) -> Flaw {
        ("/operator", "enum", format!("cannot be used on {}: use {fitting}", self.kind.name()))
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Date => "a date",
            Self::CustomerName => "a customer's name",
            Self::CustomerEmail => "a customer's e-mail address",
            Self::Amount => "an amount",
        }
    }
}

/// Where what is greater begins.
fn behind<T>(end: Bound<T>) -> Bound<T> {
    match end {
        Bound::Included(last) => Bound::Excluded(last),
        Bound::Excluded(next) => Bound::Included(next),
        Bound::Unbounded => Bound::Unbounded,
    }
}

fn amount(value: &Value) -> Result<Stretch<Decimal>, &'static str> {
    let amount = number(value).ok_or("is to be an amount in the currency's main unit, such as 100 or \"99.50\"")?;
    Ok(Stretch { first: amount, end: Bound::Included(amount) })
}

/// A day, or one instant of it.
fn day(value: &Value) -> Result<Stretch<Timestamp>, &'static str> {
    let text = value.as_str().unwrap_or_default();
    if let Ok(at) = text.parse() {
        return Ok(Stretch { first: at, end: Bound::Included(at) });
    }
    let midnight: Timestamp = format!("{text}T00:00:00Z")
        .parse()
        .map_err(|_| "is to be a date or a date-time, such as \"2028-01-31\" or \"2028-01-31T09:30:00Z\"")?;
    Ok(Stretch { first: midnight, end: Bound::Excluded(WindowSize::Day.next(midnight)) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(kind: &str, operator: &str, value: &Value) -> Condition {
        serde_json::from_value(json!({ "type": kind, "operator": operator, "value": value })).unwrap()
    }

    /// An event of 100.00 USD at noon of 31 January, from Jo Doe <jo@Trusted.com>.
    fn revenue() -> Revenue {
        serde_json::from_value(json!({
            "amount": "100.00", "currency": "USD", "customerName": "Jo Doe", "customerEmail": "jo@Trusted.com",
            "occurredAt": "2028-01-31T12:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn every_operator_on_what_it_goes_with() {
        let day = |from: &str, to: &str| json!({ "from": from, "to": to });
        let noon = "2028-01-31T12:00:00Z";
        for (kind, operator, value, holds) in [
            ("amount", "equals", json!(100), true),
            ("amount", "equals", json!("100.0"), true),
            ("amount", "equals", json!(99.99), false),
            ("amount", "greaterThan", json!(100), false),
            ("amount", "greaterThan", json!(99.99), true),
            ("amount", "lessThan", json!(100), false),
            ("amount", "lessThan", json!("100.01"), true),
            ("amount", "between", json!({ "from": 100, "to": 100 }), true),
            ("amount", "between", json!({ "from": 100.01, "to": 200 }), false),
            ("date", "equals", json!("2028-01-31"), true),
            ("date", "equals", json!(noon), true),
            ("date", "equals", json!("2028-01-31T12:00:01Z"), false),
            ("date", "greaterThan", json!("2028-01-31"), false),
            ("date", "greaterThan", json!("2028-01-30"), true),
            ("date", "greaterThan", json!(noon), false),
            ("date", "lessThan", json!("2028-01-31"), false),
            ("date", "lessThan", json!("2028-02-01"), true),
            ("date", "between", day("2028-01-01", "2028-01-31"), true),
            ("date", "between", day("2028-01-31", "2028-01-31T11:59:59Z"), false),
            ("date", "between", day("2028-02-01", "2028-02-29"), false),
            ("customerName", "equals", json!("JO DOE"), true),
            ("customerName", "equals", json!("Jo"), false),
            ("customerName", "contains", json!("doe"), true),
            ("customerEmail", "equals", json!("jo@trusted.com"), true),
            ("customerEmail", "contains", json!("@trusted"), true),
            ("customerEmail", "domain", json!("@trusted.com"), true),
            ("customerEmail", "domain", json!("TRUSTED.com"), true),
            ("customerEmail", "domain", json!("rusted.com"), false),
        ] {
            let condition = condition(kind, operator, &value);
            assert_eq!(condition.flaw("").map(|flaw| flaw.to_string()), None);
            assert_eq!(condition.holds(&revenue()), holds, "{kind} {operator} {value}");
        }
    }

    #[test]
    fn nobody_has_no_name_and_no_address() {
        let nobody = Revenue { customer_name: None, customer_email: None, ..revenue() };
        assert!(!condition("customerName", "contains", &json!("o")).holds(&nobody));
        assert!(!condition("customerEmail", "domain", &json!("trusted.com")).holds(&nobody));
    }

    #[test]
    fn a_flaw_is_found_in_its_field() {
        for (kind, operator, value, flaw) in [
            ("amount", "contains", json!(1), "/operator enum"),
            ("amount", "domain", json!(1), "/operator enum"),
            ("date", "contains", json!("2028"), "/operator enum"),
            ("date", "domain", json!("2028"), "/operator enum"),
            ("customerName", "between", json!({ "from": "a", "to": "b" }), "/operator enum"),
            ("customerName", "greaterThan", json!("a"), "/operator enum"),
            ("customerName", "lessThan", json!("a"), "/operator enum"),
            ("customerName", "domain", json!("a.com"), "/operator enum"),
            ("customerEmail", "between", json!({ "from": "a", "to": "b" }), "/operator enum"),
            ("customerEmail", "greaterThan", json!("a"), "/operator enum"),
            ("customerEmail", "lessThan", json!("a"), "/operator enum"),
            ("amount", "equals", json!("much"), "/value format"),
            ("amount", "between", json!({ "from": "little", "to": 2 }), "/value/from format"),
            ("amount", "between", json!({ "from": 2, "to": 1 }), "/value/to minimum"),
            ("date", "lessThan", json!("soon"), "/value format"),
            ("date", "equals", json!(2028), "/value format"),
            ("date", "between", json!({ "from": "2028-01-01", "to": "2028-02-30" }), "/value/to format"),
            ("customerName", "contains", json!(" "), "/value type"),
            ("customerEmail", "domain", json!("@"), "/value type"),
            ("customerEmail", "equals", json!(5), "/value type"),
        ] {
            let found = condition(kind, operator, &value).flaw("").map(|flaw| flaw.to_string()).unwrap_or_default();
            assert!(found.starts_with(flaw), "{kind} {operator} {value}: {found:?}");
        }
    }
}
