//! Small macros. Two let one source be `const` on the real ground and not under loom, whose objects can
//! only be made inside a running model.

/// A constructor: `const fn` everywhere but under loom.
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis const unsafe fn $($rest:tt)*) => {
        #[cfg(not(inkle_loom))]
        $(#[$meta])* $vis const unsafe fn $($rest)*
        #[cfg(inkle_loom)]
        $(#[$meta])* $vis unsafe fn $($rest)*
    };
    ($(#[$meta:meta])* $vis:vis const fn $($rest:tt)*) => {
        #[cfg(not(inkle_loom))]
        $(#[$meta])* $vis const fn $($rest)*
        #[cfg(inkle_loom)]
        $(#[$meta])* $vis fn $($rest)*
    };
}

/// `[value; N]` where the value is not `Copy`: evaluated once for each element.
macro_rules! array {
    ($value:expr; $len:expr) => {{
        #[cfg(not(inkle_loom))]
        let array = [const { $value }; $len];
        #[cfg(inkle_loom)]
        let array: [_; $len] = core::array::from_fn(|_| $value);
        array
    }};
}

/// `Debug` that says no more than the name, and asks nothing of the parameters.
macro_rules! debug_name {
    ($(impl[$($parameters:tt)*] $type:ty: $name:literal;)+) => {$(
        impl<$($parameters)*> core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    )+};
}
