//! What holds items in some order and knows nothing of threads.

/// Holds items and gives them back in an order of its own: a list, a stack, a heap. Only one thread
/// at a time uses it; [`Guarded`](super::Guarded) and [`Elastic`](crate::elastic::Elastic) see to that.
///
/// ```
/// use inkle_core::queue::Container;
/// use std::collections::VecDeque;
///
/// struct List<T>(VecDeque<T>);
///
/// impl<T> Container for List<T> {
///     type Item = T;
///     fn put(&mut self, item: T) -> Result<(), T> {
///         self.0.push_back(item);
///         Ok(())
///     }
///     fn take(&mut self) -> Option<T> {
///         self.0.pop_front()
///     }
///     fn len(&self) -> usize {
///         self.0.len()
///     }
/// }
/// ```
pub trait Container {
    /// What it holds.
    type Item;

    /// Adds an item, or gives it back if there is no room.
    fn put(&mut self, item: Self::Item) -> Result<(), Self::Item>;

    /// Takes the item that is next in its order.
    fn take(&mut self) -> Option<Self::Item>;

    /// How many items there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items fit; `None` if there is no limit.
    fn capacity(&self) -> Option<usize> {
        None
    }
}
