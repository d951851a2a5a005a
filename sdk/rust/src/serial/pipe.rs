//! One direction of a port between a task and a host future: a bounded buffer, an end, and who waits for either side.

use super::SerialError;
use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};
use tokio::io::ReadBuf;

/// Bytes that wait in one direction.
const CAPACITY: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Pipe(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Bytes taken out that are not yet where they belong.
    in_flight: usize,
    end: Option<Result<(), SerialError>>,
    /// Whoever waits for bytes, for room, or for everything to be gone.
    taker: Option<Waker>,
    giver: Option<Waker>,
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No bytes come after those that are there: the first reason stands.
    pub(super) fn end(&self, reason: Result<(), SerialError>) {
        let mut state = self.state();
        state.end.get_or_insert(reason);
        wake(&mut state.taker);
        wake(&mut state.giver);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.state().end.is_some()
    }

    /// Forgets the bytes that wait.
    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.bytes.clear();
        wake(&mut state.giver);
    }

    /// Bytes that can be read now.
    #[cfg(target_family = "wasm")]
    pub(super) fn len(&self) -> usize {
        self.state().bytes.len()
    }

    /// Why nothing comes any more.
    #[cfg(target_family = "wasm")]
    pub(super) fn error(&self) -> Option<SerialError> {
        self.state().end.clone()?.err()
    }

    /// Whether a read would not wait.
    #[cfg(target_family = "wasm")]
    pub(super) fn is_readable(&self) -> bool {
        let state = self.state();
        !state.bytes.is_empty() || state.end.is_some()
    }

    /// Waits until a read would not wait.
    #[cfg(target_family = "wasm")]
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_readable() {
            return Poll::Ready(());
        }
        self.state().taker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Reads what is there.
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if state.bytes.is_empty() {
            return match &state.end {
                None => {
                    state.taker = Some(cx.waker().clone());
                    Poll::Pending
                }
                Some(Ok(())) => Poll::Ready(Ok(())),
                Some(Err(error)) => Poll::Ready(Err(error.clone().into())),
            };
        }
        let (front, _) = state.bytes.as_slices();
        let count = front.len().min(buffer.remaining());
        buffer.put_slice(&front[..count]);
        state.bytes.drain(..count);
        wake(&mut state.giver);
        Poll::Ready(Ok(()))
    }

    /// Writes what there is room for.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if let Some(end) = &state.end {
            return Poll::Ready(Err(ended(end)));
        }
        let room = CAPACITY.saturating_sub(state.bytes.len() + state.in_flight);
        if room == 0 && !bytes.is_empty() {
            state.giver = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = room.min(bytes.len());
        state.bytes.extend(&bytes[..count]);
        wake(&mut state.taker);
        Poll::Ready(Ok(count))
    }

    /// Ready when all that was written has been handed on.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if state.bytes.is_empty() && state.in_flight == 0 {
            return Poll::Ready(Ok(()));
        }
        if let Some(Err(error)) = &state.end {
            return Poll::Ready(Err(error.clone().into()));
        }
        state.giver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// For the host future that fills: waits for room. False when nobody wants the bytes any more.
    pub(super) async fn room(&self) -> bool {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.end.is_some() {
                return Poll::Ready(false);
            }
            if state.bytes.len() < CAPACITY {
                return Poll::Ready(true);
            }
            state.giver = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// For the host future that fills: to be woken at the end, too, while it waits for something else.
    pub(super) fn register_room(&self, cx: &Context<'_>) {
        self.state().giver = Some(cx.waker().clone());
    }

    /// For the host future that fills.
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.bytes.extend(bytes);
        wake(&mut state.taker);
    }

    /// For the host future that empties: everything that is there, or `None` at the end.
    pub(super) async fn take(&self) -> Option<Vec<u8>> {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.bytes.is_empty() {
                if state.end.is_some() {
                    return Poll::Ready(None);
                }
                state.taker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let bytes = Vec::from(std::mem::take(&mut state.bytes));
            state.in_flight = bytes.len();
            Poll::Ready(Some(bytes))
        })
        .await
    }

    /// For the host future that empties: what was taken is where it belongs.
    pub(super) fn handed_on(&self) {
        let mut state = self.state();
        state.in_flight = 0;
        wake(&mut state.giver);
    }
}

fn ended(end: &Result<(), SerialError>) -> io::Error {
    match end {
        Ok(()) => io::ErrorKind::BrokenPipe.into(),
        Err(error) => error.clone().into(),
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pipe: &Pipe, max: usize) -> Poll<io::Result<Vec<u8>>> {
        let mut bytes = vec![0; max];
        let mut buffer = ReadBuf::new(&mut bytes);
        let cx = &mut Context::from_waker(Waker::noop());
        pipe.poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().to_vec())
    }

    #[test]
    fn bytes_come_before_the_end() {
        let pipe = Pipe::default();
        pipe.push(b"abc");
        pipe.end(Err(SerialError::Disconnected));
        assert!(matches!(read(&pipe, 2), Poll::Ready(Ok(bytes)) if bytes == b"ab"));
        assert!(matches!(read(&pipe, 2), Poll::Ready(Ok(bytes)) if bytes == b"c"));
        assert!(matches!(read(&pipe, 2), Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::NotConnected));
    }

    #[test]
    fn a_full_pipe_takes_no_more() {
        let pipe = Pipe::default();
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(matches!(pipe.poll_write(cx, &[0; CAPACITY + 1]), Poll::Ready(Ok(CAPACITY))));
        assert!(pipe.poll_write(cx, b"x").is_pending());
        assert!(pipe.poll_flush(cx).is_pending());
        pipe.clear();
        assert!(matches!(pipe.poll_write(cx, b"x"), Poll::Ready(Ok(1))));
    }
}
