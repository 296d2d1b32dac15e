//! Cadences as people say them.

use super::Cadence;

impl Cadence {
    /// What follows "every": `month`, `3 months`, `1 month and 2 days`. Empty for a cadence without length.
    #[must_use]
    pub fn words(self) -> String {
        let month = if self.months.is_multiple_of(12) { (12, "year") } else { (1, "month") };
        let day = if self.days.is_multiple_of(7) { (7, "week") } else { (1, "day") };
        let second = match self.seconds {
            seconds if seconds.is_multiple_of(3_600) => (3_600, "hour"),
            seconds if seconds.is_multiple_of(60) => (60, "minute"),
            _ => (1, "second"),
        };
        let parts = [(self.months, month), (self.days, day), (self.seconds, second)];
        let parts: Vec<(u32, &str)> =
            parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, (size, unit))| (n / size, unit)).collect();
        if let [(1, unit)] = parts[..] {
            return unit.to_owned();
        }
        let said = parts.iter().map(|(n, unit)| format!("{n} {unit}{}", if *n == 1 { "" } else { "s" }));
        said.collect::<Vec<_>>().join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_whole_unit_is_named() {
        for (cadence, words) in [
            ("P1M", "month"),
            ("P3M", "3 months"),
            ("P12M", "year"),
            ("P18M", "18 months"),
            ("P7D", "week"),
            ("P30D", "30 days"),
            ("PT1H", "hour"),
            ("PT90M", "90 minutes"),
            ("PT1S", "second"),
            ("P1M2D", "1 month and 2 days"),
            ("P0D", ""),
        ] {
            assert_eq!(Cadence::parse(cadence).expect("a cadence").words(), words, "{cadence}");
        }
    }
}
