//! The memory and the descriptors of a thread that waits in a call. Everything is copied or duplicated once, and after
//! that the call is checked to be still waited in: then it was this thread's, and not one's that got its number.

use std::{
    fs::{File, OpenOptions},
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::fs::FileExt as _,
    },
};

use super::{
    errno::{Failure, Outcome, check, check_size},
    listener::{Call, Listener},
};

/// `PIDFD_THREAD`, Linux 6.9: of one thread, whose table of descriptors may be its own.
const PIDFD_THREAD: i32 = libc::O_EXCL;

/// A part of the program's memory, as `struct iovec` names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) address: u64,
    pub(crate) length: usize,
}

/// Copies these parts, one after the other, to `into`, all of which is filled.
pub(crate) fn read_spans(listener: &Listener, call: &Call, spans: &[Span], into: &mut [u8]) -> Outcome<()> {
    if into.is_empty() {
        return Ok(());
    }
    let remote: Vec<libc::iovec> = spans
        .iter()
        .map(|span| libc::iovec { iov_base: span.address as *mut libc::c_void, iov_len: span.length })
        .collect();
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: the kernel writes at most `into.len()` bytes to `into`; the remote addresses are another process's, which
    // the kernel checks.
    let copied = unsafe {
        libc::process_vm_readv(call.thread, &raw const local, 1, remote.as_ptr(), remote.len() as libc::c_ulong, 0)
    };
    let copied = check_size(copied);
    listener.check(call)?;
    match copied {
        Ok(length) if length == into.len() => Ok(()),
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => Err(Failure::Errno(libc::EPERM)),
        _ => Err(Failure::Errno(libc::EFAULT)),
    }
}

/// Copies what is at an address.
pub(crate) fn read(listener: &Listener, call: &Call, address: u64, into: &mut [u8]) -> Outcome<()> {
    read_spans(listener, call, &[Span { address, length: into.len() }], into)
}

/// A number of four bytes at an address.
pub(crate) fn read_int(listener: &Listener, call: &Call, address: u64) -> Outcome<i32> {
    let mut bytes = [0; 4];
    read(listener, call, address, &mut bytes)?;
    Ok(i32::from_ne_bytes(bytes))
}

/// The program's memory, to write to. It stays this program's, whoever gets its number.
#[derive(Debug)]
pub(crate) struct Memory(File);

impl Memory {
    pub(crate) fn open(listener: &Listener, call: &Call) -> Outcome<Self> {
        let file = OpenOptions::new().write(true).open(format!("/proc/{}/mem", call.thread));
        listener.check(call)?;
        Ok(Self(file?))
    }

    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Outcome<()> {
        self.0.write_all_at(bytes, address).map_err(|_| Failure::Errno(libc::EFAULT))
    }
}

/// A duplicate of one of the thread's descriptors.
pub(crate) fn descriptor(listener: &Listener, call: &Call, number: i32) -> Outcome<OwnedFd> {
    let process = process(call.thread);
    listener.check(call)?;
    // SAFETY: two descriptors and no memory; a value of at least 0 is a new descriptor that nobody else owns.
    unsafe {
        let duplicate = libc::syscall(libc::SYS_pidfd_getfd, process?.as_raw_fd(), number, 0);
        check(duplicate as i32).map(|duplicate| OwnedFd::from_raw_fd(duplicate)).map_err(Failure::from)
    }
}

fn process(thread: i32) -> io::Result<OwnedFd> {
    let open = |pid: i32, flags: i32| {
        // SAFETY: no memory is passed; a value of at least 0 is a new descriptor that nobody else owns.
        unsafe {
            let descriptor = libc::syscall(libc::SYS_pidfd_open, pid, flags);
            check(descriptor as i32).map(|descriptor| OwnedFd::from_raw_fd(descriptor))
        }
    };
    open(thread, PIDFD_THREAD).or_else(|error| match error.raw_os_error() {
        // Before Linux 6.9. A thread with a table of its own then names its process's descriptors, which are no more
        // than it could have.
        Some(libc::EINVAL) => open(leader(thread)?, 0),
        _ => Err(error),
    })
}

/// The process of a thread.
fn leader(thread: i32) -> io::Result<i32> {
    status_field(&format!("/proc/{thread}/status"), "Tgid:", 10)
}

/// Whether one of the thread's descriptors is closed when it executes another program.
pub(crate) fn close_on_exec(listener: &Listener, call: &Call, number: i32) -> Outcome<bool> {
    let flags = status_field(&format!("/proc/{}/fdinfo/{number}", call.thread), "flags:", 8);
    listener.check(call)?;
    Ok(flags? & libc::O_CLOEXEC != 0)
}

/// Whether a signal waits that would interrupt the thread.
pub(crate) fn is_signalled(listener: &Listener, call: &Call) -> Outcome<bool> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", call.thread));
    listener.check(call)?;
    let text = text?;
    // proc_pid_status(5): masks in hexadecimal; pending for the thread and for its process, and blocked.
    let mask = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| u64::from_str_radix(value.trim(), 16).ok()).unwrap_or(0)
    };
    Ok((mask("SigPnd:") | mask("ShdPnd:")) & !mask("SigBlk:") != 0)
}

fn status_field(path: &str, name: &str, radix: u32) -> io::Result<i32> {
    let text = std::fs::read_to_string(path)?;
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|value| i32::from_str_radix(value.trim(), radix).ok())
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EIO))
}
