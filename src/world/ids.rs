//! Realistic ids from (seed, row number): an id is a row number in disguise.
//!
//! The sixteen letters and digits behind a prefix are two halves of eight. One holds the row number,
//! the other zero; a seeded Feistel network of four rounds mixes them. Decoding runs it backwards and
//! finds zero again only for an id that this seed made, so half of the id checks the other half and
//! no index of ids has to be kept, copied or forked.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Letters and digits behind the prefix: what the vendors' samples use.
const TAIL: usize = 16;
/// 36^8: the values that half a tail can take.
const HALF: u64 = 2_821_109_907_456;
/// 36^4.
const QUARTER: u64 = 1_679_616;
const ROUNDS: u64 = 4;
/// What a numeric id has.
const DIGITS: usize = 19;
/// The longest prefix that fits beside the tail; longer names are kept as text.
const MADE: usize = 32;

/// Where numeric ids begin, in milliseconds since 1970, and how far seeds may shift that: ids that look some years old.
const FIRST_MILLIS: u64 = 1_600_000_000_000;
const SHIFTS: u64 = 100_000_000_000;
/// The bits of a numeric id below its milliseconds.
const CHECK_BITS: u32 = 20;

/// Turns row numbers into ids and back, for one kind of row in one world.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ids {
    #[serde(with = "super::seed")]
    seed: u64,
}

impl Ids {
    /// Ids of the rows named `kind` in the world of `seed`.
    #[must_use]
    pub fn new(seed: u64, kind: &str) -> Self {
        Self { seed: hash(seed, kind.as_bytes()) }
    }

    /// The id of row `row` behind `prefix`.
    #[must_use]
    pub fn text(&self, prefix: &str, row: u32) -> IdText {
        if prefix.is_empty() { self.number(u64::from(row)) } else { self.encode(prefix, 0, u64::from(row)) }
    }

    /// Nineteen digits that grow with the row, as the snowflakes that some vendors give: milliseconds, of which each row
    /// has one, and twenty bits that check them.
    fn number(self, row: u64) -> IdText {
        let mut bytes = [0u8; MADE];
        let mut rest =
            (self.first_millis().wrapping_add(row) << CHECK_BITS) | (self.noise(row, 0) & ((1 << CHECK_BITS) - 1));
        for slot in bytes[..DIGITS].iter_mut().rev() {
            // A digit: fits.
            *slot = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        IdText(Text::Made { bytes, len: DIGITS })
    }

    fn first_millis(self) -> u64 {
        FIRST_MILLIS + mix(self.seed) % SHIFTS
    }

    fn numbered(self, text: &str) -> Option<u32> {
        if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = text.parse().ok()?;
        let row = u32::try_from((number >> CHECK_BITS).checked_sub(self.first_millis())?).ok()?;
        (self.number(u64::from(row)).as_str() == text).then_some(row)
    }

    /// An id in the same style that [`Ids::row`] will not take for a row's.
    #[must_use]
    pub fn unlisted(&self, prefix: &str, number: u64) -> IdText {
        if prefix.is_empty() {
            // Before the first row.
            return self.number((number % FIRST_MILLIS).wrapping_neg());
        }
        self.encode(prefix, 1, number % HALF)
    }

    fn encode(self, prefix: &str, mut left: u64, mut right: u64) -> IdText {
        for round in 0..ROUNDS {
            (left, right) = (right, (left + self.noise(right, round)) % HALF);
        }
        let mut bytes = [0u8; MADE];
        let start = prefix.len().min(MADE - TAIL);
        bytes[..start].copy_from_slice(&prefix.as_bytes()[..start]);
        spell(left, &mut bytes[start..start + TAIL / 2]);
        spell(right, &mut bytes[start + TAIL / 2..start + TAIL]);
        IdText(Text::Made { bytes, len: start + TAIL })
    }

    /// The row that `text` stands for, if this seed made it.
    #[must_use]
    pub fn row(&self, prefix: &str, text: &str) -> Option<u32> {
        if prefix.is_empty() {
            return self.numbered(text);
        }
        let tail = text.strip_prefix(prefix)?.as_bytes();
        if tail.len() != TAIL {
            return None;
        }
        let (mut left, mut right) = (read(&tail[..TAIL / 2])?, read(&tail[TAIL / 2..])?);
        for round in (0..ROUNDS).rev() {
            (left, right) = ((right + HALF - self.noise(left, round)) % HALF, left);
        }
        if left == 0 { u32::try_from(right).ok() } else { None }
    }

    fn noise(self, half: u64, round: u64) -> u64 {
        mix(self.seed ^ half.wrapping_add(round << 56)) % HALF
    }
}

/// Derives the seed of one part from the seed of the whole.
#[must_use]
pub fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = mix(seed ^ bytes.len() as u64);
    for byte in bytes {
        state = mix(state ^ u64::from(*byte));
    }
    state
}

