//! The socket broker: ordinary libraries open sockets in a sandbox, and reach what was granted and nothing else.
//!
//! A sandboxed program has an empty network namespace and no privileges. [`filter`] makes its calls that open, address
//! or accept sockets wait for the hub (`SECCOMP_RET_USER_NOTIF`, seccomp_unotify(2)), and [`serve`] answers them: it
//! makes each socket in the hub's own network namespace, asks [`Decide`] about each address, makes the call itself on a
//! duplicate of the descriptor, and hands sockets in by `SECCOMP_IOCTL_NOTIF_ADDFD` with `SECCOMP_ADDFD_FLAG_SEND`
//! (Linux 5.14). What is read and written on a connected socket goes through the kernel alone.
//!
//! Promises:
//! - No call is ever continued (`SECCOMP_USER_NOTIF_FLAG_CONTINUE`). What another thread can change meanwhile, memory
//!   and descriptors, is copied once; the decision and the call are about the same copy.
//! - After each copy the notification is checked to be alive (`SECCOMP_IOCTL_NOTIF_ID_VALID`), so a reused process id
//!   never makes the hub look into another process.
//! - No call makes a thread of the hub wait. `O_NONBLOCK` is taken away from a descriptor by the broker only, so a
//!   call that it makes non-blocking stays so.
//! - What a sandbox makes the broker keep is bounded: sockets, calls that wait, bytes of each, calls in a second.
//!
//! What it cannot do: a datagram that arrives at an *unconnected* UDP socket is not filtered by its sender. Such a
//! socket has a port of the hub, and whoever can reach that port can send to it, as to any UDP client. A connected one
//! gets datagrams of its peer only. And descriptors that have no address (pipes, socket pairs) are not its business.

mod address;
mod broker;
mod census;
mod errno;
pub mod filter;
mod listener;
mod message;
pub mod resolver;
mod socket;
mod target;

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
    pin::Pin,
};

pub use broker::serve;
pub use census::Tally;

/// Where programs in the sandbox find the name server, as their `/etc/resolv.conf` says.
pub const RESOLVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), 53);

/// What a socket speaks. Others are not made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What one sandbox may hold of the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Sockets that exist at a time. Beyond, a program gets `EMFILE`.
    pub sockets: usize,
    /// Calls that wait at a time (to be connected, to accept, to send). Beyond, a program gets `ENOBUFS`.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sockets: 256, waiting: 64 }
    }
}

/// Something that the owner may want to know. What is denied the policy tells by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A socket was not made, because this many exist.
    TooManySockets(usize),
    /// A call was not taken, because this many wait.
    TooManyWaiting(usize),
    /// The hub may not look into the sandbox's processes, so every call fails.
    NotInspectable,
}

/// A socket of the sandbox's own network namespace, when it is there.
pub type LocalSocket<'a> = Pin<Box<dyn Future<Output = io::Result<OwnedFd>> + Send + 'a>>;

/// The policy that the broker asks. Addresses are in canonical form: IPv4 in IPv6 is IPv4, and the unspecified address
/// as a destination is loopback, as it is for the kernel. Answers are quick: the broker waits for them.
pub trait Decide: Send + Sync + 'static {
    /// May it connect a stream, or send a datagram, to this address?
    fn connect(&self, protocol: Protocol, to: SocketAddr) -> bool;

    /// May it connect a UDP socket to this address? That sends nothing, and glibc and musl do it to every address of
    /// a name, to sort them (RFC 6724): a refusal need not be told to anybody.
    fn associate(&self, to: SocketAddr) -> bool;

    /// May it bind to this address? Port 0 is any free one. A UDP socket that is bound receives.
    fn bind(&self, protocol: Protocol, at: SocketAddr) -> bool;

    /// May it listen at this address? Port 0 says that the socket is not bound, and gets a free one.
    fn listen(&self, at: SocketAddr) -> bool;

    /// May this peer be accepted? Otherwise its connection is closed, and the program does not see it.
    fn accept(&self, from: SocketAddr) -> bool;

    /// Is this where the sandbox's [`resolver`] is? A UDP socket that is used towards it becomes one of the sandbox's
    /// own network namespace.
    fn is_resolver(&self, address: SocketAddr) -> bool {
        address == RESOLVER
    }

    /// A UDP socket of the sandbox's own network namespace. An error tells the program that nobody answers there.
    fn local_socket(&self, ipv6: bool) -> LocalSocket<'_>;

    /// What this sandbox may hold, asked again each time.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Where this sandbox's sockets are counted, asked once.
    fn tally(&self) -> Tally {
        Tally::default()
    }

    /// Told, not asked. Can be called often.
    fn event(&self, _event: Event) {}
}
