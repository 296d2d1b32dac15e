//! Shapes that all nouns share: list envelopes, numbers.
//!
//! Facts: paygentic-behaviour §1.4: some lists say `object: "list"`, some do not.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Number;

use crate::api::Paging;

#[derive(Serialize)]
pub struct Pagination {
    pub limit: usize,
    pub offset: usize,
    pub total: usize,
}

/// `{object?, data, pagination}`.
#[derive(Serialize)]
pub struct List<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'static str>,
    data: Vec<T>,
    pagination: Pagination,
}

impl<T> List<T> {
    /// The same page of other things: bodies are made for the rows that are shown only.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> List<U> {
        List { object: self.object, data: self.data.into_iter().map(change).collect(), pagination: self.pagination }
    }
}

/// A list without an `object` field.
pub fn bare_list<T>(paging: Paging, rows: impl Iterator<Item = T>) -> List<T> {
    let (data, total) = paging.cut(rows);
    List { object: None, data, pagination: Pagination { limit: paging.limit, offset: paging.offset, total } }
}

/// A list with `object: "list"`.
pub fn list<T>(paging: Paging, rows: impl Iterator<Item = T>) -> List<T> {
    List { object: Some("list"), ..bare_list(paging, rows) }
}

/// A JSON number: whole where the value is.
pub fn number(value: Decimal) -> Number {
    let whole = if value.fract().is_zero() { i64::try_from(value).ok() } else { None };
    // Through its text, because that is read to the nearest float.
    let nearest = || value.to_string().parse().ok().and_then(Number::from_f64).unwrap_or_else(|| Number::from(0));
    whole.map_or_else(nearest, Number::from)
}

/// A list that comes whole, since its operation takes neither `limit` nor `offset`.
pub fn whole_list<T>(data: Vec<T>) -> List<T> {
    let total = data.len();
    List { object: Some("list"), data, pagination: Pagination { limit: total, offset: 0, total } }
}
