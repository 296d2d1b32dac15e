//! How the amount of a line came about: the values it started from, and each rule that changed one.
//!
//! Facts: paygentic-behaviour §2.8 (`expand=lineProvenance`: statuses, ops, source types), §4 (order of steps). A line
//! says most of it by itself: the price as it was agreed, the window, what was used. What rules made of it is kept when
//! it is calculated (`Applied`), since events, grants and adjustments go on. Whoever repeats the steps comes to the
//! line's amount, digit by digit; the parameters that our steps have are told in `docs/fidelity.md`.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Billed, Invoice, Kind, LineItem};
use crate::billing::money::{exact, minor_digits, parse, plain};
use crate::billing::period::Window;
use crate::billing::price::{Rate, Tier};
use crate::billing::proration::{fraction, prorate};
use crate::billing::tax::Behaviour;
use crate::providers::paygentic::entitlements::Allowed;
use crate::providers::paygentic::grants::{Purchase, Sold, sold};
use crate::providers::paygentic::prices::{Charged, Price};
use crate::providers::paygentic::schedule::Interval;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::{Adjustment, interval_id};
use crate::world::Id;

/// The format of a trace.
const VERSION: u8 = 1;
/// What a decimal holds in any case; one step is rounded to that, halves to even.
const DIGITS: u8 = 28;

/// What rules made of a line when it was calculated.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Applied {
    pub allowed: Vec<Allowed>,
    pub units_off: Vec<Id<Adjustment>>,
    pub bounds: Option<Bounds>,
    /// Of a line that takes something off others: these, and their amounts.
    pub base: Vec<(Id<LineItem>, Decimal)>,
    /// The fractions that it takes off, one after another.
    pub off: Vec<(Id<Adjustment>, Decimal)>,
}

/// The bounds of a period's quantity.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bounds {
    /// The lines of the period, and their quantities before.
    pub parts: Vec<(Id<LineItem>, Decimal)>,
    /// The bound that was kept to.
    pub binding: Option<Id<Adjustment>>,
    pub idle: Vec<Id<Adjustment>>,
}

impl Applied {
    /// What is worth keeping: for most lines nothing is.
    pub fn kept(self) -> Option<Arc<Self>> {
        let Self { allowed, units_off, bounds, base, off } = &self;
        let nothing = allowed.is_empty() && units_off.is_empty() && bounds.is_none();
        (!nothing || !base.is_empty() || !off.is_empty()).then(|| self.into())
    }
}

/// The trace of a line.
pub fn of_line(state: &State, id: Id<LineItem>, line: &LineItem) -> Value {
    let Some(calculated_at) = line.calculated_at else { return json!({ "status": "pending" }) };
    let mut trace = Trace { state, line, id, sources: Map::new(), steps: Vec::new(), idle: Vec::new() };
    let inputs = match line.billed() {
        Some(_) if line.kind == Kind::Adjustment => trace.taken_off(),
        Some(billed) => trace.priced(billed),
        None => trace.by_hand(),
    };
    trace.without_tax();
    let plan = &state.plans[state.subscriptions[line.subscription].plan];
    json!({
        "status": "recorded",
        "version": VERSION,
        "currency": plan.currency,
        "precision": precision(),
        "period": span(line.window),
        "calculatedAt": calculated_at,
        "subscriptionId": state.subscriptions.text(line.subscription),
        "inputs": inputs,
        "sources": trace.sources,
        "steps": trace.steps,
        "notApplied": trace.idle,
        "result": {
            "amount": plain(line.net),
            "quantity": line.quantity.map(exact),
            "unitPrice": plain(line.unit_price),
        },
    })
}

