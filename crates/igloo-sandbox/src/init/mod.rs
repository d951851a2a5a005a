//! The other side: what runs in the sandbox before, and around, the provider.
//!
//! [`init_main`] is called in a fresh process with one thread, started by the hub with the control socket as
//! descriptor 3. That process makes the user namespace, forks the sandbox's *init* (the first process of the new pid
//! namespace, and by `CLONE_PARENT` a child of the hub), hands a pidfd of it to the hub and ends. Init builds the other
//! namespaces, forks the *program*'s process, which takes its last rights away and waits for the hub's word before it
//! executes the provider.
//!
//! It promises that nothing of the provider runs before the hub has seen the report, and that everything that was
//! started here ends with init. It must not start threads, and must not trust what the program does later.

mod broker;
mod files;
mod program;
mod root;
mod supervise;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;
use std::time::Duration;

use crate::protection::{Protection, Report};
use crate::sys;
use crate::wire::{self, FromInit, Stage, Task, ToInit};

/// The control socket's number.
pub(crate) const CONTROL: i32 = 3;
/// How long the hub may take to say what is to be done.
const TASK_DEADLINE: Duration = Duration::from_secs(10);
/// The one user inside.
const INNER_ID: u32 = 1000;

/// What a sandbox's own process runs. Call it at the very beginning of `main`, before anything starts a thread, when
/// the program was started with [`crate::Launcher`]'s arguments. `args` is what follows them; there is none yet.
pub fn init_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    if args.into_iter().next().is_some() {
        return ExitCode::FAILURE;
    }
    // SAFETY: the hub has put the control socket here, and nothing in this fresh process owns it.
    let control = unsafe { OwnedFd::from_raw_fd(CONTROL) };
    match launch(&control) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failed = error.told(Stage::Setup);
            let _ = wire::send(control.as_fd(), &failed, &[]);
            ExitCode::FAILURE
        }
    }
}

/// What could not be done, and why.
#[derive(Debug)]
struct Failure {
    what: String,
    error: io::Error,
}

impl Failure {
    fn told(&self, stage: Stage) -> FromInit {
        FromInit::Failed { stage, what: self.what.clone(), errno: self.error.raw_os_error().unwrap_or(0) }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot {}: {}", self.what, self.error)
    }
}

trait Doing<T> {
    /// Names what was being done. It completes "cannot …".
    fn doing(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure { what: what.into(), error })
    }
}

/// Tries a protection and writes down what became of it, unless it is left out.
fn attempt<T>(
    task: &Task,
    report: &mut Report,
    protection: Protection,
    make: impl FnOnce() -> Result<T, Failure>,
) -> Option<T> {
    let result = if task.without.contains(&protection) {
        Err("it was left out".to_owned())
    } else {
        make().map_err(|failure| failure.to_string())
    };
    report.record(protection, result)
}

fn launch(control: &OwnedFd) -> Result<(), Failure> {
    sys::close_on_exec_from(CONTROL as u32).doing("close descriptors on exec")?;
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong).doing("end with the hub")?;
    let (task, fds) = receive_task(control.as_fd()).doing("receive what to run")?;

    let mut report = Report::default();
    attempt(&task, &mut report, Protection::NoNewPrivileges, || {
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).doing("give up new privileges")
    });
    become_owner(&task).doing("become the owner of the private directory")?;
    attempt(&task, &mut report, Protection::UserNamespace, user_namespace);

    // Init must not speak before the hub knows of it: it waits for this pipe's end.
    let (mut introduced, introducing) = io::pipe().doing("make a pipe")?;
    // Only the flag that makes the process the first of a namespace needs a fork.
    let pid_namespace = if task.without.contains(&Protection::PidNamespace) {
        Err(io::Error::other("it was left out"))
    } else {
        sys::fork(libc::CLONE_PARENT | libc::CLONE_NEWPID)
    };
    let forked = match report.record(Protection::PidNamespace, pid_namespace) {
        Some(forked) => forked,
        None => sys::fork(libc::CLONE_PARENT).doing("fork")?,
    };
    match forked {
        Some((_, pidfd)) => {
            wire::send(control.as_fd(), &FromInit::Started, &[pidfd.as_fd()]).doing("tell the hub of init")
        }
        None => {
            drop(introducing);
            introduced.read_to_end(&mut Vec::new()).doing("be introduced")?;
            supervise::run(control, &task, fds, report)
        }
    }
}

fn receive_task(control: BorrowedFd<'_>) -> io::Result<(Task, Vec<OwnedFd>)> {
    sys::poll([control], Some(TASK_DEADLINE))?;
    match wire::receive(control)? {
        (ToInit::Prepare(task), fds) => Ok((*task, fds)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Root becomes whoever owns the private directory, so that the provider can be a user of its own. Others can only be
/// who they are.
fn become_owner(task: &Task) -> io::Result<()> {
    let owner = fs::metadata(&task.private_directory)?;
    let (uid, gid) = sys::ids();
    if uid != 0 {
        return Ok(());
    }
    if (owner.uid(), owner.gid()) == (uid, gid) {
        // Groups that root happens to be in are none of the provider's. It may not be allowed to leave them.
        let _ = sys::become_user(uid, gid);
        return Ok(());
    }
    sys::become_user(owner.uid(), owner.gid())?;
    // The change made the process "not dumpable", and so its own /proc files root's (proc(5)).
    sys::prctl(libc::PR_SET_DUMPABLE, 1)?;
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)
}

fn user_namespace() -> Result<(), Failure> {
    let (uid, gid) = sys::ids();
    sys::unshare(libc::CLONE_NEWUSER).doing("make a user namespace")?;
    // A map of groups is allowed only once setgroups(2) is not (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny").doing("deny setgroups")?;
    fs::write("/proc/self/uid_map", format!("{INNER_ID} {uid} 1")).doing("map the user")?;
    fs::write("/proc/self/gid_map", format!("{INNER_ID} {gid} 1")).doing("map the group")
}
