//! Spans of the crate `tracing` around tasks.

use std::time::Instant;

use tracing::Span;
use tracing::field::Empty;

use super::label::Name;

/// The span of a task, from its submission on: so it is a child of the submitter's.
pub(super) struct TaskSpan {
    span: Span,
    /// If somebody is interested.
    submitted: Option<Instant>,
}

impl TaskSpan {
    pub(super) fn new(name: Name, pool: Option<&str>) -> Self {
        let span = tracing::debug_span!(
            target: "inkle::task",
            "task",
            name = name.get(),
            pool,
            waited_us = Empty,
            panicked = Empty
        );
        let submitted = (!span.is_disabled()).then(Instant::now);
        Self { span, submitted }
    }

    /// Calls `f`, which does the task, in it.
    pub(super) fn run<R>(self, f: impl FnOnce() -> R, panicked: impl Fn(&R) -> bool) -> R {
        let Some(submitted) = self.submitted else { return f() };
        let waited = submitted.elapsed().as_micros();
        self.span.record("waited_us", u64::try_from(waited).unwrap_or(u64::MAX));
        let result = self.span.in_scope(f);
        if panicked(&result) {
            self.span.record("panicked", true);
        }
        result
    }
}
