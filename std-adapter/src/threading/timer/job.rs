//! What the crew is given to do.

/// Something to be done once, or not at all.
pub(super) trait Job: Send {
    /// Whether the end of the process waits for it while it runs.
    fn is_waited_for(&self) -> bool;

    /// Does not unwind.
    fn run(self: Box<Self>);
    /// Does not unwind.
    fn cancel(self: Box<Self>);
}
