//! Functions of wasi-libc that do not fit sockets here, replaced.
//!
//! wasi-libc knows which of our handles is behind a file descriptor, and tells nobody. But `getsockname` makes it ask us
//! for that handle's address: [`asked_for_address`] remembers the handle, so nothing of its insides need be known.

use super::{
    abi::Code,
    table::{self, Object},
    tcp::Read,
};
use crate::bindings::wasi::sockets::types::IpSocketAddress;
use libc::{c_int, c_void, sockaddr, socklen_t};
use std::{cell::Cell, mem::size_of, ptr};

thread_local! {
    static ASKED: Cell<Option<u32>> = const { Cell::new(None) };
}

/// wasi-libc wants to know the address of this socket.
pub(super) fn asked_for_address(handle: u32) {
    ASKED.set(Some(handle));
}

/// The socket behind a file descriptor; otherwise errno says why there is none.
fn socket(fd: c_int) -> Option<Object> {
    ASKED.set(None);
    // SAFETY: all zeros is a valid address of no family.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::sockaddr_storage>() as socklen_t;
    // SAFETY: the address and its length are as large as they say.
    if unsafe { libc::getsockname(fd, (&raw mut address).cast(), &raw mut length) } != 0 {
        return None;
    }
    let object = ASKED.take().and_then(table::get);
    if object.is_none() {
        set_errno(libc::ENOTCONN);
    }
    object
}

fn set_errno(errno: c_int) {
    // SAFETY: the location of this thread's errno is always valid.
    unsafe { *libc::__errno_location() = errno }
}

fn fail(errno: c_int) -> isize {
    set_errno(errno);
    -1
}

/// wasi-libc refuses this for sockets, although mio calls it to make an accepted socket non-blocking. A blocking socket
/// would stop the whole provider, so whatever flags are asked for, the socket becomes non-blocking.
///
/// In C it has variable arguments, which no definition in Rust can have: they are not looked at.
#[unsafe(no_mangle)]
extern "C" fn fcntl(fd: c_int, command: c_int, _: *const c_void) -> c_int {
    match command {
        libc::F_GETFD | libc::F_SETFD | libc::F_GETFL => 0,
        libc::F_SETFL => {
            let on: c_int = 1;
            // SAFETY: `FIONBIO` takes a pointer to an int.
            unsafe { libc::ioctl(fd, libc::FIONBIO, &raw const on) }
        }
        _ => fail(libc::EINVAL) as c_int,
    }
}

/// wasi-libc makes an `EIO` of every failed read: libraries want to know that the peer reset the connection.
#[unsafe(no_mangle)]
extern "C" fn recv(fd: c_int, buffer: *mut c_void, length: usize, flags: c_int) -> isize {
    recvfrom(fd, buffer, length, flags, ptr::null_mut(), ptr::null_mut())
}

/// See [`recv`]: it stands in the same file of wasi-libc, so that both must be replaced.
#[unsafe(no_mangle)]
extern "C" fn recvfrom(
    fd: c_int,
    buffer: *mut c_void,
    length: usize,
    flags: c_int,
    from: *mut sockaddr,
    from_length: *mut socklen_t,
) -> isize {
    let fill = |bytes: &[u8]| {
        let count = bytes.len().min(length);
        // SAFETY: the caller's buffer has room for `length` bytes.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast::<u8>(), count) }
        count as isize
    };
    let peek = flags & libc::MSG_PEEK != 0;
    match socket(fd) {
        None => -1,
        Some(Object::Tcp(socket)) => {
            if !from_length.is_null() {
                // SAFETY: the caller's; a connection's peer is not told here.
                unsafe { *from_length = 0 }
            }
            let Some(connection) = socket.connection() else { return fail(libc::ENOTCONN) };
            let mut result = 0;
            connection.read(length, peek, |read| {
                result = match read {
                    Read::Bytes([]) if length > 0 => fail(libc::EAGAIN),
                    Read::Bytes(bytes) => fill(bytes),
                    Read::End => 0,
                    Read::Failed => fail(libc::ECONNRESET),
                }
            });
            result
        }
        Some(Object::Udp(socket)) => match socket.receive(peek) {
            Ok(None) => fail(libc::EAGAIN),
            Ok(Some((data, peer))) => {
                if !from.is_null() && !from_length.is_null() {
                    write_peer(&peer, from, from_length);
                }
                fill(&data)
            }
            Err(code) => fail(errno(code)),
        },
        Some(_) => fail(libc::ENOTSOCK),
    }
}

/// A datagram's error as errno.
fn errno(code: Code) -> c_int {
    match code {
        Code::AccessDenied => libc::EACCES,
        Code::ConnectionRefused => libc::ECONNREFUSED,
        Code::ConnectionReset => libc::ECONNRESET,
        Code::RemoteUnreachable => libc::EHOSTUNREACH,
        Code::DatagramTooLarge => libc::EMSGSIZE,
        _ => libc::EIO,
    }
}

/// Writes as much of an address as the caller has room for.
fn write_peer(peer: &IpSocketAddress, to: *mut sockaddr, length: *mut socklen_t) {
    fn copy<T>(address: &T, to: *mut sockaddr, length: *mut socklen_t) {
        // SAFETY: the caller's length says how large its address is; no more is written.
        unsafe {
            let room = size_of::<T>().min(*length as usize);
            ptr::copy_nonoverlapping(ptr::from_ref(address).cast::<u8>(), to.cast::<u8>(), room);
            *length = size_of::<T>() as socklen_t;
        }
    }
    match peer {
        IpSocketAddress::Ipv4(v4) => {
            // SAFETY: all zeros is a valid address.
            let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
            let (a, b, c, d) = v4.address;
            address.sin_family = libc::AF_INET as _;
            address.sin_port = v4.port.to_be();
            address.sin_addr.s_addr = u32::from_ne_bytes([a, b, c, d]);
            copy(&address, to, length);
        }
        IpSocketAddress::Ipv6(v6) => {
            // SAFETY: all zeros is a valid address.
            let mut address: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
            let (a, b, c, d, e, f, g, h) = v6.address;
            address.sin6_family = libc::AF_INET6 as _;
            address.sin6_port = v6.port.to_be();
            address.sin6_flowinfo = v6.flow_info;
            address.sin6_addr.s6_addr = std::net::Ipv6Addr::new(a, b, c, d, e, f, g, h).octets();
            address.sin6_scope_id = v6.scope_id;
            copy(&address, to, length);
        }
    }
}
