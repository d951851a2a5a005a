//! Frames on the socket and what they mean: calls of either side and their answers.
//!
//! - What needs no answer is put into a buffer, which is sent once in a turn of the loop, before a call that blocks, or
//!   when it is full. Only a full one makes its writer wait for the hub.
//! - [`Connection::call`] is answered while everything else goes on; [`Connection::call_blocking`] holds the whole process
//!   up, as an import of a component does. What else arrives meanwhile waits in its order.
//! - [`Connection::drive`] is the loop's part: it reads, hands on what the hub asks, and sends.
//!
//! May be called from any thread. Must not know what a device is.

use super::socket::{Received, Socket, Until, readable};
use igloo_wire::{
    DecodeError, Decoder, EncodeError, FromProvider, ToProvider,
    codec::decode,
    encode,
    message::{Order, Outcome, Reply, Request, RequestError},
    types::{BadUpdate, CommandError, LogLevel, discovery, net, serial},
};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    future::poll_fn,
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    task::{Context, Poll, Waker},
    thread::ThreadId,
    time::{Duration, Instant},
};
use tokio::{
    io::unix::AsyncFd,
    sync::{mpsc, oneshot},
};

/// Bytes that wait to be sent before their writer has to wait for the hub.
const OUTPUT: usize = 64 * 1024;
/// Bytes that are read at once.
const INPUT: usize = 64 * 1024;
/// Reads in one turn of the loop, so that a hub with much to say does not keep the provider from its work.
const READS: usize = 16;
/// How long a hub may take to answer a call that blocks, and to read what was sent.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Messages that wait while a call blocks: a hub has at most 64 calls under way, the rest are answers and findings.
const EARLY: usize = 8192;
/// Malformed messages until the stream is given up.
const MALFORMED: u32 = 8;
/// Findings of one browse that wait to be taken; those beyond are left out.
const FINDINGS: usize = 256;
/// Unknown fields, and browses that are not read, that are told of: once each.
const TOLD: usize = 64;
/// Bytes of a log line that a hub keeps (`wit/provider.wit`).
const LOG_LINE: usize = 4096;

/// Why nothing more can be said or heard.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("the hub closed the connection")]
    Closed,
    #[error("the connection to the hub failed: {0}")]
    Failed(String),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// An answer, with what came with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) result: Result<Reply, RequestError>,
    pub(crate) attached: Attached,
}

#[derive(Debug)]
pub(crate) enum Attached {
    Nothing,
    /// A serial port's bytes, and its end.
    Port(OwnedFd, oneshot::Receiver<Option<serial::ErrorCode>>),
    /// An HTTP body's bytes, and how it failed.
    Body(OwnedFd, oneshot::Receiver<net::HttpError>),
}

/// What the loop is to do.
#[derive(Debug)]
pub(crate) enum Asked {
    Order { call: u64, order: Order },
    Refused(Vec<BadUpdate>),
}

#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    state: Mutex<State>,
    /// The loop's: only there something is sent later without being asked.
    thread: ThreadId,
}

#[derive(Debug, Default)]
struct State {
    output: Vec<u8>,
    input: Vec<u8>,
    decoder: Decoder,
    /// Each belongs to the next answer that has one.
    descriptors: VecDeque<OwnedFd>,
    /// Arrived, and not looked at yet.
    early: VecDeque<Arrived>,
    last_call: u64,
    calls: HashMap<u64, oneshot::Sender<Answer>>,
    ports: HashMap<u64, oneshot::Sender<Option<serial::ErrorCode>>>,
    bodies: HashMap<u64, oneshot::Sender<net::HttpError>>,
    browses: HashMap<u64, mpsc::Sender<discovery::Finding>>,
    malformed: u32,
    told: BTreeSet<String>,
    /// Wakes the loop.
    driver: Option<Waker>,
    lost: Option<Lost>,
}

#[derive(Debug)]
struct Arrived {
    message: ToProvider,
    descriptor: Option<OwnedFd>,
}

impl Connection {
    /// A connection whose loop is to run on this thread.
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, state: Mutex::default(), thread: std::thread::current().id() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says hello and waits for the welcome: the instance's name and its configuration.
    pub(crate) fn greet(&self) -> Result<(String, String), Lost> {
        let mut state = self.lock();
        let hello = FromProvider::Hello {
            version: igloo_wire::VERSION.to_owned(),
            features: Vec::new(),
            sdk: Some(concat!("igloo-provider ", env!("CARGO_PKG_VERSION")).to_owned()),
        };
        encode(&hello, &mut state.output).map_err(|error| Lost::Failed(error.to_string()))?;
        self.flush(&mut state)?;
        let arrived = self.wait_for(&mut state, |message| matches!(message, ToProvider::Welcome { .. }))?;
        match arrived.message {
            ToProvider::Welcome { name, config, .. } => Ok((name, config)),
            _ => Err(Lost::Failed("no welcome".to_owned())),
        }
    }

