//! Who goes next: what is about one row goes one after another, the rest side by side, endpoints apart.

use std::collections::{HashMap, HashSet, VecDeque};

use super::courier::Letter;
use crate::world::{Endpoint, Id};

/// How many requests one endpoint gets at a time.
const IN_FLIGHT: usize = 32;

/// The row that a letter is about.
type About = (&'static str, u32);

/// What waits to be sent.
#[derive(Default)]
pub(super) struct Lanes {
    endpoints: HashMap<Id<Endpoint>, Queue>,
}

#[derive(Default)]
struct Queue {
    /// Letters that could go now.
    free: VecDeque<Letter>,
    /// Letters that wait for an earlier one about the same row; a row has an entry while one of its is free or away.
    behind: HashMap<About, VecDeque<Letter>>,
    away: HashSet<About>,
}

impl Lanes {
    pub(super) fn add(&mut self, letter: Letter) {
        let queue = self.endpoints.entry(letter.endpoint).or_default();
        if let Some(behind) = queue.behind.get_mut(&letter.about) {
            behind.push_back(letter);
        } else {
            queue.behind.insert(letter.about, VecDeque::new());
            queue.free.push_back(letter);
        }
    }

    /// The letters that may go now.
    pub(super) fn leave(&mut self) -> Vec<Letter> {
        let mut leaving = Vec::new();
        for queue in self.endpoints.values_mut() {
            let room = IN_FLIGHT.saturating_sub(queue.away.len()).min(queue.free.len());
            for letter in queue.free.drain(..room) {
                queue.away.insert(letter.about);
                leaving.push(letter);
            }
        }
        leaving
    }

    /// A letter has been answered: the next about its row is free.
    pub(super) fn arrived(&mut self, endpoint: Id<Endpoint>, about: About) {
        let Some(queue) = self.endpoints.get_mut(&endpoint) else { return };
        queue.away.remove(&about);
        match queue.behind.get_mut(&about).and_then(VecDeque::pop_front) {
            Some(next) => queue.free.push_back(next),
            None => drop(queue.behind.remove(&about)),
        }
        if queue.behind.is_empty() {
            self.endpoints.remove(&endpoint);
        }
    }

    /// Forgets what has not left: its world was replaced by another.
    pub(super) fn clear(&mut self) {
        for queue in self.endpoints.values_mut() {
            queue.free.clear();
            queue.behind.retain(|about, _| queue.away.contains(about));
            queue.behind.values_mut().for_each(VecDeque::clear);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::webhooks::SVIX;
    use crate::world::{Delivery, Endpoint, Row, Table};

    fn letter(endpoint: Id<Endpoint>, about: u32, name: &str) -> Letter {
        Letter {
            delivery: Table::<Delivery>::new(1).next_id(),
            endpoint,
            about: (Delivery::NOUN, about),
            epoch: 0,
            url: Arc::from("http://127.0.0.1"),
            secrets: Vec::new(),
            message_id: name.to_owned(),
            delivery_id: String::new(),
            event_type: "",
            body: Arc::from([]),
            signature: None,
            scheme: &SVIX,
        }
    }

    fn endpoint() -> Id<Endpoint> {
        Table::<Endpoint>::new(1).next_id()
    }

    fn leave(lanes: &mut Lanes) -> Vec<String> {
        lanes.leave().into_iter().map(|letter| letter.message_id).collect()
    }

    #[test]
    fn letters_about_one_row_go_one_after_another_and_others_beside_them() {
        let mut lanes = Lanes::default();
        for (about, name) in [(1, "1a"), (1, "1b"), (2, "2a"), (1, "1c")] {
            lanes.add(letter(endpoint(), about, name));
        }
        assert_eq!(leave(&mut lanes), ["1a", "2a"]);
        assert!(leave(&mut lanes).is_empty());
        lanes.arrived(endpoint(), (Delivery::NOUN, 1));
        assert_eq!(leave(&mut lanes), ["1b"]);
        lanes.arrived(endpoint(), (Delivery::NOUN, 2));
        lanes.arrived(endpoint(), (Delivery::NOUN, 1));
        assert_eq!(leave(&mut lanes), ["1c"]);
        lanes.arrived(endpoint(), (Delivery::NOUN, 1));
        assert!(lanes.endpoints.is_empty());
    }

    #[test]
    fn an_endpoint_gets_so_many_at_a_time() {
        let mut lanes = Lanes::default();
        (0..100).for_each(|about| lanes.add(letter(endpoint(), about, "x")));
        assert_eq!(leave(&mut lanes).len(), IN_FLIGHT);
        lanes.arrived(endpoint(), (Delivery::NOUN, 0));
        assert_eq!(leave(&mut lanes).len(), 1);
    }

    #[test]
    fn what_is_forgotten_blocks_nobody() {
        let mut lanes = Lanes::default();
        for (about, name) in [(1, "1a"), (1, "1b")] {
            lanes.add(letter(endpoint(), about, name));
        }
        assert_eq!(leave(&mut lanes), ["1a"]);
        lanes.add(letter(endpoint(), 2, "2a"));
        lanes.clear();
        lanes.add(letter(endpoint(), 1, "new 1"));
        lanes.add(letter(endpoint(), 2, "new 2"));
        assert_eq!(leave(&mut lanes), ["new 2"]);
        lanes.arrived(endpoint(), (Delivery::NOUN, 1));
        assert_eq!(leave(&mut lanes), ["new 1"]);
    }
}
