//! The core's shared cases (`inkle-cases`) on the ground of threads. (On that of shared memory tasks
//! cannot wait, which is what some of the cases do.) And its bags in the hands of several threads.

use std::thread;

use inkle::platform::Private;
use inkle_cases::bag::{Bags, Sharing, Worker, settle};

inkle_cases::host_tests!(Private);

#[test]
fn every_item_of_every_bag_is_accounted_for() {
    static BAGS: Bags<Private> = Bags::new();
    BAGS.each(|subject| {
        let workers = [1, 2, 3].map(Worker::new);
        while workers[0].take(subject) {}
        let workers = [1, 2, 3].map(Worker::new);
        thread::scope(|scope| {
            for (number, worker) in workers.iter().enumerate() {
                let (puts, takes) = match subject.sharing {
                    Sharing::OneEach => (number == 0, number == 1),
                    _ => (true, true),
                };
                scope.spawn(move || (0..20_000).for_each(|_| worker.turn(subject, puts, takes)));
            }
        });
        settle(subject, &workers.each_ref());
    });
}
