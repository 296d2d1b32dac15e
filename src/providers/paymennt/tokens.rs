//! Card tokens: what the frames script hands to a shop instead of a card.
//!
//! Facts: paymennt §1.6 (form), §1.5 (one checkout each), §5. A token is the card itself in disguise, so that the page
//! that makes one needs no world: it holds number and expiry, a nonce, and a check of both.

use std::fmt::Write as _;

use crate::billing::cards::Card;
use crate::world::hash;

pub const PREFIX: &str = "ptk_sandbox_";
/// Bytes of a token: nonce, check, card.
const BYTES: usize = 32;
const SECRET: u64 = 0x0070_6179_6d65_6e6e;
/// What fills the digits that a short number leaves.
const NO_DIGIT: u8 = 15;

/// A token for a card; another nonce gives another token.
pub fn token(card: &Card, nonce: u64) -> String {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&nonce.to_be_bytes());
    let mut digits = [NO_DIGIT; 24];
    for (slot, digit) in digits.iter_mut().zip(card.digits().bytes()) {
        *slot = digit - b'0';
    }
    for (slot, pair) in bytes[16..28].iter_mut().zip(digits.chunks(2)) {
        *slot = pair[0] << 4 | pair[1];
    }
    bytes[28] = card.exp_month;
    bytes[29..31].copy_from_slice(&card.exp_year.to_be_bytes());
    let check = hash(nonce, &bytes[16..]);
    bytes[8..16].copy_from_slice(&check.to_be_bytes());
    scramble(&mut bytes, check);
    let hex = bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    format!("{PREFIX}{hex}")
}

/// The card of a token; `None`: no token of the frames script.
pub fn card(token: &str) -> Option<Card> {
    let hex = token.strip_prefix(PREFIX)?;
    let mut bytes = [0; BYTES];
    for (place, slot) in bytes.iter_mut().enumerate() {
        *slot = u8::from_str_radix(hex.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
    let check = word(&bytes[8..16]);
    scramble(&mut bytes, check);
    if hash(word(&bytes[..8]), &bytes[16..]) != check {
        return None;
    }
    let digits = bytes[16..28].iter().flat_map(|byte| [byte >> 4, byte & 15]).take_while(|digit| *digit < 10);
    let number = digits.map(|digit| char::from(b'0' + digit)).collect();
    Some(Card { number, exp_month: bytes[28], exp_year: u16::from_be_bytes([bytes[29], bytes[30]]) })
}

/// Whether a text has the form of a token: the prefix and 64 digits of sixteen.
pub fn is_token(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| {
        hex.len() == BYTES * 2 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// Its own inverse; leaves the check as it is.
fn scramble(bytes: &mut [u8; BYTES], check: u64) {
    for (place, byte) in bytes.iter_mut().enumerate().filter(|(place, _)| !(8..16).contains(place)) {
        let noise = hash(SECRET ^ check, &[u8::try_from(place).unwrap_or_default()]);
        *byte ^= noise.to_le_bytes()[0];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_its_card_and_nothing_else_does() {
        for number in ["4242424242424242", "378282246310005", "6304000000000000000"] {
            let card_ = Card { number: number.to_owned(), exp_month: 12, exp_year: 2025 };
            let (one, other) = (token(&card_, 1), token(&card_, 2));
            assert!(is_token(&one, PREFIX) && one != other, "{one}");
            assert_eq!((card(&one), card(&other)), (Some(card_.clone()), Some(card_)));
            let last = if one.ends_with('0') { '1' } else { '0' };
            assert_eq!(card(&format!("{}{last}", &one[..one.len() - 1])), None);
        }
        assert_eq!(card(&format!("{PREFIX}{}", "0".repeat(64))), None);
        assert_eq!(card("ptk_sandbox_é"), None);
    }
}
