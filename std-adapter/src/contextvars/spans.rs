//! Spans of the crate `tracing`.

use tracing::Span;

use super::{Carried, Carrier};

/// Carries the current span of the crate [`tracing`], with the feature `tracing`: what is logged in a
/// thread, a timer, a job or a future then belongs to the span in which it was started.
///
/// The span stays open until the last copy of it has gone. Without a current span nothing is carried: who
/// runs such work within a span of their own sees that.
///
/// ```
/// use inkle::contextvars::{TracingSpans, add_carrier};
/// use inkle::threading;
///
/// add_carrier(TracingSpans);
///
/// let _request = tracing::info_span!("request", number = 7).entered();
/// threading::spawn(|| tracing::info!("belongs to request 7")).unwrap().join().unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSpans;

impl Carrier for TracingSpans {
    fn capture(&self) -> Option<Box<dyn Carried>> {
        let span = Span::current();
        (!span.is_none()).then(|| Box::new(span) as _)
    }
}

impl Carried for Span {
    fn within(&self, f: &mut dyn FnMut()) {
        self.in_scope(f);
    }
}
