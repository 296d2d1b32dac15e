//! Why a request was refused, in terms that every vendor has.
//!
//! A fault says what kind of refusal it is and what the caller should know; the provider alone turns it
//! into the vendor's error shape and status (rule 6). What teaches (the violations) travels beside it.

use std::borrow::Cow;

use serde_json::Value;

use crate::contract::Violation;

/// The kinds of refusal that handlers and the pipeline know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request breaks its contract or a rule that its fields alone can break.
    Invalid,
    /// The request is well-formed but cannot be served as it is.
    BadRequest,
    /// No key, or one that this sandbox does not take.
    Unauthorized,
    /// The key may not do this.
    Forbidden,
    /// No such row, or no such route.
    NotFound,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The state of a row does not allow this.
    Conflict,
    /// The body is larger than `--max-body`.
    TooLarge,
    /// The body is not of a type that this API reads.
    UnsupportedMediaType,
    /// Understood and refused by a business rule.
    Unprocessable,
    /// Too often.
    TooManyRequests,
    /// Known to the contract, not built yet.
    NotBuilt,
    /// The sandbox is full.
    Unavailable,
    /// A bug of ours.
    Internal,
}

impl Kind {
    /// The kind that a status is most like.
    #[must_use]
    pub fn of(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            409 => Self::Conflict,
            413 => Self::TooLarge,
            415 => Self::UnsupportedMediaType,
            422 => Self::Unprocessable,
            429 => Self::TooManyRequests,
            501 => Self::NotBuilt,
            502..=504 => Self::Unavailable,
            500.. => Self::Internal,
            _ => Self::BadRequest,
        }
    }
}

/// A refusal. Whoever returns one has changed nothing (rule 5).
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: Kind,
    /// The vendor's machine-readable code, where the documents name one.
    pub code: Option<&'static str>,
    pub message: Cow<'static, str>,
    /// What the vendor puts beside the message, in the vendor's shape.
    pub details: Option<Value>,
    /// What was wrong, field by field.
    pub violations: Vec<Violation>,
}

impl Fault {
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, code: None, message: message.into(), details: None, violations: Vec::new() }
    }

    /// The request breaks its contract.
    #[must_use]
    pub fn violations(violations: Vec<Violation>) -> Self {
        Self { violations, ..Self::new(Kind::Invalid, "Validation failed") }
    }

    /// One field of the body breaks a rule that the schema cannot say.
    #[must_use]
    pub fn field(pointer: &str, rule: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::violations(vec![Violation::body(pointer, rule, message)])
    }

    #[must_use]
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::BadRequest, message)
    }

    #[must_use]
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Forbidden, message)
    }

    #[must_use]
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    #[must_use]
    pub fn unprocessable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unprocessable, message)
    }

    /// A row that does not exist in this world.
    #[must_use]
    pub fn no_such(noun: &str, id: &str) -> Self {
        let id: String = id.chars().take(80).collect();
        Self::new(Kind::NotFound, format!("There is no {noun} {id:?} in this world"))
    }

    /// A part of the contract whose behaviour is not built.
    #[must_use]
    pub fn not_built(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::NotBuilt, what)
    }

    #[must_use]
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Internal, message)
    }

    #[must_use]
    pub fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    #[must_use]
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    /// What is wrong with a part of the body, as it is wrong in the whole: the part stands at `pointer`.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Self {
        for violation in &mut self.violations {
            violation.pointer.insert_str(0, pointer);
        }
        self
    }

    #[must_use]
    pub fn with_violation(mut self, violation: Violation) -> Self {
        self.violations.push(violation);
        self
    }
}
