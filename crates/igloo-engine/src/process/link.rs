//! The hub's end of the socket to a process: frames out, frames in, and the calls that wait for answers.
//!
//! - Whoever calls writes to the socket itself where nothing else is waiting to be written: a command wakes no thread of
//!   the hub on its way out.
//! - What waits to be written is bounded: beyond [`FULL`] commands are `busy`, and nothing more is read from the process
//!   until it has read.
//! - Everything that arrives is hostile: an answer that nobody waits for is ignored, a second one too.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd as _, OwnedFd},
    time::Duration,
};

use igloo_protocol::CommandError;
use igloo_wire::{
    Decoder, EncodeError, FrameTooLarge, ToProvider,
    message::{Order, Outcome},
    types::CommandError as WireCommandError,
};
use parking_lot::Mutex;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::{io::Interest, net::UnixStream, sync::Notify, time::timeout};

use crate::{
    convert::wire as convert,
    instance::{Call, QUEUED_CALLS},
};

/// Bytes that may wait to be written.
const FULL: usize = 256 << 10;
/// How long a process may leave its socket unread while something waits for it.
const UNREAD: Duration = Duration::from_secs(10);
/// Bytes that are read at a time.
const READ: usize = 64 << 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    stream: UnixStream,
    outbox: Mutex<Outbox>,
    /// Bytes of it beyond which nothing is added.
    full: usize,
    /// There is something to write.
    to_write: Notify,
    /// There is room again.
    room: Notify,
    calls: Mutex<Calls>,
}

/// Frames that wait to be written. A descriptor goes with the first byte of its piece.
#[derive(Debug, Default)]
struct Outbox {
    pieces: VecDeque<Piece>,
    bytes: usize,
    closed: bool,
}

#[derive(Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    written: usize,
    descriptor: Option<OwnedFd>,
}

/// Calls to the process that are not answered yet.
#[derive(Debug, Default)]
struct Calls {
    waiting: HashMap<u64, Call>,
    last: u64,
    /// After the welcome, until the end.
    open: bool,
}

