//! What is changed: one ordering of one site to the next weaker one.

use std::fmt;

/// An ordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Relaxed,
    Acquire,
    Release,
    AcqRel,
    SeqCst,
}

impl Order {
    const ALL: [Self; 5] =
        [Self::Relaxed, Self::Acquire, Self::Release, Self::AcqRel, Self::SeqCst];

    /// The ordering with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| format!("{order:?}") == name)
    }

    /// What an access with this ordering is tried with.
    fn weaker(self) -> &'static [Self] {
        match self {
            Self::Relaxed => &[],
            Self::Acquire | Self::Release => &[Self::Relaxed],
            // The last only if nobody misses either half.
            Self::AcqRel => &[Self::Acquire, Self::Release, Self::Relaxed],
            // A fence: the kernel has no such accesses. `Relaxed` means none.
            Self::SeqCst => &[Self::AcqRel, Self::Relaxed],
        }
    }
}

/// One ordering made weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) from: Order,
    pub(crate) to: Order,
    /// Of a compare-exchange that fails.
    pub(crate) of_failure: bool,
    pub(crate) of_fence: bool,
}

impl Change {
    /// All changes of a call with this ordering, and with this one when it fails.
    pub(crate) fn of(order: Order, failure: Order, is_fence: bool) -> Vec<Self> {
        let change = |from: Order, of_failure| {
            from.weaker().iter().map(move |to| Self {
                from,
                to: *to,
                of_failure,
                of_fence: is_fence,
            })
        };
        change(order, false).chain(change(failure, true)).collect()
    }

    /// Whether it is only of interest if all others of its ordering have survived.
    pub(crate) fn is_second(self) -> bool {
        (self.from, self.to) == (Order::AcqRel, Order::Relaxed) && !self.of_fence
    }

    /// For the models: see `models/kit/access.rs`.
    pub(crate) fn wish(self) -> String {
        let which = if self.of_failure { "failure" } else { "order" };
        format!("{which} {:?} {:?}", self.from, self.to)
    }

    /// From what is printed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (text, of_failure) = text.strip_prefix("failure ").map_or((text, false), |t| (t, true));
        let (from, to) = text.split_once(" -> ")?;
        let to_order = if to == "none" { Order::Relaxed } else { Order::named(to)? };
        let from = Order::named(from)?;
        Some(Self {
            from,
            to: to_order,
            of_failure,
            of_fence: to == "none" || from == Order::SeqCst,
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of_failure {
            f.write_str("failure ")?;
        }
        match (self.of_fence, self.to) {
            (true, Order::Relaxed) => write!(f, "{:?} -> none", self.from),
            _ => write!(f, "{:?} -> {:?}", self.from, self.to),
        }
    }
}
