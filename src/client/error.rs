//! What can go wrong between a test and its sandbox, said so that the test's output is enough.

use std::fmt;

use serde_json::Value;

/// Why a client has not got what it asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// Nobody answered, or not to the end.
    NoAnswer {
        /// The sandbox that was asked.
        url: String,
        /// What was asked, and what came instead.
        reason: String,
    },
    /// The sandbox, or the vendor's API in it, said no.
    Refused(Refusal),
    /// What was expected has not come. Says what did.
    Unmet(String),
    /// An answer that this version does not understand.
    Strange(String),
    /// What was asked makes no sense. Says what would.
    Misused(String),
}

/// A refusal, as it was answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Refusal {
    /// `POST /_leapday/clock`
    pub request: String,
    /// From 400 on.
    pub status: u16,
    /// What was wrong, with all details.
    pub message: String,
    /// The whole answer.
    pub body: Value,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer { url, reason } => write!(f, "no sandbox answers at {url}: {reason}"),
            Self::Refused(Refusal { request, status, message, .. }) => {
                write!(f, "{request} was refused with {status}: {message}")
            }
            Self::Unmet(what) | Self::Strange(what) | Self::Misused(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// The refusal of the control API or of a vendor's.
    pub(crate) fn refused(request: String, answer: super::Answer) -> Self {
        let status = answer.status;
        let message =
            match (answer.body["message"].as_str(), &answer.body["violations"], answer.header("leapday-violation")) {
                // The control API says all violations in its body.
                (Some(message), Value::Array(violations), _) => {
                    let details: Vec<&str> = violations.iter().filter_map(|one| one["message"].as_str()).collect();
                    if details.is_empty() { message.to_owned() } else { format!("{message}: {}", details.join("; ")) }
                }
                (_, _, Some(teaching)) => format!("{teaching}\n{}", answer.body),
                _ => answer.body.to_string(),
            };
        Self::Refused(Refusal { request, status, message, body: answer.body })
    }
}
