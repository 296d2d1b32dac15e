//! The magic cards as a page shows them, and what a customer is told of a decline.

use super::card_form::{filled_cvc, filled_expiry, spaced};
use crate::billing::cards::{Outcome, magic};
use crate::time::Timestamp;

/// A card that can be filled in with one click.
#[derive(Debug, Clone)]
pub struct TestCard {
    pub digits: &'static str,
    pub number: String,
    pub brand: &'static str,
    /// What charging it does, beyond what its group says.
    pub outcome: Option<&'static str>,
    pub expiry: String,
    pub cvc: &'static str,
}

/// Cards that end alike.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: &'static str,
    /// How the panel marks them.
    pub mark: &'static str,
    pub cards: Vec<TestCard>,
}

/// All magic cards, those that succeed first; valid for some years from `now`.
#[must_use]
pub fn test_cards(now: Timestamp) -> Vec<Group> {
    let groups = [("Succeeds", "good"), ("Asks for confirmation", "asks"), ("Declines", "bad")];
    let of = |mark| magic().filter(move |(.., outcome)| marked(*outcome) == mark).map(|row| card(row, now)).collect();
    groups.into_iter().map(|(name, mark)| Group { name, mark, cards: of(mark) }).collect()
}

/// Whether a number is one of the panel's: what an address may fill in.
#[must_use]
pub fn is_test_card(digits: &str) -> bool {
    magic().any(|(known, ..)| known == digits)
}

fn marked(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeds => "good",
        Outcome::NeedsAuthentication => "asks",
        Outcome::Declined(_) => "bad",
    }
}

fn card((digits, brand, outcome): (&'static str, &'static str, Outcome), now: Timestamp) -> TestCard {
    let brand = match brand {
        "mastercard" => "Mastercard",
        "amex" => "American Express",
        _ => "Visa",
    };
    let outcome = match outcome {
        Outcome::Succeeds => None,
        Outcome::NeedsAuthentication => Some("3-D Secure"),
        Outcome::Declined("insufficient_funds") => Some("insufficient funds"),
        Outcome::Declined("expired_card") => Some("expired card"),
        Outcome::Declined("incorrect_cvc") => Some("wrong security code"),
        Outcome::Declined("processing_error") => Some("processing error"),
        Outcome::Declined(_) => Some("declined"),
    };
    TestCard { digits, number: spaced(digits), brand, outcome, expiry: filled_expiry(now), cvc: filled_cvc(digits) }
}

/// What a customer is told of a decline code.
#[must_use]
pub fn decline(code: &str) -> &'static str {
    match code {
        "insufficient_funds" => "There is not enough money on this card. Try another one.",
        "expired_card" => "Your bank says that this card has expired. Try another one.",
        "incorrect_cvc" => "The security code is not the one of this card. Check it and try again.",
        "processing_error" => "Your bank could not process the payment. Try again in a moment.",
        "authentication_failed" => "Your bank could not confirm that it is you. Try again or use another card.",
        _ => "Your card was declined. Try another one or ask your bank.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_panel_shows_every_magic_card() {
        let now = "2028-01-31T00:00:00Z".parse().expect("instant");
        let groups = test_cards(now);
        let shown: usize = groups.iter().map(|group| group.cards.len()).sum();
        assert_eq!((shown, groups.len()), (magic().count(), 3));
        assert!(groups.iter().all(|group| group.cards.iter().all(|card| is_test_card(card.digits))));
        assert!(!is_test_card("4111111111111111"));
    }
}
