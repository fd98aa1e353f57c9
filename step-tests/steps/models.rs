//! What the types are, in plain words: the sequential specifications. Each sequence of a few calls on the type,
//! alone, gives the answers that its model gives. So what `schedules` takes for right, the type run alone, is.

use std::collections::VecDeque;
use std::fmt::Write;

use crate::schedules::WAITS;
use crate::stopped;
use crate::subject::{Answer, say};
use crate::tried::{Call, FIRST, Plan};

/// A sequential specification.
pub trait Model {
    /// Makes a call of the operation with this name.
    fn call(&mut self, name: &str, number: u8) -> Answer;
    /// What is left.
    fn end(&self) -> Answer;
    /// The same once more.
    fn copy(&self) -> Box<dyn Model>;
}

/// Types without a model, and why: what they do is then only compared with what they do alone.
const WITHOUT: &[(&str, &str)] = &[
    (
        "spsc::Ring, its handles",
        "the ring's own model, and asserts on chunks and slices in its unit tests",
    ),
    ("spsc::Overwriting", "what is overwritten is checked by its unit tests"),
    ("EventCount", "whether a sleep ends is all it says"),
    ("EventCount, nobody waits", "it answers nothing"),
    ("WideCounter", "one operation, which says what its clock says"),
    ("Roster", "its protocol is in `loom-tests/models/roster.rs`"),
    ("Lock, a task waits", "the lock's model; the task is a place in a list"),
    ("RLock", "each operation acquires and releases"),
    ("Semaphore, a task waits", "the semaphore's model; the task is a place in a list"),
    ("RwLock", "who is kept out by a writer that waits is in `loom-tests/models/sync/rw_lock.rs`"),
    ("RwLock, a task waits", "as above"),
    ("Condition", "it answers nothing"),
    ("Condition, a thread waits", "whether a sleep ends is all it says"),
    ("Event, a task waits", "the event's model; the task is a place in a list"),
    ("Latch, a task waits", "the latch's model; the task is a place in a list"),
    ("Once, a task waits", "the cell's model; the task is a place in a list"),
    ("Promise, a task waits", "the promise's model; the task is a place in a list"),
    ("Barrier", "alone every wait breaks it"),
    ("Barrier, a task waits", "as above"),
    ("CancelToken, a task waits", "the token's model; the task is a place in a list"),
    ("Outcome", "its phases are in `loom-tests/models/sync/outcome.rs`"),
    ("Outcome, a task waits", "as above"),
    ("Channel, a task waits", "the channel's model; the task is a place in a list"),
    ("Context", "its values are compared in its unit tests"),
    ("Nest", "what is stolen depends on how far the owner has come"),
    ("Wheel", "a model of the wheel is in its unit tests"),
    ("Timers", "as above"),
    ("robust::Lock", "who may release, and who has died, is in `loom-tests/models/robust/lock.rs`"),
    ("robust::RLock", "each operation acquires and releases"),
    ("robust::Bell", "whether a sleep ends is all it says"),
    ("robust::Bell, nobody sleeps", "it answers nothing"),
    ("robust::Barrier", "alone every wait breaks it"),
    ("Survivors of sync", "the models of what it is made of"),
    ("robust::Records", "a model of records is in its unit tests"),
];

/// Any number of items that come out in some order.
#[derive(Clone)]
pub struct Items {
    left: Vec<u8>,
    most: usize,
    closed: bool,
    order: Order,
}

/// In which order items come out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    First,
    Last,
    Smallest,
}

impl Items {
    /// Holds `most`; states are how many are inside.
    pub fn boxed(most: usize, order: Order, inside: usize) -> Box<dyn Model> {
        let left = (100..).take(inside).collect();
        Box::new(Self { left, most, closed: false, order })
    }

    fn next(&self) -> Option<usize> {
        let places = 0..self.left.len();
        match self.order {
            Order::First => places.min(),
            Order::Last => places.max(),
            Order::Smallest => places.min_by_key(|&place| self.left[place]),
        }
    }

    fn push(&mut self, item: u8) -> Answer {
        if self.closed {
            return "Closed".into();
        }
        if self.left.len() == self.most {
            return "Full".into();
        }
        self.left.push(item);
        "Ok".into()
    }

