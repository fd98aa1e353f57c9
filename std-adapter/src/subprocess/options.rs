//! What concerns a run, of one program or of several in a row, and the run itself.

use std::io;
use std::time::Duration;

use inkle_core::sync::Reason;

use super::{Child, CommunicateError, Conversation};
use crate::platform::{Deadline, after};
use crate::threading::CancelToken;

/// What [`Command::run`](super::Command::run) and [`Pipeline::run`](super::Pipeline::run) are told beside what to
/// start.
#[derive(Clone, Debug, Default)]
pub(super) struct RunOptions {
    pub(super) input: Option<Vec<u8>>,
    pub(super) limit: Option<Limit>,
    pub(super) check: bool,
}

/// How long it may run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    For(Duration),
    Until(Deadline),
}

/// The methods that say so, of a type with a field `run`.
macro_rules! run_options {
    ($type:ty, $check:literal) => {
        impl $type {
            /// For [`run`](Self::run): what the program, or the first one, is given to read; its standard input
            /// becomes a pipe. (SP001)
            pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
                self.run.input = Some(input.into());
                self
            }

            /// For [`run`](Self::run): how long it may take. Then all are killed. (SP003)
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.run.limit = Some($crate::subprocess::options::Limit::For(timeout));
                self
            }

            /// As [`timeout`](Self::timeout), until a moment.
            pub fn deadline(mut self, deadline: impl Into<$crate::platform::Deadline>) -> Self {
                self.run.limit = Some($crate::subprocess::options::Limit::Until(deadline.into()));
                self
            }

            /// For [`run`](Self::run): whether it is an error if a program fails. (SP001)
            #[doc = $check]
            pub fn check(mut self, check: bool) -> Self {
                self.run.check = check;
                self
            }
        }
    };
}
pub(super) use run_options;

/// Why a run was cut short.
pub(super) enum Cut {
    Late,
    Cancelled(Reason),
}

impl RunOptions {
    pub(super) fn deadline(&self) -> Deadline {
        match self.limit {
            None => Deadline::NEVER,
            Some(Limit::For(timeout)) => after(timeout),
            Some(Limit::Until(deadline)) => deadline,
        }
    }
}

/// Holds the conversation that `begin` begins until all children have ended; after the deadline they are killed.
/// What they have written, and what has cut that short.
pub(super) fn hold<'a, O: Default>(
    children: &'a [Child],
    begin: impl Fn(Vec<u8>) -> Conversation<'a, O>,
    input: Option<Vec<u8>>,
    deadline: Deadline,
    token: Option<&'a CancelToken<'a>>,
) -> io::Result<(O, Option<Cut>)> {
    let mut talk = begin(input.unwrap_or_default()).until(deadline);
    if let Some(token) = token {
        talk = talk.unless(token);
    }
    let cut = match talk.run() {
        Ok(outputs) => return Ok((outputs, None)),
        Err(CommunicateError::Io(error)) => return Err(error),
        Err(CommunicateError::Cancelled(_, reason)) => Cut::Cancelled(reason),
        Err(_) => Cut::Late,
    };
    end(children);
    // They have ended: this reads what there is, and does not wait for others.
    let outputs = match begin(Vec::new()).until(Deadline::PASSED).run() {
        Ok(outputs) | Err(CommunicateError::TimedOut(outputs)) => outputs,
        Err(_) => O::default(),
    };
    Ok((outputs, Some(cut)))
}

/// Children that are killed, and waited for, when it is dropped.
pub(super) struct Killed<'a>(pub(super) &'a [Child]);

impl Drop for Killed<'_> {
    fn drop(&mut self) {
        end(self.0);
    }
}

/// Kills them, and waits until they have ended.
fn end(children: &[Child]) {
    for child in children {
        if child.poll().is_none() {
            // One that has become another user cannot be killed, and is waited for.
            let _ = child.kill();
        }
    }
    for child in children {
        child.wait();
    }
}
