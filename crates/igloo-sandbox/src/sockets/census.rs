//! How many sockets a sandbox has. The broker sees sockets made, and not closed: when as many as allowed were made, it
//! looks which of them are still open in the sandbox's processes.
//!
//! A socket can be nowhere else: it is sent to no other process, because ancillary data is not. A program that hands
//! one from process to process by fork while they are looked at may hide it for a moment; the limits on processes and
//! open files still hold then.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

/// Between two counts is this many times what the last one took, so that a program which is always at its limit costs
/// the hub a tenth of a core at most.
const REST: u32 = 10;
/// How long an answer of [`Tally::open`] counts.
const ANSWER: Duration = Duration::from_secs(1);
/// Processes that are looked at, and descriptors of each of their threads. More are more than a sandbox can have.
const PROCESSES: usize = 4096;

/// The sockets of one sandbox, for who wants to know how many there are.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    census: Arc<Mutex<Census>>,
    /// The last answer, and when it was given.
    answered: Arc<Mutex<Option<(Instant, u64)>>>,
}

impl Tally {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Census> {
        self.census.lock()
    }

    /// How many are open in this process and all below it. It looks at each of them, once in a second at most.
    pub fn open(&self, root: u32) -> u64 {
        let mut answered = self.answered.lock();
        if let Some((at, open)) = *answered
            && at.elapsed() < ANSWER
        {
            return open;
        }
        let known = self.census.lock().open.clone();
        let open = if known.is_empty() { 0 } else { count(root).map_or(0, |found| found.intersection(&known).count()) };
        let open = u64::try_from(open).unwrap_or(u64::MAX);
        *answered = Some((Instant::now(), open));
        open
    }
}

/// The sockets of one sandbox.
#[derive(Default, Debug)]
pub(crate) struct Census {
    open: HashSet<u64>,
    /// Made since a count began, so that a count which missed them does not strike them off.
    made_meanwhile: HashSet<u64>,
    began: Option<Instant>,
    next: Option<Instant>,
}

impl Census {
    /// Notes a socket by its inode.
    pub(crate) fn add(&mut self, inode: u64) {
        self.open.insert(inode);
        self.made_meanwhile.insert(inode);
    }

    /// How many there are, as far as is known.
    pub(crate) fn known(&self) -> usize {
        self.open.len()
    }

    /// When the last count began.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// When they may be counted again.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// A count begins. There is one at a time.
    pub(crate) fn begin(&mut self) {
        self.began = Some(Instant::now());
        self.made_meanwhile.clear();
    }

    /// Takes a count: those not found are closed.
    pub(crate) fn counted(&mut self, found: Option<&HashSet<u64>>) {
        if let Some(found) = found {
            let made = &self.made_meanwhile;
            self.open.retain(|inode| found.contains(inode) || made.contains(inode));
        }
        let now = Instant::now();
        self.next = self.began.map(|began| now + (now - began) * REST);
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
