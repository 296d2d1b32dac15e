//! What one cost has come to: in all, by groups, by calendar windows.
//!
//! Facts: paygentic-behaviour §2.14 (from ≤ t < to), §2.2 (the meter behind it).

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::Cost;
use crate::api::{Call, Fault, Reply};
use crate::billing::period::Window;
use crate::billing::usage::{WindowSize, windowed};
use crate::providers::paygentic::World;
use crate::providers::paygentic::billable_metrics::{Teller, dimensions, span, value, wanted};
use crate::providers::paygentic::body::number;
use crate::providers::paygentic::events::{MeterEvent, sample};
use crate::time::Timestamp;
use crate::world::IdText;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    from: Timestamp,
    to: Timestamp,
    subject: Option<String>,
    group_by: Option<String>,
    window: Option<WindowSize>,
    filter_group_by: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    object: &'static str,
    id: IdText,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    currency: &'a str,
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    total_cost: Number,
    total_quantity: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Group<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_series: Option<Vec<Entry>>,
}

#[derive(Serialize)]
struct Group<'a> {
    dimensions: BTreeMap<&'a str, String>,
    quantity: Number,
    cost: Number,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    window_start: Timestamp,
    window_end: Timestamp,
    quantity: Number,
    cost: Number,
}

pub(super) fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let id = call.id(&state.costs)?;
    let query: Query = call.filter()?;
    let cost = &state.costs[id];
    let window = span(query.from, query.to)?;
    let dimensions = dimensions(&cost.meter, query.group_by.as_deref())?;
    let wanted = wanted(&cost.meter, query.filter_group_by.as_deref())?;

    let teller = Teller::new(state, &dimensions, &wanted);
    let events = teller.select(&cost.meter, query.subject.as_deref(), window, &wanted);
    let groups = query.group_by.is_some().then(|| {
        let groups = teller.groups(&dimensions, &events).into_iter();
        let group = |values: Vec<_>, events: &[&MeterEvent]| {
            let names = dimensions.keys().copied();
            let quantity = value(&cost.meter, events);
            Group {
                dimensions: names.zip(values.into_iter().map(Cow::into_owned)).collect(),
                quantity: number(quantity),
                cost: number(cost.of(quantity)),
            }
        };
        groups.map(|found| group(found.values, &found.events)).collect()
    });
    let quantity = value(&cost.meter, &events);
    Ok(Reply::ok(&Summary {
        object: "cost",
        id: state.costs.text(id),
        name: &cost.meter.name,
        kind: "metered",
        currency: &cost.currency,
        event_type: &cost.meter.event_type,
        unit: cost.unit(),
        total_cost: number(cost.of(quantity)),
        total_quantity: number(quantity),
        groups,
        time_series: query.window.map(|size| series(cost, size, &events)),
    }))
}

fn series(cost: &Cost, size: WindowSize, events: &[&MeterEvent]) -> Vec<Entry> {
    let samples = events.iter().map(|event| sample(event));
    let windows = windowed(cost.meter.aggregation, cost.meter.value_property.as_ref(), size, samples).into_iter();
    let entry = |(window, quantity): (Window, Decimal)| Entry {
        window_start: window.start,
        window_end: window.end,
        quantity: number(quantity),
        cost: number(cost.of(quantity)),
    };
    windows.map(entry).collect()
}
