//! A program that runs in a sandbox, seen from the hub.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::unix::AsyncFd;

use crate::cgroup::Group;
use crate::deleted;
use crate::error::Error;
use crate::protection::{Protection, Report};
use crate::start::{Socket, kill};
use crate::sys;
use crate::usage::{self, Usage};
use crate::wire::{Answer, FromInit, Request, ToInit};

/// How long init may take to make a socket: it has a share of the provider's processor time only.
const SOCKET_DEADLINE: Duration = Duration::from_secs(5);
/// How long init may take to end what runs in the sandbox, before it is killed itself.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// The kernel killed it, or one of its children, for using more memory than its limit.
    OutOfMemory,
    /// With its sandbox: by [`Running::kill`], or because init was killed.
    Killed,
}

/// What both a prepared and a running program are made of. Dropping it ends and cleans up everything.
pub(crate) struct Parts {
    name: String,
    /// Readable when init has ended (pidfd_open(2)).
    init: Option<AsyncFd<OwnedFd>>,
    control: Socket,
    requests: tokio::sync::Mutex<Socket>,
    group: Mutex<Option<Group>>,
    ending: tokio::sync::Mutex<Ending>,
    /// What its group had counted before that was removed.
    refused_processes: AtomicU64,
    pub(crate) kernel_ends_tree: bool,
    pub(crate) report: Report,
    pub(crate) protocol: Option<OwnedFd>,
    pub(crate) stdout: Option<OwnedFd>,
    pub(crate) stderr: Option<OwnedFd>,
    pub(crate) resolver: Option<OwnedFd>,
    pub(crate) listener: Option<OwnedFd>,
}

/// How far the end has come; a wait that was dropped half-way goes on from there.
#[derive(Debug, Default)]
struct Ending {
    /// What init said last: the program's status, or nothing.
    said: Option<Option<i32>>,
    reaped: bool,
    exit: Option<Exit>,
}

impl Parts {
    pub(crate) fn new(name: String, init: OwnedFd, control: Socket, requests: Socket) -> io::Result<Self> {
        Ok(Self {
            name,
            init: Some(sys::watch(init)?),
            control,
            requests: tokio::sync::Mutex::new(requests),
            group: Mutex::new(None),
            ending: tokio::sync::Mutex::default(),
            refused_processes: AtomicU64::new(0),
            kernel_ends_tree: false,
            report: Report::default(),
            protocol: None,
            stdout: None,
            stderr: None,
            resolver: None,
            listener: None,
        })
    }

    pub(crate) fn set_group(&self, group: Option<Group>) {
        *self.group.lock() = group;
    }

    pub(crate) fn control(&self) -> &Socket {
        &self.control
    }

    fn kill(&self) {
        let Some(init) = &self.init else { return };
        // Without a pid namespace init must end the others itself; it is killed only if it cannot be told.
        if self.kernel_ends_tree || self.control.try_send(&ToInit::Kill).is_err() {
            kill(init.get_ref().as_fd());
        }
    }

    async fn ended(&self) {
        if let Some(init) = &self.init {
            // An error is the runtime's end; then nobody waits.
            let _ = init.readable().await;
        }
    }

    async fn wait(&self) -> Exit {
        let mut ending = self.ending.lock().await;
        if let Some(exit) = ending.exit {
            return exit;
        }
        let said = match ending.said {
            Some(said) => said,
            None => loop {
                match self.control.receive::<FromInit>().await {
                    Ok((FromInit::Ended { status }, _)) => break Some(status),
                    Ok(_) => {}
                    Err(_) => break None,
                }
            },
        };
        ending.said = Some(said);
        if tokio::time::timeout(END_DEADLINE, self.ended()).await.is_err() {
            tracing::warn!(provider = self.name, "the sandbox does not end by itself and is killed");
            if let Some(init) = &self.init {
                kill(init.get_ref().as_fd());
            }
            self.ended().await;
        }
        if let Some(init) = &self.init
            && !ending.reaped
        {
            // It has ended, so this does not wait.
            let _ = sys::reap(init.get_ref().as_fd());
            ending.reaped = true;
        }
        let group = self.group.lock().take();
        let refused = group.as_ref().map_or(0, Group::refused_processes);
        self.refused_processes.store(refused, Ordering::Relaxed);
        let out_of_memory = group.as_ref().is_some_and(Group::out_of_memory);
        let exit = match said {
            Some(status) if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 => Exit::Code(0),
            _ if out_of_memory => Exit::OutOfMemory,
            Some(status) if libc::WIFEXITED(status) => Exit::Code(libc::WEXITSTATUS(status)),
            Some(status) => Exit::Signal(libc::WTERMSIG(status)),
            None => Exit::Killed,
        };
        ending.exit = Some(exit);
        if let Some(group) = group {
            let _ = tokio::task::spawn_blocking(move || end_group(group)).await;
        }
        exit
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if self.ending.get_mut().reaped {
            return;
        }
        self.kill();
        let Some(init) = self.init.take().map(AsyncFd::into_inner) else { return };
        let group = self.group.get_mut().take();
        // The last steps wait for the kernel, which a runtime's thread must not.
        let cleaning = std::thread::Builder::new().name("igloo-sandbox-end".to_owned()).spawn(move || {
            if !sys::poll([init.as_fd()], Some(END_DEADLINE)).is_ok_and(|[ended]| ended) {
                kill(init.as_fd());
            }
            let _ = sys::reap(init.as_fd());
            if let Some(group) = group {
                end_group(group);
            }
        });
        if let Err(error) = cleaning {
            tracing::warn!(provider = self.name, %error, "nobody cleans up after the sandbox");
        }
    }
}

