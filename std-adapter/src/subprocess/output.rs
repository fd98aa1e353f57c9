//! What a program has written.

use std::borrow::Cow;
use std::string::FromUtf8Error;

use super::talk::Heard;
use super::text::newlines;
use super::{Encoding, Errors, TextError};

/// What was read of a program's standard output and error; empty for what is no pipe.
///
/// ```
/// use inkle::subprocess::Command;
///
/// let done = Command::shell("printf 'warp\r\nweft\n'").capture_output().run().unwrap();
/// assert_eq!(done.output.stdout, b"warp\r\nweft\n");
/// assert_eq!(done.output.stdout_text().unwrap(), "warp\nweft\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// From the standard output.
    pub stdout: Vec<u8>,
    /// From the standard error.
    pub stderr: Vec<u8>,
    /// Whether somebody still had a pipe open, so that more may have come: a child of the program's that
    /// outlives it. Only with a deadline.
    pub left_open: bool,
}

impl Output {
    /// Of a child's standard output and error.
    pub(super) fn of_one(heard: Heard) -> Self {
        let mut read = heard.read.into_iter();
        let mut next = || read.next().unwrap_or_default();
        Self { stdout: next(), stderr: next(), left_open: heard.left_open }
    }

    /// The standard output as text: UTF-8, and each end of a line is `\n`. (SP024, SP025)
    ///
    /// Errors: the bytes are no UTF-8. They stay in `stdout`.
    pub fn stdout_text(&self) -> Result<String, FromUtf8Error> {
        text(&self.stdout)
    }

    /// As [`stdout_text`](Self::stdout_text), of the standard error.
    pub fn stderr_text(&self) -> Result<String, FromUtf8Error> {
        text(&self.stderr)
    }

    /// As [`stdout_text`](Self::stdout_text); what is no UTF-8 becomes `U+FFFD`.
    #[must_use]
    pub fn stdout_lossy(&self) -> String {
        newlines(String::from_utf8_lossy(&self.stdout))
    }

    /// As [`stdout_lossy`](Self::stdout_lossy), of the standard error.
    #[must_use]
    pub fn stderr_lossy(&self) -> String {
        newlines(String::from_utf8_lossy(&self.stderr))
    }

    /// As [`stdout_text`](Self::stdout_text), of another encoding, and with a say in what becomes of what is none.
    ///
    /// Errors: [`TextError`]. The bytes stay in `stdout`.
    pub fn stdout_in(&self, encoding: Encoding, errors: Errors) -> Result<String, TextError> {
        Ok(newlines(encoding.decode(&self.stdout, errors)?.into()))
    }

    /// As [`stdout_in`](Self::stdout_in), of the standard error.
    pub fn stderr_in(&self, encoding: Encoding, errors: Errors) -> Result<String, TextError> {
        Ok(newlines(encoding.decode(&self.stderr, errors)?.into()))
    }
}

fn text(bytes: &[u8]) -> Result<String, FromUtf8Error> {
    Ok(newlines(Cow::Owned(String::from_utf8(bytes.to_vec())?)))
}
