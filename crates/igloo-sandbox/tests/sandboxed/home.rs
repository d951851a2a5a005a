//! A home for one test: directories, a program in them, and how it is started.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use igloo_sandbox::{Exit, Launcher, Limits, Running, Spec, sockets, start};
use tempfile::TempDir;

/// Generous: no test waits for it on purpose.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn launcher() -> Launcher {
    Launcher { program: std::env::current_exe().unwrap(), args: vec!["sandbox-init".into()] }
}

pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("app")).unwrap();
        fs::create_dir(directory.path().join("data")).unwrap();
        fs::write(directory.path().join("secret"), "secret").unwrap();
        fs::copy(std::env::current_exe().unwrap(), directory.path().join("app/inside")).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A shell script as the program.
    pub(crate) fn script(&self, interpreter: &str, text: &str) -> PathBuf {
        let path = self.path().join("app/script");
        fs::write(&path, format!("#!{interpreter}\n{text}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn spec(&self, executable: impl Into<PathBuf>, arguments: &[&str]) -> Spec {
        Self::spec_in(self.path(), executable, arguments)
    }

    pub(crate) fn spec_in(home: &Path, executable: impl Into<PathBuf>, arguments: &[&str]) -> Spec {
        let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Spec {
            name: "test".to_owned(),
            executable: executable.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            program_directory: home.join("app"),
            private_directory: home.join("data"),
            roots_directory: None,
            environment: vec![value("HOME", "/data"), value("PATH", "/usr/bin:/bin"), value("TMPDIR", "/tmp")],
            limits: Limits {
                memory_bytes: Some(256 << 20),
                cpu_percent: Some(100),
                processes: Some(64),
                open_files: Some(256),
                file_size_bytes: Some(16 << 20),
            },
            required: BTreeSet::new(),
            accept_lacking: BTreeSet::new(),
            without: BTreeSet::new(),
            extra_fds: Vec::new(),
        }
    }

    /// This program itself, in the part of what runs inside.
    pub(crate) fn inside(&self, arguments: &[&str]) -> Spec {
        let all: Vec<&str> = ["sandbox-inside"].iter().chain(arguments).copied().collect();
        self.spec(self.path().join("app/inside"), &all)
    }
}

/// Runs it to its end; gives how it ended, and what it wrote to both.
pub(crate) async fn run(spec: Spec) -> (Exit, String) {
    let running = start(&launcher(), spec).await.unwrap();
    finish(running).await
}

pub(crate) async fn finish(mut running: Running) -> (Exit, String) {
    let read = |fd: OwnedFd| {
        tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            File::from(fd).read_to_string(&mut text).unwrap();
            text
        })
    };
    // Until the sandbox is gone; some of these calls have nothing to do with a network, such as a pipe's `FIONBIO`.
    if let (Some(listener), Some(root)) = (running.take_socket_listener(), running.init_pid()) {
        tokio::spawn(sockets::serve(listener, root, Arc::new(Nothing)));
    }
    let (out, err) = (read(running.take_stdout().unwrap()), read(running.take_stderr().unwrap()));
    let exit = tokio::time::timeout(DEADLINE, running.wait()).await.expect("it ends");
    (exit, out.await.unwrap() + &err.await.unwrap())
}

/// A policy that grants nothing.
struct Nothing;

impl sockets::Decide for Nothing {
    fn connect(&self, _: sockets::Protocol, _: SocketAddr) -> bool {
        false
    }

    fn associate(&self, _: SocketAddr) -> bool {
        false
    }

    fn bind(&self, _: sockets::Protocol, _: SocketAddr) -> bool {
        false
    }

    fn listen(&self, _: SocketAddr) -> bool {
        false
    }

    fn accept(&self, _: SocketAddr) -> bool {
        false
    }

    fn local_socket(&self, _: bool) -> sockets::LocalSocket<'_> {
        Box::pin(async { Err(std::io::ErrorKind::Unsupported.into()) })
    }
}
