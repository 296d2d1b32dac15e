//! The states of a subscription and the documented moves between them (facts: paylera §2.4).

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    PendingActivation,
    Trialing,
    Active,
    PastDue,
    Paused,
    Canceled,
    Ended,
    IncompleteExpired,
}

impl Status {
    const MOVES: &[(Self, Self)] = &[
        (Self::PendingActivation, Self::Trialing),
        (Self::PendingActivation, Self::Active),
        (Self::PendingActivation, Self::IncompleteExpired),
        (Self::Trialing, Self::Active),
        (Self::Trialing, Self::Canceled),
        (Self::Active, Self::PastDue),
        (Self::Active, Self::Paused),
        (Self::Active, Self::Canceled),
        (Self::Active, Self::Ended),
        (Self::PastDue, Self::Active),
        (Self::PastDue, Self::Canceled),
        (Self::PastDue, Self::Paused),
        (Self::Paused, Self::Active),
        (Self::Paused, Self::Canceled),
    ];

    pub fn may_become(self, to: Self) -> bool {
        Self::MOVES.contains(&(self, to))
    }

    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Canceled | Self::Ended | Self::IncompleteExpired)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::PendingActivation => "pending_activation",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
            Self::Ended => "ended",
            Self::IncompleteExpired => "incomplete_expired",
        }
    }
}
