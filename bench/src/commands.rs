//! A command's round trip: from the hub's command call to its outcome, and to the watch's event, beside the bare
//! wasmtime call of the same component.

use std::time::Instant;

use anyhow::{Context as _, Result};
use igloo_model::{Value, tree::Change};

use crate::{
    hub::{Bare, TestHub, bare_switch, command, commands_in_a_row, switch},
    report::{Times, table},
};

const COUNT: usize = 20_000;

pub(crate) struct Figures {
    pub(crate) hub_p50_us: f64,
    pub(crate) watch_p50_us: f64,
    pub(crate) bare_p50_us: f64,
}

pub(crate) async fn measure() -> Result<Figures> {
    let bare = Bare::open("bench").await?;
    let request = bare_switch();
    let bare = bare
        .engine
        .bare_commands(&bare.prepared, bare.launch()?, &request, COUNT)
        .await
        .map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let bare = Times::new(bare);

    let home = TestHub::open().await?;
    home.install("bench", "bench", &["cpu=400%", "writes=1000000/s"], serde_json::Value::Null).await?;
    let device = home.device("bench")?;
    let outcomes = commands_in_a_row(&home.hub, device, COUNT).await?;

    let hub = home.hub.clone();
    let seen = tokio::spawn(async move {
        let mut watch = hub.watch("bench/bench/switch/switch".parse()?);
        watch.next().await;
        let mut times = Vec::with_capacity(COUNT);
        for n in 0..COUNT {
            let on = n % 2 == 0;
            let request = switch(device, on);
            let before = Instant::now();
            let outcome = command(&hub, request);
            let event = async {
                loop {
                    let changes = watch.next().await;
                    let found = changes
                        .iter()
                        .any(|change| matches!(change, Change::Value { value: Value::Boolean(b), .. } if *b == on));
                    if found {
                        return;
                    }
                }
            };
            let (outcome, ()) = tokio::join!(outcome, event);
            times.push(before.elapsed());
            outcome?;
        }
        anyhow::Ok(times)
    });
    let seen = Times::new(seen.await?.context("watching")?);
    home.hub.shutdown().await;

    table(
        "A command's round trip, in µs",
        &["from the call", "p50", "p99", "calls", "beside bare"],
        [
            bare.row("bare wasmtime call, one thread", &bare),
            outcomes.row("hub: to the outcome", &bare),
            seen.row("hub: to outcome and watch event", &bare),
        ],
    );
    Ok(Figures { hub_p50_us: outcomes.p50_us(), watch_p50_us: seen.p50_us(), bare_p50_us: bare.p50_us() })
}
