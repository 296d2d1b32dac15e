//! Allowances: what of some usage grants cover, and what goes beyond.
//!
//! Purpose: run an account of grants forward over usage, from reset to reset. All follows from the grants, the usage
//! and an instant: any instant can be asked for, and an event that comes late is counted as if it had come in time.
//!
//! facts: paygentic-behaviour §2.10 (burn order; what is carried over a reset; overage). That a grant covers nothing
//! that was used before it took effect, and that rollover is worked out grant by grant, is inferred.

use rust_decimal::Decimal;

use super::money::sum;
use super::period::{Window, first_window};
use crate::time::{Grid, Timestamp};

/// The documented cap that stands for none.
pub const UNLIMITED: Decimal = Decimal::from_parts(3_567_587_327, 232, 0, false, 0);

/// Some units that may be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// How many; of a recurring one, at each reset.
    pub amount: Decimal,
    /// From when it takes effect until it expires or is voided.
    pub life: Window,
    /// Issued again at every reset.
    pub recurring: bool,
    pub resets: Resets,
    /// Lower ones are used first.
    pub priority: i32,
    /// Among equals, what expires first is used first. Not the end of `life`: what is voided later was used in its
    /// turn before.
    pub expires_at: Option<Timestamp>,
    /// What a reset leaves of it at least and at most.
    pub rollover: (Decimal, Decimal),
}

/// When a grant is rolled over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resets {
    /// With its account.
    Shared,
    /// At instants of its own.
    Own(Grid),
    Never,
}

/// Grants and when they are reset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    life: Window,
    resets: Option<Grid>,
    keeps_overage: bool,
    /// In burn order.
    grants: Vec<Grant>,
    /// The resets of single grants.
    own: Vec<Grid>,
}

/// What a meter drew from an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drawn {
    /// Usage that grants covered.
    pub covered: Decimal,
    /// Usage beyond them.
    pub overage: Decimal,
}

/// How an account stands at an instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// What may still be used.
    pub balance: Decimal,
    /// What was used since the last reset.
    pub usage: Decimal,
    /// What went beyond the grants since then, and what was kept of earlier overage.
    pub overage: Decimal,
    /// From the last reset to the next; the whole life where there are no resets.
    pub period: Window,
    /// Meter by meter, what was drawn in the window that was asked about.
    pub drawn: Vec<Drawn>,
}

/// An account on its way through time.
struct Run<'a> {
    account: &'a Account,
    balances: Vec<Decimal>,
    overage: Decimal,
}

impl Account {
    /// An account that is open for `life`. Of equal grants the one that comes first is used first.
    #[must_use]
    pub fn new(life: Window, resets: Option<Grid>, keeps_overage: bool, mut grants: Vec<Grant>) -> Self {
        for grant in &mut grants {
            grant.life.start = grant.life.start.max(life.start);
        }
        grants.sort_by_key(|grant| (grant.priority, grant.expires_at.unwrap_or(Timestamp::MAX)));
        let mut own = Vec::new();
        for grant in &grants {
            if let Resets::Own(grid) = grant.resets
                && !own.contains(&grid)
            {
                own.push(grid);
            }
        }
        Self { life, resets, keeps_overage, grants, own }
    }

    /// Runs the account from its opening to just before `until`; `window` says whose usage `drawn` is about. `count`
    /// tells what a meter makes of the events in a window.
    pub fn statement<M>(
        &self,
        meters: &[M],
        until: Timestamp,
        window: Window,
        count: impl Fn(&M, Window) -> Decimal,
    ) -> Statement {
        let until = until.min(self.life.end);
        let mut run = Run { account: self, balances: vec![Decimal::ZERO; self.grants.len()], overage: Decimal::ZERO };
        let mut drawn = vec![Drawn::default(); meters.len()];
        let mut period = self.period(self.life.start);
        loop {
            // A meter need not add up (MAX, UNIQUE_COUNT): what it shows more since the last look is what was used.
            let mut counted = vec![Decimal::ZERO; meters.len()];
            let mut start = period.start;
            for end in self.cuts(period, until, window) {
                run.turn_to(start, start == period.start && start > self.life.start);
                for ((meter, counted), drawn) in meters.iter().zip(&mut counted).zip(&mut drawn) {
                    let total = count(meter, Window { start: period.start, end }).max(*counted);
                    let used = total.saturating_sub(std::mem::replace(counted, total));
                    let beyond = run.burn(used);
                    if window.contains(start) {
                        drawn.covered = drawn.covered.saturating_add(used.saturating_sub(beyond));
                        drawn.overage = drawn.overage.saturating_add(beyond);
                    }
                }
                start = end;
            }
            if period.end >= until {
                let balance = sum(run.balances);
                return Statement { balance, usage: sum(counted), overage: run.overage, period, drawn };
            }
            period = self.period(period.end);
        }
    }

