//! A port for code that cannot wait: opened in the background, and whatever is asked of it is done in order.
//!
//! - Bytes and changes (settings, lines, breaks) stand in one queue, so a change is made after the bytes written before
//!   it were handed on, and before those written after it.
//! - What fails in the background is told by the next call, once. That the port is not there, or went away, is told by
//!   every call from then on.
//! - A closed port sends what was written, for at most [`LINGER`]. Its slot can be opened again at once: the new port
//!   waits until the old one is gone.
//!
//! Of each direction one task waits at a time, as in `tokio_serial`.

use super::{Buffers, ControlLines, ModemLines, SerialError, Settings, carry::receive, pipe::Pipe};
use crate::{
    bindings::{igloo::serial::ports::Port, wasi::clocks::monotonic_clock, wit_stream},
    runtime,
};
use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::{io::ReadBuf, sync::Mutex};

/// Bytes that wait to be sent.
const CAPACITY: usize = 16 * 1024;
/// Changes that wait to be made.
const CHANGES: usize = 64;
/// How long a port that was closed may take to send what was written.
const LINGER: Duration = Duration::from_secs(3);
/// The longest break that a port holds.
const LONGEST_BREAK: Duration = Duration::from_secs(5);

pub(super) struct Background {
    slot: String,
    input: Arc<Pipe>,
    state: RefCell<State>,
}

struct State {
    queue: VecDeque<Work>,
    /// Bytes in the queue and on their way, and those on their way alone.
    bytes: usize,
    leaving: usize,
    /// Something taken from the queue is under way.
    busy: bool,
    opened: bool,
    closed: bool,
    /// Why there is no port any more.
    end: Option<SerialError>,
    /// What went wrong since the last call.
    failure: Option<SerialError>,
    /// As they were asked for, and as the port has them.
    settings: Settings,
    applied: Settings,
    /// The modem lines when the port was asked last, and whether it is being asked.
    lines: Option<Result<ModemLines, SerialError>>,
    asking: bool,
    /// Bytes were written that nobody has waited for yet.
    undrained: bool,
    /// What arrives is thrown away until so many discards are done.
    discarding: usize,
    /// The output was thrown away: what is on its way does not matter any more.
    abandoned: bool,
    break_began: Option<u64>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    worker: Option<Waker>,
    closer: Option<Waker>,
}

enum Work {
    Bytes(Vec<u8>),
    Change(Change),
}

#[derive(Clone, Copy)]
enum Change {
    Configure(Settings),
    SetLines(ControlLines),
    AskLines,
    Break(Duration),
    Discard(Buffers),
    Drain,
}

impl Background {
    /// Begins to open a slot. `turn` is the slot's: whoever has it has the port.
    pub(super) fn open(slot: &str, settings: Settings, turn: Arc<Mutex<()>>) -> Rc<Self> {
        let this =
            Rc::new(Self { slot: slot.to_owned(), input: Arc::default(), state: RefCell::new(State::new(settings)) });
        runtime::start(this.clone().live(turn));
        this
    }

    pub(super) fn slot(&self) -> &str {
        &self.slot
    }

    /// Whether the port is there, or on its way.
    pub(super) fn is_alive(&self) -> bool {
        let state = self.state.borrow();
        state.end.is_none() && !state.closed
    }

    pub(super) fn close(&self) {
        self.state.borrow_mut().closed = true;
        self.input.end(Ok(()));
        self.wake(|state| &mut state.worker);
        self.wake(|state| &mut state.closer);
    }

    pub(super) fn settings(&self) -> Settings {
        self.state.borrow().settings
    }

    pub(super) fn configure(&self, settings: Settings) -> io::Result<()> {
        self.change(Change::Configure(settings))?;
        self.state.borrow_mut().settings = settings;
        Ok(())
    }

    pub(super) fn set_lines(&self, lines: ControlLines) -> io::Result<()> {
        self.change(Change::SetLines(lines))
    }

    /// The modem lines when the port was asked last, which it is again now.
    pub(super) fn lines(&self) -> io::Result<ModemLines> {
        self.check()?;
        let asked = {
            let mut state = self.state.borrow_mut();
            if !std::mem::replace(&mut state.asking, true) {
                state.queue.push_back(Work::Change(Change::AskLines));
            }
            state.lines.clone()
        };
        self.wake(|state| &mut state.worker);
        match asked {
            Some(lines) => Ok(lines?),
            None => {
                Err(io::Error::new(io::ErrorKind::WouldBlock, "the port has not told its lines yet: ask again later"))
            }
        }
    }

    /// Begins or ends a break. It is held for as long as it lasted between the two, once it is known how long that is.
    pub(super) fn set_break(&self, on: bool) -> io::Result<()> {
        let began = {
            let mut state = self.state.borrow_mut();
            if on {
                state.break_began.get_or_insert_with(monotonic_clock::now);
                None
            } else {
                state.break_began.take()
            }
        };
        match began {
            None => self.check(),
            Some(began) => self.send_break(Duration::from_nanos(monotonic_clock::now().saturating_sub(began))),
        }
    }

