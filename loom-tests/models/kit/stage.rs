//! Scripts: what each thread of a model does, as data.

use std::sync::Arc;

use loom::thread::spawn;

/// What scripts are played on.
pub trait Stage: Send + Sync + 'static {
    /// One operation.
    type Op: Copy + Send + Sync + 'static;

    /// Does one operation and gives a number for the final account.
    fn run(&self, op: Self::Op) -> i32;
}

/// Runs each script on a thread of its own, the first on this one. Gives the stage back, and the
/// sum of all that the operations gave.
pub fn play<S: Stage>(stage: S, scripts: &'static [&'static [S::Op]]) -> (S, i32) {
    let stage = Arc::new(stage);
    let run = |stage: &S, script: &[S::Op]| script.iter().map(|op| stage.run(*op)).sum::<i32>();
    let others: Vec<_> = scripts[1..]
        .iter()
        .map(|script| {
            let stage = stage.clone();
            spawn(move || run(&stage, script))
        })
        .collect();
    let mut sum = run(&stage, scripts[0]);
    for other in others {
        sum += other.join().unwrap();
    }
    (Arc::into_inner(stage).expect("all have joined"), sum)
}
