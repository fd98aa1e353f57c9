//! What tasks are called, and who hears of their beginning and end: the spans of the crate `tracing`, with
//! the feature `tracing`, and the timeline, with the feature `timeline`. Without those it is nothing.

#[cfg(feature = "timeline")]
use super::here;
#[cfg(feature = "tracing")]
use super::spans::TaskSpan;
#[cfg(feature = "timeline")]
use crate::timeline::{self, State};

/// What an executor says of its tasks.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(all(feature = "timeline", feature = "tracing")), allow(dead_code))]
pub struct Tag<'e> {
    /// What they are called.
    pub(super) name: Option<&'static str>,
    /// What it is called itself.
    pub(super) pool: Option<&'e str>,
}

/// What a task is called.
#[cfg(any(feature = "timeline", feature = "tracing"))]
#[derive(Clone, Copy)]
pub(super) enum Name {
    Given(&'static str),
    /// By its function, once somebody wants to know.
    Of(fn() -> &'static str),
}

#[cfg(any(feature = "timeline", feature = "tracing"))]
impl Name {
    pub(super) fn get(self) -> &'static str {
        match self {
            Self::Given(name) => name,
            Self::Of(name) => name(),
        }
    }
}

/// A task, for those who hear of it.
pub(super) struct Label {
    #[cfg(feature = "timeline")]
    name: Name,
    /// When it was submitted, if that was recorded.
    #[cfg(feature = "timeline")]
    submitted: Option<u64>,
    #[cfg(feature = "tracing")]
    span: TaskSpan,
}

#[cfg_attr(
    not(any(feature = "timeline", feature = "tracing")),
    allow(unused_variables, clippy::extra_unused_type_parameters)
)]
impl Label {
    /// Of a task with function `F`, which is submitted now.
    #[inline]
    pub(super) fn new<F>(tag: Tag<'_>) -> Self {
        #[cfg(any(feature = "timeline", feature = "tracing"))]
        let name = tag.name.map_or(Name::Of(crate::threading::name_around::<F>), Name::Given);
        Self {
            #[cfg(feature = "timeline")]
            name,
            #[cfg(feature = "timeline")]
            submitted: timeline::now(),
            #[cfg(feature = "tracing")]
            span: TaskSpan::new(name, tag.pool),
        }
    }

    /// Calls `f`, which does the task; `panicked` says of its result whether it panicked.
    #[inline]
    pub(super) fn run<R>(self, f: impl FnOnce() -> R, panicked: impl Fn(&R) -> bool) -> R {
        #[cfg(feature = "timeline")]
        let f = || {
            let open = timeline::begin(|| self.name.get().into(), self.submitted);
            let result = f();
            if let Some(open) = open {
                open.end(match (panicked(&result), here::is_asked_to_stop()) {
                    (true, _) => State::Panicked,
                    (false, true) => State::Stopped,
                    (false, false) => State::Done,
                });
            }
            result
        };
        #[cfg(feature = "tracing")]
        let f = || self.span.run(f, &panicked);
        f()
    }

    /// It is never begun.
    pub(super) fn revoke(self) {
        #[cfg(feature = "timeline")]
        if let Some(submitted) = self.submitted {
            timeline::cancelled(|| self.name.get().into(), submitted);
        }
    }
}
