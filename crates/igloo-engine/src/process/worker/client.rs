//! The worker's end of the socket to its hub. All of it happens on the worker's one thread.
//!
//! What is said without an answer is gathered and written with the next call or answer, or when the component rests.
//! The contract's synchronous functions wait for their answers by reading here, and leave what else arrives for
//! [`Client::next`]. A hub that is gone ends the process: its parent's death does too.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd as _, FromRawFd as _, OwnedFd},
    sync::Arc,
};

use futures::future::BoxFuture;
use igloo_wire::{
    Decoder, FromProvider, ToProvider, codec,
    message::{Outcome, Reply, Request, RequestError},
    types::{discovery, net, serial},
};
use parking_lot::Mutex;
use rustix::{
    event::{PollFd, PollFlags, poll},
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recvmsg, send},
};
use tokio::{
    io::Interest,
    net::UnixStream,
    sync::{Notify, mpsc, oneshot},
};

/// Bytes that are gathered before they are written.
const GATHERED: usize = 64 << 10;
/// Bytes that are read at a time.
const READ: usize = 64 << 10;
/// Descriptors that may come with one piece of the stream.
const DESCRIPTORS: usize = 8;
/// Findings that a slow component may have waiting.
const FINDINGS: usize = 256;

/// The socket cannot be used any more.
#[derive(Debug, thiserror::Error)]
#[error("the hub's socket is broken: {0}")]
pub(super) struct Broken(String);

/// An answer, with its descriptor if it has one.
pub(super) type Answered = Result<(Reply, Option<OwnedFd>), RequestError>;

/// See the module.
pub(super) struct Client {
    socket: UnixStream,
    out: Mutex<Vec<u8>>,
    to_flush: Notify,
    /// [`Client::ask`] left something for [`Client::next`].
    left: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    decoder: Decoder,
    descriptors: VecDeque<OwnedFd>,
    /// Read while somebody waited for an answer.
    inbox: VecDeque<ToProvider>,
    waiting: HashMap<u64, oneshot::Sender<Answered>>,
    last: u64,
    ports: HashMap<u64, oneshot::Sender<Option<serial::ErrorCode>>>,
    bodies: HashMap<u64, oneshot::Sender<net::HttpError>>,
    browses: HashMap<u64, mpsc::Sender<discovery::Finding>>,
}

impl Client {
    /// Takes over the descriptor that the hub left for it.
    pub(super) fn open() -> Result<Arc<Self>, Broken> {
        let broken = |error: io::Error| Broken(error.to_string());
        // SAFETY: the sandbox starts this program with its socket as this descriptor, and this is the only place, reached
        // once, that takes it over. Were there nothing, the checks below fail.
        let socket = unsafe { OwnedFd::from_raw_fd(igloo_wire::DESCRIPTOR) };
        let socket = std::os::unix::net::UnixStream::from(socket);
        socket.set_nonblocking(true).map_err(broken)?;
        let client = Arc::new(Self {
            socket: UnixStream::from_std(socket).map_err(broken)?,
            out: Mutex::default(),
            to_flush: Notify::new(),
            left: Notify::new(),
            state: Mutex::default(),
        });
        let flusher = client.clone();
        tokio::spawn(async move {
            loop {
                flusher.to_flush.notified().await;
                flusher.flush();
            }
        });
        Ok(client)
    }

    /// Says something. Answers and the like are written at once, with all that was said before.
    pub(super) fn say(&self, message: &FromProvider) {
        let mut out = self.out.lock();
        if let Err(error) = igloo_wire::encode(message, &mut out) {
            tracing::error!(%error, "a message is left out");
        }
        let gathers = matches!(message, FromProvider::Write { .. } | FromProvider::Log { .. });
        if gathers && out.len() < GATHERED {
            drop(out);
            self.to_flush.notify_one();
        } else {
            self.write(&mut out);
        }
    }

    /// Writes what was gathered.
    pub(super) fn flush(&self) {
        self.write(&mut self.out.lock());
    }

