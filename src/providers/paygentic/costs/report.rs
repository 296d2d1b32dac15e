//! All costs of a currency, put together by cost, by customer or by a dimension of one cost.
//!
//! Facts: paygentic-behaviour §2.14 (from ≤ t < to, `topN`, the bucket of the rest). The largest groups are shown one
//! by one and the others as one; then the list is sorted and cut to a page. Groups add up to the totals, whatever
//! their aggregation.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Cost, in_currency};
use crate::api::{Call, Fault, Reply};
use crate::billing::money;
use crate::billing::period::Window;
use crate::billing::usage::{WindowSize, windowed};
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::billable_metrics::{Dimension, Metric, Teller, dimension, span, value, wanted};
use crate::providers::paygentic::body::{Pagination, number};
use crate::providers::paygentic::events::{MeterEvent, sample};
use crate::providers::paygentic::state::{State, mine, primary_currency};
use crate::time::Timestamp;
use crate::world::Id;

/// The key of the groups that are not shown one by one.
const OTHER: &str = "__other__";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    from: Timestamp,
    to: Timestamp,
    group_by: String,
    merchant_id: Option<String>,
    #[serde(default)]
    cost_id: Vec<String>,
    subject: Option<String>,
    filter_group_by: Option<String>,
    top_n: usize,
    compare_prior_period: bool,
    exclude_empty: bool,
    window_size: Option<WindowSize>,
    sort: Sort,
    sort_dir: Direction,
    currency: Option<Arc<str>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Sort {
    TotalCost,
    TotalQuantity,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Direction {
    Asc,
    Desc,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    object: &'static str,
    currency: &'a str,
    period: Extent,
    group_by: &'a str,
    total_cost: Number,
    total_quantity: Number,
    groups: Vec<Group>,
    time_series: Vec<Entry<'a>>,
    available_dimensions: Vec<&'a str>,
    pagination: Pagination,
    warnings: Vec<String>,
    group_count: usize,
    empty_group_count: usize,
    /// Only where the span holds no cost: where there is some, or `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_range: Option<Bounds>,
}

/// From an instant to another.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Extent {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Between which instants there is anything at all, if there is.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(transparent)]
pub struct Bounds(Option<Extent>);

impl FromIterator<Timestamp> for Bounds {
    fn from_iter<I: IntoIterator<Item = Timestamp>>(instants: I) -> Self {
        Self(instants.into_iter().fold(None, |known: Option<Extent>, at| {
            let Extent { from, to } = known.unwrap_or(Extent { from: at, to: at });
            Some(Extent { from: from.min(at), to: to.max(at) })
        }))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    key: String,
    label: String,
    total_cost: Number,
    total_quantity: Number,
    percent_of_total: Number,
    is_other: bool,
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prior_period: Option<Prior>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prior {
    cost: Number,
    change_percent: Option<Number>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    window_start: Timestamp,
    window_end: Timestamp,
    groups: BTreeMap<&'a str, Number>,
}

/// A group and what is in it. The bucket of the rest has the parts of all that it stands for.
struct Bucket<'a> {
    key: Cow<'a, str>,
    parts: Vec<Part<'a>>,
    cost: Decimal,
    quantity: Decimal,
}

/// Events that one cost counts together.
type Part<'a> = (&'a Cost, Vec<&'a MeterEvent>);

pub(super) fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let query: Query = call.filter()?;
    let window = span(query.from, query.to)?;
    let Selected { currency, costs, warnings } = selected(state, &query)?;
    let reader = Reader::new(state, &costs, &query)?;

    let mut buckets = reader.read(window);
    let group_count = buckets.len();
    let empty_group_count = buckets.iter().filter(|bucket| bucket.is_empty()).count();
    if query.exclude_empty {
        buckets.retain(|bucket| !bucket.is_empty());
    }
    let total_cost = money::sum(buckets.iter().map(|bucket| bucket.cost));
    let total_quantity = money::sum(buckets.iter().map(|bucket| bucket.quantity));
    let (buckets, folded) = fold(buckets, &query);
    let prior = query.compare_prior_period.then(|| reader.prior(window, &folded));

    let paging = call.paging();
    let (shown, total) = paging.cut(buckets.iter());
    let group = |bucket: &'_ Bucket<'_>| Group {
        key: bucket.key.clone().into_owned(),
        label: reader.label(&bucket.key).to_owned(),
        total_cost: number(bucket.cost),
        total_quantity: number(bucket.quantity),
        percent_of_total: number(money::percent(bucket.cost, total_cost).unwrap_or_default()),
        is_other: bucket.key == OTHER,
        unit: bucket.unit().map(str::to_owned),
        prior_period: prior.as_ref().map(|prior| compared(bucket, prior)),
    };
    Ok(Reply::ok(&Report {
        object: "cost_report",
        currency: &currency,
        period: Extent { from: query.from, to: query.to },
        group_by: &query.group_by,
        total_cost: number(total_cost),
        total_quantity: number(total_quantity),
        groups: shown.into_iter().map(group).collect(),
        time_series: query.window_size.map(|size| series(&buckets, size)).unwrap_or_default(),
        available_dimensions: available(state, &costs, &query),
        pagination: Pagination { limit: paging.limit, offset: paging.offset, total },
        warnings,
        group_count,
        empty_group_count,
        cost_range: total_cost.is_zero().then(|| bounds(state, &costs, query.subject.as_deref())),
    }))
}

/// The costs that are asked about, all in one currency.
struct Selected {
    currency: Arc<str>,
    costs: Vec<Id<Cost>>,
    warnings: Vec<String>,
}

/// The costs in the currency that is asked for: the one that is named, else that of the first cost that is, else
/// the merchant's. What is in another is warned of.
fn selected(state: &State, query: &Query) -> Result<Selected, Fault> {
    let merchant = query.merchant_id.as_deref();
    let named = query.cost_id.iter().map(|text| named(state, merchant, text));
    let named: Vec<Id<Cost>> = named.collect::<Result<_, _>>()?;
    let currency = query.currency.clone().or_else(|| named.first().map(|id| Arc::clone(&state.costs[*id].currency)));
    let currency = currency.unwrap_or_else(|| primary_currency(state, merchant));
    if named.is_empty() {
        let costs = in_currency(state, merchant, &currency);
        return Ok(Selected { currency, costs, warnings: Vec::new() });
    }
    let (costs, others): (Vec<_>, Vec<_>) = named.into_iter().partition(|id| state.costs[*id].currency == currency);
    let left_out = |id: Id<Cost>| {
        format!("{} is in {} and left out of a report in {currency}", state.costs.text(id), state.costs[id].currency)
    };
    let warnings = others.into_iter().map(left_out).collect();
    Ok(Selected { currency, costs, warnings })
}

fn named(state: &State, merchant: Option<&str>, text: &str) -> Result<Id<Cost>, Fault> {
    let found =
        super::live(state).find(|(id, row)| state.costs.find(text) == Some(*id) && mine(merchant, &row.meter.merchant));
    found.map(|(id, _)| id).ok_or_else(|| {
        let message = format!("{text:?} is no cost of this merchant");
        Fault::violations(vec![Violation::query("costId", "reference", message)])
    })
}

/// Finds the events of costs and puts them into groups.
struct Reader<'a> {
    state: &'a State,
    /// Each with what its events must be like.
    costs: Vec<(Id<Cost>, Wanted<'a>)>,
    subject: Option<&'a str>,
    /// What groups are made by; nothing: by cost.
    dimensions: BTreeMap<&'a str, Dimension<'a>>,
    teller: Teller<'a>,
}

type Wanted<'a> = Vec<(Dimension<'a>, String)>;

