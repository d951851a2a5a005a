//! The hub as a process: how soon its API answers, and its resident memory with `demo-home` running.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{hub::root, memory::rss_kib, report::table};

pub(crate) struct Figures {
    pub(crate) hub_rss_mib: f64,
    pub(crate) api_ready_ms: f64,
}

/// A hub's process, ended with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn measure() -> Result<Figures> {
    tokio::task::spawn_blocking(measure_blocking).await?
}

fn measure_blocking() -> Result<Figures> {
    let data = tempfile::tempdir()?;
    let package = root().join("target/packages/demo-home");
    // The first start installs and compiles; the second is a home owner's every day.
    let (first, process) = start(data.path(), Some(&package))?;
    wait_for_devices(data.path())?;
    drop(process);
    let (second, process) = start(data.path(), None)?;
    wait_for_devices(data.path())?;
    let rss = f64::from(rss_kib(&process.0.id().to_string())?) / 1024.0;
    drop(process);
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    table(
        "The hub as a process",
        &["what", "figure"],
        [
            vec![
                String::from("start to the API's first answer, first start"),
                format!("{:.0} ms", milliseconds(first)),
            ],
            vec![
                String::from("start to the API's first answer, later starts"),
                format!("{:.0} ms", milliseconds(second)),
            ],
            vec![String::from("resident memory with demo-home running"), format!("{rss:.1} MiB")],
        ],
    );
    Ok(Figures { hub_rss_mib: rss, api_ready_ms: milliseconds(second) })
}

fn start(data: &Path, package: Option<&Path>) -> Result<(Duration, Process)> {
    let _ = std::fs::remove_file(data.join("address"));
    let before = Instant::now();
    let mut command = Command::new(root().join("target/release/igloo"));
    command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    if let Some(package) = package {
        command.arg("--package").arg(package);
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let process = Process(child.context("target/release/igloo is not built")?);
    while before.elapsed() < Duration::from_secs(30) {
        if request(data, "/v1/health").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return Ok((before.elapsed(), process));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    bail!("the API did not answer within 30 s");
}

fn wait_for_devices(data: &Path) -> Result<()> {
    let before = Instant::now();
    while before.elapsed() < Duration::from_secs(60) {
        if request(data, "/v1/devices").is_ok_and(|answer| answer.contains("\"available\":true")) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("demo-home has no devices after a minute");
}

fn request(data: &Path, path: &str) -> Result<String> {
    let address = std::fs::read_to_string(data.join("address"))?;
    let address = address.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let token = std::fs::read_to_string(data.join("token"))?;
    let mut stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        token.trim()
    )?;
    let mut reader = BufReader::new(stream);
    let mut answer = String::new();
    reader.read_line(&mut answer)?;
    reader.read_to_string(&mut answer)?;
    Ok(answer)
}
