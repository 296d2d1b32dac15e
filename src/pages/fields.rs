//! Names and values: a form that was sent, or a query.

use std::borrow::Cow;

/// What a form or a query holds, decoded. Of a name that occurs twice the first counts.
#[derive(Debug, Clone, Default)]
pub struct Fields<'r>(Vec<(Cow<'r, str>, Cow<'r, str>)>);

impl<'r> Fields<'r> {
    /// Decodes `application/x-www-form-urlencoded`. Anything is: what makes no sense becomes odd names.
    #[must_use]
    pub fn read(bytes: &'r [u8]) -> Self {
        Self(form_urlencoded::parse(bytes).collect())
    }

    /// The value of a field without blanks around it; empty where there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// All values of a field that may be sent more than once.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// Whether a field was sent at all: a box that is not ticked is not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_trimmed() {
        let fields = Fields::read(b"cardholder=+Zo%C3%AB+%3Cb%3E&save=&cardholder=other&%ff=1");
        assert_eq!((fields.text("cardholder"), fields.text("save")), ("Zoë <b>", ""));
        assert!(fields.has("save") && !fields.has("cvc"));
    }
}
