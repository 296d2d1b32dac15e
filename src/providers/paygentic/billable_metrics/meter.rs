//! The meter: what a metric has counted over a span, by calendar windows and by groups.
//!
//! Facts: paygentic-behaviour §2.2. With windows and groups both asked for, the two lists are index-aligned: entry i
//! of one and of the other are the same group in the same window. Windows without events are left out. `subject` can
//! always be grouped by, whatever the metric itself calls so.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::Metric;
use super::counted::{Owners, select, span};
use crate::api::{Call, Fault, Reply};
use crate::billing::period::Window;
use crate::billing::usage::{Aggregation, Path, WindowSize, aggregate, windowed};
use crate::contract::{Violation, near};
use crate::providers::paygentic::World;
use crate::providers::paygentic::body::number;
use crate::providers::paygentic::events::{MeterEvent, sample};
use crate::providers::paygentic::state::State;
use crate::time::Timestamp;
use crate::world::IdText;

/// The dimension that every metric has.
const SUBJECT: &str = "subject";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    from: Timestamp,
    to: Timestamp,
    subject: Option<String>,
    window_size: Option<WindowSize>,
    group_by: Option<String>,
    filter_group_by: Option<String>,
    group_limit: Option<usize>,
    #[serde(default)]
    group_offset: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meter<'a> {
    object: &'static str,
    billable_metric_id: IdText,
    total_value: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    windowed_values: Option<Vec<WindowedValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grouped_values: Option<Vec<GroupedValue<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_count: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WindowedValue {
    window_start: Timestamp,
    window_end: Timestamp,
    value: Number,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupedValue<'a> {
    group_by: BTreeMap<&'a str, &'a str>,
    value: Number,
    event_count: Number,
}

pub(super) fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.metrics)?;
    let query: Query = call.filter()?;
    let (state, metric) = (&world.state, &*world.state.metrics[id]);
    let window = span(query.from, query.to)?;
    let dimensions = dimensions(metric, query.group_by.as_deref())?;
    let wanted = wanted(metric, query.filter_group_by.as_deref())?;

    let teller = Teller::new(state, &dimensions, &wanted);
    let events = teller.select(metric, query.subject.as_deref(), window, &wanted);

    let groups = query.group_by.is_some().then(|| teller.groups(&dimensions, &events));
    let group_count = groups.as_ref().map(Vec::len);
    let shown = groups.map(|groups| page(metric, groups, query.group_limit, query.group_offset));
    let (windowed_values, grouped_values) = match (query.window_size, &shown) {
        (None, None) => (None, None),
        (Some(size), None) => (Some(by_window(metric, size, &events)), None),
        (None, Some(groups)) => (None, Some(by_group(metric, &dimensions, groups))),
        (Some(size), Some(groups)) => {
            let (windows, groups) = by_both(metric, size, &dimensions, groups);
            (Some(windows), Some(groups))
        }
    };
    Ok(Reply::ok(&Meter {
        object: "meter",
        billable_metric_id: state.metrics.text(id),
        total_value: number(value(metric, &events)),
        windowed_values,
        grouped_values,
        group_count,
    }))
}

/// Something that events can be told apart by.
#[derive(Clone, Copy)]
pub enum Dimension<'a> {
    Subject,
    Property(&'a Path),
}

/// The names of `groupBy`, each once, and what they mean.
pub fn dimensions<'a>(metric: &'a Metric, names: Option<&'a str>) -> Result<BTreeMap<&'a str, Dimension<'a>>, Fault> {
    let names = names.into_iter().flat_map(|names| names.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| Ok((name, dimension(metric, "groupBy", name)?))).collect()
}

