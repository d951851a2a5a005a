//! How long a provider takes to be ready: compiled anew, from the cache, and once it is prepared.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use igloo_engine::{
    Outcome,
    component::{ComponentEngine, EngineOptions},
};
use igloo_protocol::CommandError;

use crate::{
    hub::{Bare, bare_switch, package, sha256},
    report::table,
};

pub(crate) async fn measure() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let component = package("bench")?.1;
    let hash = sha256(&component)?;
    let mut prepare = Vec::new();
    for _ in 0..2 {
        let engine = ComponentEngine::new(EngineOptions::new(cache.path().to_owned()))?;
        let before = Instant::now();
        engine.prepare(&component, &hash).await?;
        prepare.push(before.elapsed());
    }
    let bare = Bare::open("bench").await?;
    let mut starts = Vec::new();
    for _ in 0..50 {
        let before = Instant::now();
        let instance = bare.engine.start(&bare.prepared, bare.launch()?);
        loop {
            match instance.command(bare_switch()).await {
                Outcome::Ok => break,
                Outcome::Error(CommandError::Unavailable) => tokio::task::yield_now().await,
                other => bail!("a command was not ok: {other:?}"),
            }
        }
        starts.push(before.elapsed());
        instance.kill("measured").await;
    }
    starts.sort_unstable();
    let milliseconds =
        |duration: Option<&Duration>| duration.map_or_else(String::new, |d| format!("{:.2}", d.as_secs_f64() * 1e3));
    table(
        "Getting a provider ready, in ms",
        &["what", "ms"],
        [
            vec![String::from("compile and load (cold)"), milliseconds(prepare.first())],
            vec![String::from("verify and load (cached)"), milliseconds(prepare.get(1))],
            vec![String::from("start to first answered command, p50"), milliseconds(starts.get(starts.len() / 2))],
        ],
    );
    Ok(())
}
