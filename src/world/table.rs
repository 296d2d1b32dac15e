//! Rows in creation order on a persistent vector ([`super::rows`]).
//!
//! A [`Table`] clones in microseconds whatever it holds, because clones share their rows. The id of a
//! row is its number; [`super::ids`] dresses it up. Rows that a fixture names itself stand in a small
//! alias map, which is empty in most tables.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Index;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::{IdText, Ids};
use super::rows::Rows;

/// Something that is kept in a table and addressed by an id.
pub trait Row: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// What the vendor's ids of this kind begin with, underscore included; empty: they are numbers of 19 digits.
    const PREFIX: &'static str;
    /// How a message calls it: "subscription", "test clock".
    const NOUN: &'static str;
}

/// The number of a row: four bytes, valid in the table that made it and its clones.
pub struct Id<T>(u32, PhantomData<fn() -> T>);

impl<T> Id<T> {
    pub(super) fn of(row: u32) -> Self {
        Self(row, PhantomData)
    }

    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl<T: Row> Id<T> {
    /// The row among all of its world: its kind and number.
    #[must_use]
    pub fn about(self) -> (&'static str, u32) {
        (T::NOUN, self.0)
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(|row| Self(row, PhantomData))
    }
}

/// What ids behind a prefix are made of.
fn form(prefix: &str) -> String {
    if prefix.is_empty() { "digits only".to_owned() } else { format!("{prefix} and letters or digits") }
}

/// Rows of one kind in the order of their creation.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: DeserializeOwned"))]
pub struct Table<T> {
    rows: Rows<Option<Arc<T>>>,
    ids: Ids,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Arc<Names>>,
}

/// Rows that carry an id of somebody's choosing instead of a made one.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<u32, Arc<str>>", into = "BTreeMap<u32, Arc<str>>")]
struct Names {
    rows: HashMap<Arc<str>, u32>,
    names: HashMap<u32, Arc<str>>,
}

impl From<BTreeMap<u32, Arc<str>>> for Names {
    fn from(names: BTreeMap<u32, Arc<str>>) -> Self {
        let rows = names.iter().map(|(row, name)| (Arc::clone(name), *row)).collect();
        Self { rows, names: names.into_iter().collect() }
    }
}
impl From<Names> for BTreeMap<u32, Arc<str>> {
    fn from(names: Names) -> Self {
        names.names.into_iter().collect()
    }
}

impl<T: Row> Table<T> {
    /// An empty table whose ids follow from the world's seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rows: Rows::default(),
            ids: Ids::new(seed, if T::PREFIX.is_empty() { T::NOUN } else { T::PREFIX }),
            names: None,
        }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// At 2^32 rows, far beyond the memory of any machine this runs on.
    pub fn insert(&mut self, row: T) -> Id<T> {
        let id = self.next_id();
        self.rows.push(Some(Arc::new(row)));
        id
    }

    /// The id that the next [`Table::insert`] will give, for rows that refer to each other.
    ///
    /// # Panics
    /// At 2^32 rows.
    #[must_use]
    pub fn next_id(&self) -> Id<T> {
        let row = u32::try_from(self.rows.len()).unwrap_or_else(|_| panic!("a table holds at most 2^32 rows"));
        Id(row, PhantomData)
    }

    /// How many rows there have been: those that were taken out count.
    #[must_use]
    pub fn made(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn get(&self, id: Id<T>) -> Option<&Arc<T>> {
        self.rows.get(id.0 as usize).and_then(Option::as_ref)
    }

    /// The row of a number, if it exists: for a vendor who has a spelling of ids of its own for rows of the house.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Option<Id<T>> {
        let id = Id(number, PhantomData);
        self.get(id).map(|_| id)
    }

    /// Changes a row in place, or in a copy where somebody else still holds it.
    ///
    /// # Panics
    /// If the row was removed: rows that others refer to never are.
    pub fn update<R>(&mut self, id: Id<T>, change: impl FnOnce(&mut T) -> R) -> R {
        match self.rows.get_mut(id.0 as usize).and_then(Option::as_mut) {
            Some(row) => change(Arc::make_mut(row)),
            None => panic!("{} {id:?} is gone", T::NOUN),
        }
    }

    /// Takes a row out; its number is never used again.
    pub fn remove(&mut self, id: Id<T>) -> Option<Arc<T>> {
        self.rows.get_mut(id.0 as usize).and_then(Option::take)
    }

    /// Takes out all rows that are not to be kept.
    pub fn retain(&mut self, keep: impl Fn(Id<T>, &T) -> bool) {
        let gone: Vec<Id<T>> = self.iter().filter(|(id, row)| !keep(*id, row)).map(|(id, _)| id).collect();
        for id in gone {
            self.remove(id);
        }
    }

