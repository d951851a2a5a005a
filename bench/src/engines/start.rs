//! How long it takes until a provider answers its first command: compiled anew, from the cache, and a hundred of them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use igloo_engine::{
    Instance, Outcome,
    component::{ComponentEngine, EngineOptions},
    process::{ProcessEngine, Program},
};
use igloo_protocol::{CommandError, RunAs};

use super::{ALL, named};
use crate::{
    hub::{Bare, bare_switch, launcher, package, sha256},
    report::{Times, table},
};

const STARTS: usize = 30;
const HUNDRED: usize = 100;

pub(super) struct Figures {
    pub(super) hundred_cached_ms: f64,
}

pub(super) async fn measure() -> Result<Figures> {
    let component = package("bench")?.1;
    let hash = sha256(&component)?;
    let cache = tempfile::tempdir()?;
    let mut rows = Vec::new();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;

    // Cold: nothing is compiled. The second engine finds what the first compiled.
    for what in ["component, in the hub: compiled anew", "component, in the hub: from the cache"] {
        let engine = ComponentEngine::new(EngineOptions::new(cache.path().to_owned()))?;
        let bare = Bare::open("bench").await?;
        let before = Instant::now();
        let prepared = engine.prepare(&component, &hash).await?;
        let instance = engine.start(&prepared, bare.launch()?);
        first_answer(&instance).await?;
        rows.push(vec![what.to_owned(), format!("{:.2}", milliseconds(before.elapsed()))]);
        instance.kill("measured").await;
    }

    let bare = Bare::open("bench").await?;
    let processes = ProcessEngine::new(&launcher(), bare.engine.clone())?;
    let isolated = bare.engine.prepare_isolated(&component, &hash).await?;
    let program = Program { executable: component.with_file_name("bench").canonicalize()? };
    for run_as in ALL {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let launch = bare.launch()?;
            let before = Instant::now();
            let instance = match run_as {
                RunAs::InHub => bare.engine.start(&bare.prepared, launch),
                RunAs::Isolated => processes.start_isolated(&isolated, launch),
                RunAs::Process => processes.start(&program, launch),
            };
            first_answer(&instance).await?;
            times.push(before.elapsed());
            instance.kill("measured").await;
        }
        let times = Times::new(times);
        rows.push(vec![
            format!("{}: prepared, p50 of {STARTS}", named(run_as)),
            format!("{:.2}", times.p50_us() / 1e3),
        ]);
    }

    let engine = ComponentEngine::new(EngineOptions::new(cache.path().to_owned()))?;
    let before = Instant::now();
    let prepared = engine.prepare(&component, &hash).await?;
    let mut instances = Vec::new();
    for _ in 0..HUNDRED {
        instances.push(engine.start(&prepared, bare.launch()?));
    }
    for instance in &instances {
        first_answer(instance).await?;
    }
    let hundred = milliseconds(before.elapsed());
    rows.push(vec![format!("{HUNDRED} components from the cache, all answering"), format!("{hundred:.0}")]);
    for instance in instances {
        instance.kill("measured").await;
    }
    table("Start to first answered command, in ms", &["what", "ms"], rows);
    Ok(Figures { hundred_cached_ms: hundred })
}

pub(crate) async fn first_answer(instance: &Instance) -> Result<()> {
    loop {
        match instance.command(bare_switch()).await {
            Outcome::Ok => return Ok(()),
            // Not while something else needs the core to start.
            Outcome::Error(CommandError::Unavailable) => tokio::time::sleep(Duration::from_micros(100)).await,
            Outcome::Interrupted => bail!("it ended: {}", instance.ended().await),
            other => bail!("a command was not ok: {other:?}"),
        }
    }
}
