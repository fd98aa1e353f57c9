//! What errors say to a reader, and that a rejected item comes back, which needs neither `Debug` nor `Display`.

use std::error::Error;

use inkle_core::error::*;
use inkle_core::queue::spsc::TooFewSlots;
use inkle_core::sync::Reason;

/// What is rejected: it can say nothing of itself.
struct Mute;

/// An error's two texts.
fn texts(error: &dyn Error) -> (String, String) {
    (format!("{error:?}"), error.to_string())
}

#[test]
fn errors_with_an_item_say_why_and_give_it_back() {
    macro_rules! check {
        ($($error:expr => $debug:literal, $text:literal;)+) => {$({
            let error = $error;
            assert_eq!(texts(&error), ($debug.to_string(), $text.to_string()));
            let Mute = error.into_inner();
        })+};
    }
    check! {
        PushError::Full(Mute) => "Full(..)", "the queue is full";
        PushError::Closed(Mute) => "Closed(..)", "the queue is closed";
        PutError::Full(Mute) => "Full(..)", "the channel is full";
        PutError::TimedOut(Mute) => "TimedOut(..)", "the channel stayed full until the deadline";
        PutError::ShutDown(Mute) => "ShutDown(..)", "the channel has been shut down";
        PutError::Cancelled(Mute, Reason::FAILED) => "Cancelled(..)", "the put was cancelled";
        ScheduleError::Full(Mute) => "Full(..)", "the wheel is full";
        ScheduleError::TooFar(Mute) => "TooFar(..)", "the deadline lies beyond the wheel's horizon";
        ResetError::OtherVariable(Mute) => "OtherVariable(..)", "the token is another variable's";
        ResetError::OtherContext(Mute) => "OtherContext(..)", "the token is from another context";
        ResetError::Busy(Mute) => "Busy(..)", "a change of the context is interrupted here";
        Entered(Mute) => "Entered(..)", "somebody runs in the context already";
    }
}

#[test]
fn plain_errors_say_why() {
    let reason = Reason::DEADLINE;
    let texts: [(&dyn Error, &str); 51] = [
        (&PopError::Empty, "the queue is empty"),
        (&PopError::Closed, "the queue is closed and drained"),
        (&GetError::Empty, "the channel is empty"),
        (&GetError::TimedOut, "the channel stayed empty until the deadline"),
        (&GetError::ShutDown, "the channel has been shut down and is drained"),
        (&GetError::Cancelled(reason), "the get was cancelled"),
        (&PutRecordError::Full, "the queue is full"),
        (&PutRecordError::TimedOut, "the queue stayed full until the deadline"),
        (&PutRecordError::ShutDown, "the queue has been shut down"),
        (&PutRecordError::TooLarge, "the record is larger than the queue"),
        (&PutRecordError::Corrupt, "what lies in the queue's memory makes no sense"),
        (&GetRecordError::Empty, "the queue is empty"),
        (&GetRecordError::TimedOut, "the queue stayed empty until the deadline"),
        (&GetRecordError::ShutDown, "the queue has been shut down and is drained"),
        (&GetRecordError::TooSmall { len: 9 }, "the next record is larger than the buffer"),
        (&GetRecordError::Corrupt, "what lies in the queue's memory makes no sense"),
        (&TakeError::Empty, "the promise is not kept yet"),
        (&TakeError::TimedOut, "the promise was not kept until the deadline"),
        (&TakeError::Taken, "the promised value has been taken"),
        (&TakeError::Broken, "the promise has been abandoned"),
        (&TakeError::Cancelled(reason), "the wait for the promise was cancelled"),
        (&OutcomeError::NotDone, "the work is not done yet"),
        (&OutcomeError::TimedOut, "the work was not done until the deadline"),
        (&OutcomeError::Cancelled, "the work has been cancelled"),
        (&OutcomeError::CalledOff(reason), "the wait for the work was called off"),
        (&RescheduleError::Full, "the wheel is full"),
        (&RescheduleError::TooFar, "the deadline lies beyond the wheel's horizon"),
        (&RescheduleError::TooLate, "the timer is over"),
        (&TooLate, "the timer is over"),
        (&CancelError::TooLate, "the timer is over"),
        (&CancelError::TimedOut, "the timer's action ran until the deadline"),
        (&WheelFull, "the wheel is full"),
        (&SleepError::TimedOut, "the deadline passed"),
        (&SleepError::Full, "the wheel is full"),
        (&NoSlot, "all slots for context variables are taken"),
        (&SetError::NoSlot, "all slots for context variables are taken"),
        (&SetError::Busy, "a change of the context is interrupted here"),
        (&BelowZero, "a latch counted down below zero"),
        (&TimedOut, "the deadline passed"),
        (&NotHeld, "release of a lock that is not held"),
        (&RLockError::Held, "another thread holds the lock"),
        (&RLockError::TimedOut, "another thread held the lock until the deadline"),
        (&RLockError::Cancelled(reason), "the acquisition was cancelled"),
        (&RLockError::TooDeep, "the lock is held too many levels deep"),
        (&ReleaseError::NotHeld, "release of a lock that is not held"),
        (&ReleaseError::NotOwner, "release of a lock that another thread holds"),
        (&BarrierError::Broken, "the barrier is broken"),
        (&BarrierError::TimedOut, "the deadline passed at the barrier"),
        (&BarrierError::Cancelled(reason), "the wait at the barrier was cancelled"),
        (&TooManyPermits, "release beyond the largest semaphore count"),
        (&TooManyDone, "task_done called more often than items were put"),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text, "{error:?}");
    }
}

#[test]
fn errors_with_a_number_say_it() {
    assert_eq!(TooFewSlots(3).to_string(), "only 3 slots are available");
    assert_eq!(
        Cancelled(Reason::FAILED).to_string(),
        "cancelled: another part of the work has failed"
    );
}

#[test]
fn one_error_becomes_another() {
    let reason = Reason::FAILED;
    assert_eq!(RLockError::from(Cancelled(reason)), RLockError::Cancelled(reason));
    assert_eq!(ReleaseError::from(NotHeld), ReleaseError::NotHeld);
}