/// The trace of units that were bought: their price is what the merchant said, in whole cents.
pub fn of_purchase(state: &State, row: &Invoice, purchase: Id<Purchase>) -> Value {
    let Sold { units, price, .. } = sold(state, purchase);
    let plan = &state.plans[state.subscriptions[row.subscription].plan];
    let asked = parse(price).unwrap_or(row.totals.net);
    let params = json!({ "scale": minor_digits(&plan.currency), "mode": "halfAwayFromZero" });
    let rounded = json!({
        "op": "round", "on": "amount", "in": exact(asked), "out": exact(row.totals.net), "params": params,
        "source": "merchant",
    });
    let amount = plain(row.totals.net);
    json!({
        "status": "recorded",
        "version": VERSION,
        "currency": plan.currency,
        "precision": precision(),
        "period": span(row.window),
        "calculatedAt": row.created_at,
        "subscriptionId": state.subscriptions.text(row.subscription),
        "inputs": { "kind": "given", "amount": { "value": exact(asked), "source": "merchant" } },
        "sources": { "merchant": { "type": "merchant", "asUsed": { "price": price, "units": exact(units) } } },
        "steps": [rounded],
        "notApplied": [],
        "result": { "amount": amount, "quantity": "1", "unitPrice": amount },
    })
}

fn precision() -> Value {
    json!({ "significantDigits": DIGITS, "rounding": "halfEven" })
}

fn span(window: Window) -> Value {
    json!({ "start": window.start, "end": window.end })
}

/// A price as a function of the quantity. A rate in credits is told as such.
fn function(state: &State, price: &Price, sign: Decimal) -> Value {
    let mut function = match &price.rate {
        Rate::Standard { unit_price } => json!({ "model": "unit", "rate": exact(*unit_price * sign) }),
        Rate::Volume { tiers } => {
            let band = |tier: &Tier| json!({ "upTo": tier.up_to.map(exact), "rate": exact(tier.unit_price * sign) });
            json!({ "model": "volume", "bands": tiers.iter().map(band).collect::<Vec<_>>() })
        }
    };
    if let Some(unit) = price.unit {
        function["pricingUnitId"] = json!(state.pricing_units.text(unit));
    }
    function
}

/// A trace that is being put together.
struct Trace<'a> {
    state: &'a State,
    line: &'a LineItem,
    id: Id<LineItem>,
    sources: Map<String, Value>,
    steps: Vec<Value>,
    idle: Vec<Value>,
}

impl<'a> Trace<'a> {
    /// Names a source, once.
    fn source(&mut self, key: impl Into<String>, source: impl FnOnce() -> Value) -> String {
        let key = key.into();
        self.sources.entry(key.clone()).or_insert_with(source);
        key
    }

    /// Changes a value, and answers what it is then.
    fn step(
        &mut self,
        (op, on): (&str, &str),
        (before, after): (Decimal, Decimal),
        params: Value,
        source: &str,
    ) -> Decimal {
        let step = json!({
            "op": op, "on": on, "in": exact(before), "out": exact(after), "params": params, "source": source,
        });
        self.steps.push(step);
        after
    }

    /// Changes the quantity. Where a band is chosen by it, that changes too.
    fn quantity(&mut self, op: &str, change: (Decimal, Decimal), params: &Value, source: &str) -> Decimal {
        self.step((op, "quantity"), change, params.clone(), source);
        if self.line.billed().is_some_and(|billed| matches!(billed.terms.rate, Rate::Volume { .. })) {
            self.step((op, "selector"), change, params.clone(), source);
        }
        change.1
    }

