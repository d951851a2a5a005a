//! Programs of the system, run for one test: servers with a configuration of their own, and tools that ask them.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Duration, sleep, timeout};

use crate::PATIENCE;

/// Bytes of what a program has said that are kept, as a rule: a server that is talkative for an hour is no leak of ours.
const KEPT: usize = 256 * 1024;

/// A running program. It ends with this.
pub struct Program {
    name: String,
    process: Child,
    said: watch::Receiver<String>,
}

/// The program where it is on the `PATH`, where only root's `PATH` looks, or at an absolute path.
fn command<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("there is no {name}: run `cargo xtask setup`"));
    let mut command = Command::new(found);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Program {
    /// Starts it.
    pub fn start<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::start_with(name, arguments, |_| {})
    }

    /// Starts it, after `change` has set its environment.
    pub fn start_with<A: AsRef<OsStr>>(
        name: &str,
        arguments: impl IntoIterator<Item = A>,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = command(name, arguments);
        change(&mut command);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let (writer, said) = watch::channel(String::new());
        tokio::spawn(listen(process.stdout.take(), writer.clone()));
        tokio::spawn(listen(process.stderr.take(), writer));
        Self { name: name.to_owned(), process, said }
    }

    /// Waits until it has said something.
    pub async fn says(&self, text: &str) {
        let mut said = self.said.clone();
        let found = matches!(timeout(PATIENCE, said.wait_for(|said| said.contains(text))).await, Ok(Ok(_)));
        assert!(found, "{} does not say '{text}', but:\n{}", self.name, self.said());
    }

    /// Waits until it listens on a TCP port of 127.0.0.1.
    pub async fn listens(&self, port: u16) {
        let connected = timeout(PATIENCE, async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(connected.await.is_ok(), "{} does not listen on {port}:\n{}", self.name, self.said());
    }

    /// Its process, until it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// What it has said so far, or lately.
    #[must_use]
    pub fn said(&self) -> String {
        self.said.borrow().clone()
    }

    /// Waits until it ends, and gives what it has said.
    pub async fn ended(mut self) -> String {
        let status = timeout(PATIENCE, self.process.wait()).await;
        // Its output may come a moment after its end.
        let mut said = self.said.clone();
        while said.changed().await.is_ok() {}
        assert!(matches!(&status, Ok(Ok(status)) if status.success()), "{}: {status:?}\n{}", self.name, self.said());
        self.said()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.name, self.said())
    }
}

/// Reads for as long as there is something, so that the program is never held up.
async fn listen(output: Option<impl AsyncRead + Unpin>, said: watch::Sender<String>) {
    let Some(output) = output else { return };
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|count| count > 0) {
        said.send_modify(|said| {
            said.push_str(&String::from_utf8_lossy(&line));
            if said.len() > KEPT {
                let half = said.ceil_char_boundary(said.len() - KEPT / 2);
                said.drain(..half);
            }
        });
        line.clear();
    }
}

/// Runs a program to its end with this input: its standard output. It must succeed.
pub async fn ask<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>, input: &[u8]) -> Vec<u8> {
    let mut process = command(name, arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = process.stdin.take().unwrap();
    let write = async move {
        // A program that needs none of it may have ended.
        let _ = pipe.write_all(input).await;
    };
    let (output, ()) =
        timeout(PATIENCE, async { tokio::join!(process.wait_with_output(), write) }).await.expect("an end in time");
    let output = output.unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A port of 127.0.0.1 that nobody uses, neither for TCP nor for UDP, for a program that cannot choose one itself.
#[must_use]
pub fn free_port() -> u16 {
    loop {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        if std::net::UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
