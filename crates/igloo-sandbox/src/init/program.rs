//! The provider's process, from the fork to the exec.
//!
//! It shares init's table of descriptors (`CLONE_FILES`) until the socket broker's filter is in: that filter holds up
//! sendmsg(2), so the process could not pass its listener on by itself, and pidfd_getfd(2) needs a right to trace that
//! init has given up. With a shared table the listener is simply there, and the number is told through a pipe.
//!
//! The order matters: resource limits; Landlock; the broker's filter; the table of its own (which the last filter would
//! refuse); the filter of system calls; then only read, write, dup2, close_range and execve.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::root::{c_path, c_string};
use super::{Doing, Failure, attempt, broker, files};
use crate::protection::{Protection, Report};
use crate::wire::{FromInit, Stage, Task};
use crate::{seccomp, sys};

/// What it tells init, one line of JSON each. That the pipe closes means that the program runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromProgram {
    Prepared { report: Report, listener: Option<RawFd> },
    Failed(FromInit),
}

/// Without a control group: what RLIMIT_MEMLOCK leaves. The kernel's own default since 5.16 is 8 MiB.
const LOCKED_BYTES: u64 = 64 * 1024;

/// What the process is made of.
pub(super) struct Program<'a> {
    pub(super) task: &'a Task,
    /// From 1 on: standard output, standard error, the protocol, the extra ones.
    pub(super) descriptors: &'a [OwnedFd],
    pub(super) report: &'a Report,
    pub(super) to_init: File,
    pub(super) from_init: File,
}

impl Program<'_> {
    /// Never returns: executes the provider, or ends.
    pub(super) fn run(mut self) -> ! {
        let failed = match self.prepare_and_execute() {
            Ok(never) => match never {},
            Err((stage, failure)) => failure.told(stage),
        };
        let _ = tell(&mut self.to_init, &FromProgram::Failed(failed));
        sys::exit_now(127)
    }

    fn prepare_and_execute(&mut self) -> Result<std::convert::Infallible, (Stage, Failure)> {
        let setup = |failure| (Stage::Setup, failure);
        let own_root = self.report.in_force(Protection::MountNamespace);
        let paths = Paths { task: self.task, own_root };
        let executable = paths.executable();
        let image = Image::new(&executable, self.task, &paths).map_err(setup)?;
        std::env::set_current_dir(paths.private()).doing("enter the private directory").map_err(setup)?;
        let null = File::open("/dev/null").doing("open /dev/null").map_err(setup)?;
        sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong).doing("end with init").map_err(setup)?;

        let mut report = Report::default();
        attempt(self.task, &mut report, Protection::ResourceLimits, || self.resource_limits());
        attempt(self.task, &mut report, Protection::Landlock, || {
            files::restrict(self.task, own_root).map_err(io::Error::other).doing("restrict files")
        });
        let listener = attempt(self.task, &mut report, Protection::SocketBroker, || {
            broker::install().doing("have socket calls answered")
        });
        sys::unshare(libc::CLONE_FILES).doing("have descriptors of its own").map_err(setup)?;
        attempt(self.task, &mut report, Protection::Seccomp, || {
            seccomp::install().doing("install the filter of system calls")
        });
        // From here on it is init's; this process's copy is closed by exec.
        let listener = listener.map(IntoRawFd::into_raw_fd);
        tell(&mut self.to_init, &FromProgram::Prepared { report, listener }).doing("tell init").map_err(setup)?;

        let mut word = [0];
        self.from_init.read_exact(&mut word).doing("wait for the hub").map_err(setup)?;
        self.place_descriptors(null).doing("place descriptors").map_err(setup)?;
        let error = image.execute();
        let what = if error.kind() == io::ErrorKind::NotFound && executable.exists() {
            "run it: its interpreter or dynamic linker is not in the sandbox".to_owned()
        } else {
            "run it".to_owned()
        };
        Err((Stage::Execute, Failure { what, error }))
    }

    fn resource_limits(&self) -> Result<(), Failure> {
        let limits = &self.task.limits;
        let memory = limits.memory_bytes.filter(|_| !self.task.memory_group);
        // Inside a user namespace the count is the namespace's own (Linux 5.14); outside it would be the hub's user's.
        let processes = limits.processes.filter(|_| self.report.in_force(Protection::UserNamespace)).map(u64::from);
        let each = [
            (libc::RLIMIT_CORE, Some(0), "core"),
            (libc::RLIMIT_MEMLOCK, Some(LOCKED_BYTES), "locked memory"),
            (libc::RLIMIT_NOFILE, limits.open_files, "open files"),
            (libc::RLIMIT_FSIZE, limits.file_size_bytes, "file size"),
            // Not RLIMIT_AS: V8 and wasmtime reserve far more addresses than they use.
            (libc::RLIMIT_DATA, memory, "data"),
            (libc::RLIMIT_NPROC, processes, "processes"),
        ];
        for (resource, limit, name) in each {
            if let Some(limit) = limit {
                sys::set_rlimit(resource, limit).doing(format!("limit {name}"))?;
            }
        }
        Ok(())
    }

    /// 0 is `/dev/null`, the others follow; everything else is closed by exec.
    fn place_descriptors(&mut self, null: File) -> io::Result<()> {
        self.to_init = sys::duplicate_high(self.to_init.as_fd())?.into();
        let mut high = vec![sys::duplicate_high(null.as_fd())?];
        for fd in self.descriptors {
            high.push(sys::duplicate_high(fd.as_fd())?);
        }
        let count = high.len() as u32;
        for (number, fd) in high.iter().enumerate() {
            sys::place(fd.as_fd(), number as RawFd)?;
        }
        // Their old numbers may have been among those that were just taken.
        std::mem::forget((null, high));
        sys::close_on_exec_from(count)
    }
}

