//! Payments of a world without a page: made by hand, or scripted beforehand.

use serde_json::{Value, json};

use super::Opened;
use crate::api::{Collects, Fault, Provider};
use crate::billing::cards::{Attempt, Card, Outcome};
use crate::time::Timestamp;
use crate::world::OUTCOMES_MOST;

impl<P: Provider> Collects for Opened<'_, P> {
    fn pay(&self, session: &str, attempt: &Attempt, wall: Timestamp) -> Result<Value, Fault> {
        self.slot.change(wall, Fault::from, |world| P::pay(world, session, attempt))
    }

    fn save_method(&self, customer: &str, card: &Card, wall: Timestamp) -> Result<Value, Fault> {
        self.slot.change(wall, Fault::from, |world| P::save_method(world, customer, card))
    }

    fn outcomes(&self, wall: Timestamp) -> Vec<Value> {
        let world = self.slot.read(wall);
        world.scripts.left().map(|(of, outcomes)| json!({ "of": of, "outcomes": outcomes })).collect()
    }

    fn script(&self, of: &str, outcomes: &[Outcome], wall: Timestamp) -> Result<Value, Fault> {
        if outcomes.len() > OUTCOMES_MOST {
            let message = format!("at most {OUTCOMES_MOST}, and these are {}", outcomes.len());
            return Err(Fault::field("/outcomes", "maxItems", message));
        }
        self.slot.change(wall, Fault::from, |world| {
            P::scriptable(world, of).ok_or_else(|| Fault::no_such("customer, payment method or invoice", of))?;
            world.scripts.set(of, outcomes.iter().copied());
            Ok(json!({ "of": of, "outcomes": outcomes }))
        })
    }
}
