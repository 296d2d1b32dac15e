//! A field of a form.

/// A field: what stands in it, and what is wrong with that.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    /// What browsers know the field as.
    pub autocomplete: &'static str,
    pub placeholder: &'static str,
    pub keyboard: Keyboard,
    /// Whether it may stay empty.
    pub optional: bool,
    /// What says so, where it has to be said.
    pub aside: &'static str,
    /// Whether it shares its line with a neighbour.
    pub half: bool,
    pub value: String,
    pub problem: Option<&'static str>,
}

/// What a phone offers to type with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyboard {
    /// Names: each word begins with a capital.
    Words,
    Digits,
    Email,
    /// Codes of letters.
    Capitals,
}

impl Field {
    /// An empty field for words, on a line of its own.
    #[must_use]
    pub fn new(name: &'static str, label: &'static str, autocomplete: &'static str) -> Self {
        Self {
            name,
            label,
            autocomplete,
            placeholder: "",
            keyboard: Keyboard::Words,
            optional: false,
            aside: "optional",
            half: false,
            value: String::new(),
            problem: None,
        }
    }
}

impl Keyboard {
    #[must_use]
    pub fn capitals(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Digits | Self::Email => "off",
            Self::Capitals => "characters",
        }
    }

    /// The `inputmode`, where it is not the usual one.
    #[must_use]
    pub fn mode(self) -> Option<&'static str> {
        match self {
            Self::Words | Self::Capitals => None,
            Self::Digits => Some("numeric"),
            Self::Email => Some("email"),
        }
    }
}

/// The field that a customer has to look at first.
#[must_use]
pub fn first_problem(fields: &[&Field]) -> Option<&'static str> {
    fields.iter().find(|field| field.problem.is_some()).map(|field| field.name)
}
