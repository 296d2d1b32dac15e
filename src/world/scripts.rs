//! What the next charges do, written beforehand: per customer, payment method or invoice, consumed in order.
//!
//! A part of the world, so that a preview of an advance goes as the script says, and a fork has a script of its own.

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use serde::{Deserialize, Serialize};

use super::IdText;
use crate::billing::cards::Outcome;

/// How many outcomes one script may have: some years of monthly charges with their retries.
pub const OUTCOMES_MOST: usize = 200;

/// The scripts of a world, by the id of what they are about.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scripts(OrdMap<Arc<str>, Vector<Outcome>>);

impl Scripts {
    /// Whether nothing is scripted: then nobody needs to say what a charge is about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many things have one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Says how the next charges of something go. What was said before is forgotten; nothing is said by none.
    pub fn set(&mut self, of: &str, outcomes: impl IntoIterator<Item = Outcome>) {
        let outcomes: Vector<Outcome> = outcomes.into_iter().collect();
        if outcomes.is_empty() {
            self.0.remove(of);
        } else {
            self.0.insert(of.into(), outcomes);
        }
    }

    /// Forgets what is said of things that are gone.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0 = self.0.iter().filter(|(of, _)| keep(of)).map(|(of, left)| (Arc::clone(of), left.clone())).collect();
    }

    /// What is left of each.
    pub fn left(&self) -> impl Iterator<Item = (&str, &Vector<Outcome>)> {
        self.0.iter().map(|(of, outcomes)| (&**of, outcomes))
    }

    /// How the next charge of these goes. The first of them that has a script decides, so the nearest comes first.
    #[must_use]
    pub fn next(&self, about: &[IdText]) -> Option<Outcome> {
        about.iter().find_map(|of| self.0.get(of.as_str())?.front().copied())
    }

    /// The same, consumed.
    pub fn take(&mut self, about: &[IdText]) -> Option<Outcome> {
        let of = about.iter().find(|of| self.0.contains_key(of.as_str()))?.as_str();
        let outcomes = self.0.get_mut(of)?;
        let outcome = outcomes.pop_front();
        if outcomes.is_empty() {
            self.0.remove(of);
        }
        outcome
    }

    /// The cardholder has answered what the next outcome asks: the charge goes through.
    pub fn confirm(&mut self, about: &[IdText]) {
        if self.next(about) == Some(Outcome::NeedsAuthentication)
            && let Some(of) = about.iter().find(|of| self.0.contains_key(of.as_str()))
            && let Some(first) = self.0.get_mut(of.as_str()).and_then(Vector::front_mut)
        {
            *first = Outcome::Succeeds;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> IdText {
        IdText::named(text.into())
    }

    #[test]
    fn the_nearest_script_decides_and_ends() {
        let mut scripts = Scripts::default();
        let (invoice, customer) = (id("in_1"), id("cus_1"));
        let about = [invoice, customer];
        assert_eq!(scripts.take(&about), None);
        scripts.set("cus_1", [Outcome::Declined("card_declined"), Outcome::Succeeds]);
        scripts.set("in_1", [Outcome::NeedsAuthentication]);
        assert_eq!(scripts.next(&about), Some(Outcome::NeedsAuthentication));
        scripts.confirm(&about);
        assert_eq!(scripts.take(&about), Some(Outcome::Succeeds));
        assert_eq!(scripts.take(&about), Some(Outcome::Declined("card_declined")));
        assert_eq!(scripts.take(&about), Some(Outcome::Succeeds));
        assert!(scripts.is_empty());
        scripts.set("cus_1", [Outcome::Succeeds]);
        scripts.set("cus_1", []);
        assert!(scripts.is_empty());
    }
}
