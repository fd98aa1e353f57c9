//! Floor 3: context variables without an allocator: values that belong to whatever is being done, not
//! to who does it.
//!
//! A [`ContextVar`] is a `static`; its value depends on the [`Context`] that runs at the moment. A task,
//! a request, an interrupt handler each [run](Context::run) in a context of their own: what they set,
//! nobody else sees, and nobody passes it down through every call. A [copy](Context::copy) of a context
//! starts with all its values.
//!
//! | file | holds |
//! |---|---|
//! | `value.rs` | what may be a value |
//! | `slots.rs` | the words of a context: how they are changed and read without tearing |
//! | `registry.rs` | the variables' numbers |
//! | `frame.rs` | [`Context`]: entered, copied, read from elsewhere |
//! | `current.rs` | [`Current`]: which context runs here, changed in one store |
//! | `var.rs` | [`ContextVar`], its tokens and guards |
//! | `future.rs` | a future with a context of its own |
//!
//! A [`Ground`] says where the contexts of a program live. On one core [`single_core_context!`] makes it:
//!
//! ```
//! use inkle_core::context::{Context, ContextVar, Slots};
//!
//! // SAFETY: one core, and no tasks that preempt each other.
//! inkle_core::single_core_context!(unsafe App: Slots<4>);
//!
//! static REQUEST: ContextVar<u32, App> = ContextVar::with_default("request", 0);
//! static IN_INTERRUPT: Context<App> = Context::new();
//!
//! fn interrupt_handler() {
//!     IN_INTERRUPT
//!         .run(|| {
//!             REQUEST.set(99).unwrap();
//!             assert_eq!(REQUEST.get(), Some(99));
//!         })
//!         .unwrap();
//! }
//!
//! let request = REQUEST.bind(7).unwrap();
//! interrupt_handler();
//! assert_eq!(REQUEST.get(), Some(7));
//! drop(request);
//! assert_eq!(REQUEST.get(), Some(0));
//! ```
//!
//! [`single_core_context!`]: crate::single_core_context

mod current;
mod frame;
mod future;
mod registry;
mod slots;
mod value;
mod var;

pub use current::Current;
pub use frame::Context;
pub use future::Within;
pub use registry::{Registry, Variable, Variables};
pub use slots::{SlotArray, Slots};
pub use value::Value;
pub use var::{Bound, ContextVar, Token};

/// Where contexts live: how many variables they have room for, and which of them runs.
///
/// # Safety
///
/// [`current`](Self::current) gives the [`Current`] of whoever calls: no two that run at the same time,
/// be it on different cores or in turns that the one does not ask for, are given the same. An interrupt
/// handler is given that of what it interrupts; so is a task of a preemptive scheduler, if the scheduler
/// [switches](Current::switch) it with the task. And always the same one for the same caller, until a
/// context that it has entered is left.
///
/// [`registry`](Self::registry) always gives the same one.
///
/// With a thread-local value:
///
/// ```
/// use inkle_core::context::{ContextVar, Current, Ground, Registry, Slots};
///
/// struct Threads;
/// static REGISTRY: Registry<Threads> = Registry::new();
/// thread_local! {
///     static CURRENT: Current<Threads> = const { Current::new() };
/// }
///
/// // SAFETY: each thread has its own `Current`, as long as it runs.
/// unsafe impl Ground for Threads {
///     type Slots = Slots<4>;
///
///     fn registry() -> &'static Registry<Self> {
///         &REGISTRY
///     }
///
///     fn current<R>(f: impl FnOnce(&Current<Self>) -> R) -> R {
///         CURRENT.with(f)
///     }
/// }
///
/// static USER: ContextVar<u32, Threads> = ContextVar::new("user");
///
/// USER.set(1).unwrap();
/// std::thread::spawn(|| assert_eq!(USER.get(), None)).join().unwrap();
/// ```
pub unsafe trait Ground: Sized + 'static {
    /// The room of a context: [`Slots`].
    type Slots: SlotArray;

    /// The variables' numbers.
    fn registry() -> &'static Registry<Self>;

    /// Calls `f` with what says which context runs here: on one core a `static`, on several one for each
    /// core, with threads a thread-local value.
    fn current<R>(f: impl FnOnce(&Current<Self>) -> R) -> R;
}

/// Declares a [`Ground`](crate::context::Ground) for a program on one core: a type, and the statics behind it.
///
/// The word `unsafe` is the caller's promise: everything that uses the contexts runs on one core, in
/// `main` and in interrupt handlers; tasks that preempt each other there are given contexts by
/// [`Current::switch`](crate::context::Current::switch).
///
/// ```
/// use inkle_core::context::{ContextVar, Slots};
///
/// // SAFETY: one core, and no tasks.
/// inkle_core::single_core_context!(unsafe pub App: Slots<4>);
///
/// static USER: ContextVar<u32, App> = ContextVar::new("user");
/// assert_eq!(USER.get(), None);
/// ```
#[macro_export]
macro_rules! single_core_context {
    (unsafe $vis:vis $name:ident: $slots:ty) => {
        /// Where this program's contexts live.
        $vis struct $name;

        const _: () = {
            use $crate::context::{Current, Ground, Registry};

            static REGISTRY: Registry<$name> = Registry::new();
            static CURRENT: Current<$name> = Current::new();

            // SAFETY: promised by whoever wrote `unsafe`.
            unsafe impl Ground for $name {
                type Slots = $slots;

                fn registry() -> &'static Registry<Self> {
                    &REGISTRY
                }

                fn current<R>(f: impl FnOnce(&Current<Self>) -> R) -> R {
                    f(&CURRENT)
                }
            }
        };
    };
}