/// Where the directories are.
struct Paths<'a> {
    task: &'a Task,
    own_root: bool,
}

impl Paths<'_> {
    fn program(&self) -> PathBuf {
        if self.own_root { "/app".into() } else { self.task.program_directory.clone() }
    }

    /// The program directory may be the program itself.
    fn executable(&self) -> PathBuf {
        let directory = self.program();
        if self.task.executable.as_os_str().is_empty() { directory } else { directory.join(&self.task.executable) }
    }

    fn private(&self) -> PathBuf {
        if self.own_root { "/data".into() } else { self.task.private_directory.clone() }
    }

    /// What a value of the environment means where there is no root of its own.
    fn value(&self, value: &str) -> String {
        if self.own_root {
            return value.to_owned();
        }
        let private = self.task.private_directory.to_string_lossy();
        let roots = self.task.roots_directory.as_deref().map(Path::to_string_lossy);
        let inner = [
            ("/app", Some(self.task.program_directory.to_string_lossy())),
            ("/data", Some(private.clone())),
            ("/tmp", Some(private)),
            ("/etc/ssl", roots),
        ];
        for (prefix, directory) in inner {
            if let (Some(rest), Some(directory)) = (value.strip_prefix(prefix), directory)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return format!("{directory}{rest}");
            }
        }
        value.to_owned()
    }
}

/// What execve(2) takes, made while memory may still be had.
struct Image {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Image {
    fn new(executable: &Path, task: &Task, paths: &Paths<'_>) -> Result<Self, Failure> {
        let path = c_path(executable)?;
        let mut arguments = vec![path.clone()];
        for argument in &task.arguments {
            arguments.push(c_string(argument.as_str())?);
        }
        let mut environment = Vec::new();
        for (name, value) in &task.environment {
            environment.push(c_string(format!("{name}={}", paths.value(value)))?);
        }
        Ok(Self { path, arguments, environment })
    }

    fn execute(&self) -> io::Error {
        let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
            list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
        };
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        sys::default_signals();
        // SAFETY: C strings, and lists of them that end with NULL, all of which live until the call returns.
        unsafe { libc::execve(self.path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        io::Error::last_os_error()
    }
}

fn tell(to: &mut File, message: &FromProgram) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}
