//! Cron jobs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use inkle::sched::{Clock, Cron, EnterCause, Nap, Scheduler, VirtualClock, Wall};

use super::{FAR, SECOND};

/// A wall clock that jumps from event to event.
#[derive(Clone)]
struct Jumping(VirtualClock);
impl Clock for Jumping {
    type Time = SystemTime;
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + self.0.time()
    }
    fn sleep(&self, until: Option<SystemTime>, nap: Nap<'_>) {
        self.0.sleep(until.map(|time| time.duration_since(UNIX_EPOCH).unwrap()), nap);
    }
}

const DAY: u64 = 86_400;

fn times(cron: Cron, start: u64, end: u64) -> Vec<u64> {
    let clock = VirtualClock::jumping();
    clock.set(Duration::from_secs(start));
    let scheduler = Scheduler::with_clock(Jumping(clock));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let its = Arc::clone(&seen);
    let end = UNIX_EPOCH + Duration::from_secs(end);
    let job = scheduler.cron(cron).until(end).start(move |tick| {
        its.lock().unwrap().push(tick.time().duration_since(UNIX_EPOCH).unwrap().as_secs());
    });
    job.unwrap();
    scheduler.run().unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn sc019_cron_times_in_utc() {
    let quarter = Cron::utc("*/15 * * * *").unwrap();
    assert_eq!(times(quarter, 1, 3600), [900, 1800, 2700, 3600]);
    let leap = Cron::utc("0 0 29 2 *").unwrap();
    assert_eq!(times(leap, 0, 1000 * DAY), [789 * DAY]);
    assert_eq!(times(Cron::utc("*/20 * * * * *").unwrap(), 0, 59), [20, 40]);
}

#[test]
fn sc019_cron_missed_runs_and_the_first_time() {
    let clock = VirtualClock::new();
    let scheduler = Scheduler::with_clock(Jumping(clock.clone()));
    let missed = Arc::new(AtomicU64::new(0));
    let its = Arc::clone(&missed);
    let hourly = scheduler.cron(Cron::utc("0 * * * *").unwrap()).first_at(UNIX_EPOCH + FAR);
    let job = hourly.start(move |tick| its.store(tick.missed(), Ordering::SeqCst)).unwrap();
    assert_eq!(job.next(), Some(UNIX_EPOCH + FAR), "not before is at");
    clock.set(5 * FAR + SECOND);
    scheduler.run_pending().unwrap();
    assert_eq!((job.runs(), missed.load(Ordering::SeqCst)), (1, 4));
    assert_eq!(job.next(), Some(UNIX_EPOCH + 6 * FAR));
    // Too many to count.
    clock.set(5000 * FAR);
    scheduler.run_pending().unwrap();
    assert_eq!((job.runs(), missed.load(Ordering::SeqCst)), (2, 1000));
    assert_eq!(job.next(), Some(UNIX_EPOCH + 5001 * FAR));
}

#[test]
fn sc019_cron_that_never_comes_or_makes_no_sense() {
    for bad in ["", "* * * *", "60 * * * *", "a b c d e", "* * * * * * * *", "\0"] {
        assert!(Cron::utc(bad).is_err(), "{bad}");
    }
    assert!(Cron::in_zone("@daily", "No/Where").is_err());
    let scheduler = Scheduler::with_clock(Wall::new());
    let never = scheduler.cron(Cron::utc("0 0 30 2 *").unwrap()).start(|_| ());
    assert_eq!(never.unwrap_err().cause(), EnterCause::NeverDue);
}

/// Berlin, 2024: clocks go from 2:00 to 3:00 on March 31st (01:00 UTC), and from 3:00 back to 2:00
/// on October 27th (01:00 UTC).
#[test]
fn sc019_cron_and_daylight_saving() {
    let Ok(fixed) = Cron::in_zone("30 2 * * *", "Europe/Berlin") else {
        println!("not tested: this system has no list of zones");
        return;
    };
    let stepping = Cron::in_zone("*/30 * * * *", "Europe/Berlin").unwrap();
    let spring = 1_711_846_800;
    assert_eq!(times(fixed.clone(), spring - 7200, spring + 7200), [spring]);
    let around: Vec<u64> = (0..=4).map(|half| spring - 3600 + half * 1800).collect();
    assert_eq!(times(stepping.clone(), spring - 3601, spring + 3600), around);
    let autumn = 1_729_990_800;
    assert_eq!(times(fixed, autumn - 7200, autumn + 7200), [autumn - 1800]);
    let around: Vec<u64> = (0..=4).map(|half| autumn - 3600 + half * 1800).collect();
    assert_eq!(times(stepping, autumn - 3601, autumn + 3600), around);
}