    fn pop(&mut self) -> Answer {
        match self.next() {
            Some(place) => format!("Ok({})", self.left.remove(place)),
            None if self.closed => "Err(Closed)".into(),
            None => "Err(Empty)".into(),
        }
    }
}

impl Model for Items {
    fn call(&mut self, name: &str, number: u8) -> Answer {
        match name {
            "try_push" => self.push(number),
            "try_pop" => self.pop(),
            "force_push" if self.closed => "Err(())".into(),
            "force_push" => {
                let oldest = (self.left.len() == self.most).then(|| self.left.remove(0));
                self.left.push(number);
                say(Ok::<_, ()>(oldest))
            }
            "peek" => say(self.next().map(|place| self.left[place])),
            "take_all" => say((self.left.drain(..).collect::<Vec<u8>>(), self.closed)),
            "close" => say(!std::mem::replace(&mut self.closed, true)),
            "is_closed" => say(self.closed),
            "len" => "some".into(),
            "split" => "true".into(),
            other => panic!("no such operation in the model: {other}"),
        }
    }

    fn end(&self) -> Answer {
        let mut rest = self.clone();
        let mut left = Vec::new();
        while let Some(place) = rest.next() {
            left.push(rest.left.remove(place));
        }
        format!("{left:?}, closed {}", self.closed)
    }

    fn copy(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}

/// A model of a few words.
#[derive(Clone)]
pub struct Small<M> {
    state: M,
    call: fn(&mut M, &str, u8) -> Answer,
    end: fn(&M) -> Answer,
}

impl<M: Clone + 'static> Small<M> {
    pub fn boxed(
        state: M,
        call: fn(&mut M, &str, u8) -> Answer,
        end: fn(&M) -> Answer,
    ) -> Box<dyn Model> {
        Box::new(Self { state, call, end })
    }
}

impl<M: Clone + 'static> Model for Small<M> {
    fn call(&mut self, name: &str, number: u8) -> Answer {
        (self.call)(&mut self.state, name, number)
    }

    fn end(&self) -> Answer {
        (self.end)(&self.state)
    }

    fn copy(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}

fn unknown(name: &str) -> Answer {
    panic!("no such operation in the model: {name}")
}

/// Somebody who asks until a moment passes, or for ever.
fn asks(name: &str, there: bool, passed: &str) -> Answer {
    match (there, name.ends_with("_until")) {
        (true, _) => "Ok(())".into(),
        (false, true) => passed.into(),
        (false, false) => WAITS.into(),
    }
}

/// `most` of them, of which so many are there. How a lock and a semaphore answer differs.
pub fn permits(there: u32, most: u32) -> Box<dyn Model> {
    Small::boxed(
        (there, most),
        |(there, most), name, _| match name {
            "try_acquire" => {
                let some = *there > 0;
                *there -= u32::from(some);
                say(some)
            }
            "acquire_until" | "acquire" => {
                let answer = asks(name, *there > 0, "Err(TimedOut)");
                *there = there.saturating_sub(1);
                if name == "acquire" { answer.replace("Ok(())", "()") } else { answer }
            }
            "release" => match (*most, *there < *most) {
                (u32::MAX, _) => {
                    *there += 1;
                    "Ok(())".into()
                }
                (_, fits) => {
                    *there += u32::from(fits);
                    say(fits)
                }
            },
            "available" => say(*there),
            other => unknown(other),
        },
        |(there, _)| say(there),
    )
}

/// A lock.
pub fn lock(held: bool) -> Box<dyn Model> {
    Small::boxed(
        held,
        |held, name, _| match name {
            "try_acquire" => say(!std::mem::replace(held, true)),
            "acquire_until" => asks(name, !std::mem::replace(held, true), "Err(TimedOut)"),
            "acquire" if *held => WAITS.into(),
            "acquire" => {
                *held = true;
                "()".into()
            }
            "release" if std::mem::replace(held, false) => "Ok(())".into(),
            "release" => "Err(NotHeld)".into(),
            "is_held" => say(*held),
            other => unknown(other),
        },
        |held| say(held),
    )
}

