//! A world written down, and read again: the same world to the byte, wherever it is read.
//!
//! The form is JSON in a fixed order (maps that hash are written by key), so that equal worlds have equal text and
//! [`World::digest`] tells whether two are the same. It is the form of one version of Leapday: rows are written as
//! they stand, not as a vendor shows them.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{ClockId, Notice as _, State, World};

/// Why something is no world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoWorld(String);

impl fmt::Display for NoWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: State> World<S> {
    /// The whole world as JSON.
    ///
    /// # Errors
    /// If a part of it has no JSON form: a bug that the tests look for.
    pub fn export(&self) -> Result<Value, NoWorld> {
        serde_json::from_slice(&self.written()?).map_err(|error| NoWorld(error.to_string()))
    }

    /// The whole world as text: the only way by which it is written, since each way costs a copy of the code of every
    /// row.
    fn written(&self) -> Result<Vec<u8>, NoWorld> {
        serde_json::to_vec(self).map_err(|error| NoWorld(error.to_string()))
    }

    /// The world that [`World::export`] wrote down.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn import(kept: &Value) -> Result<Self, NoWorld> {
        let mut world = Self::deserialize(kept).map_err(|error| NoWorld(error.to_string()))?;
        world.check_clocks()?;
        world.find_words()?;
        Ok(world)
    }

    /// What tells two worlds apart: SHA-256 of the written form, in hexadecimal.
    ///
    /// # Errors
    /// As for [`World::export`].
    pub fn digest(&self) -> Result<String, NoWorld> {
        self.written().map(|text| sha256(&text))
    }

    /// A clock that is not there would be found out only when something falls due on it.
    fn check_clocks(&self) -> Result<(), NoWorld> {
        let timers = self.timers.clocks();
        let events = self.events.clocks();
        let deliveries = self.outbox.deliveries().iter().map(|(_, delivery)| delivery.clock);
        let last = timers.chain(events).chain(deliveries).chain([ClockId::WORLD]).max();
        match last.filter(|last| last.0 as usize >= self.clocks.len()) {
            Some(lost) => Err(NoWorld::new(format!("clock {} is meant, of {}", lost.0, self.clocks.len()))),
            None => Ok(()),
        }
    }

    /// Deliveries are written without what their events say already.
    fn find_words(&mut self) -> Result<(), NoWorld> {
        let events = &self.events;
        self.outbox.find_words(|number| {
            let notice = &events.get(number)?.notice;
            Some((notice.name(), notice.about()))
        })
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

impl NoWorld {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Maps whose keys are no text, as a list of pairs in the order of the keys.
pub mod pairs {
    use std::cmp::Ordering;
    use std::hash::Hash;

    use imbl::{HashMap, OrdMap};

    use super::{Deserialize, DeserializeOwned, Deserializer, Serialize, Serializer};

    /// A map, for those who do not care which kind.
    pub trait Map: FromIterator<(Self::Key, Self::Value)> {
        type Key: Ord;
        type Value;

        fn pairs(&self) -> impl Iterator<Item = (&Self::Key, &Self::Value)>;
    }

    impl<K: Ord + Hash + Clone, V: Clone> Map for HashMap<K, V> {
        type Key = K;
        type Value = V;

        fn pairs(&self) -> impl Iterator<Item = (&K, &V)> {
            self.iter()
        }
    }

    impl<K: Ord + Clone, V: Clone> Map for OrdMap<K, V> {
        type Key = K;
        type Value = V;

        fn pairs(&self) -> impl Iterator<Item = (&K, &V)> {
            self.iter()
        }
    }

    /// # Errors
    /// What the serializer refuses.
    pub fn serialize<M, S>(map: &M, serializer: S) -> Result<S::Ok, S::Error>
    where
        M: Map<Key: Serialize, Value: Serialize>,
        S: Serializer,
    {
        let pairs: Vec<(&M::Key, &M::Value)> = map.pairs().collect();
        let order = sorted(pairs.len(), &|one, other| pairs[one].0.cmp(pairs[other].0));
        serializer.collect_seq(order.into_iter().map(|n| pairs[n]))
    }

    /// The places of so many things in their order. Sorting is much code, and there are many kinds of maps: this is one
    /// for all of them.
    fn sorted(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        order.sort_by(|one, other| compare(*one, *other));
        order
    }

    /// # Errors
    /// If it is no list of such pairs.
    pub fn deserialize<'de, M, D>(deserializer: D) -> Result<M, D::Error>
    where
        M: Map<Key: DeserializeOwned, Value: DeserializeOwned>,
        D: Deserializer<'de>,
    {
        Vec::<(M::Key, M::Value)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

/// Bytes that are text.
pub mod text {
    use super::{Deserialize, Deserializer, Serializer};

    /// # Errors
    /// If they are no text.
    pub fn serialize<S: Serializer>(bytes: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(bytes.as_ref()).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
    }

    /// # Errors
    /// If it is no text.
    pub fn deserialize<'de, B: From<Vec<u8>>, D: Deserializer<'de>>(deserializer: D) -> Result<B, D::Error> {
        String::deserialize(deserializer).map(|text| text.into_bytes().into())
    }
}

/// Seeds as text: they have more digits than some readers of JSON keep.
pub mod seed {
    use serde::de::Error as _;

    use super::{Deserialize, Deserializer, Serializer};

    /// # Errors
    /// What the serializer refuses.
    pub fn serialize<S: Serializer>(seed: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{seed:016x}"))
    }

    /// # Errors
    /// If it is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(|_| D::Error::custom("a seed has 16 hexadecimal digits"))
    }
}

/// A word that the program knows. The name keeps serde from borrowing it from what it reads.
pub type Word = &'static str;

/// A word that the program knows, read again as the program's own.
///
/// # Errors
/// If it is none of `words`.
pub fn word<'de, D: Deserializer<'de>>(deserializer: D, words: &[Word]) -> Result<Word, D::Error> {
    let text = String::deserialize(deserializer)?;
    let known = words.iter().copied().find(|word| *word == text);
    known.ok_or_else(|| D::Error::custom(format!("{text:?} is none of {}", words.join(", "))))
}
