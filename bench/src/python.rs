//! A provider in Python as a component, beside the same provider as a native process.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use igloo_engine::component::ComponentEngine;
use igloo_hub::InstanceRef;
use igloo_protocol::RunAs;
use serde_json::json;

use crate::{
    engines::first_answer,
    hub::{self, Bare, TestHub, command, commands_in_a_row, package, sha256, switch},
    report::{self, Times, table},
};

const PACKAGE: &str = "bench-py";
const COUNT: usize = 5_000;
const STARTS: usize = 15;
/// Packages `variety-1` and so on: `cargo xtask bench python` makes them.
const DIFFERENT: usize = 20;
/// What only starting needed is given back after two seconds.
const SETTLED: Duration = Duration::from_secs(4);

pub(crate) async fn run(json: bool) -> Result<()> {
    let latency = latency().await?;
    let start = start().await?;
    let memory = memory().await?;
    if json {
        report::line(&json!({
            "start_to_first_answer_ms": start.cached_ms,
            "start_beside_another_ms": start.beside_ms,
            "start_prepared_ms": start.prepared_ms,
            "process_start_to_first_answer_ms": start.process_ms,
            "private_mib_idle": memory.private_mib,
            "twenty_providers_mib": memory.twenty_mib,
            "twenty_providers_after_commands_mib": memory.twenty_used_mib,
            "process_pss_mib": memory.process_mib,
            "component_command_p50_us": latency.component,
            "isolated_command_p50_us": latency.isolated,
            "process_command_p50_us": latency.process,
        }));
    }
    Ok(())
}

struct Latency {
    component: f64,
    isolated: f64,
    process: f64,
}

async fn latency() -> Result<Latency> {
    let home = TestHub::open().await?;
    let mut rows = Vec::new();
    let mut figures = Vec::new();
    for run_as in [RunAs::InHub, RunAs::Isolated, RunAs::Process] {
        let name = format!("bench-{}", figures.len());
        home.install_as(PACKAGE, &name, run_as).await?;
        let times = commands_in_a_row(&home.hub, home.device(&name)?, COUNT).await?;
        rows.push(vec![run_as.to_string(), format!("{:.1}", times.p50_us()), format!("{:.1}", times.p99_us())]);
        figures.push(times.p50_us());
    }
    home.hub.shutdown().await;
    table("A command to a provider in Python, in µs", &["runs as", "p50", "p99"], rows);
    let figure = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
    Ok(Latency { component: figure(0), isolated: figure(1), process: figure(2) })
}

struct Start {
    cached_ms: f64,
    beside_ms: f64,
    prepared_ms: f64,
    process_ms: f64,
}

async fn start() -> Result<Start> {
    let (rust, python) = (Bare::open("bench").await?, Bare::open(PACKAGE).await?);
    let components = ["bench", PACKAGE, "variety-1"].map(|name| -> Result<_> {
        let component = package(name)?.1;
        let hash = sha256(&component)?;
        Ok((component, hash))
    });
    let [other, first, second] = components;
    let (other, first, second) = (other?, first?, second?);
    let from_cache =
        async |engine: &ComponentEngine, (component, hash): &(PathBuf, String), bare: &Bare| -> Result<_> {
            let launch = bare.launch()?;
            let before = Instant::now();
            let prepared = engine.prepare(component, hash).await?;
            let instance = engine.start(&prepared, launch);
            first_answer(&instance).await?;
            Ok((before.elapsed(), prepared, instance))
        };
    let (mut cached, mut cached_beside) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        // A hub of its own: it runs something, and nothing of Python's is loaded yet.
        let engine = ComponentEngine::new(hub::engine())?;
        let running = from_cache(&engine, &other, &rust).await?;
        let one = from_cache(&engine, &first, &python).await?;
        let another = from_cache(&engine, &second, &python).await?;
        cached.push(one.0);
        cached_beside.push(another.0);
        for (_, _, instance) in [running, one, another] {
            instance.kill("measured").await;
        }
    }
    let mut prepared = Vec::new();
    for _ in 0..STARTS {
        let launch = python.launch()?;
        let before = Instant::now();
        let instance = python.engine.start(&python.prepared, launch);
        first_answer(&instance).await?;
        prepared.push(before.elapsed());
        instance.kill("measured").await;
    }
    let home = TestHub::open().await?;
    let info = home.install_as(PACKAGE, "process", RunAs::Process).await?;
    let device = home.device("process")?;
    let which = InstanceRef::Id(info.id);
    let mut natively = Vec::new();
    for _ in 0..STARTS {
        home.hub.stop(&which).await?;
        let before = Instant::now();
        home.hub.start(&which).await?;
        home.ready(&info).await?;
        command(&home.hub, switch(device, true)).await?;
        natively.push(before.elapsed());
    }
    home.hub.shutdown().await;
    let p50 = |times| Times::new(times).p50_us() / 1e3;
    let start = Start {
        cached_ms: p50(cached),
        beside_ms: p50(cached_beside),
        prepared_ms: p50(prepared),
        process_ms: p50(natively),
    };
    table(
        &format!("Start to first answered command, in ms, p50 of {STARTS}"),
        &["what", "ms"],
        vec![
            vec!["component, from the cache's file".to_owned(), format!("{:.1}", start.cached_ms)],
            vec!["the same, beside another one in Python".to_owned(), format!("{:.1}", start.beside_ms)],
            vec!["component, loaded before".to_owned(), format!("{:.1}", start.prepared_ms)],
            vec!["process".to_owned(), format!("{:.0}", start.process_ms)],
        ],
    );
    Ok(start)
}

