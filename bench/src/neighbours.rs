//! How much a bad neighbour is felt: the time of commands to a good provider while another spins, fills its memory
//! or traps, beside its quiet value.

use std::time::{Duration, Instant};

use anyhow::Result;
use igloo_hub::InstanceRef;
use serde_json::{Value as Json, json};

use crate::{
    hub::{TestHub, command, switch},
    report::{Times, table},
};

/// Commands for each row, one every 2 ms: ten seconds.
const COUNT: usize = 5_000;
const PACE: Duration = Duration::from_millis(2);

pub(crate) async fn measure() -> Result<()> {
    let home = TestHub::open().await?;
    home.install("bench", "good", &[], Json::Null).await?;
    let device = home.device("good")?;
    let quiet = commands(&home, device).await?;
    let mut all = Vec::new();
    for life in ["spin", "memory-bomb", "panic"] {
        let bad = home.install_bad("misbehave", "bad", &[], json!({ "life": life })).await?;
        let times = commands(&home, device).await?;
        home.hub.remove_instance(&InstanceRef::Id(bad.id)).await?;
        all.push((life, times));
    }
    home.hub.shutdown().await;
    let row = |name: &str, times: &Times| {
        let ratio = times.p99_us() / quiet.p99_us();
        let mut row = times.row(name, &quiet);
        row.push(format!("{ratio:.2}×"));
        row.push(format!("{:.1}", times.percentile_us(1.0)));
        row
    };
    let mut rows = vec![row("quiet", &quiet)];
    rows.extend(all.iter().map(|(name, times)| row(name, times)));
    table(
        "Commands to a good provider beside a bad one, in µs (epoch tick 5 ms, one command every 2 ms)",
        &["neighbour", "p50", "p99", "commands", "p50 beside quiet", "p99 beside quiet", "longest"],
        rows,
    );
    Ok(())
}

async fn commands(home: &TestHub, device: igloo_model::DeviceId) -> Result<Times> {
    let hub = home.hub.clone();
    let commands = tokio::spawn(async move {
        let mut times = Vec::with_capacity(COUNT);
        let mut pace = tokio::time::interval(PACE);
        for n in 0..COUNT {
            pace.tick().await;
            let before = Instant::now();
            command(&hub, switch(device, n % 2 == 0)).await?;
            times.push(before.elapsed());
        }
        anyhow::Ok(Times::new(times))
    });
    commands.await?
}