/// What `filterGroupBy` asks for: a JSON object of dimensions and the values that they must have.
pub fn wanted<'a>(metric: &'a Metric, filter: Option<&str>) -> Result<Vec<(Dimension<'a>, String)>, Fault> {
    let Some(filter) = filter else { return Ok(Vec::new()) };
    let refused = |rule: &'static str, message: String| {
        let example = r#"; for example {"model":"large"}"#;
        Fault::violations(vec![Violation::query("filterGroupBy", rule, message + example)])
    };
    let filter: Map<String, Value> =
        serde_json::from_str(filter).map_err(|error| refused("json", format!("is not a JSON object ({error})")))?;
    let wanted = filter.iter().map(|(name, value)| {
        if matches!(value, Value::Null | Value::Array(_) | Value::Object(_)) {
            return Err(refused("type", format!("asks for something else than one text or number as {name:?}")));
        }
        Ok((dimension(metric, "filterGroupBy", name)?, plain(value).into_owned()))
    });
    wanted.collect()
}

pub fn dimension<'a>(metric: &'a Metric, parameter: &str, name: &str) -> Result<Dimension<'a>, Fault> {
    if name == SUBJECT {
        return Ok(Dimension::Subject);
    }
    let own = metric.group_by.as_ref();
    if let Some(path) = own.and_then(|own| own.get(name)) {
        return Ok(Dimension::Property(path));
    }
    let known: Vec<&str> = own.into_iter().flat_map(BTreeMap::keys).map(|name| &**name).chain([SUBJECT]).collect();
    let shown: String = name.chars().take(80).collect();
    let message = format!("{shown:?} is none of what can be grouped by here: {}", known.join(", "));
    let suggestion = near(name, known.iter().copied()).map(str::to_owned);
    Err(Fault::violations(vec![Violation { suggestion, ..Violation::query(parameter, "enum", message) }]))
}

/// Tells events apart.
pub struct Teller<'a> {
    state: &'a State,
    /// Only where subjects matter: it takes a walk of all customers.
    owners: Option<Owners<'a>>,
}

pub struct Group<'a> {
    /// One value a dimension, in the order of their names.
    pub values: Vec<Cow<'a, str>>,
    pub events: Vec<&'a MeterEvent>,
}

impl<'a> Teller<'a> {
    pub fn new(state: &'a State, groups: &BTreeMap<&str, Dimension<'_>>, filters: &[(Dimension<'_>, String)]) -> Self {
        let mut dimensions = groups.values().chain(filters.iter().map(|(dimension, _)| dimension));
        let asked = dimensions.any(|dimension| matches!(dimension, Dimension::Subject));
        Self { state, owners: asked.then(|| Owners::of(state)) }
    }

    /// The events that a metric counts in a window, in time order, as far as they are about a subject and have the
    /// wanted values.
    pub fn select(
        &self,
        metric: &Metric,
        subject: Option<&str>,
        window: Window,
        wanted: &[(Dimension<'_>, String)],
    ) -> Vec<&'a MeterEvent> {
        let selected = select(self.state, metric, subject, window).into_iter();
        let events = selected.map(|id| &*self.state.meter_events[id]);
        events.filter(|event| wanted.iter().all(|(dimension, value)| self.value(*dimension, event) == *value)).collect()
    }

    /// The value of a dimension; empty where the event has none.
    pub fn value(&self, dimension: Dimension<'_>, event: &'a MeterEvent) -> Cow<'a, str> {
        match dimension {
            Dimension::Subject => self.owners.as_ref().map(|owners| owners.subject(event)).unwrap_or_default(),
            Dimension::Property(path) => path.find(&event.data).map(plain).unwrap_or_default(),
        }
    }

    /// The groups in the order of their values, events in time order.
    pub fn groups(&self, dimensions: &BTreeMap<&str, Dimension<'_>>, events: &[&'a MeterEvent]) -> Vec<Group<'a>> {
        let mut groups: BTreeMap<Vec<Cow<'a, str>>, Vec<&'a MeterEvent>> = BTreeMap::new();
        for event in events {
            let values = dimensions.values().map(|dimension| self.value(*dimension, event)).collect();
            groups.entry(values).or_default().push(event);
        }
        groups.into_iter().map(|(values, events)| Group { values, events }).collect()
    }
}