    /// All rows, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id<T>, &Arc<T>)> {
        // The numbers fit: `insert` checks them.
        #[expect(clippy::cast_possible_truncation, reason = "insert keeps row numbers below 2^32")]
        self.rows.iter().enumerate().filter_map(|(n, row)| row.as_ref().map(|row| (Id(n as u32, PhantomData), row)))
    }

    /// The id of a row as the wire shows it.
    #[must_use]
    pub fn text(&self, id: Id<T>) -> IdText {
        if let Some(name) = self.names.as_ref().and_then(|names| names.names.get(&id.0)) {
            return IdText::named(Arc::clone(name));
        }
        self.ids.text(T::PREFIX, id.0)
    }

    /// An id in the style of this table's that no row has.
    #[must_use]
    pub fn unlisted(&self, number: u64) -> IdText {
        self.ids.unlisted(T::PREFIX, number)
    }

    /// The row that an id from the wire means, if it exists.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Id<T>> {
        let named = self.names.as_ref().and_then(|names| names.rows.get(text).copied());
        let row = named.or_else(|| self.ids.row(T::PREFIX, text))?;
        let id = Id(row, PhantomData);
        self.get(id).map(|_| id)
    }

    /// Gives the row that an id means the id that a fixture wants; `None` if it means no row of this table. An id that
    /// is none of this kind would break the schemas of answers.
    pub fn rename(&mut self, made: &str, name: &str) -> Option<Result<(), String>> {
        let id = self.find(made)?;
        let own = name.strip_prefix(T::PREFIX).unwrap_or_default();
        let is_own = |letter: u8| letter.is_ascii_digit() || (letter.is_ascii_alphabetic() && !T::PREFIX.is_empty());
        if own.is_empty() || !own.bytes().all(is_own) {
            return Some(Err(format!("{name:?} is no id of a {}: those are {}", T::NOUN, form(T::PREFIX))));
        }
        if self.find(name).is_some() {
            return Some(Err(format!("{name:?} is the id of another row already")));
        }
        self.name(id, name);
        Some(Ok(()))
    }

    /// Lets two rows be known by each other's id. Whoever holds their [`Id`]s still holds the same rows.
    pub fn swap_ids(&mut self, one: Id<T>, other: Id<T>) {
        let (name, others) = (self.text(one), self.text(other));
        self.name(one, others.as_str());
        self.name(other, name.as_str());
    }

    /// Gives a row an id of somebody's choosing, which must be one of this kind's.
    pub fn name(&mut self, id: Id<T>, name: &str) {
        let name: Arc<str> = Arc::from(name);
        let names = Arc::make_mut(self.names.get_or_insert_default());
        names.rows.insert(Arc::clone(&name), id.0);
        names.names.insert(id.0, name);
    }
}

impl<T: Row> Index<Id<T>> for Table<T> {
    type Output = Arc<T>;

    /// The row of an id that another row holds.
    fn index(&self, id: Id<T>) -> &Arc<T> {
        match self.get(id) {
            Some(row) => row,
            None => panic!("{} {id:?} is gone", T::NOUN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
    struct Thing(String);
    impl Row for Thing {
        const PREFIX: &'static str = "thing_";
        const NOUN: &'static str = "thing";
    }

    #[test]
    fn a_clone_keeps_its_rows_when_the_original_changes() {
        let mut table = Table::new(1);
        let id = table.insert(Thing("before".to_owned()));
        let kept = table.clone();
        table.update(id, |row| "after".clone_into(&mut row.0));
        assert_eq!((&*kept[id].0, &*table[id].0), ("before", "after"));
        table.remove(id);
        assert_eq!(table.find(kept.text(id).as_str()), None);
        assert_eq!(kept.find(kept.text(id).as_str()), Some(id));
    }

    #[test]
    fn a_name_replaces_the_made_id_and_both_find_the_row() {
        let mut table = Table::new(1);
        let id = table.insert(Thing("x".to_owned()));
        let made = table.text(id);
        table.name(id, "thing_starter");
        assert_eq!(table.text(id).as_str(), "thing_starter");
        assert_eq!(table.find("thing_starter"), Some(id));
        assert_eq!(table.find(made.as_str()), Some(id));
    }

    #[test]
    fn rows_that_swap_ids_stay_where_they_are() {
        let mut table = Table::new(1);
        let [a, b] = ["a", "b"].map(|text| table.insert(Thing(text.to_owned())));
        let [made_a, made_b] = [a, b].map(|id| table.text(id));
        table.swap_ids(a, b);
        assert_eq!((&*table[a].0, table.text(a).as_str()), ("a", made_b.as_str()));
        assert_eq!((table.find(made_a.as_str()), table.find(made_b.as_str())), (Some(b), Some(a)));
        table.swap_ids(a, b);
        assert_eq!((table.find(made_a.as_str()), table.text(a).as_str()), (Some(a), made_a.as_str()));
    }
}
