//! The usual size of stacks: the whole process's, so it has a process for itself.

use std::hint::black_box;

use inkle::threading::{Builder, MIN_STACK_SIZE, SpawnCause, set_stack_size, spawn, stack_size};
use inkle_tests::watchdog;

#[test]
fn th011_the_usual_stack_size_is_the_process_s() {
    const LARGE: usize = 16 << 20;
    let _watch = watchdog();
    assert_eq!(set_stack_size(LARGE), Ok(0));
    assert_eq!(stack_size(), LARGE);
    for bytes in [1, 100, MIN_STACK_SIZE - 1] {
        assert!(set_stack_size(bytes).is_err(), "{bytes}");
        assert_eq!(stack_size(), LARGE, "unchanged");
    }
    // On a stack of the usual 2 MiB this ends the process.
    let fits = || black_box([7_u8; 4 << 20]).iter().all(|byte| *byte == 7);
    assert!(spawn(fits).unwrap().join().unwrap());
    assert!(Builder::new().stack_size(LARGE).spawn(fits).unwrap().join().unwrap());

    // Nonsense is refused when a thread starts, and a builder's own size goes first.
    assert_eq!(set_stack_size(usize::MAX), Ok(LARGE));
    let error = Builder::new().spawn(|| 7).unwrap_err();
    assert!(matches!(error.cause(), SpawnCause::Refused(_)));
    let small = Builder::new().stack_size(MIN_STACK_SIZE);
    assert_eq!(small.spawn(error.into_inner()).unwrap().join().unwrap(), 7);

    assert_eq!(set_stack_size(MIN_STACK_SIZE), Ok(usize::MAX));
    assert_eq!(spawn(|| 7).unwrap().join().unwrap(), 7);
    assert_eq!(set_stack_size(0), Ok(MIN_STACK_SIZE));
}
