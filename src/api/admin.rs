//! Who may list, name and open the worlds of others.

use std::fmt;

use crate::world::sha256;

/// The header that the token is sent in.
pub const ADMIN_HEADER: &str = "leapday-admin-token";
/// How long a token is, that it may be sent and not be guessed.
const LETTERS: std::ops::RangeInclusive<usize> = 8..=200;
/// The bytes of a token that is made here: 128 bits.
const MADE: usize = 16;

/// What the sandbox asks of those who want to know of worlds whose key they do not send.
#[derive(Clone)]
pub enum Admin {
    /// Nothing: nobody but this machine reaches it.
    Local,
    /// A token; what is kept of it is its digest.
    Token(String),
    /// Nothing, whoever reaches it.
    Open,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "Local",
            Self::Token(_) => "Token",
            Self::Open => "Open",
        })
    }
}

impl Admin {
    /// # Errors
    /// If the token cannot be sent in a header, or is too short to be one.
    pub fn token(token: &str) -> Result<Self, String> {
        if !LETTERS.contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("takes {} to {} letters, digits and signs", LETTERS.start(), LETTERS.end()));
        }
        Ok(Self::Token(sha256(token.as_bytes())))
    }

    /// A token that nobody guesses.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new_token() -> Result<String, String> {
        let mut bytes = [0; MADE];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut bytes).map_err(|_| "the system has no random numbers for an admin token".to_owned())?;
        Ok(sha256(&bytes)[..2 * MADE].to_owned())
    }

    /// Whether somebody has the token. Digests are compared, not texts: how long that takes says nothing of the token.
    #[must_use]
    pub fn knows(&self, given: &str) -> bool {
        matches!(self, Self::Token(digest) if sha256(given.as_bytes()) == *digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_whole_or_not_at_all() {
        let admin = Admin::token("correct-horse").expect("a token");
        assert!(admin.knows("correct-horse"));
        for wrong in ["", "correct-hors", "correct-horse ", "Correct-horse"] {
            assert!(!admin.knows(wrong), "{wrong:?}");
        }
        assert!(!Admin::Local.knows("") && !Admin::Open.knows(""));
        assert_eq!(format!("{admin:?}"), "Token");
    }

    #[test]
    fn what_no_header_holds_or_anybody_guesses_is_no_token() {
        for wrong in ["", "short", "with a space", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", &"x".repeat(201)] {
            assert!(Admin::token(wrong).is_err(), "{wrong:?}");
        }
        let [one, other] = [Admin::new_token(), Admin::new_token()].map(|token| token.expect("a token"));
        assert!(one != other && one.len() == 32 && Admin::token(&one).is_ok());
    }
}
