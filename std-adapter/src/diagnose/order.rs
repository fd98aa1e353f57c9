//! The orders in which locks were taken: a graph of addresses, and the circles in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::thread::Thread;

use super::{Place, name};

/// One lock asked for while another was held.
#[derive(Clone, Debug)]
pub struct Link {
    held: usize,
    held_from: Place,
    wanted: usize,
    wanted_at: Place,
    thread: String,
}

impl Link {
    /// The address of the lock that was held, and where it had been acquired.
    #[must_use]
    pub fn held(&self) -> (usize, Place) {
        (self.held, self.held_from)
    }

    /// The address of the lock that was asked for, and where.
    #[must_use]
    pub fn wanted(&self) -> (usize, Place) {
        (self.wanted, self.wanted_at)
    }

    /// The name of the thread that did so first.
    #[must_use]
    pub fn thread(&self) -> &str {
        &self.thread
    }
}

/// Locks that were taken in a circle: each link wants what the next one held, the last one what the first
/// held. `{}` prints a line for each link.
#[derive(Clone, Debug)]
pub struct Cycle {
    links: Vec<Link>,
}

impl Cycle {
    /// The links; the first is the one that closed the circle.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("locks are taken in a circle, which can end in a deadlock:")?;
        for Link { held, held_from, wanted, wanted_at, thread } in &self.links {
            write!(
                f,
                "\n  {thread}: {wanted:#x} at {wanted_at}, holding {held:#x} from {held_from}"
            )?;
        }
        Ok(())
    }
}

/// Every order that was ever chosen, among locks that still exist.
pub(super) struct Orders {
    /// By the lock that was held, then by the one that was wanted.
    links: BTreeMap<usize, BTreeMap<usize, Link>>,
}

impl Orders {
    pub(super) const fn new() -> Self {
        Self { links: BTreeMap::new() }
    }

    /// Notes an order. If it is new and closes a circle, gives that.
    pub(super) fn add(
        &mut self,
        held: usize,
        held_from: Place,
        wanted: usize,
        wanted_at: Place,
        thread: &Thread,
    ) -> Option<Cycle> {
        let known = self.links.entry(held).or_default();
        if known.contains_key(&wanted) {
            return None;
        }
        let thread = name(thread).to_owned();
        let link = Link { held, held_from, wanted, wanted_at, thread };
        known.insert(wanted, link.clone());
        let mut links = vec![link];
        self.path(wanted, held, &mut links, &mut BTreeSet::new()).then_some(Cycle { links })
    }

    /// Appends the links from one lock to another, if there is a way.
    fn path(
        &self,
        from: usize,
        to: usize,
        links: &mut Vec<Link>,
        seen: &mut BTreeSet<usize>,
    ) -> bool {
        if from == to {
            return true;
        }
        if !seen.insert(from) {
            return false;
        }
        self.links.get(&from).into_iter().flatten().any(|(next, link)| {
            links.push(link.clone());
            let found = self.path(*next, to, links, seen);
            if !found {
                links.pop();
            }
            found
        })
    }

    /// A lock that is no more.
    pub(super) fn forget(&mut self, lock: usize) {
        self.links.remove(&lock);
        self.links.values_mut().for_each(|links| _ = links.remove(&lock));
    }
}
