//! What bodies share: the envelope, pages, amounts, instants, addresses.
//!
//! Facts: paymennt §1.4 (envelope), §1.7 (pages), §1.8 (dates, amounts), §2.0 (shared objects).

use std::fmt::{self, Write as _};
use std::str::FromStr as _;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

use crate::api::{Call, Fault, Reply};
use crate::billing::money::exact;
use crate::contract::Violation;
use crate::time::Timestamp;
use crate::world::hash;

/// Decimals of every amount, whatever its currency (§1.8).
const DECIMALS: u32 = 2;

#[derive(Serialize)]
struct Envelope<T> {
    success: bool,
    /// Milliseconds that the answer took. No answer from memory takes one.
    elapsed: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `{success, elapsed, result}`.
pub fn ok(result: impl Serialize) -> Reply {
    Reply::ok(&Envelope { success: true, elapsed: 0, result: Some(result), error: None })
}

/// `{success, elapsed}`: where the official client falls back to `success` (§4).
pub fn done() -> Reply {
    Reply::ok(&Envelope::<()> { success: true, elapsed: 0, result: None, error: None })
}

/// `{success, elapsed, error}`.
pub fn refused(status: u16, error: String) -> Reply {
    Reply::json(status, &Envelope::<()> { success: false, elapsed: 0, result: None, error: Some(error) })
}

#[derive(Deserialize)]
struct Asked {
    page: usize,
    size: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    page: usize,
    size: usize,
    total_pages: usize,
    total_elements: usize,
    content: Vec<T>,
}

/// One page of rows, which are shown only where they stand on it.
pub fn page<R, T: Serialize>(
    call: &Call,
    rows: impl Iterator<Item = R>,
    show: impl Fn(R) -> T,
) -> Result<Reply, Fault> {
    let Asked { page, size } = call.filter()?;
    let (content, total_elements) = cut(page, size, rows, show);
    Ok(ok(Page { page, size, total_pages: total_elements.div_ceil(size), total_elements, content }))
}

/// The rows of one page as a bare list: what the nouns answer that are not paged (§1.7).
pub fn array<R, T: Serialize>(
    call: &Call,
    rows: impl Iterator<Item = R>,
    show: impl Fn(R) -> T,
) -> Result<Reply, Fault> {
    let Asked { page, size } = call.filter()?;
    Ok(ok(cut(page, size, rows, show).0))
}

fn cut<R, T>(page: usize, size: usize, rows: impl Iterator<Item = R>, show: impl Fn(R) -> T) -> (Vec<T>, usize) {
    let first = page.saturating_mul(size);
    let (mut total, mut content) = (0, Vec::new());
    for row in rows {
        if total >= first && content.len() < size {
            content.push(show(row));
        }
        total += 1;
    }
    (content, total)
}

/// An amount in major units, a JSON number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(pub Decimal);

impl Amount {
    /// The same, if it has no more decimals than can be paid.
    pub fn checked(self, pointer: &str) -> Result<Decimal, Fault> {
        if self.0.normalize().scale() <= DECIMALS {
            return Ok(self.0);
        }
        let message = format!("{self} has more than {DECIMALS} decimals");
        Err(Fault::field(pointer, "decimals", message))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&exact(self.0))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_integer().then(|| self.0.to_i64()).flatten() {
            Some(whole) => serializer.serialize_i64(whole),
            None => serializer.serialize_f64(self.0.to_f64().unwrap_or_default()),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Number::deserialize(deserializer)?.to_string();
        let number = Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text));
        match number {
            // Finer than can be held, and so than can be paid: what is left of it still has too many decimals.
            Err(rust_decimal::Error::ScaleExceedsMaximumPrecision(_)) => Ok(Self(Decimal::new(1, Decimal::MAX_SCALE))),
            number => number.map(Self).map_err(serde::de::Error::custom),
        }
    }
}

/// An instant as this vendor writes it: `2021-12-21T08:46:37.059+00:00`.
#[derive(Debug, Clone, Copy)]
pub struct Stamp(pub Timestamp);

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.civil().strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00"))
    }
}

