//! What an instance costs in resident memory.

use anyhow::{Context as _, Result};

use crate::{hub::TestHub, report::table};

pub(crate) struct Figures {
    pub(crate) provider_rss_kib: f64,
}

/// A process's resident memory in KiB.
pub(crate) fn rss_kib(process: &str) -> Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

pub(crate) async fn measure() -> Result<Figures> {
    let home = TestHub::open().await?;
    let mut figures = Vec::new();
    let mut count = 0;
    for target in [1_u32, 10, 100] {
        while count < target {
            count += 1;
            home.install("bench", &format!("bench-{count}"), &[], serde_json::Value::Null).await?;
        }
        figures.push((target, rss_kib("self")?));
    }
    home.hub.shutdown().await;
    let (one, base) = figures.first().copied().context("measured")?;
    let (many, all) = figures.last().copied().context("measured")?;
    let each = f64::from(all.saturating_sub(base)) / f64::from(many - one);
    let rows = figures.iter().map(|(count, kib)| {
        let more = f64::from(kib.saturating_sub(base)) / f64::from((count - one).max(1));
        vec![count.to_string(), format!("{:.1}", f64::from(*kib) / 1024.0), format!("{more:.0}")]
    });
    table("Resident memory of this process", &["instances", "MiB", "KiB for each beyond the first"], rows);
    Ok(Figures { provider_rss_kib: each })
}
