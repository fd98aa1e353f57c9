//! What can go wrong.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// A variable has no value in the current context, and no default. (CV003)
///
/// ```
/// use inkle::contextvars::ContextVar;
///
/// static USER: ContextVar<u32> = ContextVar::new("user");
/// let error = USER.get().unwrap_err();
/// assert_eq!(error.to_string(), "the context variable `user` has no value here");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupError {
    pub(super) name: Cow<'static, str>,
}

impl LookupError {
    /// The variable's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the context variable `{}` has no value here", self.name)
    }
}

impl Error for LookupError {}
