//! What the broker does to a socket by itself. Nothing here waits.

use std::{
    io,
    mem::size_of,
    net::SocketAddr,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    time::Duration,
};

use parking_lot::Mutex;

use super::{
    Protocol, address,
    errno::{check, check_size},
};

// include/uapi/asm-generic/socket.h
const SO_PROTOCOL: i32 = 38;
const SO_DOMAIN: i32 = 39;
/// Linux 5.14.
const SO_NETNS_COOKIE: i32 = 71;

/// What kind of socket a descriptor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `AF_UNIX`, of any type.
    Unix,
    /// TCP or UDP over IPv4 or, where true, IPv6.
    Internet(Protocol, bool),
}

/// A duplicate of a program's socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) descriptor: OwnedFd,
    pub(crate) kind: Kind,
}

impl Socket {
    /// # Errors
    ///
    /// `ENOTSOCK`, and `EOPNOTSUPP` for a socket that no program in a sandbox can have made.
    pub(crate) fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let domain = option::<i32>(descriptor.as_fd(), SO_DOMAIN)?;
        let kind = if domain == libc::AF_UNIX {
            Kind::Unix
        } else {
            let protocol = match option::<i32>(descriptor.as_fd(), SO_PROTOCOL)? {
                libc::IPPROTO_TCP => Protocol::Tcp,
                libc::IPPROTO_UDP => Protocol::Udp,
                _ => return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
            };
            match domain {
                libc::AF_INET => Kind::Internet(protocol, false),
                libc::AF_INET6 => Kind::Internet(protocol, true),
                _ => return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
            }
        };
        Ok(Self { descriptor, kind })
    }

    /// The network namespace that it is in.
    pub(crate) fn namespace(&self) -> io::Result<u64> {
        option(self.descriptor.as_fd(), SO_NETNS_COOKIE)
    }

    /// How long the program lets it wait to send (`SO_SNDTIMEO`) or to receive (`SO_RCVTIMEO`).
    pub(crate) fn timeout(&self, name: i32) -> io::Result<Option<Duration>> {
        let time: [i64; 2] = option(self.descriptor.as_fd(), name)?;
        let [seconds, microseconds] = time.map(|part| u64::try_from(part).unwrap_or(0));
        let time = Duration::from_secs(seconds).saturating_add(Duration::from_micros(microseconds));
        Ok((!time.is_zero()).then_some(time))
    }

    pub(crate) fn is_nonblocking(&self) -> io::Result<bool> {
        Ok(flags(self.descriptor.as_fd())? & libc::O_NONBLOCK != 0)
    }
}

