//! What every image has: a main loop that has one structure do its job, in view of the host.
//!
//! An image names two operations by [`image!`]. They are called in turn, between instructions that do
//! nothing but mark their begin and end for the host, which counts what the emulator runs in between. A
//! queue is then asked for an item when it is empty, and given one when it is full.
//! What the image is larger than the image `nothing` is what the structure takes of flash and RAM.
#![no_std]

use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;

// For its critical section.
use cortex_m as _;
use inkle_core::platform::{CriticalSection, NoBoard, Spin};

/// What the kernel's structures stand on here.
pub type Ground = Spin<CriticalSection<NoBoard>>;

/// How often both operations are done: a ring of eight goes round more than twice.
const ROUNDS: u32 = 20;

/// The two operations of an image, and what must be done before the first.
///
/// `put` says whether it has worked; `take` returns the item that was put. `of` is the structure: for all
/// that the compiler knows it is in use elsewhere too, for example by somebody who waits. It is a `queue`
/// if it can be empty, where `take` returns 0, and full.
#[macro_export]
macro_rules! image {
    (of $structure:expr; $($rest:tt)*) => {
        $crate::image!(@ $structure, false; $($rest)*);
    };
    (queue $structure:expr; $($rest:tt)*) => {
        $crate::image!(@ $structure, true; $($rest)*);
    };
    (
        @ $structure:expr, $is_queue:literal;
        $(setup $setup:block)?
        put($item:pat) $put:block
        take($taken:pat) $take:block
    ) => {
        #[unsafe(no_mangle)]
        extern "C" fn setup() -> bool {
            core::hint::black_box(&$structure);
            $($setup)?
            $is_queue
        }

        #[unsafe(no_mangle)]
        extern "C" fn put($item: u32) -> bool {
            $put
        }

        #[unsafe(no_mangle)]
        extern "C" fn take($taken: u32) -> u32 {
            $take
        }
    };
}

/// An image of a timer wheel with eight slots: timers 50 ticks ahead, and a turn that fires one.
#[macro_export]
macro_rules! wheel {
    ($geometry:ty) => {
        static WHEEL: inkle_core::timer::Wheel<u32, 8, $geometry> =
            inkle_core::timer::Wheel::new(inkle_core::timer::Tick::new(0));

        $crate::image! {
            queue WHEEL;
            put(item) { WHEEL.schedule(inkle_core::timer::Tick::new(50 * item), item).is_ok() }
            take(item) {
                let mut fired = 0;
                if let Some(mut driver) = WHEEL.try_drive() {
                    let now = inkle_core::timer::Tick::new(50 * item);
                    let turn = driver.advance(now, u32::MAX, |item| {
                        fired = item;
                        inkle_core::timer::Then::Done
                    });
                    core::hint::black_box(turn.next);
                }
                fired
            }
        }
    };
}

/// An image of a plain ring of eight items in one critical section an operation: `$make` makes an item of
/// the number that is put, `$give` the number of the item that is taken.
#[macro_export]
macro_rules! plain_ring {
    ($item:ty, $none:expr, |$number:ident| $make:expr, |$taken:ident| $give:expr) => {
        struct Ring {
            items: [$item; 8],
            head: u8,
            len: u8,
        }

        static RING: critical_section::Mutex<core::cell::RefCell<Ring>> =
            critical_section::Mutex::new(core::cell::RefCell::new(Ring {
                items: [$none; 8],
                head: 0,
                len: 0,
            }));

        $crate::image! {
            queue RING;
            put($number) {
                critical_section::with(|cs| {
                    let mut ring = RING.borrow_ref_mut(cs);
                    let (head, len) = (ring.head, ring.len);
                    let free = len < 8;
                    if free {
                        ring.items[usize::from((head + len) % 8)] = $make;
                        ring.len = len + 1;
                    }
                    free
                })
            }
            take(_) {
                let $taken: $item = critical_section::with(|cs| {
                    let mut ring = RING.borrow_ref_mut(cs);
                    if ring.len == 0 {
                        return $none;
                    }
                    let item = ring.items[usize::from(ring.head % 8)];
                    ring.head = (ring.head + 1) % 8;
                    ring.len -= 1;
                    item
                });
                $give
            }
        }
    };
}

unsafe extern "C" {
    // SAFETY of all calls: `image!` defines them with these very types.
    safe fn setup() -> bool;
    fn put(item: u32) -> bool;
    fn take(item: u32) -> u32;
}

/// A static that is filled in by `setup`: handles that a program would keep in a static, too.
pub struct Late<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: there is one context here, and no interrupt handler.
unsafe impl<T> Sync for Late<T> {}

impl<T> Late<T> {
    /// Empty yet.
    #[allow(clippy::new_without_default, reason = "for statics alone")]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Fills it.
    pub fn fill(&'static self, value: T) {
        // SAFETY: called by `setup`, when nobody has borrowed it.
        unsafe { (*self.0.get()).write(value) };
    }

    /// What is in it.
    #[allow(clippy::mut_from_ref, reason = "each operation borrows its own, once")]
    pub fn get(&'static self) -> &'static mut T {
        // SAFETY: `setup` has filled it before any operation runs; operations run one after the other
        // and do not keep the borrow.
        unsafe { (*self.0.get()).assume_init_mut() }
    }
}

/// Calls `$f` between the marks, of which `$begin` is the first; all that happens between them but the
/// call is the operation.
macro_rules! marked {
    ($begin:literal, $f:path, $item:expr) => {{
        let result: u32;
        // SAFETY: a call by the platform's own convention. The marks move a register to itself; the
        // compilers never do that.
        unsafe {
            asm!(
                $begin,
                "bl {f}",
                "mov r11, r11",
                f = sym $f,
                inlateout("r0") $item => result,
                clobber_abi("C"),
            );
        }
        result
    }};
}

/// An operation that does its job.
macro_rules! done {
    ($f:path, $item:expr) => {
        marked!("mov r10, r10", $f, $item)
    };
}

/// An operation that cannot.
macro_rules! refused {
    ($f:path, $item:expr) => {
        marked!("mov r9, r9", $f, $item)
    };
}

/// An operation that is not looked at.
macro_rules! unmarked {
    ($f:path, $item:expr) => {
        marked!("nop", $f, $item)
    };
}

/// What `put` says. A `bool` fills the low byte; the rest is nobody's.
fn is_put(result: u32) -> bool {
    result as u8 != 0
}

#[cortex_m_rt::entry]
fn main() -> ! {
    // Unknown to the compiler, so that this function is the same in all images.
    let is_queue = core::hint::black_box(setup());
    for item in 1..=ROUNDS {
        if !is_put(done!(put, item)) || done!(take, item) != item {
            exit(false);
        }
    }
    if is_queue {
        if refused!(take, 0) != 0 {
            exit(false);
        }
        let places = (1..=ROUNDS).take_while(|item| is_put(unmarked!(put, *item))).count();
        if places > 9 || is_put(refused!(put, ROUNDS)) {
            exit(false);
        }
    }
    exit(true)
}

/// Ends the emulator by semihosting.
fn exit(good: bool) -> ! {
    // ADP_Stopped_ApplicationExit, or ADP_Stopped_RunTimeError.
    let reason = if good { 0x2_0026 } else { 0x2_0023 };
    loop {
        // SAFETY: SYS_EXIT reads nothing from memory, and the emulator does not come back.
        unsafe { asm!("bkpt #0xab", in("r0") 0x18, in("r1") reason) };
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(false)
}