/// A value as a group's label: text as it is, anything else as JSON spells it.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

/// The groups that are shown: all, or the largest ones first as far as the limit goes.
fn page<'a>(metric: &Metric, mut groups: Vec<Group<'a>>, limit: Option<usize>, offset: usize) -> Vec<Group<'a>> {
    let Some(limit) = limit else { return groups };
    // The sort is stable: equals stay in the order of their values.
    groups.sort_by_cached_key(|group| Reverse(value(metric, &group.events)));
    groups.into_iter().skip(offset).take(limit).collect()
}

/// What a metric makes of some events in time order.
pub fn value(metric: &Metric, events: &[&MeterEvent]) -> Decimal {
    aggregate(metric.aggregation, metric.value_property.as_ref(), events.iter().map(|event| sample(event)))
}

fn by_window(metric: &Metric, size: WindowSize, events: &[&MeterEvent]) -> Vec<WindowedValue> {
    let samples = events.iter().map(|event| sample(event));
    let windows = windowed(metric.aggregation, metric.value_property.as_ref(), size, samples);
    let value = |(window, value): (Window, Decimal)| WindowedValue {
        window_start: window.start,
        window_end: window.end,
        value: number(value),
    };
    windows.into_iter().map(value).collect()
}

fn grouped<'a>(
    dimensions: &BTreeMap<&'a str, Dimension<'_>>,
    group: &'a Group<'_>,
    value: Number,
    event_count: Number,
) -> GroupedValue<'a> {
    let names = dimensions.keys().copied();
    GroupedValue { group_by: names.zip(group.values.iter().map(|value| &**value)).collect(), value, event_count }
}

fn by_group<'a>(
    metric: &Metric,
    dimensions: &BTreeMap<&'a str, Dimension<'_>>,
    groups: &'a [Group<'_>],
) -> Vec<GroupedValue<'a>> {
    let one = |group: &'a Group<'_>| {
        let events = &group.events;
        grouped(dimensions, group, number(value(metric, events)), Number::from(events.len()))
    };
    groups.iter().map(one).collect()
}

/// One entry a group and window, by time, then in the order of the groups.
fn by_both<'a>(
    metric: &Metric,
    size: WindowSize,
    dimensions: &BTreeMap<&'a str, Dimension<'_>>,
    groups: &'a [Group<'_>],
) -> (Vec<WindowedValue>, Vec<GroupedValue<'a>>) {
    let mut rows = Vec::new();
    for group in groups {
        let counts = windowed(Aggregation::Count, None, size, group.events.iter().map(|event| sample(event)));
        let windows = by_window(metric, size, &group.events);
        rows.extend(windows.into_iter().zip(counts).map(|(window, (_, count))| {
            let grouped = grouped(dimensions, group, window.value.clone(), number(count));
            (window, grouped)
        }));
    }
    // Stable, so that the groups of a window stay in their order.
    rows.sort_by_key(|(window, _)| window.window_start);
    rows.into_iter().unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_values_are_whole_numbers() {
        let written = |text: &str| number(text.parse().unwrap()).to_string();
        let expected = ["30", "30", "42.5", "0", "-0.1", "0.3333333333333333", "7.922816251426434e+28"];
        let values =
            ["30", "30.00", "42.50", "0", "-0.1", "0.3333333333333333333333333333", "79228162514264337593543950335"];
        assert_eq!(values.map(written), expected);
    }

    #[test]
    fn labels_are_the_text_of_values() {
        let values = serde_json::json!(["large", 1.5, true, null, {"a": 1}]);
        let labels: Vec<Cow<'_, str>> = values.as_array().unwrap().iter().map(plain).collect();
        assert_eq!(labels, ["large", "1.5", "true", "", r#"{"a":1}"#]);
    }
}
