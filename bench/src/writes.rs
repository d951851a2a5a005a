//! Writes in a second, by one provider on one core: into the hub's tree, beside the same calls into a home that does
//! nothing.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use igloo_engine::ActionOutcome;
use serde_json::{Value as Json, json};

use crate::{
    hub::{Bare, TestHub},
    report::table,
};

const COUNT: u32 = 2_000_000;
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Figures {
    pub(crate) batch16_per_s: f64,
}

pub(crate) async fn measure() -> Result<Figures> {
    let bare = Bare::open("bench").await?;
    let home = TestHub::open().await?;
    let grants = ["cpu=400%", "writes=4000000000/s"];
    home.install("bench", "bench", &grants, Json::Null).await?;
    let mut rows = Vec::new();
    let mut batch16 = 0.0;
    for batch in [1, 16] {
        let parameters = json!({ "count": COUNT, "batch": batch });
        let instance = bare.engine.start(&bare.prepared, bare.launch()?);
        let alone = loop {
            match instance.action(String::from("flood"), parameters.to_string(), DEADLINE).await {
                ActionOutcome::Ok(answer) => break rate(&serde_json::from_str(&answer)?)?,
                ActionOutcome::Error(igloo_protocol::CommandError::Unavailable) => tokio::task::yield_now().await,
                other => bail!("flood: {other:?}"),
            }
        };
        instance.kill("measured").await;
        let quiet = rate(&flood(&home, &parameters).await?)?;
        let mut watch = home.hub.watch("bench".parse()?);
        let reader = tokio::spawn(async move {
            loop {
                watch.next().await;
            }
        });
        let watched = rate(&flood(&home, &parameters).await?)?;
        reader.abort();
        if batch == 16 {
            batch16 = quiet;
        }
        for (name, rate) in [("engine alone", alone), ("hub", quiet), ("hub, one watch reading", watched)] {
            rows.push(vec![batch.to_string(), name.to_owned(), format!("{rate:.0}"), format!("{:.2}×", rate / alone)]);
        }
    }
    home.hub.shutdown().await;
    table("Writes in a second, one provider", &["in a call", "into", "writes/s", "beside engine alone"], rows);
    Ok(Figures { batch16_per_s: batch16 })
}

async fn flood(home: &TestHub, parameters: &Json) -> Result<Json> {
    home.hub
        .action(&"bench".parse()?, "flood", parameters.clone(), DEADLINE)
        .await
        .map_err(|error| anyhow::anyhow!("flood: {error}"))
}

fn rate(answer: &Json) -> Result<f64> {
    let nanoseconds = answer.get("elapsed_ns").and_then(Json::as_f64).context("flood answers elapsed_ns")?;
    Ok(f64::from(COUNT) / nanoseconds * 1e9)
}
