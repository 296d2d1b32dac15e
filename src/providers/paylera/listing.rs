//! Lists: filters, a sort, and a cursor that says how far one has come.
//!
//! Facts: paylera §1.5. A cursor names the sort and the place of the last row, so that rows which come or go
//! meanwhile neither repeat nor hide another; under another sort it means nothing and is refused.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::roles;
use crate::api::{Call, Fault, Reply};
use crate::contract::Violation;
use crate::time::Timestamp;

/// What the query holds beside filters.
const OWN: [&str; 3] = ["limit", "cursor", "sort"];
const DEFAULT_SORT: &str = "created_at:desc";
const DEFAULT_LIMIT: u64 = 25;

/// One row: its number, which settles ties, and its body.
pub type Row = (u32, Value);

/// `{data, has_more, next_cursor}` of the rows that the query wants. Which fields can be sorted and filtered by, the
/// contract has said.
pub fn list(call: &Call, mut rows: impl Iterator<Item = Row>) -> Result<Reply, Fault> {
    page(call, &mut rows)
}

/// The same for rows from anywhere: one code for all lists.
fn page(call: &Call, rows: &mut dyn Iterator<Item = Row>) -> Result<Reply, Fault> {
    let query = &call.query;
    let filters: Vec<Filter> = query.iter().filter_map(|(name, value)| Filter::read(name, value)).collect();
    let sort = Sort::read(query);
    let from = query.get("cursor").and_then(Value::as_str).map(|text| sort.place(text)).transpose()?;
    let limit = query.get("limit").and_then(Value::as_u64).unwrap_or(DEFAULT_LIMIT);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let customer = roles::customer(call);
    let is_own = |body: &Value| customer.is_none_or(|customer| roles::is_own(body, customer));
    let mut rows: Vec<Row> =
        rows.filter(|(_, body)| is_own(body) && filters.iter().all(|filter| filter.holds(body))).collect();
    rows.sort_by(|one, other| sort.order(one, other));
    let ahead =
        rows.into_iter().filter(|row| from.as_ref().is_none_or(|from| sort.order(row, from) == Ordering::Greater));
    let mut page: Vec<Row> = ahead.take(limit.saturating_add(1)).collect();
    let has_more = page.len() > limit;
    page.truncate(limit);
    let next_cursor = page.last().filter(|_| has_more).map(|row| sort.cursor(row));
    let data: Vec<Value> = page.into_iter().map(|(_, body)| body).collect();
    Ok(Reply::ok(&Page { data, has_more, next_cursor }))
}

#[derive(Serialize)]
struct Page {
    data: Vec<Value>,
    has_more: bool,
    next_cursor: Option<String>,
}

struct Sort {
    text: String,
    field: String,
    descending: bool,
}

impl Sort {
    fn read(query: &Map<String, Value>) -> Self {
        let text = query.get("sort").and_then(Value::as_str).unwrap_or(DEFAULT_SORT);
        let (field, direction) = text.split_once(':').unwrap_or((text, "asc"));
        Self { text: text.to_owned(), field: field.to_owned(), descending: direction == "desc" }
    }

    fn order(&self, (number, body): &Row, (other_number, other): &Row) -> Ordering {
        let order = compare(&body[&self.field], &other[&self.field]).then(number.cmp(other_number));
        if self.descending { order.reverse() } else { order }
    }

    fn cursor(&self, (number, body): &Row) -> String {
        URL_SAFE_NO_PAD.encode(json!([self.text, number, body[&self.field]]).to_string())
    }

    /// The place that a cursor of this sort names.
    fn place(&self, cursor: &str) -> Result<Row, Fault> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let (sort, number, key): (String, u32, Value) = serde_json::from_slice(&bytes).ok()?;
            (sort == self.text).then(|| (number, json!({ &self.field: key })))
        };
        read().ok_or_else(|| {
            let right = "is no cursor of this list and sort: take next_cursor of the page before";
            Fault::violations(vec![Violation::query("cursor", "format", right)])
        })
    }
}

/// What a filter asks of a field.
struct Filter<'q> {
    field: &'q str,
    operator: Operator,
    wanted: &'q str,
}

#[derive(Clone, Copy)]
enum Operator {
    /// Is one of those between commas.
    In,
    AtLeast,
    Below,
    Starts,
}

impl<'q> Filter<'q> {
    /// A parameter that is not the list's own; one that means no field of the rows finds nothing there to hold.
    fn read(name: &'q str, value: &'q Value) -> Option<Self> {
        let (field, operator) = match name.split_once('[') {
            None => (name, Operator::In),
            Some((field, "gte]")) => (field, Operator::AtLeast),
            Some((field, "lt]")) => (field, Operator::Below),
            Some((field, "starts]")) => (field, Operator::Starts),
            Some(_) => return None,
        };
        let wanted = value.as_str().filter(|_| !OWN.contains(&field))?;
        Some(Self { field, operator, wanted })
    }

    fn holds(&self, body: &Value) -> bool {
        // Unknown parameters are hinted at and otherwise ignored, as everywhere.
        let Some(value) = body.get(self.field) else { return true };
        let wanted = Value::from(self.wanted);
        match self.operator {
            Operator::In => self.wanted.split(',').any(|wanted| compare(value, &Value::from(wanted)).is_eq()),
            Operator::AtLeast => !value.is_null() && compare(value, &wanted).is_ge(),
            Operator::Below => !value.is_null() && compare(value, &wanted).is_lt(),
            Operator::Starts => value.as_str().is_some_and(|text| text.starts_with(self.wanted)),
        }
    }
}

/// Instants by time, amounts by number, everything else as text. Nothing comes before anything.
fn compare(one: &Value, other: &Value) -> Ordering {
    fn text(value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
    let (one, other) = (text(one), text(other));
    if let (Ok(one), Ok(other)) = (one.parse::<Timestamp>(), other.parse::<Timestamp>()) {
        return one.cmp(&other);
    }
    match (number(&one), number(&other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.cmp(&other),
    }
}

/// An amount. `007` is a code: amounts begin with no zero that says nothing.
fn number(text: &str) -> Option<Decimal> {
    let padded = text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
    text.parse().ok().filter(|_| !padded)
}
