//! A checkout: a bill, a card form, and the magic cards; and the page of a bank that asks the cardholder.

use askama::Template;

use super::{CardForm, Frame, Group, html};

/// What stands beside the card form.
#[derive(Debug, Clone)]
pub struct Bill {
    pub merchant: &'static str,
    pub title: String,
    pub detail: Option<String>,
    /// What is due, in words where it is nothing.
    pub amount: String,
    pub lines: Vec<Line>,
    /// Label and amount, below the lines; the total is the last.
    pub sums: Vec<(String, String)>,
}

/// One thing that is paid for.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    pub detail: Option<String>,
    pub amount: String,
}

impl Bill {
    /// What stands for the merchant's logo.
    pub(super) fn initial(&self) -> &str {
        self.merchant.get(..1).unwrap_or_default()
    }
}

/// What a page has to say before anything else.
#[derive(Debug, Clone, Copy)]
pub struct Notice {
    pub text: &'static str,
    pub bad: bool,
}

impl Notice {
    #[must_use]
    pub fn bad(text: &'static str) -> Self {
        Self { text, bad: true }
    }

    #[must_use]
    pub fn plain(text: &'static str) -> Self {
        Self { text, bad: false }
    }
}

/// The codes that take something off, where the customer may enter some.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    /// Those that count.
    pub applied: Vec<String>,
    pub typed: String,
    pub problem: Option<String>,
}

/// The page with all that it shows.
#[derive(Debug, Clone, Template)]
#[template(path = "checkout.html")]
pub struct Checkout {
    pub frame: Frame,
    pub bill: Bill,
    /// Where the form goes; cancelling is below it.
    pub address: String,
    pub button: String,
    pub form: CardForm,
    /// Whether the box to keep the card is ticked; `None`: there is none.
    pub save: Option<bool>,
    /// Whether the terms are accepted, where they have to be.
    pub terms: Option<bool>,
    pub codes: Option<Codes>,
    /// Whether there is somewhere to go back to.
    pub cancels: bool,
    pub notice: Option<Notice>,
    pub test_cards: Vec<Group>,
    pub cardholder: String,
}

/// The page of a bank that is none, where the cardholder approves, fails or turns away.
#[derive(Debug, Clone, Template)]
#[template(path = "bank.html")]
pub struct Bank {
    pub frame: Frame,
    pub merchant: &'static str,
    pub amount: String,
    pub last4: String,
    pub address: String,
}

impl Checkout {
    #[must_use]
    pub fn html(&self) -> String {
        html(self)
    }
}

impl Bank {
    #[must_use]
    pub fn html(&self) -> String {
        html(self)
    }
}