/// Something behind a lock that counts who gave it back.
pub fn mutex() -> Box<dyn Model> {
    Small::boxed(
        (false, 0),
        |(held, count), name, _| match name {
            "try_lock" | "lock_until" => say(!std::mem::replace(held, true)),
            "lock" if *held => WAITS.into(),
            "lock" => {
                *held = true;
                "true".into()
            }
            "drop the guard" if *held => {
                (*held, *count) = (false, *count + 1);
                "Ok".into()
            }
            "drop the guard" => "nobody".into(),
            other => unknown(other),
        },
        |(_, count): &(bool, u32)| say(count),
    )
}

/// An event.
pub fn event(set: bool) -> Box<dyn Model> {
    Small::boxed(
        set,
        |set, name, _| match name {
            "set" | "clear" => {
                *set = name == "set";
                "()".into()
            }
            "is_set" => say(*set),
            "wait_until" => asks(name, *set, "Err(TimedOut)"),
            "wait" if *set => "()".into(),
            "wait" => WAITS.into(),
            other => unknown(other),
        },
        |set| say(set),
    )
}

/// A latch of so many steps.
pub fn latch(steps: u32) -> Box<dyn Model> {
    Small::boxed(
        steps,
        |steps, name, _| match name {
            "count_down" if *steps == 0 => "Err(BelowZero)".into(),
            "count_down" => {
                *steps -= 1;
                "Ok(())".into()
            }
            "remaining" => say(*steps),
            "try_wait" => say(*steps == 0),
            "wait_until" => asks(name, *steps == 0, "Err(TimedOut)"),
            "wait" if *steps == 0 => "()".into(),
            "wait" => WAITS.into(),
            other => unknown(other),
        },
        |steps| say(steps),
    )
}

/// A cell that is written once.
pub fn once(full: bool) -> Box<dyn Model> {
    Small::boxed(
        full.then_some(100_u8),
        |value, name, number| match name {
            "get" => say(*value),
            "set" => say(value.replace(value.unwrap_or(number)).is_none()),
            "get_or_init" => say(*value.get_or_insert(number)),
            "wait_until" => say(value.ok_or("TimedOut")).replace('"', ""),
            "wait" => value.map_or(WAITS.into(), say),
            other => unknown(other),
        },
        |value| say(value),
    )
}

/// A result that is taken once.
pub fn promise(full: bool) -> Box<dyn Model> {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Of {
        Nothing,
        Value(u8),
        Taken,
        Broken,
    }
    Small::boxed(
        if full { Of::Value(100) } else { Of::Nothing },
        |of, name, number| match (name, *of) {
            ("is_set", _) => say(matches!(*of, Of::Value(_) | Of::Taken)),
            ("set", Of::Nothing) => {
                *of = Of::Value(number);
                "true".into()
            }
            ("abandon", Of::Nothing) => {
                *of = Of::Broken;
                "true".into()
            }
            ("set" | "abandon", _) => "false".into(),
            ("try_take" | "take_until" | "take", Of::Value(value)) => {
                *of = Of::Taken;
                format!("Ok({value})")
            }
            ("try_take" | "take_until" | "take", Of::Taken) => "Err(Taken)".into(),
            ("try_take" | "take_until" | "take", Of::Broken) => "Err(Broken)".into(),
            ("try_take", _) => "Err(Empty)".into(),
            ("take_until", _) => "Err(TimedOut)".into(),
            ("take", _) => WAITS.into(),
            (other, _) => unknown(other),
        },
        |of| {
            let value = if let Of::Value(value) = *of { Some(value) } else { None };
            format!("{}, {value:?}", *of == Of::Nothing)
        },
    )
}

/// Who is cancelled first stays so.
pub fn cancel_token() -> Box<dyn Model> {
    Small::boxed(
        None,
        |reason, name, number| match name {
            "cancel" => say(reason.replace(reason.unwrap_or(number)).is_none()),
            "is_cancelled" | "is_cancelled by its parent" => say(reason.is_some()),
            other => unknown(other),
        },
        |reason| say(reason.map(|number| inkle_core::sync::Reason::custom(number.into()))),
    )
}

