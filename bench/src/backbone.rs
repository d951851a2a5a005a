//! All figures of the backbone, in order.

use anyhow::Result;
use serde_json::json;

use crate::{commands, memory, neighbours, process, report, start, watches, writes};

pub(crate) async fn run(json: bool) -> Result<()> {
    let commands = commands::measure().await?;
    let writes = writes::measure().await?;
    watches::measure().await?;
    let memory = memory::measure().await?;
    start::measure().await?;
    neighbours::measure().await?;
    let process = process::measure().await?;
    if json {
        report::line(&json!({
            "command_p50_us": commands.hub_p50_us,
            "command_until_watch_p50_us": commands.watch_p50_us,
            "bare_command_p50_us": commands.bare_p50_us,
            "writes_per_s_batch16": writes.batch16_per_s,
            "provider_rss_kib": memory.provider_rss_kib,
            "hub_rss_mib": process.hub_rss_mib,
            "api_ready_ms": process.api_ready_ms,
        }));
    }
    Ok(())
}