    /// Says something that has no answer. What does not fit into a frame is not said.
    pub(crate) fn say(&self, message: &FromProvider) -> Result<(), EncodeError> {
        self.say_in(&mut self.lock(), message)
    }

    fn say_in(&self, state: &mut State, message: &FromProvider) -> Result<(), EncodeError> {
        if state.lost.is_some() {
            return Ok(());
        }
        encode(message, &mut state.output)?;
        if state.output.len() > OUTPUT || std::thread::current().id() != self.thread {
            // A failure is the loop's to tell.
            let _ = self.flush(state);
        }
        state.wake();
        Ok(())
    }

    pub(crate) fn log(&self, level: LogLevel, message: &str) {
        self.log_in(&mut self.lock(), level, message);
    }

    fn log_in(&self, state: &mut State, level: LogLevel, message: &str) {
        let message = message[..message.floor_char_boundary(LOG_LINE)].to_owned();
        let _ = self.say_in(state, &FromProvider::Log { level, message });
    }

    /// Logs and sends at once, unless something has the connection: from a panic, which may have come from here.
    pub(crate) fn last_words(&self, message: &str) -> bool {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.log_in(&mut state, LogLevel::Error, message);
        self.flush(&mut state).is_ok()
    }

    /// Sends everything, waiting for the hub to read.
    pub(crate) fn flush_all(&self) -> Result<(), Lost> {
        self.flush(&mut self.lock())
    }

    /// Answers an order of the hub.
    pub(crate) fn answer(&self, id: u64, result: Result<Option<String>, CommandError>) {
        let said = self.say(&FromProvider::Answer { id, result: result.into() });
        if let Err(error) = said {
            let error = CommandError::Other(("too-large".to_owned(), error.to_string()));
            let _ = self.say(&FromProvider::Answer { id, result: Outcome::Error(error) });
        }
    }

    /// Asks for something and waits for the answer. Pending for ever if the connection is lost, for then the process
    /// ends.
    pub(crate) async fn call(&self, request: Request) -> Answer {
        let (sender, answer) = oneshot::channel();
        if let Err(error) = self.begin(request, |state, id| drop(state.calls.insert(id, sender))) {
            return Answer { result: Err(error), attached: Attached::Nothing };
        }
        match answer.await {
            Ok(answer) => answer,
            Err(_) => std::future::pending().await,
        }
    }

    /// Asks for something whose answer does not matter.
    pub(crate) fn tell(&self, request: Request) {
        let _ = self.begin(request, |_, _| ());
    }

    /// Begins to browse or search: the call's id, and what is found.
    pub(crate) async fn browse(
        &self,
        request: Request,
    ) -> Result<(u64, mpsc::Receiver<discovery::Finding>), RequestError> {
        let (sender, answer) = oneshot::channel();
        let (finder, findings) = mpsc::channel(FINDINGS);
        let id = self.begin(request, |state, id| {
            state.calls.insert(id, sender);
            state.browses.insert(id, finder);
        })?;
        match answer.await {
            Ok(Answer { result: Ok(_), .. }) => Ok((id, findings)),
            Ok(Answer { result: Err(error), .. }) => {
                self.lock().browses.remove(&id);
                Err(error)
            }
            Err(_) => std::future::pending().await,
        }
    }

    /// Ends a browse.
    pub(crate) fn stop_browse(&self, browse: u64) {
        self.lock().browses.remove(&browse);
        self.tell(Request::StopBrowse { browse });
    }

    /// Forgets a port that its owner dropped, and closes it.
    pub(crate) fn close_port(&self, port: u64) {
        self.lock().ports.remove(&port);
        self.tell(Request::SerialControl { port, control: igloo_wire::message::SerialControl::Close {} });
    }

    fn begin(&self, request: Request, register: impl FnOnce(&mut State, u64)) -> Result<u64, RequestError> {
        let mut state = self.lock();
        state.last_call += 1;
        let id = state.last_call;
        self.say_in(&mut state, &FromProvider::Call { id, request })
            .map_err(|error| RequestError::Malformed(error.to_string()))?;
        register(&mut state, id);
        Ok(id)
    }

    /// Asks for something and blocks this thread until it is answered.
    pub(crate) fn call_blocking(&self, request: Request) -> Result<Result<Reply, RequestError>, Lost> {
        let mut state = self.lock();
        if let Some(lost) = &state.lost {
            return Err(lost.clone());
        }
        state.last_call += 1;
        let call = state.last_call;
        if let Err(error) = encode(&FromProvider::Call { id: call, request }, &mut state.output) {
            return Ok(Err(RequestError::Malformed(error.to_string())));
        }
        self.flush(&mut state)?;
        let is_answer = |message: &ToProvider| matches!(message, ToProvider::Answer { id, .. } if *id == call);
        match self.wait_for(&mut state, is_answer)?.message {
            ToProvider::Answer { result, .. } => Ok(result.into()),
            _ => Err(Lost::Failed("no answer".to_owned())),
        }
    }

