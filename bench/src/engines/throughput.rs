//! Writes in a second into the hub's tree, for each way to run.

use std::time::Duration;

use anyhow::{Context as _, Result};
use igloo_hub::InstanceRef;
use serde_json::json;

use super::{ALL, named};
use crate::{hub::TestHub, report::table};

const COUNT: u32 = 400_000;
const DEADLINE: Duration = Duration::from_secs(60);

pub(super) async fn measure() -> Result<()> {
    let home = TestHub::open().await?;
    let mut rows = Vec::new();
    for batch in [1, 16] {
        let mut component = None;
        for run_as in ALL {
            let name = format!("{}-{batch}", run_as.name());
            let info = home.install_as("bench", &name, run_as).await?;
            let parameters = json!({ "count": COUNT, "batch": batch });
            let answer = home.hub.action(&InstanceRef::Id(info.id), "flood", parameters, DEADLINE).await?;
            let elapsed = answer["elapsed_ns"].as_f64().context("the provider tells how long it took")?;
            let rate = f64::from(COUNT) / elapsed * 1e9;
            let base = *component.get_or_insert(rate);
            rows.push(vec![
                batch.to_string(),
                named(run_as).to_owned(),
                format!("{rate:.0}"),
                format!("{:.2}×", rate / base),
            ]);
            home.hub.remove_instance(&InstanceRef::Id(info.id)).await?;
        }
    }
    home.hub.shutdown().await;
    table("Writes in a second, one provider", &["in a call", "runs as", "writes/s", "beside in the hub"], rows);
    Ok(())
}
