//! The bank's challenge: where a cardholder confirms a payment, or does not.

use crate::api::Page;
use crate::providers::paylera::state::State;

pub fn pages() -> Vec<Page<State>> {
    Vec::new()
}