/// Numbers, so many of which are claimed.
pub fn pool(claimed: usize) -> Box<dyn Model> {
    Small::boxed(
        claimed,
        |claimed, name, _| match name {
            "claim" => {
                let some = *claimed < 2;
                *claimed += usize::from(some);
                say(some)
            }
            "release" if *claimed == 0 => "nothing claimed".into(),
            "release" => {
                *claimed -= 1;
                "Ok".into()
            }
            "free" => "some".into(),
            other => unknown(other),
        },
        |_| String::new(),
    )
}

/// A slab whose first handle is the one that removes: its items, and whether the first is gone.
pub fn slab(inside: u8) -> Box<dyn Model> {
    Small::boxed(
        (0..inside).map(|n| (100 + n, true)).collect::<Vec<(u8, bool)>>(),
        |all, name, number| match name {
            "insert" if all.iter().filter(|(_, there)| *there).count() == 2 => "Full".into(),
            "insert" => {
                all.push((number, true));
                "Ok".into()
            }
            "remove" => match all.first_mut() {
                Some((item, there)) => {
                    let was_there = std::mem::replace(there, false);
                    say(was_there.then_some(*item))
                }
                None => "None".into(),
            },
            "len" => "some".into(),
            other => unknown(other),
        },
        |all| say(all.iter().filter(|one| one.1).map(|one| one.0).collect::<Vec<_>>()),
    )
}

/// Two levels of two places together: the lower number first, each in the order of arrival.
pub fn levels(inside: usize) -> Box<dyn Model> {
    type Of = (Vec<(u8, u8)>, bool);
    fn push((items, closed): &mut Of, level: u8, item: u8) -> Answer {
        match (*closed, items.len()) {
            (true, _) => "Closed".into(),
            (false, 2) => "Full".into(),
            (false, _) => {
                items.push((level, item));
                items.sort_by_key(|&(level, _)| level);
                "Ok".into()
            }
        }
    }
    Small::boxed(
        ((0..2).zip(100..).take(inside).collect::<Vec<_>>(), false),
        |of, name, number| match name {
            "try_push" => push(of, 0, number),
            "try_push low" => push(of, 1, number),
            "try_pop" if of.0.is_empty() => if of.1 { "Err(Closed)" } else { "Err(Empty)" }.into(),
            "try_pop" => format!("Ok({})", of.0.remove(0).1),
            "close" => say(!std::mem::replace(&mut of.1, true)),
            "is_closed" => say(of.1),
            other => unknown(other),
        },
        |(items, closed)| {
            let left: Vec<u8> = items.iter().map(|&(_, item)| item).collect();
            format!("{left:?}, closed {closed}")
        },
    )
}

/// Two places: the owner at the one end, thieves at the other.
pub fn deque(inside: &[u8]) -> Box<dyn Model> {
    Small::boxed(
        inside.iter().copied().collect::<VecDeque<u8>>(),
        |items, name, number| match name {
            "push" => {
                let fits = items.len() < 2;
                items.extend(fits.then_some(number));
                say(fits)
            }
            "pop" => say(items.pop_back()),
            "steal" => say(Some(items.pop_front())),
            "steal until" => say(items.pop_front()),
            "owner" => "true".into(),
            "len" => "some".into(),
            other => unknown(other),
        },
        |items| say(items.iter().rev().collect::<Vec<_>>()),
    )
}

