//! The files of invoices.

use crate::api::Page;
use crate::providers::paylera::state::State;

pub fn pages() -> Vec<Page<State>> {
    Vec::new()
}
