//! Faults on purpose: rules by which requests of a world are answered badly, late or not at all.
//!
//! Rules are a matter of the connection to a world, not of what is in it: a fork has none, and going back to a snapshot
//! leaves them. Chance is drawn from the world's seed, so that the same requests in the same order meet the same faults.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::time::{self, Timestamp};
use crate::world::{hash, matches};

/// The longest delay: beyond it clients have given up, and `hang` says what is meant.
const LATENCY_MOST: Duration = Duration::from_secs(60);
/// How many rules one world may have.
pub const RULES_MOST: usize = 100;

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injection {
    /// Refused with this status; nothing is done.
    Status(u16),
    /// Done and answered so much later.
    Latency(Duration),
    /// Neither done nor answered.
    Hang,
    /// The connection is reset; nothing is done.
    Reset,
    /// Done, and the connection ends in the middle of the answer.
    Truncate,
    /// Done, and the connection ends before the answer.
    LoseAnswer,
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status:{status}"),
            Self::Latency(latency) if latency.subsec_nanos() % 1_000_000 == 0 => {
                write!(f, "latency:{}ms", latency.as_millis())
            }
            Self::Latency(latency) => write!(f, "latency:{}ns", latency.as_nanos()),
            Self::Hang => f.write_str("hang"),
            Self::Reset => f.write_str("reset"),
            Self::Truncate => f.write_str("truncate"),
            Self::LoseAnswer => f.write_str("lose_answer"),
        }
    }
}

impl FromStr for Injection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "hang" => Ok(Self::Hang),
            None if text == "reset" => Ok(Self::Reset),
            None if text == "truncate" => Ok(Self::Truncate),
            None if text == "lose_answer" => Ok(Self::LoseAnswer),
            Some(("status", status)) => status
                .parse()
                .ok()
                .filter(|status| (400..=599).contains(status))
                .map(Self::Status)
                .ok_or_else(|| format!("{status:?} is no status of a refusal: 400 to 599")),
            Some(("latency", latency)) => time::duration(latency)
                .filter(|latency| *latency <= LATENCY_MOST)
                .map(Self::Latency)
                .ok_or_else(|| format!("{latency:?} is no delay such as 500ms or 2s, of at most 60s")),
            _ => Err(format!(
                "{text:?} is no fault: there are status:503, latency:2s, hang, reset, truncate and lose_answer"
            )),
        }
    }
}

/// Which requests something is done to.
#[derive(Debug, Clone, PartialEq)]
pub struct InjectionRule {
    /// Operation id, or the beginning of one before `*`.
    pub operation: Option<Box<str>>,
    /// Path below the mount, or the beginning of one before `*`.
    pub path: Option<Box<str>>,
    pub then: Injection,
    /// From 0, never, to 1, always.
    pub probability: f64,
    /// How many requests are left to it; `None`: no end.
    pub times: Option<u32>,
    /// When it ends, on the wall.
    pub until: Option<Timestamp>,
}

impl InjectionRule {
    /// One for all requests, always.
    #[must_use]
    pub fn new(then: Injection) -> Self {
        Self { operation: None, path: None, then, probability: 1.0, times: None, until: None }
    }

    fn is_about(&self, operation: Option<&str>, path: &str) -> bool {
        self.operation.as_deref().is_none_or(|wanted| operation.is_some_and(|id| matches(wanted, id)))
            && self.path.as_deref().is_none_or(|wanted| matches(wanted, path))
    }
}

/// Rules that belong together, by a name that says what they are like.
#[must_use]
pub fn profile(name: &str) -> Option<Vec<InjectionRule>> {
    let sometimes = |probability, then| InjectionRule { probability, ..InjectionRule::new(then) };
    Some(match name {
        "flaky" => vec![
            sometimes(0.05, Injection::Reset),
            sometimes(0.1, Injection::Status(503)),
            sometimes(0.05, Injection::LoseAnswer),
        ],
        "slow" => vec![InjectionRule::new(Injection::Latency(Duration::from_secs(2)))],
        "offline" => vec![InjectionRule::new(Injection::Reset)],
        "rate-limited" => vec![sometimes(0.5, Injection::Status(429))],
        _ => return None,
    })
}

/// The names of the profiles.
pub const PROFILES: [&str; 4] = ["flaky", "slow", "offline", "rate-limited"];

