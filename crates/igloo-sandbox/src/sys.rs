//! The system calls that neither std nor the workspace's rustix offers, each as a safe function.
//!
//! Nothing here decides anything. Functions that only make sense in a process with one thread say so.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use tokio::io::unix::AsyncFd;

pub(crate) fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: the callers pass what a system call has just returned as a new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub(crate) fn prctl(option: i32, argument: libc::c_ulong) -> io::Result<()> {
    // SAFETY: no option used in this crate takes a pointer.
    check(unsafe { libc::prctl(option, argument, 0, 0, 0) }.into()).map(drop)
}

pub(crate) fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// What [`fork`] gives: `None` to the child.
pub(crate) type Forked = Option<(libc::pid_t, OwnedFd)>;

/// clone(2) without a stack of its own: a fork with `flags`, and a pidfd for the parent.
///
/// The process must have one thread: the child goes on with a copy of whatever locks others held.
pub(crate) fn fork(flags: i32) -> io::Result<Forked> {
    let mut pidfd: libc::c_int = -1;
    let flags = (flags | libc::CLONE_PIDFD | libc::SIGCHLD) as libc::c_ulong;
    let null = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: without CLONE_VM the child has a copy of the memory, so the NULL stack means to go on with this one. The
    // third argument is where CLONE_PIDFD puts the descriptor, on x86_64 and aarch64 alike.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, flags, null, &raw mut pidfd, null, null) })?;
    if pid == 0 {
        return Ok(None);
    }
    Ok(Some((pid as libc::pid_t, owned(pidfd.into())?)))
}

/// Ends the process without running anything else of it.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: never returns, touches no memory.
    unsafe { libc::_exit(code) }
}

pub(crate) fn pidfd_kill(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: the siginfo pointer may be NULL (pidfd_send_signal(2)).
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0_u32,
        )
    };
    check(result).map(drop)
}

/// Reaps a child by its pidfd.
pub(crate) fn reap(pidfd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: an all-zero siginfo_t is valid, and the kernel writes into it.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` lives through the call.
    let result = unsafe { libc::waitid(libc::P_PIDFD, pidfd.as_raw_fd() as u32, &raw mut info, libc::WEXITED) };
    check(result.into()).map(drop)
}

/// Reaps every child in a process group, when it ends.
pub(crate) fn reap_group(group: u32) {
    let mut status = 0;
    let Ok(group) = libc::pid_t::try_from(group) else { return };
    // SAFETY: `status` lives through the calls. ECHILD ends it.
    while unsafe { libc::waitpid(-group, &raw mut status, 0) } > 0 {}
}

/// Reaps any child that has ended; `None` if none has.
pub(crate) fn reap_any(wait: bool) -> io::Result<Option<(libc::pid_t, i32)>> {
    let mut status = 0;
    let flags = if wait { 0 } else { libc::WNOHANG };
    // SAFETY: `status` lives through the call.
    let pid = check(unsafe { libc::waitpid(-1, &raw mut status, flags) }.into())? as libc::pid_t;
    Ok((pid != 0).then_some((pid, status)))
}

/// poll(2) for input on each; tells which have any, or have hung up. `None` is to wait for ever.
pub(crate) fn poll<const N: usize>(fds: [BorrowedFd<'_>; N], timeout: Option<Duration>) -> io::Result<[bool; N]> {
    let mut list = fds.map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    let timeout = timeout.map_or(-1, |time| time.as_millis().try_into().unwrap_or(i32::MAX));
    loop {
        // SAFETY: `list` has N entries.
        match check(unsafe { libc::poll(list.as_mut_ptr(), N as libc::nfds_t, timeout) }.into()) {
            Ok(_) => return Ok(list.map(|one| one.revents != 0)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Blocks these signals and gives a descriptor that tells of them.
pub(crate) fn signalfd(signals: &[i32]) -> io::Result<OwnedFd> {
    let set = set_of(signals);
    // SAFETY: `set` is initialised; the old mask is not asked for.
    check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) }.into())?;
    // SAFETY: `set` is initialised.
    owned(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) }.into())
}

/// The number of a signal that has come, if one has.
pub(crate) fn next_signal(signalfd: BorrowedFd<'_>) -> Option<i32> {
    let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
    // SAFETY: `info` has room for one record, which is what is read.
    let length = unsafe { libc::read(signalfd.as_raw_fd(), info.as_mut_ptr().cast(), info.len()) };
    let number = info.first_chunk::<4>().map(|bytes| i32::from_ne_bytes(*bytes));
    if length == info.len() as isize { number } else { None }
}

/// Gives every signal its default action and unblocks all: what a new program expects. Rust's runtime ignores SIGPIPE.
pub(crate) fn default_signals() {
    // SIGRTMAX is 64 on Linux (signal(7)).
    for signal in 1..=64 {
        // SAFETY: SIG_DFL runs no code of ours. Those that cannot be set are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let none = set_of(&[]);
    // SAFETY: `none` is initialised.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
}

fn set_of(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: sigemptyset initialises what zeroed() made room for.
    let mut set = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    unsafe { libc::sigemptyset(&raw mut set) };
    for signal in signals {
        // SAFETY: the set is initialised; a wrong number is refused.
        unsafe { libc::sigaddset(&raw mut set, *signal) };
    }
    set
}

pub(crate) fn open_tree(path: &CStr, recursive: bool) -> io::Result<OwnedFd> {
    let recursive = if recursive { libc::AT_RECURSIVE as u32 } else { 0 };
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | recursive;
    // SAFETY: `path` is a C string.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })
}

/// linux/mount.h.
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Sets attributes on a mount and those below it (Linux 5.12).
pub(crate) fn mount_set(tree: BorrowedFd<'_>, attributes: u64) -> io::Result<()> {
    let attr = MountAttr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the path is an empty C string, and `attr` has the size that is told.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    check(result).map(drop)
}

pub(crate) fn move_mount(tree: BorrowedFd<'_>, to: &CStr) -> io::Result<()> {
    // SAFETY: both paths are C strings.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    check(result).map(drop)
}

pub(crate) fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: libc::c_ulong, data: &CStr) -> io::Result<()> {
    // SAFETY: all are C strings.
    let result = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) };
    check(result.into()).map(drop)
}

/// Takes a mount away, if there is one.
pub(crate) fn unmount(path: &CStr) {
    // SAFETY: a C string.
    unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
}

/// Puts the old root behind the new one, and takes it away.
pub(crate) fn pivot_root_here() -> io::Result<()> {
    // SAFETY: C strings. With both the same, the old root lies on top of the new one (pivot_root(2), NOTES).
    check(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) })?;
    // SAFETY: a C string.
    check(unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) }.into()).map(drop)
}

/// Makes `fd` another descriptor that is closed on exec, out of the way of those that a program gets.
pub(crate) fn duplicate_high(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    const OUT_OF_THE_WAY: i32 = 64;
    // SAFETY: takes no pointers.
    owned(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) }.into())
}

/// Makes `number` mean what `fd` means, open across exec.
pub(crate) fn place(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: takes no pointers. What `number` was is closed; the caller says that nothing of Rust owns it.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) }.into()).map(drop)
}

/// Closes every descriptor from `first` on when a program is run (Linux 5.11).
pub(crate) fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) }).map(drop)
}

pub(crate) fn set_rlimit(resource: libc::__rlimit_resource_t, limit: u64) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` lives through the call.
    check(unsafe { libc::getrlimit(resource, &raw mut now) }.into())?;
    let limit = limit.min(now.rlim_max);
    let new = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: as above.
    check(unsafe { libc::setrlimit(resource, &raw const new) }.into()).map(drop)
}

