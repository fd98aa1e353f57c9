//! Cron expressions: any text is one or is not, and the times of one go forward.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use inkle::sched::Cron;

libfuzzer_sys::fuzz_target!(|choices: (u32, &str)| {
    let (start, expression) = choices;
    // What people write; a search goes through centuries.
    if expression.len() > 80 {
        return;
    }
    let Ok(cron) = Cron::utc(expression) else { return };
    let mut time = UNIX_EPOCH + Duration::from_secs(start.into());
    for _ in 0..3 {
        let Some(next) = cron.after(time) else { return };
        assert!(next > time);
        time = next;
    }
});
