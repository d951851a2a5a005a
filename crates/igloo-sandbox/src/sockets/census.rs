//! How many sockets a sandbox has. The broker sees sockets made, and not closed: when as many as allowed were made, it
//! looks which of them are still open in the sandbox's processes.
//!
//! A socket can be nowhere else: it is sent to no other process, because ancillary data is not. A program that hands
//! one from process to process by fork while they are looked at may hide it for a moment; the limits on processes and
//! open files still hold then.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    time::{Duration, Instant},
};

/// At the limit, the sockets are counted at most this often; in between, the last count holds.
const COUNT_EVERY: Duration = Duration::from_millis(100);
/// Processes that are looked at, and descriptors of each of their threads. More are more than a sandbox can have.
const PROCESSES: usize = 4096;

/// The sockets of one sandbox.
#[derive(Default, Debug)]
pub(crate) struct Census {
    open: HashSet<u64>,
    /// Made while they are counted, so that a count which missed them does not strike them off.
    made_meanwhile: Option<HashSet<u64>>,
    counted: Option<Instant>,
}

impl Census {
    /// Notes a socket by its inode.
    pub(crate) fn add(&mut self, inode: u64) {
        self.open.insert(inode);
        if let Some(made) = &mut self.made_meanwhile {
            made.insert(inode);
        }
    }

    /// How many there are, as far as is known.
    pub(crate) fn known(&self) -> usize {
        self.open.len()
    }

    /// Whether it is time to count; if so, [`Self::counted`] is told what was found.
    pub(crate) fn begin(&mut self) -> bool {
        let now = Instant::now();
        let due = self.made_meanwhile.is_none() && self.counted.is_none_or(|last| now - last >= COUNT_EVERY);
        if due {
            self.counted = Some(now);
            self.made_meanwhile = Some(HashSet::new());
        }
        due
    }

    /// Takes a count: those not found are closed.
    pub(crate) fn counted(&mut self, found: Option<&HashSet<u64>>) {
        let made = self.made_meanwhile.take().unwrap_or_default();
        if let Some(found) = found {
            self.open.retain(|inode| found.contains(inode) || made.contains(inode));
        }
    }
}

/// The sockets that this process and all below it have open.
pub(crate) fn count(root: u32) -> io::Result<HashSet<u64>> {
    let mut found = HashSet::new();
    for process in tree(root)? {
        // A thread may have a table of its own. Those that end meanwhile have nothing open.
        let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { continue };
        for thread in threads.flatten() {
            let Ok(descriptors) = fs::read_dir(thread.path().join("fd")) else { continue };
            found.extend(descriptors.flatten().filter_map(|descriptor| {
                let link = fs::read_link(descriptor.path()).ok()?;
                link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
            }));
        }
    }
    Ok(found)
}

/// A process and all below it.
fn tree(root: u32) -> io::Result<Vec<u32>> {
    let mut children = HashMap::<u32, Vec<u32>>::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        // proc_pid_stat(5): the command in brackets, which may hold anything; the state; the parent.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(process) = tree.get(next).copied() {
        tree.extend(children.remove(&process).unwrap_or_default());
        tree.truncate(PROCESSES);
        next += 1;
    }
    Ok(tree)
}