    /// From one reset to the next, around `at`.
    fn period(&self, at: Timestamp) -> Window {
        let Some(grid) = self.resets else { return self.life };
        let (_, full) = first_window(grid, at);
        Window { start: full.start.max(self.life.start), end: full.end }
    }

    /// The ends of the spans within a period in which no grant begins, ends or is reset, up to `until`.
    fn cuts(&self, period: Window, until: Timestamp, window: Window) -> Vec<Timestamp> {
        let end = period.end.min(until);
        if end <= period.start {
            return Vec::new();
        }
        let edges = self.grants.iter().map(|grant| grant.life).chain([window]);
        let inside = edges.flat_map(|edge| [edge.start, edge.end]).filter(|at| period.start < *at && *at < end);
        let resets = self.own.iter().flat_map(|grid| {
            let boundaries = (grid.index_at(period.start) + 1..).map_while(move |n| grid.boundary(n));
            boundaries.take_while(|at| *at < end)
        });
        let mut cuts: Vec<Timestamp> = inside.chain(resets).chain([end]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}

impl Run<'_> {
    /// What an instant does to the grants: some end, a reset rolls them over, some begin.
    fn turn_to(&mut self, at: Timestamp, reset: bool) {
        for (grant, balance) in self.account.grants.iter().zip(&mut self.balances) {
            if !grant.life.contains(at) {
                *balance = Decimal::ZERO;
                continue;
            }
            let begins = grant.life.start == at;
            let reset = match grant.resets {
                Resets::Shared => reset,
                Resets::Own(grid) => grid.is_boundary(at),
                Resets::Never => false,
            };
            if reset && !begins {
                let (least, most) = grant.rollover;
                *balance = (*balance).min(most).max(least);
            }
            if begins || (reset && grant.recurring) {
                *balance = balance.saturating_add(grant.amount);
            }
        }
        if reset {
            let owed = std::mem::take(&mut self.overage);
            if self.account.keeps_overage {
                self.burn(owed);
            }
        }
    }

    /// Takes units from the grants in their order; what they do not cover is overage, and is returned.
    fn burn(&mut self, units: Decimal) -> Decimal {
        let mut left = units;
        for balance in &mut self.balances {
            let taken = left.min(*balance);
            *balance -= taken;
            left -= taken;
        }
        self.overage = self.overage.saturating_add(left);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Cadence;

    const NO_WINDOW: Window = Window { start: Timestamp::MIN, end: Timestamp::MIN };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn units(n: i64) -> Decimal {
        Decimal::from(n)
    }

    fn year() -> Window {
        Window { start: at("2028-01-01T00:00:00Z"), end: at("2029-01-01T00:00:00Z") }
    }

    fn monthly() -> Grid {
        Grid { anchor: year().start, cadence: Cadence::months(1) }
    }

    fn grant(amount: i64) -> Grant {
        let rollover = (Decimal::ZERO, UNLIMITED);
        let (life, resets) = (year(), Resets::Shared);
        Grant { amount: units(amount), life, recurring: false, resets, priority: 0, expires_at: None, rollover }
    }

    fn recurring(amount: i64, least: i64, most: i64) -> Grant {
        Grant { recurring: true, rollover: (units(least), units(most)), ..grant(amount) }
    }

    /// Balance, usage and overage at an instant, of events of a day and a number of units.
    fn stands(account: &Account, used: &[(&str, i64)], when: &str) -> (i64, i64, i64) {
        let statement = account.statement(&[()], at(when), NO_WINDOW, |(), window| total(used, window));
        let whole = |amount: Decimal| i64::try_from(amount).unwrap();
        (whole(statement.balance), whole(statement.usage), whole(statement.overage))
    }

    fn total(used: &[(&str, i64)], window: Window) -> Decimal {
        used.iter().filter(|(day, _)| window.contains(at(day))).map(|(_, n)| units(*n)).sum()
    }

    #[test]
    fn the_cap_that_stands_for_none_is_the_documented_one() {
        assert_eq!(UNLIMITED, units(999_999_999_999));
    }

    #[test]
    fn a_reset_carries_what_the_caps_allow_and_issues_anew() {
        let used = [("2028-01-10T00:00:00Z", 700), ("2028-02-10T00:00:00Z", 1_000)];
        // 1000 a month; 300 are left of January, 200 may be carried, 50 are carried in any case.
        let account = |least, most| Account::new(year(), Some(monthly()), false, vec![recurring(1_000, least, most)]);
        assert_eq!(stands(&account(50, 200), &used, "2028-02-01T00:00:00Z"), (300, 700, 0));
        assert_eq!(stands(&account(50, 200), &used, "2028-02-01T00:00:00.001Z"), (1_200, 0, 0));
        assert_eq!(stands(&account(50, 200), &used, "2028-03-01T00:00:00Z"), (200, 1_000, 0));
        assert_eq!(stands(&account(0, 0), &used, "2028-02-02T00:00:00Z"), (1_000, 0, 0));
        assert_eq!(stands(&account(0, 0), &used, "2028-03-02T00:00:00Z"), (1_000, 0, 0));
        assert_eq!(stands(&account(50, 60), &used, "2028-04-02T00:00:00Z"), (1_060, 0, 0));
        // The least is given even where nothing is left.
        let empty = [("2028-01-10T00:00:00Z", 5_000)];
        assert_eq!(stands(&account(50, 200), &empty, "2028-02-02T00:00:00Z"), (1_050, 0, 0));
    }

    #[test]
    fn overage_is_dropped_at_a_reset_unless_it_is_kept() {
        let used = [("2028-01-10T00:00:00Z", 1_300), ("2028-02-10T00:00:00Z", 900)];
        let account = |keeps| Account::new(year(), Some(monthly()), keeps, vec![recurring(1_000, 0, 0)]);
        assert_eq!(stands(&account(false), &used, "2028-01-31T00:00:00Z"), (0, 1_300, 300));
        assert_eq!(stands(&account(false), &used, "2028-02-20T00:00:00Z"), (100, 900, 0));
        assert_eq!(stands(&account(true), &used, "2028-02-02T00:00:00Z"), (700, 0, 0));
        assert_eq!(stands(&account(true), &used, "2028-02-20T00:00:00Z"), (0, 900, 200));
    }

    #[test]
    fn grants_burn_by_priority_then_expiry_then_age() {
        let until = |day: &str| (Window { end: at(day), ..year() }, Some(at(day)));
        let with = |amount, priority, (life, expires_at)| Grant { life, priority, expires_at, ..grant(amount) };
        let never = (year(), None);
        // Made in this order; used: 8 (first by priority), 4 (March), 2 (June), 1 (no expiry, older), 16.
        let grants = vec![
            with(1, 0, never),
            with(2, 0, until("2028-06-01T00:00:00Z")),
            with(4, 0, until("2028-03-01T00:00:00Z")),
            with(8, -1, never),
            with(16, 0, never),
        ];
        let account = Account::new(year(), None, false, grants);
        let left = |n| {
            let day = "2028-01-02T00:00:00Z";
            // What has not expired by July tells which grants were used.
            [day, "2028-04-01T00:00:00Z", "2028-07-01T00:00:00Z"].map(|when| stands(&account, &[(day, n)], when).0)
        };
        assert_eq!(left(0), [31, 27, 25]);
        assert_eq!(left(8), [31, 19, 17], "priority first");
        assert_eq!(left(12), [31, 19, 17], "then what expires first");
        assert_eq!(left(14), [31, 17, 17], "then what expires next");
        assert_eq!(left(15), [31, 16, 16], "then the oldest");
        assert_eq!(left(40), [31, 0, 0]);
    }

    #[test]
    fn a_grant_covers_nothing_before_it_takes_effect_or_after_it_ends() {
        let life = Window { start: at("2028-01-15T00:00:00Z"), end: at("2028-02-15T00:00:00Z") };
        let account = Account::new(year(), None, false, vec![Grant { life, ..grant(100) }]);
        let used = [("2028-01-10T00:00:00Z", 30), ("2028-01-20T00:00:00Z", 60), ("2028-02-20T00:00:00Z", 5)];
        assert_eq!(stands(&account, &used, "2028-01-15T00:00:00Z"), (0, 30, 30));
        assert_eq!(stands(&account, &used, "2028-02-01T00:00:00Z"), (40, 90, 30));
        assert_eq!(stands(&account, &used, "2028-03-01T00:00:00Z"), (0, 95, 35));
        // Nothing goes on after the end of the account.
        assert_eq!(stands(&account, &used, "2030-01-01T00:00:00Z"), (0, 95, 35));
    }

    #[test]
    fn what_a_window_drew_is_told_meter_by_meter_across_resets() {
        let weekly = Grid { cadence: Cadence::days(7), ..monthly() };
        let account = Account::new(year(), Some(weekly), false, vec![recurring(10, 0, 0)]);
        let meters = [
            [("2028-01-02T00:00:00Z", 8), ("2028-01-09T00:00:00Z", 4)],
            [("2028-01-03T00:00:00Z", 5), ("2028-02-03T00:00:00Z", 50)],
        ];
        let january = Window { end: at("2028-02-01T00:00:00Z"), ..year() };
        let statement = account.statement(&meters, january.end, january, |used, window| total(used.as_slice(), window));
        let drawn = |covered, overage| Drawn { covered: units(covered), overage: units(overage) };
        assert_eq!(statement.drawn, [drawn(12, 0), drawn(2, 3)]);
    }

    #[test]
    fn grants_of_one_account_are_reset_each_in_its_own_time() {
        let weekly = Resets::Own(Grid { cadence: Cadence::days(7), ..monthly() });
        let grants = vec![
            Grant { resets: weekly, ..recurring(10, 0, 0) },
            recurring(100, 0, 5),
            Grant { resets: Resets::Never, rollover: (Decimal::ZERO, Decimal::ZERO), ..grant(1_000) },
        ];
        let account = Account::new(year(), Some(monthly()), false, grants);
        // 30 are used: the 10 of the first week, then 20 of the month.
        let used = [("2028-01-02T00:00:00Z", 30)];
        assert_eq!(stands(&account, &used, "2028-01-07T00:00:00Z"), (1_080, 30, 0));
        assert_eq!(stands(&account, &used, "2028-01-08T00:00:00.001Z"), (1_090, 30, 0), "a week is issued anew");
        // February: 5 of the month are carried; the last week began on 29 January.
        assert_eq!(stands(&account, &used, "2028-02-01T00:00:00.001Z"), (1_115, 0, 0));
        assert_eq!(stands(&account, &used, "2028-02-05T00:00:00.001Z"), (1_115, 0, 0));
    }

    #[test]
    fn a_peak_is_drawn_once() {
        let account = Account::new(
            year(),
            Some(monthly()),
            false,
            vec![
                recurring(10, 0, 0),
                Grant { life: Window { start: at("2028-01-15T00:00:00Z"), ..year() }, ..grant(1) },
            ],
        );
        let seats = [("2028-01-02T00:00:00Z", 12), ("2028-01-20T00:00:00Z", 9), ("2028-01-25T00:00:00Z", 14)];
        let peak = |window: Window| {
            seats.iter().filter(|(day, _)| window.contains(at(day))).map(|(_, n)| units(*n)).max().unwrap_or_default()
        };
        let statement = account.statement(&[()], at("2028-01-31T00:00:00Z"), year(), |(), window| peak(window));
        assert_eq!((statement.balance, statement.usage, statement.overage), (units(0), units(14), units(3)));
    }
}
