//! What a price may say.
//!
//! Facts: paygentic-behaviour §2.4. A PATCH is checked on what it would make of the price, so that no order of
//! changes leads to a price that could not have been created.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::{Charged, Model, RateType};
use crate::api::Fault;
use crate::billing::money;
use crate::billing::price::{Rate, Tier};
use crate::contract::Violation;
use crate::providers::paygentic::entitlements::Attached;
use crate::providers::paygentic::pricing_units::PricingUnit;
use crate::time::Cadence;
use crate::world::Id;

/// What somebody wants of a price, as far as one part of it bears on another.
pub(super) struct Terms {
    pub of: Charged,
    pub model: Model,
    pub properties: Value,
    pub cadence: Option<Box<str>>,
    pub quantity: u32,
    pub obligation: bool,
    pub grant_discount: bool,
    pub feature: Option<Attached>,
    pub rate_type: RateType,
    pub unit: Option<Id<PricingUnit>>,
    pub outside_tax_scope: bool,
}

/// What the texts of passed terms mean.
#[derive(Debug)]
pub(super) struct Agreed {
    pub rate: Rate,
    pub cadence: Option<Cadence>,
}

/// Checks terms against all rules.
///
/// # Errors
/// Every rule that they break, by field.
pub(super) fn agree(terms: &Terms) -> Result<Agreed, Fault> {
    let mut wrong = Wrong(Vec::new());
    let rate = match terms.model {
        Model::Standard => standard(&terms.properties, &mut wrong),
        Model::Volume => volume(&terms.properties, &mut wrong),
    };
    let cadence = terms.cadence.as_deref().and_then(|text| match Cadence::parse(text) {
        Ok(cadence) => Some(cadence),
        Err(error) => wrong.note("/billingCadence", "format", error.to_string()),
    });
    match terms.of {
        Charged::Fee(_) => fee(terms, &mut wrong),
        Charged::Metric(_) => metered(terms, &mut wrong),
    }
    if let Some(Rate::Standard { unit_price }) = rate {
        sign(terms, unit_price, &mut wrong);
    }
    match rate {
        Some(rate) if wrong.0.is_empty() => Ok(Agreed { rate, cadence }),
        _ => Err(Fault::violations(wrong.0)),
    }
}

/// All that is wrong so far.
struct Wrong(Vec<Violation>);

