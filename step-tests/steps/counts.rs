//! Slots, counts of those who wait, and the idle protocol.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use inkle_core::event_count::{EventCount, Key};
use inkle_core::platform::{Deadline, Wake, WideCounter};
use inkle_core::roster::{Limits, Next, Placed, Roster};
use inkle_core::slab::{Handle, Pool, Slab};

use crate::ground::{SOON, Steps};
use crate::items::{Counted, Item};
use crate::models;
use crate::subject::{Subject, op, say};

/// A pool, and what was claimed.
pub struct Claimed(Pool<2>, RefCell<Vec<usize>>);

fn claimed(count: usize) -> Claimed {
    let pool = Pool::new();
    let claimed = (0..count).map(|_| pool.claim().expect("a number")).collect();
    Claimed(pool, RefCell::new(claimed))
}

pub fn pool() -> Subject<Claimed> {
    Subject::new(
        "Pool",
        &["slab.rs"],
        vec![("all free", || claimed(0)), ("one free", || claimed(1)), ("none", || claimed(2))],
        vec![
            op("claim", |Claimed(pool, all), _| {
                let index = pool.claim();
                all.borrow_mut().extend(index);
                say(index.is_some())
            }),
            op("release", |Claimed(pool, all), _| {
                let last = all.borrow_mut().pop();
                // SAFETY: it was claimed, and nobody else has it now.
                match last.map(|index| unsafe { pool.release(index) }) {
                    Some(()) => "Ok".into(),
                    None => "nothing claimed".into(),
                }
            })
            // Whoever has claimed may not have written it down yet.
            .weak("nothing claimed"),
            op("free", |Claimed(pool, _), _| {
                assert!(pool.free() <= 2);
                "some".into()
            }),
        ],
        |Claimed(pool, all)| {
            let mut all = all.into_inner();
            all.extend(std::iter::from_fn(|| pool.claim()));
            all.sort_unstable();
            assert_eq!(all, [0, 1], "each number once");
            String::new()
        },
    )
    .then(3)
    .limit(8)
    .model(|state| models::pool(state))
}

/// A slab, and the handles of what is in it.
pub struct Filed(Counted<Slab<Item, 2>>, RefCell<Vec<Handle>>);

fn filed(count: u8) -> Filed {
    let slab = Counted::new(Slab::new());
    let handles =
        (0..count).map(|n| slab.queue.insert(slab.item(100 + n)).expect("room")).collect();
    Filed(slab, RefCell::new(handles))
}

pub fn slab() -> Subject<Filed> {
    Subject::new(
        "Slab",
        &["slab.rs"],
        vec![("empty", || filed(0)), ("one inside", || filed(1)), ("full", || filed(2))],
        vec![
            op("insert", |Filed(slab, all), n| match slab.queue.insert(slab.item(n)) {
                Ok(handle) => {
                    all.borrow_mut().push(handle);
                    "Ok".into()
                }
                Err(_) => "Full".into(),
            })
            .weak("Full"),
            // Two may remove by the same handle.
            op("remove", |Filed(slab, all), _| {
                let first = all.borrow().first().copied();
                say(first.and_then(|handle| slab.queue.remove(handle)).map(|item| item.0))
            }),
            op("len", |Filed(slab, _), _| {
                assert!(slab.queue.len() <= 2);
                "some".into()
            }),
        ],
        |Filed(slab, all)| {
            let all = all.into_inner();
            let left: Vec<u8> = all
                .iter()
                .filter_map(|&handle| slab.queue.remove(handle))
                .map(|item| item.0)
                .collect();
            for number in 0..2 {
                assert!(slab.queue.insert(slab.item(number)).is_ok(), "a place is lost");
            }
            slab.all_dropped();
            say(left)
        },
    )
    .then(3)
    .limit(9)
    .model(|state| models::slab(state as u8))
}

/// An event count, and those who are about to wait.
pub struct Waiters(EventCount<Steps>, RefCell<Vec<Key>>);

fn waiters(count: usize) -> Waiters {
    let event = EventCount::new();
    let keys = (0..count).map(|_| event.prepare()).collect();
    Waiters(event, RefCell::new(keys))
}

fn counts(name: &'static str) -> Subject<Waiters> {
    Subject::new(
        name,
        &["event_count.rs"],
        vec![
            ("nobody", || waiters(0)),
            ("one is about to wait", || waiters(1)),
            ("two are about to wait", || waiters(2)),
        ],
        vec![
            op("prepare", |Waiters(event, keys), _| {
                let key = event.prepare();
                keys.borrow_mut().push(key);
                say(())
            }),
            op("cancel", |Waiters(event, keys), _| {
                let key = keys.borrow_mut().pop();
                say(key.map(|key| event.cancel(key)))
            }),
            op("notify", |Waiters(event, _), _| say(event.notify(1))),
            op("notify_after_rmw", |Waiters(event, _), _| say(event.notify_after_rmw(u32::MAX))),
            // Sleeps, and is left asleep while the others run.
            op("wait", |Waiters(event, keys), _| {
                let key = keys.borrow_mut().pop();
                say(key.map(|key| event.wait(key, SOON)))
            })
            // Whether it was woken says what came in between, and by whom.
            .loose(),
        ],
        |Waiters(event, keys)| {
            keys.into_inner().into_iter().for_each(|key| event.cancel(key));
            // Nobody is left in the counts, or this one would not be woken.
            let key = event.prepare();
            event.notify(1);
            assert_eq!(event.wait(key, Deadline::PASSED), Wake::Woken);
            String::new()
        },
    )
    .limit(8)
}

