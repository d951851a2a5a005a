//! What a provider uses: from its control groups, and from /proc for what they do not count.

use std::fs;
use std::time::Duration;

use crate::cgroup::Group;

/// What a provider uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of all its processes, those that were waited for too.
    pub cpu: Duration,
    /// Memory that cannot be taken back by dropping caches.
    pub memory_bytes: u64,
    /// Processes and threads, with init.
    pub processes: u64,
}

/// The most processes that are looked at, whatever a provider makes.
const MAX_PROCESSES: usize = 4096;

/// Reads it for the tree that begins with `init`.
pub(crate) fn read(group: &Group, init: Option<u32>) -> Usage {
    let (cpu, memory, processes) = group.usage();
    let counted = if cpu.is_some() && memory.is_some() && processes.is_some() {
        Usage::default()
    } else {
        init.map(counted).unwrap_or_default()
    };
    Usage {
        cpu: cpu.unwrap_or(counted.cpu),
        memory_bytes: memory.unwrap_or(counted.memory_bytes),
        processes: processes.unwrap_or(counted.processes),
    }
}

fn counted(init: u32) -> Usage {
    let mut usage = Usage::default();
    tree(init).into_iter().for_each(|pid| add(pid, &mut usage));
    usage
}

/// `init` and all below it.
pub(crate) fn tree(init: u32) -> Vec<u32> {
    let mut tree = vec![init];
    let mut next = 0;
    while let Some(pid) = tree.get(next).copied() {
        next += 1;
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            tree.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        tree.truncate(MAX_PROCESSES);
    }
    tree
}

fn add(pid: u32, usage: &mut Usage) {
    // Fields of proc_pid_stat(5) behind the name, which is in parentheses and may contain anything: the first is the third.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some((_, rest)) = stat.rsplit_once(')') else { return };
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index - 3).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    // USER_HZ is 100 on every architecture that this crate is for (asm/param.h).
    let ticks: u64 = (14..=17).map(number).sum();
    usage.cpu += Duration::from_millis(ticks * 10);
    usage.processes += number(20);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
    };
    usage.memory_bytes += 1024 * (kib("RssAnon:") + kib("RssShmem:"));
}
