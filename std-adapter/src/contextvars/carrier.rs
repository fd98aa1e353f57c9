//! What is not a variable and follows the work all the same: the spans of a tracing library.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use inkle_core::atomic::{AtomicU32, Ordering};

/// Knows something of the thread that is to follow the work wherever context variables follow it: the
/// current span of a tracing library, another library's context. See [`add_carrier`].
pub trait Carrier: Send + Sync + 'static {
    /// What is current in this thread; `None` if there is nothing to be carried.
    ///
    /// Called whenever a context is copied: keep it short.
    fn capture(&self) -> Option<Box<dyn Carried>>;
}

/// Something captured.
pub trait Carried: Send + Sync + 'static {
    /// Calls `f` once, with it as the current one in this thread.
    fn within(&self, f: &mut dyn FnMut());
}

static CARRIERS: RwLock<Vec<Box<dyn Carrier>>> = RwLock::new(Vec::new());
/// How many there are: so that without any nobody takes the lock.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// From now on `carrier` is asked whenever a context is copied or inherited, and what it has captured is
/// current wherever code runs in that copy: in threads, timers, jobs, and futures
/// [with a context](super::FutureExt::with_context). For good: there is no way to take it away.
///
/// ```
/// use std::cell::Cell;
/// use inkle::contextvars::{Carried, Carrier, add_carrier};
///
/// thread_local! {
///     // Stands for what another library keeps.
///     static SPAN: Cell<u32> = const { Cell::new(0) };
/// }
///
/// struct Spans;
/// struct Span(u32);
///
/// impl Carrier for Spans {
///     fn capture(&self) -> Option<Box<dyn Carried>> {
///         Some(Box::new(Span(SPAN.get())))
///     }
/// }
///
/// impl Carried for Span {
///     fn within(&self, f: &mut dyn FnMut()) {
///         let before = SPAN.replace(self.0);
///         f();
///         SPAN.set(before);
///     }
/// }
///
/// add_carrier(Spans);
/// SPAN.set(7);
/// let thread = inkle::threading::spawn(|| SPAN.get()).unwrap();
/// assert_eq!(thread.join().unwrap(), 7);
/// ```
pub fn add_carrier(carrier: impl Carrier) {
    let mut carriers = CARRIERS.write().unwrap_or_else(PoisonError::into_inner);
    carriers.push(Box::new(carrier));
    // Relaxed: who does not see it yet has copied before this.
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// What all carriers have captured.
#[derive(Clone, Default)]
pub(super) struct Load(Option<Arc<[Box<dyn Carried>]>>);

impl Load {
    pub(super) const NONE: Self = Self(None);

    /// Whether nobody would be asked.
    #[inline]
    pub(super) fn is_none_to_be() -> bool {
        // Relaxed: see `add_carrier`.
        COUNT.load(Ordering::Relaxed) == 0
    }

    /// Of the calling thread.
    #[inline]
    pub(super) fn capture() -> Self {
        if Self::is_none_to_be() { Self::NONE } else { Self::ask() }
    }

    #[cold]
    fn ask() -> Self {
        let carriers = CARRIERS.read().unwrap_or_else(PoisonError::into_inner);
        let load: Vec<_> = carriers.iter().filter_map(|carrier| carrier.capture()).collect();
        Self((!load.is_empty()).then(|| load.into()))
    }

    /// Calls `f` with all of it current.
    #[inline]
    pub(super) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.0 {
            None => f(),
            Some(load) => within_all(load, f),
        }
    }
}

#[cold]
fn within_all<R>(load: &[Box<dyn Carried>], f: impl FnOnce() -> R) -> R {
    fn nest(load: &[Box<dyn Carried>], f: &mut dyn FnMut()) {
        match load.split_first() {
            Some((first, others)) => first.within(&mut || nest(others, f)),
            None => f(),
        }
    }

    let mut f = Some(f);
    let mut result = None;
    nest(load, &mut || result = f.take().map(|f| f()).or(result.take()));
    match (result, f) {
        (Some(result), _) => result,
        // One of them has not called what it should.
        (None, Some(f)) => f(),
        (None, None) => unreachable!("a function that was called has given a result"),
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load")
            .field("items", &self.0.as_ref().map_or(0, |load| load.len()))
            .finish()
    }
}