struct Memory {
    private_mib: f64,
    twenty_mib: f64,
    twenty_used_mib: f64,
    process_mib: f64,
}

async fn memory() -> Result<Memory> {
    let home = TestHub::open().await?;
    // What everything needs once is not one provider's.
    home.install_as(PACKAGE, "first", RunAs::InHub).await?;
    commands_in_a_row(&home.hub, home.device("first")?, 10).await?;
    tokio::time::sleep(SETTLED).await;
    let before = Used::now()?;
    for count in 1..=10 {
        home.install_as(PACKAGE, &format!("same-{count}"), RunAs::InHub).await?;
    }
    tokio::time::sleep(SETTLED).await;
    let private_mib = (Used::now()?.private_dirty - before.private_dirty) / 10.0;
    home.hub.shutdown().await;

    let home = TestHub::open().await?;
    let before = Used::now()?;
    let mut names = Vec::new();
    for count in 1..=DIFFERENT {
        let name = format!("variety-{count}");
        home.install_as(&name, &name, RunAs::InHub)
            .await
            .with_context(|| format!("{name}: `cargo xtask bench python` makes it"))?;
        names.push(name);
    }
    tokio::time::sleep(SETTLED).await;
    let idle = Used::now()?;
    for name in &names {
        commands_in_a_row(&home.hub, home.device(name)?, 10).await?;
    }
    let used = Used::now()?;
    home.hub.shutdown().await;

    let home = TestHub::open().await?;
    let processes = |pids: Vec<u32>| pids.into_iter().map(crate::engines::pss_kib).sum::<f64>() / 1024.0;
    home.install_as(PACKAGE, "process", RunAs::Process).await?;
    let process_mib = processes(crate::engines::descendants());
    home.hub.shutdown().await;

    let memory =
        Memory { private_mib, twenty_mib: idle.pss - before.pss, twenty_used_mib: used.pss - before.pss, process_mib };
    table(
        "Memory, in MiB",
        &["what", "MiB"],
        vec![
            vec!["private of one, idle".to_owned(), format!("{:.2}", memory.private_mib)],
            vec![format!("PSS of {DIFFERENT} different ones, idle"), format!("{:.0}", memory.twenty_mib)],
            vec!["the same, after ten commands each".to_owned(), format!("{:.0}", memory.twenty_used_mib)],
            vec!["PSS of one as a native process".to_owned(), format!("{:.1}", memory.process_mib)],
        ],
    );
    Ok(memory)
}

/// This process's memory, in MiB.
struct Used {
    pss: f64,
    private_dirty: f64,
}

impl Used {
    fn now() -> Result<Self> {
        let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
        let of = |key: &str| -> Result<f64> {
            let line = rollup.lines().find_map(|line| line.strip_prefix(key)).context("no such line")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
        };
        Ok(Self { pss: of("Pss:")?, private_dirty: of("Private_Dirty:")? })
    }
}
