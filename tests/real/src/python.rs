//! Programs in Python from `py/`, with the packages in `target/venv`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::PATIENCE;

/// A program of `target/venv`.
#[must_use]
pub fn venv(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin").join(program)
}

fn command(script: &str, arguments: &[&str]) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = venv("python");
    assert!(python.exists(), "{} is not there: run `cargo xtask setup`", python.display());
    let mut command = Command::new(python);
    command.arg(here.join("py").join(script)).args(arguments).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a program to its end: its output, a JSON value in each line.
pub async fn run(script: &str, arguments: &[&str]) -> Vec<Json> {
    let output = timeout(PATIENCE, command(script, arguments).stdin(Stdio::null()).output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A program that answers each line of JSON with a line of JSON.
#[derive(Debug)]
pub struct Python {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Python {
    /// Starts it. The second answer is what it says first.
    pub async fn start(script: &str, arguments: &[&str]) -> (Self, Json) {
        let mut process = command(script, arguments).stdin(Stdio::piped()).spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut python = Self { process, input, output };
        let first = python.line().await;
        (python, first)
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&mut self, question: Json) -> Json {
        self.input.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        self.line().await
    }

    /// Ends it at once.
    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Waits for a line that it says by itself.
    pub async fn line(&mut self) -> Json {
        let line = timeout(PATIENCE, self.output.next_line()).await.expect("an answer in time").unwrap();
        serde_json::from_str(&line.expect("an answer, not the end")).unwrap()
    }
}
