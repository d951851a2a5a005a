//! A Unix stream socket that carries bytes one way and the other, and descriptors this way. Knows no message.
//!
//! Never waits but in [`Socket::wait`], which has a deadline.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, SocketType, recvmsg, send,
        sockopt::socket_type,
    },
};
use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Instant,
};
use tokio::io::{Interest, unix::AsyncFd};

/// Descriptors that one message of the kernel may carry. A hub sends one with a frame.
const DESCRIPTORS: usize = 4;

/// What [`Socket::wait`] waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Until {
    Readable,
    Writable,
}

/// What one [`Socket::receive`] brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Received {
    /// Bytes; none: the other end closed it.
    pub(crate) bytes: usize,
    /// Nothing more was there.
    pub(crate) is_all: bool,
}

#[derive(Debug)]
pub(crate) struct Socket(UnixStream);

impl Socket {
    /// The socket that the hub left at [`igloo_wire::DESCRIPTOR`], if there is one. To be called before this process
    /// opens anything.
    pub(crate) fn inherited() -> Option<Self> {
        // SAFETY: the number is not -1, and the borrow ends before anything can close it. Where nothing is open under
        // the number, the kernel answers EBADF and the borrow was of nothing.
        let borrowed = unsafe { BorrowedFd::borrow_raw(igloo_wire::DESCRIPTOR) };
        if fcntl_getfd(borrowed).is_err() || socket_type(borrowed) != Ok(SocketType::STREAM) {
            return None;
        }
        // SAFETY: it is open, as was just seen, and was before `main`: whoever started this process meant it for us, and
        // nothing else in this process knows of it.
        let owned = unsafe { OwnedFd::from_raw_fd(igloo_wire::DESCRIPTOR) };
        // What this process starts has no business with the hub.
        fcntl_setfd(&owned, FdFlags::CLOEXEC).ok()?;
        Self::new(owned.into()).ok()
    }

    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self(stream))
    }

    /// Receives what is there, `WouldBlock` if nothing is.
    pub(crate) fn receive(&self, bytes: &mut [u8], descriptors: &mut VecDeque<OwnedFd>) -> io::Result<Received> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let room = bytes.len();
        let message = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                result => break result?,
            }
        };
        let before = descriptors.len();
        for control in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = control {
                descriptors.extend(passed);
            }
        }
        if message.flags.contains(ReturnFlags::CTRUNC) {
            return Err(io::Error::other("more descriptors than a message carries, or than this process may open"));
        }
        // Linux (`unix_stream_read_generic`) ends a read after what came with descriptors: more may wait.
        let is_all = message.bytes < room && descriptors.len() == before;
        Ok(Received { bytes: message.bytes, is_all })
    }

    /// Sends what there is room for, `WouldBlock` if there is none.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match send(&self.0, bytes, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                result => return Ok(result?),
            }
        }
    }

    /// Blocks this thread until the socket is ready, `TimedOut` at the deadline.
    pub(crate) fn wait(&self, until: Until, deadline: Instant) -> io::Result<()> {
        let flags = match until {
            Until::Readable => PollFlags::IN,
            Until::Writable => PollFlags::OUT,
        };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.0, flags)], Some(&timeout)) {
                Ok(0) if Instant::now() >= deadline => return Err(io::ErrorKind::TimedOut.into()),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A descriptor that a task can wait for, to read from. Not to write to: with an interest in that, the loop would wake up
/// whenever the other end has read something.
pub(crate) fn readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open, always gives the same number, and cannot be closed or replaced while the `AsyncFd` has
    // it: nobody here takes it out of a `&mut`.
    let registered = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
    Ok(registered?)
}
