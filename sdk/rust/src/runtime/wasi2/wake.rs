//! One waiting future, in a single thread.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};

/// Remembers who waits, and wakes them.
#[derive(Default)]
pub(super) struct WakeCell(Cell<Option<Waker>>);

impl WakeCell {
    /// `cx`'s task waits from now on, and nobody else.
    pub(super) fn register(&self, cx: &Context<'_>) {
        self.0.set(Some(cx.waker().clone()));
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }

    /// Waits until `ready` gives something; whoever changes what it looks at calls [`wake`](Self::wake).
    pub(super) async fn until<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        poll_fn(|cx| match ready() {
            Some(value) => Poll::Ready(value),
            None => {
                self.register(cx);
                Poll::Pending
            }
        })
        .await
    }

    /// `future`'s result, or `None` as soon as `stop` holds; whoever makes it hold calls [`wake`](Self::wake).
    pub(super) async fn unless<T>(&self, stop: impl Fn() -> bool, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if stop() {
                return Poll::Ready(None);
            }
            self.register(cx);
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }
}