/// A channel of two places: items, tasks that are not done, and whether it is shut down.
pub fn channel(inside: u8) -> Box<dyn Model> {
    type Of = (VecDeque<u8>, usize, bool);
    fn put(of: &mut Of, number: u8, full: &str) -> Answer {
        let (items, unfinished, closed) = of;
        if *closed {
            return "Closed".into();
        }
        if items.len() == 2 {
            return full.into();
        }
        items.push_back(number);
        *unfinished += 1;
        "Ok".into()
    }
    fn get((items, _, closed): &mut Of, empty: &str) -> Answer {
        match items.pop_front() {
            Some(item) => format!("Ok({item})"),
            None if *closed => "Err(ShutDown)".into(),
            None => empty.into(),
        }
    }
    Small::boxed(
        ((100..100 + inside).collect::<VecDeque<u8>>(), usize::from(inside), false),
        |of, name, number| match name {
            "try_put" | "put_until" => put(of, number, "Full"),
            "put" => put(of, number, WAITS),
            "try_get" => get(of, "Err(Empty)"),
            "get_until" => get(of, "Err(TimedOut)"),
            "get" => get(of, WAITS),
            "force_put" if of.2 => "Err(())".into(),
            "force_put" => {
                let oldest = if of.0.len() == 2 { of.0.pop_front() } else { None };
                put(of, number, "");
                of.1 -= usize::from(oldest.is_some());
                say(Ok::<_, ()>(oldest))
            }
            "peek" => say(of.0.front()),
            "task_done" if of.1 == 0 => "Err(TooManyDone)".into(),
            "task_done" => {
                of.1 -= 1;
                "Ok(())".into()
            }
            "shutdown" | "shutdown immediately" => {
                of.2 = true;
                if name != "shutdown" {
                    of.1 = of.1.saturating_sub(of.0.len());
                    of.0.clear();
                }
                "()".into()
            }
            "is_shut_down" => say(of.2),
            "join_until" => asks(name, of.1 == 0, "Err(TimedOut)"),
            "join" if of.1 == 0 => "()".into(),
            "join" => WAITS.into(),
            other => unknown(other),
        },
        |(items, unfinished, closed)| {
            let mut end = say(items);
            let _ = write!(end, ", {unfinished} unfinished, closed {closed}");
            end
        },
    )
}

/// Compares all sequences of up to three calls with the model. How many there were.
fn conforms(plan: &Plan, model: fn(usize) -> Box<dyn Model>) -> Result<usize, String> {
    let mut count = 0;
    for (state, described) in plan.states.iter().enumerate() {
        let mut open = vec![(Vec::new(), model(state), Vec::new())];
        while let Some((calls, model, answers)) = open.pop() {
            let waits = answers.last().is_some_and(|answer: &Answer| answer == WAITS);
            let plain = plan.runs.plain(state, &calls);
            let end = if waits { String::new() } else { model.end() };
            if (&plain.answers, &plain.end) != (&answers, &end) {
                let name = |&(at, number): &Call| format!("{}({number})", plan.operations[at].name);
                let calls: Vec<_> = calls.iter().map(name).collect();
                return Err(format!(
                    "{}, {described}: {calls:?}\n  the type:  {:?}, {:?}\n  its model: {answers:?}, {end:?}",
                    plan.name, plain.answers, plain.end,
                ));
            }
            count += 1;
            if waits || calls.len() == 3 {
                continue;
            }
            for (at, about) in plan.operations.iter().enumerate() {
                let (mut calls, mut model, mut answers) =
                    (calls.clone(), model.copy(), answers.clone());
                let number = FIRST + calls.len() as u8;
                answers.push(model.call(about.name, number));
                calls.push((at, number));
                open.push((calls, model, answers));
            }
        }
    }
    Ok(count)
}

#[test]
fn alone_each_type_is_its_model() {
    let plans = stopped::all_with_blocking();
    let mut wrong = Vec::new();
    for plan in &plans {
        let excused = WITHOUT.iter().any(|(name, _)| *name == plan.name);
        assert!(plan.model.is_some() != excused, "{}: a model or a reason, not both", plan.name);
        match plan.model.map(|model| conforms(plan, model)) {
            Some(Ok(count)) => println!("{}: {count} sequences", plan.name),
            Some(Err(why)) => wrong.push(why),
            None => {}
        }
    }
    for (name, _) in WITHOUT {
        assert!(plans.iter().any(|plan| plan.name == *name), "{name}: excused, and not there");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A model that is wrong is found.
#[test]
fn a_wrong_model_is_found() {
    let plan = crate::queues::stack().plan();
    let wrong = conforms(&plan, |state| Items::boxed(2, Order::First, state.min(2)));
    assert!(wrong.is_err_and(|why| why.contains("its model: ")));
}
