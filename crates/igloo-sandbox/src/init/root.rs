//! The root that a provider sees: an empty file system with the system's programs, its own directories, and nothing
//! else of the host.
//!
//! It promises that nothing of the host can be reached that is not listed here, that only `/data` and `/tmp` can be
//! written, and that no file here gives rights. It needs Linux 5.12 (`mount_setattr`).

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Doing, Failure, INNER_ID};
use crate::protection::{Protection, Report};
use crate::sys;
use crate::wire::Task;

/// linux/mount.h.
const READ_ONLY: u64 = 1;
const NO_SUID: u64 = 2;
const NO_DEV: u64 = 4;
const NO_EXEC: u64 = 8;

/// What `/tmp` holds at most.
const TMP_BYTES: u64 = 64 * 1024 * 1024;

/// The system's programs and libraries. Those that are links on the host are links here.
pub(super) const SYSTEM: [&str; 8] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/alternatives"];
pub(super) const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// Files that say nothing about the home: where libraries are, and what time it is.
const COPIED: [&str; 4] = ["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime", "/etc/mime.types"];
const DEVICE_LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "dev/fd"),
    ("/proc/self/fd/0", "dev/stdin"),
    ("/proc/self/fd/1", "dev/stdout"),
    ("/proc/self/fd/2", "dev/stderr"),
    // Where POSIX shared memory is (shm_overview(7)).
    ("/tmp", "dev/shm"),
];

struct Bind {
    tree: OwnedFd,
    /// Below the new root, without a slash in front.
    to: String,
    directory: bool,
}

/// Builds it and goes in. The process must be in a mount namespace of its own.
pub(super) fn enter(task: &Task, report: &Report) -> Result<(), Failure> {
    // What is mounted here from now on is nobody else's.
    sys::mount(c"", c"/", c"", libc::MS_REC | libc::MS_PRIVATE, c"").doing("make mounts private")?;

    // Everything of the host is taken hold of first; then the new root may lie on top of it.
    let mut binds = Vec::new();
    let mut links = Vec::new();
    for path in SYSTEM {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => links.push((fs::read_link(path).doing(format!("read {path}"))?, path)),
            Ok(_) => binds.push(bind(Path::new(path), path, READ_ONLY | NO_SUID | NO_DEV)?),
            Err(_) => {}
        }
    }
    for path in DEVICES {
        binds.push(bind(Path::new(path), path, NO_SUID | NO_EXEC)?);
    }
    binds.push(bind(&task.program_directory, "/app", READ_ONLY | NO_SUID | NO_DEV)?);
    if let Some(roots) = &task.roots_directory {
        binds.push(bind(roots, "/etc/ssl", READ_ONLY | NO_SUID | NO_DEV | NO_EXEC)?);
    }
    binds.push(bind(&task.private_directory, "/data", NO_SUID | NO_DEV)?);
    let copied: Vec<_> = COPIED.iter().filter_map(|path| Some((path, fs::read(path).ok()?))).collect();

    // Any directory serves as the place to build; this one is known to exist.
    let place = c_path(&task.private_directory)?;
    let safe = libc::MS_NOSUID | libc::MS_NODEV;
    sys::mount(c"tmpfs", &place, c"tmpfs", safe, c"size=4m,nr_inodes=512,mode=755").doing("mount the new root")?;
    std::env::set_current_dir(&task.private_directory).doing("enter the new root")?;
    for directory in ["etc", "dev", "proc", "tmp", "run", "var"] {
        fs::create_dir(directory).doing(format!("make /{directory}"))?;
    }
    for bind in &binds {
        put(bind).doing(format!("bind /{}", bind.to))?;
    }
    for (to, path) in links {
        symlink(to, path.trim_start_matches('/')).doing(format!("link {path}"))?;
    }
    for (to, path) in DEVICE_LINKS.into_iter().chain([("/tmp", "var/tmp")]) {
        symlink(to, path).doing(format!("link /{path}"))?;
    }
    for (path, bytes) in copied {
        fs::write(path.trim_start_matches('/'), bytes).doing(format!("copy {path}"))?;
    }
    for (path, text) in written() {
        fs::write(path, text).doing(format!("write /{path}"))?;
    }
    let size = c_string(format!("size={TMP_BYTES},nr_inodes=16384,mode=1777"))?;
    sys::mount(c"tmpfs", c"tmp", c"tmpfs", safe, &size).doing("mount /tmp")?;
    if report.in_force(Protection::PidNamespace) {
        // In a container whose own /proc is partly covered the kernel refuses this (user_namespaces(7)). Then there is
        // none, which some programs dislike and none is harmed by.
        let flags = safe | libc::MS_NOEXEC | libc::MS_RDONLY;
        let _ = sys::mount(c"proc", c"proc", c"proc", flags, c"");
    }

    sys::pivot_root_here().doing("change the root")?;
    std::env::set_current_dir("/").doing("enter the root")?;
    let flags = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | safe;
    sys::mount(c"", c"/", c"", flags, c"").doing("make the root read-only")
}

/// Takes a half-built root away again, so that the private directory under it is seen.
pub(super) fn leave(task: &Task) {
    let _ = std::env::set_current_dir("/");
    if let Ok(place) = c_path(&task.private_directory) {
        sys::unmount(&place);
    }
}

fn bind(from: &Path, to: &str, attributes: u64) -> Result<Bind, Failure> {
    let what = || format!("bind {}", from.display());
    let directory = fs::metadata(from).doing(what())?.is_dir();
    let tree = sys::open_tree(&c_path(from)?, directory).doing(what())?;
    sys::mount_set(tree.as_fd(), attributes).doing(format!("restrict {}", from.display()))?;
    Ok(Bind { tree, to: to.trim_start_matches('/').to_owned(), directory })
}

fn put(bind: &Bind) -> io::Result<()> {
    if bind.directory {
        fs::create_dir_all(&bind.to)?;
    } else {
        fs::write(&bind.to, "")?;
    }
    sys::move_mount(bind.tree.as_fd(), &CString::new(bind.to.as_str())?)
}

fn written() -> [(&'static str, String); 5] {
    [
        ("etc/passwd", format!("igloo:x:{INNER_ID}:{INNER_ID}::/data:/bin/sh\n")),
        ("etc/group", format!("igloo:x:{INNER_ID}:\n")),
        ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n".to_owned()),
        ("etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0\n".to_owned()),
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
    ]
}

pub(super) fn c_path(path: &Path) -> Result<CString, Failure> {
    c_string(path.as_os_str().as_bytes())
}

pub(super) fn c_string(bytes: impl Into<Vec<u8>>) -> Result<CString, Failure> {
    CString::new(bytes).map_err(io::Error::from).doing("use a text with a zero byte")
}
