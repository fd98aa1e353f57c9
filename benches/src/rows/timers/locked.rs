//! What one would write by hand: an ordered container behind a lock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use super::{Next, Random, Service, Turns};
use crate::rows::orders::Guard;

/// What the rows ask of a container.
pub(super) trait Ordered: Default + Send + 'static {
    type Timer: Send + 'static;

    fn add(&mut self, deadline: u64) -> Self::Timer;
    fn remove(&mut self, timer: Self::Timer);
    fn first(&mut self) -> Option<u64>;
    /// Clears cancelled ones away; the answer is how many there were for each one at which it does so by
    /// itself.
    fn clear(&mut self) -> f64 {
        0.0
    }
    /// Takes the first one out, if it is due.
    fn pop_due(&mut self, now: u64) -> bool;
}

/// Cancelled timers stay in the heap until they come to its top, or are more than the others. Clearing them
/// away then takes longer than a round, and not each round would meet it: so each pays its share.
#[derive(Default)]
pub(super) struct Heap {
    heap: BinaryHeap<Reverse<Entry>>,
    /// That of each number in use or free.
    generations: Vec<u32>,
    free: Vec<u32>,
    dead: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    deadline: u64,
    number: u32,
    generation: u32,
}

impl Heap {
    fn is_live(generations: &[u32], entry: &Entry) -> bool {
        generations[entry.number as usize] == entry.generation
    }

    /// Its number may be used again.
    fn retire(&mut self, number: u32) {
        self.generations[number as usize] += 1;
        self.free.push(number);
    }
}

impl Ordered for Heap {
    type Timer = (u32, u32);

    fn add(&mut self, deadline: u64) -> (u32, u32) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.generations.push(0);
            self.generations.len() as u32 - 1
        });
        let generation = self.generations[number as usize];
        self.heap.push(Reverse(Entry { deadline, number, generation }));
        (number, generation)
    }

    fn remove(&mut self, (number, generation): (u32, u32)) {
        assert!(self.generations[number as usize] == generation, "nothing fires");
        self.retire(number);
        self.dead += 1;
        if self.dead > self.heap.len() / 2 {
            self.clear();
        }
    }

    fn clear(&mut self) -> f64 {
        let live = self.heap.len() - self.dead;
        let share = self.dead as f64 / live.max(1) as f64;
        let generations = &self.generations;
        self.heap.retain(|entry| Self::is_live(generations, &entry.0));
        self.dead = 0;
        share
    }

    fn first(&mut self) -> Option<u64> {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if Self::is_live(&self.generations, entry) {
                return Some(entry.deadline);
            }
            self.heap.pop();
            self.dead -= 1;
        }
        None
    }

    fn pop_due(&mut self, now: u64) -> bool {
        if self.first().is_none_or(|deadline| deadline > now) {
            return false;
        }
        if let Some(Reverse(entry)) = self.heap.pop() {
            self.retire(entry.number);
        }
        true
    }
}

/// By deadline, and by number where that is the same.
#[derive(Default)]
pub(super) struct Tree {
    map: BTreeMap<(u64, u64), u32>,
    number: u64,
}

impl Ordered for Tree {
    type Timer = (u64, u64);

    fn add(&mut self, deadline: u64) -> (u64, u64) {
        self.number += 1;
        let key = (deadline, self.number);
        self.map.insert(key, 0);
        key
    }

    fn remove(&mut self, key: (u64, u64)) {
        assert!(self.map.remove(&key).is_some(), "nothing fires");
    }

    fn first(&mut self) -> Option<u64> {
        self.map.first_key_value().map(|(key, _)| key.0)
    }

    fn pop_due(&mut self, now: u64) -> bool {
        let first = self.map.first_entry().filter(|entry| entry.key().0 <= now);
        first.map(|entry| entry.remove()).is_some()
    }
}

pub(super) struct Locked<L, C> {
    lock: L,
    marker: PhantomData<C>,
}

impl<L: Guard<C>, C: Ordered> Service for Locked<L, C> {
    type Timer = C::Timer;

    fn new() -> Self {
        Self { lock: L::new(C::default()), marker: PhantomData }
    }

    #[inline(always)]
    fn schedule(&self, deadline: u32) -> C::Timer {
        self.lock.with(|timers| timers.add(deadline.into()))
    }

    #[inline(always)]
    fn cancel(&self, timer: C::Timer) {
        self.lock.with(|timers| timers.remove(timer));
    }

    fn clear(&self) -> Duration {
        let start = Instant::now();
        let share = self.lock.with(C::clear);
        start.elapsed().mul_f64(share)
    }
}

impl<L: Guard<C>, C: Ordered> Next for Locked<L, C> {
    #[inline(always)]
    fn next(&self) -> u64 {
        self.lock.with(C::first).unwrap_or(u64::MAX)
    }
}

/// The same, with a clock that goes from deadline to deadline.
pub(super) struct Turning<L, C> {
    lock: L,
    random: Random,
    marker: PhantomData<C>,
}

impl<L: Guard<C>, C: Ordered> Turns for Turning<L, C> {
    fn new(pending: usize) -> Self {
        let (mut container, mut random) = (C::default(), Random::new(0));
        for _ in 0..pending {
            container.add(random.delay().into());
        }
        Self { lock: L::new(container), random, marker: PhantomData }
    }

    fn turn(&mut self, count: u64) {
        let mut fired = 0;
        while fired < count {
            let now = self.lock.with(C::first).unwrap_or(u64::MAX);
            while self.lock.with(|timers| timers.pop_due(now)) {
                let deadline = now + u64::from(self.random.delay());
                self.lock.with(|timers| timers.add(deadline));
                fired += 1;
            }
        }
    }
}