    /// Reads until this message has arrived; what arrives besides waits for the loop.
    fn wait_for(&self, state: &mut State, is_it: impl Fn(&ToProvider) -> bool) -> Result<Arrived, Lost> {
        let deadline = Instant::now() + PATIENCE;
        let result = loop {
            if let Err(lost) = self.parse(state) {
                break Err(lost);
            }
            if let Some(at) = state.early.iter().position(|arrived| is_it(&arrived.message)) {
                break state.early.remove(at).ok_or(Lost::Closed);
            }
            if state.early.len() > EARLY {
                break Err(Lost::Failed(format!("more than {EARLY} messages instead of an answer")));
            }
            match self.receive(state) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = self.socket.wait(Until::Readable, deadline) {
                        break Err(error.into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break Err(Lost::Closed),
                Err(error) => break Err(error.into()),
            }
        };
        state.wake();
        result.inspect_err(|lost| state.lost = Some(lost.clone()))
    }

    /// Reads what is there without waiting, and hands on what is an answer or an end.
    pub(crate) fn look(&self) {
        let mut state = self.lock();
        for _ in 0..READS {
            match self.receive(&mut state) {
                Ok(Received { is_all: false, .. }) => {}
                _ => break,
            }
        }
        let _ = self.parse(&mut state);
        let mut kept = VecDeque::new();
        while let Some(arrived) = state.early.pop_front() {
            match arrived.message {
                ToProvider::PortEnded { .. } | ToProvider::BodyFailed { .. } => drop(self.hand_on(&mut state, arrived)),
                _ => kept.push_back(arrived),
            }
        }
        state.early = kept;
        state.wake();
    }

    /// Receives once. `UnexpectedEof` is the hub's hanging up.
    fn receive(&self, state: &mut State) -> io::Result<Received> {
        let State { input, decoder, descriptors, .. } = state;
        input.resize(INPUT, 0);
        let received = self.socket.receive(input, descriptors)?;
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        decoder.feed(&input[..received.bytes]);
        Ok(received)
    }

    /// Turns the frames that are there into messages.
    fn parse(&self, state: &mut State) -> Result<(), Lost> {
        loop {
            let mut unknown = Vec::new();
            let frame = state.decoder.next_frame().map_err(|error| Lost::Failed(error.to_string()))?;
            let Some(frame) = frame else { return Ok(()) };
            let decoded = decode::<ToProvider>(frame, |path| unknown.push(path));
            for path in unknown {
                if state.told.len() < TOLD && state.told.insert(path.clone()) {
                    self.log_in(state, LogLevel::Debug, &format!("a field that this SDK does not know: {path}"));
                }
            }
            match decoded {
                Ok(message) => {
                    let has_descriptor = matches!(&message,
                        ToProvider::Answer { result: Outcome::Ok(reply), .. } if reply.has_descriptor());
                    let descriptor = if has_descriptor { state.descriptors.pop_front() } else { None };
                    if has_descriptor && descriptor.is_none() {
                        return Err(Lost::Failed("an answer came without its descriptor".to_owned()));
                    }
                    state.early.push_back(Arrived { message, descriptor });
                }
                Err(error) => self.misunderstood(state, &error)?,
            }
        }
    }

    /// A message of a newer hub is skipped and, if it is a call, answered; a broken stream is given up in the end.
    fn misunderstood(&self, state: &mut State, error: &DecodeError) -> Result<(), Lost> {
        self.log_in(state, LogLevel::Warn, &format!("from the hub: {error}"));
        let (call, code) = match error {
            DecodeError::Unknown { call, .. } => (*call, "unsupported"),
            DecodeError::Malformed { call, .. } => {
                state.malformed += 1;
                if state.malformed > MALFORMED {
                    return Err(Lost::Failed(error.to_string()));
                }
                (*call, "malformed")
            }
        };
        if let Some(id) = call {
            let result = Outcome::Error(CommandError::Other((code.to_owned(), error.to_string())));
            let _ = self.say_in(state, &FromProvider::Answer { id, result });
        }
        Ok(())
    }

    /// Gives a message to whoever waits for it; answers what is the loop's.
    fn hand_on(&self, state: &mut State, Arrived { message, descriptor }: Arrived) -> Option<Asked> {
        match message {
            ToProvider::Call { id, request } => return Some(Asked::Order { call: id, order: request }),
            ToProvider::Refused { updates } => return Some(Asked::Refused(updates)),
            ToProvider::Answer { id, result } => {
                // Without a caller it was one whose answer does not matter.
                let caller = state.calls.remove(&id)?;
                let result = Result::from(result);
                let attached = match (&result, descriptor) {
                    (Ok(Reply::Port(port)), Some(descriptor)) => {
                        let (sender, end) = oneshot::channel();
                        state.ports.insert(*port, sender);
                        Attached::Port(descriptor, end)
                    }
                    (Ok(Reply::Response(_)), Some(descriptor)) => {
                        state.bodies.retain(|_, body| !body.is_closed());
                        let (sender, failure) = oneshot::channel();
                        state.bodies.insert(id, sender);
                        Attached::Body(descriptor, failure)
                    }
                    _ => Attached::Nothing,
                };
                if let Err(Answer { result: Ok(Reply::Port(port)), .. }) = caller.send(Answer { result, attached }) {
                    // Nobody waits any more, and the descriptor is closed: so is the port.
                    state.ports.remove(&port);
                }
            }
            ToProvider::PortEnded { port, error } => {
                if let Some(end) = state.ports.remove(&port) {
                    let _ = end.send(error);
                }
            }
            ToProvider::BodyFailed { call, error } => {
                if let Some(failure) = state.bodies.remove(&call) {
                    let _ = failure.send(error);
                }
            }
            ToProvider::Finding { browse, finding } => {
                let full = |finder: &mpsc::Sender<_>| finder.try_send(finding).is_err() && !finder.is_closed();
                if state.browses.get(&browse).is_some_and(full)
                    && state.told.len() < TOLD
                    && state.told.insert(format!("browse {browse}"))
                {
                    self.log_in(state, LogLevel::Warn, "findings are left out: their browse is not read");
                }
            }
            ToProvider::Welcome { .. } => {}
        }
        None
    }

    /// Sends everything that waits, blocking until the hub has read it.
    fn flush(&self, state: &mut State) -> Result<(), Lost> {
        if let Some(lost) = &state.lost {
            return Err(lost.clone());
        }
        let mut sent = 0;
        let result = loop {
            let Some(rest) = state.output.get(sent..).filter(|rest| !rest.is_empty()) else { break Ok(()) };
            match self.socket.send(rest) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = self.socket.wait(Until::Writable, Instant::now() + PATIENCE) {
                        break Err(error.into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break Err(Lost::Closed),
                Err(error) => break Err(error.into()),
            }
        };
        state.output.clear();
        // What one large message needed is given back.
        state.output.shrink_to(2 * OUTPUT);
        result.inspect_err(|lost: &Lost| state.lost = Some(lost.clone()))
    }

    /// The loop's part, until the connection is lost. `asked` is called in the order of arrival.
    pub(crate) async fn drive(&self, mut asked: impl FnMut(Asked)) -> Lost {
        let ready = match self.socket.as_fd().try_clone_to_owned().and_then(readable) {
            Ok(ready) => ready,
            Err(error) => return error.into(),
        };
        poll_fn(|cx| self.turn(cx, &ready, &mut asked)).await
    }

    fn turn(&self, cx: &mut Context<'_>, ready: &AsyncFd<OwnedFd>, asked: &mut impl FnMut(Asked)) -> Poll<Lost> {
        {
            let mut state = self.lock();
            if !state.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                state.driver = Some(cx.waker().clone());
            }
        }
        let mut reads = 0;
        loop {
            if let Err(lost) = self.hand_on_all(asked) {
                return Poll::Ready(lost);
            }
            if reads == READS {
                cx.waker().wake_by_ref();
                break;
            }
            reads += 1;
            match ready.poll_read_ready(cx) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Poll::Ready(error.into()),
                Poll::Ready(Ok(mut guard)) => match self.receive(&mut self.lock()) {
                    // A read that was not filled emptied the socket; what comes later is a new edge of epoll's.
                    Ok(Received { is_all: true, .. }) => guard.clear_ready(),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Lost::Closed),
                    Err(error) => return Poll::Ready(error.into()),
                },
            }
        }
        match self.flush_all() {
            Ok(()) => Poll::Pending,
            Err(lost) => Poll::Ready(lost),
        }
    }

    fn hand_on_all(&self, asked: &mut impl FnMut(Asked)) -> Result<(), Lost> {
        self.parse(&mut self.lock())?;
        loop {
            let mut state = self.lock();
            let Some(arrived) = state.early.pop_front() else { return Ok(()) };
            let order = self.hand_on(&mut state, arrived);
            // Whoever is asked may say something.
            drop(state);
            if let Some(order) = order {
                asked(order);
            }
        }
    }
}

impl State {
    fn wake(&self) {
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }
}
