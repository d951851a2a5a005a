//! The hub's part of a start: control groups, the conversation with init, and the decision whether it is safe enough.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};
use std::process::Child;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::cgroup::Group;
use crate::error::Error;
use crate::protection::{Outcome, Protection, Report};
use crate::running::{Parts, Running};
use crate::spec::{Launcher, MAX_EXTRA_FDS, Spec};
use crate::wire::{self, FromInit, Stage, Task, ToInit};
use crate::{spawner, sys};

/// How long a start may take, from the fork to the exec. It takes some ten milliseconds on a quiet machine.
pub const START_DEADLINE: Duration = Duration::from_secs(20);

/// Starts a program in a sandbox. Must be called on a tokio runtime with IO.
///
/// When the future is dropped, nothing of the program is left.
///
/// # Errors
/// If something that must be in force is not, and if the sandbox or the program cannot be started.
pub async fn start(launcher: &Launcher, spec: Spec) -> Result<Running, Error> {
    let name = spec.name.clone();
    let prepared = tokio::time::timeout(START_DEADLINE, async { Prepared::new(launcher, spec).await?.go().await });
    prepared.await.unwrap_or(Err(Error::Deadline { name, seconds: START_DEADLINE.as_secs() }))
}

/// A sandbox that is set up, in which nothing of the program has run yet.
pub(crate) struct Prepared {
    parts: Parts,
    spec: Spec,
}

impl Prepared {
    pub(crate) async fn new(launcher: &Launcher, spec: Spec) -> Result<Self, Error> {
        let setup = |what: &'static str| {
            let name = spec.name.clone();
            move |error| Error::Setup { name, what: what.to_owned(), error }
        };
        let mut task = task(&spec)?;
        let (control, theirs) = wire::pair().map_err(setup("make the control socket"))?;
        let control = Socket::new(control).map_err(setup("make the control socket"))?;
        let (requests, their_requests) = wire::pair().map_err(setup("make a socket"))?;
        let (protocol, their_protocol) = std::os::unix::net::UnixStream::pair().map_err(setup("make a socket"))?;
        let (stdout, their_stdout) = io::pipe().map_err(setup("make a pipe"))?;
        let (stderr, their_stderr) = io::pipe().map_err(setup("make a pipe"))?;

        let stub = spawner::start(launcher, theirs).await.map_err(setup("start the launcher"))?;
        let mut starting = Starting { stub, group: None, handed_over: false };
        let (group, mut report) = groups(&spec, starting.stub.id()).await.map_err(setup("make control groups"))?;
        task.memory_group = report.in_force(Protection::MemoryLimit);
        starting.group = Some(group);

        let mut fds = vec![their_protocol.as_fd(), their_stdout.as_fd(), their_stderr.as_fd(), their_requests.as_fd()];
        fds.extend(spec.extra_fds.iter().map(AsFd::as_fd));
        control.send(&ToInit::Prepare(Box::new(task)), &fds).await.map_err(setup("tell init what to run"))?;
        drop((their_protocol, their_stdout, their_stderr, their_requests));

        let init = match control.hear(&spec.name).await? {
            (FromInit::Started, mut fds) if fds.len() == 1 => fds.pop(),
            _ => None,
        };
        let Some(init) = init else { return Err(nonsense(&spec.name)) };
        let tree_of_kernel = !spec.without.contains(&Protection::PidNamespace);
        let requests = Socket::new(requests).map_err(setup("make a socket"))?;
        let mut parts = Parts::new(spec.name.clone(), init, control, requests).map_err(setup("watch init"))?;
        // From here on dropping that ends everything.
        parts.set_group(starting.hand_over());
        let (told, resolver, listener, fds) = match parts.control().hear(&spec.name).await? {
            (FromInit::Prepared { report, resolver, listener }, fds) => (report, resolver, listener, fds),
            _ => return Err(nonsense(&spec.name)),
        };
        if fds.len() != usize::from(resolver) + usize::from(listener) {
            return Err(nonsense(&spec.name));
        }
        let mut fds = fds.into_iter();
        parts.resolver = resolver.then(|| fds.next()).flatten();
        parts.listener = listener.then(|| fds.next()).flatten();
        report.merge(told);
        limits_without_groups(&spec, &mut report);
        parts.kernel_ends_tree = tree_of_kernel && report.in_force(Protection::PidNamespace);
        parts.report = report;
        parts.stdout = Some(stdout.into());
        parts.stderr = Some(stderr.into());
        parts.protocol = Some(protocol.into());
        Ok(Self { parts, spec })
    }

    pub(crate) fn report(&self) -> &Report {
        &self.parts.report
    }

    async fn go(self) -> Result<Running, Error> {
        let Self { parts, spec } = self;
        if let Some((protection, why)) = parts.report.missing(&spec.required, &spec.accept_lacking) {
            return Err(Error::Lacking { name: spec.name, protection, why: why.to_owned() });
        }
        let told = parts.control().send(&ToInit::Go, &[]).await;
        told.map_err(|error| Error::Setup { name: spec.name.clone(), what: "tell init to go on".to_owned(), error })?;
        match parts.control().hear(&spec.name).await? {
            (FromInit::Running, _) => Ok(Running::new(parts)),
            _ => Err(nonsense(&spec.name)),
        }
    }
}

