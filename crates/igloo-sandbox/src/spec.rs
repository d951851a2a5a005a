//! What is to be run, with which directories, limits and descriptors.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::protection::Protection;

/// The most descriptors that [`Spec::extra_fds`] may have.
pub const MAX_EXTRA_FDS: usize = 16;

/// Which program becomes a sandbox's init: it must call [`crate::init_main`] when it is started with these arguments.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// Usually `/proc/self/exe`.
    pub program: PathBuf,
    /// Usually one hidden subcommand.
    pub args: Vec<OsString>,
}

/// What a provider may use. `None` is no limit of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of all its processes, with `/tmp` and the page cache that it causes.
    pub memory_bytes: Option<u64>,
    /// Processor time: 100 is one processor.
    pub cpu_percent: Option<u32>,
    /// Processes and threads at the same time.
    pub processes: Option<u32>,
    /// Open descriptors of each process.
    pub open_files: Option<u64>,
    /// The largest file it may write.
    pub file_size_bytes: Option<u64>,
}

/// One program to be run in a sandbox.
#[derive(Debug)]
pub struct Spec {
    /// For messages and the control group's name; made harmless there.
    pub name: String,
    /// The file to run, by its path on the host, inside `program_directory`, or the same path.
    pub executable: PathBuf,
    /// Its arguments, without its own name.
    pub arguments: Vec<String>,
    /// Seen read-only at `/app`: a directory, or one file alone.
    pub program_directory: PathBuf,
    /// Seen at `/data`, to be written; the working directory. The program runs as the owner of it, who must be able to
    /// enter this and the other directories.
    pub private_directory: PathBuf,
    /// Seen read-only at `/etc/ssl`.
    pub roots_directory: Option<PathBuf>,
    /// The whole environment. Where there is no mount namespace, values that begin with `/app`, `/data`, `/tmp` or
    /// `/etc/ssl` are replaced by the directories of the host.
    pub environment: Vec<(String, String)>,
    /// What it may use.
    pub limits: Limits,
    /// What must be in force, besides [`Protection::ESSENTIAL`].
    pub required: BTreeSet<Protection>,
    /// What the owner has accepted to be missing.
    pub accept_lacking: BTreeSet<Protection>,
    /// Protections that are not to be made though the machine has them: to test what lesser machines do.
    pub without: BTreeSet<Protection>,
    /// Descriptors that the program gets from 4 on.
    pub extra_fds: Vec<OwnedFd>,
}
