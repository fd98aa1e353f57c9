//! First in first out, last in first out, lowest first: the same files through each kind of queue,
//! put by several threads at once.

use std::path::PathBuf;
use std::sync::Arc;

use inkle::queue::{BlockingQueue, LifoQueue, PriorityQueue, Queue, Shutdown};
use inkle::threading::{Thread, spawn};
use inkle_core::queue::Queue as Store;

use crate::Failure;
use crate::report::{path, say};
use crate::trace::span;
use crate::tree::Tree;

const PRODUCERS: usize = 3;

/// A file as it goes through the queues.
struct Entry {
    len: u64,
    /// Who put it, and as which of its files.
    producer: usize,
    turn: usize,
    path: PathBuf,
}

pub(super) fn check(tree: &Arc<Tree>) -> Result<(), Failure> {
    through(
        "first in, first out",
        tree,
        Queue::unbounded(),
        |entry| entry,
        |got| each_producer(got, |before, after| before.turn < after.turn),
    )?;
    through(
        "last in, first out",
        tree,
        LifoQueue::unbounded(),
        |entry| entry,
        |got| each_producer(got, |before, after| before.turn > after.turn),
    )?;
    // By size alone: among equals, arrival decides.
    through("lowest first", tree, PriorityQueue::unbounded(), BySize, |got| {
        let key = |entry: &Entry| (entry.len, entry.turn);
        got.is_sorted_by_key(|entry| entry.len)
            && each_producer(got, |before, after| key(before) < key(after))
    })
}

/// Whether the files of each producer came out in this order.
fn each_producer(got: &[&Entry], in_order: impl Fn(&Entry, &Entry) -> bool) -> bool {
    (0..PRODUCERS).all(|producer| {
        let mine: Vec<&Entry> =
            got.iter().copied().filter(|entry| entry.producer == producer).collect();
        mine.windows(2).all(|pair| in_order(pair[0], pair[1]))
    })
}

/// An entry that is compared by its size alone.
struct BySize(Entry);

impl AsRef<Entry> for BySize {
    fn as_ref(&self) -> &Entry {
        &self.0
    }
}

impl AsRef<Entry> for Entry {
    fn as_ref(&self) -> &Entry {
        self
    }
}

impl Ord for BySize {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len.cmp(&other.0.len)
    }
}

impl PartialOrd for BySize {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BySize {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for BySize {}

/// Puts every file, from several threads, and gets them all, in order.
fn through<S>(
    kind: &str,
    tree: &Arc<Tree>,
    queue: BlockingQueue<S>,
    wrap: fn(Entry) -> S::Item,
    in_order: impl Fn(&[&Entry]) -> bool,
) -> Result<(), Failure>
where
    S: Store + Send + Sync + 'static,
    S::Item: AsRef<Entry> + Send,
{
    let mut producers: Vec<Thread<usize>> = Vec::new();
    for producer in 0..PRODUCERS {
        let (tree, queue) = (Arc::clone(tree), queue.clone());
        producers.push(spawn(move || {
            let _bar = span("put");
            let mine = tree.files.iter().skip(producer).step_by(PRODUCERS).enumerate();
            mine.filter(|&(turn, (path, file))| {
                let entry = Entry { len: file.len, producer, turn, path: path.clone() };
                queue.put(wrap(entry)).is_ok()
            })
            .count()
        })?);
    }
    let mut put = 0;
    for producer in &producers {
        put += producer.join()?;
    }
    queue.shutdown(Shutdown::Graceful);
    let got: Vec<S::Item> = queue.iter().collect();
    if got.len() != put || put != tree.files.len() {
        return Err(format!("{kind}: {put} files were put, {} came out", got.len()).into());
    }
    let got: Vec<&Entry> = got.iter().map(AsRef::as_ref).collect();
    if !in_order(&got) {
        return Err(format!("{kind}: the files came out in another order").into());
    }
    let first: Vec<String> = got.iter().take(2).map(|entry| path(&entry.path, 18)).collect();
    say(format_args!("{kind:<20} {put} in, {put} out; first {}", first.join(", ")));
    Ok(())
}
