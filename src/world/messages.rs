//! E-mails and text messages that the vendor would have sent: nothing leaves the machine, all can be read.

use std::sync::Arc;

use imbl::Vector;
use serde::{Deserialize, Serialize};

use super::{State, World};
use crate::time::Timestamp;

/// How many messages a world remembers: some 5 MB. Older ones are forgotten.
pub const MESSAGES_KEPT: usize = 10_000;

/// What a customer would have got. A letter is written when somebody reads it: of a long advance hardly any is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message<L> {
    pub at: Timestamp,
    pub channel: Channel,
    pub letter: L,
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// An e-mail address or a telephone number.
    pub to: Arc<str>,
    pub subject: String,
    /// The page that it leads to, below the provider's mount.
    pub link: Option<String>,
}

/// By which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
    Sms,
}

/// The messages of a world, oldest first.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(serialize = "L: Clone + Serialize", deserialize = "L: Clone + Deserialize<'de>"))]
pub(super) struct Messages<L> {
    kept: Vector<Message<L>>,
    forgotten: usize,
}

impl<L: Clone> Messages<L> {
    pub(super) fn new() -> Self {
        Self { kept: Vector::new(), forgotten: 0 }
    }
}

impl<S: State> World<S> {
    /// Sends a message, as far as anything is sent here.
    pub fn send(&mut self, message: Message<S::Letter>) {
        self.messages.kept.push_back(message);
        if self.messages.kept.len() > MESSAGES_KEPT {
            self.messages.kept.pop_front();
            self.messages.forgotten += 1;
        }
    }

    /// Puts another letter in the place of each: before rows go that letters speak of.
    pub fn rewrite(&mut self, written: impl Fn(&Self, &S::Letter) -> S::Letter) {
        let rewritten =
            |message: &Message<S::Letter>| Message { letter: written(self, &message.letter), ..message.clone() };
        self.messages.kept = self.messages.kept.iter().map(rewritten).collect();
    }

    /// How many messages there have been.
    #[must_use]
    pub fn message_count(&self) -> usize {
        self.messages.forgotten + self.messages.kept.len()
    }

    /// The messages from a number on that are still known, with their numbers.
    pub fn messages_from(&self, from: usize) -> impl Iterator<Item = (usize, &Message<S::Letter>)> {
        let skipped = from.saturating_sub(self.messages.forgotten).min(self.messages.kept.len());
        let first = self.messages.forgotten + skipped;
        let rest = self.messages.kept.focus().narrow(skipped..).into_iter();
        rest.enumerate().map(move |(place, message)| (first + place, message))
    }
}
