//! The fields of a card, as they are typed.

use super::{Field, Fields, Keyboard, first_problem};
use crate::billing::cards::Card;
use crate::time::Timestamp;

/// How many letters of what was typed are kept to be shown again.
const TYPED_MOST: usize = 100;
/// A two-digit year that seems to lie further back than this is of the next century.
const CENTURY_TURN: u16 = 50;
/// Years from now in which a filled-in card expires.
const FILLED_YEARS: i16 = 3;

/// Number, expiry, security code, name.
#[derive(Debug, Clone)]
pub struct CardForm {
    pub number: Field,
    pub expiry: Field,
    pub cvc: Field,
    pub cardholder: Field,
}

impl CardForm {
    /// A form with nothing in it.
    #[must_use]
    pub fn empty() -> Self {
        let field = |name, label, autocomplete, placeholder| Field {
            keyboard: Keyboard::Digits,
            placeholder,
            ..Field::new(name, label, autocomplete)
        };
        Self {
            number: field("card-number", "Card number", "cc-number", "1234 1234 1234 1234"),
            expiry: Field { half: true, ..field("card-expiry", "Expiry date", "cc-exp", "MM / YY") },
            cvc: Field { half: true, ..field("card-cvc", "Security code", "cc-csc", "CVC") },
            cardholder: Field { keyboard: Keyboard::Words, ..field("cardholder", "Name on card", "cc-name", "") },
        }
    }

    /// What a customer has typed.
    #[must_use]
    pub fn typed(fields: &Fields<'_>) -> Self {
        let mut form = Self::empty();
        for field in [&mut form.number, &mut form.expiry, &mut form.cvc, &mut form.cardholder] {
            field.value = fields.text(field.name).chars().take(TYPED_MOST).collect();
        }
        form
    }

    /// A card that works out as its number says, valid for some years from `now`.
    #[must_use]
    pub fn filled(number: &str, name: &str, now: Timestamp) -> Self {
        let mut form = Self::empty();
        form.number.value = spaced(number);
        form.expiry.value = filled_expiry(now);
        filled_cvc(number).clone_into(&mut form.cvc.value);
        name.clone_into(&mut form.cardholder.value);
        form
    }

    /// The card, if every field can be right at `now`; what is wrong with one stands in it then.
    pub fn check(&mut self, now: Timestamp) -> Option<Card> {
        self.check_but(now, &[])
    }

    /// The same, but some numbers are good whatever expiry stands on them: vendors print test cards with dates that pass.
    pub fn check_but(&mut self, now: Timestamp, ageless: &[&str]) -> Option<Card> {
        let number = number(&self.number.value);
        let ages = !number.as_ref().is_ok_and(|card| ageless.contains(&card.number.as_str()));
        let expiry = expiry(&self.expiry.value, now, ages);
        // Without a number nobody knows how long the code is.
        let length = number.as_ref().map_or(3, cvc_length);
        let cvc = cvc(&self.cvc.value, length);
        self.number.problem = number.as_ref().err().copied();
        self.expiry.problem = expiry.err();
        self.cvc.problem = cvc.err();
        self.cardholder.problem = self.cardholder.value.is_empty().then_some("Enter the name on the card");
        let (exp_month, exp_year) = expiry.ok()?;
        let card = number.ok()?;
        self.first_problem().is_none().then_some(Card { exp_month, exp_year, ..card })
    }

    /// The fields in their order on the page.
    #[must_use]
    pub fn fields(&self) -> [&Field; 4] {
        [&self.number, &self.expiry, &self.cvc, &self.cardholder]
    }

    /// The field that a customer has to look at first.
    #[must_use]
    pub fn first_problem(&self) -> Option<&'static str> {
        first_problem(&self.fields())
    }
}

fn number(typed: &str) -> Result<Card, &'static str> {
    if typed.is_empty() {
        return Err("Enter the card number");
    }
    let card = Card { number: typed.to_owned(), ..Card::default() };
    let clean = typed.chars().all(|letter| letter.is_ascii_digit() || letter == ' ' || letter == '-');
    if !clean || !card.is_plausible() {
        return Err("This is not a card number: check its digits");
    }
    Ok(Card { number: card.digits(), ..card })
}

/// `MM / YY`, `MM/YYYY`, `MMYY` and what lies between.
fn expiry(typed: &str, now: Timestamp, ages: bool) -> Result<(u8, u16), &'static str> {
    if typed.is_empty() {
        return Err("Enter the expiry date");
    }
    let (month, year) = month_and_year(typed, now).ok_or("Enter the month and the year, such as 09 / 29")?;
    let today = now.civil();
    let this = (today.year().unsigned_abs(), today.month().unsigned_abs());
    // A card is good until the end of its month.
    if ages && (year, month) < this { Err("This card has expired") } else { Ok((month, year)) }
}

fn month_and_year(typed: &str, now: Timestamp) -> Option<(u8, u16)> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (month, year) = match typed.split_once(['/', '-', ' ']) {
        Some((month, year)) => (month.trim(), year.trim_start_matches(['/', '-', ' '])),
        None => typed.split_at_checked(2)?,
    };
    if !is_number(month) || !is_number(year) || month.len() > 2 {
        return None;
    }
    let month: u8 = month.parse().ok()?;
    let year = match year.len() {
        2 => near(year.parse().ok()?, now.civil().year()),
        4 => year.parse().ok()?,
        _ => return None,
    };
    (1..=12).contains(&month).then_some((month, year))
}