impl<'a> Reader<'a> {
    fn new(state: &'a State, costs: &[Id<Cost>], query: &'a Query) -> Result<Self, Fault> {
        let filter = query.filter_group_by.as_deref();
        let filtered = costs.iter().map(|id| Ok((*id, wanted(&state.costs[*id].meter, filter)?)));
        let costs: Vec<(Id<Cost>, Wanted<'a>)> = filtered.collect::<Result<_, Fault>>()?;
        let name = &*query.group_by;
        let dimensions = match (name, costs.as_slice()) {
            ("cost", _) => BTreeMap::new(),
            ("customer", _) => BTreeMap::from([(name, Dimension::Subject)]),
            (_, [(id, _)]) if query.cost_id.len() == 1 => {
                BTreeMap::from([(name, dimension(&state.costs[*id].meter, "groupBy", name)?)])
            }
            _ => {
                let message = "is to be cost, customer, or a dimension of the one cost that costId names";
                return Err(Fault::violations(vec![Violation::query("groupBy", "enum", message)]));
            }
        };
        let teller = Teller::new(state, &dimensions, costs.first().map_or(&[], |(_, wanted)| wanted));
        Ok(Self { state, costs, subject: query.subject.as_deref(), dimensions, teller })
    }

    /// The groups of a window, by key.
    fn read(&self, window: Window) -> Vec<Bucket<'a>> {
        let mut found: BTreeMap<Cow<'a, str>, Vec<Part<'a>>> = BTreeMap::new();
        for (id, wanted) in &self.costs {
            let cost = &*self.state.costs[*id];
            let events = self.teller.select(&cost.meter, self.subject, window, wanted);
            if self.dimensions.is_empty() {
                found.insert(self.state.costs.text(*id).to_string().into(), vec![(cost, events)]);
                continue;
            }
            for mut group in self.teller.groups(&self.dimensions, &events) {
                found.entry(group.values.pop().unwrap_or_default()).or_default().push((cost, group.events));
            }
        }
        found.into_iter().map(|(key, parts)| Bucket::new(key, parts)).collect()
    }

    /// What each group cost in the window of the same length before.
    fn prior(&self, window: Window, folded: &BTreeSet<String>) -> BTreeMap<String, Decimal> {
        let length = window.end.millis_since(window.start);
        let start = window.start.plus_millis(-length).unwrap_or(Timestamp::MIN);
        let mut costs: BTreeMap<String, Decimal> = BTreeMap::new();
        for bucket in self.read(Window { start, end: window.start }) {
            let key = if folded.contains(&*bucket.key) { OTHER.to_owned() } else { bucket.key.into_owned() };
            let cost = costs.entry(key).or_default();
            *cost = cost.saturating_add(bucket.cost);
        }
        costs
    }

