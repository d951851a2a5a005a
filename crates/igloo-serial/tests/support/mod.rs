//! Real counterparts for the tests. Each ends what it started, and nothing else.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use igloo_serial::{Error, Port, PortUrl, Settings};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep, timeout};

/// How long anything may take that should take milliseconds.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The future's value, or a failed test.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited too long: {what}"))
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "waited too long: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Opens a port, again and again while its counterpart is still starting.
pub(crate) async fn open(url: &PortUrl, settings: Settings) -> Port {
    let end = Instant::now() + DEADLINE;
    loop {
        match Port::open(url, settings).await {
            Ok(port) => return port,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn read_exactly(port: &mut (impl tokio::io::AsyncRead + Unpin), count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    soon("bytes", port.read_exact(&mut bytes)).await.expect("bytes");
    bytes
}

/// The error of this crate that a read or write ended with.
pub(crate) fn reason(error: &std::io::Error) -> &Error {
    Error::of(error).expect("an error of this crate")
}

/// A process that ends with the test.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|e| panic!("{command:?}: {e} (apt-get install socat ser2net)")))
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Two pseudo-terminals joined by socat, at `a` and `b` in a folder of their own.
pub(crate) struct Wire {
    pub(crate) folder: TempDir,
    socat: Option<Running>,
    /// Held open, as socat ends when the last user of either end goes.
    held: Vec<File>,
}

impl Wire {
    pub(crate) async fn new() -> Self {
        let mut wire = Self { folder: tempfile::tempdir().expect("a folder"), socat: None, held: Vec::new() };
        wire.plug().await;
        wire
    }

    pub(crate) async fn plug(&mut self) {
        let end = |name| format!("pty,raw,echo=0,link={}", self.path(name).display());
        self.socat = Some(Running::start(Command::new("socat").args([end("a"), end("b")])));
        for name in ["a", "b"] {
            let path = self.path(name);
            // A link that a killed socat left behind leads nowhere, or to itself when made anew.
            until("socat", || path.exists()).await;
            const O_NOCTTY: i32 = 0o400;
            let file = OpenOptions::new().read(true).write(true).custom_flags(O_NOCTTY).open(&path);
            self.held.push(file.expect("a pseudo-terminal"));
        }
    }

    /// Ends socat the way a cable is pulled.
    pub(crate) fn pull(&mut self) {
        self.socat = None;
        self.held.clear();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self, name: &str) -> PortUrl {
        url(self.path(name))
    }
}

pub(crate) fn url(path: impl AsRef<Path>) -> PortUrl {
    path.as_ref().to_str().expect("text").parse().expect("a URL")
}

/// A TCP port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("an address").port()
}
