//! Functions in other processes: what they get, what they give, and how they end. (MP007 to MP018)
#![cfg(all(target_os = "linux", not(feature = "portable")))]

use inkle::multiprocessing::Process;
use inkle_tests::watchdog;

fn product(a: u64, b: u64) -> u64 {
    a * b
}

#[test]
fn mp008_functions_and_closures_get_arguments_and_give_results() {
    let _watchdog = watchdog();
    assert_eq!(Process::spawn(product, (6, 7)).unwrap().join().unwrap(), 42);
    let process = Process::spawn(|text: String, n: usize| text.repeat(n), ("ab".to_owned(), 3));
    assert_eq!(process.unwrap().join().unwrap(), "ababab");
    Process::spawn(|| (), ()).unwrap().join().unwrap();
}

#[test]
fn mp008_a_function_may_be_generic_and_have_eight_arguments() {
    fn list<T: ToString>(a: T, b: T, c: T, d: T, e: T, f: T, g: T, h: T) -> Vec<String> {
        [a, b, c, d, e, f, g, h].iter().map(T::to_string).collect()
    }
    let _watchdog = watchdog();
    let numbers = Process::spawn(list::<u8>, (1, 2, 3, 4, 5, 6, 7, 8)).unwrap();
    assert_eq!(numbers.join().unwrap(), ["1", "2", "3", "4", "5", "6", "7", "8"]);
    let truths = (true, false, true, false, true, false, true, false);
    assert_eq!(Process::spawn(list::<bool>, truths).unwrap().join().unwrap()[1], "false");
}
