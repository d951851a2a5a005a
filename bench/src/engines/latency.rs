//! From a command to its outcome, for each way to run, with both ends free to run where they like, and all on one core:
//! the difference is the waking of another core.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use igloo_protocol::RunAs;
use serde::{Deserialize, Serialize};

use super::{ALL, named, pingpong};
use crate::{
    hub::{Bare, TestHub, bare_switch, commands_in_a_row},
    report::{Times, table},
};

const COUNT: usize = 20_000;

/// Medians in microseconds, and 99th percentiles.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) bare_wasmtime: f64,
    pub(super) bare_sdk_wasmtime: f64,
    pub(super) bare_socket: f64,
    pub(super) bare_socket_p99: f64,
    /// The component without the SDK: a bare async export.
    pub(super) bare_component: f64,
    pub(super) component: f64,
    pub(super) component_p99: f64,
    pub(super) isolated: f64,
    pub(super) isolated_p99: f64,
    pub(super) process: f64,
    pub(super) process_p99: f64,
}

pub(super) async fn measure() -> Result<Figures> {
    let bare_wasmtime = bare("bare").await?;
    let bare_sdk_wasmtime = bare("bench").await?;
    let socket = tokio::task::spawn_blocking(pingpong::measure).await??;
    let home = TestHub::open().await?;
    let bare_component = commands(&home, "bare", "bare", RunAs::InHub).await?;
    let mut times = Vec::new();
    for run_as in ALL {
        times.push(commands(&home, "bench", run_as.name(), run_as).await?);
    }
    home.hub.shutdown().await;
    let [component, isolated, process] = times.try_into().ok().context("three ways to run")?;
    Ok(Figures {
        bare_wasmtime: bare_wasmtime.p50_us(),
        bare_sdk_wasmtime: bare_sdk_wasmtime.p50_us(),
        bare_socket: socket.p50_us(),
        bare_socket_p99: socket.p99_us(),
        bare_component: bare_component.p50_us(),
        component: component.p50_us(),
        component_p99: component.p99_us(),
        isolated: isolated.p50_us(),
        isolated_p99: isolated.p99_us(),
        process: process.p50_us(),
        process_p99: process.p99_us(),
    })
}

/// The same in a child that has one core.
pub(super) async fn pinned() -> Result<Figures> {
    let child = tokio::process::Command::new("taskset")
        .args(["--cpu-list", "0"])
        .arg(std::env::current_exe()?)
        .arg("engines-pinned")
        .stdout(Stdio::piped())
        .output()
        .await
        .context("taskset (util-linux) starts the measurement on one core")?;
    if !child.status.success() {
        bail!("the measurement on one core failed: {}", String::from_utf8_lossy(&child.stderr));
    }
    let text = String::from_utf8(child.stdout)?;
    Ok(serde_json::from_str(text.lines().last().context("it said nothing")?)?)
}

async fn bare(package: &str) -> Result<Times> {
    let bare = Bare::open(package).await?;
    let times = bare.engine.bare_commands(&bare.prepared, bare.launch()?, &bare_switch(), COUNT).await;
    Ok(Times::new(times.map_err(|error| anyhow::anyhow!("{error:#}"))?))
}

async fn commands(home: &TestHub, package: &str, name: &str, run_as: RunAs) -> Result<Times> {
    home.install_as(package, name, run_as).await?;
    let device = home.device(name)?;
    commands_in_a_row(&home.hub, device, COUNT).await
}

pub(super) fn print(free: &Figures, pinned: &Figures) {
    let row = |name: &str, of: fn(&Figures) -> f64, p99: Option<fn(&Figures) -> f64>, base: fn(&Figures) -> f64| {
        vec![
            name.to_owned(),
            format!("{:.1}", of(free)),
            p99.map_or_else(String::new, |p99| format!("{:.1}", p99(free))),
            format!("{:.2}×", of(free) / base(free)),
            format!("{:.1}", of(pinned)),
            format!("{:.2}×", of(pinned) / base(pinned)),
        ]
    };
    table(
        "A command's round trip in µs, from the hub's call to its outcome (20 000 in a row)",
        &["what", "p50", "p99", "beside its baseline", "p50 on one core", "beside its baseline"],
        [
            row("bare wasmtime call, bare async export", |f| f.bare_wasmtime, None, |f| f.bare_wasmtime),
            row("bare wasmtime call, SDK (tokio)", |f| f.bare_sdk_wasmtime, None, |f| f.bare_wasmtime),
            row(
                "bare socket, 64 bytes there and back",
                |f| f.bare_socket,
                Some(|f| f.bare_socket_p99),
                |f| f.bare_socket,
            ),
            row("component in the hub, bare async export", |f| f.bare_component, None, |f| f.bare_wasmtime),
            row(named(RunAs::InHub), |f| f.component, Some(|f| f.component_p99), |f| f.bare_sdk_wasmtime),
            row(named(RunAs::Isolated), |f| f.isolated, Some(|f| f.isolated_p99), |f| f.bare_socket),
            row(named(RunAs::Process), |f| f.process, Some(|f| f.process_p99), |f| f.bare_socket),
        ],
    );
    table(
        "A process beside a component: how many times as long a command takes",
        &["ends free", "on one core"],
        [vec![format!("{:.1}×", free.process / free.component), format!("{:.1}×", pinned.process / pinned.component)]],
    );
}