/// Why a frame was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Too much is waiting to be written.
    #[error("the process does not read its socket")]
    Full,
    /// The process is gone.
    #[error(transparent)]
    Gone(#[from] io::Error),
    /// It fits into no frame.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The process closed its end, or is gone.
    #[error("the socket was closed")]
    Closed,
    /// The stream cannot be followed.
    #[error(transparent)]
    Frame(#[from] FrameTooLarge),
}

impl Link {
    /// `buffers` bytes may wait to be written, and [`FULL`] at most.
    pub(crate) fn new(stream: std::os::unix::net::UnixStream, buffers: u64) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: UnixStream::from_std(stream)?,
            outbox: Mutex::default(),
            full: usize::try_from(buffers).map_or(FULL, |buffers| buffers.min(FULL)),
            to_write: Notify::new(),
            room: Notify::new(),
            calls: Mutex::default(),
        })
    }

    /// Delivers a call. Its answer goes to whoever made it.
    pub(crate) fn deliver(&self, call: Call) -> Result<(), CommandError> {
        let request = match &call {
            Call::Command(command, _) => Order::Command(convert::command(command.clone())),
            Call::Action(name, parameters, _) => Order::Action { name: name.clone(), parameters: parameters.clone() },
            Call::Stop(_) => Order::Stop {},
        };
        let id = {
            let mut calls = self.calls.lock();
            if !calls.open {
                return Err(CommandError::Unavailable);
            }
            if calls.waiting.len() >= QUEUED_CALLS {
                return Err(CommandError::Busy);
            }
            calls.last += 1;
            let id = calls.last;
            calls.waiting.insert(id, call);
            id
        };
        self.send(&ToProvider::Call { id, request }, None).map_err(|error| {
            self.calls.lock().waiting.remove(&id);
            match error {
                SendError::Full => CommandError::Busy,
                SendError::Gone(_) => CommandError::Unavailable,
                SendError::Encode(error) => CommandError::Rejected(error.to_string()),
            }
        })
    }

    /// An answer came. False if whoever asked does not wait any more.
    pub(crate) fn answered(&self, id: u64, result: Outcome<Option<String>, WireCommandError>) -> bool {
        let Some(call) = self.calls.lock().waiting.remove(&id) else { return true };
        let result = Result::from(result).map_err(convert::command_error);
        match call {
            Call::Command(_, reply) => reply.send(result.map(drop)).is_ok(),
            Call::Action(_, _, reply) => {
                reply.send(result.map(|text| text.unwrap_or_else(|| String::from("null")))).is_ok()
            }
            Call::Stop(reply) => {
                let _ = reply.send(());
                true
            }
        }
    }

    /// Calls are delivered from now on: the process has been welcomed.
    pub(crate) fn open(&self) {
        self.calls.lock().open = true;
    }

    /// Nothing is delivered any more, and whoever waits is told that there will be no answer. What waits to be written is
    /// dropped, so that nobody waits for room at a socket that is read no more.
    pub(crate) fn close(&self) {
        let mut outbox = self.outbox.lock();
        outbox.pieces.clear();
        outbox.bytes = 0;
        outbox.closed = true;
        drop(outbox);
        self.room.notify_one();
        let mut calls = self.calls.lock();
        calls.open = false;
        calls.waiting.clear();
    }

    /// Sends a frame, or leaves it to the writer.
    pub(crate) fn send(&self, message: &ToProvider, descriptor: Option<OwnedFd>) -> Result<(), SendError> {
        let mut bytes = Vec::with_capacity(256);
        igloo_wire::encode(message, &mut bytes)?;
        let mut outbox = self.outbox.lock();
        if outbox.bytes > self.full {
            return Err(SendError::Full);
        }
        self.post(&mut outbox, bytes, descriptor)
    }

    /// Sends a frame as soon as there is room. Nothing is lost while the process lives: several may wait for the same room.
    pub(crate) async fn tell(&self, message: &ToProvider, descriptor: Option<OwnedFd>) -> Result<(), SendError> {
        let mut bytes = Vec::with_capacity(256);
        igloo_wire::encode(message, &mut bytes)?;
        loop {
            self.room().await;
            let mut outbox = self.outbox.lock();
            if outbox.bytes <= self.full {
                return self.post(&mut outbox, bytes, descriptor);
            }
        }
    }

    fn post(&self, outbox: &mut Outbox, bytes: Vec<u8>, descriptor: Option<OwnedFd>) -> Result<(), SendError> {
        if outbox.closed {
            return Err(SendError::Gone(io::ErrorKind::BrokenPipe.into()));
        }
        outbox.push(bytes, descriptor);
        if outbox.pieces.len() == 1 {
            self.flush(outbox)?;
        }
        if !outbox.pieces.is_empty() {
            self.to_write.notify_one();
        }
        Ok(())
    }

    /// Bytes that wait to be written.
    pub(crate) fn waiting(&self) -> u64 {
        self.outbox.lock().bytes as u64
    }

    /// Waits until there is room for another frame.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.room.notified();
            if self.outbox.lock().bytes <= self.full {
                // Others may wait for the same.
                self.room.notify_one();
                return;
            }
            room.await;
        }
    }

    /// Writes what could not be written at once, until the process is gone or does not read.
    pub(crate) async fn keep_writing(&self) -> SendError {
        loop {
            self.to_write.notified().await;
            while !self.outbox.lock().pieces.is_empty() {
                match timeout(UNREAD, self.stream.writable()).await {
                    Err(_) => return SendError::Full,
                    Ok(Err(error)) => return error.into(),
                    Ok(Ok(())) => {}
                }
                let mut outbox = self.outbox.lock();
                if let Err(error) = self.flush(&mut outbox) {
                    return error.into();
                }
                if outbox.bytes <= self.full {
                    self.room.notify_one();
                }
            }
        }
    }

    /// Writes as much as the socket takes.
    fn flush(&self, outbox: &mut Outbox) -> io::Result<()> {
        while let Some(piece) = outbox.pieces.front_mut() {
            let written = self.stream.try_io(Interest::WRITABLE, || piece.send(&self.stream));
            match written {
                Ok(count) => {
                    piece.written += count;
                    outbox.bytes -= count;
                    if piece.written == piece.bytes.len() {
                        outbox.pieces.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads more into the decoder.
    pub(crate) async fn read(&self, decoder: &mut Decoder, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        loop {
            self.stream.readable().await.map_err(|_| ReadError::Closed)?;
            buffer.resize(READ, 0);
            match self.stream.try_read(buffer) {
                Ok(0) => return Err(ReadError::Closed),
                Ok(count) => {
                    decoder.feed(buffer.get(..count).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(ReadError::Closed),
            }
        }
    }
}

impl Outbox {
    fn push(&mut self, bytes: Vec<u8>, descriptor: Option<OwnedFd>) {
        self.bytes += bytes.len();
        match self.pieces.back_mut() {
            Some(last) if descriptor.is_none() => last.bytes.extend_from_slice(&bytes),
            _ => self.pieces.push_back(Piece { bytes, written: 0, descriptor }),
        }
    }
}

impl Piece {
    fn send(&mut self, stream: &UnixStream) -> io::Result<usize> {
        let rest = self.bytes.get(self.written..).unwrap_or_default();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [self.descriptor.as_ref().map_or(stream.as_fd(), OwnedFd::as_fd)];
        if self.descriptor.is_some() {
            control.push(SendAncillaryMessage::ScmRights(&descriptors));
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let count = sendmsg(stream.as_fd(), &[IoSlice::new(rest)], &mut control, flags)?;
        self.descriptor = None;
        Ok(count)
    }
}