    pub(super) fn send_break(&self, duration: Duration) -> io::Result<()> {
        self.change(Change::Break(duration.clamp(Duration::from_millis(1), LONGEST_BREAK)))
    }

    pub(super) fn discard(&self, what: Buffers) -> io::Result<()> {
        self.change(Change::Discard(what))?;
        let mut state = self.state.borrow_mut();
        if what != Buffers::Output {
            state.discarding += 1;
            self.input.clear();
        }
        if what != Buffers::Input {
            state.forget_output();
        }
        drop(state);
        self.wake(|state| &mut state.worker);
        self.wake(|state| &mut state.writer);
        Ok(())
    }

    /// Bytes that can be read, and bytes that wait to be sent.
    pub(super) fn waiting(&self) -> io::Result<(usize, usize)> {
        self.check()?;
        let state = self.state.borrow();
        Ok((if state.discarding > 0 { 0 } else { self.input.len() }, state.bytes))
    }

    /// Reads what is there, or is told that it would have to wait.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.take_failure()?;
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.state.borrow().discarding > 0 || !self.input.is_readable() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self.read_input(&mut Context::from_waker(Waker::noop()), buffer) {
            Poll::Ready(count) => count,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes what there is room for, even before the port is open.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        let count = self.state.borrow_mut().push(bytes);
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.wake(|state| &mut state.worker);
        Ok(count)
    }

