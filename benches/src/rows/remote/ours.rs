//! Ours: an executor here, a worker in another process.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use inkle::concurrent::{Future, Submit};
use inkle::multiprocessing::ProcessPoolExecutor;
use inkle::remote::{RemoteExecutor, Settings, Worker};

use super::{FLIGHT, Load, Site, Staff};

fn same(number: u64) -> u64 {
    black_box(number)
}

inkle::register!("benches.same", same as fn(u64) -> u64);

const SLOTS: u32 = 2;

/// The worker's process.
fn works(settings: (String, String, bool)) {
    let (url, realm, durable) = settings;
    let settings = Settings::new(url).realm(realm);
    let worker = Worker::builder(&settings).slots(SLOTS).durable(durable).start();
    worker.expect("the server is there").wait();
}

/// Has so many numbers sent there and back.
pub(super) fn work(executor: &impl Submit<u64, u64>, load: Load, count: u64) {
    let submit = |number| executor.submit_fn(same, number).expect("it is open");
    let redeem = |future: Future<u64>| future.join().expect("nobody dies");
    if load == Load::Trip {
        return (0..count).for_each(|number| assert_eq!(redeem(submit(number)), number));
    }
    let mut flying = VecDeque::with_capacity(FLIGHT);
    let mut sum = 0;
    for number in 0..count {
        if flying.len() == FLIGHT {
            sum += flying.pop_front().map_or(0, redeem);
        }
        flying.push_back(submit(number));
    }
    sum += flying.into_iter().map(redeem).sum::<u64>();
    assert_eq!(sum, count * (count - 1) / 2);
}

pub(super) fn processes() -> ProcessPoolExecutor {
    let pool = ProcessPoolExecutor::new(SLOTS).expect("two are not too many");
    work(&pool, Load::Flight, u64::from(SLOTS));
    pool
}

/// An executor goes before its worker does, and the server last: all three are in this order.
struct Crew {
    executor: RemoteExecutor,
    _staff: Staff,
    _site: Site,
}

pub(super) struct Fast(Crew);

impl Fast {
    pub(super) fn new(site: &Site, ahead: u32) -> Self {
        let realm = format!("ahead-{ahead}");
        let settings = Settings::new(site.url()).realm(realm.clone()).ahead(ahead);
        let executor = RemoteExecutor::connect(&settings).expect("the server is there");
        let staff = Staff::start(works, ((site.url(), realm, false),));
        let crew = Crew { executor, _staff: staff, _site: site.clone() };
        work(&crew.executor, Load::Flight, 8);
        Self(crew)
    }

    pub(super) fn work(&self, load: Load, count: u64) {
        work(&self.0.executor, load, count);
    }
}

pub(super) struct Durable(Crew);

impl Durable {
    pub(super) fn new(site: &Site) -> Self {
        let settings = Settings::new(site.url()).realm("durable").lease(Duration::from_secs(30));
        let executor = RemoteExecutor::attach(&settings, "benches").expect("the server keeps");
        let staff = Staff::start(works, ((site.url(), "durable".into(), true),));
        let crew = Crew { executor, _staff: staff, _site: site.clone() };
        work(&crew.executor, Load::Flight, 8);
        Self(crew)
    }

    pub(super) fn work(&self, load: Load, count: u64) {
        work(&self.0.executor, load, count);
    }
}
