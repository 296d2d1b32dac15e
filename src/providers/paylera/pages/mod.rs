//! The pages that a customer's browser opens: checkout, the bank's challenge, the portal, the files of invoices.
//!
//! Facts: paylera §6. Whoever has an address may open it; the token in it says whose world and which row is meant.

mod challenge;
mod checkout;
pub mod file;
mod portal;

use super::state::State;
use crate::api::Page;

pub fn pages() -> Vec<Page<State>> {
    let mut pages = checkout::pages();
    pages.extend(challenge::pages());
    pages.extend(portal::pages());
    pages.extend(file::pages());
    pages
}
