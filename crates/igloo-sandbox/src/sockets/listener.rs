//! The kernel's side of a seccomp listener: taking calls and answering them.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
};

use tokio::io::{Interest, unix::AsyncFd};

use super::errno::{Failure, Outcome, check};

/// The kernel's structures may grow; it says their sizes, and these hold more than twice what there is.
const ROOM: usize = 32;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`, Linux 6.6: the hub and the program, which take turns, share a CPU.
const SYNC_WAKE_UP: u64 = 1;

/// A call that a program waits in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Call {
    /// The kernel's number for it, never used again.
    pub(crate) id: u64,
    /// The thread, as the hub sees it.
    pub(crate) thread: i32,
    /// Which system call.
    pub(crate) number: i64,
    /// Its registers.
    pub(crate) arguments: [u64; 6],
}

impl Call {
    /// An argument that the kernel takes as an `int`.
    pub(crate) fn int(&self, index: usize) -> i32 {
        self.arguments[index] as i32
    }
}

/// The listener of one sandbox.
#[derive(Debug)]
pub(crate) struct Listener {
    descriptor: AsyncFd<OwnedFd>,
}

impl Listener {
    pub(crate) fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let mut sizes = libc::seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
        // SAFETY: SECCOMP_GET_NOTIF_SIZES writes one struct seccomp_notif_sizes.
        if unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_NOTIF_SIZES, 0, &raw mut sizes) } != 0 {
            return Err(io::Error::last_os_error());
        }
        if usize::from(sizes.seccomp_notif.max(sizes.seccomp_notif_resp)) > ROOM * 8 {
            return Err(io::Error::other("the kernel's seccomp notifications are larger than this hub knows"));
        }
        // SAFETY: takes its argument by value. Kernels before 6.6 refuse it, which changes nothing but the speed.
        unsafe {
            libc::ioctl(descriptor.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
        }
        // SAFETY: an owned descriptor stays the same and open until it is dropped.
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
        Ok(Self { descriptor: descriptor.map_err(io::Error::from)? })
    }

    /// The next call. None when no process has the filter any more.
    pub(crate) async fn next(&self) -> io::Result<Option<Call>> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            // Taking one waits where there is none, whatever the descriptor's flags say: so it is asked for first.
            let events = self.poll()?;
            if events & libc::POLLIN != 0 {
                match self.take() {
                    Ok(call) => return Ok(Some(call)),
                    // It was killed or interrupted in between.
                    Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            } else if events & (libc::POLLHUP | libc::POLLERR) != 0 {
                return Ok(None);
            } else {
                ready.clear_ready();
            }
        }
    }

    fn poll(&self) -> io::Result<i16> {
        let mut poll = libc::pollfd { fd: self.descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd, and no waiting.
        check(unsafe { libc::poll(&raw mut poll, 1, 0) })?;
        Ok(poll.revents)
    }

    fn take(&self) -> io::Result<Call> {
        let mut room = [0_u64; ROOM];
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_RECV, room.as_mut_ptr().cast())?;
        // SAFETY: the kernel wrote a struct seccomp_notif at the beginning of zeroed, aligned memory that is larger;
        // every bit pattern is a value of its integers.
        let taken = unsafe { room.as_ptr().cast::<libc::seccomp_notif>().read() };
        Ok(Call {
            id: taken.id,
            thread: taken.pid as i32,
            number: i64::from(taken.data.nr),
            arguments: taken.data.args,
        })
    }

    /// Whether the program still waits in this call.
    pub(crate) fn check(&self, call: &Call) -> Outcome<()> {
        let mut id = call.id;
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ID_VALID, (&raw mut id).cast()).map(|_| ()).map_err(|_| Failure::Over)
    }

    /// Answers a call. False if nobody waits in it any more.
    pub(crate) fn answer(&self, call: &Call, outcome: Result<i64, i32>) -> bool {
        let mut room = [0_u64; ROOM];
        let answer = match outcome {
            Ok(value) => libc::seccomp_notif_resp { id: call.id, val: value, error: 0, flags: 0 },
            Err(errno) => libc::seccomp_notif_resp { id: call.id, val: 0, error: -errno, flags: 0 },
        };
        // SAFETY: the memory is aligned and larger than the structure.
        unsafe { room.as_mut_ptr().cast::<libc::seccomp_notif_resp>().write(answer) };
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_SEND, room.as_mut_ptr().cast()).is_ok()
    }

    /// Hands a descriptor in and answers the call by its number, in one step.
    pub(crate) fn answer_by(&self, call: &Call, descriptor: BorrowedFd<'_>, close_on_exec: bool) -> io::Result<()> {
        self.hand_in(call, descriptor, close_on_exec, libc::SECCOMP_ADDFD_FLAG_SEND as u32, 0)
    }

    /// Puts a descriptor in the place of another, as dup3(2) does.
    pub(crate) fn replace(
        &self,
        call: &Call,
        descriptor: BorrowedFd<'_>,
        close_on_exec: bool,
        place: i32,
    ) -> io::Result<()> {
        self.hand_in(call, descriptor, close_on_exec, libc::SECCOMP_ADDFD_FLAG_SETFD as u32, place as u32)
    }

    fn hand_in(
        &self,
        call: &Call,
        descriptor: BorrowedFd<'_>,
        close_on_exec: bool,
        flags: u32,
        place: u32,
    ) -> io::Result<()> {
        let mut request = libc::seccomp_notif_addfd {
            id: call.id,
            flags,
            srcfd: descriptor.as_raw_fd() as u32,
            newfd: place,
            newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
        };
        self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, (&raw mut request).cast()).map(|_| ())
    }

    fn ioctl(&self, request: libc::Ioctl, argument: *mut libc::c_void) -> io::Result<i32> {
        // SAFETY: each caller passes memory that is as large as its request reads and writes.
        check(unsafe { libc::ioctl(self.descriptor.as_fd().as_raw_fd(), request, argument) })
    }
}
