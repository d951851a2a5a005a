//! Messages between the hub and a sandbox's init: one datagram of JSON each, with descriptors beside it.
//!
//! The socket is `SOCK_SEQPACKET`, so a message is whole or absent, and its end of file tells that the other side died.
//! What comes from init is read as hostile: bounded, and checked by serde.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::protection::{Protection, Report};
use crate::spec::{Limits, MAX_EXTRA_FDS};

/// The longest message. The kernel's default for a Unix datagram is 208 KiB (`net.core.wmem_default`).
pub(crate) const MAX_MESSAGE: usize = 128 * 1024;
/// The most descriptors beside a message: the program's four, and the extra ones.
pub(crate) const MAX_FDS: usize = MAX_EXTRA_FDS + FIXED_FDS;
/// Protocol socket, standard output, standard error, and the socket for [`Request`]s.
pub(crate) const FIXED_FDS: usize = 4;

/// What the hub tells init.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToInit {
    /// Set everything up. Comes with [`FIXED_FDS`] and the extra descriptors.
    Prepare(Box<Task>),
    /// Run the program.
    Go,
    /// End everything that runs here.
    Kill,
}

/// [`crate::Spec`] as init needs it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    /// Where the executable is below `program_directory`.
    pub(crate) executable: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) program_directory: PathBuf,
    pub(crate) private_directory: PathBuf,
    pub(crate) roots_directory: Option<PathBuf>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) limits: Limits,
    /// Whether a control group keeps the memory's limit, so that an rlimit need not.
    pub(crate) memory_group: bool,
    /// Protections that are not made.
    pub(crate) without: BTreeSet<Protection>,
}

/// What init tells the hub.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromInit {
    /// Comes with a pidfd of init.
    Started,
    /// Everything is set up; nothing of the program has run. Comes with the descriptors that are named, in this order.
    Prepared { report: Report, resolver: bool, listener: bool },
    /// The program runs.
    Running,
    /// It could not be started.
    Failed { stage: Stage, what: String, errno: i32 },
    /// It has ended; its remains end now. `status` is that of wait(2).
    Ended { status: i32 },
}

/// Where a start failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// In making the sandbox.
    Setup,
    /// In running the program in it.
    Execute,
}

/// What the hub asks of init while the program runs: a UDP socket of the sandbox's own network.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    LocalSocket { ipv6: bool },
}

/// Its answer; with a descriptor if it is well.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) errno: Option<i32>,
}

/// A connected pair for messages, closed on exec, that does not block.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: `fds` has room for the two descriptors.
    cvt(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) })?;
    // SAFETY: the kernel has just made them, and nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Room for the control message of [`MAX_FDS`] descriptors, aligned as `cmsghdr` must be.
#[repr(C, align(8))]
struct Control([u8; 256]);

const _: () = assert!(16 + MAX_FDS * size_of::<RawFd>() <= 256);

/// Sends one message. A full queue is `WouldBlock`, a dead peer `BrokenPipe`.
pub(crate) fn send<T: Serialize>(socket: BorrowedFd<'_>, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(message)?;
    if bytes.len() > MAX_MESSAGE || fds.len() > MAX_FDS {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"));
    }
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 256]);
    // SAFETY: an all-zero msghdr is a valid empty one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    if !fds.is_empty() {
        let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let length = size_of_val(raw.as_slice());
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE only computes. `control` is zeroed, aligned, and larger than the space (asserted above), so
        // the first header and `length` bytes behind it lie inside of it.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(length as u32) as _;
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(length as u32) as _;
            std::ptr::copy_nonoverlapping(raw.as_ptr().cast::<u8>(), libc::CMSG_DATA(first), length);
        }
    }
    // SAFETY: header points to `part` and `control`, which live until the call returns.
    cvt(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) } as i32)?;
    Ok(())
}

/// Receives one message and its descriptors, closed on exec. `UnexpectedEof` is the other side's end.
pub(crate) fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> io::Result<(T, Vec<OwnedFd>)> {
    let mut bytes = vec![0_u8; MAX_MESSAGE];
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 256]);
    // SAFETY: an all-zero msghdr is a valid empty one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len() as _;
    // SAFETY: header points to `part` and `control` with their true lengths.
    let length =
        cvt(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC) } as i32)? as usize;
    let mut fds = Vec::new();
    // SAFETY: the kernel has filled in the headers; the macros stay inside msg_controllen. Each descriptor of an
    // SCM_RIGHTS message is new and ours.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(&raw const header);
        while !at.is_null() {
            if (*at).cmsg_level == libc::SOL_SOCKET && (*at).cmsg_type == libc::SCM_RIGHTS {
                let data = libc::CMSG_DATA(at).cast::<RawFd>();
                let count = ((*at).cmsg_len as usize - libc::CMSG_LEN(0) as usize) / size_of::<RawFd>();
                fds.extend((0..count).map(|index| OwnedFd::from_raw_fd(data.add(index).read_unaligned())));
            }
            at = libc::CMSG_NXTHDR(&raw const header, at);
        }
    }
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the message was cut off"));
    }
    let message = serde_json::from_slice(bytes.get(..length).unwrap_or_default())?;
    Ok((message, fds))
}

fn cvt(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_message_crosses_with_its_descriptors_and_the_end_is_told() {
        let (ours, theirs) = pair().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let fds = vec![null.as_fd(); MAX_FDS];
        send(ours.as_fd(), &ToInit::Go, &fds).unwrap();
        let (message, received): (ToInit, _) = receive(theirs.as_fd()).unwrap();
        assert!(matches!(message, ToInit::Go));
        assert_eq!(received.len(), MAX_FDS);
        assert_eq!(receive::<ToInit>(theirs.as_fd()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(ours);
        assert_eq!(receive::<ToInit>(theirs.as_fd()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(send(theirs.as_fd(), &ToInit::Go, &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn garbage_is_an_error() {
        let (ours, theirs) = pair().unwrap();
        send(ours.as_fd(), &"nonsense", &[]).unwrap();
        assert!(receive::<FromInit>(theirs.as_fd()).is_err());
    }
}
