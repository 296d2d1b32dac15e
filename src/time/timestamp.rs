//! An instant: whole milliseconds since 1970, eight bytes.
//!
//! Vendors' APIs speak milliseconds, and a world holds a dozen instants an invoice, so this is half the size
//! of [`jiff::Timestamp`] and prints without its formatting machinery. Calendars stay jiff's business.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const DAY_MILLIS: i64 = 86_400_000;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// An instant in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    millis: i64,
}

impl Timestamp {
    /// The first instant of the calendar: jiff's, which leaves room for every offset.
    pub const MIN: Self = Self { millis: -377_705_023_201_000 };
    /// The last whole millisecond of the calendar.
    pub const MAX: Self = Self { millis: 253_402_207_200_999 };
    /// 0001-01-01T00:00:00Z.
    pub const YEAR_ONE: Self = Self { millis: -62_135_596_800_000 };
    pub const UNIX_EPOCH: Self = Self { millis: 0 };

    /// What a calendar knows, to the millisecond below.
    #[must_use]
    pub fn of(instant: jiff::Timestamp) -> Self {
        let below = i64::from(instant.subsec_nanosecond() < 0 && instant.subsec_nanosecond() % 1_000_000 != 0);
        Self { millis: (instant.as_millisecond() - below).max(Self::MIN.millis) }
    }

    /// So many seconds after 1970; `None` outside the calendar.
    #[must_use]
    pub fn from_second(second: i64) -> Option<Self> {
        Self { millis: second.checked_mul(1_000)? }.in_calendar()
    }

    /// Seconds since 1970, rounded down.
    #[must_use]
    pub fn second(self) -> i64 {
        self.millis.div_euclid(1_000)
    }

    /// This instant moved by so many milliseconds; `None` outside the calendar.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Option<Self> {
        Self { millis: self.millis.checked_add(millis)? }.in_calendar()
    }

    /// Milliseconds from `earlier` to this instant.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.millis - earlier.millis
    }

    /// Date and time of day in UTC.
    #[must_use]
    pub fn civil(self) -> DateTime {
        Offset::UTC.to_datetime(self.calendar())
    }

    /// The instant of a date and time in UTC; `None` outside the calendar.
    #[must_use]
    pub fn from_civil(civil: DateTime) -> Option<Self> {
        Offset::UTC.to_timestamp(civil).ok().map(Self::of)
    }

    /// Midnight UTC of a date.
    #[must_use]
    pub fn midnight(date: Date) -> Option<Self> {
        Self::from_second(date.duration_since(EPOCH).as_secs())
    }

    /// The date in UTC, and the milliseconds since its midnight.
    #[must_use]
    pub fn split(self) -> (Date, i64) {
        (self.civil().date(), self.millis.rem_euclid(DAY_MILLIS))
    }

    fn calendar(self) -> jiff::Timestamp {
        let nanos = i32::try_from(self.millis.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
        jiff::Timestamp::new(self.second(), nanos).unwrap_or_default()
    }

    fn in_calendar(self) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&self).then_some(self)
    }

    /// `2028-01-31T00:00:00Z`, with milliseconds where they are not zero; how many bytes of it are used.
    fn write(self, text: &mut [u8; TEXT]) -> Option<usize> {
        let civil = self.civil();
        let year = u32::try_from(civil.year()).ok()?;
        let small = |value: i8| u32::from(value.unsigned_abs());
        digits(&mut text[0..4], year);
        text[4] = b'-';
        digits(&mut text[5..7], small(civil.month()));
        text[7] = b'-';
        digits(&mut text[8..10], small(civil.day()));
        text[10] = b'T';
        digits(&mut text[11..13], small(civil.hour()));
        text[13] = b':';
        digits(&mut text[14..16], small(civil.minute()));
        text[16] = b':';
        digits(&mut text[17..19], small(civil.second()));
        let millis = self.millis.rem_euclid(1_000);
        if millis == 0 {
            text[19] = b'Z';
            return Some(20);
        }
        text[19] = b'.';
        digits(&mut text[20..23], u32::try_from(millis).unwrap_or_default());
        text[23] = b'Z';
        Some(TEXT)
    }

    fn with_text<R>(self, show: impl FnOnce(&str) -> R) -> R {
        let mut text = [0; TEXT];
        match self.write(&mut text).and_then(|len| std::str::from_utf8(&text[..len]).ok()) {
            Some(text) => show(text),
            // Years before 0 need a sign and six digits: nobody's fast path.
            None => show(&self.calendar().to_string()),
        }
    }
}

/// The longest form: `2028-01-31T00:00:00.000Z`.
const TEXT: usize = 24;

fn digits(text: &mut [u8], mut value: u32) {
    for slot in text.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

/// Reads RFC 3339 with any offset; parts of a millisecond are dropped.
impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self::of)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_jiff_does_to_the_millisecond() {
        for text in [
            "2028-02-29T23:59:59Z",
            "2028-02-29T23:59:59.007Z",
            "1969-12-31T23:59:59.5Z",
            "0001-01-01T00:00:00Z",
            "9999-12-30T22:00:00.999Z",
        ] {
            let jiff: jiff::Timestamp = text.parse().unwrap();
            let ours: Timestamp = text.parse().unwrap();
            let printed = ours.to_string();
            assert_eq!(printed.parse::<jiff::Timestamp>().unwrap(), jiff, "{text}");
            assert_eq!(printed.parse::<Timestamp>().unwrap(), ours);
        }
        assert_eq!(
            "2028-01-31T02:00:00.7509+02:00".parse::<Timestamp>().unwrap().to_string(),
            "2028-01-31T00:00:00.750Z"
        );
        assert_eq!("1969-12-31T23:59:59.9999Z".parse::<Timestamp>().unwrap().to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!("-000001-01-01T00:00:00Z".parse::<Timestamp>().unwrap().to_string(), "-000001-01-01T00:00:00Z");
        assert_eq!(size_of::<Option<Timestamp>>(), 16);
    }

    #[test]
    fn stays_within_the_calendar() {
        assert_eq!(Timestamp::MIN.millis, jiff::Timestamp::MIN.as_millisecond());
        assert_eq!(Timestamp::MAX.millis, jiff::Timestamp::MAX.as_millisecond());
        assert_eq!("0001-01-01T00:00:00Z".parse::<Timestamp>().unwrap(), Timestamp::YEAR_ONE);
        assert_eq!(Timestamp::MAX.plus_millis(1), None);
        assert_eq!(Timestamp::MIN.plus_millis(-1), None);
        assert_eq!(Timestamp::from_second(i64::MAX), None);
        assert_eq!(Timestamp::from_second(-1).map(Timestamp::second), Some(-1));
        assert_eq!(Timestamp::from_civil(Timestamp::MAX.civil()), Some(Timestamp::MAX));
    }
}