/// An instant of a query: with a space or a `T` between date and time, in UTC unless it says otherwise.
pub fn instant(call: &Call, name: &str) -> Result<Option<Timestamp>, Fault> {
    let Some(text) = call.query.get(name).and_then(Value::as_str) else { return Ok(None) };
    let joined = text.trim().replace(' ', "T");
    let civil = || joined.parse::<jiff::civil::DateTime>().ok().and_then(Timestamp::from_civil);
    joined.parse().ok().or_else(civil).map(Some).ok_or_else(|| {
        let message = format!("{text:?} is no instant: send 2021-12-21 08:46:37");
        Fault::violations(vec![Violation::query(name, "format", message)])
    })
}

/// The values between the commas of a filter, each of which must be one that there is. Case does not matter.
pub fn listed<'q>(call: &'q Call, name: &str, known: &[&str]) -> Result<Option<Vec<&'q str>>, Fault> {
    let Some(text) = call.query.get(name).and_then(Value::as_str) else { return Ok(None) };
    let values: Vec<&str> = text.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
    let unknown = |value: &&&str| !known.iter().any(|known| known.eq_ignore_ascii_case(value));
    match values.iter().find(unknown) {
        None => Ok(Some(values)),
        Some(value) => {
            let message = format!("{value:?} is none of {}", known.join(", "));
            Err(Fault::violations(vec![Violation::query(name, "enum", message)]))
        }
    }
}

/// Where somebody lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    pub name: Box<str>,
    pub address1: Box<str>,
    pub address2: Option<Box<str>>,
    pub city: Box<str>,
    pub state: Option<Box<str>>,
    pub zip: Option<Box<str>>,
    pub country: Box<str>,
    /// An artefact of the vendor's serialiser (§2.0): what is there is set.
    #[serde(default = "yes", deserialize_with = "set")]
    pub set: bool,
}

fn yes() -> bool {
    true
}

fn set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    bool::deserialize(deserializer).map(|_| true)
}

/// One thing that is paid for.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Item {
    pub name: Box<str>,
    pub quantity: Amount,
    pub linetotal: Amount,
}

/// What an amount is made of.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    subtotal: Amount,
    tax: Amount,
    #[serde(default)]
    shipping: Amount,
    #[serde(default)]
    handling: Amount,
    #[serde(default)]
    discount: Amount,
    #[serde(default = "yes")]
    skip_totals_validation: bool,
}

impl Totals {
    /// `amount = subtotal + tax + shipping + handling − discount`, where somebody wants that checked (§2.0).
    pub fn check(&self, amount: Decimal, pointer: &str) -> Result<(), Fault> {
        let sum = self.subtotal.0 + self.tax.0 + self.shipping.0 + self.handling.0 - self.discount.0;
        if self.skip_totals_validation || sum == amount {
            return Ok(());
        }
        let message = format!(
            "come to {} (subtotal + tax + shipping + handling - discount), not to the amount {}; \
             skipTotalsValidation: true leaves that unchecked",
            Amount(sum),
            Amount(amount)
        );
        Err(Fault::field(pointer, "totals", message))
    }

    /// What is added to the items and taken from them, for the bill.
    pub fn sums(&self) -> Vec<(&'static str, Decimal)> {
        let parts = [
            ("Subtotal", self.subtotal.0),
            ("Tax", self.tax.0),
            ("Shipping", self.shipping.0),
            ("Handling", self.handling.0),
            ("Discount", -self.discount.0),
        ];
        parts.into_iter().filter(|(_, amount)| !amount.is_zero()).collect()
    }
}

/// The words of the key in a page's address: 48 digits of sixteen (§1.6).
pub const KEY_WORDS: u8 = 3;

/// Digits of sixteen that follow from a seed, 16 for each word.
pub fn hex(seed: u64, words: u8) -> String {
    (0..words).fold(String::new(), |mut text, place| {
        // Writing to memory cannot fail.
        let _ = write!(text, "{:016x}", hash(seed, &[place]));
        text
    })
}

const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// 36^6: how many display ids there are.
const DISPLAY_IDS: u64 = 2_176_782_336;
/// Prime to 36, so that every row has a display id of its own.
const STRIDE: u64 = 1_073_741_827;

/// Six capitals and digits, another six for each row.
pub fn display_id(seed: u64, row: u32) -> String {
    let mut rest = (seed % DISPLAY_IDS + u64::from(row) * STRIDE % DISPLAY_IDS) % DISPLAY_IDS;
    let mut letters = [0; 6];
    for letter in &mut letters {
        *letter = LETTERS[usize::try_from(rest % 36).unwrap_or_default()];
        rest /= 36;
    }
    letters.iter().map(|letter| char::from(*letter)).collect()
}