    /// Writes all of it, waiting for the hub to read if need be: it does, or ends this process.
    fn write(&self, out: &mut Vec<u8>) {
        let mut rest = out.as_slice();
        while !rest.is_empty() {
            match send(&self.socket, rest, SendFlags::NOSIGNAL) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(rustix::io::Errno::AGAIN) => self.wait_for(PollFlags::OUT),
                Err(rustix::io::Errno::INTR) => {}
                // The reader notices that the hub is gone.
                Err(_) => break,
            }
        }
        out.clear();
    }

    fn wait_for(&self, what: PollFlags) {
        let _ = poll(&mut [PollFd::new(&self.socket, what)], None);
    }

    /// Asks, and waits for the answer on this thread.
    pub(super) fn ask(&self, request: Request) -> Answered {
        let mut answer = self.begin(request).1;
        loop {
            match answer.try_recv() {
                Ok(answered) => return answered,
                Err(oneshot::error::TryRecvError::Closed) => return Err(gone()),
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            self.wait_for(PollFlags::IN);
            match self.read() {
                Ok(true) => self.left.notify_one(),
                Ok(false) => {}
                Err(_) => return Err(gone()),
            }
        }
    }

    /// Asks; the answer is waited for beside other things.
    pub(super) fn call(&self, request: Request) -> BoxFuture<'static, Answered> {
        let (_, answer) = self.begin(request);
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(gone())) })
    }

    /// Asks, with the call's id.
    pub(super) fn begin(&self, request: Request) -> (u64, oneshot::Receiver<Answered>) {
        let (reply, answer) = oneshot::channel();
        let id = {
            let mut state = self.state.lock();
            state.last += 1;
            let id = state.last;
            state.waiting.insert(id, reply);
            id
        };
        self.say(&FromProvider::Call { id, request });
        (id, answer)
    }

    /// Is told when a port has ended.
    pub(super) fn port_ends(&self, port: u64) -> oneshot::Receiver<Option<serial::ErrorCode>> {
        let (told, ends) = oneshot::channel();
        self.state.lock().ports.insert(port, told);
        ends
    }

    /// Is told when a body breaks off.
    pub(super) fn body_fails(&self, call: u64) -> oneshot::Receiver<net::HttpError> {
        let (told, fails) = oneshot::channel();
        let mut state = self.state.lock();
        state.bodies.retain(|_, told| !told.is_closed());
        state.bodies.insert(call, told);
        fails
    }

    /// Is told what a browse finds.
    pub(super) fn finds(&self, browse: u64) -> mpsc::Receiver<discovery::Finding> {
        let (told, finds) = mpsc::channel(FINDINGS);
        self.state.lock().browses.insert(browse, told);
        finds
    }

    /// The next message that is not an answer or the like.
    pub(super) async fn next(&self) -> Result<ToProvider, Broken> {
        loop {
            if let Some(message) = self.state.lock().inbox.pop_front() {
                return Ok(message);
            }
            tokio::select! {
                ready = self.socket.readable() => ready.map_err(|error| Broken(error.to_string()))?,
                () = self.left.notified() => continue,
            }
            match self.socket.try_io(Interest::READABLE, || self.receive()) {
                Ok(0) => return Err(Broken(String::from("it was closed"))),
                Ok(_) => self.state.lock().sort_all()?,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(Broken(error.to_string())),
            }
        }
    }

    /// Sorts what has come by now: what the hub said before it closed a descriptor is known when that is seen.
    pub(super) fn look(&self) {
        // An error is noticed by whoever reads next.
        while matches!(self.read(), Ok(true)) {}
        self.left.notify_one();
    }

    /// Reads what is there and sorts it. False if there was nothing.
    ///
    /// Not by way of tokio's readiness: while [`Client::ask`] waits, nobody tells tokio of what arrives.
    fn read(&self) -> Result<bool, Broken> {
        match self.receive() {
            Ok(0) => Err(Broken(String::from("it was closed"))),
            Ok(_) => self.state.lock().sort_all().map(|()| true),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(Broken(error.to_string())),
        }
    }

    fn receive(&self) -> io::Result<usize> {
        let mut buffer = [0; READ];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = recvmsg(self.socket.as_fd(), &mut [IoSliceMut::new(&mut buffer)], &mut control, flags)?;
        let mut state = self.state.lock();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                state.descriptors.extend(descriptors);
            }
        }
        state.decoder.feed(buffer.get(..received.bytes).unwrap_or_default());
        Ok(received.bytes)
    }
}

impl State {
    /// Everything that has come whole.
    fn sort_all(&mut self) -> Result<(), Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken(error.to_string());
        while let Some(frame) = self.decoder.next_frame().map_err(|error| broken(&error))? {
            let message = codec::decode(frame, |_| ()).map_err(|error| broken(&error))?;
            self.sort(message);
        }
        Ok(())
    }

    fn sort(&mut self, message: ToProvider) {
        match message {
            ToProvider::Answer { id, result } => {
                let answered = match result {
                    Outcome::Ok(reply) => {
                        let descriptor = reply.has_descriptor().then(|| self.descriptors.pop_front()).flatten();
                        Ok((reply, descriptor))
                    }
                    Outcome::Error(error) => Err(error),
                };
                if let Some(waiting) = self.waiting.remove(&id) {
                    let _ = waiting.send(answered);
                }
            }
            ToProvider::PortEnded { port, error } => {
                if let Some(told) = self.ports.remove(&port) {
                    let _ = told.send(error);
                }
            }
            ToProvider::BodyFailed { call, error } => {
                if let Some(told) = self.bodies.remove(&call) {
                    let _ = told.send(error);
                }
            }
            ToProvider::Finding { browse, finding } => {
                // A component that does not look loses what came in between, as it would in the hub.
                if let Some(told) = self.browses.get(&browse)
                    && told.try_send(finding).is_err_and(|error| matches!(error, mpsc::error::TrySendError::Closed(_)))
                {
                    self.browses.remove(&browse);
                }
            }
            message => self.inbox.push_back(message),
        }
    }
}

fn gone() -> RequestError {
    RequestError::Malformed(String::from("the hub is gone"))
}