/// What rlimits do where there is no control group.
fn limits_without_groups(spec: &Spec, report: &mut Report) {
    let rlimits = report.in_force(Protection::ResourceLimits) && report.in_force(Protection::UserNamespace);
    // Processes of the first user are never counted (kernel/fork.c, `copy_process`).
    let first_user = std::os::unix::fs::MetadataExt::uid;
    let counted = std::fs::metadata(&spec.private_directory).is_ok_and(|owner| first_user(&owner) != 0);
    if !report.in_force(Protection::ProcessLimit) && rlimits && counted && spec.limits.processes.is_some() {
        report.set(Protection::ProcessLimit, Outcome::InForce);
    }
}

fn nonsense(name: &str) -> Error {
    let error = io::ErrorKind::InvalidData.into();
    Error::Setup { name: name.to_owned(), what: "understand init".to_owned(), error }
}

fn task(spec: &Spec) -> Result<Task, Error> {
    let wrong = |what: String| Error::Spec { name: spec.name.clone(), what };
    if spec.extra_fds.len() > MAX_EXTRA_FDS {
        return Err(wrong(format!("it has more than {MAX_EXTRA_FDS} descriptors")));
    }
    let absolute = [Some(&spec.program_directory), Some(&spec.private_directory), spec.roots_directory.as_ref()];
    if let Some(path) = absolute.into_iter().flatten().find(|path| !path.is_absolute()) {
        return Err(wrong(format!("{} is not an absolute path", path.display())));
    }
    let plain = |path: &&Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    let Some(executable) = spec.executable.strip_prefix(&spec.program_directory).ok().filter(plain) else {
        let (file, directory) = (spec.executable.display(), spec.program_directory.display());
        return Err(wrong(format!("{file} is not inside its program directory {directory}")));
    };
    Ok(Task {
        executable: executable.to_owned(),
        arguments: spec.arguments.clone(),
        program_directory: spec.program_directory.clone(),
        private_directory: spec.private_directory.clone(),
        roots_directory: spec.roots_directory.clone(),
        environment: spec.environment.clone(),
        limits: spec.limits.clone(),
        memory_group: false,
        without: spec.without.clone(),
    })
}

/// Makes the control groups, and puts the process in. The kernel takes milliseconds for it.
async fn groups(spec: &Spec, pid: u32) -> io::Result<(Group, Report)> {
    let (name, limits, without) = (spec.name.clone(), spec.limits.clone(), spec.without.clone());
    let made = tokio::task::spawn_blocking(move || {
        let mut report = Report::default();
        let mut group = Group::create(&name, &limits, &without, &mut report);
        group.add(pid, &mut report);
        (group, report)
    });
    made.await.map_err(io::Error::other)
}

/// A start before init is known. When it is given up, what it has made is ended and reaped.
struct Starting {
    /// The process that makes init; it ends by itself as soon as it has.
    stub: Child,
    group: Option<Group>,
    handed_over: bool,
}

impl Starting {
    fn hand_over(mut self) -> Option<Group> {
        self.handed_over = true;
        self.group.take()
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        let _ = self.stub.kill();
        let _ = self.stub.wait();
        if self.handed_over {
            return;
        }
        // Init may be there already, in the same process group: it ends because its control socket does.
        let (process_group, group) = (self.stub.id(), self.group.take());
        let cleaning = std::thread::Builder::new().name("igloo-sandbox-end".to_owned()).spawn(move || {
            sys::reap_group(process_group);
            drop(group);
        });
        if let Err(error) = cleaning {
            tracing::warn!(%error, "nobody cleans up after a start that was given up");
        }
    }
}

/// A socket of messages, for tokio.
pub(crate) struct Socket(AsyncFd<OwnedFd>);

impl Socket {
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        sys::watch(fd).map(Self)
    }

    pub(crate) async fn send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.0.async_io(Interest::WRITABLE, |socket| wire::send(socket.as_fd(), message, fds)).await
    }

    pub(crate) async fn receive<T: DeserializeOwned>(&self) -> io::Result<(T, Vec<OwnedFd>)> {
        self.0.async_io(Interest::READABLE, |socket| wire::receive(socket.as_fd())).await
    }

    /// Says something if there is room for it.
    pub(crate) fn try_send<T: Serialize>(&self, message: &T) -> io::Result<()> {
        wire::send(self.0.as_fd(), message, &[])
    }

    /// What init says while it starts; a failure, and its end, as errors.
    async fn hear(&self, name: &str) -> Result<(FromInit, Vec<OwnedFd>), Error> {
        let name = name.to_owned();
        match self.receive().await {
            Ok((FromInit::Failed { stage, what, errno }, _)) => {
                let error = io::Error::from_raw_os_error(errno);
                Err(match stage {
                    Stage::Setup => Error::Setup { name, what, error },
                    Stage::Execute => Error::Execute { name, what, error },
                })
            }
            Ok(said) => Ok(said),
            Err(error) => Err(Error::Setup { name, what: "hear of init".to_owned(), error }),
        }
    }
}

/// Ends init, and with it everything.
pub(crate) fn kill(init: BorrowedFd<'_>) {
    // That it is gone already is as good.
    let _ = sys::pidfd_kill(init, libc::SIGKILL);
}