pub fn event_count() -> Subject<Waiters> {
    counts("EventCount")
}

/// Nobody waits, and nobody comes to.
pub fn event_count_alone() -> Subject<Waiters> {
    let mut subject = counts("EventCount, nobody waits");
    subject.states.truncate(1);
    subject.operations.retain(|operation| operation.name().starts_with("notify"));
    subject.operations =
        subject.operations.into_iter().map(|operation| operation.wait_free(4)).collect();
    subject
}

/// A counter of a few bits that runs, and the wide one.
pub struct Clock(WideCounter, Cell<u32>);

pub fn wide_counter() -> Subject<Clock> {
    Subject::new(
        "WideCounter",
        &["platform/wide_counter.rs"],
        vec![("half a turn", || Clock(WideCounter::new(), Cell::new(0x7FFF_FFFE)))],
        vec![
            op("read", |Clock(counter, low), _| {
                let timer = || {
                    low.set(low.get().wrapping_add(1));
                    low.get()
                };
                say(counter.read(timer))
            })
            .loose()
            .wait_free(4),
        ],
        |Clock(counter, low)| {
            assert_eq!(counter.read(|| low.get()), u64::from(low.get()));
            String::new()
        },
    )
    .limit(2)
}

/// A roster, and what its users owe it.
pub struct Staff {
    roster: Roster<Steps>,
    /// Workers that have a job.
    working: Cell<u32>,
    /// Workers that are away.
    away: Cell<u32>,
}

const LIMITS: Limits = Limits { most: 2, least: 0, spares: 1, queue: 1 };

/// Takes one of those, if there is one.
fn take(count: &Cell<u32>) -> bool {
    let some = count.get() > 0;
    count.set(count.get() - u32::from(some));
    some
}

fn staff(working: u32, queued: u32) -> Staff {
    let roster = Roster::new();
    for _ in 0..working {
        assert_eq!(roster.submit(LIMITS), Ok(Placed::Start));
    }
    for _ in 0..queued {
        assert_eq!(roster.submit(LIMITS), Ok(Placed::Queued));
    }
    Staff { roster, working: Cell::new(working), away: Cell::new(0) }
}

impl Staff {
    fn started(&self) {
        self.working.set(self.working.get() + 1);
    }
}

pub fn roster() -> Subject<Staff> {
    Subject::new(
        "Roster",
        &["roster/mod.rs"],
        vec![
            ("nobody", || staff(0, 0)),
            ("one works", || staff(1, 0)),
            ("two work, one job waits", || staff(2, 1)),
        ],
        vec![
            op("submit", |staff: &Staff, _| {
                let placed = staff.roster.submit(LIMITS);
                match placed {
                    Ok(Placed::Start) => staff.started(),
                    Ok(Placed::Wake) => staff.roster.wake(),
                    _ => {}
                }
                say(placed)
            }),
            op("not_started", |staff: &Staff, _| {
                say(take(&staff.working).then(|| staff.roster.not_started()))
            })
            .loose(),
            op("wake", |staff: &Staff, _| say(staff.roster.wake())).wait_free(2),
            op("next", |staff: &Staff, _| {
                say(take(&staff.working).then(|| {
                    let next = staff.roster.next(|| LIMITS, Duration::from_secs(1), || false);
                    if next != Next::End {
                        staff.started();
                    }
                    next
                }))
            })
            .loose(),
            op("go_away", |staff: &Staff, _| {
                say(take(&staff.working).then(|| {
                    let away = staff.roster.go_away(LIMITS);
                    match away {
                        None => staff.started(),
                        Some(start) => {
                            staff.away.set(staff.away.get() + 1);
                            staff.working.set(staff.working.get() + u32::from(start));
                        }
                    }
                    away
                }))
            })
            .loose(),
            op("came_back", |staff: &Staff, _| {
                say(take(&staff.away).then(|| {
                    staff.roster.came_back();
                    staff.started();
                }))
            })
            .loose(),
            op("start_for_queue", |staff: &Staff, _| {
                let start = staff.roster.start_for_queue(LIMITS);
                staff.working.set(staff.working.get() + u32::from(start));
                say(start)
            }),
            op("rouse", |staff: &Staff, _| {
                let start = staff.roster.rouse(LIMITS.most);
                staff.working.set(staff.working.get() + u32::from(start));
                say(start)
            })
            // Somebody who is about to fall asleep is missed.
            .loose(),
            op("not_roused", |staff: &Staff, _| {
                say(take(&staff.working).then(|| staff.roster.not_roused()))
            })
            .loose(),
            op("close", |staff: &Staff, _| say(staff.roster.close())),
            op("revoke", |staff: &Staff, _| say(staff.roster.revoke(1))),
            op("census", |staff: &Staff, _| {
                let _ = staff.roster.census();
                String::new()
            }),
        ],
        |staff| {
            let census = staff.roster.census();
            assert_eq!(census.active, staff.working.get());
            assert_eq!(census.away, staff.away.get());
            assert_eq!(census.idle, 0);
            say(census)
        },
    )
    .limit(40)
}