    fn applied(&self) -> Option<&'a Applied> {
        self.line.applied.as_deref()
    }

    fn interval(&self, billed: &Billed) -> Option<&'a Interval> {
        let subscription = &self.state.subscriptions[self.line.subscription];
        self.state.cycles[subscription.cycle].interval(billed.interval)
    }

    /// A charge by a price: what was used or is fixed, less what is not charged, at the rate, for the part of a period.
    fn priced(&mut self, billed: &Billed) -> Value {
        let sign = if self.line.kind == Kind::Discount { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        let fn_ = function(self.state, &billed.terms, sign);
        let price = self.rate(billed, &fn_);
        let (from, source) = match self.line.kind {
            Kind::Metered => (self.line.used.unwrap_or_default(), self.meter(billed)),
            // What the line before it has too much.
            Kind::Discount => (self.line.quantity.unwrap_or_default(), self.entitlements()),
            _ => (self.fixed(), price.clone()),
        };
        let mut inputs = json!({
            "kind": "priced",
            "quantity": { "value": exact(from), "source": source },
            "price": { "fn": fn_, "source": price },
        });
        if matches!(billed.terms.rate, Rate::Volume { .. }) {
            inputs["selector"] = inputs["quantity"].clone();
        }
        let mut quantity = from;
        if self.line.kind == Kind::Metered {
            quantity = self.allow(quantity, billed);
            quantity = self.subtract(quantity);
        }
        quantity = self.bound(quantity);
        let rated = billed.terms.rate.of(quantity);
        let mut params = json!({
            "quantity": exact(quantity), "fn": fn_, "applied": { "rate": exact(rated.unit_price * sign) },
        });
        if inputs.get("selector").is_some() {
            params["selector"] = params["quantity"].clone();
        }
        let amount = rated.amount * sign;
        self.steps.push(json!({
            "op": "evaluate", "on": "amount", "in": null, "out": exact(amount), "params": params, "source": price,
        }));
        self.prorate(amount, billed);
        inputs
    }

    /// Who says what a unit costs: the catalogue, unless something was agreed.
    fn rate(&mut self, billed: &Billed, fn_: &Value) -> String {
        let (state, line) = (self.state, self.line);
        let subscription = state.subscriptions.text(line.subscription);
        if let Some(interval) = self.interval(billed).filter(|interval| interval.is_agreed()) {
            return self.source("interval", || {
                json!({
                    "type": "interval",
                    "ref": {
                        "intervalId": interval_id(state, line.subscription, interval.serial),
                        "subscriptionId": subscription, "priceId": state.prices.text(billed.price),
                    },
                    "asUsed": { "fn": fn_, "quantity": line.quantity.map(exact) },
                })
            });
        }
        let quantity = billed.terms.quantity;
        self.source("price", || {
            json!({
                "type": "price", "ref": { "priceId": state.prices.text(billed.price) },
                "asUsed": { "fn": fn_, "quantity": quantity.to_string() },
            })
        })
    }

    fn meter(&mut self, billed: &Billed) -> String {
        let (state, used) = (self.state, self.line.used.map(exact));
        let Charged::Metric(metric) = billed.terms.of else { return String::new() };
        self.source("meter", || {
            json!({
                "type": "meter", "ref": { "billableMetricId": state.metrics.text(metric) }, "asUsed": { "value": used },
            })
        })
    }

    fn entitlement(&mut self, allowed: Allowed) -> String {
        let state = self.state;
        let id = state.entitlements.text(allowed.entitlement);
        self.source(format!("entitlement:{id}"), || {
            let grants = state.entitlements[allowed.entitlement].grants.iter().map(|grant| state.grants.text(*grant));
            json!({
                "type": "entitlement",
                "ref": { "entitlementId": id, "grantIds": grants.collect::<Vec<_>>() },
                "asUsed": { "covered": exact(allowed.covered), "beyondLimit": exact(allowed.beyond) },
            })
        })
    }

    /// All that cover something; the last one stands for them where one key is asked for.
    fn entitlements(&mut self) -> String {
        let allowed = self.applied().map_or(&[][..], |applied| &applied.allowed);
        let keys: Vec<String> = allowed.iter().map(|allowed| self.entitlement(*allowed)).collect();
        keys.into_iter().next_back().unwrap_or_else(|| "price".to_owned())
    }

    fn adjustment(&mut self, id: Id<Adjustment>) -> String {
        let state = self.state;
        let text = state.adjustments.text(id);
        self.source(format!("adjustment:{text}"), || {
            let as_used = state.adjustments[id].as_used();
            json!({ "type": "adjustment", "ref": { "adjustmentId": text }, "asUsed": as_used })
        })
    }

    fn other_line(&mut self, id: Id<LineItem>, amount: Decimal) -> String {
        let text = self.state.line_items.text(id);
        self.source(
            format!("line:{text}"),
            || json!({ "type": "line", "ref": { "lineItemId": text }, "asUsed": { "amount": exact(amount) } }),
        )
    }

    /// The units of a fee before they were bounded.
    fn fixed(&self) -> Decimal {
        let bounds = self.applied().and_then(|applied| applied.bounds.as_ref());
        let before = bounds.and_then(|bounds| bounds.parts.iter().find(|(part, _)| *part == self.id));
        before.map_or(self.line.quantity.unwrap_or_default(), |(_, quantity)| *quantity)
    }

    /// What entitlements leave uncharged: what they cover, unless a line of its own takes that away; what is beyond a
    /// hard limit; and all that is paid in credits.
    fn allow(&mut self, mut quantity: Decimal, billed: &Billed) -> Decimal {
        let all = self.applied().map_or(&[][..], |applied| &applied.allowed);
        for allowed in all {
            let source = self.entitlement(*allowed);
            if billed.terms.grant_discount || allowed.covered.is_zero() {
                let reason = if allowed.covered.is_zero() { "nothingCovered" } else { "ownLine" };
                self.idle.push(json!({ "source": source, "reason": reason }));
            } else {
                let after = quantity - allowed.covered;
                let params = json!({ "covered": exact(allowed.covered) });
                quantity = self.quantity("allow", (quantity, after), &params, &source);
            }
        }
        for allowed in all.iter().filter(|allowed| !allowed.beyond.is_zero()) {
            let source = self.entitlement(*allowed);
            let most = quantity - allowed.beyond;
            quantity = self.quantity("clamp", (quantity, most), &json!({ "min": null, "max": exact(most) }), &source);
        }
        if billed.terms.unit.is_some() && !quantity.is_zero() {
            let params = json!({ "min": "0", "max": "0" });
            quantity = self.quantity("clamp", (quantity, Decimal::ZERO), &params, "price");
        }
        quantity
    }

    /// Units that are taken off usage; never below nothing.
    fn subtract(&mut self, mut quantity: Decimal) -> Decimal {
        let units_off = self.applied().map_or(&[][..], |applied| &applied.units_off);
        let mut last = None;
        for id in units_off {
            let source = self.adjustment(*id);
            let units = self.state.adjustments[*id].value;
            let params = json!({ "units": exact(units) });
            quantity = self.quantity("subtract", (quantity, quantity.saturating_sub(units)), &params, &source);
            last = Some(source);
        }
        match last {
            Some(source) if quantity < Decimal::ZERO => {
                self.quantity("clamp", (quantity, Decimal::ZERO), &json!({ "min": "0", "max": null }), &source)
            }
            _ => quantity,
        }
    }

    /// The least or the most of a period, which this line may be a part of.
    fn bound(&mut self, quantity: Decimal) -> Decimal {
        let Some(bounds) = self.applied().and_then(|applied| applied.bounds.as_ref()) else { return quantity };
        let reason = if bounds.binding.is_some() { "notBinding" } else { "within" };
        for id in &bounds.idle {
            let source = self.adjustment(*id);
            self.idle.push(json!({ "source": source, "reason": reason }));
        }
        let Some(id) = bounds.binding else { return quantity };
        let (source, row) = (self.adjustment(id), &self.state.adjustments[id]);
        let measured: Decimal = bounds.parts.iter().map(|(_, part)| *part).sum();
        let (op, after, params) = if measured.is_zero() {
            if bounds.parts.first().is_none_or(|(first, _)| *first != self.id) {
                self.idle.push(json!({ "source": source, "reason": "otherLine" }));
                return quantity;
            }
            ("setToBound", row.value, json!({ "bound": exact(row.value), "sumOfShares": "1" }))
        } else {
            let factor = row.value.checked_div(measured).unwrap_or(Decimal::MAX);
            let params = json!({
                "bound": exact(row.value), "side": row.side(), "measured": exact(measured), "factor": exact(factor),
            });
            ("scaleToBound", quantity.saturating_mul(row.value) / measured, params)
        };
        let others = bounds.parts.iter().filter(|(part, _)| *part != self.id);
        let others = others.map(|(part, value)| {
            json!({ "lineItemId": self.state.line_items.text(*part), "value": exact(*value), "share": null })
        });
        let others: Vec<Value> = others.collect();
        let first = self.steps.len();
        self.quantity(op, (quantity, after), &params, &source);
        for step in self.steps[first..].iter_mut().filter(|_| !others.is_empty()) {
            step["inputsFrom"] = json!(others);
        }
        after
    }

    /// A fee for a part of its period.
    fn prorate(&mut self, amount: Decimal, billed: &Billed) {
        let subscription = &self.state.subscriptions[self.line.subscription];
        let full = self.interval(billed).map(|interval| interval.full(subscription, self.line.window));
        let Some(full) = full.filter(|full| *full != self.line.window && self.line.kind == Kind::Fee) else { return };
        let params = json!({
            "fraction": exact(fraction(self.line.window, full)), "billed": span(self.line.window), "of": span(full),
            "basis": "seconds",
        });
        let source = if self.sources.contains_key("interval") { "interval" } else { "price" };
        self.step(("prorate", "amount"), (amount, prorate(amount, self.line.window, full)), params, source);
    }

    /// What adjustments in percent take off the lines before this one.
    fn taken_off(&mut self) -> Value {
        let Some(applied) = self.applied() else { return json!({ "kind": "given" }) };
        let mut base = applied.base.iter();
        let (first, mut amount) = base.next().copied().unwrap_or((self.id, Decimal::ZERO));
        let source = self.other_line(first, amount);
        let inputs = json!({ "kind": "fromLine", "amount": { "value": exact(amount), "source": source } });
        for (other, less) in base {
            let source = self.other_line(*other, *less);
            let after = amount + less;
            amount = self.step(("subtract", "amount"), (amount, after), json!({ "units": exact(-less) }), &source);
        }
        let mut left = Decimal::ONE;
        for (id, off) in &applied.off {
            let source = self.adjustment(*id);
            let by = Decimal::ONE - off;
            let terms = json!([{ "by": "factor", "value": exact(by), "label": "left" }]);
            left = self.step(("scale", "left"), (left, left.saturating_mul(by)), json!({ "terms": terms }), &source);
        }
        let off = Decimal::ONE - left;
        let terms = json!([
            { "by": "factor", "value": exact(off), "label": "takenOff" },
            { "by": "factor", "value": "-1", "label": "credit" },
        ]);
        let after = -amount.saturating_mul(off);
        self.step(("scale", "amount"), (amount, after), json!({ "terms": terms }), &source);
        inputs
    }

    /// An amount that nobody priced.
    fn by_hand(&mut self) -> Value {
        let LineItem { quantity, unit_price, net, tax, .. } = *self.line;
        let amount = if self.contains_tax() { net.saturating_add(tax) } else { net };
        let source = self.source("merchant", || {
            json!({
                "type": "merchant",
                "asUsed": { "quantity": quantity.map(exact), "unitPrice": exact(unit_price) },
            })
        });
        json!({ "kind": "given", "amount": { "value": exact(amount), "source": source } })
    }

    fn contains_tax(&self) -> bool {
        let plan = &self.state.plans[self.state.subscriptions[self.line.subscription].plan];
        plan.tax_behaviour == Behaviour::Inclusive
    }

    /// Takes the tax out of an amount that contains it.
    fn without_tax(&mut self) {
        let LineItem { net, tax, tax_rate, .. } = *self.line;
        if !self.contains_tax() || tax.is_zero() {
            return;
        }
        let source = self.source("tax", || json!({ "type": "tax", "asUsed": { "percent": exact(tax_rate) } }));
        let params = json!({ "units": exact(tax) });
        self.step(("subtract", "amount"), (net.saturating_add(tax), net), params, &source);
    }
}
