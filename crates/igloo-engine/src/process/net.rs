//! A process's sockets and names: the sandbox's broker makes them, the policy decides, as for a component's.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use igloo_protocol::{LogLevel, grants::Protocol};
use igloo_sandbox::{
    Running,
    sockets::{self, Decide, Event, Limits, LocalSocket, Tally, resolver},
};
use tokio::task::JoinSet;

use crate::{outside::Local, policy::ResolveError};

/// Calls of one process that may wait at a time.
const WAITING: usize = 64;

/// Answers one process's socket calls.
struct Sockets {
    outside: Local,
    running: Arc<Running>,
    most: usize,
    tally: Tally,
    /// Which kinds of event were logged.
    told: AtomicU8,
}

/// Answers one process's questions for names.
struct Names(Local);

/// Serves the sockets and names of a process until its sandbox is gone. `listener` and `names` are the sandbox's.
pub(super) fn serve(
    tasks: &mut JoinSet<()>,
    running: &Arc<Running>,
    listener: Option<std::os::fd::OwnedFd>,
    names: Option<std::os::fd::OwnedFd>,
    outside: &Local,
    most: usize,
    tally: Tally,
) {
    if let (Some(listener), Some(root)) = (listener, running.init_pid()) {
        let decide =
            Sockets { outside: outside.clone(), running: running.clone(), most, tally, told: AtomicU8::new(0) };
        let home = outside.home.clone();
        tasks.spawn(async move {
            if let Err(error) = sockets::serve(listener, root, Arc::new(decide)).await {
                home.log(LogLevel::Error, &format!("its sockets are not served any more: {error}"));
            }
        });
    }
    if let Some(names) = names {
        let resolve = Arc::new(Names(outside.clone()));
        let home = outside.home.clone();
        tasks.spawn(async move {
            if let Err(error) = resolver::serve(names, resolve).await {
                home.log(LogLevel::Error, &format!("its names are not resolved any more: {error}"));
            }
        });
    }
}

impl Decide for Sockets {
    fn connect(&self, protocol: sockets::Protocol, to: SocketAddr) -> bool {
        self.outside.policy.connect(&*self.outside.home, ours(protocol), to)
    }

    fn associate(&self, to: SocketAddr) -> bool {
        self.outside.policy.associate(&*self.outside.home, to)
    }

    fn bind(&self, protocol: sockets::Protocol, at: SocketAddr) -> bool {
        self.outside.policy.bind(&*self.outside.home, ours(protocol), at)
    }

    fn listen(&self, at: SocketAddr) -> bool {
        self.outside.policy.listen(&*self.outside.home, Protocol::Tcp, at)
    }

    fn accept(&self, from: SocketAddr) -> bool {
        self.outside.policy.accept(&*self.outside.home, from)
    }

    fn local_socket(&self, ipv6: bool) -> LocalSocket<'_> {
        Box::pin(async move {
            let socket = self.running.local_socket(ipv6).await.map_err(io::Error::other)?;
            socket.ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
        })
    }

    fn limits(&self) -> Limits {
        Limits { sockets: self.most, waiting: WAITING }
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn event(&self, event: Event) {
        let (kind, line) = match event {
            Event::TooManySockets(count) => {
                (1, format!("the limit of {count} open sockets is reached; grant sockets={} for more", count * 2))
            }
            Event::TooManyWaiting(count) => (2, format!("{count} of its socket calls wait; others are refused")),
            Event::NotInspectable => {
                (4, String::from("its socket calls cannot be answered: the hub may not look into its processes"))
            }
        };
        if self.told.fetch_or(kind, Ordering::Relaxed) & kind == 0 {
            self.outside.home.log(LogLevel::Error, &line);
        }
    }
}

fn ours(protocol: sockets::Protocol) -> Protocol {
    match protocol {
        sockets::Protocol::Tcp => Protocol::Tcp,
        sockets::Protocol::Udp => Protocol::Udp,
    }
}

impl resolver::Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> resolver::Lookup<'a> {
        Box::pin(async move {
            self.0.policy.resolve(&*self.0.home, name).await.map_err(|error| match error {
                ResolveError::Denied => resolver::ResolveError::Denied,
                ResolveError::NotFound => resolver::ResolveError::NotFound,
                ResolveError::Timeout => resolver::ResolveError::Timeout,
                ResolveError::Invalid => resolver::ResolveError::Invalid,
            })
        })
    }
}
