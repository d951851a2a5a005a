//! What is on this machine, as the kernel tells it.

use std::fs;

/// The processes one of whose arguments is this.
#[must_use]
pub fn processes_with(argument: &str) -> Vec<u32> {
    let found = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        line.split(|byte| *byte == 0).any(|one| one == argument.as_bytes()).then_some(pid)
    });
    found.collect()
}

/// How many descriptors this process has open.
#[must_use]
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
