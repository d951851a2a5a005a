//! Commands that wait until their device has said that it did what it was asked.

use igloo::CommandError;
use std::{cell::RefCell, time::Duration};
use tokio::sync::oneshot;

/// How long a device may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Who waits for a numbered device to say `value`.
pub(crate) struct Replies<T>(RefCell<Vec<(usize, T, oneshot::Sender<()>)>>);

impl<T> Default for Replies<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T: PartialEq> Replies<T> {
    /// From now on, waits for this answer. A device that does not give it in time cannot be reached.
    pub(crate) fn expect(&self, number: usize, value: T) -> impl Future<Output = Result<(), CommandError>> + use<T> {
        let (sender, receiver) = oneshot::channel();
        self.0.borrow_mut().push((number, value, sender));
        async move {
            let answer = tokio::time::timeout(PATIENCE, receiver).await;
            answer.ok().and_then(Result::ok).ok_or(CommandError::Unavailable)
        }
    }

    /// A device has said this.
    pub(crate) fn said(&self, number: usize, value: &T) {
        let mut waiting = self.0.borrow_mut();
        // Whoever gave up has dropped its receiver.
        waiting.retain(|(_, _, sender)| !sender.is_closed());
        while let Some(at) = waiting.iter().position(|(n, expected, _)| *n == number && expected == value) {
            let _ = waiting.swap_remove(at).2.send(());
        }
    }

    /// The connection is gone, and so is every answer.
    pub(crate) fn forget(&self) {
        self.0.take();
    }
}
