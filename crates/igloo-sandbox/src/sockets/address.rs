//! Socket addresses, between the kernel's bytes and Rust's type. What is decided is what the call is made with: bytes
//! from a program are parsed once, and made anew from what was parsed.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsRawFd as _, BorrowedFd},
};

use super::errno::{Failure, Outcome, check};

/// `sizeof(struct sockaddr_storage)`: the kernel takes no longer address.
pub(crate) const LONGEST: usize = 128;
/// `SIN6_LEN_RFC2133`, net/ipv6: an address without a scope.
const SHORTEST_V6: usize = 24;

/// An address as a program gave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Given {
    /// `AF_UNSPEC`: take the peer away.
    None,
    /// Of IPv4 or IPv6.
    Socket(SocketAddr),
}

/// Reads a `struct sockaddr`.
pub(crate) fn parse(bytes: &[u8]) -> Outcome<Given> {
    let field = |at: usize| bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
    let family = field(0).map(u16::from_ne_bytes).ok_or(Failure::Errno(libc::EINVAL))?;
    match i32::from(family) {
        libc::AF_UNSPEC => Ok(Given::None),
        libc::AF_INET => {
            let ip = bytes.get(4..8).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
            let (Some(port), Some(ip), true) = (field(2), ip, bytes.len() >= 16) else {
                return Err(Failure::Errno(libc::EINVAL));
            };
            Ok(Given::Socket(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(ip), u16::from_be_bytes(port)))))
        }
        libc::AF_INET6 => {
            let ip = bytes.get(8..SHORTEST_V6).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            let (Some(port), Some(ip)) = (field(2), ip) else {
                return Err(Failure::Errno(libc::EINVAL));
            };
            let number =
                |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes);
            Ok(Given::Socket(SocketAddr::V6(SocketAddrV6::new(
                Ipv6Addr::from(ip),
                u16::from_be_bytes(port),
                u32::from_be(number(4)),
                number(24),
            ))))
        }
        _ => Err(Failure::Errno(libc::EAFNOSUPPORT)),
    }
}

/// A `struct sockaddr_in` or `struct sockaddr_in6`, of this many of its bytes.
pub(crate) fn bytes(address: SocketAddr) -> ([u8; 28], usize) {
    let mut out = [0; 28];
    out[2..4].copy_from_slice(&address.port().to_be_bytes());
    match address {
        SocketAddr::V4(v4) => {
            out[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            out[4..8].copy_from_slice(&v4.ip().octets());
            (out, 16)
        }
        SocketAddr::V6(v6) => {
            out[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            out[4..8].copy_from_slice(&v6.flowinfo().to_be_bytes());
            out[8..24].copy_from_slice(&v6.ip().octets());
            out[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
            (out, 28)
        }
    }
}

/// As a policy compares it: IPv4 in IPv6 is IPv4, of an IPv6 address only the scope stays.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(IpAddr::V4(ip), v6.port()),
            None => SocketAddr::V6(SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id())),
        },
        v4 => v4,
    }
}

/// The unspecified address as a destination is loopback for the kernel: here it is written out, so that a policy
/// decides about what is reached.
pub(crate) fn destination(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some_and(|ip| ip.is_unspecified()) => {
            address.set_ip(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()));
        }
        _ => {}
    }
    address
}

/// Where a socket is bound.
pub(crate) fn local(socket: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    let mut bytes = [0_u8; LONGEST];
    let mut length = LONGEST as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `bytes`, which has as many.
    check(unsafe { libc::getsockname(socket.as_raw_fd(), bytes.as_mut_ptr().cast(), &raw mut length) })?;
    of_kernel(&bytes, length)
}

/// An address that the kernel wrote.
pub(crate) fn of_kernel(bytes: &[u8], length: libc::socklen_t) -> io::Result<SocketAddr> {
    match parse(bytes.get(..length as usize).unwrap_or_default()) {
        Ok(Given::Socket(address)) => Ok(address),
        _ => Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
    }
}
