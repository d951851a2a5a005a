//! What a provider costs in memory: of a component in the hub the growth of this process, of the others the share of
//! what their processes have resident (PSS: what several share counts once).

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use igloo_protocol::RunAs;

use super::{ALL, named};
use crate::{hub::TestHub, memory::rss_kib, report::table};

pub(super) struct Figures {
    pub(super) component_kib: f64,
    pub(super) isolated_kib: f64,
    pub(super) process_kib: f64,
}

pub(super) async fn measure() -> Result<Figures> {
    let mut each = Vec::new();
    let mut rows = Vec::new();
    for run_as in ALL {
        let home = TestHub::open().await?;
        // What everything needs once is not one provider's: not even the first one of its kind.
        home.install_as("bench", "first", run_as).await?;
        let base = used_kib(run_as)?;
        let mut count = 0;
        let mut last = 0.0;
        for target in [1_u32, 10, 100] {
            while count < target {
                count += 1;
                home.install_as("bench", &format!("bench-{count}"), run_as).await?;
            }
            let more = used_kib(run_as)? - base;
            last = more / f64::from(count);
            rows.push(vec![
                named(run_as).to_owned(),
                count.to_string(),
                format!("{:.1}", more / 1024.0),
                format!("{last:.0}"),
            ]);
        }
        each.push(last);
        home.hub.shutdown().await;
    }
    table("Memory beyond the first provider", &["runs as", "providers", "MiB", "KiB each"], rows);
    let figure = |index: usize| each.get(index).copied().unwrap_or(f64::NAN);
    Ok(Figures { component_kib: figure(0), isolated_kib: figure(1), process_kib: figure(2) })
}

fn used_kib(run_as: RunAs) -> Result<f64> {
    let own = f64::from(rss_kib("self")?);
    Ok(match run_as {
        RunAs::InHub => own,
        RunAs::Isolated | RunAs::Process => own + descendants().into_iter().map(pss_kib).sum::<f64>(),
    })
}

/// All processes that descend from this one.
pub(crate) fn descendants() -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // proc_pid_stat(5): behind the name, which is in parentheses, stand the state and the parent.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut next = vec![std::process::id()];
    while let Some(pid) = next.pop() {
        for child in children.get(&pid).into_iter().flatten().copied() {
            if seen.insert(child) {
                found.push(child);
                next.push(child);
            }
        }
    }
    found
}

pub(crate) fn pss_kib(pid: u32) -> f64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0.0)
}
