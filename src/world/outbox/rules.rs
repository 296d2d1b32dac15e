//! Rules that misbehave on purpose, as networks and queues do: so many times, then they are used up.

use serde::{Deserialize, Serialize};

use super::{Delivery, Endpoint, Outbox, matches};
use crate::time::Cadence;
use crate::world::table::{Id, Row};

/// How long a delivery is held back for another one to overtake it, before it goes all the same.
pub(super) const HOLD: Cadence = Cadence::seconds(60);

/// What can be done to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mischief {
    /// Sent twice, under the same message id.
    Duplicate,
    /// Sent after the one that follows it to the same endpoint, or after a minute.
    Reorder,
    /// Sent later.
    Delay,
    /// Never sent, unless somebody asks for it.
    Drop,
}

/// What to do to whose deliveries, and how often.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    pub mischief: Mischief,
    /// `None`: every endpoint's.
    pub endpoint: Option<Id<Endpoint>>,
    /// An event type or the beginning of one before `*`; `None`: all.
    pub event: Option<Box<str>>,
    /// How much later a delayed one goes.
    pub delay: Cadence,
    /// How many more deliveries it applies to.
    pub times: u32,
}

impl Row for Rule {
    const PREFIX: &'static str = "rule_";
    const NOUN: &'static str = "webhook rule";
}

impl Rule {
    fn applies(&self, delivery: &Delivery) -> bool {
        self.times > 0
            && self.endpoint.is_none_or(|endpoint| endpoint == delivery.endpoint)
            && self.event.as_deref().is_none_or(|wanted| matches(wanted, delivery.event_type))
    }
}

impl Outbox {
    /// The oldest rule that applies to a delivery, used once.
    pub(super) fn use_rule(&mut self, delivery: &Delivery) -> Option<(Mischief, Cadence)> {
        let (id, _) = self.rules.iter().find(|(_, rule)| rule.applies(delivery))?;
        Some(self.rules.update(id, |rule| {
            rule.times -= 1;
            (rule.mischief, rule.delay)
        }))
    }
}