/// A UDP socket of the calling process's network namespace.
pub(crate) fn udp_socket(ipv6: bool) -> io::Result<OwnedFd> {
    let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no pointers.
    owned(unsafe { libc::socket(family, kind, 0) }.into())
}

/// Switches `lo` on.
pub(crate) fn loopback_up() -> io::Result<()> {
    let socket = udp_socket(false)?;
    // SAFETY: an all-zero ifreq is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is a whole ifreq that lives through the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) }.into()).map(drop)
}

/// Becomes this user, with no other groups.
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: an empty list needs no pointer.
    check(unsafe { libc::setgroups(0, std::ptr::null()) }.into())?;
    // SAFETY: takes no pointers.
    check(unsafe { libc::setresgid(gid, gid, gid) }.into())?;
    // SAFETY: takes no pointers.
    check(unsafe { libc::setresuid(uid, uid, uid) }.into()).map(drop)
}

pub(crate) fn ids() -> (u32, u32) {
    // SAFETY: these always succeed.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

pub(crate) fn set_host_name(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length are those of `name`.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

/// Empties every capability set. `last` is the highest capability that the kernel knows.
pub(crate) fn drop_capabilities(last: u32) -> io::Result<()> {
    for capability in 0..=last {
        // Where it is not held, it is refused to drop it without CAP_SETPCAP; whether it is gone is read afterwards.
        let _ = prctl(libc::PR_CAPBSET_DROP, capability.into());
    }
    // SAFETY: takes no pointers.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) }.into())?;
    /// `_LINUX_CAPABILITY_VERSION_3` (linux/capability.h).
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let sets = [0_u32; 6];
    // SAFETY: version 3 reads a header of two words and six words of sets.
    check(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) }).map(drop)
}

/// Has the runtime watch a descriptor.
pub(crate) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd names the same open descriptor as long as it lives.
    Ok(unsafe { AsyncFd::register(fd) }?)
}