/// The rules of one world.
#[derive(Debug, Default)]
pub struct Injections {
    rules: Vec<(u32, InjectionRule)>,
    made: u32,
    /// How often chance was asked.
    drawn: u64,
}

impl Injections {
    /// The number of the new rule; `None` if there are too many.
    pub fn add(&mut self, rule: InjectionRule) -> Option<u32> {
        if self.rules.len() >= RULES_MOST {
            return None;
        }
        self.made += 1;
        self.rules.push((self.made, rule));
        Some(self.made)
    }

    /// Forgets a rule; whether there was one.
    pub fn remove(&mut self, number: u32) -> bool {
        let before = self.rules.len();
        self.rules.retain(|(kept, _)| *kept != number);
        self.rules.len() < before
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// Those that are not over, oldest first.
    pub fn rules(&self, wall: Timestamp) -> impl Iterator<Item = &(u32, InjectionRule)> {
        self.rules.iter().filter(move |(_, rule)| rule.until.is_none_or(|until| wall < until))
    }

    /// What the first rule that is about a request does to it, if chance is for it.
    pub fn draw(&mut self, seed: u64, operation: Option<&str>, path: &str, wall: Timestamp) -> Option<Injection> {
        self.rules.retain(|(_, rule)| rule.until.is_none_or(|until| wall < until));
        for place in 0..self.rules.len() {
            let (number, rule) = &mut self.rules[place];
            if !rule.is_about(operation, path) {
                continue;
            }
            let (number, then) = (*number, rule.then);
            if rule.probability < 1.0 {
                self.drawn += 1;
                let chance = hash(seed ^ self.drawn, &number.to_le_bytes());
                #[expect(clippy::cast_precision_loss, reason = "a chance needs no more than 52 bits")]
                let chance = (chance >> 12) as f64 / (1_u64 << 52) as f64;
                if chance >= rule.probability {
                    continue;
                }
            }
            if let Some(times) = &mut rule.times {
                *times -= 1;
                if *times == 0 {
                    self.rules.remove(place);
                }
            }
            return Some(then);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for text in ["status:503", "latency:250ms", "hang", "reset", "truncate", "lose_answer"] {
            assert_eq!(text.parse::<Injection>().map(|read| read.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("latency:2s".parse(), Ok(Injection::Latency(Duration::from_secs(2))));
        for wrong in ["status", "status:200", "status:x", "latency:2m", "latency:-1s", "explode", ""] {
            assert!(wrong.parse::<Injection>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rule_is_about_some_requests_for_some_time() {
        let now: Timestamp = "2028-02-29T00:00:00Z".parse().unwrap();
        let later: Timestamp = "2028-02-29T00:01:00Z".parse().unwrap();
        let mut all = Injections::default();
        let rule = InjectionRule {
            operation: Some("create*".into()),
            path: Some("/v0/customers".into()),
            times: Some(2),
            ..InjectionRule::new(Injection::LoseAnswer)
        };
        all.add(rule);
        all.add(InjectionRule { until: Some(later), ..InjectionRule::new(Injection::Hang) });
        let mut draw = |operation, path, at| all.draw(7, Some(operation), path, at);
        assert_eq!(draw("createCustomer", "/v0/customers", now), Some(Injection::LoseAnswer));
        assert_eq!(draw("getCustomer", "/v0/customers", now), Some(Injection::Hang));
        assert_eq!(draw("createCustomer", "/v0/plans", now), Some(Injection::Hang));
        assert_eq!(draw("createCustomer", "/v0/customers", later), Some(Injection::LoseAnswer));
        assert_eq!(draw("createCustomer", "/v0/customers", later), None);
        assert_eq!(all.rules(later).count(), 0);
    }

    #[test]
    fn chance_follows_from_the_seed() {
        let now: Timestamp = "2028-02-29T00:00:00Z".parse().unwrap();
        let run = |seed| {
            let mut all = Injections::default();
            all.add(InjectionRule { probability: 0.25, ..InjectionRule::new(Injection::Reset) });
            (0..4_000).map(|_| all.draw(seed, None, "/", now).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let hits = run(3).into_iter().filter(|hit| *hit).count();
        assert!((900..1_100).contains(&hits), "{hits}");
        for name in PROFILES {
            assert!(profile(name).is_some_and(|rules| !rules.is_empty()), "{name}");
        }
    }
}
