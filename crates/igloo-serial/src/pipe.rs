//! A bounded queue of bytes between a port's handles and the task that drives it.
//!
//! One reader and one writer. It never holds more than its capacity, and after [`Pipe::close`] the reader gets what
//! is left, then the reason.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::ReadBuf;

use crate::error::Error;

/// Bytes a pipe holds.
pub(crate) const CAPACITY: usize = 8 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Pipe {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    closed: Option<Error>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn room(&self) -> usize {
        CAPACITY - self.bytes.len()
    }

    fn push(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.bytes.extend(&bytes[..count]);
        wake(&mut self.reader);
        count
    }

    /// Moves the oldest bytes out, as many as fit.
    fn take(&mut self, into: &mut [u8]) -> usize {
        let count = into.len().min(self.bytes.len());
        for (to, from) in into.iter_mut().zip(self.bytes.drain(..count)) {
            *to = from;
        }
        wake(&mut self.writer);
        count
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Pipe {
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.state.lock();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if state.bytes.is_empty() {
            return match &state.closed {
                Some(reason) => Poll::Ready(Err(reason.clone())),
                None => {
                    state.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        }
        let count = state.take(buf.initialize_unfilled());
        buf.advance(count);
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        let mut state = self.state.lock();
        if let Some(reason) = &state.closed {
            return Poll::Ready(Err(reason.clone()));
        }
        if state.room() == 0 && !bytes.is_empty() {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(state.push(bytes)))
    }

    /// Adds what fits, and says how much that was.
    pub(crate) fn push(&self, bytes: &[u8]) -> usize {
        self.state.lock().push(bytes)
    }

    /// Takes what is there, and says how much that was.
    pub(crate) fn take(&self, into: &mut [u8]) -> usize {
        self.state.lock().take(into)
    }

    pub(crate) fn room(&self) -> usize {
        self.state.lock().room()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().bytes.is_empty()
    }

    /// Waits until there is something to take.
    pub(crate) async fn filled(&self) {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            if state.bytes.is_empty() {
                state.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Waits until something can be added.
    pub(crate) async fn roomy(&self) {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            if state.room() == 0 {
                state.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    pub(crate) fn clear(&self) {
        let mut state = self.state.lock();
        state.bytes.clear();
        wake(&mut state.writer);
    }

    /// Ends the pipe. The first reason stays.
    pub(crate) fn close(&self, reason: Error) {
        let mut state = self.state.lock();
        state.closed.get_or_insert(reason);
        wake(&mut state.reader);
        wake(&mut state.writer);
    }

    pub(crate) fn reason(&self) -> Option<Error> {
        self.state.lock().closed.clone()
    }
}