impl Wrong {
    /// Adds a violation; the `None` is for those who were to make something of the field.
    fn note<T>(
        &mut self,
        pointer: impl Into<String>,
        rule: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Option<T> {
        self.0.push(Violation::body(pointer, rule, message));
        None
    }

    fn refuse(&mut self, when: bool, pointer: &str, rule: &'static str, message: &'static str) {
        if when {
            self.0.push(Violation::body(pointer, rule, message));
        }
    }

    fn amount(&mut self, pointer: &str, text: &str) -> Option<Decimal> {
        match money::parse(text) {
            Ok(amount) => Some(amount),
            Err(error) => self.note(pointer, "format", error.to_string()),
        }
    }
}

fn standard(properties: &Value, wrong: &mut Wrong) -> Option<Rate> {
    let Some(text) = properties["unitPrice"].as_str() else {
        return wrong.note("/properties/unitPrice", "required", "is needed: the model is standard");
    };
    let unit_price = wrong.amount("/properties/unitPrice", text)?;
    Some(Rate::Standard { unit_price })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenTier {
    up_to: Option<String>,
    unit_price: String,
}

fn volume(properties: &Value, wrong: &mut Wrong) -> Option<Rate> {
    let Ok(written) = Vec::<WrittenTier>::deserialize(&properties["tiers"]) else {
        return wrong.note("/properties/tiers", "required", "is needed: the model is volume");
    };
    let mut tiers = Vec::with_capacity(written.len());
    for (n, WrittenTier { up_to, unit_price }) in written.iter().enumerate() {
        let amount = |wrong: &mut Wrong, member: &str, text: &str| {
            wrong.amount(&format!("/properties/tiers/{n}/{member}"), text)
        };
        let bound = match up_to {
            None => Some(None),
            Some(text) => amount(wrong, "upTo", text).map(Some),
        };
        let rate = amount(wrong, "unitPrice", unit_price);
        if let (Some(up_to), Some(unit_price)) = (bound, rate) {
            tiers.push(Tier { up_to, unit_price });
        }
    }
    if tiers.len() < written.len() {
        return None;
    }
    match Rate::volume(tiers) {
        Ok(rate) => Some(rate),
        Err(error) => {
            let pointer = match error.rule.member() {
                Some(member) => format!("/properties/tiers/{}/{member}", error.tier),
                None => "/properties/tiers".to_owned(),
            };
            wrong.note(pointer, "ladder", error.rule.to_string())
        }
    }
}

fn fee(terms: &Terms, wrong: &mut Wrong) {
    wrong.refuse(terms.model != Model::Standard, "/model", "const", "a fee has one amount: its model is standard");
    wrong.refuse(
        terms.cadence.is_none(),
        "/billingCadence",
        "required",
        "is needed for a fee: P1M, P1Y or the like, or P0D for once",
    );
    wrong.refuse(
        terms.grant_discount,
        "/grantDiscountEnabled",
        "const",
        "grants reduce usage, and a fee has none: only metered prices can have this",
    );
    wrong.refuse(
        terms.rate_type == RateType::Proportion,
        "/rateType",
        "const",
        "a fee is an amount: only standard metered prices can be proportions",
    );
    wrong.refuse(terms.unit.is_some(), "/pricingUnitId", "const", "a fee is money: only usage is paid in credits");
}

fn metered(terms: &Terms, wrong: &mut Wrong) {
    wrong.refuse(
        terms.quantity != 1,
        "/quantity",
        "const",
        "the quantity of a metered price comes from usage: leave it out",
    );
    wrong.refuse(
        terms.obligation,
        "/isObligation",
        "const",
        "usage is not known beforehand: only a fee can be owed whole",
    );
    if terms.model == Model::Volume {
        let message = "goes with the standard model only, and this is a volume price";
        wrong.refuse(terms.grant_discount, "/grantDiscountEnabled", "const", message);
        wrong.refuse(terms.rate_type == RateType::Proportion, "/rateType", "const", message);
        wrong.refuse(terms.outside_tax_scope, "/tax/supplyScope", "const", message);
        wrong.refuse(terms.unit.is_some(), "/pricingUnitId", "const", message);
    }
    if terms.unit.is_some() {
        let message = "does not go with a pricingUnitId: credits are no money";
        wrong.refuse(terms.rate_type == RateType::Proportion, "/rateType", "const", message);
        wrong.refuse(terms.grant_discount, "/grantDiscountEnabled", "const", message);
    }
}

/// What the sign of a standard price's rate allows.
fn sign(terms: &Terms, unit_price: Decimal, wrong: &mut Wrong) {
    let negative = unit_price < Decimal::ZERO;
    wrong.refuse(
        negative && matches!(terms.of, Charged::Fee(_)),
        "/properties/unitPrice",
        "minimum",
        "a fee is 0 or more: a rebate grows with usage, so it is the price of a metric",
    );
    wrong.refuse(
        negative && terms.grant_discount && matches!(terms.of, Charged::Metric(_)),
        "/grantDiscountEnabled",
        "const",
        "does not go with a negative unitPrice: grants discount charges, not rebates",
    );
    wrong.refuse(
        negative && terms.unit.is_some(),
        "/properties/unitPrice",
        "minimum",
        "is 0 or more in credits: usage takes from a pool, and a rebate would fill it",
    );
    wrong.refuse(
        negative && terms.feature.as_ref().is_some_and(Attached::has_hard_limit),
        "/properties/unitPrice",
        "minimum",
        "is 0 or more where the feature has a hard limit: a rebate would end with the allowance",
    );
    wrong.refuse(
        terms.outside_tax_scope && unit_price > Decimal::ZERO,
        "/properties/unitPrice",
        "maximum",
        "is 0 or less outside the scope of tax: that is for cashback, not for charges",
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers::paygentic::billable_metrics::Metric;
    use crate::providers::paygentic::features::{self, Feature};
    use crate::providers::paygentic::fees::Fee;
    use crate::world::Table;

    fn fee_terms() -> Terms {
        Terms {
            of: Charged::Fee(Table::<Fee>::new(1).next_id()),
            model: Model::Standard,
            properties: json!({ "unitPrice": "49.90" }),
            cadence: Some("P12M".into()),
            quantity: 3,
            obligation: true,
            grant_discount: false,
            feature: None,
            rate_type: RateType::Amount,
            unit: None,
            outside_tax_scope: false,
        }
    }

    fn metered_terms(properties: Value) -> Terms {
        let of = Charged::Metric(Table::<Metric>::new(1).next_id());
        let model = if properties.get("tiers").is_some() { Model::Volume } else { Model::Standard };
        Terms { of, model, properties, cadence: None, quantity: 1, obligation: false, ..fee_terms() }
    }

    fn refused(terms: &Terms) -> Vec<String> {
        let fault = agree(terms).expect_err("breaks a rule");
        fault.violations.into_iter().map(|violation| violation.pointer).collect()
    }

    #[test]
    fn what_is_written_is_read_without_losing_a_digit() {
        let agreed = agree(&fee_terms()).expect("is a good fee price");
        assert_eq!(agreed.cadence, Some(Cadence::months(12)));
        assert_eq!(agreed.rate, Rate::Standard { unit_price: Decimal::new(4990, 2) });
        let once = Terms { cadence: Some("P0D".into()), ..fee_terms() };
        assert!(agree(&once).expect("is good").cadence.expect("is one").is_zero());
    }

    #[test]
    fn a_fee_price_says_all_that_is_wrong_with_it_at_once() {
        let terms = Terms {
            cadence: None,
            grant_discount: true,
            rate_type: RateType::Proportion,
            properties: json!({ "unitPrice": "-1" }),
            ..fee_terms()
        };
        let all = ["/billingCadence", "/grantDiscountEnabled", "/rateType", "/properties/unitPrice"];
        assert_eq!(refused(&terms), all);
        assert_eq!(refused(&Terms { cadence: Some("P99999999999Y".into()), ..fee_terms() }), ["/billingCadence"]);
        assert_eq!(refused(&Terms { outside_tax_scope: true, ..fee_terms() }), ["/properties/unitPrice"]);
    }

    #[test]
    fn a_rebate_grows_with_usage_and_takes_no_grants() {
        let rebate = || metered_terms(json!({ "unitPrice": "-0.01" }));
        assert!(agree(&rebate()).is_ok());
        assert!(agree(&Terms { outside_tax_scope: true, ..rebate() }).is_ok());
        assert_eq!(refused(&Terms { grant_discount: true, ..rebate() }), ["/grantDiscountEnabled"]);
        let feature = Table::<Feature>::new(1).next_id();
        let limited = |written| Attached::new(feature, features::Kind::Metered, Some(written), "").ok();
        assert_eq!(refused(&Terms { feature: limited(json!({})), ..rebate() }), ["/properties/unitPrice"]);
        assert!(agree(&Terms { feature: limited(json!({ "isSoftLimit": true })), ..rebate() }).is_ok());
        assert_eq!(refused(&Terms { quantity: 2, obligation: true, ..rebate() }), ["/quantity", "/isObligation"]);
    }

    #[test]
    fn credits_are_the_price_of_usage_at_one_rate() {
        let unit = Some(Table::<PricingUnit>::new(1).next_id());
        let credits = |unit_price: &str| Terms { unit, ..metered_terms(json!({ "unitPrice": unit_price })) };
        assert!(agree(&credits("3")).is_ok());
        assert_eq!(refused(&Terms { unit, ..fee_terms() }), ["/pricingUnitId"]);
        let tiers = json!({ "tiers": [{ "upTo": null, "unitPrice": "3" }] });
        assert_eq!(refused(&Terms { unit, ..metered_terms(tiers) }), ["/pricingUnitId"]);
        assert_eq!(refused(&credits("-3")), ["/properties/unitPrice"]);
        let shown = Terms { rate_type: RateType::Proportion, grant_discount: true, ..credits("3") };
        assert_eq!(refused(&shown), ["/rateType", "/grantDiscountEnabled"]);
    }

    #[test]
    fn a_ladder_is_refused_at_the_tier_that_breaks_it() {
        let tier = |bound: Value, rate: &str| json!({ "upTo": bound, "unitPrice": rate });
        let ladder = |tiers: [Value; 2]| metered_terms(json!({ "tiers": tiers }));
        assert!(agree(&ladder([tier(json!("100"), "5"), tier(Value::Null, "3")])).is_ok());
        let unordered = ladder([tier(Value::Null, "5"), tier(json!("100"), "3")]);
        assert_eq!(refused(&unordered), ["/properties/tiers/0/upTo"]);
        let closed = ladder([tier(json!("100"), "5"), tier(json!("200"), "3")]);
        assert_eq!(refused(&closed), ["/properties/tiers/1/upTo"]);
        let long = "9".repeat(40);
        let too_long = ladder([tier(json!(long), &long), tier(Value::Null, "3")]);
        assert_eq!(refused(&too_long), ["/properties/tiers/0/upTo", "/properties/tiers/0/unitPrice"]);
        let discounted = Terms {
            grant_discount: true,
            outside_tax_scope: true,
            ..ladder([tier(json!("100"), "5"), tier(Value::Null, "3")])
        };
        assert_eq!(refused(&discounted), ["/grantDiscountEnabled", "/tax/supplyScope"]);
    }

    #[test]
    fn a_switch_of_the_model_needs_the_properties_of_the_new_one() {
        let switched = Terms { model: Model::Volume, ..metered_terms(json!({ "unitPrice": "5" })) };
        assert_eq!(refused(&switched), ["/properties/tiers"]);
        let forgotten = Terms { model: Model::Standard, ..metered_terms(json!({ "tiers": [] })) };
        assert_eq!(refused(&forgotten), ["/properties/unitPrice"]);
    }
}