    /// Asks that everything written be transmitted before what comes next.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.check()?;
        self.drain();
        Ok(())
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.take_failure()?;
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        {
            let mut state = self.state.borrow_mut();
            if state.discarding > 0 {
                state.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        self.read_input(cx, buffer)
    }

    fn read_input(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        self.input.poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    /// Writes what there is room for, once the port is open.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let count = {
            let mut state = self.state.borrow_mut();
            let count = if state.opened { state.push(bytes) } else { 0 };
            if count == 0 && !bytes.is_empty() {
                state.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            count
        };
        self.wake(|state| &mut state.worker);
        Poll::Ready(Ok(count))
    }

    /// Ready when everything written has been transmitted and every change been made.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        self.drain();
        let mut state = self.state.borrow_mut();
        if state.opened && state.queue.is_empty() && !state.busy {
            return Poll::Ready(Ok(()));
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when a read has something to say.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.borrow_mut();
        if state.failure.is_some() {
            return Poll::Ready(Ok(()));
        }
        if state.discarding > 0 {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        self.input.poll_readable(cx).map(Ok)
    }

    /// Ready when a write has something to say.
    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.borrow_mut();
        if state.failure.is_some() || state.end.is_some() || (state.opened && state.bytes < CAPACITY) {
            return Poll::Ready(Ok(()));
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn drain(&self) {
        let mut state = self.state.borrow_mut();
        if std::mem::take(&mut state.undrained) {
            // At most one for each write, and those are bounded.
            state.queue.push_back(Work::Change(Change::Drain));
        }
        drop(state);
        self.wake(|state| &mut state.worker);
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.check()?;
        let mut state = self.state.borrow_mut();
        if state.changes() >= CHANGES {
            let text = format!("{CHANGES} changes wait for the port '{}': wait for it with a flush", self.slot);
            return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
        }
        state.queue.push_back(Work::Change(change));
        drop(state);
        self.wake(|state| &mut state.worker);
        Ok(())
    }

    /// What went wrong in the background, once.
    fn take_failure(&self) -> io::Result<()> {
        self.state.borrow_mut().failure.take().map_or(Ok(()), |error| Err(self.tell(error)))
    }

    /// That, and whether there still is a port.
    fn check(&self) -> io::Result<()> {
        self.take_failure()?;
        match self.state.borrow().end.clone() {
            Some(error) => Err(self.tell(error)),
            None => Ok(()),
        }
    }

    fn tell(&self, error: SerialError) -> io::Error {
        let text = format!("the port '{}': {error}", self.slot);
        io::Error::new(io::Error::from(error).kind(), text)
    }

    fn wake(&self, whom: impl FnOnce(&mut State) -> &mut Option<Waker>) {
        // Taken out first: a waker may come back here.
        let waker = whom(&mut self.state.borrow_mut()).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// There is no port any more, and this is why. Bytes that have arrived can still be read.
    fn end(&self, reason: SerialError) {
        {
            let mut state = self.state.borrow_mut();
            state.end.get_or_insert(reason.clone());
            state.queue.clear();
            state.bytes = 0;
            state.leaving = 0;
            state.discarding = 0;
            state.abandoned = true;
        }
        self.input.end(Err(reason));
        self.wake(|state| &mut state.reader);
        self.wake(|state| &mut state.writer);
        self.wake(|state| &mut state.worker);
    }

    /// The host future: all of the port's life.
    async fn live(self: Rc<Self>, turn: Arc<Mutex<()>>) {
        let _turn = turn.lock_owned().await;
        let settings = self.state.borrow().applied;
        match Port::open(self.slot.clone(), settings.into()).await {
            Ok(port) => {
                self.state.borrow_mut().opened = true;
                self.wake(|state| &mut state.writer);
                tokio::select! {
                    biased;
                    () = self.serve(Arc::new(port)) => {}
                    () = self.lingered() => {}
                }
                self.end(SerialError::Disconnected);
            }
            Err(error) => self.end(error.into()),
        }
    }

    async fn serve(&self, port: Arc<Port>) {
        let (mut writer, bytes) = wit_stream::new();
        let receive = async {
            receive(port.clone(), self.input.clone()).await;
            if let Some(error) = self.input.error() {
                self.end(error);
            }
        };
        let send = async {
            if let Err(error) = port.send(bytes).await {
                self.end(error.into());
            }
        };
        let work = async {
            while let Some(work) = self.next().await {
                match work {
                    Work::Bytes(bytes) => {
                        self.state.borrow_mut().leaving = bytes.len();
                        let unsent = self.unless_abandoned(writer.write_all(bytes)).await;
                        let mut state = self.state.borrow_mut();
                        state.bytes -= std::mem::take(&mut state.leaving);
                        drop(state);
                        if unsent.is_some_and(|unsent| !unsent.is_empty()) {
                            // Nobody takes them any more; `send` tells why.
                            break;
                        }
                    }
                    Work::Change(change) => self.make(&port, change).await,
                }
                self.state.borrow_mut().busy = false;
                self.wake(|state| &mut state.writer);
            }
            drop(writer);
        };
        tokio::join!(receive, send, work);
    }

    async fn make(&self, port: &Port, change: Change) {
        let result = match change {
            Change::Configure(settings) => {
                let result = port.configure(settings.into()).await;
                let mut state = self.state.borrow_mut();
                match result {
                    Ok(()) => state.applied = settings,
                    // Unless others have been asked for since.
                    Err(_) if state.settings == settings => state.settings = state.applied,
                    Err(_) => {}
                }
                result
            }
            Change::SetLines(lines) => port.set_lines(lines.into()).await,
            Change::AskLines => {
                let lines = port.lines().await;
                let mut state = self.state.borrow_mut();
                state.lines = Some(lines.map(ModemLines::from).map_err(SerialError::from));
                state.asking = false;
                Ok(())
            }
            Change::Break(duration) => port.send_break(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)).await,
            Change::Drain => self.unless_abandoned(port.drain()).await.unwrap_or(Ok(())),
            Change::Discard(what) => {
                let result = port.discard(what.into()).await;
                if what != Buffers::Output {
                    // What came while the port was asked is as old as what it threw away.
                    self.input.clear();
                    let mut state = self.state.borrow_mut();
                    state.discarding = state.discarding.saturating_sub(1);
                    drop(state);
                    self.wake(|state| &mut state.reader);
                }
                result
            }
        };
        if let Err(error) = result {
            self.state.borrow_mut().failure.get_or_insert(error.into());
        }
    }

    /// What is to be done next; `None` when nothing will be.
    async fn next(&self) -> Option<Work> {
        poll_fn(|cx| {
            let mut state = self.state.borrow_mut();
            if state.end.is_some() {
                return Poll::Ready(None);
            }
            if let Some(work) = state.queue.pop_front() {
                state.busy = true;
                state.abandoned = false;
                return Poll::Ready(Some(work));
            }
            if state.closed {
                return Poll::Ready(None);
            }
            state.worker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Waits for something that may take for ever, unless its outcome does not matter any more.
    async fn unless_abandoned<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            {
                let mut state = self.state.borrow_mut();
                if state.abandoned {
                    return Poll::Ready(None);
                }
                state.worker = Some(cx.waker().clone());
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// The port was closed, and had its time.
    async fn lingered(&self) {
        poll_fn(|cx| {
            let mut state = self.state.borrow_mut();
            if state.closed {
                return Poll::Ready(());
            }
            state.closer = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
        monotonic_clock::wait_for(LINGER.as_nanos() as u64).await;
    }
}

impl State {
    fn new(settings: Settings) -> Self {
        Self {
            // The lines are asked for at once, so that whoever asks later is told something.
            queue: VecDeque::from([Work::Change(Change::AskLines)]),
            bytes: 0,
            leaving: 0,
            busy: false,
            opened: false,
            closed: false,
            end: None,
            failure: None,
            settings,
            applied: settings,
            lines: None,
            asking: true,
            undrained: false,
            discarding: 0,
            abandoned: false,
            break_began: None,
            reader: None,
            writer: None,
            worker: None,
            closer: None,
        }
    }

    /// Queues what there is room for.
    fn push(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(CAPACITY - self.bytes.min(CAPACITY));
        let bytes = &bytes[..count];
        match self.queue.back_mut() {
            _ if count == 0 => {}
            Some(Work::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.queue.push_back(Work::Bytes(bytes.to_vec())),
        }
        self.bytes += count;
        self.undrained |= count > 0;
        count
    }

    fn changes(&self) -> usize {
        self.queue.iter().filter(|work| matches!(work, Work::Change(_))).count()
    }

    fn forget_output(&mut self) {
        self.queue.retain(|work| !matches!(work, Work::Bytes(_) | Work::Change(Change::Drain)));
        self.bytes = 0;
        self.leaving = 0;
        self.undrained = false;
        self.abandoned = true;
    }
}