/// The year that two digits mean, seen from this one.
fn near(digits: u16, this: i16) -> u16 {
    let this = this.unsigned_abs();
    let year = this / 100 * 100 + digits;
    if year + CENTURY_TURN < this { year + 100 } else { year }
}

fn cvc_length(card: &Card) -> usize {
    if card.brand() == "amex" { 4 } else { 3 }
}

fn cvc(typed: &str, length: usize) -> Result<(), &'static str> {
    if typed.is_empty() {
        return Err("Enter the security code");
    }
    if typed.len() == length && typed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(if length == 4 { "The code on this card has 4 digits" } else { "The code on this card has 3 digits" })
}

/// A number in the groups that stand on the card.
pub(super) fn spaced(digits: &str) -> String {
    let amex = digits.len() == 15;
    let gap = |place: usize| if amex { place == 4 || place == 10 } else { place > 0 && place.is_multiple_of(4) };
    let mut text = String::with_capacity(digits.len() + 4);
    for (place, digit) in digits.chars().enumerate() {
        if gap(place) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A month that has not passed at `now`.
pub(super) fn filled_expiry(now: Timestamp) -> String {
    format!("12 / {:02}", (now.civil().year() + FILLED_YEARS).rem_euclid(100))
}

/// A code of the right length for the card.
pub(super) fn filled_cvc(number: &str) -> &'static str {
    let card = Card { number: number.to_owned(), ..Card::default() };
    if cvc_length(&card) == 4 { "1234" } else { "123" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2028-01-31T00:00:00Z".parse().expect("instant")
    }

    fn typed(changed: &str, value: &str) -> CardForm {
        let usual = [("card-number", "4242 4242 4242 4242"), ("card-expiry", "12 / 30"), ("card-cvc", "123")];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, right) in usual.into_iter().chain([("cardholder", "Jo Doe")]) {
            query.append_pair(name, if name == changed { value } else { right });
        }
        CardForm::typed(&Fields::read(query.finish().as_bytes()))
    }

    fn card(changed: &str, value: &str) -> Card {
        let mut form = typed(changed, value);
        form.check(now()).unwrap_or_else(|| panic!("{changed} {value:?}: {form:?}"))
    }

    #[test]
    fn an_expiry_is_read_in_every_way_that_people_write_it() {
        for text in ["12 / 30", "12/30", "12-30", "12 30", "1230", "12/2030", "12 / 2030", "122030"] {
            let card = card("card-expiry", text);
            assert_eq!((card.exp_month, card.exp_year), (12, 2030), "{text}");
        }
        assert_eq!(card("card-expiry", "1/28").exp_month, 1, "this month is not over");
        assert_eq!(card("card-number", "4242-4242 42424242").number, "4242424242424242");
    }

    #[test]
    fn a_year_of_two_digits_is_one_ahead() {
        assert_eq!((near(28, 2028), near(99, 2028), near(5, 2098), near(77, 2028)), (2028, 2099, 2105, 2077));
        assert_eq!(near(95, 2098), 2095, "a card that has just expired");
    }

    #[test]
    fn each_field_says_what_is_wrong_with_it() {
        for (name, value, expected) in [
            ("card-number", "", "Enter the card number"),
            ("card-number", "4242 4242 4242 4241", "not a card number"),
            ("card-number", "4242 4242 4242 4242x", "not a card number"),
            ("card-number", "4242", "not a card number"),
            ("card-expiry", "", "Enter the expiry date"),
            ("card-expiry", "13/30", "the month and the year"),
            ("card-expiry", "00/30", "the month and the year"),
            ("card-expiry", "12/3", "the month and the year"),
            ("card-expiry", "12", "the month and the year"),
            ("card-expiry", "é1", "the month and the year"),
            ("card-expiry", "+1/30", "the month and the year"),
            ("card-expiry", "12/27", "has expired"),
            ("card-cvc", "", "Enter the security code"),
            ("card-cvc", "12", "3 digits"),
            ("card-cvc", "1234", "3 digits"),
            ("card-cvc", "12a", "3 digits"),
            ("cardholder", "  ", "Enter the name"),
        ] {
            let mut form = typed(name, value);
            assert_eq!(form.check(now()), None, "{name} {value:?}");
            assert_eq!(form.first_problem(), Some(name));
            for field in form.fields() {
                let said = field.problem.unwrap_or_default();
                assert_eq!(field.name == name, !said.is_empty(), "{name} {value:?}: {} {said}", field.name);
                assert!(field.name != name || said.contains(expected), "{name} {value:?}: {said}");
            }
        }
    }

    #[test]
    fn what_was_typed_is_shown_again_in_part() {
        let sent = format!("cardholder={}", "x".repeat(10_000));
        let form = CardForm::typed(&Fields::read(sent.as_bytes()));
        assert_eq!(form.cardholder.value.len(), TYPED_MOST);
    }

    #[test]
    fn a_filled_form_is_right_for_its_card() {
        for number in ["4242424242424242", "378282246310005"] {
            let mut form = CardForm::filled(number, "Jo Doe", now());
            let card = form.check(now()).expect("right");
            assert_eq!((card.number.as_str(), card.exp_year), (number, 2031));
        }
        assert_eq!(CardForm::filled("378282246310005", "Jo", now()).number.value, "3782 822463 10005");
    }
}
