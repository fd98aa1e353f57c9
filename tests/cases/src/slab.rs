//! Places for values, and the pool of indices under them.

use heapless::Vec;
use inkle_core::Platform;
use inkle_core::slab::{Pool, Slab};

use crate::{Dice, Effort};

/// Each place holds one value at a time, and a handle dies with its value.
pub fn slab<P: Platform>(effort: Effort) {
    let slab = Slab::<u32, 5>::new();
    let mut dice = Dice::new(7);
    let mut alive = Vec::<_, 5>::new();
    let mut dead = None;
    for step in 0..effort.steps {
        if dice.roll(2) == 0 {
            match slab.insert(step) {
                Ok(handle) => assert!(alive.push((handle, step)).is_ok()),
                Err(back) => assert_eq!((back, alive.len()), (step, 5)),
            }
        } else if !alive.is_empty() {
            let (handle, value) = alive.swap_remove(dice.roll(alive.len()));
            assert_eq!(slab.remove(handle), Some(value));
            dead = Some(handle);
        }
        assert_eq!((slab.len(), slab.is_empty()), (alive.len(), alive.is_empty()));
        if let Some(handle) = dead {
            assert_eq!(slab.remove(handle), None);
        }
    }
}

/// Each index has one owner at a time.
pub fn pool<P: Platform>(effort: Effort) {
    let pool = Pool::<5>::new();
    let mut dice = Dice::new(3);
    let mut mine = Vec::<usize, 5>::new();
    for _ in 0..effort.steps {
        if dice.roll(2) == 0 {
            match pool.claim() {
                Some(index) => {
                    assert!(index < 5 && !mine.contains(&index));
                    assert!(mine.push(index).is_ok());
                }
                None => assert!(mine.is_full()),
            }
        } else if !mine.is_empty() {
            let index = mine.swap_remove(dice.roll(mine.len()));
            // SAFETY: claimed by us and not released since.
            unsafe { pool.release(index) };
        }
        assert_eq!(pool.free(), 5 - mine.len());
    }
}
