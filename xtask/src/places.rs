//! Where things are in the workspace.

use std::path::{Path, PathBuf};

/// The workspace's root. Known when xtask is compiled, which is where it runs.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Guests are compiled apart from the host, so that neither waits for the other's lock or throws away its work.
pub(crate) fn guest_target() -> PathBuf {
    root().join("target/guests")
}

/// Guests that are native executables, apart from both: they take other features of the same crates.
pub(crate) fn native_target() -> PathBuf {
    root().join("target/native")
}

/// Assembled packages, a folder each.
pub(crate) fn packages() -> PathBuf {
    root().join("target/packages")
}

/// Python's packages for tests.
pub(crate) fn venv() -> PathBuf {
    root().join("target/venv")
}
