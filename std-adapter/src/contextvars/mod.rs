//! Python's `contextvars`: variables that follow the work, not the thread.
//!
//! A [`ContextVar`] is a `static`; its value depends on the context that runs. Whatever this crate starts
//! (threads, scopes, timers, scheduled jobs) runs in a copy of the context of whoever started it, so a
//! request's number is known wherever the request's work is done, and nobody passes it down.
//!
//! | Python | here |
//! |---|---|
//! | `ContextVar(name, default=…)` | [`ContextVar::new`], [`with_default`](ContextVar::with_default), [`with_default_fn`](ContextVar::with_default_fn) |
//! | `var.get()`, `get(default)` | [`get`](ContextVar::get), [`get_or`](ContextVar::get_or), [`with`](ContextVar::with) |
//! | `var.set(v)`, `var.reset(token)` | [`set`](ContextVar::set), [`reset`](ContextVar::reset) |
//! | `with var.set(v):` | [`bind`](ContextVar::bind) |
//! | `Token.old_value`, `Token.MISSING` | [`old_value`](Token::old_value), `None` |
//! | `copy_context()`, `Context()`, `ctx.copy()` | [`copy_context`], [`Context::new`], [`Context::copy`] |
//! | `ctx.run(f)` | [`Context::run`] |
//! | `ctx[var]`, `var in ctx`, `len`, iteration | [`Context::get`], [`contains`](Context::contains), [`len`](Context::len), [`iter`](Context::iter) |
//! | `Thread(context=ctx)` | [`Builder::context`](crate::threading::Builder::context) |
//! | tasks of `asyncio` | [`FutureExt::with_context`], on any executor |
//! | what Python has not | [`not_inherited`](ContextVar::not_inherited), [`Context::bind`], and copies by default (CV021); with features, [`add_carrier`]'s `TracingSpans` and `ContextVar::travelling` |
//!
//! # Without counterpart
//!
//! - A token used twice, or one of another type (CV005): it is used up, and typed.
//! - Equality of contexts (CV015): values need not be comparable.
//! - A context that is changed by items (CV016): here too, only by running in it.
//! - Watchers of the C interface (CV019).
//!
//! # At the end of a thread
//!
//! What a thread has set outside of all contexts is dropped when it ends. Destructors of thread-local values
//! may still read and set variables; what they set after that is dropped by nobody.
//!
//! # Cost
//!
//! A thread's current context is a thread-local word. Values lie in a row by the variable's number, up to
//! 32 variables, and in rows of rows above. A read looks at one place (above 32: two more). A copy is a
//! share in the rows. A change replaces the value in its place, unless the rows are shared: then it copies
//! the row first. Values of at most two words without a destructor lie in the row, others behind an `Arc`.

mod carrier;
mod context;
mod entry;
mod error;
mod future;
mod here;
mod inherited;
mod map;
mod registry;
#[cfg(feature = "tracing")]
mod spans;
#[cfg(feature = "serde")]
mod travel;
mod var;

pub use carrier::{Carried, Carrier, add_carrier};
pub use context::{Context, Item, Items, copy_context};
pub use entry::Value;
pub use error::LookupError;
pub use future::{FutureExt, InContext};
pub(crate) use inherited::{Afresh, Inherited, is_empty_here};
pub use inkle_core::error::{Entered, ResetError};
#[cfg(feature = "tracing")]
pub use spans::TracingSpans;
#[cfg(feature = "serde")]
pub use travel::{PackError, UnpackError};
pub use var::{Bound, ContextVar, Token};