    /// What a group is called: as its cost or its customer is, else by its value.
    fn label<'k>(&'k self, key: &'k str) -> &'k str {
        if key == OTHER {
            return "Other";
        }
        if self.dimensions.is_empty() {
            return self.state.costs.find(key).map_or(key, |id| &self.state.costs[id].meter.name);
        }
        let customer = self.state.customers.find(key).filter(|_| self.dimensions.contains_key("customer"));
        customer.map_or(key, |id| &self.state.consumers[self.state.customers[id].consumer].name)
    }
}

impl<'a> Bucket<'a> {
    fn new(key: Cow<'a, str>, parts: Vec<Part<'a>>) -> Self {
        let mut bucket = Self { key, parts, cost: Decimal::ZERO, quantity: Decimal::ZERO };
        for (cost, events) in &bucket.parts {
            let quantity = value(&cost.meter, events);
            bucket.quantity = bucket.quantity.saturating_add(quantity);
            bucket.cost = bucket.cost.saturating_add(cost.of(quantity));
        }
        bucket
    }

    fn is_empty(&self) -> bool {
        self.cost.is_zero() && self.quantity.is_zero()
    }

    /// The unit of the quantity, where all of it has one.
    fn unit(&self) -> Option<&'a str> {
        let (first, _) = self.parts.first()?;
        let same = self.parts.iter().all(|(cost, _)| cost.unit() == first.unit());
        first.unit().filter(|_| same)
    }

    fn rank(&self, sort: Sort) -> Decimal {
        match sort {
            Sort::TotalCost => self.cost,
            Sort::TotalQuantity => self.quantity,
        }
    }
}

/// The largest groups, in the order that is asked for, and the rest as the last; with the keys that went into it.
fn fold<'a>(mut buckets: Vec<Bucket<'a>>, query: &Query) -> (Vec<Bucket<'a>>, BTreeSet<String>) {
    // Stable: equals stay in the order of their keys.
    buckets.sort_by_key(|bucket| Reverse(bucket.rank(query.sort)));
    let rest = buckets.split_off(query.top_n.min(buckets.len()));
    if query.sort_dir == Direction::Asc {
        buckets.sort_by_key(|bucket| bucket.rank(query.sort));
    }
    let folded = rest.iter().map(|bucket| bucket.key.clone().into_owned()).collect();
    if !rest.is_empty() {
        buckets.push(Bucket::new(OTHER.into(), rest.into_iter().flat_map(|bucket| bucket.parts).collect()));
    }
    (buckets, folded)
}

fn compared(bucket: &Bucket<'_>, prior: &BTreeMap<String, Decimal>) -> Prior {
    let cost = prior.get(&*bucket.key).copied().unwrap_or_default();
    let change = money::percent(bucket.cost.saturating_sub(cost), cost);
    Prior { cost: number(cost), change_percent: change.map(number) }
}

/// What every group cost in each calendar window that has events.
fn series<'a>(buckets: &'a [Bucket<'_>], size: WindowSize) -> Vec<Entry<'a>> {
    let mut windows: BTreeMap<(Timestamp, Timestamp), BTreeMap<&'a str, Decimal>> = BTreeMap::new();
    for bucket in buckets {
        for (cost, events) in &bucket.parts {
            let Metric { aggregation, value_property, .. } = &cost.meter;
            let samples = events.iter().map(|event| sample(event));
            for (window, quantity) in windowed(*aggregation, value_property.as_ref(), size, samples) {
                let groups = windows.entry((window.start, window.end)).or_default();
                let sum = groups.entry(&bucket.key).or_default();
                *sum = sum.saturating_add(cost.of(quantity));
            }
        }
    }
    let entry = |((window_start, window_end), groups): (_, BTreeMap<&'a str, Decimal>)| Entry {
        window_start,
        window_end,
        groups: groups.into_iter().map(|(key, cost)| (key, number(cost))).collect(),
    };
    windows.into_iter().map(entry).collect()
}

/// What the one cost that is named can be grouped by.
fn available<'a>(state: &'a State, costs: &[Id<Cost>], query: &Query) -> Vec<&'a str> {
    let one = costs.first().filter(|_| query.cost_id.len() == 1);
    let names = one.and_then(|id| state.costs[*id].meter.group_by.as_ref());
    names.into_iter().flat_map(BTreeMap::keys).map(|name| &**name).collect()
}

/// The first and the last event that some costs count.
pub fn bounds(state: &State, costs: &[Id<Cost>], subject: Option<&str>) -> Bounds {
    let ever = Window { start: Timestamp::MIN, end: Timestamp::MAX };
    let teller = Teller::new(state, &BTreeMap::new(), &[]);
    let events = costs.iter().flat_map(|id| teller.select(&state.costs[*id].meter, subject, ever, &[]));
    events.map(|event| event.at).collect()
}
