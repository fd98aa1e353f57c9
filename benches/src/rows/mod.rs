//! The rows: who competes for what, and what is asked of ours.

mod awaited;
mod channels;
mod context;
mod locks;
mod orders;
mod pool;
#[cfg(target_os = "linux")]
mod processes;
mod python;
mod queues;
#[cfg(all(target_os = "linux", feature = "remote"))]
mod remote;
mod rings;
#[cfg(target_os = "linux")]
mod subprocess;
mod sync;
mod timers;
mod values;
mod wake;

use std::time::Duration;

use crate::harness::{Bar, Contender, Row, Run, Side};
use crate::pipe::{Payload, Pipe, flow, pairs};

/// Every row, in the order of the report.
pub(crate) fn all() -> Vec<Row> {
    let mut rows = queues::rows();
    rows.extend(rings::rows());
    rows.extend(orders::rows());
    rows.extend(channels::rows());
    rows.extend(awaited::rows());
    rows.extend(locks::rows());
    rows.extend(sync::rows());
    rows.extend(values::rows());
    rows.extend(wake::rows());
    rows.extend(timers::rows());
    rows.extend(context::rows());
    rows.extend(pool::rows());
    #[cfg(target_os = "linux")]
    rows.extend(subprocess::rows());
    #[cfg(target_os = "linux")]
    rows.extend(processes::rows());
    #[cfg(all(target_os = "linux", feature = "remote"))]
    rows.extend(remote::rows());
    rows.extend(python::rows());
    rows
}

/// One of ours, and the bar it has to clear if there is one.
fn ours(
    name: &'static str,
    bar: Option<Bar>,
    run: impl FnMut(u64) -> Duration + 'static,
) -> Contender {
    Contender { name, side: Side::Ours(bar), run: Box::new(run) }
}

fn peer(name: &'static str, run: impl FnMut(u64) -> Duration + 'static) -> Contender {
    Contender { name, side: Side::Peer, run: Box::new(run) }
}

/// What queues and channels are measured in: producers and consumers.
const SHAPES: [&str; 4] = ["1 thread", "1p1c", "2p2c", "4p4c"];

/// A contender in each of the [`SHAPES`].
type InShapes = [Option<Contender>; SHAPES.len()];

fn runs<T: Payload, P: Pipe<T>>() -> [Run; SHAPES.len()] {
    [pairs::<T, P>, flow::<T, P, 1>, flow::<T, P, 2>, flow::<T, P, 4>]
}

/// One of ours in each shape, `bars` in the same order.
fn our_pipe<T: Payload, P: Pipe<T>>(
    name: &'static str,
    bars: [Option<Bar>; SHAPES.len()],
) -> InShapes {
    let mut bars = bars.into_iter();
    runs::<T, P>().map(|run| Some(ours(name, bars.next().flatten(), run)))
}

fn peer_pipe<T: Payload, P: Pipe<T>>(name: &'static str) -> InShapes {
    runs::<T, P>().map(|run| Some(peer(name, run)))
}

/// The rows of a group: transposes contenders in shapes to shapes of contenders.
fn in_shapes(group: &'static str, contenders: Vec<InShapes>) -> Vec<Row> {
    let mut rows = SHAPES.map(|shape| Row { group, shape, contenders: Vec::new() });
    for contender in contenders {
        for (row, contender) in rows.iter_mut().zip(contender) {
            row.contenders.extend(contender);
        }
    }
    rows.into()
}
