//! A request that has passed its contract, as a handler sees it.

use std::borrow::Cow;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use super::{Fault, Paging, Site, paging};
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::{Id, Row, Table};

/// What the path's `{name}` segments held.
pub type Params<'r> = Vec<(&'static str, Cow<'r, str>)>;

/// A validated request, without its transport.
#[derive(Debug)]
pub struct Call<'r> {
    pub path: Params<'r>,
    /// Coerced by the query schema, defaults filled in.
    pub query: Map<String, Value>,
    /// `Null` where the operation takes no body or none was sent.
    pub body: Value,
    /// What the caller names the request by, where the operation has such a header.
    pub idempotency_key: Option<&'r str>,
    /// A role that limits what the caller's key may do; most operations are refused before this matters.
    pub role: Option<&'r str>,
    /// Wall time, for clocks that flow.
    pub wall: Timestamp,
    /// Where the caller reaches this API and its hosted pages.
    pub site: Site<'r>,
}

impl Call<'_> {
    /// The body as the handler's own type.
    ///
    /// # Errors
    /// An internal fault if schema and type disagree: a bug that the tests look for.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let body = if self.body.is_null() { &Value::Object(Map::new()) } else { &self.body };
        T::deserialize(body).or_else(|_| T::deserialize(&whole(body.clone()))).map_err(|error| {
            Fault::bad_request(format!("The body passes its schema but cannot be used: {error}"))
                .with_violation(Violation::body("", "type", error.to_string()))
        })
    }

    /// The query as the handler's own type.
    ///
    /// # Errors
    /// As for [`Call::input`].
    pub fn filter<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        T::deserialize(&self.query).map_err(|error| Fault::bad_request(format!("The query cannot be used: {error}")))
    }

    /// The text of a path segment.
    #[must_use]
    pub fn segment(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// The row that the path's `{id}` means.
    ///
    /// # Errors
    /// Not found, with what an id of this kind looks like.
    pub fn id<T: Row>(&self, table: &Table<T>) -> Result<Id<T>, Fault> {
        self.row("id", table)
    }

    /// The row that a path segment means.
    ///
    /// # Errors
    /// As for [`Call::id`].
    pub fn row<T: Row>(&self, segment: &str, table: &Table<T>) -> Result<Id<T>, Fault> {
        let text = self.segment(segment);
        table.find(text).ok_or_else(|| {
            let fault = Fault::no_such(T::NOUN, text);
            if text.starts_with(T::PREFIX) && !T::PREFIX.is_empty() {
                return fault;
            }
            let form = match T::PREFIX {
                "" => format!("there is no {} with this id in this world", T::NOUN),
                prefix => format!("is not the id of a {}: those begin with {prefix}", T::NOUN),
            };
            fault.with_violation(Violation::path(segment, "pattern", form))
        })
    }

    /// `limit` and `offset` of the query, whose defaults and bounds the contract has set.
    #[must_use]
    pub fn paging(&self) -> Paging {
        paging(&self.query)
    }
}

/// The row that a field of the body means.
///
/// # Errors
/// Not found, naming the field.
pub fn referred<T: Row>(table: &Table<T>, pointer: &str, text: &str) -> Result<Id<T>, Fault> {
    table.find(text).ok_or_else(|| {
        Fault::no_such(T::NOUN, text).with_violation(Violation::body(
            pointer,
            "reference",
            format!("there is no {} with this id in this world", T::NOUN),
        ))
    })
}

/// An instant that a clock may be put at: not in year 0, which many languages have no dates of.
///
/// # Errors
/// Too early, naming the field.
pub fn settable(pointer: &str, at: Timestamp) -> Result<Timestamp, Fault> {
    let first = Timestamp::YEAR_ONE;
    if at >= first { Ok(at) } else { Err(Fault::field(pointer, "minimum", format!("{at} is before {first}"))) }
}

/// A field of a PATCH: left out, cleared with `null`, or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<T> Patch<T> {
    /// Writes the field where it was sent; `null` clears it.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *field = None,
            Self::Value(value) => *field = Some(value),
        }
    }

    /// What a value that was sent means.
    ///
    /// # Errors
    /// If it means nothing.
    pub fn try_map<U, E>(self, meaning: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(meaning(value)?),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}
/// To a schema `5.0` is an integer, to a number of the program's it is not: a body that passed and cannot be read is
/// read once more with its whole numbers written as such.
fn whole(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, field)| (name, whole(field))).collect(),
        Value::Number(number) if number.is_f64() => {
            let exact = Decimal::from_str_exact(&number.to_string()).ok().filter(Decimal::is_integer);
            exact.and_then(|exact| exact.to_i64()).map_or(Value::Number(number), Value::from)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_whole_however_they_are_written() {
        let sent = json!({"seats": 5.0, "rates": [0.5, -3.0, 1e300], "name": "5.0"});
        assert_eq!(whole(sent), json!({"seats": 5, "rates": [0.5, -3, 1e300], "name": "5.0"}));
    }
}
