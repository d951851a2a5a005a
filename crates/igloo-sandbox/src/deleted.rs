//! Files without a name: deleted, and still open in a sandbox. They take space until they are closed, and no directory
//! shows them.
//!
//! A file that is only mapped and open no more is not found.

use std::{collections::HashSet, fs, os::unix::fs::MetadataExt as _};

use crate::usage;

/// The bytes of those that `init` and all below it have open, on the file system of this device number.
pub(crate) fn bytes(init: u32, device: u64) -> u64 {
    let mut seen = HashSet::new();
    let mut bytes = 0u64;
    for process in usage::tree(init) {
        // A thread may have a table of its own. Those that end meanwhile have nothing open.
        for thread in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            for descriptor in fs::read_dir(thread.path().join("fd")).into_iter().flatten().flatten() {
                let Ok(file) = fs::metadata(descriptor.path()) else { continue };
                if file.nlink() == 0 && file.dev() == device && file.is_file() && seen.insert(file.ino()) {
                    bytes = bytes.saturating_add(file.len().max(file.blocks().saturating_mul(512)));
                }
            }
        }
    }
    bytes
}
