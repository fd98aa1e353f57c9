//! What a model is made of: its declaration, the ground it stands on, the history it records.
//!
//! A model is a plain function. The kit calls it once for each execution that loom explores, so it
//! makes its objects anew, spawns with `loom::thread::spawn`, works on the main thread as well, and
//! joins. It asserts whatever must hold; deadlocks and data races fail it by themselves.

mod access;
mod death;
mod floors;
mod future;
mod history;
mod picture;
mod plain;
mod platform;
mod run;
mod stage;
mod table;

pub use death::life;
pub use future::{block_on, block_on_elsewhere, poll_once};
pub use history::History;
pub use plain::Plain;
pub use platform::{Loom, SOON, Unfenced, time_passes, timeouts, until_asleep};
pub use run::run;
pub use stage::{Stage, play};

/// One model.
pub struct Model {
    /// Unique within its module.
    pub name: &'static str,
    /// The most preemptions in one execution; `None` explores all.
    pub bound: Option<usize>,
    /// Why there is a bound.
    pub why: &'static str,
    /// One execution.
    pub body: fn(),
    /// What is expected of it.
    pub kind: Kind,
    /// Whether somebody dies in it: explored once for each of its accesses to an atomic.
    pub deaths: bool,
}

/// What is expected of a model.
#[derive(Clone, Copy)]
pub enum Kind {
    /// No execution fails.
    Holds,
    /// No execution fails, and this check over all of them, called once at the end, does not either.
    Shows(fn()),
    /// Known bad: the stock loom misses it, the exact tier must not.
    Canary,
    /// Known bad: both must find it.
    Wrong,
    /// Known bad: both must find it, and these lines of the picture they draw of it, in this order, each
    /// without its number and place.
    Drawn(&'static [&'static str]),
}

impl Kind {
    /// Whether something must be found.
    const fn is_bad(self) -> bool {
        matches!(self, Self::Canary | Self::Wrong | Self::Drawn(_))
    }
}

impl Model {
    /// A model that is explored without a bound on preemptions.
    pub const fn full(name: &'static str, body: fn()) -> Self {
        Self { name, bound: None, why: "", body, kind: Kind::Holds, deaths: false }
    }

    /// A model that is explored up to `bound` preemptions in one execution, and why no more.
    pub const fn bounded(name: &'static str, bound: usize, why: &'static str, body: fn()) -> Self {
        Self { name, bound: Some(bound), why, body, kind: Kind::Holds, deaths: false }
    }

    /// As [`full`](Self::full), with a last check of what was seen in all executions together.
    pub const fn shows(name: &'static str, body: fn(), after: fn()) -> Self {
        Self { name, bound: None, why: "", body, kind: Kind::Shows(after), deaths: false }
    }

    /// With a thread that dies ([`life`]): explored once for each access at which it may.
    pub const fn dies(name: &'static str, bound: usize, body: fn()) -> Self {
        let why = "once for each step at which one dies";
        Self { name, bound: Some(bound), why, body, kind: Kind::Holds, deaths: true }
    }

    /// As [`dies`](Self::dies), known bad: some execution must fail.
    pub const fn dies_in_vain(name: &'static str, bound: usize, body: fn()) -> Self {
        Self { kind: Kind::Wrong, ..Self::dies(name, bound, body) }
    }

    /// Known bad code, and what the picture of its failure shows.
    pub const fn drawn(name: &'static str, lines: &'static [&'static str], body: fn()) -> Self {
        Self { kind: Kind::Drawn(lines), ..Self::full(name, body) }
    }

    /// Known bad code that the stock loom takes for good.
    pub const fn canary(name: &'static str, body: fn()) -> Self {
        Self { name, bound: None, why: "", body, kind: Kind::Canary, deaths: false }
    }
}

/// Which tier this is.
const TIER: Tier = if cfg!(inkle_exact) { Tier::Exact } else { Tier::Stock };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tier {
    Stock,
    Exact,
}

impl Tier {
    const fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Exact => "exact",
        }
    }
}