/// The finaliser of `SplitMix64`: a cheap permutation of 64 bits that leaves no pattern.
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Eight digits in two fours: short divisions that do not wait for each other.
fn spell(value: u64, into: &mut [u8]) {
    let (high, low) = into.split_at_mut(TAIL / 4);
    spell_four(value / QUARTER, high);
    spell_four(value % QUARTER, low);
}

fn spell_four(value: u64, into: &mut [u8]) {
    // Below 36^4: fits.
    let mut value = u32::try_from(value).unwrap_or_default();
    for slot in into.iter_mut().rev() {
        *slot = ALPHABET[(value % 36) as usize];
        value /= 36;
    }
}

fn read(text: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for byte in text {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'z' => byte - b'a' + 10,
            _ => return None,
        };
        value = value * 36 + u64::from(digit);
    }
    Some(value)
}

/// An id as it goes over the wire. Costs no allocation unless a fixture named the row.
#[derive(Clone, PartialEq, Eq)]
pub struct IdText(Text);

#[derive(Clone, PartialEq, Eq)]
enum Text {
    Made { bytes: [u8; MADE], len: usize },
    Named(Arc<str>),
}

impl IdText {
    pub(crate) fn named(name: Arc<str>) -> Self {
        Self(Text::Named(name))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Made { bytes, len } => std::str::from_utf8(&bytes[..*len]).unwrap_or_default(),
            Text::Named(name) => name,
        }
    }
}

impl fmt::Display for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for IdText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_decode_to_their_row_and_only_under_their_seed() {
        let ids = Ids::new(42, "inv_");
        let other = Ids::new(43, "inv_");
        for row in (0..100_000).chain([u32::MAX - 1, u32::MAX]) {
            let text = ids.text("inv_", row);
            assert_eq!(text.as_str().len(), 20);
            assert_eq!(ids.row("inv_", text.as_str()), Some(row));
            assert_eq!(other.row("inv_", text.as_str()), None);
        }
        for wrong in ["inv_", "inv_0123", "cus_0123456789abcdef", "inv_0123456789abcdeF", "inv_0123456789abcdef"] {
            assert_eq!(ids.row("inv_", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numeric_ids_have_19_digits_grow_and_decode_to_their_row() {
        let (ids, other) = (Ids::new(42, "checkout"), Ids::new(42, "payment"));
        let mut before = String::new();
        for row in (0..10_000).chain([u32::MAX - 1, u32::MAX]) {
            let text = ids.text("", row).to_string();
            assert!(text.len() == 19 && text > before && text.parse::<i64>().is_ok(), "{text}");
            assert_eq!((ids.row("", &text), other.row("", &text)), (Some(row), None));
            before = text;
        }
        for wrong in ["", "1", "1653241101733169556", "+653241101733169556", "165324110173316955x"] {
            assert_eq!(ids.row("", wrong), None, "{wrong}");
        }
        assert_eq!(ids.row("", ids.unlisted("", 7).as_str()), None);
    }
}