/// Ends whoever init could not, and removes the groups.
fn end_group(group: Group) {
    group.kill();
    drop(group);
}

/// A program that runs in a sandbox. Dropping it kills it with everything that it started.
pub struct Running(Parts);

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl Running {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Which protections are in force, and why others are not.
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// Kills it with everything that it started. It may have ended already.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Waits until it and everything that it started have ended. It may be called again, and by several.
    pub async fn wait(&self) -> Exit {
        self.0.wait().await
    }

    /// What it uses now.
    pub fn usage(&self) -> Usage {
        match &*self.0.group.lock() {
            Some(group) => usage::read(group, self.init_pid()),
            None => Usage::default(),
        }
    }

    /// How often the kernel refused it a process for its limit. Where no group has that limit, nobody counts.
    pub fn refused_processes(&self) -> u64 {
        let now = self.0.group.lock().as_ref().map(Group::refused_processes);
        now.unwrap_or_else(|| self.0.refused_processes.load(Ordering::Relaxed))
    }

    /// Bytes of the files that its processes have open and that were deleted, on the file system of this device number.
    pub fn deleted_bytes(&self, device: u64) -> u64 {
        self.init_pid().map_or(0, |init| deleted::bytes(init, device))
    }

    /// Init's number outside of the sandbox: for looking at it. It is nobody else's as long as this lives.
    pub fn init_pid(&self) -> Option<u32> {
        // What a pidfd refers to is told in /proc (pidfd_open(2)); -1 when it has been waited for.
        let fd = self.0.init.as_ref()?.get_ref().as_raw_fd();
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
    }

    /// The hub's end of the provider's protocol socket (`SOCK_STREAM`, blocking). Once.
    pub fn take_protocol(&mut self) -> Option<OwnedFd> {
        self.0.protocol.take()
    }

    /// What it writes to its standard output: a pipe's reading end, blocking. Once.
    pub fn take_stdout(&mut self) -> Option<OwnedFd> {
        self.0.stdout.take()
    }

    /// What it writes to its standard error: a pipe's reading end, blocking. Once.
    pub fn take_stderr(&mut self) -> Option<OwnedFd> {
        self.0.stderr.take()
    }

    /// UDP 127.0.0.53:53 inside the sandbox, if it has a network namespace. Once.
    pub fn take_resolver_socket(&mut self) -> Option<OwnedFd> {
        self.0.resolver.take()
    }

    /// Where the broker answers its socket calls, if the filter is in force. Once.
    pub fn take_socket_listener(&mut self) -> Option<OwnedFd> {
        self.0.listener.take()
    }

    /// A UDP socket inside the sandbox's network namespace; `None` if it has none of its own.
    ///
    /// # Errors
    /// If the kernel refuses one, or init does not answer in time.
    pub async fn local_socket(&self, ipv6: bool) -> Result<Option<OwnedFd>, Error> {
        if !self.0.report.in_force(Protection::NetworkNamespace) {
            return Ok(None);
        }
        let socket = self.0.requests.lock().await;
        let asked = tokio::time::timeout(SOCKET_DEADLINE, async {
            socket.send(&Request::LocalSocket { ipv6 }, &[]).await?;
            socket.receive::<Answer>().await
        });
        let name = || self.0.name.clone();
        let setup = |error| Error::Setup { name: name(), what: "make a socket inside".to_owned(), error };
        match asked.await {
            Err(_) => Err(Error::Deadline { name: name(), seconds: SOCKET_DEADLINE.as_secs() }),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Error::Ended { name: name() }),
            Ok(Err(error)) => Err(setup(error)),
            Ok(Ok((Answer { errno: Some(errno) }, _))) => Err(setup(io::Error::from_raw_os_error(errno))),
            Ok(Ok((Answer { errno: None }, mut fds))) => match fds.pop() {
                Some(fd) => Ok(Some(fd)),
                None => Err(setup(io::ErrorKind::InvalidData.into())),
            },
        }
    }
}