/// A new socket of the hub's namespace. It is close-on-exec here.
pub(crate) fn open(protocol: Protocol, ipv6: bool, nonblocking: bool) -> io::Result<OwnedFd> {
    let domain = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    let kind = match protocol {
        Protocol::Tcp => libc::SOCK_STREAM,
        Protocol::Udp => libc::SOCK_DGRAM,
    };
    let nonblocking = if nonblocking { libc::SOCK_NONBLOCK } else { 0 };
    // SAFETY: no memory is passed; a value of at least 0 is a new descriptor that nobody else owns.
    unsafe {
        check(libc::socket(domain, kind | libc::SOCK_CLOEXEC | nonblocking, 0)).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// The network namespace that the hub makes sockets in.
pub(crate) fn own_namespace() -> io::Result<u64> {
    option(open(Protocol::Udp, false, true)?.as_fd(), SO_NETNS_COOKIE)
}

/// The kernel's number for the socket: what `/proc/PID/fd` shows.
pub(crate) fn inode(descriptor: BorrowedFd<'_>) -> io::Result<u64> {
    // SAFETY: fstat writes one struct stat, for which all bits zero is a value.
    unsafe {
        let mut status = std::mem::zeroed::<libc::stat>();
        check(libc::fstat(descriptor.as_raw_fd(), &raw mut status))?;
        Ok(status.st_ino)
    }
}

/// An option of `SOL_SOCKET` whose value is plain integers.
fn option<T: Integers>(descriptor: BorrowedFd<'_>, name: i32) -> io::Result<T> {
    let mut value = T::ZERO;
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `value`, any of whose bit patterns is a value.
    check(unsafe {
        libc::getsockopt(descriptor.as_raw_fd(), libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut length)
    })?;
    Ok(value)
}

/// Types of which every bit pattern is a value.
trait Integers {
    const ZERO: Self;
}

impl Integers for i32 {
    const ZERO: Self = 0;
}

impl Integers for u64 {
    const ZERO: Self = 0;
}

impl Integers for [i64; 2] {
    const ZERO: Self = [0; 2];
}

pub(crate) fn flags(descriptor: BorrowedFd<'_>) -> io::Result<i32> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_GETFL) })
}

pub(crate) fn set_flags(descriptor: BorrowedFd<'_>, flags: i32) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFL, flags) }).map(|_| ())
}

/// Who may change `O_NONBLOCK` of a sandbox's descriptors. The program may set it at any time, and takes it away
/// through the broker only; so a call made under this lock cannot wait.
#[derive(Default, Debug)]
pub(crate) struct Nonblocking(Mutex<()>);

impl Nonblocking {
    /// Makes a call that cannot wait. Says also whether the program's own would.
    pub(crate) fn attempt<T>(
        &self,
        descriptor: BorrowedFd<'_>,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<(bool, io::Result<T>)> {
        let _turn = self.0.lock();
        let flags = flags(descriptor)?;
        if flags & libc::O_NONBLOCK != 0 {
            return Ok((false, call(descriptor)));
        }
        set_flags(descriptor, flags | libc::O_NONBLOCK)?;
        let outcome = call(descriptor);
        set_flags(descriptor, flags)?;
        Ok((true, outcome))
    }

    /// Changes flags of a descriptor.
    pub(crate) fn change(&self, descriptor: BorrowedFd<'_>, change: impl FnOnce(i32) -> i32) -> io::Result<()> {
        let _turn = self.0.lock();
        set_flags(descriptor, change(flags(descriptor)?))
    }
}

/// connect(2), to nowhere without an address. The descriptor is non-blocking.
pub(crate) fn connect(descriptor: BorrowedFd<'_>, to: Option<SocketAddr>) -> io::Result<()> {
    // All bits zero: AF_UNSPEC.
    let (bytes, length) = to.map_or(([0; 28], 16), address::bytes);
    // SAFETY: the kernel reads `length` bytes of `bytes`, which has as many.
    check(unsafe { libc::connect(descriptor.as_raw_fd(), bytes.as_ptr().cast(), length as libc::socklen_t) })
        .map(|_| ())
}

pub(crate) fn bind(descriptor: BorrowedFd<'_>, at: SocketAddr) -> io::Result<()> {
    let (bytes, length) = address::bytes(at);
    // SAFETY: the kernel reads `length` bytes of `bytes`, which has as many.
    check(unsafe { libc::bind(descriptor.as_raw_fd(), bytes.as_ptr().cast(), length as libc::socklen_t) }).map(|_| ())
}

pub(crate) fn listen(descriptor: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::listen(descriptor.as_raw_fd(), backlog) }).map(|_| ())
}

/// accept4(2), and who it is. The listening descriptor is non-blocking.
pub(crate) fn accept(descriptor: BorrowedFd<'_>, nonblocking: bool) -> io::Result<(OwnedFd, SocketAddr)> {
    let mut bytes = [0_u8; address::LONGEST];
    let mut length = bytes.len() as libc::socklen_t;
    let flags = libc::SOCK_CLOEXEC | if nonblocking { libc::SOCK_NONBLOCK } else { 0 };
    // SAFETY: the kernel writes at most `length` bytes to `bytes`, which has as many; a value of at least 0 is a new
    // descriptor that nobody else owns.
    let accepted = unsafe {
        check(libc::accept4(descriptor.as_raw_fd(), bytes.as_mut_ptr().cast(), &raw mut length, flags))
            .map(|accepted| OwnedFd::from_raw_fd(accepted))?
    };
    let peer = address::of_kernel(&bytes, length)?;
    Ok((accepted, peer))
}

/// Sends without waiting and without a signal. `control` is of kinds that the caller knows.
pub(crate) fn send(
    descriptor: BorrowedFd<'_>,
    data: &[u8],
    to: Option<SocketAddr>,
    control: &[u64],
    control_length: usize,
    flags: i32,
) -> io::Result<usize> {
    let (mut name, name_length) = to.map_or(([0; 28], 0), address::bytes);
    let mut part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    // SAFETY: all bits zero is a value of struct msghdr. Its pointers are to memory of the lengths beside them, which
    // outlives the call; the kernel only reads it.
    unsafe {
        let mut message = std::mem::zeroed::<libc::msghdr>();
        if name_length > 0 {
            message.msg_name = name.as_mut_ptr().cast();
            message.msg_namelen = name_length as libc::socklen_t;
        }
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if control_length > 0 {
            message.msg_control = control.as_ptr().cast_mut().cast();
            message.msg_controllen = control_length.min(size_of_val(control)) as _;
        }
        check_size(libc::sendmsg(
            descriptor.as_raw_fd(),
            &raw const message,
            flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        ))
    }
}

/// `SO_LINGER`: off, or to reset at once.
pub(crate) fn set_linger(descriptor: BorrowedFd<'_>, reset: bool) -> io::Result<()> {
    let linger = libc::linger { l_onoff: i32::from(reset), l_linger: 0 };
    // SAFETY: the kernel reads one struct linger.
    check(unsafe {
        libc::setsockopt(
            descriptor.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    })
    .map(|_| ())
}
