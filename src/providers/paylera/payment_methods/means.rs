//! What a payment method is, and what its charges do: both follow from the token that it was made of.
//!
//! Facts: paylera §2.7 (shapes), §5 (magic tokens).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::api::Fault;
use crate::billing::cards::code;
use crate::time::Timestamp;
use crate::world::Word;

/// The first year that the contract lets a card expire in, for worlds that are set far back.
const FIRST_EXPIRY: i16 = 2000;

/// What happens when a method is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Behaviour {
    Succeeds,
    /// The first charge waits for the cardholder, later ones succeed.
    RequiresActionOnce,
    /// Every charge is refused with this code.
    Declined(#[serde(deserialize_with = "code")] Word),
    /// Succeeds, and the money is taken back later.
    ChargedBack,
    /// Succeeds, the money is taken back and then returned.
    DisputeWon,
}

/// The magic tokens (§5).
const MAGIC: [(&str, Behaviour); 6] = [
    ("tok_visa_success", Behaviour::Succeeds),
    ("tok_visa_3ds", Behaviour::RequiresActionOnce),
    ("tok_visa_decline", Behaviour::Declined("card_declined")),
    ("tok_visa_insufficient_funds", Behaviour::Declined("insufficient_funds")),
    ("tok_visa_chargeback", Behaviour::ChargedBack),
    ("tok_visa_dispute_won", Behaviour::DisputeWon),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Card,
    BankAccount,
    Paypal,
    Wallet,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Means {
    Card(Card),
    BankAccount(BankAccount),
    Wallet(Wallet),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Card {
    pub brand: Cow<'static, str>,
    pub last4: Box<str>,
    pub exp_month: u8,
    pub exp_year: i16,
    pub country: Cow<'static, str>,
    pub funding: Cow<'static, str>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BankAccount {
    pub last4: Cow<'static, str>,
    pub routing: Option<Cow<'static, str>>,
    pub holder: Option<Box<str>>,
    pub status: BankStatus,
}

/// No verification fails here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankStatus {
    New,
    Pending,
    Verified,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wallet {
    pub kind: WalletKind,
    pub email: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletKind {
    Paypal,
    ApplePay,
    GooglePay,
}

impl Means {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Card(_) => Kind::Card,
            Self::BankAccount(_) => Kind::BankAccount,
            Self::Wallet(wallet) if wallet.kind == WalletKind::Paypal => Kind::Paypal,
            Self::Wallet(_) => Kind::Wallet,
        }
    }
}

/// What the charges of a token's method do. A token in the style of the magic ones that is none of them is a slip of
/// the pen; any other is taken for one that the vendor's form made.
pub fn behaviour(token: &str, kind: Kind) -> Result<Behaviour, Fault> {
    if let Some((_, behaviour)) = MAGIC.iter().find(|(magic, _)| *magic == token) {
        if kind != Kind::Card {
            return Err(Fault::field("/type", "reference", format!("{token:?} is the token of a card")));
        }
        return Ok(*behaviour);
    }
    let own = token.strip_prefix("tok_").filter(|own| !own.is_empty() && !own.starts_with("visa_"));
    if own.is_some_and(|own| own.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')) {
        return Ok(Behaviour::Succeeds);
    }
    let magic: Vec<&str> = MAGIC.iter().map(|(magic, _)| *magic).collect();
    let message = format!(
        "{token:?} is no token of this sandbox: take {}; any other tok_ of letters, digits and _ that does not go on \
         with visa_ succeeds, and the id of a detached payment method attaches it again",
        magic.join(", ")
    );
    Err(Fault::field("/token", "reference", message))
}

/// What a token stands for.
pub fn means(kind: Kind, token: &str, email: &str, now: Timestamp) -> Means {
    match kind {
        Kind::Card => Means::Card(Card {
            brand: "visa".into(),
            last4: "4242".into(),
            exp_month: 12,
            exp_year: now.civil().year().saturating_add(1).max(FIRST_EXPIRY),
            country: "US".into(),
            funding: "credit".into(),
        }),
        Kind::BankAccount => Means::BankAccount(BankAccount {
            last4: "6789".into(),
            routing: Some("110000000".into()),
            holder: None,
            status: BankStatus::New,
        }),
        Kind::Paypal => Means::Wallet(Wallet { kind: WalletKind::Paypal, email: Some(email.into()) }),
        Kind::Wallet if token.starts_with("tok_google_pay") => {
            Means::Wallet(Wallet { kind: WalletKind::GooglePay, email: None })
        }
        Kind::Wallet => Means::Wallet(Wallet { kind: WalletKind::ApplePay, email: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_magic_or_plain_or_none() {
        let of = |token| behaviour(token, Kind::Card).map_err(|fault| fault.violations[0].pointer.clone());
        assert_eq!(of("tok_visa_3ds"), Ok(Behaviour::RequiresActionOnce));
        assert_eq!(of("tok_visa_decline"), Ok(Behaviour::Declined("card_declined")));
        assert_eq!(of("tok_visa_insufficient_funds"), Ok(Behaviour::Declined("insufficient_funds")));
        assert_eq!(of("tok_visa_chargeback"), Ok(Behaviour::ChargedBack));
        assert_eq!(of("tok_visa_dispute_won"), Ok(Behaviour::DisputeWon));
        for plain in ["tok_visa_success", "tok_1NzQ4x", "tok_mastercard", "tok_visa"] {
            assert_eq!(of(plain), Ok(Behaviour::Succeeds), "{plain}");
        }
        for none in ["tok_visa_sucess", "tok_", "tok_a-b", "card_1", "TOK_1", "4242424242424242"] {
            assert!(of(none).is_err(), "{none}");
        }
    }
}
